//! Mail as a value: what came in, as [`Mail`].
//!
//! Nothing here does I/O. Every byte of a received mail is hostile: `read` bounds it and never fails. It takes the
//! raw `header` and the `parts` apart, of which `attached` lists those that are files, `smime` opens what is signed, and the `body` chooses the text. `content` knows a
//! second copy of it, `prints` one that is sent again as another. `identity` decides on the raw header bytes who wrote it and how sure that is, `passage` by which way
//! it came, `automatic` whether a program did, `bounce` what a delivery report says, `reply` where
//! commands may stand, `reading` what they rest on, `written` what the person wrote, by `runs` of words, `enclosed` the mails within it, `lenient` whom a line of senders means, `fields` what a report says about itself, `subject` whether its subject begins as the project asks for.

pub(crate) mod read;
pub(crate) mod results;

mod hop;

pub(crate) mod attached;
pub(crate) mod body;
pub(crate) mod header;
pub(crate) mod parts;

pub(crate) mod decode;
pub(crate) mod html;
pub(crate) mod reading;

pub(crate) mod content;
pub(crate) mod identity;
pub(crate) mod passage;
pub(crate) mod prints;
pub(crate) mod signature;
pub(crate) mod smime;

pub(crate) mod automatic;
pub(crate) mod bounce;

pub(crate) mod enclosed;
pub(crate) mod fields;
mod lenient;
pub(crate) mod reply;
pub(crate) mod runs;
pub(crate) mod subject;
pub(crate) mod written;

pub(crate) use attached::Attachment;

use crate::vocabulary::{Address, MessageId};

/// A received mail as read: bounded, decoded, free of control characters. The raw bytes stay in the store.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Who wrote it, from the raw header: exactly one From with exactly one plain address, or why not.
    pub from: Result<Address, header::NoSender>,
    /// Whom to answer: that sender; where the From is not plain, the one address in it as people read it. No authority
    /// rests on it.
    pub answerable: Option<Address>,
    /// What the sender is called by itself, decoded, one line, at most 100 characters. For the team's eyes only: it
    /// proves nothing. Where the From is no plain mailbox, the whole of it.
    pub display_name: Option<String>,
    /// Subject, decoded, one line, at most 250 characters; empty when there is none.
    pub subject: String,
    /// Its Message-ID, when there is exactly one usable one.
    pub message_id: Option<MessageId>,
    /// What it answers: In-Reply-To and References, the nearest last, at most 20.
    pub references: Vec<MessageId>,
    /// Plain addresses in To, Cc, Delivered-To, X-Original-To and Envelope-To: where a token may stand. At most 100.
    pub recipients: Vec<Address>,
    /// Plain addresses in To and in Cc alone: to whom its author wrote.
    pub addressed: [Vec<Address>; 2],
    /// The Date header: for display, and for how old a mail is for which somebody vouches.
    pub date: Option<jiff::Timestamp>,
    /// The whole text: text/plain, else HTML as text; at most 1 MiB, lines end in `\n`.
    pub text: String,
    /// The newly written part of it, in which commands may stand: no quotes, no signature, nothing that is attached.
    pub reply_text: String,
    /// What the commands in it rest on: a command counts where that is vouched for.
    pub reading: reading::Reading,
    /// True when the text was made from HTML: it never yields a command.
    pub from_html: bool,
    /// True when it is signed as one opaque piece (S/MIME) that nobody here verifies: it never yields a command.
    pub signed: bool,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// The mails within it: one that is forwarded in its text, then those that are attached.
    pub enclosed: Vec<enclosed::Enclosed>,
    /// Why no machine may answer it (RFC 3834 section 2); `None` for a person's mail.
    pub automatic: Option<automatic::Automatic>,
    /// What says so: its header and its form.
    pub signs: automatic::Signs,
    /// What the header says of the way by which it came.
    pub passage: passage::Passage,
    /// What a delivery report says (RFC 3464); `None` for anything else.
    pub bounce: Option<automatic::Bounce>,
    /// What stands in the field by which we mark our own mail; it proves nothing until its token is verified.
    pub mark: Option<String>,
    /// True when it bears no signature and no seal: what its domain's policy passed, it passed by the envelope.
    pub unsigned: bool,
    /// The Authentication-Results and Received lines in the order of the header, for [`identity`].
    pub trace: Vec<header::Trace>,
    /// What a good report holds and this one seems to: see [`fields`].
    pub fields: fields::Fields,
    /// What was odd about it, in words for the team.
    pub problems: Vec<String>,
}

impl Mail {
    /// A mail of which nothing could be read, and why.
    pub fn unreadable(why: &str) -> Self {
        Self {
            from: Err(header::NoSender::Missing),
            answerable: None,
            display_name: None,
            subject: String::new(),
            message_id: None,
            references: Vec::new(),
            recipients: Vec::new(),
            addressed: [Vec::new(), Vec::new()],
            date: None,
            text: String::new(),
            reply_text: String::new(),
            reading: reading::Reading::default(),
            from_html: false,
            signed: false,
            attachments: Vec::new(),
            enclosed: Vec::new(),
            automatic: None,
            signs: automatic::Signs::default(),
            passage: passage::Passage::default(),
            bounce: None,
            mark: None,
            unsigned: false,
            trace: Vec::new(),
            fields: fields::Fields::default(),
            problems: vec![why.to_owned()],
        }
    }
}
