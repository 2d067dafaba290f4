//! How things stand, and the one rule of what needs a person: `status` prints it, `run --once` says it.

use jiff::{SignedDuration, Timestamp};

use crate::notice::text::trouble::TroubleKind;
use crate::project::Project;
use crate::store::{Memo, NoticeRow, Result, Standing, TicketRow, Tx, Unreached};
use crate::vocabulary::{NoticeState, TicketId};

/// How long trouble with a mail about no ticket is worth a word.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A notice that has waited so long to leave wants a person: the way out is closed.
const STUCK: SignedDuration = SignedDuration::from_hours(1);

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
    /// Tickets whose next deadline has passed.
    pub broken: Vec<TicketRow>,
    /// Mails that were put aside unread.
    pub quarantined: usize,
    /// Notices that wait for a person.
    pub held: Vec<NoticeRow>,
    /// Notices of which we do not know that they arrived, or know that they did not.
    pub undelivered: Vec<NoticeRow>,
    /// People of the project whom mail does not reach.
    pub unreached: Vec<Unreached>,
    /// Trouble of the daemon that is not over, the oldest first.
    pub troubles: Vec<Standing>,
    /// Since when the inbox cannot be read.
    pub inbox_fails: Option<Timestamp>,
    /// Since when no notice can leave.
    pub send_fails: Option<Timestamp>,
    /// Since when the oldest notice waits, when that is too long.
    pub stuck: Option<Timestamp>,
    /// Since when all is held that nobody asked for, because too much was made.
    pub breaker: Option<Timestamp>,
    /// Since when notices leave with the plain sender, because the server refuses tagged ones.
    pub tag_refused: Option<Timestamp>,
    /// The database is not the one that the inbox belongs to.
    pub begun: bool,
}

impl Health {
    /// Reads it, all in one look.
    pub(crate) fn read(tx: &Tx<'_>, project: &Project, now: Timestamp) -> Result<Self> {
        // Whoever closed a ticket has seen what was wrong with it.
        let concerns = |ticket: Option<TicketId>, at: Timestamp| match ticket {
            Some(ticket) => tx.is_open(ticket),
            None => Ok(now.duration_since(at) < RECENT),
        };
        let mut quarantined = 0;
        for aside in tx.quarantined()? {
            quarantined += usize::from(concerns(aside.ticket, aside.received)?);
        }
        let (mut held, mut undelivered) = (Vec::new(), Vec::new());
        for notice in tx.failed_notices()? {
            if !concerns(notice.ticket, notice.created)? {
                continue;
            }
            match notice.state {
                NoticeState::Held => held.push(notice),
                NoticeState::Unknown | NoticeState::Refused => undelivered.push(notice),
                // Not asked for.
                NoticeState::Waiting | NoticeState::Sending | NoticeState::Sent => {}
            }
        }
        let troubles = tx.troubles()?;
        let (waiting, oldest) = tx.on_their_way()?;
        Ok(Self {
            now,
            last_scan: tx.memo(Memo::LastScan)?,
            last_send: tx.memo(Memo::LastSend)?,
            waiting,
            unverified: tx.unverified_mails()?.0,
            next_deadline: tx.next_deadline(now)?,
            broken: tx.broken_tickets(now)?,
            quarantined,
            held,
            undelivered,
            unreached: tx.all_unreached(project, now)?,
            breaker: troubles.iter().find(|t| t.kind == TroubleKind::Breaker).map(|t| t.since),
            troubles,
            inbox_fails: tx.memo(Memo::InboxFails)?,
            send_fails: tx.memo(Memo::SendFails)?,
            stuck: oldest.filter(|made| now.duration_since(*made) > STUCK),
            tag_refused: tx.tag_refused()?.map(|(since, _)| since),
            begun: tx.memo::<String>(Memo::Begun)?.is_some(),
        })
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
            // One of the troubles.
            breaker: _,
            broken,
            quarantined,
            held,
            undelivered,
            unreached,
            troubles,
            inbox_fails,
            send_fails,
            stuck,
            begun,
        } = self;
        !broken.is_empty()
            || *quarantined > 0
            || !held.is_empty()
            || !undelivered.is_empty()
            || !unreached.is_empty()
            || !troubles.is_empty()
            || inbox_fails.is_some()
            || send_fails.is_some()
            || stuck.is_some()
            || *begun
    }
}
