//! To the team: the daemon cannot do its work.

use jiff::{SignedDuration, Timestamp};

use super::Text;
use crate::notice::block::{Quotation, always, quiet, state};
use crate::notice::level::Said;
use crate::policy::shown::{length, when};
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
    /// No mail leaves: our account, our client, the server or the way to it.
    Sender {
        /// Since when.
        since: Timestamp,
        /// What the server said, or why it could not be asked.
        why: String,
    },
    /// Reply addresses that were made with a secret that is gone are worthless.
    Key,
    /// No name server answers, and the word of people waits for their domains' keys.
    Dns,
    /// Far more is made than any honest hour brings.
    Breaker,
    /// The database may be older than what has left. Why, as words that go on where "since" stops.
    Hold(String),
    /// The disk of the database is nearly full.
    Disk {
        /// Megabytes that are left.
        left: u64,
    },
    /// A mail that was sent from outside to see that mail comes through did not come.
    Canary {
        /// When it was sent.
        sent: Timestamp,
    },
    /// The clock is behind what the database has seen.
    Clock {
        /// What the clock says.
        now: Timestamp,
        /// The latest instant that the database has seen.
        ahead: Timestamp,
        /// What is known of how it came so.
        how: Set,
    },
    /// One ticket cannot be read from the store.
    Timeline {
        /// Which.
        ticket: TicketId,
        /// What is wrong with it.
        why: String,
    },
}

/// How the clock came to be behind the database: what the time that passes without a clock (the steady one) says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// It was so at the start.
    Before,
    /// The clock was set back by so much while the daemon ran, and had run steadily until then.
    Back(SignedDuration),
    /// The clock had gone ahead by so much while the daemon ran, and agrees again with the time that has passed since.
    Ahead(SignedDuration),
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
    /// [`Trouble::Sender`]: ends with the next mail that is accepted.
    Sender,
    /// [`Trouble::Key`]: ends when the secret is back, or a person changes the key file.
    Key,
    /// [`Trouble::Dns`]: ends with the next answer, or when no mail waits for one any more.
    Dns,
    /// [`Trouble::Breaker`]: ends when a person lets the mail go.
    Breaker,
    /// [`Trouble::Hold`]: ends when a person says so. While it stands, nothing but this leaves.
    Hold,
    /// [`Trouble::Disk`]: ends when there is room again.
    Disk,
    /// [`Trouble::Canary`]: ends when the next one comes, or none is sent any more.
    Canary,
    /// [`Trouble::Clock`]: ends when the clock has passed what the database has seen, or a person says that it is right.
    Clock,
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
            Self::Sender => "sender",
            Self::Key => "key",
            Self::Dns => "dns",
            Self::Breaker => "breaker",
            Self::Hold => "hold",
            Self::Disk => "disk",
            Self::Canary => "canary",
            Self::Clock => "clock",
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
            | Self::Breaker
            | Self::Hold
            | Self::Sender
            | Self::Disk
            | Self::Canary
            | Self::Clock => None,
        }
    }

    /// What an alarm says of it: whoever hears alarms may be anybody, so it names nobody and quotes nothing.
    pub fn brief(self) -> &'static str {
        match self {
            Self::Inbox => "The security inbox cannot be read.",
            Self::Login => "The login to the security inbox is refused.",
            Self::Odd => "The security inbox lists mail that it does not give.",
            Self::Folder => "A folder beside the security inbox cannot be opened.",
            Self::Renumbered => "The security inbox is older than what is known of it.",
            Self::Key => "A secret of the key file is missing.",
            Self::Dns => "The name servers do not answer, and commands by mail wait.",
            Self::Breaker => "More mail was made than any honest hour brings, and is held.",
            Self::Canary => "A mail that was sent to see that mail comes through did not come.",
            Self::Disk => "The disk of the database is nearly full.",
            Self::Sender => "No mail can leave: the outgoing server, the account or the way to it.",
            Self::Hold => "Nothing leaves: the database may be older than what has left.",
            Self::Clock => "The clock is behind the database.",
            Self::Timeline(_) => "The timeline of a ticket cannot be read.",
        }
    }

    /// The kind of this word, about this ticket where it is about one.
    pub fn named(word: &str, ticket: Option<TicketId>) -> Option<Self> {
        let plain = [
            Self::Inbox,
            Self::Login,
            Self::Odd,
            Self::Folder,
            Self::Renumbered,
            Self::Key,
            Self::Dns,
            Self::Breaker,
            Self::Sender,
            Self::Hold,
            Self::Disk,
            Self::Canary,
            Self::Clock,
        ];
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
            Self::Sender { .. } => TroubleKind::Sender,
            Self::Key => TroubleKind::Key,
            Self::Dns => TroubleKind::Dns,
            Self::Breaker => TroubleKind::Breaker,
            Self::Hold(_) => TroubleKind::Hold,
            Self::Disk { .. } => TroubleKind::Disk,
            Self::Canary { .. } => TroubleKind::Canary,
            Self::Clock { .. } => TroubleKind::Clock,
            Self::Timeline { ticket, .. } => TroubleKind::Timeline(*ticket),
        }
    }

    /// Whether it is over for whoever reads of it: this mail has left, or nobody has to do anything.
    fn is_past(&self) -> bool {
        matches!(self, Self::Sender { .. } | Self::Renumbered)
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
            Self::Sender { since, why } => format!(
                "no mail could leave since {}: {}. All of it waits, and leaves once the server takes it; that you read \
                 this says that it does again.",
                when(*since, &project.policy),
                without_addresses(why)
            ),
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
            Self::Hold(why) => format!(
                "nothing leaves but this mail, since {why}. All mail is taken in. Once no other disclosed works on this \
                 mailbox: `disclosed recover` on the daemon's machine lists what would be sent, and `disclosed recover \
                 --yes` lets it go"
            ),
            Self::Disk { left } => format!(
                "the disk of the database has {left} MB left. When it is full, mail stays in the inbox, and nothing is \
                 acknowledged or sent. Make room on it."
            ),
            Self::Canary { sent } => format!(
                "a mail to {}, sent by [canary.smtp] on {} to see that mail comes through, did not come into the inbox in \
                 time. Look into Junk, and at what stands between that address and the inbox: reports may be lost there.",
                project.address.as_str(),
                when(*sent, &project.policy)
            ),
            Self::Clock { now, ahead, how } => clock(*now, *ahead, *how, project),
            Self::Timeline { ticket, why } => format!("{} cannot be read: {why}", project.show(*ticket)),
        }
    }
}

