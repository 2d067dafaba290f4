//! What a client says first when it logs in by SASL (RFC 4422): the same words over IMAP and SMTP. And what a server says
//! after that, which may be those words again: [`Secrets`] hold each text of it against the secret before anybody else
//! sees it.
//!
//! The mechanisms part their fields by NUL or by 0x01, and a line end would begin another command of the protocol. So
//! [`Credentials`] hold no control character, and only they make an [`Initial`].

use std::collections::HashSet;
use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::vocabulary::clean_line;

/// How much of what a server says is told on, in characters.
const TOLD: usize = 200;
/// What is told in place of a text that holds the secret.
const HIDDEN: &str = "(the text is left out: it may hold the secret of the login)";

/// Why nobody can log in with a user name and a secret. The texts hold neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// One of the two holds a control character.
    #[error("the user name or the secret holds a control character")]
    Control,
    /// One of the two is empty.
    #[error("the user name or the secret is empty")]
    Empty,
}

/// A user name and a secret that can stand in a login. There is no `Debug`, so that no log shows the secret.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    user: &'a str,
    secret: &'a str,
}

/// The first words of one mechanism. They hold the secret, so that there is no `Debug` here either.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Initial {
    /// The name of the mechanism.
    pub mechanism: &'static str,
    /// The initial response, in base64.
    pub response: String,
    /// What answers a challenge that comes after the response and says why the secret will not do, in base64. Only
    /// after that answer the server ends the login.
    pub after_refusal: &'static str,
}

impl<'a> Credentials<'a> {
    /// Takes a user name and its password or token.
    ///
    /// # Errors
    /// [`Unfit`] when one of the two is empty or holds a control character.
    pub(crate) fn new(user: &'a str, secret: &'a str) -> Result<Self, Unfit> {
        if user.is_empty() || secret.is_empty() {
            return Err(Unfit::Empty);
        }
        if user.chars().chain(secret.chars()).any(char::is_control) {
            return Err(Unfit::Control);
        }
        Ok(Self { user, secret })
    }

    /// PLAIN (RFC 4616), for a user who acts as nobody else.
    pub(crate) fn plain(self) -> Initial {
        let Self { user, secret } = self;
        initial("PLAIN", &format!("\0{user}\0{secret}"), "")
    }

    /// XOAUTH2, which Google has published; the secret is an access token.
    pub(crate) fn xoauth2(self) -> Initial {
        let Self { user, secret } = self;
        initial("XOAUTH2", &format!("user={user}\x01auth=Bearer {secret}\x01\x01"), "")
    }

    /// OAUTHBEARER (RFC 7628); the secret is an access token. The server's name and port are left to the client
    /// (section 3.1).
    pub(crate) fn oauthbearer(self, server: Option<(&str, u16)>) -> Initial {
        // The user stands in a GS2 header, which has escapes of its own (RFC 5801 section 4).
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let place = server.map_or(String::new(), |(name, port)| format!("host={name}\x01port={port}\x01"));
        let response = format!("n,a={user},\x01{place}auth=Bearer {}\x01\x01", self.secret);
        // RFC 7628 section 3.2.3 wants one 0x01.
        initial("OAUTHBEARER", &response, "AQ==")
    }
}

fn initial(mechanism: &'static str, response: &str, after_refusal: &'static str) -> Initial {
    Initial { mechanism, response: BASE64.encode(response.as_bytes()), after_refusal }
}

/// What a server said, in a form that holds no secret: one clean line of at most 200 characters. Only [`Secrets`] make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told(String);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What no text of a server may bring back: the password or token, and its base64 as it stands in the words of any
/// mechanism.
///
/// Only letters and digits are compared, and those without their case, so that quotes, escapes, line ends, "?" in place
/// of other characters and base64 of another alphabet hide nothing; and already a piece of eight of them, or half of a
/// short secret, counts: a server may repeat less than the whole. A secret of one or two letters, or of none, so hides
/// nearly each text, which is the safe side: the code of a reply is kept all the same. A server that means to give the
/// secret away in a cipher of its own can, but has it already.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// For a dialogue without a login.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// For one in which this password or token is known.
    pub(crate) fn of(secret: &str) -> Self {
        Self::none().and(secret)
    }

    /// For one in which this one is known besides.
    pub(crate) fn and(self, secret: &str) -> Self {
        let mut forms = self.0;
        forms.push(letters(secret));
        // In base64 three octets are four letters, so what stands before the secret decides which of three forms it
        // has. The letters at its ends that hold bits of its neighbours are left out.
        for before in 0..3 {
            let encoded = BASE64_NOPAD.encode(format!("{}{secret}", "-".repeat(before)).as_bytes());
            let (start, end) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
            forms.push(letters(encoded.get(start..end).unwrap_or_default()));
        }
        Self(forms)
    }

    /// A text of the server, as it may be kept, logged and mailed.
    pub(crate) fn tell(&self, said: &str) -> Told {
        Told(clean_line(if self.are_in(said) { HIDDEN } else { said }.trim(), TOLD))
    }

    fn are_in(&self, said: &str) -> bool {
        let said = letters(said);
        self.0.iter().any(|form| {
            let piece = (form.len() / 2).clamp(4, 8).min(form.len());
            // A secret without letters is in everything.
            let pieces: HashSet<&[u8]> = form.windows(piece.max(1)).collect();
            pieces.is_empty() || said.windows(piece).any(|part| pieces.contains(part))
        })
    }
}

