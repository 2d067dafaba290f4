//! The DKIM signatures of a mail that deserve a look (RFC 6376): a sieve in front of the library that does the sums.
//!
//! A signature that passes says that a domain signed some of a mail. Here it must say that the domain of the one From
//! signed all of it that counts, for this occasion:
//!
//! - `d=` is the domain of the From itself, or one that the config names for the person ([`Pin`]), or that of the operator's
//!   own way (see [`crate::intake::through`]), for which it vouches then and not for the From. A parent domain (relaxed
//!   alignment, RFC 7489 section 3.1.1) may belong to somebody else, and no list of such parents is kept.
//! - From, Subject, Date and To are signed (in place of To a Subject that names the ticket of the sender's own token), and so is every one of them that stands in the mail: a second one added on
//!   top would be the one that is read (section 8.15). The same holds for any other field of which a mail has one.
//! - A command must have been sent to us: a To or Cc that is signed names our address. Else a mail that a maintainer
//!   once wrote to somebody else, quoting them, could be sent on to us by that somebody.
//! - What a signature leaves open of how the text is read is held against the text itself: see [`super::reading`].
//! - No `l=`: what is added behind the signed part would count as the sender's (section 8.2).
//! - SHA-256, with RSA or Ed25519 (RFC 8301, RFC 8463).
//! - It was made at most seven days before our server took the mail. A signature proves nothing about who sends the
//!   mail now (section 8.6); that the same one is not obeyed twice is the store's to know: see [`super::prints`].
//!
//! Everything else is refused with a reason before anybody is asked for a key, so that a mail cannot make us ask for
//! more than [`MOST`] names, all of them in the domain that it claims to be from or in one that the operator named.

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};

use super::header::{self, Header};
use super::passage::Way;
use crate::vocabulary::{Address, clean_line, trim_blanks};

/// The most signatures of one mail whose keys are asked for.
pub const MOST: usize = 5;
/// The most signatures of one mail that are read at all.
const MOST_READ: usize = 20;
/// The most seals that are read; RFC 8617 section 5.1.1 allows as many.
pub(super) const MOST_SEALS: usize = 50;
/// The most octets of one signature.
const MAX_VALUE: usize = 8 * 1024;
/// The most names in its `h=`; the library takes time by the square of them.
const MAX_NAMES: usize = 100;
/// How old a signature may be when the mail comes in.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far the sender's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// What must be signed.
const SIGNED: [&str; 4] = ["from", "subject", "date", "to"];
/// Fields that a mail has once (RFC 5322 section 3.6, RFC 2045 section 3), and that are read here.
const ONCE: [&str; 14] = [
    "from",
    "subject",
    "date",
    "to",
    "cc",
    "sender",
    "reply-to",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
];

/// What is known of the DKIM signatures of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dkim {
    /// Nobody asked: it would change nothing, or is switched off.
    #[default]
    Unasked,
    /// It has none.
    None,
    /// One is good.
    Pass(Signed),
    /// None of them counts.
    Fail(String),
    /// It could not be found out now, and perhaps can be later.
    Temporary(String),
}

impl Dkim {
    /// In words, with the reason.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Unasked => None,
            Self::None => Some("it has no DKIM signature".to_owned()),
            Self::Pass(signed) => Some(signed.words()),
            Self::Fail(why) => Some(format!("DKIM: {why}")),
            Self::Temporary(why) => Some(format!("DKIM could not be checked: {why}")),
        }
    }
}

/// What vouches for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Our own mail server's Authentication-Results (RFC 8601).
    AuthenticationResults,
    /// A DKIM signature by the domain of the From, or by one named for the person (RFC 6376).
    Dkim,
    /// A seal of the provider that runs our mailbox (RFC 8617).
    Arc,
}

/// A signature that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whether it is a signature or a seal.
    pub by: Proof,
    /// Whose it is.
    pub domain: String,
    /// The name of its key.
    pub selector: String,
    /// The fields that it signs, lower case.
    pub fields: Vec<String>,
    /// Whether it speaks for the sender: else for a way of the operator's.
    pub of_sender: bool,
}

