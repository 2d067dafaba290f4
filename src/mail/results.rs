//! What our own server found out about a mail, as far as no sender can have written it (RFC 8601).
//!
//! Servers put their lines on top, so all below the Received line of our edge came over the network. Where the results
//! stand, what lies between, and what the edge calls itself is known by [`crate::provider`]:
//!
//! - Above the edge: all results from the top down to the first Received line that is not of a hop behind the edge, and
//!   that one must be of the edge. Below it: of those that follow the edge's line at once, the first of each name; all
//!   others of ours may be the sender's, so they take away what they do not agree with, and prove nothing. Together: all of
//!   that name must agree.
//! - A Received line in which ` by ` stands more than once is nobody's: the name in HELO comes before the server's own, and
//!   a sender who could pass for a hop behind the edge would move the border down to lines of his own. As the border it
//!   costs him his results and no more.
//! - Several fields of ours are one (opendkim and opendmarc write one each), if all together they hold one dmarc result
//!   and no two that differ; a `dmarc=fail` by whoever, in the same place, makes them void.
//! - Values are read by their grammar: text from outside stands in them, in quotes, comments and addresses.

use super::Mail;
use super::header::Trace;
use super::hop::{BLANKS, Hop};
use crate::provider::{BRIDGE, Bound, Place, Server};
use crate::vocabulary::Address;

/// The results that count.
pub(super) struct Counted {
    /// Whose they are.
    pub by: String,
    /// All of them.
    pub outcomes: Vec<Outcome>,
}

/// One result of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Such as `dmarc`, lower case.
    pub method: String,
    /// Such as `pass`, lower case.
    pub result: String,
    /// Such as `header.from`, lower case, and its value.
    pub properties: Vec<(String, String)>,
}

impl Outcome {
    /// The domains in the properties of that name, lower case.
    pub(super) fn domains(&self, name: &str) -> impl Iterator<Item = String> {
        let of = self.properties.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str());
        of.map(|v| v.rsplit_once('@').map_or(v, |(_, d)| d).trim_end_matches('.').to_ascii_lowercase())
    }

    /// Whether it is that result of DMARC for that domain.
    pub(super) fn is_dmarc(&self, result: &str, domain: &str) -> bool {
        self.method == "dmarc" && self.result == result && self.domains("header.from").any(|d| d == domain)
    }
}

/// What the results say of the sender.
pub(super) struct Said {
    /// `dmarc=pass` for the domain of the From, by an aligned envelope: then the whole mail is as its domain sent it.
    pub passed: bool,
    /// Whether a signature by that domain passed beside it.
    pub signed: bool,
    /// The verdict in words.
    pub reason: String,
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
    self::line(line).is_some_and(|line| !line.contains(words) && is_by(line, id))
}

/// Looks for a line of ours that holds `words`.
pub(crate) fn forged_line(trace: &[Trace], server: &Server, id: &str, words: &str) -> Forged {
    let is_it = |line: &str| line.contains(words) && is_by(line, id);
    if zone(trace, server).is_ok_and(|zone| zone.proof.into_iter().any(is_it)) {
        Forged::Believed
    } else if lines(trace).any(is_it) {
        Forged::Passed
    } else {
        Forged::Gone
    }
}

fn is_by(line: &str, id: &str) -> bool {
    authserv_id(line).is_some_and(|found| found.eq_ignore_ascii_case(id))
}

/// What the results that count say of a sender.
pub(super) fn of_sender(mail: &Mail, from: &Address, counted: Result<&Counted, &String>) -> Said {
    let no = |reason: String| Said { passed: false, signed: false, reason };
    let Counted { by, outcomes } = match counted {
        Ok(counted) => counted,
        Err(why) => return no(why.clone()),
    };
    let Some(dmarc) = one(outcomes, |o| o.method == "dmarc") else {
        let several = outcomes.iter().any(|o| o.method == "dmarc");
        let found = if several { "dmarc results that differ" } else { "no dmarc result" };
        return no(format!("the Authentication-Results by {by} hold {found}"));
    };
    let mut domains = dmarc.domains("header.from");
    let reason = match (domains.next(), domains.next()) {
        (Some(domain), None) if domain == from.domain() => format!("dmarc={} for {domain} by {by}", dmarc.result),
        (Some(_), None) => return no(format!("the dmarc result by {by} is for another domain than {}", from.domain())),
        (None, _) => return no(format!("dmarc={} by {by} names no header.from", dmarc.result)),
        (Some(_), Some(_)) => return no(format!("dmarc={} by {by} names several header.from", dmarc.result)),
    };
    if dmarc.result != "pass" || is_by_envelope(mail, from, outcomes) {
        let by_sender =
            |o: &Outcome| o.domains("header.d").chain(o.domains("header.i")).any(|domain| is_below(&domain, from));
        let signed = outcomes.iter().any(|o| o.method == "dkim" && o.result == "pass" && by_sender(o));
        return Said { passed: dmarc.result == "pass", signed, reason };
    }
    no(format!("{reason}, which may be by a signature, and that is checked here"))
}

