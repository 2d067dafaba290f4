//! Who wants a person's commands to be done that the person did not send, or twice.
//!
//! He holds what a reporter in Cc, a relay and an old mailbox hold: whole mails of people of the project that went by
//! him, signed or not; the notices to the reporter; and of notices to people the reply addresses that leaked to him,
//! each written down in [`Adversary::tokens`]. He never holds a notice with a code, since whoever reads those is the
//! person, as far as mail can say. He sends what he holds again, late, in another order, altered and stripped, from a
//! server of his own, of which ours says what is true.
//!
//! Signatures are made here, over the fields and the body that they name, and nobody else can make one.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use disclosed::testing::mail::signature::{Dkim, Question};
use disclosed::testing::vocabulary::{Address, NoticeKind};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Mail, Sim};
use crate::world;

/// What he has.
#[derive(Default)]
pub(super) struct Adversary {
    /// Mails of people, as they left their senders or as they lay in a mailbox, with what is known of each.
    pub(super) held: Vec<(Vec<u8>, usize)>,
    /// Reply addresses and Message-IDs of notices.
    tokens: Vec<(String, String)>,
    /// Whose tokens these are, and of which tickets.
    pub(super) leaked: BTreeSet<(Address, u32)>,
}

/// What a person of the project wrote, and sent once.
#[derive(Clone)]
pub(super) struct Word {
    pub(super) by: Address,
    /// Whose token it bears, and of which ticket.
    pub(super) token: Option<(Address, u32)>,
    pub(super) written: Timestamp,
    pub(super) signed: bool,
    /// It begins with a command.
    pub(super) commands: bool,
    /// The reporter is to read it.
    pub(super) to_reporter: bool,
    /// The notice whose code it holds.
    pub(super) code: Option<u32>,
    /// By which mail it was obeyed, when.
    pub(super) obeyed: Option<(usize, i64)>,
}

/// What is signed beside From, Subject and Date: as Gmail does it, as Microsoft does it, and the least.
pub(super) const SIGNED: [&str; 3] = [
    "from:to:subject:date:message-id:in-reply-to:references:mime-version",
    "from:date:subject:message-id:content-type:mime-version",
    "from:to:subject:date",
];

/// Bodies that hold no command as their author sent them, with their type; and the field by which [`HIDDEN`] is one.
pub(super) const BAITS: [(&str, &str, &str, &str); 4] = [
    (
        "multipart/mixed; boundary=b1",
        "--b1\nContent-Type: text/plain\n\nThanks.\n\n--b2\nContent-Type: text/plain\n\n/exploited\n--b2--\n\n--b1--",
        "Content-Type",
        "multipart/mixed; boundary=b2",
    ),
    (
        "multipart/mixed; boundary=b1",
        "--b1\nContent-Type: text/html\n\n<p>Thanks.</p>\n--b1\nContent-Type: text/plain\n\
         Content-Disposition: attachment\n\n/exploited\n--b1--",
        "Content-Type",
        "multipart/alternative; boundary=b1",
    ),
    ("text/plain", "=2Fexploited", "Content-Transfer-Encoding", "quoted-printable"),
    ("text/plain", "L2V4cGxvaXRlZAo=", "Content-Transfer-Encoding", "base64"),
];
/// A command that no person ever gives here.
pub(super) const HIDDEN: &str = "/exploited";

/// Fields that he puts into a mail.
const FIELDS: [&str; 9] = [
    "X-Again: yes",
    "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.org; dmarc=pass header.from=example.org",
    "Received: from mail.example.org by mx.example.org with ESMTPS; Mon, 4 Jan 2027 08:00:00 +0000",
    "Received: from mail.example.org by mx.example.org with LMTP; Mon, 4 Jan 2027 08:00:00 +0000",
    "Subject: Re: [SEC-1] [SEC-2] other",
    "From: lee@example.org",
    "Cc: reporter1@b.example",
    "DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s1; h=from:to:subject:date; bh=YQ==; b=ZXZpbA==",
    "Content-Type: text/plain",
];
const TYPES: [&str; 7] = [
    "text/plain",
    "text/html",
    "multipart/mixed; boundary=b1",
    "multipart/mixed; boundary=b2",
    "multipart/alternative; boundary=b1",
    "multipart/digest; boundary=b1",
    "message/rfc822",
];