impl Signed {
    fn words(&self) -> String {
        let Self { domain, selector, .. } = self;
        match self.by {
            Proof::Arc => format!("a good seal by {domain} (key {selector}), which saw dmarc=pass"),
            Proof::Dkim | Proof::AuthenticationResults => format!("dkim=pass for {domain} (key {selector})"),
        }
    }
}

/// A signature that deserves a look, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// A DKIM signature, or the signature in a seal.
    pub by: Proof,
    /// `d=`, lower case.
    pub domain: String,
    /// Whether that may speak for the sender; else for a way of the operator's.
    pub of_sender: bool,
    /// `s=`, lower case.
    pub selector: String,
    /// `a=` is `ed25519-sha256`; else it is `rsa-sha256`.
    pub ed25519: bool,
    /// `h=`, lower case.
    pub names: Vec<String>,
    /// `b=`, decoded.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// The name under which the key is published (RFC 6376 section 3.6.2.1), without the dot at the end.
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// What it says when it is good.
    pub fn passed(&self) -> Signed {
        Signed {
            by: self.by,
            domain: self.domain.clone(),
            selector: self.selector.clone(),
            fields: self.names.clone(),
            of_sender: self.of_sender,
        }
    }
}

/// Of whose questions for keys those of a mail are: what the lower ones ask in an hour never uses up what is kept for the
/// higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Anybody's. The check may bring the mail to its ticket, or its acknowledgement on the way; it is not waited for.
    Strangers,
    /// Mail in the name of a person of the project, which anybody can write. Commands or an answer depend on the check: it
    /// is waited for.
    Named,
    /// The same, and it bears a token that was given to that very person.
    Holder,
}

impl Share {
    /// Whether a person's commands or answer depend on the check, so that it is waited for.
    pub fn is_word(self) -> bool {
        self > Self::Strangers
    }
}

/// A mail whose signatures are to be checked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Its one sender.
    pub from: Address,
    /// What the sieve let through.
    pub signatures: Vec<Signature>,
    /// Of whose questions they are.
    pub share: Share,
}

/// The signatures of a mail, sieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sieved {
    /// Those whose keys are worth asking for, the topmost first; at most [`MOST`].
    pub worth: Vec<Signature>,
    /// Why the others are not.
    pub refused: Vec<String>,
}

impl Sieved {
    /// What is known without asking for any key, when none is worth it.
    pub fn verdict(&self) -> Dkim {
        match self.refused.first() {
            None => Dkim::None,
            Some(_) => Dkim::Fail(self.refused.join("; ")),
        }
    }
}

