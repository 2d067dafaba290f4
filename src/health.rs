//! How things stand, and the one rule of what needs a person: `status` prints it, `run --once` says it.

pub(crate) mod metrics;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notice::text::trouble::TroubleKind;
use crate::project::Project;
use crate::store::{Memo, Result, Standing, Tx, Unreached};
use crate::tracker::ahead;
use crate::vocabulary::NoticeState;

/// How long trouble with a mail about no ticket is worth a word.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A notice that has waited so long to leave wants a person: the way out is closed.
const STUCK: SignedDuration = SignedDuration::from_hours(1);

/// Trouble that somebody hears of by another way than mail. It names nobody and quotes nothing: who hears it may be
/// anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alarm {
    /// What tells it from all others.
    pub name: String,
    /// What it is: a word.
    pub kind: String,
    /// The number of the ticket that it is about.
    pub ticket: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// A sentence.
    pub text: String,
}

impl Alarm {
    /// The name of the one that no database can hold.
    pub(crate) const STORE: &str = "store";

    /// The database cannot be used since then.
    pub(crate) fn store(since: Timestamp) -> Self {
        let text = "The database cannot be read or written: nothing is taken in or sent.";
        Self::plain(Self::STORE, since, text)
    }

    /// One that there is once at a time, named by its kind.
    fn plain(kind: &str, since: Timestamp, text: &str) -> Self {
        Self { name: kind.to_owned(), kind: kind.to_owned(), ticket: None, since, text: text.to_owned() }
    }
}

/// How things stand at one instant, as the store knows it.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    /// The instant.
    pub now: Timestamp,
    /// When the inbox was last read to its end.
    pub last_scan: Option<Timestamp>,
    /// When a notice last left.
    pub last_send: Option<Timestamp>,
    /// How many notices are on their way.
    pub waiting: u32,
    /// Mails that are stored, and handled once their DKIM signatures are checked.
    pub unverified: u32,
    /// The earliest deadline ahead.
    pub next_deadline: Option<Timestamp>,
    /// How many tickets there are whose next deadline has passed.
    pub broken: u32,
    /// Mails that were put aside unread.
    pub quarantined: u32,
    /// When the first of them came.
    pub quarantined_since: Option<Timestamp>,
    /// How many notices wait for a person.
    pub held: u32,
    /// Of how many notices we do not know that they arrived, or know that they did not.
    pub undelivered: u32,
    /// People of the project whom mail does not reach.
    pub unreached: Vec<Unreached>,
    /// Trouble of the daemon that is not over, the oldest first.
    pub troubles: Vec<Standing>,
    /// What the database has seen, where that is ahead of the clock.
    pub ahead: Option<Timestamp>,
    /// Since when the inbox cannot be read.
    pub inbox_fails: Option<Timestamp>,
    /// Since when the inbox is unread, when that is longer than it may be, or when it never was read: also where no daemon
    /// runs.
    pub unread: Option<Timestamp>,
    /// When the oldest notice was made that waits and may leave.
    pub oldest: Option<Timestamp>,
    /// Since when no notice can leave.
    pub send_fails: Option<Timestamp>,
    /// Since when the oldest notice waits, when that is too long.
    pub stuck: Option<Timestamp>,
    /// Since when all is held that nobody asked for, because too much was made.
    pub breaker: Option<Timestamp>,
    /// Since when notices leave with the plain sender, because the server refuses tagged ones.
    pub tag_refused: Option<Timestamp>,
    /// Why nothing leaves: the database may be older than what has left.
    pub hold: Option<String>,
}

impl Health {
    /// The states of a notice of which we do not know that it arrived, or know that it did not.
    pub(crate) const UNDELIVERED: [NoticeState; 2] = [NoticeState::Unknown, NoticeState::Refused];

    /// From when on trouble with a mail about no ticket is worth a word. Of a ticket it is as long as that is open: whoever
    /// closed it has seen what was wrong with it.
    pub(crate) fn concerns_since(now: Timestamp) -> Timestamp {
        now.checked_sub(RECENT).unwrap_or(Timestamp::MIN)
    }