fn clock(now: Timestamp, ahead: Timestamp, how: Set, project: &Project) -> String {
    let how = match how {
        Set::Before => {
            "It was so when the daemon started: the clock was ahead when the database was written, or it is \
                        behind now."
                .to_owned()
        }
        Set::Back(by) => format!("It was set back by {} while the daemon ran.", length(by)),
        Set::Ahead(by) => format!(
            "It had gone ahead by {} while the daemon ran, and is back: by the time that has passed since the start it \
             is right now.",
            length(by)
        ),
    };
    format!(
        "the clock of its machine says {}, and the database has seen {} already. {how} If the clock is wrong, set it. If \
         it is right, say so on that machine: `disclosed recover --clock` also says what it means for each deadline. Until \
         then mail is taken in and answered, and reminders that came too early do not come again.",
        when(now, &project.policy),
        when(ahead, &project.policy)
    )
}

/// What a server said, without whom it names: that may be a reporter.
fn without_addresses(said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().map(|w| if w.contains('@') { "(an address)" } else { w }).collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// The text.
pub(crate) fn text(trouble: &Trouble, project: &Project) -> Text {
    let (subject, is, rest) = if trouble.is_past() {
        ("disclosed could not do its work", "was", "`disclosed status` on its machine says how things stand.")
    } else {
        let rest = "Until this is mended, reports may lie unread and promises may be missed.\n\
                    `disclosed check --online` on its machine says more.";
        ("disclosed cannot do its work", "is", rest)
    };
    Text::desk(subject)
        .paragraph([
            always(format!("disclosed, which watches the security inbox of {}, {is} in trouble", project.name)),
            state(":"),
            quiet("."),
        ])
        .block(Said::State, Quotation::of(&trouble.what(project), 700, "disclosed check --online"))
        .paragraph([always(rest)])
}