/// Whether a pass is shown to be by the envelope (SPF) and not by a signature, which somebody else may have sent again
/// with another header: the envelope's domain passed and is that of the From or below it, or there is no signature at
/// all.
fn is_by_envelope(mail: &Mail, from: &Address, outcomes: &[Outcome]) -> bool {
    let of_envelope = |o: &&Outcome| o.method == "spf" && o.domains("smtp.mailfrom").next().is_some();
    let mut spf = outcomes.iter().filter(of_envelope);
    let aligned = |o: &Outcome| o.result == "pass" && o.domains("smtp.mailfrom").all(|d| is_below(&d, from));
    mail.unsigned || spf.clone().count() > 0 && spf.all(aligned)
}

/// Whether it is the domain of that address, or below it.
fn is_below(domain: &str, from: &Address) -> bool {
    domain.strip_suffix(from.domain()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The one result of a kind; `None` when there is none, or when two differ.
fn one(outcomes: &[Outcome], kind: impl Fn(&&Outcome) -> bool) -> Option<&Outcome> {
    let mut found = outcomes.iter().filter(kind);
    let first = found.next()?;
    let key = |o: &Outcome| (o.result.clone(), o.domains("header.from").collect::<Vec<_>>());
    found.all(|o| key(o) == key(first)).then_some(first)
}

/// Whether the last seal says that its maker found the sender good by the envelope. A pass that may be by a signature is
/// checked by ourselves, as in results.
pub fn sealed_for(mail: &Mail, from: &Address, server: &Server) -> bool {
    let outcomes = sealed(mail, server).unwrap_or_default();
    let counted = Counted { by: String::new(), outcomes };
    of_sender(mail, from, Ok(&counted)).passed
}

/// The results of our own server that count, else why there are none.
pub(super) fn counted(mail: &Mail, server: &Server) -> Result<Counted, String> {
    if server.is_nobody() {
        return Err("it was handed in as a file, which anybody may have written".to_owned());
    }
    if server.is_silent() {
        return Err("no authserv_ids configured".to_owned());
    }
    let by = server.ids().first().map_or_else(|| server.provider.name.to_owned(), |id| (*id).to_owned());
    let no = |why: String| format!("no Authentication-Results by {by} count: {why}");
    let zone = zone(&mail.trace, server).map_err(no)?;
    let mut counted = Counted { by, outcomes: Vec::new() };
    let mut fields = 0;
    for line in zone.proof {
        let (id, outcomes) = parse(line);
        if server.is_ours(id.as_deref()) {
            fields += 1;
            counted.by = id.unwrap_or(counted.by);
            let malformed = || format!("the Authentication-Results by {} are malformed", counted.by);
            counted.outcomes.extend(outcomes.ok_or_else(malformed)?);
        } else if let (Ok(from), Some(others)) = (&mail.from, outcomes)
            && others.iter().any(|o| o.is_dmarc("fail", from.domain()))
        {
            return Err(format!("{} says dmarc=fail beside them", id.unwrap_or_default()));
        }
    }
    if fields == 0 && lines(&mail.trace).any(|line| server.is_ours(parse(line).0.as_deref())) {
        let by = counted.by;
        return Err(format!(
            "the Authentication-Results by {by} stand below a Received line: anybody could have written them"
        ));
    }
    if fields == 0 {
        return Err(format!("no Authentication-Results by {}", counted.by));
    }
    if server.provider.nameless && fields > 1 {
        return Err("more than one field of results".into());
    }
    let agrees = |line: &str| {
        let decides = |o: &&Outcome| o.method == "dmarc" || o.method == "spf";
        parse(line).1.is_some_and(|all| all.iter().filter(decides).all(|o| counted.outcomes.contains(o)))
    };
    if !zone.beside.into_iter().all(agrees) {
        return Err(format!("others in the name of {} say otherwise", counted.by));
    }
    Ok(counted)
}

/// Whether results of that server count in a mail, whatever they say.
pub(crate) fn is_read(mail: &Mail, server: &Server) -> bool {
    counted(mail, server).is_ok()
}

/// The name in the first results of a mail.
pub(crate) fn first_id(mail: &Mail) -> Option<String> {
    lines(&mail.trace).find_map(authserv_id)
}

/// Whether our server says anywhere that the sender is forged: by the first field of ours that names the domain.
pub(super) fn calls_forged(mail: &Mail, server: &Server, domain: &str) -> bool {
    let ours = lines(&mail.trace).map(parse).filter(|(id, _)| server.is_ours(id.as_deref()));
    let dmarc = ours.filter_map(|(_, outcomes)| outcomes).flatten();
    let first = dmarc.into_iter().find(|o| o.method == "dmarc" && o.domains("header.from").any(|d| d == domain));
    first.is_some_and(|o| o.result == "fail")
}

/// Where Authentication-Results stand.
#[derive(Default)]
struct Zone<'t> {
    /// Those that no sender can have written.
    proof: Vec<&'t str>,
    /// Those in our name that a sender may have written, and that must agree.
    beside: Vec<&'t str>,
}

impl<'t> Zone<'t> {
    /// All of these lines prove.
    fn of(lines: impl Iterator<Item = &'t str>) -> Self {
        Self { proof: lines.collect(), beside: Vec::new() }
    }
}

/// The Authentication-Results that no sender can have written; else why none are.
fn zone<'t>(trace: &'t [Trace], server: &Server) -> Result<Zone<'t>, String> {
    let marked = |name: &str| -> Vec<&str> {
        let is =
            |t: &'t Trace| if let Trace::Mark(n, value) = t { (*n == name).then_some(value.as_str()) } else { None };
        trace.iter().filter_map(is).collect()
    };
    // Proton Bridge groups the fields of one name, the sender's among them: there no place says anything.
    if server.provider.place != Place::Together && !marked(BRIDGE).is_empty() {
        return Err(
            "the mail came by Proton Bridge, which mixes them with the sender's; write server = \"proton-bridge\""
                .into(),
        );
    }
    match server.provider.place {
        Place::Together => return Ok(Zone::of(lines(trace))),
        Place::Nowhere => return Err("this provider writes none that could be believed".into()),
        Place::Above | Place::Below => {}
    }
    let received = |t: &'t Trace| if let Trace::Received(line) = t { Some(Hop::of(line)) } else { None };
    let is_border = |t: &'t Trace| received(t).is_some_and(|hop| !hop.is_behind(server));
    let Some(border) = trace.iter().position(is_border) else {
        // A mail without any did not come over the network (RFC 5321 section 4.4 demands the line): this machine put it there.
        let local = server.provider.is_own() && server.provider.place == Place::Above;
        let none = !trace.iter().any(|t| received(t).is_some());
        return if local && none {
            Ok(Zone::of(lines(trace)))
        } else {
            Err("no Received line of our server is there".into())
        };
    };
    let edge = trace.get(border).and_then(received).filter(|hop| hop.by.is_some_and(|by| server.is_edge(by)));
    let edge = edge.ok_or("the first Received line that is not of a delivery agent is not of our server's edge")?;
    match server.provider.bound {
        Bound::Free => {}
        Bound::Says(name, value) => {
            if !matches!(marked(name)[..], [one] if one.trim_ascii().eq_ignore_ascii_case(value)) {
                return Err(format!("the mail does not bear {name}: {value} once"));
            }
        }
        Bound::Queued(name) => {
            let id = edge.id.ok_or("the Received line of our edge has no queue id")?;
            if !matches!(marked(name)[..], [one] if one.trim_ascii() == id) {
                return Err(format!("the mail does not bear its queue id once, in {name}"));
            }
        }
    }
    let (above, below) = trace.split_at(border);
    if server.provider.place == Place::Above {
        return Ok(Zone::of(lines(above)));
    }
    if edge.is_login() {
        return Err("the mail was handed in by login, and such mail is not checked".into());
    }
    let following = below.iter().skip(1).filter(|t| !matches!(t, Trace::Mark(..)));
    let name = |line: &str| authserv_id(line).filter(|id| server.is_ours(Some(id))).map(|id| id.to_ascii_lowercase());
    let mut zone = Zone::default();
    let mut seen = Vec::new();
    for line in following.map_while(line) {
        match name(line) {
            Some(name) if !seen.contains(&name) => {
                seen.push(name);
                zone.proof.push(line);
            }
            None if seen.is_empty() => break,
            // By another name: it may say that the sender failed.
            None => zone.proof.push(line),
            Some(_) => {}
        }
    }
    if zone.proof.is_empty() {
        return Err("they do not follow the line of our edge at once".into());
    }
    // A sender's server may have written into what it sent that there was nothing to check, in the name of the
    // recipient's domain (Microsoft did).
    let nothing =
        |line: &str| parse(line).1.is_some_and(|all| all.iter().any(|o| o.method == "dmarc" && o.result == "none"));
    zone.beside = lines(trace).filter(|line| name(line).is_some() && !nothing(line)).collect();
    Ok(zone)
}