/// What a signature is held against.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The one plain sender.
    pub from: &'a Address,
    /// Our addresses, where the mail must have been sent to one of them.
    pub to: Option<[&'a Address; 2]>,
    /// The Subject names the ticket of the sender's own token: then it may stand for a To that is not signed.
    pub named: bool,
    /// Who may sign for the sender besides the domain of the From.
    pub pins: &'a [Pin],
    /// Whose seal says what our own server found out, and whether what the last one says speaks for the sender: see
    /// [`super::results::sealed_for`].
    pub sealer: Option<(&'a str, bool)>,
    /// The ways of the operator's: their own signatures are worth a look too.
    pub ways: &'a [Way],
    /// When our server took the mail.
    pub received: Timestamp,
    /// Its Date.
    pub date: Option<Timestamp>,
}

impl<'a> Occasion<'a> {
    /// A mail of that sender's of which nothing more is expected.
    pub fn of(from: &'a Address, received: Timestamp, date: Option<Timestamp>) -> Self {
        Self { from, to: None, named: false, pins: &[], sealer: None, ways: &[], received, date }
    }
}

/// A domain that signs for one person besides that of their address: `dkim_domains` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin(String);

/// Domains below which each customer of a provider has a name: Microsoft's tenants, Google's customers, whose name has
/// a label with a date behind it.
const TENANTS: [&str; 2] = ["onmicrosoft.com", "gappssmtp.com"];

impl Pin {
    /// Reads one: a tenant's whole name, in which `*` may stand for the label with the date, or a parent of the domain of
    /// the person's address.
    ///
    /// # Errors
    /// What would let anybody else sign for the person, in words.
    pub fn parse(text: &str, of: &Address) -> Result<Self, String> {
        let name = text.trim_ascii().to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let is_label = |l: &&str| !l.is_empty() && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let parent =
            labels.len() >= 2 && of.domain().strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
        let good = match labels[..] {
            [tenant, "onmicrosoft", "com"] => is_label(&tenant),
            [customer, date, "gappssmtp", "com"] => is_label(&customer) && (date == "*" || is_label(&date)),
            _ => parent && labels.iter().all(is_label),
        };
        if good {
            return Ok(Self(name));
        }
        let shared = TENANTS.iter().any(|t| name == *t || name.ends_with(&format!(".{t}")));
        Err(if shared || name.contains('*') {
            format!("{text:?} would let others than this person's own organisation sign")
        } else {
            format!("{text:?} is neither a tenant of Microsoft's or Google's nor above {}", of.domain())
        })
    }

    /// Whether it names that domain.
    pub fn fits(&self, domain: &str) -> bool {
        let mut labels = domain.split('.');
        self.0.split('.').all(|own| labels.next().is_some_and(|label| own == "*" || label == own))
            && labels.next().is_none()
    }
}

/// Sieves the signatures of a mail with one plain sender.
pub fn sieve(raw: &[u8], occasion: &Occasion<'_>) -> Sieved {
    let (header, _) = Header::split(raw);
    let from = occasion.from;
    let mut sieved = Sieved::default();
    let found = header.all("dkim-signature").count();
    let seal = occasion.sealer.and_then(|sealer| seal(&header, sealer, occasion));
    let signatures = header.all("dkim-signature").take(MOST_READ);
    for admitted in signatures.map(|value| admit(value, &header, occasion, None)).chain(seal) {
        match admitted {
            Ok(signature) if sieved.worth.contains(&signature) => {}
            Ok(_) if sieved.worth.len() >= MOST => {
                sieved.refused.push(format!("it has more than {MOST} signatures by {}", from.domain()));
                break;
            }
            Ok(signature) => sieved.worth.push(signature),
            Err(why) => sieved.refused.push(why),
        }
    }
    if found > MOST_READ {
        sieved.refused.push(format!("it has {found} signatures, and only the first {MOST_READ} were read"));
    }
    sieved.refused.dedup();
    // What the sender's own domain signed says more than what the way did.
    sieved.worth.sort_by_key(|s| (!s.of_sender, s.by != Proof::Dkim, s.domain != from.domain()));
    sieved
}

/// The signature in the last seal (RFC 8617 section 4.1.2), if it is by the sealer; the three fields of the set must be
/// there once each, and by one key. Earlier seals are the sealer's to know: it says that it found them good.
fn seal(
    header: &Header<'_>,
    (sealer, of_sender): (&str, bool),
    occasion: &Occasion<'_>,
) -> Option<Result<Signature, String>> {
    let all = |name: &'static str| -> Vec<(&[u8], Tags)> {
        let tags = |v| Some((v, Tags::parse(&header::unfold(v)).ok()?));
        header.all(name).take(MOST_SEALS).filter_map(tags).collect()
    };
    let number = |tags: &Tags| tags.get("i").and_then(|i| i.parse::<u8>().ok());
    let (seals, signatures) = (all("arc-seal"), all("arc-message-signature"));
    let last = seals.iter().chain(&signatures).filter_map(|(_, tags)| number(tags)).max()?;
    let one = |all: &'_ [(&[u8], Tags)]| {
        let mut found = all.iter().filter(|(_, tags)| number(tags) == Some(last)).map(|(v, tags)| {
            let key = ["d", "s"].map(|name| tags.get(name).unwrap_or_default().to_ascii_lowercase());
            (v.to_vec(), key, tags.get("cv").unwrap_or_default().to_ascii_lowercase())
        });
        found.next().filter(|_| found.next().is_none())
    };
    let ((_, sealed, chain), (value, signed, _)) = (one(&seals)?, one(&signatures)?);
    let good = if last == 1 { chain == "none" } else { chain == "pass" };
    let by_sealer = signed == sealed && signed.first().is_some_and(|d| d == sealer);
    by_sealer.then(|| {
        if good {
            admit(&value, header, occasion, Some(of_sender))
        } else {
            Err(format!("the seal by {sealer} says that the chain before it is broken"))
        }
    })
}

