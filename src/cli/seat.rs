//! Who sits at the command line.
//!
//! Whoever may write the database may be anybody, so this is a claim and no proof: it is there so that colleagues know
//! whom to ask.

use anyhow::{Result, anyhow};
use nix::unistd::{Uid, User};

use crate::project::Project;
use crate::ticket::Seat;
use crate::vocabulary::clean_line;

/// Characters of a login name.
const LOGIN_MAX: usize = 60;

/// Who acts: the person of the config whom they name, if they do, and their login name.
///
/// # Errors
/// Where nobody of the config is named so; it lists those who are.
pub(super) fn seat(named: Option<&str>, project: &Project) -> Result<Seat> {
    let person = named.map(|who| project.person_named(who).map_err(|nobody| anyhow!("{nobody}; nothing was done")));
    Ok(Seat { login: Some(login()), person: person.transpose()?.map(|p| p.address.clone()) })
}

/// The user who called sudo, run0 or doas, since these change to root or the daemon's own user, which is nobody; else
/// the user of the process.
fn login() -> String {
    #[expect(clippy::disallowed_methods, reason = "sudo, run0 and doas say in the environment alone who called them")]
    let called = ["SUDO_USER", "DOAS_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    let mut called = called.map(|name| clean_line(&name, LOGIN_MAX)).filter(|name| !name.is_empty());
    called.next().unwrap_or_else(|| {
        let uid = Uid::current();
        match User::from_uid(uid) {
            Ok(Some(user)) => clean_line(&user.name, LOGIN_MAX),
            Ok(None) | Err(_) => format!("user {uid}"),
        }
    })
}
