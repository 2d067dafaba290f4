//! Delivery reports: whom a mail of ours did not reach.
//!
//! RFC 3464 says how they are written. Many servers write prose instead; then an address counts that stands where
//! such notices put it, if the mail comes from a place that notices come from. A report proves nothing by itself
//! (RFC 3464 section 4.1: they are easily forged); who believes it is decided elsewhere, by token.

use super::automatic::{Bounce, Signs, is_returned, is_role};
use super::header::{self, Header};
use super::parts::{Part, Parts};
use crate::token::LOOP_FIELD;
use crate::vocabulary::{Address, MessageId, clean_line};

/// The most recipients and Message-IDs that one report yields.
const MAX_FOUND: usize = 100;
/// The most of a prose notice that is looked at, in lines.
const MAX_LINES: usize = 400;

/// Reads a mail as a delivery report; `None` where it is none, or reports success. A mail is read so only when it is
/// such a report as a whole, or comes from where mail servers return mail from: whoever attaches a report, or writes as
/// one does, is a person.
pub(crate) fn bounce(
    header: &Header<'_>,
    parts: &Parts<'_>,
    signs: &Signs,
    subject: &str,
    text: &str,
) -> Option<Bounce> {
    let from_server = signs.by_mail_server() || signs.role;
    if parts.top.media != "multipart/report" && !is_status(&parts.top) && !from_server {
        return None;
    }
    let status = match parts.leaves.iter().find(|p| is_status(p)) {
        Some(part) => Some(by_status(part)),
        // Gateways wrap the report of another server.
        None if from_server => attached_status(parts),
        None => None,
    };
    let mut found = match status {
        Some(Status::Says(bounce)) => bounce,
        Some(Status::Success) => return None,
        Some(Status::Nothing) => by_prose(header, subject, text, true).unwrap_or_default(),
        // What a mail server writes about a mail that it returns is a report in any language.
        None => by_prose(header, subject, text, signs.returns)?,
    };
    let returned = Returned::of(parts, text);
    (found.message_ids, found.references, found.mark) = (returned.message_ids, returned.references, returned.mark);
    Some(found)
}

fn is_status(part: &Part<'_>) -> bool {
    matches!(part.media.as_str(), "message/delivery-status" | "message/global-delivery-status")
}

/// The delivery status in the first mail that is attached.
fn attached_status(parts: &Parts<'_>) -> Option<Status> {
    let part = parts.leaves.iter().find(|p| p.media == "message/rfc822")?;
    let (octets, _) = part.decoded();
    let (header, body) = Header::split(&octets);
    let inner = Parts::find(&header, body);
    inner.leaves.iter().find(|p| is_status(p)).map(by_status)
}

/// What a message/delivery-status part says.
enum Status {
    Says(Bounce),
    /// Delivered, relayed or expanded: nothing failed.
    Success,
    /// No recipient could be read.
    Nothing,
}

/// Reads the groups of fields of a delivery status (RFC 3464 section 2.1).
fn by_status(part: &Part<'_>) -> Status {
    let (octets, _) = part.decoded();
    let mut rest: &[u8] = octets.trim_ascii_start();
    let (mut failed, mut delayed, mut reached) = (Vec::new(), Vec::new(), false);
    let (mut why_failed, mut why_delayed) = (None, None);
    for _ in 0..MAX_FOUND {
        if rest.is_empty() {
            break;
        }
        let (group, after) = Header::split(rest);
        // A line that is no field ends the groups of a report that is not well made; the next line is tried.
        rest = if group.is_empty() { after_line(after) } else { after.trim_ascii_start() };
        let Some(recipient) = recipient(&group) else { continue };
        match group.keyword("action").unwrap_or_default().split([' ', ';', '(']).next().unwrap_or_default() {
            "delivered" | "relayed" | "expanded" => reached = true,
            "delayed" => {
                delayed.push(recipient);
                why_delayed.get_or_insert_with(|| said(&group));
            }
            _ if group.keyword("status").is_some_and(|s| s.starts_with("4.")) && group.first("action").is_none() => {
                delayed.push(recipient);
                why_delayed.get_or_insert_with(|| said(&group));
            }
            _ => {
                failed.push(recipient);
                why_failed.get_or_insert_with(|| said(&group));
            }
        }
    }
    let permanent = !failed.is_empty();
    let (mut recipients, said) = if permanent { (failed, why_failed) } else { (delayed, why_delayed) };
    dedup(&mut recipients);
    match (recipients.is_empty(), reached) {
        (false, _) => {
            Status::Says(Bounce { recipients, permanent, said: said.unwrap_or_default(), ..Bounce::default() })
        }
        (true, true) => Status::Success,
        (true, false) => Status::Nothing,
    }
}