/// Whether a signature deserves a look; if not, why. That in a seal is told whether it speaks for the sender.
fn admit(
    value: &[u8],
    header: &Header<'_>,
    occasion: &Occasion<'_>,
    sealed: Option<bool>,
) -> Result<Signature, String> {
    let Occasion { from, to, named, pins, ways, received, date, .. } = *occasion;
    let odd = |what: &str| format!("a signature that cannot be read ({what})");
    if value.len() > MAX_VALUE {
        return Err(odd("it is too long"));
    }
    let tags = Tags::parse(&header::unfold(value)).map_err(odd)?;
    let domain = tags.get("d").ok_or_else(|| odd("it has no d="))?.to_ascii_lowercase();
    let own = || domain == from.domain() || pins.iter().any(|pin| pin.fits(&domain));
    let of_sender = sealed.unwrap_or_else(own);
    if !of_sender && sealed.is_none() && !ways.iter().any(|way| way.covers(&domain)) {
        let shown = clean_line(&domain, 80);
        return Err(format!("the signature is by {shown}, and the sender is of {}", from.domain()));
    }
    let refuse = |why: &str| format!("the signature by {domain} {why}");
    let selector = tags.get("s").map(str::to_ascii_lowercase).filter(|s| is_selector(s));
    let selector = selector.ok_or_else(|| refuse("names no key"))?;
    if sealed.is_none() && tags.get("v") != Some("1") {
        return Err(refuse("is of an unknown version"));
    }
    let ed25519 = match tags.get("a").map(str::to_ascii_lowercase).as_deref() {
        Some("rsa-sha256") => false,
        Some("ed25519-sha256") => true,
        Some("rsa-sha1") => return Err(refuse("is made with SHA-1")),
        Some(_) | None => return Err(refuse("is made in an unknown way")),
    };
    if tags.get("l").is_some() {
        return Err(refuse("leaves the end of the mail unsigned (l=)"));
    }
    let names: Vec<String> =
        tags.get("h").unwrap_or("").split(':').map(|n| trim_blanks(n).to_ascii_lowercase()).collect();
    if names.len() > MAX_NAMES {
        return Err(refuse("signs too many fields"));
    }
    let times = |name: &str| names.iter().filter(|n| *n == name).count();
    // Microsoft never signs To. A Subject that names the ticket of the token, which is the sender's own, says as well
    // what the mail is for.
    if let Some(unsigned) = SIGNED.iter().find(|name| times(name) == 0 && (**name != "to" || !named)) {
        return Err(refuse(&format!("does not sign the {unsigned}")));
    }
    let in_mail = |name: &str| header.all(name).count();
    if let Some(name) = ONCE.iter().find(|n| times(n) > 0 && in_mail(n) > times(n)) {
        return Err(refuse(&format!("was made when the mail had fewer {name} fields")));
    }
    let signed = ["to", "cc"].into_iter().filter(|n| times(n) > 0).flat_map(|n| header.all(n));
    let unnamed = !named || times("to") > 0;
    let to = to.filter(|_| unnamed);
    if to.is_some_and(|to| !signed.flat_map(header::addresses).any(|a| to.iter().any(|ours| is_ours(&a, ours)))) {
        return Err(refuse("was made for a mail that was not sent to us"));
    }
    in_time(&tags, received, date).map_err(|why| refuse(&why))?;
    let bytes = tags.get("b").map(without_blanks).and_then(|b| BASE64.decode(b.as_bytes()).ok());
    let bytes = bytes.filter(|b| !b.is_empty()).ok_or_else(|| refuse("is not in base64"))?;
    let by = if sealed.is_some() { Proof::Arc } else { Proof::Dkim };
    Ok(Signature { by, domain, of_sender, selector, ed25519, names, bytes })
}

