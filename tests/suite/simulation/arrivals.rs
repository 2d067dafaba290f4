//! What arrives in the simulated mailbox: reports, answers, commands with and without authority, automatic mail, bounces,
//! copies, damage, and octets that are no mail at all.

use disclosed::testing::command;
use disclosed::testing::vocabulary::{Address, NoticeKind, TicketId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::adversary::{BAITS, Word};
use super::{Accepted, Item, Mail, Sim};
use crate::world::{self, Letter, Proof};

impl Mail {
    fn of_nobody(bytes: Vec<u8>, group: usize, report: bool) -> Self {
        Self { bytes, authority: None, word: None, says: String::new(), his: false, group, report }
    }
}

impl Sim {
    pub(super) fn uid(&mut self) -> u32 {
        self.next_uid += 1;
        self.next_uid
    }

    pub(super) fn renumber(&mut self) {
        self.validity += 1;
        self.next_uid = 0;
        for at in 0..self.folder.len() {
            self.folder[at].uid = self.uid();
        }
    }

    pub(super) fn arrive(&mut self) {
        let number = self.mails.len();
        let mail = self.make(number);
        let mail = mail.unwrap_or_else(|| self.report(number));
        let received = match self.random.below(10) {
            0 => self.now - self.random.minutes(60 * 24 * 12),
            1 => self.now + self.random.minutes(600),
            _ => self.now,
        };
        self.put(mail, received);
        if self.random.percent(8) {
            let uid = self.uid();
            self.folder.push(Item { uid, mail: number, received });
        }
    }

    pub(super) fn put(&mut self, mail: Mail, received: Timestamp) {
        let (uid, number) = (self.uid(), self.mails.len());
        self.known.entry(Sha256::digest(&mail.bytes).to_vec()).or_insert((number, self.now));
        self.mails.push(mail);
        self.folder.push(Item { uid, mail: number, received });
    }

    pub(super) fn report(&mut self, number: usize) -> Mail {
        let sender = self.random.below(12);
        let domain = ["a.example", "b.example", "c.example"][usize::try_from(sender % 3).unwrap()];
        let from = format!("reporter{sender}@{domain}");
        let proof = *self.random.pick(&[Proof::Silent, Proof::Vouched, Proof::Vouched, Proof::Forged]).unwrap();
        let letter = Letter {
            from: Some(from),
            proof,
            id: format!("<{number}@{domain}>"),
            date: self.now,
            headers: vec![format!("Subject: Report zq-{number}")],
            body: format!("zq-{number} overflows.\n"),
            ..Letter::default()
        };
        Mail::of_nobody(letter.bytes(), number, true)
    }

    pub(super) fn make(&mut self, number: usize) -> Option<Mail> {
        let plain = |letter: Letter| Some(Mail::of_nobody(letter.bytes(), number, false));
        let id = format!("<{number}@x.example>");
        let code_waits = self.sink.iter().rev().take(8).any(|s| s.kind == NoticeKind::Code);
        if code_waits && self.random.percent(60) {
            return self.command(number);
        }
        match self.random.below(100) {
            0..30 => None,
            30..55 => self.command(number),
            55..61 => {
                // The reporter, or whoever holds the reporter's address, writes again.
                let answers = [NoticeKind::Acknowledgement, NoticeKind::Reply];
                let notice = self.notice(|s| answers.contains(&s.kind) && !s.to.as_str().starts_with("robot"))?;
                let from =
                    if self.random.percent(70) { notice.to.as_str().to_owned() } else { "thief@t.example".into() };
                let asks = ["", "", "/status\n", "/credit Rita\n/status\n", "/withdraw zq-0\n", "/help\n"];
                let body = format!("{}More zq-{number}.\n/close\n", self.random.pick(&asks)?);
                let mut letter = world::answer(&from, &notice.bytes, &body, &id, self.now);
                if self.random.percent(30) {
                    letter.proof = Proof::Silent;
                }
                plain(letter)
            }
            61..66 => {
                // The same mail by another way: other headers, same mail.
                let old = self.random.pick(&self.mails)?.clone();
                let bytes =
                    [format!("Received: from way{number} by mx.example.org with ESMTPS; x\r\n").as_bytes(), &old.bytes]
                        .concat();
                Some(Mail { bytes, ..old })
            }
            66..70 => {
                // Another mail under an old Message-ID.
                let old = self.random.below(number.max(1) as u64);
                let mut mail = self.report(number);
                mail.bytes = String::from_utf8(mail.bytes)
                    .ok()?
                    .replace(&format!("<{number}@"), &format!("<{old}@"))
                    .into_bytes();
                Some(mail)
            }
            70..78 => {
                // A program writes; it has an address of its own, which nothing may ever be sent to.
                let from = format!("robot{number}@r.example");
                let answered = self.notice(|_| true);
                let mut letter = match answered {
                    Some(notice) if self.random.percent(50) => {
                        world::answer(&from, &notice.bytes, "zq-0\n/close\n", &id, self.now)
                    }
                    _ => Letter {
                        from: Some(from),
                        proof: Proof::Vouched,
                        id,
                        date: self.now,
                        headers: vec!["Subject: Scan".into()],
                        body: format!("zq-{number}\n"),
                        ..Letter::default()
                    },
                };
                let header = [
                    "Auto-Submitted: auto-generated",
                    "Auto-Submitted: auto-replied",
                    "List-Id: <l.example>",
                    "Precedence: bulk",
                    "X-Autoreply: yes",
                ];
                letter.headers.push((*self.random.pick(&header)?).to_owned());
                plain(letter)
            }
            78..84 => {
                let notice = self.notice(|_| true)?;
                let permanent = self.random.percent(70);
                let mut letter = world::bounce(&notice.bytes, &notice.to, permanent, &id, self.now);
                // Servers send it to the envelope sender, and some return nothing of the mail.
                if let Some(envelope) = notice.envelope.filter(|_| self.random.percent(60)) {
                    letter.to = envelope.as_str().to_owned();
                    letter.body = letter.body.replace("Message-ID: ", "X-Was: ");
                }
                plain(letter)
            }
            84..87 => {
                let notice = self.notice(|_| true)?.bytes;
                let bytes =
                    [format!("Received: from back{number} by mx.example.org with ESMTPS; x\r\n").as_bytes(), &notice]
                        .concat();
                Some(Mail::of_nobody(bytes, number, false))
            }
            87..93 => {
                // A mail that was damaged on its way. Whoever could command by it still may.
                let mut old = self.random.pick(&self.mails)?.clone();
                if old.his || old.bytes.windows(5).any(|w| w == b"robot") {
                    return None; // Damaged, it may not look automatic any more.
                }
                for _ in 0..=self.random.below(6) {
                    let at = usize::try_from(self.random.below(old.bytes.len() as u64)).ok()?;
                    let octet = u8::try_from(self.random.below(256)).ok()?;
                    *old.bytes.get_mut(at)? = octet;
                }
                old.bytes.extend_from_slice(format!("damaged {number}").as_bytes());
                // Our own server's words still say that it is as its author sent it.
                old.word = old.word.map(|word| self.known_word(Word { obeyed: None, ..self.words[word].clone() }));
                Some(Mail { group: number, report: false, ..old })
            }
            93..97 => {
                let length = self.random.below(400);
                let bytes = (0..length).map(|_| u8::try_from(self.random.below(256)).unwrap_or(0)).collect();
                Some(Mail::of_nobody(bytes, number, false))
            }
            _ => plain(Letter { id, date: self.now, body: format!("zq-{number}\n"), ..Letter::default() }),
        }
    }

    /// A notice that the server took, of which `which` holds.
    pub(super) fn notice(&mut self, which: impl Fn(&Accepted) -> bool) -> Option<Accepted> {
        let all: Vec<usize> = (0..self.sink.len()).filter(|i| which(&self.sink[*i])).collect();
        let recent = &all[all.len().saturating_sub(12)..];
        Some(self.sink[*self.random.pick(recent)?].clone())
    }

    pub(super) fn known_word(&mut self, word: Word) -> usize {
        self.words.push(word);
        self.words.len() - 1
    }

    /// A mail of a person's in answer to a notice; `right` if no wrong code is in it.
    pub(super) fn of_person(&mut self, letter: &Letter, by: &Address, notice: &Accepted, right: bool) -> Mail {
        let vouched = letter.proof == Proof::Vouched;
        let bytes = if vouched { self.signed(&letter.bytes()) } else { letter.bytes() };
        let says = letter.body.lines().next().unwrap_or_default().to_owned();
        // Whoever sends the code for what nobody vouched for acts as whom it was mailed to.
        let asked = world::reading(&notice.bytes).text.contains("the code is ");
        let authority = (right && (asked || vouched && notice.to == *by)).then(|| notice.to.clone());
        let word = Word {
            by: by.clone(),
            token: notice.ticket.map(|ticket| (notice.to.clone(), ticket)),
            written: self.now,
            signed: vouched,
            commands: says.starts_with('/') && !letter.headers.iter().any(|h| h.starts_with("Content-Type: text/html")),
            to_reporter: ["/reply", "/ask"].iter().any(|verb| letter.body.contains(verb))
                || letter.headers.iter().any(|h| h.starts_with("Cc: ")),
            code: (right && asked).then_some(notice.notice),
            obeyed: None,
        };
        let (word, group) = (Some(self.known_word(word)), self.mails.len());
        Mail { bytes, authority, word, says, his: false, group, report: false }
    }

    /// Somebody of the project commands, or somebody in their name.
    pub(super) fn command(&mut self, number: usize) -> Option<Mail> {
        let people = ["dana@example.org", "lee@example.org"];
        let person = Address::parse(self.random.pick(&people)?)?;
        let own = self.random.percent(80);
        // A code is good for an hour only, so whoever has one hurries.
        let code = if own { self.notice(|s| s.to == person && s.kind == NoticeKind::Code) } else { None };
        let any = |s: &Accepted| (s.to == person) == own && s.kind != NoticeKind::Acknowledgement;
        let notice = match code.filter(|_| self.random.percent(60)) {
            Some(code) => code,
            None => self.notice(any)?,
        };
        let until = self.now + self.random.minutes(60 * 24 * 20);
        let lines = [
            "/ack".to_owned(),
            "/reply\nWe look into it.".into(),
            "/ask\nWhich version?".into(),
            "/claim".into(),
            "/assign lee".into(),
            "/pass".into(),
            "/severity critical".into(),
            "/severity medium".into(),
            "/severity low".into(),
            "/valid".into(),
            "/invalid no".into(),
            "/accept".into(),
            "/defer".into(),
            "/close".into(),
            "/reopen".into(),
            "/spam".into(),
            "/fix".into(),
            "/released 1".into(),
            "/public".into(),
            "/public".into(),
            "/public".into(),
            "/accept\n/public".into(),
            format!("/extend fix {} later", until.strftime("%F")),
            format!("/extend disclose {} later", until.strftime("%F")),
            format!("/embargo {}", until.strftime("%FT%H:%MZ")),
            format!("/embargo propose {}", until.strftime("%F")),
            "/lift".into(),
            "/resume".into(),
            "/credit R. Porter".into(),
            "/done announce".into(),
            "/severty".into(),
            "/status".into(),
            "/help".into(),
            "/list".into(),
            "A note.".into(),
            "/claim\n/accept\n/severity high".into(),
        ];
        let mut body = self.random.pick(&lines)?.clone();
        let mut right = true;
        let bait = *self.random.pick(&BAITS)?;
        let baits = self.random.percent(15);
        if baits {
            body = bait.1.to_owned();
        } else if let Some(code) = world::code(&notice.bytes) {
            right = self.random.percent(60);
            body = if right { format!("/confirm {code}") } else { "/confirm 00000000".into() };
        }
        let id = format!("<{number}@example.org>");
        let mut letter = world::answer(person.as_str(), &notice.bytes, &(body + "\n"), &id, self.now);
        letter.proof =
            *self.random.pick(&[Proof::Vouched, Proof::Vouched, Proof::Vouched, Proof::Silent, Proof::Forged])?;
        if baits {
            letter.headers.push(format!("Content-Type: {}", bait.0));
        }
        let copied = self.random.percent(10);
        if copied {
            letter.headers.push("Cc: reporter1@b.example".into());
        }
        let mail = self.of_person(&letter, &person, &notice, right);
        self.passes(&mail, copied).then_some(mail)
    }

    pub(super) fn order_locally(&mut self) {
        let tickets = self.numbers("SELECT id FROM ticket ORDER BY id");
        let Some(id) = self.random.pick(&tickets).copied() else { return };
        let lines = [
            "/ack",
            "/accept",
            "/severity high",
            "/assign dana",
            "/spam",
            "/reopen",
            "/close",
            "/public",
            "/lift",
            "/embargo 2027-12-31",
            "/resume",
            "/list",
            "/x",
        ];
        let orders = command::split(self.random.pick(&lines).unwrap());
        self.local.insert(id);
        let now = self.now;
        if let Some(Some(news)) =
            self.with(|t| t.order(TicketId(id), orders, disclosed::testing::ticket::Seat::default(), now))
        {
            self.check_news(&news);
        }
    }
}
