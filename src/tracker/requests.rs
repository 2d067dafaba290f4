//! Commands that nobody vouches for: their person is asked, and the code that comes back lets them be done.

use std::sync::Arc;

use jiff::SignedDuration;

use super::once::Once;
use super::reading::{Stowed, read_one};
use super::tallies::{DAY, HOUR, Scope};
use super::work::{Work, desk};
use crate::intake::request;
use crate::intake::standing::Standing;
use crate::mail::signature::Dkim;
use crate::mail::{Mail, identity};
use crate::notice::Notice;
use crate::notice::key::NoticeKey;
use crate::notice::says::{self, About, Says};
use crate::rules::decide;
use crate::rules::event::{Event, Order};
use crate::store::{Request, Result};
use crate::ticket::{Actor, Ticket};
use crate::token::{Purpose, Token};
use crate::vocabulary::{Address, MailRef, NoticeKind};

/// How long a code is good for.
const GOOD: SignedDuration = SignedDuration::from_hours(1);
/// Codes for one person in an hour and in a day. After those of a day there are no more, until a mail of that person is
/// believed or a code comes back.
const CODES_PER_HOUR: u32 = 3;
const CODES_PER_DAY: u32 = 10;
/// The slot of a tally that no time ends.
const FOREVER: i64 = i64::MAX;