/// Whom a group is about: as we addressed it, else as the last server did (RFC 3464 sections 2.3.1, 2.3.2).
fn recipient(group: &Header<'_>) -> Option<Address> {
    ["original-recipient", "final-recipient", "x-actual-recipient"].iter().find_map(|name| {
        let value = header::unfold(group.first(name)?);
        let address = value.split_once(';').map_or(value.as_str(), |(_, a)| a);
        header::addresses(address.as_bytes()).into_iter().next()
    })
}

/// What the server said of a recipient (RFC 3464 section 2.3.6), without the kind of code and without the address that it
/// repeats.
fn said(group: &Header<'_>) -> String {
    let value = group.first("diagnostic-code").map_or(String::new(), header::unfold);
    let code = value.split_once(';').map_or(value.as_str(), |(_, code)| code);
    let words = code.split_whitespace().filter(|word| !(word.starts_with('<') && word.contains('@')));
    clean_line(&words.collect::<Vec<_>>().join(" "), 500)
}

/// What stands after the first line.
fn after_line(raw: &[u8]) -> &[u8] {
    raw.iter().position(|&c| c == b'\n').and_then(|at| raw.get(at + 1..)).unwrap_or_default()
}

/// What notices of failure say, in lower case.
const FAILURE: &str = "could not be delivered|couldn't be delivered|cannot be delivered|can't be delivered|can not be delivered|\
    not be delivered|was not delivered|not delivered to|were not delivered|wasn't delivered|wasn't able to deliver|\
    unable to deliver|not able to deliver|could not deliver|couldn't deliver|cannot deliver|can't deliver|\
    failed to deliver|delivery failed|delivery to the following|delivery failure|delivery error|undeliverable|\
    undelivered|did not reach|had permanent fatal errors|had delivery errors|had transient|has been delayed|\
    is delayed|delivery was attempted|user unknown|unknown user|unknown recipient|recipient unknown|no such user|\
    no such recipient|user not found|mailbox unavailable|mailbox not found|does not exist|doesn't exist|\
    invalid recipient|address not found|rejected|returned to sender|returned mail|returned for|being returned|\
    giving up|given up|retry timeout|mailbox is full|mailbox full|over quota|quota exceeded|quota violation|\
    n'a pas pu etre|non-delivery|unzustellbar|nicht zugestellt|n'a pas pu être|no se pudo entregar|\
    non è stato possibile consegnare";

/// What notices say while delivery is still tried, in lower case.
const WAITING: &str = "will be retried|will continue|will keep trying|still being retried|is delayed|has been delayed|\
    has been postponed|do not need to resend|warning message only|not yet been delivered|will be attempted again";

/// How the subjects of such notices begin or what they hold, in lower case.
const SUBJECTS: &str = "undeliver|delivery status|delivery failure|delivery failed|delivery error|delivery problem|delivery notification|\
    delivery report|failure notice|failure delivery|returned mail|mail could not be delivered|\
    message could not be delivered|mail delivery|mail system error|nondeliverable|non-deliver|non deliver|\
    message status|returned to sender|bounced|warning: could not send|warning: message|unzustellbar|\
    returning to sender|return to sender|failed mail|mail failed|mail failure|non remis|non distribu|\
    no se pudo entregar|impossibile recapitare";

