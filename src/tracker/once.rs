//! Once: what was obeyed is spent.

use super::reading::Stowed;
use super::work::Work;
use crate::mail::Mail;
use crate::mail::identity::Identity;
use crate::mail::prints::{print_of, prints};
use crate::rules::event::Order;
use crate::store::Result;
use crate::ticket::Actor;
use crate::vocabulary::{MailRef, Print, TicketId};

/// What a mail is known by, where it must not be obeyed as another one.
pub(super) struct Once {
    mail: MailRef,
    prints: Vec<Print>,
    /// The fingerprints of its copies, which are no other mail.
    copies: Vec<Print>,
}

impl Once {
    /// Of a mail as read, with its fingerprints.
    pub(super) fn of(stowed: &Stowed<'_>, mail: &Mail, copies: &[Print]) -> Self {
        Self { mail: stowed.mail, prints: prints(mail, stowed.raw), copies: copies.to_vec() }
    }
}

impl Work<'_> {
    /// Whether any of it was spent by another mail.
    pub(super) fn is_spent(&self, once: &Once) -> Result<bool> {
        self.tx.is_spent(&once.prints, once.mail, &once.copies)
    }

    /// Spends all of it: the mail is obeyed, or a person's word.
    pub(super) fn spend(&self, once: &Once) -> Result<()> {
        self.tx.spend(&once.prints, once.mail, self.now)
    }

    /// Whether anybody vouches, and for this mail.
    pub(super) fn unless_spent(&self, identity: Identity, once: &Once) -> Result<Identity> {
        Ok(if identity.believed() && self.is_spent(once)? { identity.spent() } else { identity })
    }

    /// Whether a person gave the same commands before, in answer to the same notice; from now on they have.
    pub(super) fn is_repeated(&self, ticket: TicketId, order: &Order) -> Result<bool> {
        let (Actor::Person(person), Some(notice), Some(mail)) = (&order.by, order.answers, order.mail) else {
            return Ok(false);
        };
        let numbers = format!("{} {notice}", ticket.0);
        let lines = order.orders.written().join("\n");
        let print = [print_of(&["commands", &person.key(), &numbers, &lines, &order.orders.text])];
        let repeated = self.tx.is_spent(&print, mail, &[])?;
        self.tx.spend(&print, mail, self.now)?;
        Ok(repeated)
    }
}
