//! What becomes of a notice: where it stands in the outbox, and how one delivery of it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a notice stands in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeState {
    /// It leaves when it is due.
    Waiting,
    /// It is with the server: it was claimed, and nothing is known of how that ended.
    Sending,
    /// The server took it.
    Sent,
    /// The server's last answer was lost twice: it may have arrived, and is not sent again.
    Unknown,
    /// It did not leave, and will not.
    Refused,
    /// It waits for a person.
    Held,
}

impl NoticeState {
    /// The word for it in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Held => "held",
        }
    }
}

/// How one delivery of a notice ended. Whatever delivers says it so, and the tracker decides by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken responsibility for it (RFC 5321 section 6.1): its final reply was 250.
    Sent(Said),
    /// This mail, or mail to this recipient, was not accepted, and may be later (RFC 5321 section 4.5.4.1).
    Deferred(Said),
    /// It was not accepted and will not be: this mail or this recipient.
    Refused(Said),
    /// It was not accepted and will not be, and nothing says whether that is for this mail, for this recipient or for all
    /// that we send.
    Unclear(Said),
    /// The whole of it was given over, and no clear reply came back (RFC 1047). It may have been accepted.
    Unknown(Said),
    /// The way out is closed until a person mends it: our own account, client or config is at fault. No other mail would
    /// fare better. The queue must wait, and none of it is to be called refused.
    Closed(Said),
    /// The way out is closed for now: the server cannot be reached, or takes nothing at present.
    Away(Said),
    /// The server takes no more at this pace.
    Slower(Said),
}

impl Outcome {
    /// What was said.
    pub fn said(&self) -> &Said {
        match self {
            Self::Sent(said)
            | Self::Deferred(said)
            | Self::Refused(said)
            | Self::Unclear(said)
            | Self::Unknown(said)
            | Self::Closed(said)
            | Self::Away(said)
            | Self::Slower(said) => said,
        }
    }

    /// Whether the way out is closed, for whatever mail.
    pub fn is_way_closed(&self) -> bool {
        match self {
            Self::Closed(_) | Self::Away(_) | Self::Slower(_) => true,
            Self::Sent(_) | Self::Deferred(_) | Self::Refused(_) | Self::Unclear(_) | Self::Unknown(_) => false,
        }
    }

    /// Whether another envelope sender may fare better: not where something was refused before the sender was named, nor
    /// where it is clear that the mail or the recipient is at fault.
    pub fn may_be_the_senders(&self) -> bool {
        let (Self::Closed(said) | Self::Unclear(said)) = self else { return false };
        matches!(said.stage, Some(Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Content))
    }
}

/// What a server said, or what is wrong in place of a reply. It is shown as the timeline and the outbox have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How far the delivery came, where that says something.
    pub stage: Option<Stage>,
    /// The reply, which may name the recipient.
    pub reply: String,
}

impl Said {
    /// What was said at a stage.
    pub fn at(stage: Stage, reply: String) -> Self {
        Self { stage: Some(stage), reply }
    }

    /// The same without an address, for the log (G6). Of what a server said, the stage and the code are enough; what is
    /// wrong on our side names no recipient.
    pub fn for_log(&self) -> Self {
        let code: String = self.reply.chars().take_while(char::is_ascii_digit).collect();
        if self.stage.is_none() || code.is_empty() {
            return self.clone();
        }
        Self { stage: self.stage, reply: format!("the server answered {code}") }
    }
}

impl From<String> for Said {
    fn from(reply: String) -> Self {
        Self { stage: None, reply }
    }
}

impl From<&str> for Said {
    fn from(reply: &str) -> Self {
        reply.to_owned().into()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Some(stage) => write!(f, "at {}: {}", stage.word(), self.reply),
            None => f.write_str(&self.reply),
        }
    }
}

/// How far a delivery to a mail server came: the step that was being done when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Name resolution and TCP.
    Connect,
    /// STARTTLS and the handshake.
    Tls,
    /// Greeting and EHLO.
    Hello,
    /// AUTH (RFC 4954).
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The mail itself and the reply to its final dot.
    Content,
}

impl Stage {
    /// The word for it in logs and in the outbox.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Hello => "hello",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G6: a server's words may name the recipient.
    #[test]
    fn the_log_gets_of_a_servers_words_the_stage_and_the_code() {
        let said = Said::at(Stage::Rcpt, "550 5.7.1 <ada@example.org> relay denied".into());
        assert_eq!(said.to_string(), "at rcpt: 550 5.7.1 <ada@example.org> relay denied");
        assert_eq!(said.for_log().to_string(), "at rcpt: the server answered 550");
        let ours = Said::at(Stage::Connect, "connection refused".into());
        assert_eq!(ours.for_log().to_string(), "at connect: connection refused");
        // The name of a folder is no reply of a server.
        assert_eq!(Said::from("2027/out: no space is left").for_log().to_string(), "2027/out: no space is left");
    }

    #[test]
    fn a_state_has_one_word_in_the_database_and_in_json() {
        use NoticeState::{Held, Refused, Sending, Sent, Unknown, Waiting};
        for state in [Waiting, Sending, Sent, Unknown, Refused, Held] {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.word()));
        }
    }
}