/// What begins the copy of the returned mail, in lower case.
const COPIES: &str = "this is a copy of|below this line is a copy|copy of your message|copy of the message|copy of the original|\
    original message|original mail|returned message|your message follows|message follows|message header follows|\
    message headers follow|unsent message|text of the message|text of your message|start of returned|\
    body of message generated|the header of the original|message text follows|begin included|\
    content-type: message/rfc822|received: from";

/// Reads a notice in prose, from where mail servers write; `known` when something else has told that it is one.
fn by_prose(header: &Header<'_>, subject: &str, text: &str, known: bool) -> Option<Bounce> {
    let subject = subject.to_lowercase();
    let titled = SUBJECTS.split('|').any(|s| subject.contains(s));
    let failed: Vec<Address> = header.all("x-failed-recipients").flat_map(header::addresses).collect();
    let notice: Vec<&str> = notice_lines(text);
    let lower: Vec<String> = notice.iter().map(|l| l.to_lowercase()).collect();
    let says_failure = || lower.iter().any(|l| FAILURE.split('|').any(|f| l.contains(f)));
    if !known && failed.is_empty() && !titled && !says_failure() {
        return None;
    }
    let own: Vec<Address> =
        ["from", "to", "sender", "reply-to"].iter().flat_map(|n| header.all(n)).flat_map(header::addresses).collect();
    let mut recipients = if failed.is_empty() { named(&notice, &lower, &own) } else { failed };
    dedup(&mut recipients);
    let waiting = |l: &String| WAITING.split('|').any(|w| l.contains(w));
    let titled_as_delay = ["warning: could not send", "warning: message", "delay"].iter().any(|w| subject.contains(w));
    let permanent = !(titled_as_delay || lower.iter().any(waiting));
    Some(Bounce { recipients, permanent, ..Bounce::default() })
}

/// The lines of the notice, without the copy of the returned mail.
fn notice_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for (n, line) in text.lines().enumerate().take(MAX_LINES) {
        let lower = line.trim_start_matches(['-', '=', '*', '>', ' ', '#', '|']).to_lowercase();
        let copy = COPIES.split('|').any(|c| lower.starts_with(c)) || lower.starts_with("return-path:");
        // "Message header follows" may stand in the first sentence of the notice as a promise.
        if copy && n > 1 {
            break;
        }
        lines.push(line.get(..line.floor_char_boundary(500)).unwrap_or(line));
    }
    lines
}

/// The addresses that a notice names as not reached. Those count that stand nearest to how such notices name them:
/// below "… the following recipients:", at the start of a line, in a sentence of failure, anywhere.
fn named(notice: &[&str], lower: &[String], own: &[Address]) -> Vec<Address> {
    let useful = |a: &Address| !own.contains(a) && !is_role(a.local());
    let (mut announced, mut leading, mut telling, mut any) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut below = false;
    for (line, low) in notice.iter().zip(lower) {
        let failure = FAILURE.split('|').any(|f| low.contains(f));
        let found: Vec<Address> = line_addresses(line).into_iter().filter(useful).take(MAX_FOUND).collect();
        let start = line.trim_start_matches([' ', '\t', '>', '<', '*', '-', '"', '\'', '(', '[']);
        if let Some(first) = found.first() {
            let begins = start.get(..first.as_str().len()).is_some_and(|s| s.eq_ignore_ascii_case(first.as_str()));
            let name = start.split_once(':').map_or("", |(n, _)| n).to_lowercase();
            let labels = ["recipient", "rcpt to", "address", "failed", "final-recipient", "original-recipient"];
            let labelled = name == "to" || labels.iter().any(|l| name.ends_with(l));
            // What we wrote to may have been an alias: both are named.
            if below && (begins || low.contains("smtp=") || low.contains("expanded from")) {
                announced.push(first.clone());
            }
            if begins || labelled {
                leading.extend(found.clone());
            }
            if failure || low.contains("rcpt to") || low.contains("recipient") {
                telling.extend(found.clone());
            }
        }
        below |= low.contains("following") && (failure || low.contains("recipient") || low.contains("address"));
        any.extend(found);
    }
    [announced, leading, telling, any].into_iter().find(|l| !l.is_empty()).unwrap_or_default()
}

