//! One mail in a transaction: what is known of it, what it brings about, and its receipt.

use super::delivery::RETRY_FOR;
use super::once::Once;
use super::reading::{Stowed, read_one};
use super::signed::{Signed, asks, highest};
use super::tallies::{Cause, DAY, HOUR, SLOT, Scope};
use super::work::Work;
use crate::command::Command;
use crate::intake::claims::Claims;
use crate::intake::copies::is_altered;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::given::{Given, Known, answered};
use crate::intake::standing::{First, Part};
use crate::intake::unheard::{Unheard, unheard};
use crate::intake::{self, through};
use crate::mail::signature::Dkim;
use crate::mail::{Mail, content, identity};
use crate::notice::key::NoticeKey;
use crate::notice::says::Says;
use crate::notice::text::flood::Sample;
use crate::rules::decide;
use crate::rules::event::{Event, Order};
use crate::store::{Memo, NewReceipt, ReceiptRow, Result};
use crate::ticket::Ticket;
use crate::token::{self};
use crate::vocabulary::{Address, Print, Role, TicketId};
use jiff::{SignedDuration, Timestamp};

/// Mails from before the first start that are told.
const NEWEST: u32 = 10;

/// How far the date of a notice that was sent may be from when it was made.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// Recipients of a delivery report, or of what was sent, that are held against what was sent.
const RECIPIENTS: usize = 5;

