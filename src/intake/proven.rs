//! Which ticket a mail was the report of, as far as the mail of a folder proves it, where the database is lost.
//!
//! A number is proven by a token and by nothing else: by our own answer to the report, or by a mail that answers us. Either
//! refers to the report by its Message-ID, which its writer chose, so that it must also be a token that was given to the
//! very address that the report came from: whoever has a token of their own cannot bind somebody else's report to it.
//! What is proven twice, in two ways, is not proven: a number must never denote another report than it did.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::claims::Claims;
use crate::mail::Mail;
use crate::project::Project;
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::{MailRef, MessageId, TicketId};

/// What one mail of the folder is, and what it proves.
#[derive(Clone, Debug)]
pub(crate) struct Lying {
    /// The mail; `None` for one that lies where only our own answers lie, and is no report.
    pub mail: Option<MailRef>,
    received: Timestamp,
    message_id: Option<MessageId>,
    /// The print of the address that it is from.
    party: Option<u32>,
    /// What it answers that is not ours.
    references: Vec<MessageId>,
    tokens: Vec<Token>,
}

impl Lying {
    /// What is to be known of a mail.
    pub(crate) fn of(stored: Option<MailRef>, received: Timestamp, mail: &Mail, project: &Project, key: &Key) -> Self {
        let claims = Claims::of(mail, project, key);
        Self {
            mail: stored,
            received,
            message_id: mail.message_id.clone(),
            party: mail.answerable.as_ref().map(token::party),
            references: claims.references.clone(),
            tokens: claims.notices().collect(),
        }
    }
}

/// What the mails of a folder prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proven {
    /// The reports whose number is proven.
    pub numbers: BTreeMap<MailRef, TicketId>,
    /// The highest notice and the highest ticket that any token names.
    pub highest: (u32, u32),
}

