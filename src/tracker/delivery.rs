//! Notices on their way. One is picked → a shell shows it to a server, up to the final dot → just before that it is
//! offered → the dot → it is settled by what became of it.
//!
//! Only between the offer and the settling is it in doubt (G3). What ends before the offer cannot have been accepted.

use super::Tracker;
use super::news::News;
use super::tallies::Scope;
use super::work::Work;
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::rules::event::{Loss, Lost};
use crate::store::{Claim, Leave, Memo, Result, Settled, StoreError, Tx};
use crate::ticket::Ticket;
use crate::vocabulary::{NoticeKind, NoticeState, Outcome, Said, TicketId};
use jiff::{SignedDuration, Timestamp};

/// How long a notice is tried while others are accepted (RFC 5321 section 4.5.4.1 asks for four to five days).
pub(super) const RETRY_FOR: SignedDuration = SignedDuration::from_hours(5 * 24);
/// How often the process may end at a notice, before any outcome of it: then it is put aside. Who ends a process does so
/// whatever it has in hand, so that a few times prove nothing; the first of them may have been another's in the same hand.
const ENDS: u32 = 8;
/// Tries after which a notice that meets a server that is away steps behind the others: it may be what drives it away.
const AWAY: u32 = 5;
/// How long the way out may be closed by what passes, before people hear of it.
const PASSES: SignedDuration = SignedDuration::from_mins(15);
/// Notices that are dropped in one transaction because it is too late for them.
const LATE: u32 = 500;
/// How long a refusal of tagged senders is believed: the server may have been set up anew.
const TAG_REFUSED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What there is to do for the outbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn<'a> {
    /// Deliveries that have ended, and how.
    pub ended: &'a [(&'a Claim, &'a Outcome)],
    /// Notices that are at the final dot.
    pub ready: &'a [&'a Claim],
    /// The numbers of those that stay in hand.
    pub hand: &'a [u32],
    /// How many more may be taken in hand.
    pub room: usize,
}

impl Turn<'_> {
    /// Whether a power cut may take it: what it offers it may never, and what has ended only as long as others are in hand.
    fn may_wait(&self) -> bool {
        self.ready.is_empty() && (self.ended.is_empty() || !self.hand.is_empty())
    }
}

/// What came of a turn.
#[derive(Debug, Default)]
pub struct Turned {
    /// What it brought about.
    pub news: News,
    /// For each that is at the final dot leave, or `None`: its session is to be dropped, and nothing of it counts.
    pub leaves: Vec<Option<Leave>>,
    /// What was taken in hand.
    pub picked: Vec<Claim>,
}

impl Tracker {
    /// Notices that were offered and are in nobody's hand: their outcome is lost.
    pub fn doubt(&mut self, now: Timestamp, hand: &[u32]) -> Result<News> {
        let mut news = News::default();
        for number in self.store.read(|tx| tx.interrupted())? {
            if hand.contains(&number) {
                continue;
            }
            if let Some(claim) = self.store.read(|tx| tx.offered(number))? {
                let why = "the daemon ended while it was being sent".into();
                news.add(self.delivered(&claim, &Outcome::Unknown(why), now)?);
            }
        }
        Ok(news)
    }

    /// One turn of the outbox: settles notices, offers those of which all but the final dot is with a server, and takes
    /// the next in hand; all by one commit. What is offered is on disk before any of these dots may leave (G4). A turn
    /// that offers nothing waits for no disk while others are in hand: the next offer brings it there, or whatever is written
    /// next. A power cut in between makes of what has ended a doubt, as one before the server's answer does.
    ///
    /// A notice at which the process has ended too often is put aside, and told as one that cannot be delivered, so that
    /// others get on. Where one of them meets what cannot be read, each is settled by itself; where what follows from it
    /// cannot be recorded even so, nothing follows, and the notice says so itself: one that did not arrive needs a person.
    pub fn turn(&mut self, turn: &Turn<'_>, now: Timestamp) -> Result<Turned> {
        let why = match self.at_once(turn, None, now) {
            Err(why) if why.is_of_one_row() => why,
            done => return done,
        };
        let mut news = News::default();
        for ended in turn.ended.chunks(1) {
            let alone = Turn { ended, ..Turn::default() };
            let done = match self.at_once(&alone, None, now) {
                Err(why) if why.is_of_one_row() => self.at_once(&alone, Some(&why), now),
                done => done,
            };
            news.add(done?.news);
        }
        let mut done = self.at_once(&Turn { ended: &[], room: 0, ..*turn }, None, now)?;
        match self.at_once(&Turn { ended: &[], ready: &[], ..*turn }, Some(&why), now) {
            Ok(more) => {
                news.add(more.news);
                done.picked = more.picked;
            }
            // Said again where nothing else is to be done. What has leave must not lose it.
            Err(why) if why.is_of_one_row() && !(turn.ended.is_empty() && turn.ready.is_empty()) => {}
            Err(why) => return Err(why),
        }
        news.add(done.news);
        Ok(Turned { news, ..done })
    }