/// Whether it was made for now: by its own times, else by the Date, which it signs.
fn in_time(tags: &Tags, received: Timestamp, date: Option<Timestamp>) -> Result<(), String> {
    let seconds = |name: &str| match tags.get(name) {
        None => Ok(None),
        // At most 12 digits (RFC 6376 section 3.5).
        Some(t) if t.len() <= 12 && t.bytes().all(|c| c.is_ascii_digit()) => {
            let at = t.parse().ok().and_then(|s| Timestamp::from_second(s).ok());
            Ok(Some(at.unwrap_or(Timestamp::MAX)))
        }
        Some(_) => Err(format!("has an unreadable {name}=")),
    };
    let (made, ends) = (seconds("t")?, seconds("x")?);
    let made = made.or(date).ok_or("does not say when it was made")?;
    if ends.is_some_and(|ends| ends <= received) {
        return Err("had expired when the mail came".into());
    }
    if ends.is_some_and(|ends| ends <= made) {
        return Err("expired before it was made".into());
    }
    let age = received.duration_since(made);
    if age > OLDEST {
        return Err(format!("is more than {} days old", OLDEST.as_hours() / 24));
    }
    if age < -AHEAD {
        return Err("is from the future".into());
    }
    Ok(())
}

/// Labels of a domain name, with the underscores that some have.
fn is_selector(text: &str) -> bool {
    let label =
        |l: &str| (1..=63).contains(&l.len()) && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    text.len() <= 120 && text.split('.').all(label)
}

/// Our address, or a tagged one.
fn is_ours(address: &Address, ours: &Address) -> bool {
    let (local, own) = (address.local().to_ascii_lowercase(), ours.local().to_ascii_lowercase());
    address.domain() == ours.domain()
        && local.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

pub(super) fn without_blanks(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// A list of tags (RFC 6376 section 3.2).
struct Tags(Vec<(String, String)>);

impl Tags {
    /// Reads a list; two of a name make it worthless, since another reader may take the other one.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for tag in trim_blanks(text).trim_end_matches(';').split(';') {
            let (name, value) = tag.split_once('=').ok_or("not a list of tags")?;
            let name = trim_blanks(name);
            let lower = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
            if name.is_empty() || !name.bytes().all(lower) {
                return Err("a tag with an odd name");
            }
            if tags.iter().any(|(known, _)| known == name) {
                return Err("a tag stands in it twice");
            }
            if !value.bytes().all(|c| c.is_ascii_graphic() || c == b' ' || c == b'\t') {
                return Err("it holds more than ASCII");
            }
            tags.push((name.to_owned(), trim_blanks(value).to_owned()));
        }
        Ok(Self(tags))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why a published key (RFC 6376 section 3.6.1) is not to be used; its length is left to who decodes it.
///
/// # Errors
/// A revoked key, one for something else than mail or SHA-256, one that is being tried out, or what is no key at all.
pub(crate) fn usable_key(record: &[u8], ed25519: bool) -> Result<(), &'static str> {
    let text = std::str::from_utf8(record).map_err(|_| "is no key")?;
    let tags = Tags::parse(text).map_err(|_| "is no key")?;
    let has = |name: &str, word: &str| {
        tags.get(name).is_some_and(|v| v.split(':').any(|w| trim_blanks(w).eq_ignore_ascii_case(word)))
    };
    let lacks = |name: &str, words: &[&str]| tags.get(name).is_some() && !words.iter().any(|w| has(name, w));
    let kind = tags.get("k").unwrap_or("rsa").to_ascii_lowercase();
    match tags.get("p").map(without_blanks) {
        None => Err("is no key"),
        Some(p) if p.is_empty() => Err("is revoked"),
        Some(_) if lacks("v", &["dkim1"]) => Err("is of an unknown version"),
        Some(_) if kind != if ed25519 { "ed25519" } else { "rsa" } => Err("is of another kind than the signature"),
        Some(_) if lacks("h", &["sha256"]) => Err("is not for SHA-256"),
        Some(_) if lacks("s", &["*", "email"]) => Err("is not for mail"),
        // RFC 6376 section 3.6.1: a domain that is testing is to be treated as one that does not sign.
        Some(_) if has("t", "y") => Err("is being tried out (t=y)"),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
