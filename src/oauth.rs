//! Access tokens for the login to a mail server (RFC 6749): asked for at the provider's token endpoint, kept in memory
//! until shortly before they end, and asked for anew once where a mail server refuses one.
//!
//! What a person allowed once (`disclosed login`) is a refresh token, which providers replace as they like: it lies in a
//! file beside the database, and a new one is on disk before the access token that came with it is used.

mod answer;
mod error;
mod form;
mod http;
mod kept;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use self::answer::{Answer, Asked, Granted, answer, asked};
use self::error::Refusal;
pub(crate) use self::error::TokenError;
use self::form::Form;
pub(crate) use self::http::Place;
use self::kept::Kept;
use crate::clock;
use crate::sasl::Told;

/// So long before its end a token is not used any more; of a short one half its life.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// A token of which nothing is said lives so long (RFC 6749 section 5.1 recommends to say it).
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// On whose word tokens are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// The application's own, with a client secret (RFC 6749 section 4.4).
    Application,
    /// A service account's, by a signature (RFC 7523), in the name of the login's user.
    Account,
    /// A person's, who has allowed it once.
    Person,
}

/// Where the tokens of a config come from, and those that are known.
pub struct Source {
    grant: Grant,
    client: String,
    scope: String,
    /// The token endpoint.
    at: Place,
    /// Where a login at another device begins (RFC 8628).
    device: Option<Place>,
    kept: Kept,
    /// The lock is held while a token is asked for, so that no refresh token is used twice.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The token of each user.
    held: HashMap<String, Held>,
    /// A refresh token that could not be written down, after the one that it takes the place of. It is written before the next
    /// one is asked for.
    unkept: Option<(String, String)>,
}

struct Held {
    token: String,
    until: Instant,
    /// A mail server has taken it: if it is refused now, it was called back. One that never was says something else.
    accepted: bool,
}

/// No token is shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device.as_ref().map(ToString::to_string).unwrap_or_default();
        write!(f, "Source({:?} {} {device} {:?})", self.grant, self.at, self.scope)
    }
}

/// Two are one that ask the same place in the same name.
impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (self.grant, &self.client, &self.scope, &self.at, &self.device, &self.kept)
            == (other.grant, &other.client, &other.scope, &other.at, &other.device, &other.kept)
    }
}

impl Eq for Source {}

impl Source {
    /// In the name of the application `client`, which is empty where a service account speaks. `at` is the token endpoint,
    /// `device` where a login at another device begins; a refresh token lies in `file`.
    pub(crate) fn new(
        grant: Grant,
        client: String,
        scope: String,
        (at, device): (Place, Option<Place>),
        file: PathBuf,
    ) -> Self {
        Self { grant, client, scope, at, device, kept: Kept::new(file), known: Mutex::default() }
    }

    /// Whether it needs that a person has allowed it once, and nobody has.
    pub(crate) fn lacks_login(&self) -> bool {
        self.grant == Grant::Person && matches!(self.kept.read(), Err(TokenError::NoLogin))
    }

    /// Whether a person has to allow it.
    pub(crate) fn is_a_persons(&self) -> bool {
        self.grant == Grant::Person
    }

    /// For people: whose word it is, and who gives the tokens out.
    pub(crate) fn describe(&self) -> String {
        let by = match self.grant {
            Grant::Application => "the client secret",
            Grant::Account => "the service account",
            Grant::Person => "`disclosed login`",
        };
        format!("an access token of {} by {by}", self.at.server())
    }

    /// Whether a secret can be used, as far as it says so itself: the file of a service account has to hold a key.
    ///
    /// # Errors
    /// [`TokenError::Account`].
    pub(crate) fn check_secret(&self, secret: &str) -> Result<(), TokenError> {
        match self.grant {
            Grant::Account => Form::account(secret, "", "", "", clock::now()).map(drop),
            Grant::Application | Grant::Person => Ok(()),
        }
    }

    /// The access token for a user. `secret` is the client secret or the service account's file, whole; nothing for a
    /// person's login.
    ///
    /// A task of its own asks, and goes on where nobody waits for it any more: a provider that has answered has replaced the
    /// refresh token, and the new one must come to disk.
    ///
    /// # Errors
    /// [`TokenError`]: the provider cannot be reached, or says no.
    pub(crate) async fn token(self: &Arc<Self>, user: &str, secret: &str) -> Result<String, TokenError> {
        let (source, user, secret) = (Arc::clone(self), user.to_owned(), secret.to_owned());
        let asks = tokio::spawn(async move { source.held(&user, &secret).await });
        asks.await
            .unwrap_or_else(|_| Err(TokenError::Http(self.at.server().to_owned(), "was not asked to the end".into())))
    }

    /// Waits until no token is being asked for.
    pub(crate) async fn rest(&self) {
        drop(self.known.lock().await);
    }

    async fn held(&self, user: &str, secret: &str) -> Result<String, TokenError> {
        let mut known = self.known.lock().await;
        if let Some(held) = known.held.get(user).filter(|h| Instant::now() < h.until) {
            return Ok(held.token.clone());
        }
        let asked = Instant::now();
        let granted = self.ask(user, secret, &mut known.unkept).await?;
        let life = granted.life.unwrap_or(USUAL_LIFE);
        let until = asked + life.saturating_sub(MARGIN.min(life / 2));
        known.held.insert(user.to_owned(), Held { token: granted.token.clone(), until, accepted: false });
        Ok(granted.token)
    }

