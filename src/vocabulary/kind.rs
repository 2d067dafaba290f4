//! What a notice is: a word that the timeline, the outbox and the log share.

use serde::{Deserialize, Serialize};

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// To the reporter: the report arrived.
    Acknowledgement,
    /// To the reporter, in the words of a person.
    Reply,
    /// To the reporter: a fact or a date that the team set.
    Update,
    /// To the reporter: what they asked for.
    Told,
    /// To the team: a new report.
    Report,
    /// To the team: more mail for a ticket.
    FollowUp,
    /// To the team: what one of them did.
    Change,
    /// To the person who commanded: what was done.
    Answer,
    /// To the person who commanded: the one-time code.
    Code,
    /// A rung of the ladder.
    Reminder,
    /// To the team: somebody tried what they may not.
    Attempt,
    /// To the team: a notice did not arrive.
    Undeliverable,
    /// To the team: more comes in than is answered one by one.
    Flood,
    /// To everybody: the state of all tickets.
    Digest,
    /// To the team: a new policy moved deadlines.
    Policy,
    /// To the leads: the daemon itself is in trouble.
    Trouble,
}

impl NoticeKind {
    /// What reporters get.
    pub const TO_REPORTERS: [Self; 4] = [Self::Acknowledgement, Self::Reply, Self::Update, Self::Told];

    /// The last lane of what a promise needs or a person asked for: no breaker ever holds it, and none counts it.
    pub const ASKED: u8 = 2;

    /// The lane of the notice that all is on hold, which alone leaves then.
    pub const HOLD: u8 = 0;

    /// Which of the waiting notices goes first; the lowest lane does. Promises before courtesy.
    pub fn lane(self) -> u8 {
        match self {
            Self::Code | Self::Reminder | Self::Trouble => 1,
            Self::Answer | Self::Reply | Self::Update | Self::Told => Self::ASKED,
            Self::Report
            | Self::FollowUp
            | Self::Change
            | Self::Attempt
            | Self::Undeliverable
            | Self::Flood
            | Self::Policy => 3,
            Self::Acknowledgement | Self::Digest => 4,
        }
    }

    /// Whether incoming mail alone brings it about: what the hourly cap counts.
    pub fn provoked(self) -> bool {
        match self {
            Self::Acknowledgement | Self::Told | Self::Report | Self::FollowUp | Self::Attempt => true,
            Self::Reply
            | Self::Update
            | Self::Change
            | Self::Answer
            | Self::Code
            | Self::Reminder
            | Self::Undeliverable
            | Self::Flood
            | Self::Digest
            | Self::Policy
            | Self::Trouble => false,
        }
    }

    /// Whether it tells people of the project how a ticket stands now, so that their calendars go with it.
    pub fn moves_deadlines(self) -> bool {
        match self {
            Self::Report | Self::FollowUp | Self::Change | Self::Answer => true,
            Self::Acknowledgement
            | Self::Reply
            | Self::Update
            | Self::Told
            | Self::Code
            | Self::Reminder
            | Self::Attempt
            | Self::Undeliverable
            | Self::Flood
            | Self::Policy
            | Self::Digest
            | Self::Trouble => false,
        }
    }

    /// The word for it in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Reply => "reply",
            Self::Update => "update",
            Self::Told => "told",
            Self::Report => "report",
            Self::FollowUp => "follow-up",
            Self::Change => "change",
            Self::Answer => "answer",
            Self::Code => "code",
            Self::Reminder => "reminder",
            Self::Attempt => "attempt",
            Self::Undeliverable => "undeliverable",
            Self::Flood => "flood",
            Self::Digest => "digest",
            Self::Policy => "policy",
            Self::Trouble => "trouble",
        }
    }
}

/// What somebody was mailed, as the timeline says it of what did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mailed {
    /// An answer that a person sent by hand, of which the outbox knows nothing.
    #[serde(rename = "answer by hand")]
    ByHand,
    /// A notice. In JSON only its word stands.
    #[serde(untagged)]
    Notice(NoticeKind),
}

impl Mailed {
    /// The word for it in the timeline and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::ByHand => "answer by hand",
            Self::Notice(kind) => kind.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mailed_stands_in_json_as_its_word() {
        for (mailed, json) in [
            (Mailed::ByHand, r#""answer by hand""#),
            (Mailed::Notice(NoticeKind::Report), r#""report""#),
            (Mailed::Notice(NoticeKind::FollowUp), r#""follow-up""#),
        ] {
            assert_eq!(serde_json::to_string(&mailed).unwrap(), json);
            assert_eq!(serde_json::from_str::<Mailed>(json).unwrap(), mailed);
            assert_eq!(format!("\"{}\"", mailed.word()), json);
        }
        serde_json::from_str::<Mailed>(r#""letter""#).unwrap_err();
    }
}