/// What these mails prove together.
pub(crate) fn proven(all: &[Lying]) -> Proven {
    let tokens = || all.iter().flat_map(|lying| &lying.tokens);
    let notice = tokens().map(|t| t.notice).max().unwrap_or(0);
    let ticket = tokens().filter_map(|t| t.ticket).map(|t| t.0).max().unwrap_or(0);
    // Of several copies the earliest: what names a Message-ID before it was known cannot be made.
    let mut reports: BTreeMap<(&str, u32), &Lying> = BTreeMap::new();
    for lying in all.iter().filter(|l| l.mail.is_some() && l.tokens.is_empty()) {
        let (Some(id), Some(party)) = (&lying.message_id, lying.party) else { continue };
        let first = reports.entry((id.as_str(), party)).or_insert(lying);
        if (lying.received, lying.mail) < (first.received, first.mail) {
            *first = lying;
        }
    }
    let (mut of_ticket, mut of_mail) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for lying in all {
        for token in lying.tokens.iter().filter(|t| t.purpose == Purpose::Reporter) {
            let Some(ticket) = token.ticket else { continue };
            let named = lying.references.iter().filter_map(|id| reports.get(&(id.as_str(), token.party))?.mail);
            for mail in named {
                of_ticket.entry(ticket).or_default().insert(mail);
                of_mail.entry(mail).or_default().insert(ticket);
            }
        }
    }
    let one = |(mail, tickets): (MailRef, BTreeSet<TicketId>)| {
        let ticket = tickets
            .first()
            .copied()
            .filter(|t| tickets.len() == 1 && of_ticket.get(t).is_some_and(|m| m.len() == 1))?;
        Some((mail, ticket))
    };
    Proven { numbers: of_mail.into_iter().filter_map(one).collect(), highest: (notice, ticket) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::read;
    use crate::vocabulary::Address;

    fn party(address: &str) -> u32 {
        token::party(&Address::parse(address).unwrap())
    }

    fn key() -> Key {
        Key::new([7; token::KEY_LENGTH])
    }

    /// The numbers that are proven, of mails that are given as (from, Message-ID, what it refers to).
    fn check(mails: &[(&str, &str, Vec<String>)]) -> Vec<(i64, u32)> {
        let config = "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[inbox]\nmaildir = \"in\"\n[outgoing]\n\
                      maildir = \"out\"\n[[person]]\nname = \"A\"\naddress = \"a@example.org\"\n";
        let config = crate::config::Config::parse(config, std::path::Path::new("config.toml")).unwrap();
        let lying: Vec<Lying> = mails
            .iter()
            .zip(1_i64..)
            .map(|((from, id, refers), n)| {
                let raw =
                    format!("From: {from}\r\nMessage-ID: <{id}>\r\nReferences: {}\r\n\r\ntext\r\n", refers.join(" "));
                let mail = read::read(raw.as_bytes());
                let at = Timestamp::from_second(n).unwrap();
                Lying::of(Some(MailRef(n)), at, &mail, &config.project(), &key())
            })
            .collect();
        let proven = proven(&lying);
        let mut numbers: Vec<(i64, u32)> = proven.numbers.iter().map(|(mail, ticket)| (mail.0, ticket.0)).collect();
        numbers.sort_unstable();
        let distinct: BTreeSet<u32> = numbers.iter().map(|(_, ticket)| *ticket).collect();
        assert_eq!(distinct.len(), numbers.len(), "no number twice");
        numbers
    }

    /// The Message-ID of a notice to somebody about a ticket.
    fn notice(purpose: Purpose, to: &str, ticket: u32, notice: u32) -> String {
        let token = Token { purpose, party: party(to), ticket: Some(TicketId(ticket)), notice };
        token.message_id(&key(), "example.org").unwrap().to_string()
    }

    #[test]
    fn a_number_is_proven_by_a_token_that_was_given_to_whoever_reported() {
        let (r, x) = ("r@example.test", "x@example.test");
        let to = |who, ticket, n| notice(Purpose::Reporter, who, ticket, n);
        let id = |id: &str| format!("<{id}>");
        let report = (r, "1@r", vec![]);
        let answer = |ticket| (r, "2@r", vec![id("1@r"), to(r, ticket, 3)]);
        assert_eq!(check(&[report.clone(), answer(17)]), [(1, 17)]);
        assert_eq!(check(&[answer(17), report.clone()]), [(2, 17)], "in whatever order they lie there");
        assert_eq!(check(std::slice::from_ref(&report)), []);
        // Our own answer, where it is filed.
        let own = ("s@example.org", to(r, 17, 3).trim_matches(['<', '>']).to_owned());
        assert_eq!(check(&[report.clone(), (own.0, &own.1, vec![id("1@r")])]), [(1, 17)]);
        // A token of one's own binds nobody else's report, and that of a person of the project binds none.
        assert_eq!(check(&[report.clone(), (x, "2@x", vec![id("1@r"), to(x, 18, 3)])]), []);
        assert_eq!(
            check(&[report.clone(), ("a@example.org", "2@a", vec![id("1@r"), notice(Purpose::Person, r, 17, 3)])]),
            []
        );
        // Forged with another key.
        let other = Token { purpose: Purpose::Reporter, party: party(r), ticket: Some(TicketId(17)), notice: 3 };
        let forged = other.message_id(&Key::new([8; token::KEY_LENGTH]), "example.org").unwrap().to_string();
        assert_eq!(check(&[report.clone(), (r, "2@r", vec![id("1@r"), forged])]), []);
        // Two of one number, two numbers of one: neither.
        let second = (r, "5@r", vec![]);
        assert_eq!(check(&[report.clone(), second.clone(), (r, "2@r", vec![id("1@r"), id("5@r"), to(r, 17, 3)])]), []);
        assert_eq!(check(&[report.clone(), answer(17), (r, "3@r", vec![id("1@r"), to(r, 18, 4)])]), []);
        // A second copy of the report is no other report.
        assert_eq!(check(&[report.clone(), report.clone(), answer(17)]), [(1, 17)]);
        // Several with their own numbers.
        let both = [report, answer(17), second, (r, "6@r", vec![id("5@r"), to(r, 4, 9)])];
        assert_eq!(check(&both), [(1, 17), (3, 4)]);
    }
}
