//! Who wrote a mail, and how sure that is.
//!
//! The From line is free text. What is believed is what our own mail server concluded about it and wrote into
//! Authentication-Results (RFC 8601), and only where no sender could have written it instead:
//!
//! - Servers put their lines on top. Everything from the Received line of our own server downwards came over the
//!   network, so only what stands above the first Received counts. A delivery agent behind our server may add one
//!   more Received with LMTP above the results; it is passed over, if our server's own Received follows. All its
//!   protocol words must say LMTP, because the name in HELO is the sender's to choose and may hold " with LMTP".
//! - A mail without any Received did not come over the network (RFC 5321 section 4.4 demands the line): it was put
//!   into the Maildir on this host.
//! - The authserv-id must be one of those in the config, and exactly one field may bear it.
//! - The value is read by its grammar: text from outside stands in it, in quotes, comments and addresses.
//!
//! Servers that write their results below their own Received (Gmail does) are not believed this way. What vouches
//! there is a DKIM signature by the domain of the From (RFC 6376), checked by ourselves: see [`super::signature`] for
//! which signatures count. What our own server calls forged stays forged.

use super::Mail;
use super::header::Trace;
use super::signature::Dkim;
use crate::vocabulary::{Address, trim_blanks};

/// The verdict on the From line of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whether the domain of the From address vouches for the mail (rule 2 of the authority rules).
    pub believed: bool,
    /// Whether our own server says that the From address is forged (`dmarc=fail`).
    pub forged: bool,
    /// What vouched.
    pub by: Option<Proof>,
    /// The domains that had a hand in the mail, as our own server's results or our DKIM check say: those that signed or
    /// sealed it, and that of its envelope.
    pub vouched: Vec<String>,
    /// A check failed for now only: later it may vouch.
    pub unsure: bool,
    /// The verdict in words.
    pub reason: String,
    /// Each thing that was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub by: Proof,
    /// Whether it vouches.
    pub passed: bool,
    /// The verdict in words.
    pub reason: String,
}

/// What vouched for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Our own mail server's Authentication-Results (RFC 8601).
    AuthenticationResults,
    /// A DKIM signature by the domain of the From (RFC 6376).
    Dkim,
}

/// Decides whether the domain of the sender vouches for a mail. `authserv_ids` are those of our own mail servers,
/// compared exactly but for case; an empty list believes nobody (RFC 8601 section 7.1). `dkim` is what is known of the
/// signatures.
pub fn identify(mail: &Mail, authserv_ids: &[String], dkim: &Dkim) -> Identity {
    let Ok(from) = &mail.from else {
        let reason = "it has no sender that is one plain address".to_owned();
        let (checks, vouched) = (Vec::new(), Vec::new());
        return Identity { believed: false, forged: false, by: None, vouched, unsure: false, reason, checks };
    };
    let counted = counted(mail, authserv_ids);
    let mut vouched = counted.as_ref().map_or(Vec::new(), |(_, outcomes)| vouched(mail, outcomes));
    let results = results(from, counted);
    let mut checks =
        vec![Check { by: Proof::AuthenticationResults, passed: results.passed, reason: results.reason.clone() }];
    let signed = match dkim {
        Dkim::Pass { domain, .. } => {
            vouched.push(domain.clone());
            domain == from.domain()
        }
        Dkim::Unasked | Dkim::None | Dkim::Fail(_) | Dkim::Temporary(_) => false,
    };
    checks.extend(dkim.words().map(|reason| Check { by: Proof::Dkim, passed: signed, reason }));
    let forged = results.forged;
    let by = checks.iter().find(|c| c.passed && !forged).map(|c| c.by);
    let reason = match by {
        Some(proof) => checks.iter().find(|c| c.by == proof).map(|c| c.reason.clone()).unwrap_or_default(),
        None => checks.iter().map(|c| c.reason.as_str()).collect::<Vec<_>>().join("; "),
    };
    let unsure = by.is_none() && !forged && matches!(dkim, Dkim::Temporary(_));
    Identity { believed: by.is_some(), forged, by, vouched, unsure, reason, checks }
}

/// What our own mail server concluded.
struct Results {
    passed: bool,
    forged: bool,
    reason: String,
}

