//! One transaction's work: a mail, a decision, a notice, each carried out whole.

use std::cell::Cell;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::news::{News, Posted, Told};
use super::reading::{Stowed, read_one};
use super::tallies::{DAY, HOUR, SLOT, Scope};
use crate::command::Command;
use crate::intake::claims::{self, Claims, Want};
use crate::intake::copies::is_altered;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::given::{Given, Known};
use crate::intake::standing::{First, Part, Standing};
use crate::intake::unheard::{Unheard, unheard};
use crate::intake::{self, through};
use crate::mail::signature::{self, Dkim, Occasion};
use crate::mail::{Mail, content, identity};
use crate::notice::codename::Codename;
use crate::notice::key::NoticeKey;
use crate::notice::says::Says;
use crate::notice::text::digest::Counts;
use crate::notice::text::flood::Sample;
use crate::notice::text::policy::POLICY_LINES;
use crate::notice::text::trouble::Trouble;
use crate::notice::write::{self, AutoSubmitted};
use crate::notice::{Notice, appointment};
use crate::project::{Level, Person, Project};
use crate::rules::draft::Decision;
use crate::rules::event::{Event, Loss, Lost, Order, Reminded};
use crate::rules::{decide, losses, reminders};
use crate::store::{Memo, NewReceipt, Outgoing, RETRY_FOR, ReceiptRow, Result, StoreError, Tx, leading};
use crate::ticket::moved::{self, Moved};
use crate::ticket::{Actor, Ticket};
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::{Address, MessageId, NoticeKind, TicketId};

/// Mails from before the first start that are told.
const NEWEST: usize = 10;
/// Recipients of a delivery report that are held against what was sent.
const RECIPIENTS: usize = 5;

/// One transaction's work.
pub(super) struct Work<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) project: &'a Project,
    pub(super) key: &'a Key,
    pub(super) now: Timestamp,
    pub(super) next_notice: u32,
    /// Tallies of the last hour that each mail asks for: read once, then counted along.
    pub(super) provoked: Cell<Option<u32>>,
    pub(super) made: Cell<Option<u32>>,
    /// What is made now does not count as provoked.
    pub(super) uncounted: bool,
    /// Mail came up that shows that there was another database.
    pub(super) begun: bool,
    pub(super) news: News,
}

impl<'a> Work<'a> {
    pub(super) fn new(tx: &'a Tx<'a>, project: &'a Project, key: &'a Key, now: Timestamp) -> Result<Self> {
        let (provoked, made, news) = (Cell::new(None), Cell::new(None), News::default());
        Ok(Self {
            tx,
            project,
            key,
            now,
            next_notice: tx.next_notice()?,
            provoked,
            made,
            uncounted: false,
            begun: false,
            news,
        })
    }

    pub(super) fn mail(&mut self, stowed: &Stowed<'_>, mail: &Mail, prints: &[i64]) -> Result<()> {
        // `disclosed ingest` beside the daemon: whoever comes second finds it done.
        if !self.tx.is_waiting(stowed.mail)? {
            return Ok(());
        }
        if self.tx.is_earlier(stowed.mail)? {
            return self.earlier(stowed, mail, prints);
        }
        let prints = &self.with_old(prints, mail, stowed.raw)?;
        // What cannot be read is a ticket of its own.
        let first = if stowed.quarantine { None } else { self.first(mail, prints)? };
        let dkim = match self.signed(stowed, mail, prints, first.as_ref())? {
            Signed::Known(dkim) => dkim,
            Signed::Ask { word } => return self.tx.put_off(stowed.mail, word, self.now),
        };
        let identity = identity::identify(mail, &self.project.authserv_ids, &dkim);
        let (mut intake, unheard) = self.look(stowed, mail, first.clone(), &identity, intake::take)?;
        if stowed.quarantine {
            intake.disposition = Disposition::Quarantined;
            intake.reason = "reading it failed again and again".into();
        }
        self.carry_in(stowed, mail, prints, intake, first)?;
        unheard.map_or(Ok(()), |unheard| self.unheard(&unheard, stowed.mail, mail))
    }