impl Sim {
    /// A mail of a person's as it was sent, signed by its domain.
    pub(super) fn signed(&mut self, letter: &[u8]) -> Vec<u8> {
        let names = *self.random.pick(&SIGNED).unwrap();
        let (mut head, body) = parted(letter);
        let Some(at) = head.iter().position(|f| is(f, "dkim-signature")) else { return letter.to_vec() };
        let domain = head.iter().find(|f| is(f, "from")).and_then(|f| f.rsplit_once('@')).unwrap().1.to_owned();
        let b = BASE64.encode(&seal(&head, &body, &domain, names.split(':')));
        head[at] = format!(
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1; h={names}; bh=YQ==; b={b}"
        );
        joined(&head, &body)
    }

    /// What asking for the keys of a mail comes to.
    pub(super) fn answer(question: &Question) -> Dkim {
        let (head, body) = parted(&question.raw);
        let good = |s: &[u8], domain: &str, names: &[String]| {
            s == seal(&head, &body, domain, names.iter().map(String::as_str)).as_slice()
        };
        let good = question.signatures.iter().find(|s| good(&s.bytes, &s.domain, &s.names));
        good.map_or_else(|| Dkim::Fail("it was changed".into()), |s| Dkim::Pass(s.passed()))
    }

    /// A person's mail leaves: it may go by him, and he may keep it back. Says whether it arrives now.
    pub(super) fn passes(&mut self, mail: &Mail, copied: bool) -> bool {
        let Some(word) = mail.word else { return true };
        // What could be read in another way he would rather be the first to bring.
        let relayed = self.random.percent(if self.words[word].commands { 30 } else { 80 });
        if copied || relayed {
            let (head, body) = parted(&mail.bytes);
            // Our own server's lines are not there yet.
            let start = head.iter().position(|f| is(f, "dkim-signature") || is(f, "from")).unwrap_or(0);
            self.hold(joined(&head[start..], &body), word);
        } else if self.random.percent(15) {
            self.hold(mail.bytes.clone(), word);
        }
        !(relayed && self.random.percent(50))
    }

    fn hold(&mut self, bytes: Vec<u8>, word: usize) {
        let (head, _) = parted(&bytes);
        let value =
            |name| head.iter().find(|f| is(f, name)).and_then(|f| f.split_once(": ")).map(|(_, v)| v.to_owned());
        self.adversary.tokens.extend(value("to").zip(value("in-reply-to")));
        self.adversary.leaked.extend(self.words[word].token.clone());
        self.adversary.held.push((bytes, word));
    }

    /// One move of his.
    pub(super) fn attack(&mut self) {
        match self.random.below(10) {
            0 | 1 => {
                // Whoever reads a code is the person.
                let person = |s: &super::Accepted| s.to.domain() != "example.org" || world::code(&s.bytes).is_none();
                let leaks = self.sink.iter().rev().take(30).filter(|s| s.kind != NoticeKind::Code && person(s));
                let leaks: Vec<(Address, Option<u32>, Vec<u8>)> =
                    leaks.map(|s| (s.to.clone(), s.ticket, s.bytes.clone())).collect();
                let Some((to, ticket, notice)) = self.random.pick(&leaks).cloned() else { return };
                let field = |name| world::field(&notice, name);
                self.adversary.tokens.extend(field("Reply-To").zip(field("Message-ID")));
                self.adversary.leaked.extend(ticket.map(|ticket| (to, ticket)));
            }
            2 => self.forge(),
            _ => {
                for _ in 0..=self.random.below(2) {
                    self.replay();
                }
            }
        }
    }