    /// One turn by one commit. Where something is `unreadable`, where notices stand is all that is recorded.
    fn at_once(&mut self, turn: &Turn<'_>, unreadable: Option<&StoreError>, now: Timestamp) -> Result<Turned> {
        let (project, key) = (&self.project, &self.key);
        let settle = |tx: &Tx<'_>, done: &mut Turned, claim: &Claim, outcome: &Outcome| {
            let mut work = Work::new(tx, project, key, now)?;
            if let Some(why) = unreadable {
                work.stand(claim, outcome, &format!("{}; what follows cannot be recorded: {why}", outcome.said()))?;
            } else {
                work.settle(claim, outcome)?;
            }
            done.news.add(work.news);
            Result::Ok(())
        };
        let all = |tx: &Tx<'_>| {
            let mut done = Turned::default();
            for (claim, outcome) in turn.ended {
                settle(tx, &mut done, claim, outcome)?;
            }
            for claim in turn.ready {
                let leave = tx.offer(claim)?;
                if leave.is_none() {
                    tx.put_back(claim, now)?;
                }
                done.leaves.push(leave);
            }
            let mut hand = turn.hand.to_vec();
            while done.picked.len() < turn.room {
                let Some(claim) = tx.pick(now, &hand)? else { break };
                if claim.begun > ENDS {
                    let why = format!("put aside: the program ended {ENDS} times while this was being sent");
                    settle(tx, &mut done, &claim, &Outcome::Refused(why.into()))?;
                    continue;
                }
                let alone = claim.begun > 1;
                hand.push(claim.number);
                done.picked.push(claim);
                if alone {
                    break;
                }
            }
            Ok(done)
        };
        if turn.may_wait() { self.store.note(all) } else { self.store.write(all) }
    }

    /// Takes the next notice that is due in hand, beside those that are there.
    pub fn pick(&mut self, now: Timestamp, hand: &[u32]) -> Result<(News, Option<Claim>)> {
        let done = self.turn(&Turn { hand, room: 1, ..Turn::default() }, now)?;
        Ok((done.news, done.picked.into_iter().next()))
    }

    /// Offers one notice.
    pub fn offer(&mut self, claim: &Claim, now: Timestamp) -> Result<Option<Leave>> {
        let done = self.turn(&Turn { ready: &[claim], ..Turn::default() }, now)?;
        Ok(done.leaves.into_iter().next().flatten())
    }

    /// Puts a notice back that nothing was accepted of and that is to be tried at once in another way.
    pub fn put_back(&mut self, claim: &Claim, now: Timestamp) -> Result<()> {
        self.store.write(|tx| tx.put_back(claim, now))
    }

    /// Notes that a server takes mail of this account from the plain sender, and not from a tagged one.
    pub fn note_tag_refused(&mut self, account: &str, now: Timestamp) -> Result<()> {
        self.store.write(|tx| tx.set_memo(Memo::TagRefused, format!("{now} {account}")))
    }

    /// Whether it was noted of this account lately that tagged senders are refused. What was noted of another is over.
    pub fn knows_tag_refused(&mut self, account: &str, now: Timestamp) -> Result<bool> {
        let Some((since, of)) = self.store.read(|tx| tx.tag_refused())? else { return Ok(false) };
        let holds = of == account && now.duration_since(since) < TAG_REFUSED_FOR;
        if !holds {
            self.store.write(|tx| tx.drop_memo(Memo::TagRefused))?;
        }
        Ok(holds)
    }

    /// Lets go what the breaker holds; says how many notices wait, `None` when nothing was held.
    pub fn release(&mut self) -> Result<Option<u32>> {
        self.store.write(|tx| {
            if tx.breaker()?.is_none() {
                return Ok(None);
            }
            tx.end_trouble(TroubleKind::Breaker)?;
            // Else the same hour would hold it again at once.
            tx.uncount(Scope::Made)?;
            Ok(Some(tx.waiting()?))
        })
    }

    /// How a delivery ended: where the notice stands now, and what follows where it is lost.
    pub fn delivered(&mut self, claim: &Claim, outcome: &Outcome, now: Timestamp) -> Result<News> {
        Ok(self.turn(&Turn { ended: &[(claim, outcome)], ..Turn::default() }, now)?.news)
    }
}

