//! Checks the DKIM signatures that [`crate::mail::signature`] let through: asks for their keys, and does the sums.
//!
//! The sums are mail-auth's. It is given no resolver, no clock and no choice: the keys are asked for here, under a
//! limit of time and of number, and what it read of a signature must be what the sieve read. Only its `Pass` counts; a
//! body that was changed is `Neutral` to it.
//!
//! A mail costs at most [`MOST`] questions and [`PATIENCE`]; all mails together a number of questions an hour: [`Asked`]
//! says how they are shared, so that strangers cannot use up what commands need.

use std::borrow::{Borrow, Cow};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mail_auth::arc::ArcError;
use mail_auth::common::crypto::{Algorithm, CryptoError};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dkim::{DkimError, Signature as Parsed};
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::net::{DnsError, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use mail_auth::{AuthenticatedMessage, DkimResult, Error, MessageAuthenticator, Parameters, ResolverCache, Txt};

use crate::mail::signature::{Dkim, MOST, Proof, Question, Share, Signature, Signed, usable_key};
use crate::vocabulary::Address;

/// How long all questions of one mail may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Questions in an hour; strangers' mail may use half of them, the other half only mail in the name of the people.
const QUESTIONS: usize = 600;
/// Questions in an hour on top of these for each person, for mail with a token of theirs.
const OF_HOLDER: usize = 60;
/// The least RSA key, in bits (RFC 8301 section 3.2).
const LEAST_BITS: usize = 1_024;
/// Answers that are kept, and for how long at most.
const KEPT: u64 = 256;
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
const MISSING_FOR: Duration = Duration::from_secs(5 * 60);
/// The largest record that is read: a key of 8,192 bits has some 1,400 octets.
const LARGEST: usize = 8 * 1024;

/// What is published under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These TXT records.
    Records(Vec<Vec<u8>>),
    /// Nothing.
    Missing,
    /// No answer could be had: why.
    Temporary(String),
}

/// Checks signatures, one mail at a time.
pub struct Verifier {
    keys: Keys,
    asked: Asked,
}

/// When the questions of the last hour were asked, and so who may ask another.
#[derive(Default)]
struct Asked {
    common: VecDeque<Timestamp>,
    /// By the address of the person whose token the mail bears: one leaked token costs nobody else a question.
    holders: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Asked {
    /// Counts a question, if there may be one more.
    fn one_more(&mut self, share: Share, from: &Address, now: Timestamp) -> bool {
        let own = (share == Share::Holder).then(|| (self.holders.entry(from.key()).or_default(), OF_HOLDER));
        let common = (&mut self.common, if share.is_word() { QUESTIONS } else { QUESTIONS / 2 });
        own.into_iter().chain([common]).any(|(asked, most)| {
            while asked.front().is_some_and(|at| now.duration_since(*at) >= SignedDuration::from_hours(1)) {
                asked.pop_front();
            }
            let room = asked.len() < most;
            asked.extend(room.then_some(now));
            room
        })
    }
}

/// Where keys come from.
enum Keys {
    /// The resolver of this machine, with its own cache.
    Dns(Box<MessageAuthenticator>),
    /// A list: what is not in it is missing.
    Fixed(BTreeMap<String, Answer>),
    /// Nowhere, and why.
    Nowhere(String),
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = match &self.keys {
            Keys::Dns(_) => "the resolver",
            Keys::Fixed(_) => "a list",
            Keys::Nowhere(_) => "nowhere",
        };
        f.debug_struct("Verifier").field("keys", &keys).field("asked", &self.asked.common.len()).finish()
    }
}

impl Verifier {
    /// Asks the resolvers of this machine (/etc/resolv.conf). Where there are none, each check fails for the time
    /// being, and says so.
    pub fn system() -> Self {
        let resolver = read_system_conf().and_then(|(config, mut options)| {
            if config.name_servers().is_empty() {
                return Err(NetError::Message("/etc/resolv.conf names no server"));
            }
            options.timeout = PATIENCE / 3;
            options.attempts = 2;
            options.cache_size = KEPT;
            options.positive_max_ttl = Some(KEPT_FOR);
            options.negative_max_ttl = Some(MISSING_FOR);
            MessageAuthenticator::new(config, options)
        });
        Self::with(match resolver {
            Ok(resolver) => Keys::Dns(Box::new(resolver)),
            Err(error) => Keys::Nowhere(format!("this machine has no resolver ({error})")),
        })
    }

    /// Answers from a list of names, without the dot at the end: for tests, and for a simulation without a network.
    pub fn fixed(answers: impl IntoIterator<Item = (String, Answer)>) -> Self {
        Self::with(Keys::Fixed(answers.into_iter().collect()))
    }

