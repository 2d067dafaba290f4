//! What a mail refers to, and whether its signatures are worth a question.

use super::through::{self};
use crate::command::{self};
use crate::mail::Mail;
use crate::mail::automatic::{Bounce, Passed};
use crate::mail::identity::Identity;
use crate::mail::passage::Way;
use crate::mail::signature::Share;
use crate::notice::codename::Codename;
use crate::project::{AcknowledgeWhom, Person, Project};
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::{Address, MessageId, TicketId};

/// What a mail refers to, proven by our key or merely claimed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// A valid token in an address that it was sent to, else in a Message-ID that it answers.
    pub token: Option<Token>,
    /// Our own mail came back: its Message-ID is one of ours, or it bears our mark.
    pub own: Option<Token>,
    /// It bears our mark under another sender's name: an echo.
    pub echo: Option<Token>,
    /// The notice that a delivery report is about: it came to the notice's envelope sender, or returns its Message-ID or
    /// our mark.
    pub bounced: Option<Token>,
    /// What the returned mail of a delivery report answers: of an answer by hand, a mail of its ticket.
    pub returned: Vec<MessageId>,
    /// The ticket that a notice was about which the returned mail answers.
    pub returned_ticket: Option<TicketId>,
    /// It came to the envelope sender of a notice.
    pub to_envelope: bool,
    /// The Message-IDs that it answers and that are not ours: the reporter's own, perhaps.
    pub references: Vec<MessageId>,
    /// A ticket number in its subject, `[SEC-17]`: a hint and no more.
    pub subject_tag: Option<TicketId>,
    /// Its subject names the ticket of its token, by number or by codename.
    pub named: bool,
}

impl Claims {
    /// What a mail refers to.
    pub(crate) fn of(mail: &Mail, project: &Project, key: &Key) -> Self {
        let domain = project.address.domain();
        let in_id = |id: &MessageId| Token::in_message_id(id, domain, key).filter(|t| t.purpose.answers());
        let addressed = |wanted: fn(Purpose) -> bool| {
            let ours = [&project.mailbox, &project.address];
            let token = |a: &Address| ours.iter().find_map(|o| Token::in_address(a, o, key));
            mail.recipients.iter().filter_map(token).find(|t| wanted(t.purpose))
        };
        let answered = || mail.references.iter().rev().find_map(in_id);
        let envelope = addressed(|p| p == Purpose::Bounce || p == Purpose::Check);
        let loops = |mark: &String| Token::verify(mark, key).filter(|t| t.purpose.marks());
        let own_id = |id: &MessageId| {
            Token::in_message_id(id, domain, key).filter(|t| t.purpose.answers() || t.purpose == Purpose::Check)
        };
        let mark = mail.mark.as_ref().and_then(loops);
        let returned = |b: &Bounce| b.message_ids.iter().find_map(in_id).or_else(|| b.mark.as_ref().and_then(loops));
        let ours = mail.from.as_ref() == Ok(&project.address);
        let (token, subject_tag) =
            (addressed(Purpose::answers).or_else(answered), subject_tag(&mail.subject, &project.prefix));
        let codename =
            |t: TicketId| mail.subject.to_lowercase().contains(&Codename::of(t, key).to_string().to_lowercase());
        Self {
            token,
            // What tries whether mail comes through may come from another provider.
            own: mail.message_id.as_ref().and_then(own_id).or(mark).filter(|t| ours || t.purpose == Purpose::Check),
            echo: mark.filter(|t| !ours && t.purpose != Purpose::Check),
            bounced: envelope.or_else(|| mail.bounce.as_ref().and_then(returned)),
            returned: mail.bounce.as_ref().map_or(Vec::new(), |b| b.references.clone()),
            returned_ticket: mail.bounce.as_ref().and_then(|b| b.references.iter().rev().find_map(in_id)?.ticket),
            to_envelope: envelope.is_some(),
            references: mail.references.iter().filter(|id| in_id(id).is_none()).cloned().collect(),
            subject_tag,
            named: token.and_then(|t| t.ticket).is_some_and(|t| subject_tag == Some(t) || codename(t)),
        }
    }

    /// The token, if it was given to that person.
    pub(crate) fn token_of(&self, person: &Person) -> Option<Token> {
        self.token.filter(|t| t.purpose == Purpose::Person && t.party == token::party(&person.address))
    }

    /// The notices that left, as far as this mail proves it: the database that made them knows each.
    pub(crate) fn notices(&self) -> impl Iterator<Item = Token> + use<> {
        [self.token, self.own, self.echo, self.bounced].into_iter().flatten().filter(Token::is_of_notice)
    }
}

fn subject_tag(subject: &str, prefix: &str) -> Option<TicketId> {
    let inside = |part: &str| {
        part.split_once(']').and_then(|(tag, _)| TicketId::parse(tag, prefix).filter(|_| tag.contains('-')))
    };
    subject.split('[').skip(1).take(10).find_map(inside)
}