    /// A mail that was there before the first start is listed and no more. If it comes of a notice of ours, that was no
    /// first start, and all stops until a person has looked.
    fn earlier(&mut self, stowed: &Stowed<'_>, mail: &Mail, prints: &[i64]) -> Result<()> {
        if Claims::of(mail, self.project, self.key).has_a_past() {
            self.begun = true;
            return self.tx.set_memo(Memo::Begun, self.key.prints().join(" "));
        }
        let (disposition, reason) = (Disposition::Earlier, "it was there before the first start");
        self.tx.receipt(&NewReceipt {
            mail: stowed.mail,
            at: self.now,
            sender: mail.from.as_ref().ok(),
            message_id: mail.message_id.as_ref(),
            disposition,
            ticket: None,
            reason,
            fingerprint: prints.first().copied(),
        })?;
        self.news.receipts.push((stowed.mail, disposition, None, reason.into()));
        Ok(())
    }

    /// A person makes a ticket of a mail, whatever its receipt says.
    pub(super) fn take(&mut self, receipt: &ReceiptRow, stowed: &Stowed<'_>) -> Result<()> {
        let (mail, prints) = read_one(stowed);
        let identity = identity::identify(&mail, &self.project.authserv_ids, &Dkim::Unasked);
        let (intake, _) = self.look(stowed, &mail, None, &identity, intake::copies::by_hand)?;
        let ticket = intake.event.as_ref().map_or(Ok(None), |event| self.happen(None, event, &mail))?;
        let reason = format!("{} (before: {})", intake.reason, receipt.disposition.word());
        self.tx.raise_receipt(receipt.number, intake.disposition, ticket, &reason)?;
        self.tx.done(stowed.mail, prints.first().copied().unwrap_or_default())?;
        self.news.receipts.push((stowed.mail, intake.disposition, ticket, reason));
        Ok(())
    }

    /// What was there before the first start is told, once.
    pub(super) fn tell_earlier(&mut self) -> Result<()> {
        let mut earlier = self.tx.receipts()?;
        earlier.retain(|r| r.disposition == Disposition::Earlier);
        earlier.sort_by_key(|r| (std::cmp::Reverse(r.received), r.number));
        let (all, mut newest) = (earlier.len(), Vec::new());
        for receipt in earlier.into_iter().take(NEWEST) {
            let raw = self.tx.raw(receipt.mail)?;
            let subject = read_one(&Stowed::tried(&raw, self.now, None)).0.subject;
            newest.push((receipt.received, Sample { from: receipt.from.map(String::from), subject }));
        }
        if all > 0 {
            self.tell(self.project.team(), |to| NoticeKey::Earlier { to }, Says::Earlier { all, newest })?;
        }
        self.tx.drop_memo(Memo::FirstStart)
    }

    /// What a mail brings about, and its receipt. Where it raises the first copy, that one's receipt says what was made
    /// of the mail, and its own that it is a copy.
    fn carry_in(
        &mut self,
        stowed: &Stowed<'_>,
        mail: &Mail,
        prints: &[i64],
        mut intake: Intake,
        first: Option<First>,
    ) -> Result<()> {
        let mut ticket_id = intake.ticket;
        if let Some(Event::Reported(report)) = &intake.event
            && !stowed.by_hand
            && (self.is_backscatter(report)? || !report.backscatter && self.is_flood(report)?)
        {
            ticket_id = Some(self.one_of_many(report)?);
            let why = "one of many at once";
            let plain = intake.disposition == Disposition::Report;
            intake.reason = if plain { why.to_owned() } else { format!("{}; {why}", intake.reason) };
        } else if let Some(event) = &intake.event {
            ticket_id = self.happen(intake.ticket, event, mail)?;
        }
        let print = prints.first().copied().unwrap_or_default();
        let is_first = first.as_ref().is_some_and(|f| f.mail == stowed.mail);
        let (disposition, reason) = match first.filter(|f| f.is_raised_by(&intake, is_first)) {
            Some(first) => {
                let (why, disposition, reason) = first.receipts(intake.disposition, intake.reason, is_first);
                self.tx.raise_receipt(first.receipt, intake.disposition, ticket_id, &why)?;
                (disposition, reason)
            }
            None => (intake.disposition, intake.reason),
        };
        if is_first {
            self.tx.done(stowed.mail, print)?;
        } else {
            self.tx.receipt(&NewReceipt {
                mail: stowed.mail,
                at: self.now,
                sender: mail.from.as_ref().ok(),
                message_id: mail.message_id.as_ref(),
                disposition,
                ticket: ticket_id,
                reason: &reason,
                fingerprint: Some(print),
            })?;
        }
        self.news.receipts.push((stowed.mail, disposition, ticket_id, reason));
        Ok(())
    }