    /// Asks nobody: each check fails for the time being.
    pub fn nowhere(why: &str) -> Self {
        Self::with(Keys::Nowhere(why.to_owned()))
    }

    fn with(keys: Keys) -> Self {
        Self { keys, asked: Asked::default() }
    }

    /// Why no key can be asked for, if that is so.
    pub fn trouble(&self) -> Option<&str> {
        match &self.keys {
            Keys::Dns(_) | Keys::Fixed(_) => None,
            Keys::Nowhere(why) => Some(why),
        }
    }

    /// Whether anything can be asked for: asks for one name, whatever the answer.
    ///
    /// # Errors
    /// Why no answer could be had.
    pub async fn try_out(&mut self, domain: &str) -> Result<(), String> {
        let asked = tokio::time::timeout(PATIENCE, self.look(&format!("_domainkey.{domain}"))).await;
        match asked {
            Ok(Answer::Records(_) | Answer::Missing) => Ok(()),
            Ok(Answer::Temporary(why)) => Err(why),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    /// The hosts that take mail for a domain, without the dot at the end; none where none is known in time.
    pub async fn exchangers(&self, domain: &str) -> Vec<String> {
        let (Keys::Dns(resolver), Ok(name)) = (&self.keys, Name::from_ascii(format!("{domain}."))) else {
            return Vec::new();
        };
        let asked = tokio::time::timeout(PATIENCE, resolver.resolver().mx_lookup(name)).await;
        let Ok(Ok(lookup)) = asked else { return Vec::new() };
        let hosts = lookup.answers().iter().filter_map(|record| {
            let RData::MX(mx) = &record.data else { return None };
            Some(mx.exchange.to_ascii().trim_end_matches('.').to_owned())
        });
        hosts.take(16).collect()
    }

    /// Checks the signatures of a mail.
    pub async fn check(&mut self, question: &Question, now: Timestamp) -> Dkim {
        let signatures: Vec<&Signature> = question.signatures.iter().take(MOST).collect();
        let mut found = BTreeMap::new();
        // What was answered in time counts; for the rest there is no answer.
        let _ = tokio::time::timeout(PATIENCE, self.find(&signatures, question, now, &mut found)).await;
        let wire = with_crlf(&question.raw);
        let Some(mut message) = AuthenticatedMessage::parse(&wire) else {
            return Dkim::Fail("its header cannot be read".into());
        };
        // Two readers that see different senders are what forgers look for.
        let sender = question.from.as_str().to_lowercase();
        if message.froms() != [sender] {
            return Dkim::Fail("two readings of its From differ".into());
        }
        let mut verdict = Verdict::default();
        let (sound, keyed) = usable(signatures, &found, &mut verdict);
        message.errors.clear();
        let (seals, keyed): (Vec<&Signature>, Vec<&Signature>) = keyed.into_iter().partition(|s| s.by == Proof::Arc);
        message.dkim_headers.retain(|h| keyed.iter().any(|seen| agrees(seen, &h.header)));
        message.dkim_headers.truncate(MOST);
        for found in &mut message.dkim_headers {
            // The sieve has looked at the times. What would make the library ask more questions is not done.
            (found.header.x, found.header.r, found.header.atps) = (0, false, None);
        }
        if message.dkim_headers.is_empty() && !keyed.is_empty() {
            verdict.no("two readings of its signature differ".into());
        }
        let Some(library) = library() else { return Dkim::Temporary("the library for it cannot be used".into()) };
        let outputs = library.verify_dkim(Parameters::new(&message).with_txt_cache(&sound)).await;
        let mut passed = None;
        for (output, parsed) in outputs.iter().zip(&message.dkim_headers) {
            let domain = parsed.header.d.to_ascii_lowercase();
            match output.result() {
                DkimResult::Pass => {
                    let known = keyed.iter().find(|s| agrees(s, &parsed.header));
                    let Some(known) = known else { continue };
                    // One that speaks for the sender says the most.
                    if passed.is_none() || known.of_sender {
                        passed = Some(Dkim::Pass(known.passed()));
                    }
                }
                DkimResult::Neutral(why) | DkimResult::Fail(why) | DkimResult::PermError(why) => {
                    verdict.no(format!("the signature by {domain}: {}", words(why)));
                }
                DkimResult::TempError(why) => verdict.later(format!("the signature by {domain}: {}", words(why))),
                DkimResult::None => {}
            }
        }
        if let Some(seal) = seals.first().filter(|_| !matches!(&passed, Some(Dkim::Pass(by)) if by.of_sender)) {
            match check_seal(&library, &mut message, seal, &sound).await {
                Ok(signed) => passed = Some(passed.filter(|_| !signed.of_sender).unwrap_or(Dkim::Pass(signed))),
                Err(why) => verdict.no(format!("the seal by {}: {why}", seal.domain)),
            }
        }
        passed.unwrap_or_else(|| verdict.end())
    }

    /// What is published for each signature.
    async fn find(
        &mut self,
        signatures: &[&Signature],
        of: &Question,
        now: Timestamp,
        found: &mut BTreeMap<String, Answer>,
    ) {
        for name in signatures.iter().map(|s| s.key_name()) {
            if let Entry::Vacant(place) = found.entry(name) {
                let answer = match self.asked.one_more(of.share, &of.from, now) {
                    true => self.look(place.key()).await,
                    false => Answer::Temporary("too many keys were asked for within an hour".into()),
                };
                place.insert(answer);
            }
        }
    }

    async fn look(&self, name: &str) -> Answer {
        match &self.keys {
            Keys::Dns(resolver) => look_up(resolver, name).await,
            Keys::Fixed(answers) => answers.get(name).cloned().unwrap_or(Answer::Missing),
            Keys::Nowhere(why) => Answer::Temporary(why.clone()),
        }
    }
}

/// Checks the last seal and its signature (RFC 8617 section 5.2). The keys of earlier ones are not asked for, whose names
/// the sender could choose: the last says that its maker found them good. The library comes to them after the last, so what
/// it lacks then is not a key of ours.
async fn check_seal(
    library: &MessageAuthenticator,
    message: &mut AuthenticatedMessage<'_>,
    seal: &Signature,
    sound: &Known,
) -> Result<Signed, &'static str> {
    for found in &mut message.ams_headers {
        // The sieve has looked at the times.
        found.header.x = 0;
    }
    let last = message.ams_headers.last().map(|h| &h.header);
    let sealed = message.as_headers.last().map(|h| &h.header);
    let agree = last.zip(sealed).is_some_and(|(signature, sealed)| {
        let same = |d: &str, s: &str| d == seal.domain && s == seal.selector;
        let names = signature.h.iter().map(|n| n.trim().to_ascii_lowercase());
        signature.l == 0
            && signature.b == seal.bytes
            && names.eq(seal.names.iter().cloned())
            && same(&signature.d, &signature.s)
            && same(&sealed.d, &sealed.s)
            && sealed.i == signature.i
    });
    if !agree {
        return Err("two readings of it differ");
    }
    let before = sound.found.load(Ordering::Relaxed);
    let output = library.verify_arc(Parameters::new(&*message).with_txt_cache(sound)).await;
    match output.result() {
        DkimResult::Pass => Ok(seal.passed()),
        // Our keys were found twice, for the signature and the seal over it, and both were good.
        DkimResult::PermError(Error::ParseError) if sound.found.load(Ordering::Relaxed) - before >= 2 => {
            Ok(seal.passed())
        }
        DkimResult::Neutral(why) | DkimResult::Fail(why) | DkimResult::PermError(why) | DkimResult::TempError(why) => {
            Err(words(why))
        }
        DkimResult::None => Err("it does not hold"),
    }
}

/// The reasons of all signatures; one that may still pass outweighs those that do not.
#[derive(Default)]
struct Verdict {
    no: Vec<String>,
    later: Vec<String>,
}

impl Verdict {
    fn no(&mut self, why: String) {
        self.no.push(why);
    }