/// The addresses in a line of prose, where punctuation touches them.
fn line_addresses(line: &str) -> Vec<Address> {
    line.split(|c: char| c.is_whitespace() || "<>()[]\"',;:|".contains(c))
        .filter(|w| w.contains('@'))
        // X.400 notices write "dda:SMTP=…".
        .map(|w| w.trim_start_matches("SMTP="))
        .filter_map(|w| Address::parse(w.trim_matches(['.', '!', '?', '`', '*'])))
        .collect()
}

/// What the returned mail says of itself: in a part, else in a copy that is pasted as text.
#[derive(Default)]
struct Returned {
    message_ids: Vec<MessageId>,
    references: Vec<MessageId>,
    mark: Option<String>,
}

impl Returned {
    fn of(parts: &Parts<'_>, text: &str) -> Self {
        let mut found = Self::default();
        for part in parts.leaves.iter().filter(|p| is_returned(p)).take(MAX_FOUND) {
            let (octets, _) = part.decoded();
            found.look(&Header::split(octets.trim_ascii_start()).0);
        }
        if found.message_ids.is_empty() && found.references.is_empty() && found.mark.is_none() {
            found.look(&Header::split(pasted(text).as_bytes()).0);
        }
        found.message_ids.truncate(MAX_FOUND);
        found.references.truncate(MAX_FOUND);
        found
    }

    fn look(&mut self, header: &Header<'_>) {
        self.message_ids.extend(header.all("message-id").filter_map(|v| MessageId::parse(&header::unfold(v))));
        let answers = ["references", "in-reply-to"].into_iter().flat_map(|name| header.all(name));
        self.references.extend(answers.flat_map(header::message_ids));
        let mark = header.first(LOOP_FIELD).map(|v| header::unfold(v).trim().to_owned());
        self.mark = self.mark.take().or(mark);
    }
}

/// The lines of a text that could stand in the header of a returned mail and say which one it is, without the marks of
/// a quotation; a long Message-ID may stand on the next line.
fn pasted(text: &str) -> String {
    let names = ["message-id:", "references:", "in-reply-to:", "x-disclosed-loop:"];
    let (mut header, mut open) = (String::new(), false);
    for line in text.lines() {
        let bare = line.trim_start_matches(['>', '|', ' ']);
        let named = names.iter().any(|n| bare.get(..n.len()).is_some_and(|b| b.eq_ignore_ascii_case(n)));
        open = named || open && bare.starts_with('<');
        if open && header.len() < header::MAX_OCTETS {
            header.push_str(if named { "" } else { " " });
            header.push_str(bare);
            header.push('\n');
        }
    }
    header
}

fn dedup(addresses: &mut Vec<Address>) {
    let mut seen = std::collections::BTreeSet::new();
    addresses.retain(|a| seen.insert(a.key()));
    addresses.truncate(MAX_FOUND);
}

#[cfg(test)]
mod tests {
    use super::Bounce;
    use crate::mail::read::read;
    use crate::vocabulary::{Address, MessageId};

    fn bounce(raw: &str) -> Option<Bounce> {
        read(raw.replace('\n', "\r\n").as_bytes()).bounce
    }

    #[track_caller]
    fn check(raw: &str, recipients: &[&str], message_ids: &[&str], permanent: bool) {
        let got = bounce(raw).unwrap_or_else(|| panic!("no bounce: {raw}"));
        assert_eq!(got.recipients.iter().map(Address::as_str).collect::<Vec<_>>(), recipients, "{raw}");
        assert_eq!(got.message_ids.iter().map(MessageId::as_str).collect::<Vec<_>>(), message_ids, "{raw}");
        assert_eq!(got.permanent, permanent, "{raw}");
    }