    /// The copy of a mail that stands highest so far, if another was handled before.
    pub(super) fn first(&self, mail: &Mail, prints: &[i64]) -> Result<Option<First>> {
        let mut copies = self.tx.same_mail(prints)?;
        if let Some(id) = mail.message_id.as_ref().filter(|_| copies.is_empty()) {
            // The sender chooses how many there are, and what was stored may be damaged.
            for mut first in self.tx.same_id(id)?.into_iter().take(3) {
                let Ok(raw) = self.tx.raw(first.mail) else { continue };
                let known = read_one(&Stowed::tried(&raw, self.now, None)).0;
                if !is_altered(&known, mail) {
                    continue;
                }
                first.altered = match (first.part, first.ticket) {
                    (Part::Opened { .. }, Some(ticket)) => self.tx.reporter(ticket)?.flatten(),
                    (Part::Joined, Some(_)) => known.from.ok(),
                    (Part::Gathered, _) | (_, None) => None,
                };
                if first.altered.is_some() {
                    copies.push(first);
                }
            }
        }
        // Of equals the earliest.
        let Some(mut first) = copies.into_iter().rev().max_by_key(First::standing) else { return Ok(None) };
        if let (Part::Opened { unanswered }, Some(ticket)) = (&mut first.part, first.ticket) {
            *unanswered = self.tx.ticket(ticket)?.is_some_and(|t| t.is_unanswered());
        }
        Ok(Some(first))
    }

    /// A mail's fingerprints, with those of an earlier version where this database holds any.
    pub(super) fn with_old(&self, prints: &[i64], mail: &Mail, raw: &[u8]) -> Result<Vec<i64>> {
        if self.tx.memo::<String>(Memo::OldPrints)?.is_none() {
            return Ok(prints.to_vec());
        }
        Ok(content::fingerprints(mail, raw, true).iter().map(leading).collect())
    }

    /// What is known of the signatures of a mail, or that it pays to ask for their keys before the mail is handled.
    fn signed(&self, stowed: &Stowed<'_>, mail: &Mail, prints: &[i64], first: Option<&First>) -> Result<Signed> {
        match &stowed.dkim {
            Some(Dkim::Pass { domain, print, .. }) if self.tx.is_signature_used(*print, stowed.mail, prints)? => {
                Ok(Signed::Known(used_before(domain)))
            }
            Some(known) => {
                if let Dkim::Pass { print, .. } = known {
                    self.tx.use_signature(*print, stowed.mail, self.now)?;
                }
                Ok(Signed::Known(known.clone()))
            }
            // A part of a mail cannot be checked.
            None if stowed.quarantine || !stowed.whole => Ok(Signed::Known(Dkim::Unasked)),
            None => Ok(match asks(stowed, mail, self.project, self.key) {
                // Nothing that a second copy could prove raises what stands so high already.
                Signed::Ask { word }
                    if first.is_some_and(|f| {
                        f.altered.is_none() && f.standing() >= highest(word) && !f.is_unanswered()
                    }) =>
                {
                    Signed::Known(Dkim::Unasked)
                }
                signed @ (Signed::Known(_) | Signed::Ask { .. }) => signed,
            }),
        }
    }

