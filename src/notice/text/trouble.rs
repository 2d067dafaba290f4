//! To the team: the daemon cannot do its work.

use jiff::Timestamp;

use super::Text;
use crate::notice::block::{Quotation, always, quiet, state};
use crate::notice::level::Said;
use crate::policy::shown::when;
use crate::project::Project;
use crate::vocabulary::TicketId;

/// What is wrong, which a person has to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The inbox could not be read for long.
    Inbox {
        /// Since when.
        since: Timestamp,
    },
    /// The mail server lets us in no more.
    Login(String),
    /// The inbox does what no inbox should.
    Odd(String),
    /// A folder beside the inbox cannot be opened.
    Folder(String),
    /// The mail server has numbered the mails of the inbox anew, or was set back to an earlier state.
    Renumbered,
    /// Reply addresses that were made with a secret that is gone are worthless.
    Key,
    /// No name server answers, and the word of people waits for their domains' keys.
    Dns,
    /// Far more is made than any honest hour brings.
    Breaker,
    /// One ticket cannot be read from the store.
    Timeline {
        /// Which.
        ticket: TicketId,
        /// What is wrong with it.
        why: String,
    },
}

/// Which trouble it is. People are told of each kind once a day, and each stands until the event that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TroubleKind {
    /// [`Trouble::Inbox`]: ends when the inbox was read to its end.
    Inbox,
    /// [`Trouble::Login`]: ends when the inbox was read to its end.
    Login,
    /// [`Trouble::Odd`]: ends when the inbox was read to its end and all that it lists could be had.
    Odd,
    /// [`Trouble::Folder`]: ends when all folders beside the inbox could be opened.
    Folder,
    /// [`Trouble::Renumbered`]: ends when each mail was compared with those that are here.
    Renumbered,
    /// [`Trouble::Key`]: ends when the secret is back, or a person changes the key file.
    Key,
    /// [`Trouble::Dns`]: ends with the next answer, or when no mail waits for one any more.
    Dns,
    /// [`Trouble::Breaker`]: ends when a person lets the mail go.
    Breaker,
    /// [`Trouble::Timeline`] of this ticket: ends when the ticket could be read again.
    Timeline(TicketId),
}

impl TroubleKind {
    /// Its name in what is told once, and in JSON: a short word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Login => "login",
            Self::Odd => "odd",
            Self::Folder => "folder",
            Self::Renumbered => "renumbered",
            Self::Key => "key",
            Self::Dns => "dns",
            Self::Breaker => "breaker",
            Self::Timeline(_) => "timeline",
        }
    }

    /// The ticket that it is about.
    pub fn ticket(self) -> Option<TicketId> {
        match self {
            Self::Timeline(ticket) => Some(ticket),
            Self::Inbox
            | Self::Login
            | Self::Odd
            | Self::Folder
            | Self::Renumbered
            | Self::Key
            | Self::Dns
            | Self::Breaker => None,
        }
    }

    /// The kind of this word, about this ticket where it is about one.
    pub fn named(word: &str, ticket: Option<TicketId>) -> Option<Self> {
        let plain =
            [Self::Inbox, Self::Login, Self::Odd, Self::Folder, Self::Renumbered, Self::Key, Self::Dns, Self::Breaker];
        let mut all = plain.into_iter().chain(ticket.map(Self::Timeline));
        all.find(|kind| kind.word() == word && kind.ticket() == ticket)
    }
}

impl Trouble {
    /// Which it is.
    pub fn kind(&self) -> TroubleKind {
        match self {
            Self::Inbox { .. } => TroubleKind::Inbox,
            Self::Login(_) => TroubleKind::Login,
            Self::Odd(_) => TroubleKind::Odd,
            Self::Folder(_) => TroubleKind::Folder,
            Self::Renumbered => TroubleKind::Renumbered,
            Self::Key => TroubleKind::Key,
            Self::Dns => TroubleKind::Dns,
            Self::Breaker => TroubleKind::Breaker,
            Self::Timeline { ticket, .. } => TroubleKind::Timeline(*ticket),
        }
    }

    /// What is wrong, and what mends it.
    fn what(&self, project: &Project) -> String {
        match self {
            Self::Inbox { since } => format!("the inbox could not be read since {}", when(*since, &project.policy)),
            Self::Login(why) | Self::Odd(why) | Self::Folder(why) => format!("the inbox: {why}"),
            Self::Renumbered => {
                "the mail server has numbered the mails of the inbox anew, or was set back to an earlier \
                                 state. Each mail is compared with those that are here, and what is new is taken in; \
                                 that needs nobody. What was lost on the server may still be here: `disclosed list`."
                    .into()
            }
            Self::Key => "the file disclosed.key beside the database lacks a secret that it had before. Commands in \
                          reply to earlier notices are not obeyed. If it can be restored from a backup, restore it."
                .into(),
            Self::Dns => "commands and answers of people wait, because the DKIM keys of their domains cannot be asked \
                          for: the name servers of this machine do not answer. They are taken once these do, within a \
                          day; until then `disclosed do` works."
                .into(),
            Self::Breaker => format!(
                "more than {} events within an hour had mail made that nobody asked for \
                 (limits.breaker_per_hour), so something is wrong. All such mail is held. What leaves: answers to \
                 people, codes, reminders, words like this one, and as many acknowledgements of believed senders as \
                 are usual in a day. Look at `disclosed outbox` on the \
                 daemon's machine; `disclosed outbox --release` lets it go.",
                project.limits.breaker_per_hour
            ),
            Self::Timeline { ticket, why } => format!("{} cannot be read: {why}", project.show(*ticket)),
        }
    }
}

/// The text.
pub(crate) fn text(trouble: &Trouble, project: &Project) -> Text {
    Text::desk("disclosed cannot do its work")
        .paragraph([
            always(format!("disclosed, which watches the security inbox of {}, is in trouble", project.name)),
            state(":"),
            quiet("."),
        ])
        .block(Said::State, Quotation::of(&trouble.what(project), 500, "disclosed check --online"))
        .paragraph([always(
            "Until this is mended, reports may lie unread and promises may be missed.\n\
             `disclosed check --online` on its machine says more.",
        )])
}