impl Work<'_> {
    /// Whether whoever a token was given to may be mailed one more code.
    pub(super) fn may_ask(&self, token: Token) -> Result<bool> {
        let Some(person) = self.project.holder(token.party).filter(|_| token.purpose == Purpose::Person) else {
            return Ok(false);
        };
        let codes = self.tx.counted(Scope::Codes(&person.address), self.slots(HOUR))?;
        Ok(codes < CODES_PER_HOUR
            && self.tx.counted(Scope::Codes(&person.address), FOREVER..=FOREVER)? == 0
            && self.provoked()? < self.project.limits.automatic_per_hour)
    }

    /// What a person is believed to have written ends the silence about codes for them.
    pub(super) fn believe(&self, event: &Event) -> Result<()> {
        if let Event::Ordered(Order { by: Actor::Person(person), .. }) | Event::Wrote { by: person, .. } = event {
            self.tx.uncount(Scope::Codes(person))?;
        }
        Ok(())
    }

    /// Asks whoever the commands would be done for. What would be refused is refused now, and not after a code.
    pub(super) fn ask(&mut self, ticket: &Ticket, order: &Order, sender: Option<&Address>) -> Result<()> {
        let (Actor::Person(to), Some(mail)) = (&order.by, order.mail) else { return Ok(()) };
        self.count(Scope::Codes(to))?;
        if self.tx.counted(Scope::Codes(to), self.slots(DAY))? >= CODES_PER_DAY {
            self.tx.count(Scope::Codes(to), FOREVER)?;
        }
        let tried = self.informed(ticket, order)?;
        let would = decide::decide(ticket, &Event::Ordered(tried), self.project, self.key, self.now);
        let number = self.next_notice;
        let to_reporter = |n: &&Notice| matches!(n.kind(), NoticeKind::Reply | NoticeKind::Update);
        let asks = About::Request(Box::new(says::Request {
            from: sender.filter(|sender| *sender != to).cloned(),
            lines: order.orders.lines.clone(),
            leaves: would.notices.iter().filter(to_reporter).map(|n| Arc::clone(&n.says)).collect(),
            text: order.orders.text.clone(),
            code: self.with_code(ticket, order, number, |parts| self.key.code(parts)),
            until: self.now.checked_add(GOOD).unwrap_or(self.now),
        }));
        let refused = would.answer.filter(|a| a.refused && a.says.kind() == NoticeKind::Answer);
        let waits = refused.is_none();
        let says = refused.map_or_else(|| Arc::new(Says::About(Arc::new(ticket.clone()), asks)), |a| a.says);
        let notice = desk(says, to, vec![NoticeKey::Unheard(mail)]);
        self.post(Notice { in_reply_to: order.reply_to.clone(), ..notice })?;
        self.count_provoked()?;
        if waits && self.next_notice > number { self.tx.add_request(number, mail, self.now) } else { Ok(()) }
    }

    /// Does what a code was made for, or says why not.
    pub(super) fn confirm(&mut self, ticket: &Ticket, given: &Order, notice: u32, mail: &Mail) -> Result<()> {
        let Some(asked) = self.tx.request(notice)? else { return Ok(()) };
        let why = match self.confirmed(ticket, given, notice, asked)? {
            Ok(order) => {
                self.tx.end_request(notice)?;
                if let Some(receipt) = self.tx.receipt_of(asked.mail)? {
                    let reason = "commands that nobody vouched for, done by their code";
                    self.tx.raise_receipt(receipt.number, receipt.disposition, receipt.ticket, reason)?;
                }
                return self.happen(Some(ticket.id), &Event::Ordered(order), mail).map(drop);
            }
            Err(why) => why,
        };
        let Actor::Person(to) = &given.by else { return Ok(()) };
        // Whoever saw the notice can send this as often as they like.
        if self.told_enough(Scope::Unheard(to))? || self.provoked()? >= self.project.limits.automatic_per_hour {
            return Ok(());
        }
        self.count(Scope::Unheard(to))?;
        self.count_provoked()?;
        let line = given.orders.written().join(" ");
        let about = About::Refused { line, column: None, why: why.into() };
        self.answer(given, mail, Says::About(Arc::new(ticket.clone()), about))
    }

    /// The commands that wait for a code, if it is theirs. They are read again from their mail, with what was known then.
    fn confirmed(
        &self,
        ticket: &Ticket,
        given: &Order,
        notice: u32,
        asked: Request,
    ) -> Result<std::result::Result<Order, &'static str>> {
        if asked.over {
            return Ok(Err("a code for these commands was given already; send them again to get another"));
        }
        if self.now < asked.at || self.now.duration_since(asked.at) > GOOD {
            return Ok(Err("the code is too old; send the commands again to get another"));
        }
        let raw = self.tx.raw(asked.mail)?;
        let stowed = Stowed::by_hand(asked.mail, &raw, asked.at, true);
        let (mail, prints) = read_one(&stowed);
        let once = Once::of(&stowed, &mail, &prints);
        if self.is_spent(&once)? {
            return Ok(Err("what that mail bears was obeyed before, in another mail"));
        }
        let identity = identity::identify(&mail, stowed.server(self.project), &Dkim::Unasked);
        let order = self.with_given(&stowed, &mail, &identity, (None, notice), request::order)?;
        let Some(order) = order.filter(|order| order.by == given.by) else {
            return Ok(Err("a code lets nobody do this any more; send the commands again to hear why"));
        };
        let code = request::code(&given.orders).unwrap_or_default();
        if !self.with_code(ticket, &order, notice, |parts| self.key.is_code(code, parts)) {
            self.tx.end_request(notice)?;
            return Ok(Err("that is not the code, and there is one try; send the commands again to get another"));
        }
        let mut copies = self.tx.same_mail(&prints)?;
        if let Some(id) = &mail.message_id {
            copies.extend(self.tx.same_id(id)?);
        }
        if copies.iter().any(|copy| copy.standing() == Standing::Command) {
            return Ok(Err("another copy of the mail came with proof, and was obeyed"));
        }
        self.spend(&once)?;
        Ok(Ok(order))
    }

    /// What a code is bound to: the ticket, the person, the mail, the notice, and the commands as they were read.
    fn with_code<T>(&self, ticket: &Ticket, order: &Order, notice: u32, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let person = if let Actor::Person(person) = &order.by { person.key() } else { String::new() };
        let (ticket, mail) = (ticket.id.0.to_be_bytes(), order.mail.unwrap_or(MailRef(0)).0.to_be_bytes());
        let (lines, text) = (order.orders.written().join("\n"), &order.orders.text);
        then(&[&ticket, person.as_bytes(), &mail, &notice.to_be_bytes(), lines.as_bytes(), text.as_bytes()])
    }
}