    /// Reads it, all in one look, which costs the same in a database of any size: the daemon takes one every few seconds.
    pub(crate) fn read(tx: &Tx<'_>, project: &Project, now: Timestamp) -> Result<Self> {
        let since = Self::concerns_since(now);
        let (quarantined, quarantined_since) = tx.quarantined(since)?;
        let undelivered = Self::UNDELIVERED.map(|state| tx.failed(state, since)).into_iter().sum::<Result<u32>>()?;
        let troubles = tx.troubles()?;
        let (waiting, oldest) = tx.on_their_way()?;
        let (last_scan, inbox_fails) = (tx.memo(Memo::LastScan)?, tx.memo(Memo::InboxFails)?);
        let is_too_long = |since: &Timestamp| now.duration_since(*since) > project.inbox_after;
        // Under a time that is given by hand nobody is expected to look.
        let played = tx.memo::<String>(Memo::Played)?.is_some();
        // Of one that never was read, nothing says that it will be.
        let fails = inbox_fails.filter(|at| is_too_long(at) || last_scan.is_none());
        let unread = fails.or(last_scan.filter(|at| !played && is_too_long(at)));
        Ok(Self {
            now,
            last_scan,
            last_send: tx.memo(Memo::LastSend)?,
            waiting,
            unverified: tx.unverified_mails()?.0,
            next_deadline: tx.next_deadline(now)?,
            broken: tx.tickets_due(now)?,
            quarantined,
            quarantined_since,
            held: tx.failed(NoticeState::Held, since)?,
            undelivered,
            unreached: tx.all_unreached(project, now)?,
            breaker: troubles.iter().find(|t| t.kind == TroubleKind::Breaker).map(|t| t.since),
            troubles,
            ahead: ahead::ahead(tx, now)?,
            inbox_fails,
            send_fails: tx.memo(Memo::SendFails)?,
            unread,
            oldest,
            stuck: oldest.filter(|made| now.duration_since(*made) > STUCK),
            tag_refused: tx.tag_refused()?.map(|(since, _)| since),
            hold: tx.memo(Memo::HoldWhy)?,
        })
    }

    /// What alarms are about: all that keeps mail from being read, sent or heard, each by a name of its own. A promise
    /// that is broken is none, since people are reminded of it.
    pub(crate) fn alarms(&self, project: &Project) -> Vec<Alarm> {
        let alarm = Alarm::plain;
        let mut all: Vec<Alarm> = Vec::new();
        for trouble in &self.troubles {
            let ticket = trouble.kind.ticket();
            all.push(Alarm {
                name: ticket.map_or(trouble.kind.word().into(), |t| format!("{}:{}", trouble.kind.word(), t.0)),
                ticket: ticket.map(|t| project.show(t)),
                ..alarm(trouble.kind.word(), trouble.since, trouble.kind.brief())
            });
        }
        // What is seen before anybody has noted it as trouble, or where nobody could.
        let kind = TroubleKind::Inbox;
        all.extend(self.unread.map(|since| alarm(kind.word(), since, kind.brief())));
        let kind = TroubleKind::Clock;
        all.extend(self.ahead.map(|_| alarm(kind.word(), self.now, kind.brief())));
        all.extend(self.stuck.map(|since| alarm("stuck", since, "Mail waits to be sent for more than an hour.")));
        let since = self.quarantined_since;
        all.extend(since.map(|since| alarm("quarantine", since, "A mail could not be read, and was put aside.")));
        for unreached in &self.unreached {
            let name = format!("unreached:{}", unreached.number);
            let text = "Mail does not reach one of the people of the project.";
            all.push(Alarm { name, ..alarm("unreached", unreached.since, text) });
        }
        let mut named = std::collections::HashSet::new();
        all.retain(|alarm| named.insert(alarm.name.clone()));
        all
    }

    /// Whether the inbox was read within the time set, and nothing keeps what comes in from having its effect: then a
    /// watch outside may be told that all goes on. Promises and what was put aside do not stop that.
    pub(crate) fn beats(&self) -> bool {
        let holds = self.troubles.iter().any(|trouble| trouble.kind == TroubleKind::Hold);
        self.unread.is_none() && self.last_scan.is_some() && !holds
    }

    /// How things stand, on one line.
    pub(crate) fn line(&self, project: &Project) -> String {
        let read = self.last_scan.map_or("never".to_owned(), |at| at.strftime("%F %T UTC").to_string());
        let mut kinds: Vec<String> = self.alarms(project).into_iter().map(|alarm| alarm.kind).collect();
        kinds.dedup();
        let needs = match (self.needs_person(), kinds.is_empty()) {
            (false, _) => "nothing needs a person".to_owned(),
            (true, true) => "something needs a person".to_owned(),
            (true, false) => format!("needs a person: {}", kinds.join(", ")),
        };
        format!("inbox read {read}; {} waiting to be sent; {needs}", self.waiting)
    }

    /// Whether something needs a person.
    pub(crate) fn needs_person(&self) -> bool {
        // Each field is named, so that a new one is a condition or none by decision.
        let Self {
            now: _,
            last_scan: _,
            last_send: _,
            waiting: _,
            unverified: _,
            next_deadline: _,
            // Bounces are known by Message-ID and mark all the same.
            tag_refused: _,
            // Two of the troubles.
            breaker: _,
            hold: _,
            // A failure that does not last.
            inbox_fails: _,
            oldest: _,
            quarantined_since: _,
            broken,
            quarantined,
            held,
            undelivered,
            unreached,
            troubles,
            ahead,
            unread,
            send_fails,
            stuck,
        } = self;
        [broken, quarantined, held, undelivered].into_iter().any(|count| *count > 0)
            || !unreached.is_empty()
            || !troubles.is_empty()
            || ahead.is_some()
            || unread.is_some()
            || send_fails.is_some()
            || stuck.is_some()
    }
}
