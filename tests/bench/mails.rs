//! Mails for the measurements: each has a sender, a Message-ID and words of its own, and is the same in each run.

use data_encoding::BASE64;

const WORDS: [&str; 32] = [
    "the",
    "a",
    "parser",
    "of",
    "length",
    "field",
    "reads",
    "buffer",
    "past",
    "its",
    "end",
    "when",
    "header",
    "is",
    "crafted",
    "and",
    "attacker",
    "can",
    "write",
    "to",
    "memory",
    "version",
    "before",
    "heap",
    "overflow",
    "in",
    "function",
    "called",
    "from",
    "network",
    "without",
    "authentication",
];

/// A small generator (xorshift), so that the bench needs no crate for it.
struct Random(u64);

impl Random {
    fn new(seed: u32) -> Self {
        Self((u64::from(seed) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The address that mail number `n` is from.
pub(crate) fn sender(n: u32) -> String {
    format!("reporter{n}@d{}.example", n % 1_000)
}

/// Report number `n` as one text of about so many octets.
pub(crate) fn text(n: u32, octets: usize) -> Vec<u8> {
    let mut mail = header(n);
    mail.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    prose(&mut mail, octets, &mut Random::new(n));
    mail.into_bytes()
}

/// Report number `n` with an attachment in base64 that makes it about so many octets.
pub(crate) fn with_attachment(n: u32, octets: usize) -> Vec<u8> {
    let mut random = Random::new(n);
    let mut mail = header(n);
    mail.push_str("Content-Type: multipart/mixed; boundary=edge\r\n\r\n--edge\r\nContent-Type: text/plain\r\n\r\n");
    prose(&mut mail, 3_000, &mut random);
    mail.push_str("--edge\r\nContent-Type: application/octet-stream; name=proof.bin\r\n");
    mail.push_str("Content-Disposition: attachment; filename=proof.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    while mail.len() < octets {
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.next().to_be_bytes()).take(7).flatten().collect();
        mail.push_str(&BASE64.encode(&bytes));
        mail.push_str("\r\n");
    }
    mail.push_str("--edge--\r\n");
    mail.into_bytes()
}

/// Report number `n` of a mixed inbox with a mean of 20 kB: many short texts, a few long ones, now and then a proof.
pub(crate) fn mixed(n: u32) -> Vec<u8> {
    match n % 20 {
        0 => with_attachment(n, 180_000),
        1..=5 => text(n, 30_000),
        _ => text(n, 5_000),
    }
}

fn header(n: u32) -> String {
    format!(
        "Received: from mail.d{domain}.example by mx.example.org; Mon, 05 Jan 2026 10:00:01 +0000\r\n\
         From: Reporter {n} <{from}>\r\nTo: security@example.org\r\nSubject: Overflow number {n} in the parser\r\n\
         Date: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <report-{n}@d{domain}.example>\r\nMIME-Version: 1.0\r\n",
        domain = n % 1_000,
        from = sender(n),
    )
}

fn prose(mail: &mut String, octets: usize, random: &mut Random) {
    let mut line = 0;
    while mail.len() < octets {
        let choice = random.next();
        let index = usize::try_from(choice % 32).unwrap_or(0);
        let before = mail.len();
        mail.push_str(WORDS[index]);
        if choice & 0xF00 == 0 {
            mail.push_str(&format!(" 0x{:08x}", choice >> 32));
        }
        line += mail.len() - before;
        mail.push_str(if line > 65 { "\r\n" } else { " " });
        line = if line > 65 { 0 } else { line + 1 };
    }
    mail.push_str("\r\n");
}