fn line(trace: &Trace) -> Option<&str> {
    match trace {
        Trace::AuthenticationResults(line) => Some(line),
        Trace::Received(_) | Trace::Mark(..) => None,
    }
}

fn lines(trace: &[Trace]) -> impl Iterator<Item = &str> {
    trace.iter().filter_map(line)
}

/// The number of a sealed field (RFC 8617 section 4.1.1), if it is one, and what stands behind it.
pub(super) fn numbered(full: &str) -> (Option<u8>, &str) {
    let number = |(head, rest)| {
        let (name, number) = str::split_once(head, '=')?;
        let number = number.trim_ascii().parse().ok().filter(|_| name.trim_ascii().eq_ignore_ascii_case("i"))?;
        Some((number, rest))
    };
    full.split_once(';').and_then(number).map_or((None, full), |(number, rest)| (Some(number), rest))
}

/// What the last seal says that our own server found out; `None` where two of them bear its number, where it is another's,
/// or cannot be read.
pub(super) fn sealed(mail: &Mail, server: &Server) -> Option<Vec<Outcome>> {
    let all = || mail.passage.sealed.iter().map(|line| numbered(line));
    let last = all().filter_map(|(number, _)| number).max()?;
    let mut found = all().filter(|(number, _)| *number == Some(last));
    let (_, line) = found.next().filter(|_| found.next().is_none())?;
    let (id, outcomes) = parse(line);
    outcomes.filter(|_| server.is_ours(id.as_deref()))
}