impl Work<'_> {
    /// Where a notice stands after a delivery ended so, and what follows.
    fn settle(&mut self, claim: &Claim, outcome: &Outcome) -> Result<()> {
        use NoticeState::{Held, Refused, Sending, Sent, Unknown, Waiting};
        let (reply, last) = (outcome.said().to_string(), self.tx.memo(Memo::LastSend)?);
        let Some(state) = self.stand(claim, outcome, &reply)? else { return Ok(()) };
        match outcome {
            Outcome::Sent(_) => self.way_is_open()?,
            Outcome::Closed(said) => self.way_is_closed(said, true)?,
            Outcome::Away(said) | Outcome::Slower(said) => self.way_is_closed(said, false)?,
            Outcome::Unclear(said) if self.tx.all_unclear(last)? => self.way_is_closed(said, true)?,
            Outcome::Unclear(_) | Outcome::Deferred(_) | Outcome::Refused(_) | Outcome::Unknown(_) => {}
        }
        match state {
            Refused | Unknown => self.lost_notice(claim, reply),
            Sent | Waiting | Sending | Held => Ok(()),
        }
    }

    /// Where a notice stands after a delivery ended so. `None` where it was dropped or erased meanwhile.
    fn stand(&mut self, claim: &Claim, outcome: &Outcome, reply: &str) -> Result<Option<NoticeState>> {
        use NoticeState::{Refused, Sent, Unknown, Waiting};
        let now = self.now;
        let after = |wait: SignedDuration| now.checked_add(wait).unwrap_or(now);
        // Where that cannot be read, nothing is a witness.
        let last = match self.tx.memo::<Timestamp>(Memo::LastSend) {
            Err(StoreError::Corrupt(_)) => None,
            last => last?,
        };
        // Only a way that takes other mail can witness against this one.
        let taken_since = |at: Timestamp| last.is_some_and(|last| last > at);
        let is_old = now.duration_since(claim.created) > RETRY_FOR;
        let (state, due, doubts) = match outcome {
            Outcome::Sent(_) => (Sent, now, claim.doubts),
            Outcome::Refused(_) => (Refused, now, claim.doubts),
            Outcome::Deferred(_) if is_old && taken_since(claim.created) => (Refused, now, claim.doubts),
            Outcome::Unclear(_) if claim.unclear.is_some_and(taken_since) => (Refused, now, claim.doubts),
            // Once more with the same bytes, and never a third time (G3).
            Outcome::Unknown(_) if claim.doubts == 0 => (Waiting, after(SignedDuration::from_mins(1)), 1),
            Outcome::Unknown(_) => (Unknown, now, claim.doubts + 1),
            // It is about no mail, and most such servers are back at once: the way out says when.
            Outcome::Away(_) if claim.tries <= AWAY => (Waiting, after(SignedDuration::from_secs(5)), claim.doubts),
            // Later than the others, so that one notice that the way is closed for does not keep them all. Where the
            // way is closed, that is not about this mail, however old it is.
            Outcome::Deferred(_) | Outcome::Unclear(_) | Outcome::Closed(_) | Outcome::Away(_) | Outcome::Slower(_) => {
                (Waiting, after(backoff(claim.number, claim.tries)), claim.doubts)
            }
        };
        let unclear = if matches!(outcome, Outcome::Unclear(_)) { claim.unclear.or(Some(now)) } else { claim.unclear };
        let settled = self.tx.settle(claim.number, claim.tries, &Settled { state, due, doubts, unclear, reply })?;
        Ok(settled.then_some(state))
    }

    /// A mail was accepted.
    fn way_is_open(&mut self) -> Result<()> {
        self.tx.set_memo(Memo::LastSend, self.now)?;
        if self.tx.memo::<Timestamp>(Memo::SendFails)?.is_some() {
            self.tx.drop_memo(Memo::SendFails)?;
            self.tx.end_trouble(TroubleKind::Sender)?;
        }
        Ok(())
    }

    /// No mail can leave. People hear of it at once where it does not pass by itself, else when it lasts.
    fn way_is_closed(&mut self, said: &Said, lasting: bool) -> Result<()> {
        let since = match self.tx.memo(Memo::SendFails)? {
            Some(since) => since,
            None => {
                self.tx.set_memo(Memo::SendFails, self.now)?;
                self.now
            }
        };
        let lasts = lasting || self.now.duration_since(since) >= PASSES;
        if lasts && self.tx.trouble(TroubleKind::Sender)?.is_none() {
            self.trouble(&Trouble::Sender { since, why: said.to_string() })?;
        }
        Ok(())
    }

    /// A notice of ours did not reach the server, or perhaps not.
    fn lost_notice(&mut self, claim: &Claim, reply: String) -> Result<()> {
        let ticket = claim.ticket.map_or(Ok(None), |ticket| self.readable(ticket))?;
        let of = Lost::Notice { number: claim.number, kind: claim.kind, report: None };
        let (to, reminded, mailed) = (claim.to.clone(), Vec::new(), Vec::new());
        let loss = Loss { of, to, reply, since: None, reminded, mailed, perhaps: false };
        self.undelivered(ticket.as_ref(), &loss)
    }

    /// A ticket, unless it cannot be read: that is told by the tick, and must not stop what is on its way.
    pub(super) fn readable(&self, ticket: TicketId) -> Result<Option<Ticket>> {
        match self.tx.ticket(ticket) {
            Err(StoreError::Corrupt(_)) => Ok(None),
            ticket => ticket,
        }
    }

    /// Drops what waits and for which it is too late, with a line in the timeline. Of a reminder nothing more is said: what
    /// there is to say now, the tick says that this is part of. Whether there may be more.
    pub(super) fn drop_late(&mut self) -> Result<bool> {
        let late = self.tx.late(self.now, LATE)?;
        for (claim, said) in &late {
            let reminder = claim.kind == NoticeKind::Reminder;
            // Its last answer was lost, so that it may have arrived.
            let state = if claim.doubts > 0 { NoticeState::Unknown } else { NoticeState::Refused };
            // Nobody needs to look at a reminder that another has replaced, however often it was tried.
            let tries = if reminder { 0 } else { claim.tries.max(1) };
            let said = said.as_ref().map_or(String::new(), |said| format!(": {said}"));
            let reply = format!("it could not leave before its time was over{said}");
            let (due, doubts, unclear) = (self.now, claim.doubts, claim.unclear);
            self.tx.settle(claim.number, tries, &Settled { state, due, doubts, unclear, reply: &reply })?;
            if !reminder {
                self.lost_notice(claim, reply)?;
                continue;
            }
            for id in self.tx.noticed_tickets(claim.number)? {
                let Some(ticket) = self.readable(id)? else { continue };
                let (to, reply, of) = (claim.to.clone(), reply.clone(), Lost::Late);
                let (since, reminded, mailed, perhaps) = (None, Vec::new(), Vec::new(), false);
                self.undelivered(Some(&ticket), &Loss { of, to, reply, since, reminded, mailed, perhaps })?;
            }
        }
        Ok(late.len() >= LATE as usize)
    }
}