    /// A mail server took this token of a user.
    pub(crate) async fn accepted(&self, user: &str, token: &str) {
        if let Some(held) = self.known.lock().await.held.get_mut(user).filter(|held| held.token == token) {
            held.accepted = true;
        }
    }

    /// A mail server refused this token of a user, so that it is used no more. Whether another one is worth a try: not
    /// where no server has taken this one.
    pub(crate) async fn refused(&self, user: &str, token: &str) -> bool {
        let mut known = self.known.lock().await;
        let was_good = match known.held.get(user) {
            Some(held) if held.token == token => held.accepted,
            // Another login with it, by IMAP or by SMTP, has seen to it already.
            Some(_) | None => return true,
        };
        known.held.remove(user);
        was_good
    }

    async fn ask(
        &self,
        user: &str,
        secret: &str,
        unkept: &mut Option<(String, String)>,
    ) -> Result<Granted, TokenError> {
        let scope = &self.scope;
        match self.grant {
            Grant::Application => self.granted(&Form::application(&self.client, secret, scope)).await,
            Grant::Account => {
                self.granted(&Form::account(secret, user, scope, &self.at.to_string(), clock::now())?).await
            }
            Grant::Person => {
                let _turn = self.kept.turn().await?;
                self.keep(unkept)?;
                let before = self.kept.read()?;
                // Where it could not be replaced, the one that is there stays good only if it is not used.
                self.kept.write(&before)?;
                let granted = self.granted(&Form::refresh(&self.client, &before, scope)).await?;
                *unkept = granted.refresh.clone().filter(|next| *next != before).map(|next| (before, next));
                self.keep(unkept)?;
                Ok(granted)
            }
        }
    }

    /// Writes down a refresh token that is not yet, unless a person has logged in anew meanwhile.
    fn keep(&self, unkept: &mut Option<(String, String)>) -> Result<(), TokenError> {
        if let Some((before, next)) = unkept
            && self.kept.read()? == *before
        {
            self.kept.write(next)?;
        }
        *unkept = None;
        Ok(())
    }

    async fn granted(&self, form: &Form) -> Result<Granted, TokenError> {
        match self.post(form).await? {
            Answer::Granted(granted) => Ok(granted),
            Answer::Refused(why, said) => Err(refused(&self.at, why, said)),
        }
    }

    async fn post(&self, form: &Form) -> Result<Answer, TokenError> {
        let (status, body) = http::post(&self.at, form).await?;
        answer(status, &body, &form.secrets()).map_err(|why| TokenError::Http(self.at.server().to_owned(), why))
    }

    /// Begins a login at another device (RFC 8628 section 3.1).
    ///
    /// # Errors
    /// [`TokenError`].
    pub(crate) async fn begin(&self) -> Result<Asked, TokenError> {
        let Some(device) = self.device.as_ref().filter(|_| self.grant == Grant::Person) else {
            return Err(TokenError::Http("this config".into(), "needs no login by a person".into()));
        };
        let form = Form::begin(&self.client, &self.scope);
        let (status, body) = http::post(device, &form).await?;
        if let Some(asked) = asked(&body) {
            return Ok(asked);
        }
        match answer(status, &body, &form.secrets()) {
            Ok(Answer::Refused(why, said)) => Err(refused(device, why, said)),
            Ok(Answer::Granted(_)) | Err(_) => {
                let why = format!("answers {status} and no code for a person");
                Err(TokenError::Http(device.server().to_owned(), why))
            }
        }
    }

    /// Waits until the person has allowed it, and keeps what was given.
    ///
    /// # Errors
    /// [`TokenError`]: it was denied, or nobody did in time.
    pub(crate) async fn finish(&self, asked: &Asked) -> Result<(), TokenError> {
        let form = Form::device(&self.client, &asked.device_code);
        let (until, mut pause) = (Instant::now() + asked.within, asked.pause);
        loop {
            sleep(pause).await;
            match self.post(&form).await {
                Ok(Answer::Granted(Granted { refresh: Some(refresh), .. })) => {
                    let _turn = self.kept.turn().await?;
                    return self.kept.write(&refresh);
                }
                Ok(Answer::Granted(_)) => {
                    let why = "gives no refresh token; allow the application offline access";
                    return Err(TokenError::Http(self.at.server().to_owned(), why.to_owned()));
                }
                // RFC 8628 section 3.5; after a lost connection too.
                Ok(Answer::Refused(Refusal::SlowDown | Refusal::Busy, _)) | Err(TokenError::Net(_)) => {
                    pause += Duration::from_secs(5);
                }
                Ok(Answer::Refused(Refusal::Pending, _)) => {}
                Ok(Answer::Refused(why, said)) => return Err(refused(&self.at, why, said)),
                Err(error) => return Err(error),
            }
            if Instant::now() >= until {
                return Err(TokenError::Http(
                    self.at.server().to_owned(),
                    "heard of nobody in time; run `disclosed login` again".to_owned(),
                ));
            }
        }
    }
}

fn refused(by: &Place, why: Refusal, said: Told) -> TokenError {
    TokenError::Refused { server: by.server().to_owned(), why, said }
}

#[cfg(test)]
pub(crate) mod tests;