/// Whether a check of the DKIM signatures could change what is done with a mail. Names are asked for only where it
/// could, since the mail chooses them: for a person of the project who commands or answers, for somebody who refers
/// to an earlier mail and may be the reporter of a ticket, and for all where acknowledgements need it: by the config, or
/// because they are `scarce`, and only the reserve is left, which is for the believed. `None` where it could not.
pub(crate) fn wants_dkim(
    mail: &Mail,
    project: &Project,
    claims: &Claims,
    identity: &Identity,
    scarce: bool,
) -> Option<Share> {
    let from = mail.from.as_ref().ok()?;
    // A way of the operator's counts only where somebody vouches for it.
    let ways: Vec<&Way> = through::says(mail, project).collect();
    let passed = ways.iter().map(|way| way.passed()).max().unwrap_or(Passed::Directly);
    let vouched = ways.iter().all(|way| identity.vouched.iter().any(|domain| way.covers(domain)));
    // Our server looks for the domain of the From alone.
    let pinned = project.person(from).is_some_and(|p| !p.dkim_domains.is_empty());
    let program = mail.signs.automatic(passed).is_some() || mail.bounce.is_some() || claims.own.is_some();
    if !project.dkim || program || identity.forged() && ways.is_empty() && !pinned || identity.believed() && vouched {
        return None;
    }
    let refers = !claims.references.is_empty();
    let speaks = || {
        let answers = claims.token.is_some_and(|t| t.ticket.is_some());
        answers || refers || !command::split(&mail.reply_text).lines.is_empty()
    };
    if project.person(from).is_some_and(Person::commands) && speaks() {
        let theirs = |t: &Token| t.purpose == Purpose::Person && t.party == token::party(from);
        Some(if claims.token.as_ref().is_some_and(theirs) { Share::Holder } else { Share::Named })
    } else {
        let matters = refers || !ways.is_empty() || scarce || project.acknowledge == AcknowledgeWhom::Believed;
        matters.then_some(Share::Strangers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::read;

    fn desk() -> (Project, Key) {
        let config = crate::config::Config::parse(
            "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[inbox]\nmaildir = \"in\"\n[outgoing]\n\
             maildir = \"out\"\n[[person]]\nname = \"A\"\naddress = \"a@example.org\"\n",
            std::path::Path::new("config.toml"),
        );
        (config.unwrap().project(), Key::new([7; token::KEY_LENGTH]))
    }

    /// A signature without To vouches for a command only where the signed subject names the ticket of the token.
    #[test]
    fn a_subject_names_the_ticket_of_the_token_and_no_other() {
        let (project, key) = desk();
        let token = Token { purpose: Purpose::Person, party: 1, ticket: Some(TicketId(3)), notice: 1 };
        let reference = token.reference(&key, "example.org").unwrap();
        let codename = Codename::of(TicketId(3), &key).to_string();
        let other = Codename::of(TicketId(4), &key).to_string();
        for (subject, named) in [
            ("Re: [SEC-3] Done".to_owned(), true),
            (format!("Re: {}", codename.to_uppercase()), true),
            ("Re: [SEC-4] Done".to_owned(), false),
            (format!("Re: {other}"), false),
            ("Re: SEC-3".to_owned(), false),
            (String::new(), false),
        ] {
            let raw = format!("From: a@example.org\r\nReferences: {reference}\r\nSubject: {subject}\r\n\r\n/ack\r\n");
            let claims = Claims::of(&read::read(raw.as_bytes()), &project, &key);
            assert_eq!((claims.token, claims.named), (Some(token), named), "{subject}");
        }
    }

    /// Of a chain of notices whose Message-IDs a server replaced, an answer is one to the newest; what it says that it
    /// answers comes before.
    #[test]
    fn of_several_tokens_the_nearest_is_answered() {
        let (project, key) = desk();
        let token = |notice| Token { purpose: Purpose::Person, party: 1, ticket: Some(TicketId(1)), notice };
        let reference = |n, purpose| Token { purpose, ..token(n) }.reference(&key, "example.org").unwrap();
        let (one, two) = (reference(1, Purpose::Person), reference(2, Purpose::Person));
        let forged = Token::reference(&token(9), &Key::new([8; token::KEY_LENGTH]), "example.org").unwrap();
        let chain = format!("References: <r@x.example> {one} <a@relay.example>\r\n <b@x.example> {two}");
        for (fields, expect) in [
            (format!("{chain} <c@relay.example>\r\nIn-Reply-To: <c@relay.example>"), Some(2)),
            (chain.clone(), Some(2)),
            (format!("{chain} {forged} {}", reference(3, Purpose::Bounce)), Some(2)),
            (format!("{chain}\r\nIn-Reply-To: {}", token(1).message_id(&key, "example.org").unwrap()), Some(1)),
            ("In-Reply-To: <c@relay.example>".to_owned(), None),
        ] {
            let mail = read::read(format!("From: a@example.org\r\n{fields}\r\n\r\n/ack\r\n").as_bytes());
            let claims = Claims::of(&mail, &project, &key);
            assert_eq!(claims.token.map(|t| t.notice), expect, "{fields}");
            assert!(claims.own.is_none() && !claims.references.contains(&one) && !claims.references.contains(&two));
        }
    }
}