    fn later(&mut self, why: String) {
        self.later.push(why);
    }

    fn end(self) -> Dkim {
        let short = |reasons: &[String]| reasons.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
        match (self.later.as_slice(), self.no.as_slice()) {
            ([], []) => Dkim::None,
            ([], no) => Dkim::Fail(short(no)),
            (later, _) => Dkim::Temporary(short(later)),
        }
    }
}

/// The keys that were found. Whatever else the library wants to know is unknown, so that it never asks itself.
#[derive(Default)]
struct Known {
    keys: HashMap<Box<str>, Arc<DomainKey>>,
    /// How often one of them was looked up.
    found: AtomicUsize,
}

impl ResolverCache<Box<str>, Txt> for Known {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.keys.get(name).map(|key| Txt::DomainKey(Arc::clone(key)));
        self.found.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
        Some(found.unwrap_or(Txt::Error(Error::ParseError)))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
}

/// The library, with no server to ask.
fn library() -> Option<MessageAuthenticator> {
    MessageAuthenticator::new(ResolverConfig::from_parts(None, Vec::new(), Vec::new()), ResolverOpts::default()).ok()
}

/// Whether the library read a signature as the sieve did.
fn agrees(seen: &Signature, parsed: &Parsed) -> bool {
    let same_kind = match parsed.a {
        Algorithm::RsaSha256 => !seen.ed25519,
        Algorithm::Ed25519Sha256 => seen.ed25519,
        Algorithm::RsaSha1 => false,
    };
    same_kind
        && parsed.v == 1
        && parsed.l == 0
        && parsed.d.eq_ignore_ascii_case(&seen.domain)
        && parsed.s.eq_ignore_ascii_case(&seen.selector)
        && parsed.b == seen.bytes
        && parsed.h.len() == seen.names.len()
        && parsed.h.iter().zip(&seen.names).all(|(a, b)| a.trim().eq_ignore_ascii_case(b))
}

/// The keys that were found, and the signatures that they belong to.
fn usable<'a>(
    signatures: Vec<&'a Signature>,
    found: &BTreeMap<String, Answer>,
    verdict: &mut Verdict,
) -> (Known, Vec<&'a Signature>) {
    let (mut sound, mut keyed) = (Known::default(), Vec::new());
    for signature in signatures {
        let by = format!("the key {} of {}", signature.selector, signature.domain);
        match found.get(&signature.key_name()) {
            None => verdict.later(format!("no answer for {by} within {} s", PATIENCE.as_secs())),
            Some(Answer::Temporary(why)) => verdict.later(format!("no answer for {by}: {why}")),
            Some(Answer::Missing) => verdict.no(format!("{by} is not published")),
            Some(Answer::Records(records)) => match key(records, signature) {
                Ok(key) => {
                    sound.keys.insert(format!("{}.", signature.key_name()).into(), key);
                    keyed.push(signature);
                }
                Err(why) => verdict.no(format!("{by} {why}")),
            },
        }
    }
    (sound, keyed)
}