impl Work<'_> {
    pub(super) fn mail(&mut self, stowed: &Stowed<'_>, mail: &Mail, prints: &[Print]) -> Result<()> {
        self.cause = Cause::default();
        // `disclosed ingest` beside the daemon: whoever comes second finds it done.
        if !self.tx.is_waiting(stowed.mail)? {
            return Ok(());
        }
        let role = self.tx.role_of(stowed.mail)?;
        if self.tx.is_earlier(stowed.mail)? {
            return self.earlier(stowed, mail, prints, role);
        }
        let prints = &self.with_old(prints, mail, stowed.raw)?;
        // What cannot be read is a ticket of its own.
        let first = if stowed.quarantine.is_some() { None } else { self.first(mail, prints)? };
        let signed = match role {
            // Whoever can put a mail there has the mailbox.
            Role::Sent => Signed::Known(Dkim::Unasked),
            Role::Inbox | Role::Junk => self.signed(stowed, mail, first.as_ref())?,
        };
        let dkim = match signed {
            Signed::Known(dkim) => dkim,
            Signed::Ask(share) => return self.tx.put_off(stowed.mail, share, self.now),
        };
        let identity = identity::identify(mail, stowed.server(self.project), &dkim);
        let once = identity.believed().then(|| Once::of(stowed, mail, prints));
        let identity = once.as_ref().map_or(Ok(identity.clone()), |once| self.unless_spent(identity, once))?;
        let (mut intake, unheard) = self.look(stowed, mail, first.clone(), &identity, intake::take)?;
        if let Some(why) = stowed.quarantine {
            intake.disposition = Disposition::Quarantined;
            intake.reason = why.into();
        }
        let intake = self.read_again(intake);
        if let Some(once) = once.filter(|_| intake.event.as_ref().is_some_and(Event::is_word)) {
            self.spend(&once)?;
        }
        self.carry_in(stowed, mail, prints, intake, first)?;
        unheard.map_or(Ok(()), |unheard| self.unheard(&unheard, stowed.mail, mail))
    }

    /// A mail that was there before the first start is listed and no more.
    fn earlier(&mut self, stowed: &Stowed<'_>, mail: &Mail, prints: &[Print], role: Role) -> Result<()> {
        let reason = match role {
            Role::Inbox => "it was there before the first start",
            Role::Sent | Role::Junk => "it was there before this folder was watched",
        };
        let disposition = Disposition::Earlier;
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
        let identity = identity::identify(&mail, stowed.server(self.project), &Dkim::Unasked);
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
        let (earlier, all) = self.tx.newest_earlier(NEWEST)?;
        let mut newest = Vec::new();
        for receipt in earlier {
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
        prints: &[Print],
        mut intake: Intake,
        first: Option<First>,
    ) -> Result<()> {
        let mut ticket_id = intake.ticket;
        if let Some(Event::Reported(report)) = &intake.event
            && (report.junk
                || !stowed.by_hand
                    && self.rebuilds.is_none()
                    && (self.is_backscatter(report)?
                        || !report.backscatter && !report.reserved && self.is_flood(report)?))
        {
            ticket_id = Some(self.one_of_many(report)?);
            let why = "one of many at once";
            let plain = intake.disposition == Disposition::Report;
            if !report.junk {
                intake.reason = if plain { why.to_owned() } else { format!("{}; {why}", intake.reason) };
            }
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
    pub(super) fn first(&self, mail: &Mail, prints: &[Print]) -> Result<Option<First>> {
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
                    // Of a person of the project, for what they pass on has another reporter.
                    (Part::Opened { .. }, Some(ticket)) => {
                        match known.from.ok().filter(|f| self.project.person(f).is_some()) {
                            Some(person) => Some(person),
                            None => self.tx.reporter(ticket)?.flatten(),
                        }
                    }
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

    /// A mail's fingerprints, with those that an earlier version would have stored for it.
    pub(super) fn with_old(&self, prints: &[Print], mail: &Mail, raw: &[u8]) -> Result<Vec<Print>> {
        let first_kind = self.tx.memo::<String>(Memo::OldPrints)?.map(|_| content::fingerprints(mail, raw, true));
        let old = first_kind.as_deref().unwrap_or(prints).iter().map(|print| print.short());
        Ok(prints.iter().copied().chain(old).collect())
    }

    /// What is known of the signatures of a mail, or that it pays to ask for their keys before the mail is handled.
    fn signed(&self, stowed: &Stowed<'_>, mail: &Mail, first: Option<&First>) -> Result<Signed> {
        match &stowed.dkim {
            Some(known) => Ok(Signed::Known(known.clone())),
            // A part of a mail cannot be checked.
            None if stowed.quarantine.is_some() || !stowed.whole || stowed.by_hand => Ok(Signed::Known(Dkim::Unasked)),
            None => Ok(match asks(stowed, mail, self.project, self.key, self.is_scarce()?) {
                // Nothing that a second copy could prove raises what stands so high already.
                Signed::Ask(share)
                    if first.is_some_and(|f| {
                        f.altered.is_none() && f.standing() >= highest(share) && !f.is_unanswered()
                    }) =>
                {
                    Signed::Known(Dkim::Unasked)
                }
                signed @ (Signed::Known(_) | Signed::Ask(_)) => signed,
            }),
        }
    }

    /// One look into the store between the two steps of intake.
    pub(super) fn look(
        &self,
        stowed: &Stowed<'_>,
        mail: &Mail,
        first: Option<First>,
        identity: &identity::Identity,
        take: impl FnOnce(&Given<'_>) -> Intake,
    ) -> Result<(Intake, Option<Unheard>)> {
        self.with_given(stowed, mail, identity, (first, u32::MAX), |given| {
            let intake = take(given);
            let unheard = unheard(given, &intake);
            (intake, unheard)
        })
    }

    /// What the store knows of a mail; of its notices, what it knew before the one of that number.
    pub(super) fn with_given<T>(
        &self,
        stowed: &Stowed<'_>,
        mail: &Mail,
        identity: &identity::Identity,
        (duplicate_of, before): (Option<First>, u32),
        then: impl FnOnce(&Given<'_>) -> T,
    ) -> Result<T> {
        let (tx, now) = (self.tx, self.now);
        let mut claims = Claims::of(mail, self.project, self.key);
        if let Some(token) = claims.token
            && !self.is_ours(&token)?
        {
            // After a restore another notice may bear the number: this one is about a ticket that is another now.
            (claims.token, claims.named) = (None, false);
        }
        let mut known = Known { duplicate_of, referenced: tx.referenced(&claims.references)?, ..Known::default() };
        if let Some(id) = claims.token.and_then(|t| t.ticket) {
            known.token_ticket = tx.reporter(id)?;
        }
        if let Some(token) = claims.token {
            known.seen = tx.revision_of(token.notice)?;
            known.requested = tx.request(token.notice)?.is_some();
            known.may_ask = self.may_ask(token)?;
            let at = token.ticket.zip(mail.date).filter(|_| identity.vouch().is_none_or(|v| !v.covers("to")));
            known.seen_at = at.map(|(ticket, date)| tx.revision_at(ticket, date)).transpose()?;
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
        let answered = answered(mail, through.as_ref(), self.project);
        if let Some(way) = through.as_ref().filter(|t| t.rewritten) {
            known.acks_through = tx.counted(Scope::Way(way.way.name()), self.slots(HOUR))?;
        }
        if let Some(from) = answered {
            known.acks_to_sender = tx.counted(Scope::Sender(from), self.slots(DAY))?;
            known.acks_to_domain = tx.counted(Scope::Domain(from), self.slots(HOUR))?;
            let vouched = identity.believed() && through.as_ref().is_none_or(|t| !t.rewritten);
            known.reserve = vouched && known.acks_to_sender == 0 && self.has_reserve(from)?;
        }
        known.provoked = self.provoked()?;
        let belongs = claims.token.and_then(|t| t.ticket).into_iter().chain(known.referenced.iter().map(|(t, _)| *t));
        for ticket in belongs {
            known.ticket_full |= self.is_full(ticket)?;
            let to: Vec<&Address> = mail.answerable.iter().chain(known.token_ticket.iter().flatten()).collect();
            known.sent.texts.extend(self.sent_to(ticket, &to, before)?);
        }
        let role = tx.role_of(stowed.mail)?;
        match role {
            Role::Inbox => {}
            Role::Sent => known.made = self.is_made(mail)?,
            Role::Junk => known.reports = answered.map_or(Ok(false), |from| tx.is_reporter(from))?,
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
            role,
            now,
        };
        Ok(then(&given))
    }

    /// Whether a mail that was sent is a notice of ours, though the provider took what we know our own by: recipient and
    /// subject are those of one, and its date is the moment when that was made.
    fn is_made(&self, mail: &Mail) -> Result<bool> {
        let Some(date) = mail.date else { return Ok(false) };
        let (from, until) = (date.checked_sub(SENT_WITHIN), date.checked_add(SENT_WITHIN));
        let (Ok(from), Ok(until)) = (from, until) else { return Ok(false) };
        for to in mail.addressed.iter().flatten().take(RECIPIENTS) {
            let made = self.tx.made_for(to, from, until)?;
            if made.iter().any(|raw| read_one(&Stowed::tried(raw, self.now, None)).0.subject == mail.subject) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets an event happen to its ticket, or to a new one; commands about no ticket are answered from here.
    pub(super) fn happen(&mut self, id: Option<TicketId>, event: &Event, mail: &Mail) -> Result<Option<TicketId>> {
        self.believe(event)?;
        if let Event::Reported(report) = event {
            let scope = if report.backscatter { Scope::Returned } else { Scope::Reports };
            self.tx.count(scope, report.received.as_second().div_euclid(SLOT))?;
            self.draw(report)?;
            let ticket = Ticket::new(self.number_of(report)?);
            let decision = decide::decide(&ticket, event, self.project, self.key, self.now);
            let id = ticket.id;
            self.carry_out(&ticket, decision)?;
            self.bound(report)?;
            self.note_unknown(id)?;
            return Ok(Some(id));
        }
        let ticket = id.map(|i| self.tx.ticket(i)).transpose()?.flatten();
        match (event, ticket) {
            (Event::Ordered(order), _) if order.orders.are_only(&Command::List) => {
                let says = self.list()?;
                self.answer(order, mail, says)?;
            }
            (Event::Wrote { .. }, Some(ticket)) => {
                // Two automatic responders in the team, not marked as such, would answer each other through us for
                // ever. So the notices that a note makes us send are counted and capped like those that strangers
                // cause.
                let mut decision = decide::decide(&ticket, event, self.project, self.key, self.now);
                if !self.has_room()? {
                    decision.notices.clear();
                    self.flood()?;
                } else if !decision.notices.is_empty() {
                    self.count_provoked()?;
                }
                self.carry_out(&ticket, decision)?;
            }
            (Event::Undelivered(loss), ticket) => self.undelivered(ticket.as_ref(), loss)?,
            (Event::Requested(order), Some(ticket)) => self.ask(&ticket, order, mail.from.as_ref().ok())?,
            (Event::Confirmed(order, notice), Some(ticket)) => self.confirm(&ticket, order, *notice, mail)?,
            (Event::Ordered(order), Some(ticket)) => {
                let repeated = self.is_repeated(ticket.id, order)?;
                let order = Order { repeated, ..self.informed(&ticket, order)? };
                let decision = decide::decide(&ticket, &Event::Ordered(order), self.project, self.key, self.now);
                self.carry_out(&ticket, decision)?;
            }
            (_, Some(ticket)) => {
                if let Event::Copied(report, _) = event {
                    self.draw(report)?;
                }
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
}
