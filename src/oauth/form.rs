//! What a token endpoint is asked.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

use super::error::TokenError;
use crate::sasl::Secrets;

/// How long an assertion is good, in seconds; Google takes at most an hour.
const ASSERTION: i64 = 3600;
/// The fields that no answer may bring back.
const SECRET: [&str; 4] = ["client_secret", "refresh_token", "device_code", "assertion"];

/// The fields of a form. They hold secrets, so that there is no `Debug`.
pub(super) struct Form(Vec<(&'static str, String)>);

impl Form {
    /// An application in its own name (RFC 6749 section 4.4.2).
    pub(super) fn application(client: &str, secret: &str, scope: &str) -> Self {
        Self::of(&[
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
            ("scope", scope),
        ])
    }

    /// What a person has allowed, once more (RFC 6749 section 6).
    pub(super) fn refresh(client: &str, token: &str, scope: &str) -> Self {
        Self::of(&[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token), ("scope", scope)])
    }

    /// The beginning of a login at another device (RFC 8628 section 3.1).
    pub(super) fn begin(client: &str, scope: &str) -> Self {
        Self::of(&[("client_id", client), ("scope", scope)])
    }

    /// Whether a person has allowed it by now (RFC 8628 section 3.4).
    pub(super) fn device(client: &str, code: &str) -> Self {
        let kind = "urn:ietf:params:oauth:grant-type:device_code";
        Self::of(&[("grant_type", kind), ("client_id", client), ("device_code", code)])
    }

    /// A service account in the name of a user (RFC 7523 section 2.1). `file` is its key as the provider gives it, JSON.
    ///
    /// # Errors
    /// [`TokenError::Account`] where the file is not such a key.
    pub(super) fn account(
        file: &str,
        user: &str,
        scope: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let account: Account =
            serde_json::from_str(file).map_err(|_| TokenError::Account("lacks client_email or private_key"))?;
        let unfit = || TokenError::Account("holds no private key that can sign (RSA, PKCS #8)");
        let der = PrivatePkcs8KeyDer::from_pem_slice(account.private_key.as_bytes()).map_err(|_| unfit())?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| unfit())?;
        let (begin, end) = (now.as_second(), now.as_second().saturating_add(ASSERTION));
        let claims = serde_json::json!({
            "iss": account.client_email, "sub": user, "scope": scope, "aud": audience, "iat": begin, "exp": end,
        });
        // RFC 7515 section 3.1.
        let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", encoded(r#"{"alg":"RS256","typ":"JWT"}"#), encoded(&claims.to_string()));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| unfit())?;
        let assertion = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature));
        Ok(Self::of(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)]))
    }

    /// What is empty is left out: a server of one's own may want no scope.
    fn of(fields: &[(&'static str, &str)]) -> Self {
        Self(
            fields
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        )
    }

    /// What an answer may not bring back.
    pub(super) fn secrets(&self) -> Secrets {
        let secret = self.0.iter().filter(|(name, _)| SECRET.contains(name));
        secret.fold(Secrets::none(), |all, (_, value)| all.and(value))
    }

    /// As it is posted: `application/x-www-form-urlencoded`. What RFC 3986 section 2.3 calls unreserved stands as it is.
    pub(super) fn encoded(&self) -> String {
        let encoded = |text: &str| -> String {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
        };
        self.0.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    }
}

/// The part of a service account's file that is needed.
#[derive(Deserialize)]
struct Account {
    client_email: String,
    private_key: String,
}
