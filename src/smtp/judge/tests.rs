use super::*;

fn judged(stage: Stage, code: u16, text: &str) -> &'static str {
    match judge(stage, Cause::Reply(code, text.to_owned()), &Secrets::none()) {
        Outcome::Sent(_) => "sent",
        Outcome::Deferred(_) => "later",
        Outcome::Refused(_) => "mail",
        Outcome::Unclear(_) => "unclear",
        Outcome::Unknown(_) => "unknown",
        Outcome::Closed(_) => "us",
        Outcome::Away(_) => "away",
        Outcome::Slower(_) => "slower",
    }
}

/// What servers say, where, whose fault it is, and who says so.
const REPLIES: &[(Stage, u16, &str, &str, &str)] = {
    use Stage::{Auth, Content, Data, Hello, Mail, Rcpt};
    &[
        // The sender.
        (Rcpt, 553, "5.7.1 <s+t@e.org>: Sender address rejected: not owned by user s", "us", "Postfix"),
        (Rcpt, 553, "5.7.1 <s@e.org>: Sender address rejected: not logged in", "us", "Postfix"),
        (Rcpt, 550, "5.1.0 <s@e.org>: Sender address rejected: User unknown in virtual mailbox table", "us", "Postfix"),
        (
            Rcpt,
            550,
            "5.1.7 <s@e.org>: Sender address rejected: undeliverable address: 550 5.1.1 unknown",
            "us",
            "Postfix",
        ),
        (
            Rcpt,
            550,
            "Verification failed for <s@e.org> Called: 192.0.2.1 Response: 550 no Sender verify failed",
            "us",
            "Exim",
        ),
        (Rcpt, 550, "Sender verification failed", "us", "Exim"),
        (Content, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "us", "Exchange"),
        (Content, 554, "5.2.252 SendAsDenied; s@e.org not allowed to send as s+t@e.org", "us", "Microsoft 365"),
        (
            Content,
            554,
            "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
            "us",
            "Microsoft 365",
        ),
        (Content, 550, "5.7.0 From address is not one of your addresses", "us", "iCloud"),
        (
            Content,
            554,
            "Message rejected: Email address is not verified. The following identities failed",
            "us",
            "Amazon SES",
        ),
        (Content, 550, "The from address does not match a verified Sender Identity", "us", "SendGrid"),
        (Mail, 501, "mail from address must be same as authorization user", "us", "QQ"),
        (Mail, 553, "Mail from must equal authorized user", "us", "NetEase"),
        (Rcpt, 553, "5.7.1 Sender is not allowed to relay emails", "us", "Zoho"),
        (Data, 553, "5.7.1 <s@e.org>: Sender address rejected: not owned by auth user", "us", "Yandex"),
        (Content, 550, "Requested action not taken: mailbox unavailable Sender address is not allowed.", "us", "IONOS"),
        (Content, 550, "5.7.1 Rejected: the envelope sender is not an alias of this login", "us", "Fastmail"),
        (Content, 550, "5.1.8 Access denied, bad outbound sender AS(42004)", "us", "Microsoft 365"),
        (Content, 550, "From header sender domain not allowed to send: free accounts", "us", "Mailgun"),
        // The client.
        (Rcpt, 554, "5.7.1 <r@e.test>: Relay access denied", "us", "Postfix"),
        (Rcpt, 550, "relay not permitted", "us", "Exim"),
        (Rcpt, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "us", "Exchange"),
        (Rcpt, 550, "5.7.1 Relaying denied. IP name lookup failed [192.0.2.1]", "us", "Sendmail"),
        (Rcpt, 554, "5.7.1 <h[192.0.2.1]>: Client host rejected: Access denied", "us", "Postfix"),
        (
            Rcpt,
            554,
            "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            "us",
            "Postfix",
        ),
        (Rcpt, 550, "5.7.606 Access denied, banned sending IP [192.0.2.1]", "us", "Microsoft"),
        (Rcpt, 525, "5.7.1 Unauthorized IP address", "us", "Brevo"),
        (Rcpt, 504, "5.5.2 <x>: Helo command rejected: need fully-qualified hostname", "us", "Postfix"),
        (Rcpt, 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "unclear", "qmail"),
        (Hello, 554, "5.7.1 no service for you", "us", "any"),
        // The login.
        (Auth, 535, "5.7.8 Error: authentication failed", "us", "Postfix"),
        (Auth, 535, "Incorrect authentication data", "us", "Exim"),
        (Auth, 535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "us", "Microsoft 365"),
        (Auth, 550, "5.7.30 Basic authentication is not supported for Client Submission", "us", "Microsoft 365"),
        (Mail, 530, "5.7.0 Authentication Required. For more information, go to", "us", "Gmail"),
        (Rcpt, 530, "5.7.57 Client not authenticated to send mail", "us", "Microsoft 365"),
        (Rcpt, 550, "authentication required", "us", "Exim"),
        (Rcpt, 550, "SMTP AUTH is required for message submission on port 587", "us", "cPanel"),
        // The account and its quota.
        (Rcpt, 550, "5.4.5 Daily user sending quota exceeded", "us", "Gmail"),
        (Content, 550, "5.4.5 Daily user sending limit exceeded", "us", "Gmail"),
        (Content, 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "us", "Microsoft 365"),
        (
            Content,
            550,
            "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
            "us",
            "Microsoft 365",
        ),
        (Content, 550, "5.7.705 Access denied, tenant has exceeded threshold", "us", "Microsoft 365"),
        (Content, 550, "5.7.501 Access denied, spam abuse detected", "us", "Microsoft 365"),
        (
            Rcpt,
            550,
            "Domain e.org has exceeded the max emails per hour (150/150 (100%)) allowed. Message discarded.",
            "us",
            "cPanel",
        ),
        (Content, 550, "5.4.6 Unusual sending activity detected. Please try after sometime", "us", "Zoho"),
        (Content, 550, "5.7.1 Your account has been blocked from sending", "us", "any"),
        (Rcpt, 550, "Outgoing mail from this account has been suspended", "us", "cPanel"),
        (
            Content,
            554,
            "Sending paused for this account. For more information, please check the inbox",
            "us",
            "Amazon SES",
        ),
        (Content, 554, "5.7.1 You are not allowed to send", "us", "any"),
        // The recipient.
        (
            Rcpt,
            550,
            "5.1.1 <r@e.test>: Recipient address rejected: User unknown in virtual mailbox table",
            "mail",
            "Postfix",
        ),
        (
            Rcpt,
            550,
            "5.1.1 <r@e.test>: Recipient address rejected: User unknown in relay recipient table",
            "mail",
            "Postfix",
        ),
        (Rcpt, 550, "5.1.1 The email account that you tried to reach does not exist", "mail", "Gmail"),
        (Rcpt, 550, "5.2.1 The email account that you tried to reach is disabled", "mail", "Gmail"),
        (
            Rcpt,
            550,
            "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            "mail",
            "Exchange",
        ),
        (Rcpt, 550, "Unrouteable address", "mail", "Exim"),
        (Rcpt, 550, "no such user (r@e.test)", "mail", "Barracuda"),
        (Rcpt, 550, "sorry, no mailbox here by that name (#5.1.1)", "mail", "qmail"),
        (Rcpt, 550, "5.7.1 No such user!", "mail", "Yandex"),
        (Rcpt, 550, "5.2.1 <r@e.test>... Addressee unknown, relay=[192.0.2.1]", "mail", "AT&T"),
        (
            Rcpt,
            550,
            "Message was not accepted -- invalid mailbox. Local mailbox r@e.test is unavailable: account is disabled",
            "mail",
            "Mail.ru",
        ),
        (
            Rcpt,
            554,
            "5.2.2 <r@e.test>: Recipient address rejected: Quota exceeded (mailbox for user is full)",
            "mail",
            "Free",
        ),
        (Rcpt, 552, "5.2.2 The email account that you tried to reach is over quota", "mail", "Gmail"),
        (
            Content,
            554,
            "5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour",
            "mail",
            "Outlook",
        ),
        (
            Content,
            554,
            "delivery error: dd This user doesn't have a yahoo.com account (r@e.test) [-9]",
            "mail",
            "Yahoo",
        ),
        (Rcpt, 501, "5.1.3 Bad recipient address syntax", "mail", "Postfix"),
        (Rcpt, 553, "5.1.2 The recipient domain does not exist", "mail", "Gmail"),
        // The mail.
        (Content, 552, "5.3.4 Message size exceeds fixed limit", "mail", "Postfix"),
        (Content, 552, "message too large", "mail", "any"),
        (
            Content,
            552,
            "5.7.0 This message was blocked because its content presents a potential security issue: an attachment",
            "mail",
            "Gmail",
        ),
        (Content, 550, "5.6.0 Lone CR or LF in body", "mail", "PowerMTA"),
        (Content, 554, "rejecting banned content", "mail", "Barracuda"),
        (Content, 550, "This message contains a virus or other harmful content (Eicar-Test-Signature)", "mail", "Exim"),
        // Words that do not say it: the mail, its recipient's filter, or all that we send.
        (Content, 554, "5.7.1 Spam message rejected", "unclear", "Rambler"),
        (Content, 550, "5.7.1 [CS01] Message rejected due to local policy", "unclear", "iCloud"),
        (Content, 550, "5.7.1 Our system has detected that this message is likely suspicious", "unclear", "Gmail"),
        (Rcpt, 550, "Administrative prohibition", "unclear", "Exim"),
        (Rcpt, 550, "5.4.1 Recipient address rejected: Access denied", "unclear", "Microsoft 365"),
        (
            Rcpt,
            550,
            "Requested action not taken: mailbox unavailable Failure sending mail. Try again later",
            "unclear",
            "GMX",
        ),
        (Content, 554, "5.7.9 Message not accepted for policy reasons", "unclear", "Yahoo"),
        (Data, 554, "5.5.1 Error: no valid recipients", "unclear", "Postfix"),
        (Rcpt, 550, "nein", "unclear", "nobody"),
        // The pace.
        (Content, 454, "Throttling failure: Maximum sending rate exceeded.", "slower", "Amazon SES"),
        (Content, 454, "Throttling failure: Daily message quota exceeded.", "slower", "Amazon SES"),
        (Hello, 421, "Too many concurrent SMTP connections", "slower", "Amazon SES"),
        (
            Hello,
            421,
            "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints",
            "slower",
            "Yahoo",
        ),
        (Mail, 421, "4.7.0 Try again later, closing connection.", "slower", "Gmail"),
        (Rcpt, 421, "4.7.28 Our system has detected an unusual rate of unsolicited mail", "slower", "Gmail"),
        (Rcpt, 450, "4.7.1 Error: too much mail from 192.0.2.1", "slower", "Postfix"),
        (Content, 451, "4.7.500 Server busy. Please try again later", "slower", "Microsoft 365"),
        (Content, 432, "4.3.2 Concurrent connections limit exceeded", "slower", "Microsoft 365"),
        (Rcpt, 450, "4.2.0 You are sending too many emails too fast.", "slower", "Mailu"),
        (Auth, 454, "4.7.0 Too many login attempts, please try again later.", "slower", "Gmail"),
        // All that passes.
        (Hello, 421, "4.3.2 Service shutting down", "away", "Postfix"),
        (Auth, 454, "4.3.0 Temporary authentication failure", "away", "Dovecot"),
        (Mail, 452, "4.3.1 Insufficient system storage", "away", "Postfix"),
        (Content, 421, "4.3.0 closing", "away", "any"),
        (Rcpt, 450, "4.1.8 <s@e.org>: Sender address rejected: Domain not found", "away", "Postfix"),
        (Rcpt, 450, "4.7.1 <r@e.test>: Recipient address rejected: Greylisted", "later", "postgrey"),
        (Rcpt, 451, "4.7.1 Greylisting in action, please come back later", "later", "rspamd"),
        (Rcpt, 450, "4.2.1 The user you are trying to contact is receiving mail too quickly", "later", "Gmail"),
        (Rcpt, 452, "4.2.2 The email account that you tried to reach is over quota: mailbox full", "later", "Gmail"),
        (Content, 451, "4.3.0 Temporary lookup failure", "later", "Postfix"),
    ]
};

#[test]
fn whose_fault_a_reply_is() {
    let wrong: Vec<String> = REPLIES
        .iter()
        .filter_map(|(stage, code, text, expect, who)| {
            let found = judged(*stage, *code, text);
            (found != *expect).then(|| format!("{who} at {}: {code} {text}: {found}, not {expect}", stage.word()))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Before the recipient is named nothing can be the recipient's fault.
#[test]
fn nothing_before_the_recipient_burns_a_notice() {
    for (_, code, text, ..) in REPLIES {
        for stage in [Stage::Connect, Stage::Tls, Stage::Hello, Stage::Auth, Stage::Mail] {
            let found = judged(stage, *code, text);
            assert!(["us", "away", "slower"].contains(&found), "{code} {text}: {found}");
        }
    }
}

/// A passing refusal is never a lasting one, whatever it says.
#[test]
fn what_passes_burns_no_notice() {
    for (stage, code, text, ..) in REPLIES {
        let found = judged(*stage, code % 100 + 400, text);
        assert!(["later", "away", "slower"].contains(&found), "{code} {text}: {found}");
    }
}