/// A field's authserv-id, if it has one, and its results; `None` where it departs from the grammar of RFC 8601
/// section 2.2 in a way that could hide something.
pub(super) fn parse(line: &str) -> (Option<String>, Option<Vec<Outcome>>) {
    match authserv_id(line) {
        Some(id) => (Some(id), outcomes(line, true)),
        None => (None, outcomes(line, false)),
    }
}

/// The authserv-id alone, so that a malformed value by our server is told from one by another. Microsoft writes none,
/// and begins with the first result.
pub(super) fn authserv_id(line: &str) -> Option<String> {
    let mut reader = Reader { rest: line };
    reader.blanks()?;
    reader.value().filter(|id| !id.contains('='))
}

fn outcomes(line: &str, named: bool) -> Option<Vec<Outcome>> {
    let mut reader = Reader { rest: line };
    reader.blanks()?;
    if named {
        reader.value()?;
        reader.blanks()?;
        // The one version that there is (section 2.2).
        if !matches!(reader.take_while(|c| c.is_ascii_digit()).as_str(), "" | "1") {
            return None;
        }
        reader.blanks()?;
        if !reader.rest.is_empty() {
            reader.expect(';')?;
        }
    }
    let mut outcomes = Vec::new();
    loop {
        reader.blanks()?;
        if reader.rest.is_empty() {
            return Some(outcomes);
        }
        if reader.expect(';').is_some() {
            continue;
        }
        let method = reader.keyword()?;
        reader.blanks()?;
        // Amazon parts the properties of SPF by semicolons.
        let before = outcomes.last_mut().filter(|o: &&mut Outcome| o.method == "spf");
        if let Some(spf) = before.filter(|_| matches!(method.as_str(), "client-ip" | "envelope-from" | "helo")) {
            reader.expect('=')?;
            let name = if method == "envelope-from" { "smtp.mailfrom" } else { "smtp.other" };
            spf.properties.push((name.to_owned(), reader.value().unwrap_or_default()));
            continue;
        }
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

/// The reader of the grammar.
struct Reader<'l> {
    rest: &'l str,
}

impl Reader<'_> {
    /// Skips blanks and comments (RFC 5322 CFWS); `None` for a comment without an end.
    fn blanks(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches(BLANKS);
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
            value += &self.take_while(|c| !BLANKS.contains(&c) && !matches!(c, ';' | '(' | ')' | '"'));
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