    /// One look into the store between the two steps of intake.
    pub(super) fn look(
        &self,
        stowed: &Stowed<'_>,
        mail: &Mail,
        duplicate_of: Option<First>,
        identity: &identity::Identity,
        take: impl FnOnce(&Given<'_>) -> Intake,
    ) -> Result<(Intake, Option<Unheard>)> {
        let (tx, now) = (self.tx, self.now);
        let claims = Claims::of(mail, self.project, self.key);
        let mut known = Known { duplicate_of, referenced: tx.referenced(&claims.references)?, ..Known::default() };
        if let Some(id) = claims.token.and_then(|t| t.ticket) {
            known.token_ticket = tx.reporter(id)?;
        }
        if let Some(token) = claims.token {
            known.seen = tx.revision_of(token.notice)?;
        }
        if let Some(token) = claims.bounced {
            // After a restore another notice may bear the number.
            known.bounced_notice = tx.notice(token.notice)?.filter(|(to, _)| token::party(to) == token.party);
        }
        if let Some(bounce) = &mail.bounce {
            known.returned_to = tx.referenced(&claims.returned)?.first().map(|(ticket, _)| *ticket);
            if let Some(ticket) = claims.returned_ticket.filter(|_| known.returned_to.is_none()) {
                known.returned_to = tx.reporter(ticket)?.map(|_| ticket);
            }
            let since = now.checked_sub(RETRY_FOR).unwrap_or(Timestamp::MIN);
            for to in bounce.recipients.iter().take(RECIPIENTS) {
                known.sent_to = known.sent_to.take().or(tx.sent_to(to, since)?);
            }
        }
        let through = through::through(mail, self.project, identity);
        let answered = through.as_ref().map_or(mail.from.as_ref().ok(), |t| t.answer_to.as_ref());
        if let Some(way) = through.as_ref().filter(|t| t.rewritten) {
            known.acks_through = tx.counted(Scope::Way(way.way.name()), self.slot(HOUR))?;
        }
        if let Some(from) = answered {
            known.acks_to_sender = tx.counted(Scope::Sender(from), self.slot(DAY))?;
            known.acks_to_domain = tx.counted(Scope::Domain(from), self.slot(HOUR))?;
        }
        known.provoked = self.provoked()?;
        let belongs = claims.token.and_then(|t| t.ticket).into_iter().chain(known.referenced.iter().map(|(t, _)| *t));
        for ticket in belongs {
            known.ticket_full |= self.is_full(ticket)?;
            let to: Vec<&Address> = mail.from.iter().chain(known.token_ticket.iter().flatten()).collect();
            known.sent.texts.extend(self.sent_to(ticket, &to)?);
        }
        known.sent.address = Some(self.project.address.clone());
        known.sent.name.clone_from(&self.project.name);
        let given = Given {
            mail,
            stored: stowed.mail,
            received: stowed.received,
            identity,
            through: through.as_ref(),
            claims: &claims,
            known: &known,
            project: self.project,
            now,
        };
        let intake = take(&given);
        let unheard = unheard(&given, &intake);
        Ok((intake, unheard))
    }

    /// Once an hour, what no cap counts any more.
    pub(super) fn forget_counts(&self) -> Result<()> {
        let hour = self.now.as_second().div_euclid(HOUR);
        if self.tx.memo(Memo::CountsForgotten)? == Some(hour) {
            return Ok(());
        }
        self.tx.forget_counts(self.slot(DAY))?;
        // A signature counts for 7 days after it was made. Mail may lie in the inbox while the daemon is down.
        let old = self.now.checked_sub(SignedDuration::from_hours(60 * 24)).unwrap_or(Timestamp::MIN);
        self.tx.forget_signatures(old)?;
        self.tx.set_memo(Memo::CountsForgotten, hour)
    }

    /// The first slot of the last so many seconds.
    pub(super) fn slot(&self, seconds: i64) -> i64 {
        (self.now.as_second() - seconds).div_euclid(SLOT) + 1
    }

    /// Lets an event happen to its ticket, or to a new one; commands about no ticket are answered from here.
    fn happen(&mut self, id: Option<TicketId>, event: &Event, mail: &Mail) -> Result<Option<TicketId>> {
        if let Event::Reported(report) = event {
            // Returned mail is counted apart, also in what it makes us send: whoever has our address used for spam must not
            // cost honest reports their acknowledgement.
            let scope = if report.backscatter { Scope::Returned } else { Scope::Reports };
            self.tx.count(scope, report.received.as_second().div_euclid(SLOT))?;
            self.uncounted = report.backscatter;
            let ticket = Ticket::new(self.tx.next_ticket()?);
            let decision = decide::decide(&ticket, event, self.project, self.key, self.now);
            let id = ticket.id;
            self.carry_out(&ticket, decision)?;
            self.uncounted = false;
            self.bound(report)?;
            return Ok(Some(id));
        }
        let ticket = id.map(|i| self.tx.ticket(i)).transpose()?.flatten();
        match (event, ticket) {
            (Event::Ordered(order), _) if order.orders.are_only(&Command::List) => {
                let says = self.list()?;
                self.answer(order, mail, says)?;
            }
            (Event::Wrote { .. }, Some(ticket)) => {
                // Two answering machines of the team that say of themselves that they are people would feed one
                // another: what a note makes us send counts, and ends, like what strangers make us send.
                let mut decision = decide::decide(&ticket, event, self.project, self.key, self.now);
                if self.provoked()? >= self.project.limits.automatic_per_hour {
                    decision.notices.clear();
                    self.flood()?;
                }
                for _ in &decision.notices {
                    self.count_provoked()?;
                }
                self.carry_out(&ticket, decision)?;
            }
            (Event::Undelivered(loss), ticket) => self.undelivered(ticket.as_ref(), loss)?,
            (Event::Ordered(order), Some(ticket)) => {
                let order = Order { known: self.known(&ticket, order)?, ..order.clone() };
                let decision = decide::decide(&ticket, &Event::Ordered(order), self.project, self.key, self.now);
                self.carry_out(&ticket, decision)?;
            }
            (_, Some(ticket)) => {
                let decision = decide::decide(&ticket, event, self.project, self.key, self.now);
                self.carry_out(&ticket, decision)?;
                if let Event::FollowedUp(mail) = event {
                    self.bound_ticket(&ticket, mail.tell)?;
                } else if let Event::Copied(report, _) = event {
                    self.bound(report)?;
                }
            }
            (Event::Ordered(order), None) => {
                let first = order.orders.lines.first().map_or(String::new(), |l| l.written.clone());
                let says = if order.orders.are_only(&Command::Help) { Says::Help } else { Says::NoTicket(first) };
                self.answer(order, mail, says)?;
            }
            (_, None) => {}
        }
        Ok(id)
    }

    pub(super) fn answer(&mut self, order: &Order, mail: &Mail, says: Says) -> Result<()> {
        let (Actor::Person(to), Some(asked)) = (&order.by, order.mail) else { return Ok(()) };
        let mut notice = desk(Arc::new(says), to, vec![NoticeKey::Answer(asked)]);
        notice.in_reply_to = mail.message_id.clone();
        self.post(notice)
    }

    /// All open tickets.
    pub(super) fn list(&self) -> Result<Says> {
        Ok(Says::List(self.tx.open_lines(self.project, 1_000)?))
    }

    /// The same notice for several people, by no decision of a ticket's rules.
    pub(super) fn tell<'p>(
        &mut self,
        to: impl Iterator<Item = &'p Person>,
        key: impl Fn(Address) -> NoticeKey,
        says: Says,
    ) -> Result<()> {
        let says = Arc::new(says);
        for person in to {
            self.post(desk(Arc::clone(&says), &person.address, vec![key(person.address.clone())]))?;
        }
        Ok(())
    }