/// Minutes between tries: 1, 5, 15, 30, then each hour, with up to a quarter more so that queues do not march in
/// step. The same notice always waits the same time.
fn backoff(number: u32, tries: u32) -> SignedDuration {
    let minutes: i64 = match tries {
        0 | 1 => 1,
        2 => 5,
        3 => 15,
        4 => 30,
        _ => 60,
    };
    let jitter = i64::from((number.wrapping_mul(2_654_435_761).wrapping_add(tries)) % 16) * minutes * 60 / 64;
    SignedDuration::from_secs(minutes * 60 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_waits_for_the_disk_and_so_does_the_last_that_ends() {
        let to = crate::vocabulary::Address::parse("a@example.org").unwrap();
        let (envelope, bytes, created) = (None, Vec::new(), Timestamp::UNIX_EPOCH);
        let (kind, ticket, unclear) = (NoticeKind::Acknowledgement, None, None);
        let claim =
            Claim { number: 1, kind, to, ticket, created, tries: 1, begun: 1, doubts: 0, unclear, envelope, bytes };
        let sent = Outcome::Sent("250 ok".into());
        let (one, ended): (&[&Claim], &[_]) = (&[&claim], &[(&claim, &sent)]);
        for (ready, ended, hand, may_wait) in [
            (one, &[][..], &[1, 2][..], false),
            (one, ended, &[2], false),
            (&[], ended, &[], false),
            (&[], ended, &[2], true),
            (&[], &[], &[], true),
        ] {
            assert_eq!(Turn { ended, ready, hand, room: 4 }.may_wait(), may_wait, "{hand:?}");
        }
    }
}
