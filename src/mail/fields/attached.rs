//! What an attachment may hold. It is never opened, so nothing can be missed in it.

use super::part::{Part, Parts};
use crate::mail::Attachment;

/// The parts that may stand in attachments, by their claimed media types. A picture or a film shows something; of a
/// signature or a visiting card nobody expects a report; all else may be the whole of it.
pub(crate) fn attached(attachments: &[Attachment]) -> Parts {
    attachments.iter().fold(Parts::default(), |parts, one| parts.and(held_by(&one.media_type.to_ascii_lowercase())))
}

fn held_by(media_type: &str) -> Parts {
    let (kind, form) = media_type.split_once('/').unwrap_or((media_type, ""));
    match (kind, form) {
        ("image" | "video" | "audio", _) => Parts::default().with(Part::ProofOfConcept).with(Part::Steps),
        ("application", "pgp-signature" | "pgp-keys" | "pkcs7-signature" | "x-pkcs7-signature" | "ics")
        | ("text", "vcard" | "x-vcard" | "directory" | "calendar") => Parts::default(),
        (_, _) => Parts::all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_opened_is_not_missed() {
        let of = |types: &[&str]| {
            let one = |t: &&str| Attachment { name: "a".into(), media_type: (*t).to_owned(), size: 1 };
            attached(&types.iter().map(one).collect::<Vec<_>>()).iter().map(Part::word).collect::<Vec<_>>().join(" ")
        };
        let all = Part::ALL.map(Part::word).join(" ");
        for (types, expect) in [
            (&[][..], ""),
            (&["application/pgp-signature", "text/x-vcard"], ""),
            (&["image/png", "Video/mp4"], "steps proof-of-concept"),
            (&["application/pdf"], &all),
            (&["image/png", "application/octet-stream"], &all),
            (&["nonsense"], &all),
        ] {
            assert_eq!(of(types), expect, "{types:?}");
        }
    }
}
