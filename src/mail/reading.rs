//! How far what was read rests on the header of a mail.
//!
//! Content-Type and Content-Transfer-Encoding say how a body is read, and many signatures leave them out (Gmail's do).
//! Then whoever got the mail can send it on under others, and the signature still holds: with another boundary, what the
//! mail quotes becomes its first text; in another encoding, its lines are other ones. So commands are obeyed where all
//! who read the body alone, without its header, find the same ones: see [`Parts::by_itself`].
//!
//! No other field of the header chooses what is read. One that says "attached", or gives a name, only takes commands
//! away.

use super::body::Text;
use super::parts::Parts;
use super::reply;

/// What the commands of a mail rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// On the body alone: read so, it holds the same ones, or none either.
    #[default]
    Body,
    /// On the Content-Type: it says where the parts are.
    Type,
    /// On the Content-Type and the Content-Transfer-Encoding: there are no parts.
    TypeAndEncoding,
}

impl Reading {
    /// What the commands rest on that were read in a text.
    pub(super) fn of(parts: &Parts<'_>, new_text: &str, body: &[u8]) -> Self {
        let (commands, _) = reply::head(new_text);
        let holds = |itself: &Parts<'_>| {
            let text = Text::choose(itself);
            let plain = itself.parted || commands.iter().all(|line| line.is_ascii());
            plain && reply::head(&reply::new_text(text.typed())).0 == commands
        };
        if Parts::by_itself(body).iter().all(holds) {
            return Self::Body;
        }
        if parts.parted { Self::Type } else { Self::TypeAndEncoding }
    }

    /// Whether the commands are those that the sender wrote, where it is known which fields of the header somebody vouches
    /// for. `signed` says of a name whether all fields of that name are vouched for and none can have been added or
    /// taken away: a field that is missing is signed where a signature names it all the same (RFC 6376 section 5.4.2).
    ///
    /// # Errors
    /// Why not, in words for whoever sent it.
    pub fn fixed_without(self, signed: &dyn Fn(&str) -> bool) -> Result<(), &'static str> {
        match self {
            Self::Type | Self::TypeAndEncoding if !signed("content-type") => {
                Err("its Content-Type is not signed, and another would make other lines of it the first")
            }
            Self::TypeAndEncoding if !signed("content-transfer-encoding") => {
                Err("its Content-Transfer-Encoding is not signed, and another would make other words of it")
            }
            Self::Body | Self::Type | Self::TypeAndEncoding => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