/// The one line of our own server that counts: its authserv-id and what it says; else why there is none.
fn counted(mail: &Mail, authserv_ids: &[String]) -> Result<(String, Vec<Outcome>), String> {
    let Some(first_id) = authserv_ids.first() else { return Err("no authserv_ids configured".to_owned()) };
    let ours = |line: &str| {
        let results = AuthenticationResults::parse(line);
        let id = authserv_id(line)?;
        authserv_ids.iter().any(|o| o.eq_ignore_ascii_case(&id)).then_some((id, results))
    };
    let above = trusted(&mail.trace);
    let mut counted = above.iter().filter_map(|line| ours(line));
    match (counted.next(), counted.next()) {
        (Some((id, Some(outcomes))), None) => Ok((id, outcomes)),
        (Some((id, None)), None) => Err(format!("the Authentication-Results by {id} are malformed")),
        (Some((id, _)), Some(_)) => Err(format!("more than one Authentication-Results by {id}")),
        (None, _) => {
            let below = mail.trace.iter().any(|t| match t {
                Trace::AuthenticationResults(line) => ours(line).is_some(),
                Trace::Received(_) => false,
            });
            Err(if below {
                format!(
                    "the Authentication-Results by {first_id} stand below a Received line: anybody could have written them"
                )
            } else {
                format!("no Authentication-Results by {first_id}")
            })
        }
    }
}

/// The domains that passed a check (RFC 8601 section 2.7): by signature, by the sender's policy, by envelope, by seal.
fn vouched(mail: &Mail, outcomes: &[Outcome]) -> Vec<String> {
    let mut domains = Vec::new();
    for outcome in outcomes.iter().filter(|o| o.result == "pass") {
        let names: &[&str] = match outcome.method.as_str() {
            "dkim" => &["header.d", "header.i"],
            "dmarc" => &["header.from"],
            "spf" => &["smtp.mailfrom"],
            "arc" => {
                domains.extend(mail.passage.sealer.clone());
                &[]
            }
            _ => &[],
        };
        let values = outcome.properties.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, v)| v);
        domains.extend(values.map(|v| v.rsplit_once('@').map_or(v.as_str(), |(_, d)| d).to_ascii_lowercase()));
    }
    domains
}

/// Whether a server on the way wrote down, when it took the mail, that a sender of that domain was forged. Our own
/// server's words are not among these: what it says of the sender it says after the way has changed the mail.
pub(crate) fn recorded_as_forged(recorded: &[String], domain: &str, authserv_ids: &[String]) -> bool {
    // A sealed line begins with its number (RFC 8617 section 4.1.1). Ours is the last, if any is: the way may have the
    // same server.
    let sealed = |line: &'_ String| {
        let (number, _) = trim_blanks(line).strip_prefix("i=")?.split_once(';')?;
        trim_blanks(number).parse::<u8>().ok()
    };
    let last = recorded.iter().filter_map(sealed).max();
    recorded.iter().any(|full| {
        let number = sealed(full);
        let line = full.split_once(';').filter(|_| number.is_some()).map_or(full.as_str(), |(_, line)| line);
        let own = number.is_some()
            && number == last
            && authserv_id(line).is_some_and(|id| authserv_ids.iter().any(|o| o.eq_ignore_ascii_case(&id)));
        let of = |o: &Outcome| o.properties.iter().any(|(n, v)| n == "header.from" && v.eq_ignore_ascii_case(domain));
        let fails = |o: &Outcome| o.method == "dmarc" && o.result == "fail" && of(o);
        !own && AuthenticationResults::parse(line).is_some_and(|outcomes| outcomes.iter().any(fails))
    })
}

