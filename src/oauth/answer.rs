//! What a token endpoint answers.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::error::Refusal;
use crate::sasl::{Secrets, Told};
use crate::vocabulary::clean_line;

/// The longest life of a token that is believed.
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Seconds between two questions where nothing is said (RFC 8628 section 3.2), and the most that are waited.
const PAUSE: u64 = 5;
const PAUSE_MAX: u64 = 60;
/// Seconds that a person has where nothing is said, and the most that they are given.
const PATIENCE: u64 = 900;
const PATIENCE_MAX: u64 = 3600;

/// What an endpoint answered. It may hold tokens, so that there is no `Debug`.
pub(super) enum Answer {
    /// Here it is.
    Granted(Granted),
    /// There is none.
    Refused(Refusal, Told),
}

/// A token.
pub(super) struct Granted {
    pub(super) token: String,
    pub(super) life: Option<Duration>,
    /// What the next one is asked for with, where that has changed.
    pub(super) refresh: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    access_token: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<Value>,
}

/// A number of seconds; some servers put it between quotes, or write a fraction. What is none is as if it were not there:
/// the tokens beside it may be given once only.
fn number(field: Option<Value>) -> Option<u64> {
    let field = field?;
    let text = field.as_str().map_or_else(|| field.to_string(), ToOwned::to_owned);
    text.split('.').next()?.trim().parse().ok()
}

/// Reads an answer (RFC 6749 sections 5.1 and 5.2).
///
/// # Errors
/// What is odd about it, where it is neither a token nor a refusal.
pub(super) fn answer(status: u16, body: &[u8], secrets: &Secrets) -> Result<Answer, String> {
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return Err(format!("answers {status} and no JSON; is this the token endpoint?"));
    };
    if let Some(code) = body.error {
        let words = body.error_description.as_ref().and_then(Value::as_str).unwrap_or_default();
        return Ok(Answer::Refused(Refusal::of(&code, status), secrets.tell(format!("{code} {words}").trim())));
    }
    // RFC 6749 appendix A.12.
    let fit = |token: &String| !token.is_empty() && token.bytes().all(|b| (0x20..0x7f).contains(&b));
    match body.access_token.filter(fit) {
        Some(token) if status == 200 => {
            let life = number(body.expires_in).map(|s| Duration::from_secs(s).min(LIFE_MAX));
            Ok(Answer::Granted(Granted { token, life, refresh: body.refresh_token.filter(fit) }))
        }
        Some(_) | None => Err(format!("answers {status} without a token")),
    }
}

/// A login at another device that has begun.
pub(crate) struct Asked {
    /// Where the person goes.
    pub page: String,
    /// What they write there.
    pub code: String,
    /// How long it can be done.
    pub within: Duration,
    /// What the token is asked for with.
    pub(super) device_code: String,
    /// Between two questions.
    pub(super) pause: Duration,
}

#[derive(Deserialize)]
struct DeviceBody {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: Option<Value>,
    interval: Option<Value>,
}

/// Reads the answer to the beginning of such a login (RFC 8628 section 3.2); `None` where it is another one.
pub(super) fn asked(body: &[u8]) -> Option<Asked> {
    let body: DeviceBody = serde_json::from_slice(body).ok()?;
    let seconds = |field: Option<Value>, usual: u64, most: u64| {
        Duration::from_secs(number(field).unwrap_or(usual).clamp(1, most))
    };
    Some(Asked {
        page: clean_line(&body.verification_uri, 200),
        code: clean_line(&body.user_code, 50),
        within: seconds(body.expires_in, PATIENCE, PATIENCE_MAX),
        device_code: body.device_code,
        pause: seconds(body.interval, PAUSE, PAUSE_MAX),
    })
}