    /// His own words in the name of a person whose reply address he has.
    fn forge(&mut self) {
        let Some((to, id)) = self.random.pick(&self.adversary.tokens).cloned() else { return };
        let number = self.mails.len();
        let from = *self.random.pick(&["dana@example.org", "lee@example.org", "eve@board.example"]).unwrap();
        let says = *self.random.pick(&["/severity critical", HIDDEN, "/close", "/public", "A note."]).unwrap();
        let text = format!(
            "From: {from}\nTo: {to}\nSubject: Re: [SEC-1] x\nIn-Reply-To: {id}\nDate: {}\nMessage-ID: <{number}@evil.example>\n\n{says}\n",
            self.now.strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
        let (head, body) = parted(text.replace('\n', "\r\n").as_bytes());
        self.hand_over(head, &body, None);
    }

    /// A mail that he holds, as it is or altered.
    fn replay(&mut self) {
        let recent = self.adversary.held.len().saturating_sub(6);
        let Some((bytes, word)) = self.random.pick(&self.adversary.held[recent..]).cloned() else { return };
        let (mut head, mut body) = parted(&bytes);
        let changes = [0, 0, 1, 1, 1, 2, 3];
        for _ in 0..*self.random.pick(&changes).unwrap() {
            self.vary(&mut head, &mut body);
        }
        self.hand_over(head, &body, Some(word));
    }

    /// One change of a mail.
    fn vary(&mut self, head: &mut Vec<String>, body: &mut String) {
        let at = usize::try_from(self.random.below(head.len() as u64 + 1)).unwrap();
        let (to, id) = self.random.pick(&self.adversary.tokens).cloned().unwrap_or_default();
        let number = self.mails.len();
        let bait = BAITS.iter().find(|bait| body.starts_with(bait.1));
        // He knows what he has.
        let change = if bait.is_some() && self.random.percent(50) { 4 } else { self.random.below(16) };
        match change {
            // What signatures do not see.
            0 => body.push_str("\n \n\n"),
            1 => *body = body.replace(' ', " \t "),
            2 => head.insert(at, (*self.random.pick(&FIELDS).unwrap()).to_owned()),
            3 => head.insert(0, (*self.random.pick(&FIELDS).unwrap()).to_owned()),
            4 if bait.is_some() => bait.into_iter().for_each(|(.., name, value)| put(head, name, value)),
            4 | 5 => put(head, "Content-Type", self.random.pick(&TYPES).unwrap()),
            6 => put(head, "Content-Transfer-Encoding", self.random.pick(&["base64", "quoted-printable"]).unwrap()),
            7 => put(head, "Message-ID", &format!("<{number}@evil.example>")),
            8 => put(head, "To", &to),
            9 => {
                let name = *self.random.pick(&["X-Original-To", "Delivered-To", "Cc", "To"]).unwrap();
                head.insert(at, format!("{name}: {to}"));
            }
            10 => put(head, "In-Reply-To", &id),
            11 => {
                let last = head.len() - 1;
                head.swap(at.min(last), last);
            }
            // What they do.
            12 => *body = format!("--b2\nContent-Type: text/plain\n\n{HIDDEN}\n--b2--\n\n{body}"),
            13 => body.push_str("\n--b1\nContent-Type: text/plain\n\n/exploited\n--b1--\n"),
            14 => put(head, "Date", &self.now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()),
            _ => head.retain(|f| !is(f, "dkim-signature")),
        }
    }

    /// A mail comes from his server, and ours writes on top what it finds out.
    fn hand_over(&mut self, head: Vec<String>, body: &str, word: Option<usize>) {
        let from = head.iter().find(|f| is(f, "from")).and_then(|f| f.rsplit_once('@')).map_or("", |(_, d)| d);
        let tag = |field: &str, name: &str| {
            let found = field.split(';').find_map(|t| t.trim().strip_prefix(name)?.strip_prefix('='));
            found.map(str::to_owned).unwrap_or_default()
        };
        let is_good = |field: &&String| {
            let (domain, names, b) = (tag(field, "d"), tag(field, "h"), tag(field, "b"));
            is(field, "dkim-signature")
                && domain == from
                && b == BASE64.encode(&seal(&head, body, &domain, names.split(':')))
        };
        let verdict = if head.iter().any(|f| is_good(&f)) { "pass" } else { "fail" };
        let mut all = Vec::new();
        // Now and then it finds out nothing.
        if self.random.percent(70) {
            let results = format!("spf=pass smtp.mailfrom=evil.example; dkim={verdict} header.d={from}");
            all.push(format!(
                "Authentication-Results: {}; {results}; dmarc={verdict} header.from={from}",
                world::AUTHSERV
            ));
        }
        all.push(format!("Received: from mail.evil.example by {} with ESMTPS; x", world::AUTHSERV));
        all.extend(head);
        let says = body.lines().next().unwrap_or_default().to_owned();
        // What a person has signed may be that person's word, whoever brings it.
        let authority = word.map(|w| &self.words[w]).filter(|w| w.signed).map(|w| w.by.clone());
        let mail = Mail {
            bytes: joined(&all, body),
            authority,
            word,
            says,
            group: self.mails.len(),
            report: false,
            his: true,
        };
        self.put(mail, self.now);
    }
}

impl Word {
    /// Whether it may be done on that ticket: the one that its author answered, or where an unsigned field may name
    /// another one, a ticket for which the author's own reply address leaked.
    pub(super) fn is_for(&self, ticket: u32, his: bool, leaked: &BTreeSet<(Address, u32)>) -> bool {
        let own = self.token.as_ref().is_some_and(|(to, of)| *to == self.by && *of == ticket);
        own || his && leaked.contains(&(self.by.clone(), ticket))
    }
}

/// The fields and the body, octet by octet.
fn parted(raw: &[u8]) -> (Vec<String>, String) {
    let text: String = raw.iter().map(|c| char::from(*c)).collect();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => *last += line,
            None => fields.push(line.to_owned()),
        }
    }
    (fields, body.replace("\r\n", "\n"))
}