    /// A text for the terminal, which holds nothing back.
    pub(super) fn in_full(&self, says: &Says) -> String {
        says.words(Level::Full, self.key, self.project, self.now).body
    }

    /// Derives all projections anew under a policy that changed. Each deadline that moved stands in its timeline, and
    /// the team is told of all of them in one mail.
    pub(super) fn rederive(&mut self, policy: &str) -> Result<()> {
        let (mut late, mut other, mut all) = (Vec::new(), Vec::new(), 0);
        let mut last = TicketId(0);
        while let Some(id) = self.tx.ticket_after(last)? {
            last = id;
            for moved in self.moved(id)? {
                all += 1;
                let list = if moved.is_late(self.now) { &mut late } else { &mut other };
                // There may be a hundred thousand; no more are kept than are told.
                if list.len() < POLICY_LINES {
                    list.push(moved);
                }
            }
        }
        if all > 0 {
            late.append(&mut other);
            late.truncate(POLICY_LINES);
            let events =
                if self.project.calendar { appointment::moved(&late, self.project, self.now) } else { Vec::new() };
            let says = Arc::new(Says::Policy { moved: late, all });
            for person in self.project.team() {
                let (print, at, to) = (policy.to_owned(), self.now, person.address.clone());
                let mut notice = desk(Arc::clone(&says), &person.address, vec![NoticeKey::Policy { print, at, to }]);
                if appointment::shows(person) {
                    notice.calendar.clone_from(&events);
                }
                self.post(notice)?;
            }
        }
        self.news.moved += all;
        Ok(())
    }