fn letters(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|octet| octet.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(initial: &Initial) -> (&'static str, String) {
        (initial.mechanism, String::from_utf8(BASE64.decode(initial.response.as_bytes()).unwrap()).unwrap())
    }

    fn of<'a>(user: &'a str, secret: &'a str) -> Credentials<'a> {
        Credentials::new(user, secret).ok().unwrap()
    }

    #[test]
    fn each_mechanism_has_its_words() {
        let ann = of("ann", "pw");
        assert_eq!(said(&ann.plain()), ("PLAIN", "\0ann\0pw".into()));
        assert_eq!(ann.plain().response, "AGFubgBwdw==");
        assert_eq!(said(&of("ä", "ü").plain()).1, "\0ä\0ü", "UTF-8, by RFC 4616");
        assert_eq!(said(&ann.xoauth2()), ("XOAUTH2", "user=ann\x01auth=Bearer pw\x01\x01".into()));
        let bearer = "n,a=ann,\x01auth=Bearer pw\x01\x01";
        assert_eq!(said(&ann.oauthbearer(None)), ("OAUTHBEARER", bearer.into()));
        let bearer = "n,a=ann,\x01host=mx.example\x01port=993\x01auth=Bearer pw\x01\x01";
        assert_eq!(said(&ann.oauthbearer(Some(("mx.example", 993)))), ("OAUTHBEARER", bearer.into()));
        let after = [ann.plain().after_refusal, ann.xoauth2().after_refusal, ann.oauthbearer(None).after_refusal];
        assert_eq!(after.map(|a| BASE64.decode(a.as_bytes()).unwrap()), [vec![], vec![], vec![1]]);
    }

    /// Else a comma in the user name would begin another field of the GS2 header.
    #[test]
    fn a_user_stays_one_field_of_the_gs2_header() {
        for (user, escaped) in [("a,b", "a=2Cb"), ("a=b", "a=3Db"), ("=2C", "=3D2C"), ("a@b.test", "a@b.test")] {
            assert_eq!(said(&of(user, "t").oauthbearer(None)).1, format!("n,a={escaped},\x01auth=Bearer t\x01\x01"));
        }
        // The other mechanisms take the user as it is.
        assert_eq!(said(&of("a,b=c", "t").xoauth2()).1, "user=a,b=c\x01auth=Bearer t\x01\x01");
        assert_eq!(said(&of("a,b=c", "t").plain()).1, "\0a,b=c\0t");
    }

    #[test]
    fn what_could_begin_a_field_or_a_command_is_unfit() {
        for bad in ["a\0b", "a\x01b", "a\nb", "a\r\nD2 LOGOUT", "a\u{7f}", "a\u{85}"] {
            assert_eq!(Credentials::new(bad, "pw").err(), Some(Unfit::Control), "{bad:?}");
            assert_eq!(Credentials::new("ann", bad).err(), Some(Unfit::Control), "{bad:?}");
        }
        assert_eq!(Credentials::new("", "pw").err(), Some(Unfit::Empty));
        assert_eq!(Credentials::new("ann", "").err(), Some(Unfit::Empty));
    }

    /// Each form in which a server could say a secret back.
    fn echoes(user: &str, secret: &str) -> Vec<String> {
        let sent = of(user, secret);
        let quoted = format!("LOGIN \"{user}\" \"{}\"", secret.replace('\\', "\\\\").replace('"', "\\\""));
        let plain = sent.plain().response;
        let bearer = sent.oauthbearer(Some(("mx.example", 993))).response;
        let said = [
            secret.to_owned(),
            quoted.clone(),
            quoted.to_uppercase(),
            format!("LOGIN {{3}} {{{}}} {secret}", secret.len()),
            format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            BASE64.encode(secret.as_bytes()),
            data_encoding::BASE64URL_NOPAD.encode(format!("{secret}\n").as_bytes()),
            format!("AUTH PLAIN {plain}"),
            plain.to_lowercase(),
            plain.chars().flat_map(|c| [c, '\n']).collect(),
            format!("AUTHENTICATE XOAUTH2 {}", sent.xoauth2().response),
            sent.oauthbearer(None).response,
            format!("{}\r\n {}", bearer.split_at(bearer.len() / 2).0, bearer.split_at(bearer.len() / 2).1),
            // As SMTP shows it, and cut off.
            secret.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect(),
            plain.split_at(plain.len() - if secret.len() > 5 { 4 } else { 0 }).0.to_owned(),
        ];
        said.iter().map(|said| format!("535-5.7.8 unknown command {said} for {user}")).collect()
    }

    #[test]
    fn no_form_of_a_secret_is_told() {
        for secret in
            ["hunter two", "p\"a\\ss", "pässwörd", "abcd efgh ijkl mnop", "pw1", "x", "!?", &"T0ken.-_".repeat(300)]
        {
            for user in ["sec", "s@example.org", "ab"] {
                let secrets = Secrets::of(secret);
                for said in echoes(user, secret) {
                    assert_eq!(secrets.tell(&said).to_string(), HIDDEN, "{secret:?} in {said:?}");
                }
            }
        }
    }

    #[test]
    fn what_holds_no_secret_is_told() {
        let ordinary = [
            "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
            "5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
        ];
        for secret in ["hunter two", "correct horse battery", "abcd efgh ijkl mnop", "x7!Kq", &"T0ken.-_".repeat(300)] {
            for said in ordinary {
                assert_eq!(Secrets::of(secret).tell(said).to_string(), said, "{secret}");
            }
        }
        assert_eq!(Secrets::none().tell(" a\u{7}\r\nb ").to_string(), "a b");
        assert_eq!(Secrets::none().tell(&"x".repeat(999)).to_string().chars().count(), TOLD);
        assert_eq!(format!("{:?}", Secrets::of("hunter two")), "Secrets(…)");
    }
}