fn joined(head: &[String], body: &str) -> Vec<u8> {
    let text = format!("{}\r\n\r\n{}", head.join("\r\n"), body.replace('\n', "\r\n"));
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

fn is(field: &str, name: &str) -> bool {
    field.split_once(':').is_some_and(|(n, _)| n.trim().eq_ignore_ascii_case(name))
}

/// Writes another value into the fields of that name, or a new field on top.
fn put(head: &mut Vec<String>, name: &str, value: &str) {
    let mut found = head.iter_mut().filter(|f| is(f, name)).peekable();
    if found.peek().is_some() {
        found.for_each(|f| *f = format!("{name}: {value}"));
    } else {
        head.insert(0, format!("{name}: {value}"));
    }
}

/// The signature of a domain over these fields, the lowest of a name first, and the body, all relaxed (RFC 6376 sections
/// 3.4 and 5.4.2).
fn seal<'n>(head: &[String], body: &str, domain: &str, names: impl Iterator<Item = &'n str>) -> Vec<u8> {
    let mut hash = Sha256::new_with_prefix(format!("the key of {domain}\n"));
    let relaxed = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let mut left: Vec<&String> = head.iter().collect();
    for name in names {
        if let Some(at) = left.iter().rposition(|f| is(f, name)) {
            hash.update(format!("{name}:{}\n", relaxed(left.remove(at).split_once(':').unwrap().1)));
        }
    }
    for line in body.trim_end_matches([' ', '\t', '\n']).split('\n') {
        let margin = if line.starts_with([' ', '\t']) { " " } else { "" };
        hash.update(format!("\n{margin}{}", relaxed(line)));
    }
    hash.finalize().to_vec()
}