    fn report(status: &str, returned: &str) -> String {
        format!(
            "From: postmaster@mx.example.org\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n{status}\n\
             --b\nContent-Type: {returned}\n\nMessage-ID: <1@example.org>\nSubject: x\n\nbody\n--b--\n"
        )
    }

    #[test]
    fn delivery_status_is_read() {
        let failed = "Final-Recipient: rfc822; b@example.test\nAction: failed\nStatus: 5.1.1\n";
        check(&report(failed, "message/rfc822"), &["b@example.test"], &["1@example.org"], true);
        check(&report(failed, "text/rfc822-headers"), &["b@example.test"], &["1@example.org"], true);
        let original =
            "Original-Recipient: rfc822;a@example.test\nFinal-Recipient: rfc822;b@example.test\nAction: FAILED (x)\n";
        check(&report(original, "message/rfc822"), &["a@example.test"], &["1@example.org"], true);
        let delayed = "Final-Recipient: rfc822;b@example.test\nAction: delayed\nStatus: 4.0.0\n";
        check(&report(delayed, "message/rfc822"), &["b@example.test"], &["1@example.org"], false);
        let both = format!("{delayed}\n{}", failed.replace("b@", "c@"));
        check(&report(&both, "message/rfc822"), &["c@example.test"], &["1@example.org"], true);
        let relayed = "Final-Recipient: rfc822;b@example.test\nAction: relayed\n";
        assert_eq!(bounce(&report(relayed, "message/rfc822")), None);
    }

    #[test]
    fn what_the_server_said_is_read() {
        let said = |status: &str| bounce(&report(status, "message/rfc822")).map(|b| b.said);
        let of = "Final-Recipient: rfc822; b@example.test\nAction: failed\nStatus: 5.1.1\n";
        assert_eq!(said(of), Some(String::new()));
        let code = "Diagnostic-Code: smtp; 550 5.1.1 <b@example.test>: Recipient address\n rejected; User unknown\n";
        let expect = "550 5.1.1 Recipient address rejected; User unknown";
        assert_eq!(said(&format!("{of}{code}")).as_deref(), Some(expect));
        // What failed counts, whatever stands above it.
        let delayed = "Final-Recipient: rfc822; c@example.test\nAction: delayed\nDiagnostic-Code: smtp; 451 later\n";
        assert_eq!(said(&format!("{delayed}\n{of}{code}")).as_deref(), Some(expect));
    }

    #[test]
    fn notices_in_prose_are_read() {
        let notice = |body: &str| {
            format!("From: MAILER-DAEMON@mx.example.org\nTo: s@example.org\nSubject: failure notice\n\n{body}")
        };
        check(
            &notice(
                "I wasn't able to deliver your message.\n\n<b@example.test>:\nno such user\n\n--- Below this line is a copy of the message.\n\nMessage-Id: <1@example.org>\nTo: c@example.test\n",
            ),
            &["b@example.test"],
            &["1@example.org"],
            true,
        );
        check(
            &notice(
                "Your message\n  To: l@example.test\ndid not reach the following recipient(s):\n\nb@example.test on Monday\n",
            ),
            &["b@example.test"],
            &[],
            true,
        );
        check(
            &notice("Warning: delivery to b@example.test has been delayed.\nWe will continue to try.\n"),
            &["b@example.test"],
            &[],
            false,
        );
    }

    #[test]
    fn people_who_write_about_failures_do_not_bounce() {
        assert_eq!(
            bounce("From: ann@example.org\nSubject: Mail to you was rejected\n\nuser unknown <b@example.test>\n"),
            None
        );
        assert_eq!(
            bounce("From: ann@example.org\nSubject: Re: failure notice\n\nDelivery failed? See b@example.test\n"),
            None
        );
        assert_eq!(bounce("From: ann@example.org\nSubject: Delivery status of the fix\n\nWhen is it out?\n"), None);
    }
}