    /// Remakes the projections of one ticket under a policy that changed, with an entry for each deadline that moved.
    fn moved(&self, id: TicketId) -> Result<Vec<Moved>> {
        let mut ticket = match self.tx.ticket(id) {
            Ok(Some(ticket)) => ticket,
            // One timeline that cannot be read must not keep the daemon from all the others; the tick tells of it.
            Ok(None) | Err(StoreError::Corrupt(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let (moved, entries) = moved::moved(&ticket, self.tx.deadlines(id)?, &self.project.policy, self.now);
        entries.iter().for_each(|e| ticket.apply(e));
        self.tx.append(id, &entries)?;
        self.tx.project(&ticket, self.project)?;
        Ok(moved)
    }

    /// The daemon itself is in trouble: that is noted until it is over, and all but observers are told, once a day for
    /// each kind.
    pub(super) fn trouble(&mut self, trouble: &Trouble) -> Result<()> {
        let (kind, first, at) = (trouble.kind(), self.next_notice, self.now);
        let key = |to| NoticeKey::Trouble { kind, at, to };
        self.tell(self.project.responsible(), key, Says::Trouble(trouble.clone()))?;
        let told = (self.next_notice > first).then_some(first);
        self.tx.note_trouble(kind, self.now, told)
    }

    /// A notice did not arrive.
    pub(super) fn undelivered(&mut self, ticket: Option<&Ticket>, loss: &Loss) -> Result<()> {
        let Some(ticket) = ticket else { return self.lost(loss) };
        let mut decision = self.decide_loss(ticket, loss)?;
        match loss.of {
            Lost::Notice { .. } => return self.carry_out(ticket, decision),
            Lost::ByHand { .. } => {}
        }
        // Whoever knows a Message-ID of the ticket can say that an answer to it did not arrive, as often as they like.
        let told = !self.is_full(ticket.id)?;
        if !told {
            decision.notices.clear();
        }
        self.carry_out(ticket, decision)?;
        self.bound_ticket(ticket, told)
    }

    /// A notice about no single ticket did not arrive, perhaps many reminders in one: the others are told (G9).
    fn lost(&mut self, loss: &Loss) -> Result<()> {
        if loss.of.kind() == Some(NoticeKind::Undeliverable) {
            return Ok(()); // Else two dead mailboxes would feed one another.
        }
        let (to, now) = (&loss.to, self.now);
        let says = Says::Lost { notice: loss.of.mailed(), to: to.clone(), reply: loss.reply.clone() };
        let others = self.project.responsible().filter(|p| p.address != *to);
        self.tell(others, |person| losses::lost_key(loss, person, now), says)?;
        let Lost::Notice { number, kind: kind @ NoticeKind::Reminder, .. } = loss.of else { return Ok(()) };
        // Many reminders in one: each goes on to whom its own ticket's ladder names next. The delivery report is of
        // none of them alone.
        let loss = Loss { of: Lost::Notice { number, kind, report: None }, ..loss.clone() };
        let mut onward = Vec::new();
        for id in self.tx.noticed_tickets(number)? {
            let Some(ticket) = self.tx.ticket(id)? else { continue };
            let mut decision = self.decide_loss(&ticket, &loss)?;
            onward.extend(decision.notices.drain(..).filter(|n| n.kind() == NoticeKind::Reminder));
            self.commit(&ticket, decision)?;
        }
        reminders::coalesce(onward).into_iter().try_for_each(|n| self.post(n))
    }

    /// What follows for a ticket from the loss, with what the store knows of it: which reminder it was, and who else
    /// got that.
    fn decide_loss(&self, ticket: &Ticket, loss: &Loss) -> Result<Decision> {
        let mut reminded = Vec::new();
        let id = ticket.id;
        let loss = Loss { mailed: self.tx.mailed(id, NoticeKind::Report)?, ..loss.clone() };
        let lost = match loss.of {
            Lost::Notice { number, .. } if !loss.perhaps => number,
            Lost::Notice { .. } | Lost::ByHand { .. } => {
                return Ok(decide::decide(ticket, &Event::Undelivered(loss), self.project, self.key, self.now));
            }
        };
        let passed = self.tx.noticed(&NoticeKey::Passed { ticket: id, lost })?.is_some();
        for ((promise, deadline, _), nominal) in &ticket.spoken {
            let told = |to: &Address| {
                let (promise, deadline, nominal, to) = (promise.clone(), *deadline, *nominal, to.clone());
                self.tx.noticed(&NoticeKey::Rung { ticket: id, promise, deadline, nominal, to })
            };
            if passed || told(&loss.to)? != Some(lost) {
                continue;
            }
            let mut all = Vec::new();
            for person in &self.project.people {
                if told(&person.address)?.is_some() {
                    all.push(person.address.clone());
                }
            }
            let (promise, deadline, nominal) = (promise.clone(), *deadline, *nominal);
            reminded.push(Reminded { promise, deadline, nominal, told: all });
        }
        let event = Event::Undelivered(Loss { reminded, ..loss });
        Ok(decide::decide(ticket, &event, self.project, self.key, self.now))
    }

    pub(super) fn digest(&mut self) -> Result<()> {
        let open = self.tx.open_lines(self.project, 10_000)?;
        let held = self.tx.held()?;
        let last = self.tx.memo(Memo::LastDigest)?.unwrap_or(self.now);
        let by_programs = |d: &Disposition| matches!(d, Disposition::Automatic | Disposition::Bounce);
        let handled = self.tx.without_ticket(last)?;
        let listed = handled.iter().filter(|(d, _)| by_programs(d)).map(|(_, count)| count).sum();
        let unheard = self.tx.memo(Memo::Unheard)?.unwrap_or_default();
        self.tx.drop_memo(Memo::Unheard)?;
        let (at, says) = (self.now, Says::Digest(open, Counts { held, listed, unheard }));
        self.tell(self.project.people.iter(), |to| NoticeKey::Digest { at, to }, says)?;
        self.tx.set_memo(Memo::LastDigest, at)
    }

    /// Entries, projections, notices: all that a decision asks for.
    pub(super) fn carry_out(&mut self, ticket: &Ticket, mut decision: Decision) -> Result<()> {
        let notices = std::mem::take(&mut decision.notices);
        self.commit(ticket, decision)?;
        notices.into_iter().try_for_each(|n| self.post(n))
    }

    pub(super) fn commit(&mut self, ticket: &Ticket, decision: Decision) -> Result<()> {
        if decision.answered {
            self.tx.drop_held(ticket.id)?;
        }
        if decision.released {
            self.tx.release_held(ticket.id, self.now)?;
            self.count_provoked()?;
        }
        if !decision.entries.is_empty() {
            let mut after = ticket.clone();
            decision.entries.iter().for_each(|e| after.apply(e));
            self.tx.append(ticket.id, &decision.entries)?;
            self.tx.project(&after, self.project)?;
        }
        self.news.entries.extend(decision.entries.into_iter().map(|e| (ticket.id, e)));
        if let Some(answer) = decision.answer {
            self.news.answer = Some(Told { text: self.in_full(&answer.says), refused: answer.refused });
        }
        Ok(())
    }

    /// Makes a notice final: number, words for its reader, token, Message-ID, bytes. One that stands only for what
    /// others stood for already is not made again.
    pub(super) fn post(&mut self, notice: Notice) -> Result<()> {
        let fresh = self.tx.fresh_keys(&notice.keys)?;
        if fresh.is_empty() {
            return Ok(());
        }
        let number = self.next_notice;
        let ours = &self.project.address;
        let words = notice.says.words(self.project.level(&notice.to), self.key, self.project, self.now);
        let (kind, ticket) = (notice.kind(), notice.ticket());
        let token = Token {
            purpose: notice.carries.unwrap_or(Purpose::Reporter),
            party: token::party(&notice.to),
            ticket,
            notice: number,
        };
        let unusable = || StoreError::Corrupt("the project's address makes no Message-ID".into());
        let signed = token.sign(self.key);
        let message_id = MessageId::parse(&format!("{signed}@{}", ours.domain())).ok_or_else(unusable)?;
        let tagged = |tag: &str| self.project.mailbox.tagged(tag).filter(|_| self.project.plus_addressing);
        let reply_to = tagged(&signed);
        let envelope = tagged(&Token { purpose: Purpose::Bounce, ..token }.sign(self.key));
        let mark = Token { purpose: Purpose::Loop, ..token }.sign(self.key);
        let references: Vec<MessageId> = ticket.and_then(|t| self.thread(t, &notice.to)).into_iter().collect();
        let bytes = write::write(&write::Outgoing {
            from_name: &self.project.name,
            from: ours,
            to: &notice.to,
            subject: &words.subject,
            body: &words.body,
            message_id: &message_id,
            date: self.now,
            reply_to: reply_to.as_ref(),
            in_reply_to: notice.in_reply_to.as_ref(),
            references: if notice.in_reply_to.is_some() { notice.in_reply_to.as_slice() } else { &references },
            auto_submitted: auto_submitted(kind),
            calendar: &notice.calendar,
            mark: Some(&mark),
        });
        let bytes = bytes.map_err(|e| StoreError::Corrupt(format!("a notice cannot be written: {e}")))?;
        let new = Outgoing {
            number,
            kind,
            to: &notice.to,
            ticket,
            message_id: message_id.as_str(),
            held: notice.held.as_deref(),
            revision: notice.revision,
            envelope: envelope.as_ref(),
            bytes: &bytes,
        };
        self.tx.post(&new, &fresh, self.now)?;
        if kind.provoked() && notice.held.is_none() && !self.uncounted {
            self.count_provoked()?;
        }
        self.next_notice += 1;
        let leaves = notice.held.is_none();
        self.news.notices.push(Posted { number, notice, words });
        if leaves { self.watch_breaker(kind) } else { Ok(()) }
    }

    /// A Message-ID that stands for the ticket, so that mail programs show its notices as one thread. Nothing is ever
    /// sent under it, and it proves nothing.
    fn thread(&self, ticket: TicketId, to: &Address) -> Option<MessageId> {
        let level = self.project.person(to).map_or(Level::Full, |p| p.notices);
        let name = match level {
            Level::Full | Level::Summary => format!("ticket-{}", ticket.0),
            Level::None => Codename::of(ticket, self.key).slug(),
        };
        MessageId::parse(&format!("{name}@{}", self.project.address.domain()))
    }
}

/// What is to be done about the signatures of a mail.
enum Signed {
    /// Nothing more.
    Known(Dkim),
    /// Ask for their keys; whether a person waits for it.
    Ask { word: bool },
}

/// How high a mail can stand by what its signatures prove, which a person waits for or not.
fn highest(word: bool) -> Standing {
    if word { Standing::Command } else { Standing::Report }
}

/// Whether it pays to ask for the keys of a mail.
fn asks(stowed: &Stowed<'_>, mail: &Mail, project: &Project, key: &Key) -> Signed {
    if !project.dkim || mail.from.is_err() {
        return Signed::Known(Dkim::Unasked);
    }
    let identity = identity::identify(mail, &project.authserv_ids, &Dkim::Unasked);
    let refers = Claims::of(mail, project, key);
    let word = match claims::wants_dkim(mail, project, &refers, &identity) {
        Want::Nothing => return Signed::Known(Dkim::Unasked),
        Want::Opinion => false,
        Want::Word => true,
    };
    let Ok(from) = &mail.from else { return Signed::Known(Dkim::Unasked) };
    let sieved = signature::sieve(stowed.raw, &occasion(mail, from, stowed.received, project));
    if sieved.worth.is_empty() { Signed::Known(sieved.verdict()) } else { Signed::Ask { word } }
}

/// What the signatures of a mail are held against: one of a person who may command must have been sent to us.
pub(super) fn occasion<'a>(mail: &Mail, from: &'a Address, received: Timestamp, project: &'a Project) -> Occasion<'a> {
    let commands = project.person(from).is_some_and(Person::commands);
    let to = commands.then_some([&project.address, &project.mailbox]);
    Occasion { from, to, ways: &project.through, received, date: mail.date }
}

/// A signature says who wrote a mail, not who sends it now: whoever has it can send it again, with other fields.
pub(super) fn used_before(domain: &str) -> Dkim {
    Dkim::Fail(format!("the signature by {domain} was used before, on another mail"))
}

fn auto_submitted(kind: NoticeKind) -> AutoSubmitted {
    match kind {
        NoticeKind::Acknowledgement | NoticeKind::Told | NoticeKind::Answer | NoticeKind::Code => {
            AutoSubmitted::Replied
        }
        NoticeKind::Reply => AutoSubmitted::No,
        NoticeKind::Update
        | NoticeKind::Report
        | NoticeKind::FollowUp
        | NoticeKind::Change
        | NoticeKind::Reminder
        | NoticeKind::Attempt
        | NoticeKind::Undeliverable
        | NoticeKind::Flood
        | NoticeKind::Digest
        | NoticeKind::Policy
        | NoticeKind::Trouble => AutoSubmitted::Generated,
    }
}

/// A notice to a person of the project by no decision of a ticket's rules.
pub(super) fn desk(says: Arc<Says>, to: &Address, keys: Vec<NoticeKey>) -> Notice {
    let carries = Some(Purpose::Person);
    Notice { says, to: to.clone(), keys, carries, in_reply_to: None, held: None, revision: 0, calendar: Vec::new() }
}