fn results(from: &Address, counted: Result<(String, Vec<Outcome>), String>) -> Results {
    let no = |reason: String| Results { passed: false, forged: false, reason };
    let (id, results) = match counted {
        Ok(counted) => counted,
        Err(why) => return no(why),
    };
    let mut dmarc = results.iter().filter(|r| r.method == "dmarc");
    let verdict = match (dmarc.next(), dmarc.next()) {
        (Some(one), None) => one,
        (None, _) => return no(format!("the Authentication-Results by {id} hold no dmarc result")),
        (Some(_), Some(_)) => {
            return no(format!("the Authentication-Results by {id} hold more than one dmarc result"));
        }
    };
    let mut domains = verdict.properties.iter().filter(|(name, _)| name == "header.from").map(|(_, v)| v);
    let domain = match (domains.next(), domains.next()) {
        (Some(value), None) => value.rsplit_once('@').map_or(value.as_str(), |(_, d)| d).trim_end_matches('.'),
        (None, _) => return no(format!("dmarc={} by {id} names no header.from", verdict.result)),
        (Some(_), Some(_)) => return no(format!("dmarc={} by {id} names several header.from", verdict.result)),
    };
    if !domain.eq_ignore_ascii_case(from.domain()) {
        return no(format!("the dmarc result by {id} is for another domain than {}", from.domain()));
    }
    Results {
        passed: verdict.result == "pass",
        forged: verdict.result == "fail",
        reason: format!("dmarc={} for {} by {id}", verdict.result, from.domain()),
    }
}

/// Where a line with some words in it, under an authserv-id of ours, stands in a mail: what `check --online` looks
/// for after it has sent a forged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forged {
    /// Nowhere: the server took it out or renamed it.
    Gone,
    /// Where it is not believed.
    Passed,
    /// Where it would be believed.
    Believed,
}

/// Whether a line is by that server, and holds no such words.
pub(crate) fn names_authserv(line: &Trace, id: &str, words: &str) -> bool {
    match line {
        Trace::AuthenticationResults(line) => {
            !line.contains(words) && authserv_id(line).is_some_and(|found| found.eq_ignore_ascii_case(id))
        }
        Trace::Received(_) => false,
    }
}

/// Looks for a line of ours that holds `words`.
pub(crate) fn forged_line(trace: &[Trace], id: &str, words: &str) -> Forged {
    let is_it =
        |line: &str| line.contains(words) && authserv_id(line).is_some_and(|found| found.eq_ignore_ascii_case(id));
    let anywhere = |t: &Trace| match t {
        Trace::AuthenticationResults(line) => is_it(line),
        Trace::Received(_) => false,
    };
    if trusted(trace).into_iter().any(is_it) {
        Forged::Believed
    } else if trace.iter().any(anywhere) {
        Forged::Passed
    } else {
        Forged::Gone
    }
}

/// The Authentication-Results lines that no sender could have written: see above.
fn trusted(trace: &[Trace]) -> Vec<&str> {
    let is_received = |t: &Trace| matches!(t, Trace::Received(_));
    let is_border = |t: &Trace| match t {
        Trace::Received(line) => !is_local_hop(line),
        Trace::AuthenticationResults(_) => false,
    };
    // Where only local hops are left, our server's own line is missing, and the topmost is taken for it. Without any
    // Received all lines are looked at, so that a second one by the same id makes both unbelievable.
    let border = trace.iter().position(is_border).or_else(|| trace.iter().position(is_received));
    trace
        .iter()
        .take(border.unwrap_or(trace.len()))
        .filter_map(|t| match t {
            Trace::AuthenticationResults(line) => Some(line.as_str()),
            Trace::Received(_) => None,
        })
        .collect()
}

/// Whether a Received line was added on the last step, by a delivery agent: with LMTP and nothing else.
fn is_local_hop(line: &str) -> bool {
    // The name in HELO could open a comment or a quote over our own server's words, or close one that is not open.
    if line.contains(['\\', '"']) || !is_nested(line) {
        return false;
    }
    let mut protocols = without_comments(line)
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .skip_while(|w| !w.eq_ignore_ascii_case("with"))
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>();
    protocols.push(String::new());
    let after_with: Vec<&String> =
        protocols.iter().zip(protocols.iter().skip(1)).filter(|(w, _)| *w == "with").map(|(_, p)| p).collect();
    let local = |p: &str| matches!(p.trim_end_matches(';'), "lmtp" | "lmtps" | "lmtpa" | "lmtpsa" | "local");
    !after_with.is_empty() && after_with.iter().all(|p| local(p))
}

/// Whether each parenthesis has its other half, in the right order.
fn is_nested(line: &str) -> bool {
    let mut depth = 0_i32;
    let never_closed_twice = line.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    });
    never_closed_twice && depth == 0
}

