//! Signed mail that others wrote, with the keys that lie beside it.

use disclosed::testing::dkim::{Answer, Verifier};
use disclosed::testing::mail::signature::{Dkim, Occasion, Question, Share, sieve};
use jiff::Timestamp;

use super::*;

/// Mails that their sources call good, and whose keys are here.
const GOOD: [&str; 11] = [
    "mail-auth/resources/dkim/001.txt",
    "mail-auth/resources/dkim/002.txt",
    "mail-auth/resources/dkim/003.txt",
    "mail-auth/resources/dkim/004.txt",
    "mail-auth/resources/dkim/005.txt",
    "mail-auth/resources/dkim/006.txt",
    "MimeKit/UnitTests/TestData/dkim/gmail.msg",
    "MimeKit/UnitTests/TestData/dkim/rfc8463-example.msg",
    "dkimpy/dkim/tests/data/rfc6376.signed.msg",
    "dkimpy/dkim/tests/data/rfc6376.signed.rsa.msg",
    "dkimpy/dkim/tests/data/ed25519test2.msg",
];

/// A mail whose tags were changed after it was signed.
const BAD: &str = "dkimpy/dkim/tests/data/rfc6376.signed.no_t.msg";

/// The keys at the head of mail-auth's files, and MimeKit's.
fn keys(place: &Path) -> Vec<(String, Answer)> {
    let mut keys = Vec::new();
    let mut add = |name: &str, record: String| {
        let answer = Answer::Records(vec![record.into_bytes()]);
        keys.push((name.to_lowercase(), answer));
    };
    for n in 1..=6 {
        let text = fs::read_to_string(place.join(format!("mail-auth/resources/dkim/00{n}.txt"))).unwrap();
        let head = text.split_once("\n\n").unwrap().0.to_owned();
        for (name, record) in head.lines().filter_map(|l| l.split_once(' ')) {
            add(name.trim_end_matches('.'), record.to_owned());
        }
    }
    let pem = fs::read_to_string(place.join("MimeKit/UnitTests/TestData/dkim/gmail.pub")).unwrap();
    let key: String = pem.lines().filter(|l| !l.starts_with("--")).collect();
    add("20120113._domainkey.gmail.com", format!("k=rsa; p={key}"));
    keys
}

/// A mail out of its file: mail-auth's begin with keys.
fn raw(path: &Path) -> Vec<u8> {
    let raw = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&raw);
    match text.split_once("\n\n") {
        Some((head, mail)) if head.contains("._domainkey.") && !head.contains("From:") => mail.as_bytes().to_vec(),
        _ => raw,
    }
}

/// When the youngest signature of a mail was made, by itself or by its Date.
fn made(raw: &[u8], mail: &Mail) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let head = text.split("\n\n").next().unwrap_or_default();
    let lines = head.lines().filter(|l| l.to_ascii_lowercase().starts_with("dkim-signature:"));
    let tags = lines.flat_map(|l| l.split(';').filter_map(|t| t.trim().strip_prefix("t=")?.trim().parse::<i64>().ok()));
    tags.max().and_then(|s| Timestamp::from_second(s).ok()).or(mail.date)
}

/// The verdict, and whether it is the sieve's.
fn verdict(raw: &[u8], verifier: &mut Verifier, tokio: &tokio::runtime::Runtime) -> Option<(Dkim, bool)> {
    let mail = read::read(raw);
    let from = mail.from.clone().ok()?;
    let received = made(raw, &mail)?;
    let sieved = sieve(raw, &Occasion::of(&from, received, mail.date));
    if sieved.worth.is_empty() {
        return Some((sieved.verdict(), true));
    }
    let question = Question { raw: raw.to_vec(), from, signatures: sieved.worth, share: Share::Named };
    Some((tokio.block_on(verifier.check(&question, received)), false))
}

#[test]
fn signatures() {
    let Some(place) = corpus() else { return };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let keys = keys(&place);
    let fresh = || Verifier::fixed(keys.clone());
    let mut scores = Scores::default();
    let mut passed = 0;
    for name in GOOD {
        let raw = raw(&place.join(name));
        let Some((dkim, by_sieve)) = verdict(&raw, &mut fresh(), &tokio) else {
            println!("{name}: no plain sender");
            continue;
        };
        println!("{name}: {}", dkim.words().unwrap_or_default());
        let passes = matches!(dkim, Dkim::Pass(_));
        passed += u32::from(passes);
        // Refusing more than the sources do is our rule; calling a good signature bad would be wrong.
        scores.add("good signatures pass, or fall to a rule of ours", passes || by_sieve, || name.to_owned());
        if passes {
            let mut changed = raw.clone();
            let end = changed.iter().rposition(|c| c.is_ascii_alphanumeric()).unwrap();
            changed[end] ^= 1;
            let (dkim, _) = verdict(&changed, &mut fresh(), &tokio).unwrap();
            scores.add("changed ones fail", matches!(dkim, Dkim::Fail(_)), || name.to_owned());
        }
    }
    let (bad, _) = verdict(&raw(&place.join(BAD)), &mut fresh(), &tokio).unwrap();
    scores.add("changed ones fail", matches!(bad, Dkim::Fail(_)), || BAD.to_owned());
    println!("{passed} of {} pass", GOOD.len());
    let (mut all, mut signed) = (Vec::new(), 0);
    files(&place, &mut all);
    for path in all.iter().filter(|p| p.is_file()) {
        if let Some((dkim, _)) = verdict(&raw(path), &mut fresh(), &tokio).filter(|(d, _)| *d != Dkim::None) {
            signed += 1;
            let known = GOOD.iter().any(|g| path.ends_with(g));
            if let Dkim::Pass(by) = &dkim {
                println!("passes: {} ({}){}", path.display(), by.domain, if known { "" } else { ", not in the list" });
            }
            assert!(!matches!(dkim, Dkim::Temporary(_)), "{}", path.display());
        }
    }
    println!("{signed} signed mails of the corpus have a verdict");
    scores.report(100);
}