/// The one usable key among the records of a name. RFC 6376 section 3.6.2.2 leaves several of them undefined: then the
/// mail is not believed.
fn key(records: &[Vec<u8>], signature: &Signature) -> Result<Arc<DomainKey>, String> {
    let record = match records {
        [one] => one,
        [] => return Err("is not published".into()),
        [_, _, ..] => return Err("is published more than once".into()),
    };
    if record.len() > LARGEST {
        return Err("is too large".into());
    }
    usable_key(record, signature.ed25519)?;
    let key = DomainKey::parse(record).map_err(|_| "is no key")?;
    let bits = key.p.public_key_bits();
    if bits < LEAST_BITS {
        return Err(format!("has {bits} bits, and {LEAST_BITS} are the least"));
    }
    Ok(Arc::new(key))
}

async fn look_up(resolver: &MessageAuthenticator, name: &str) -> Answer {
    // With the dot at its end, or the search list of this machine would be tried.
    let Ok(fqdn) = Name::from_ascii(format!("{name}.")) else { return Answer::Missing };
    match resolver.resolver().txt_lookup(fqdn).await {
        Ok(lookup) => {
            let texts = lookup.answers().iter().filter_map(|record| {
                // Others are aliases (CNAME) on the way to it.
                let RData::TXT(txt) = &record.data else { return None };
                Some(txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect())
            });
            Answer::Records(texts.take(4).collect())
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            Answer::Missing
        }
        Err(_) => Answer::Temporary("the name servers gave no usable answer".into()),
    }
}

/// Why a signature does not count, in words; the library's own may hold more than is to be told.
fn words(error: &Error) -> &'static str {
    if [Error::Dkim(DkimError::FailedBodyHashMatch), Error::Arc(ArcError::FailedBodyHashMatch)].contains(error) {
        "the text was changed after it was signed"
    } else if *error == Error::Crypto(CryptoError::FailedVerification) {
        "a signed field was changed, or the key is another"
    } else if *error == Error::Dkim(DkimError::FailedAuidMatch) {
        "it is for another domain (i=)"
    } else {
        "it does not hold"
    }
}

/// A mail as it went over the wire. A Maildir keeps it with bare LFs, and what was signed had CRLFs (RFC 6376
/// section 3.4).
fn with_crlf(raw: &[u8]) -> Cow<'_, [u8]> {
    let bare = |(i, c): (usize, &u8)| *c == b'\n' && i.checked_sub(1).and_then(|i| raw.get(i)) != Some(&b'\r');
    if !raw.iter().enumerate().any(bare) {
        return Cow::Borrowed(raw);
    }
    let mut wire = Vec::with_capacity(raw.len() + raw.len() / 32);
    let mut last = 0;
    for &c in raw {
        if c == b'\n' && last != b'\r' {
            wire.push(b'\r');
        }
        wire.push(c);
        last = c;
    }
    Cow::Owned(wire)
}

#[cfg(test)]
pub(crate) mod tests;