fn without_comments(line: &str) -> String {
    let mut depth = 0_u32;
    line.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

/// One result of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    method: String,
    result: String,
    properties: Vec<(String, String)>,
}

/// The reader of the grammar of RFC 8601 section 2.2.
struct AuthenticationResults;

impl AuthenticationResults {
    /// Reads a whole value; `None` where it departs from the grammar in a way that could hide something.
    fn parse(line: &str) -> Option<Vec<Outcome>> {
        let mut reader = Reader { rest: line };
        reader.blanks()?;
        reader.value()?;
        reader.blanks()?;
        // authres-version
        reader.take_while(|c| c.is_ascii_digit());
        let mut outcomes = Vec::new();
        loop {
            reader.blanks()?;
            if reader.rest.is_empty() {
                return Some(outcomes);
            }
            reader.expect(';')?;
            reader.blanks()?;
            if reader.rest.is_empty() || reader.rest.starts_with(';') {
                continue;
            }
            let method = reader.keyword()?;
            reader.blanks()?;
            if method == "none" && (reader.rest.is_empty() || reader.rest.starts_with(';')) {
                continue;
            }
            if reader.expect('/').is_some() {
                reader.blanks()?;
                reader.take_while(|c| c.is_ascii_digit());
                reader.blanks()?;
            }
            reader.expect('=')?;
            reader.blanks()?;
            let result = reader.keyword()?;
            outcomes.push(Outcome { method, result, properties: reader.properties()? });
        }
    }
}

/// The authserv-id alone, so that a malformed value by our server is told from one by another.
fn authserv_id(line: &str) -> Option<String> {
    let mut reader = Reader { rest: line };
    reader.blanks()?;
    reader.value()
}

struct Reader<'l> {
    rest: &'l str,
}

impl Reader<'_> {
    /// Skips blanks and comments (RFC 5322 CFWS); `None` for a comment without an end.
    fn blanks(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            let Some(comment) = self.rest.strip_prefix('(') else { return Some(()) };
            let mut depth = 1_u32;
            let mut escaped = false;
            let end = comment.char_indices().find(|&(_, c)| {
                match c {
                    _ if escaped => {
                        escaped = false;
                        return false;
                    }
                    '\\' => escaped = true,
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            self.rest = comment.get(end?.0 + 1..)?;
        }
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn take_while(&mut self, good: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !good(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken.to_ascii_lowercase()
    }

    fn keyword(&mut self) -> Option<String> {
        Some(self.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')).filter(|k| !k.is_empty())
    }

    /// A value: tokens and quoted strings that stand together, as in `"a b"@example.org`.
    fn value(&mut self) -> Option<String> {
        let mut value = String::new();
        loop {
            value += &self.take_while(|c| !matches!(c, ' ' | '\t' | ';' | '(' | ')' | '"'));
            let Some(quoted) = self.rest.strip_prefix('"') else { break };
            let mut chars = quoted.char_indices();
            loop {
                match chars.next()? {
                    (at, '"') => {
                        self.rest = quoted.get(at + 1..)?;
                        break;
                    }
                    (_, '\\') => value.push(chars.next()?.1),
                    (_, c) => value.push(c),
                }
            }
        }
        (!value.is_empty()).then_some(value)
    }

    /// The reason and the properties of one result, up to the next `;`.
    fn properties(&mut self) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        loop {
            self.blanks()?;
            if self.rest.is_empty() || self.rest.starts_with(';') {
                return Some(found);
            }
            let mut name = self.keyword()?;
            self.blanks()?;
            let dotted = self.expect('.').is_some();
            if dotted {
                self.blanks()?;
                name = format!("{name}.{}", self.take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
                self.blanks()?;
            }
            // Some servers add bare words ("action=none"); a result where a property belongs is an injected one.
            if !dotted && matches!(name.as_str(), "dmarc" | "dkim" | "spf" | "arc" | "auth") {
                return None;
            }
            self.expect('=')?;
            self.blanks()?;
            // An empty value ("smtp.mailfrom=") is common for bounces.
            let empty = self.rest.is_empty() || self.rest.starts_with(';');
            let value = if empty { String::new() } else { self.value()? };
            found.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests;
