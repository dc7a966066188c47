//! Reading a token answer: the token in it, or a classified refusal.
//!
//! The `oauth2` crate is not used for this: Salesforce leaves `expires_in` out, ServiceNow
//! may send it as text and says `server_error` with 401 for a wrong secret, and both mean
//! things by `error_description` on which the remedy depends.
//!
//! Pure; may import: `domain`, `targets::http`, `settings::Secret`.

use std::time::Duration;

use reqwest::header::LOCATION;
use serde_json::Value;

use super::Dialect;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::settings::Secret;
use crate::targets::http::{Answer, LoginAnswer, MAX_TOKEN_BYTES, excerpt};

/// How long to stay away after Salesforce's "login rate exceeded", which counts by the hour.
const LOGIN_RATE_PAUSE: Duration = Duration::from_secs(300);

/// Error names that are about us whatever the status says.
const OURS_TO_MEND: [&str; 12] = [
    "access_denied",
    "inactive_org",
    "inactive_user",
    "invalid_app_access",
    "invalid_assertion",
    "invalid_client",
    "invalid_client_id",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Error names by which a server says that it is not about us.
const THEIRS_TO_MEND: [&str; 3] = ["server_error", "temporarily_unavailable", "unknown_error"];

/// What a token endpoint granted.
pub(super) struct Granted {
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
    /// Unchecked.
    pub(super) instance_url: Option<String>,
    pub(super) lifetime: Option<Duration>,
}

/// Reads `answer`. Its body appears in no message, save the names and words of an error.
///
/// # Errors
///
/// `auth_failure` that holds the target when somebody must mend it; otherwise it passes.
pub(super) fn read(
    dialect: Dialect,
    LoginAnswer {
        answer,
        body: whole,
    }: &LoginAnswer,
    now: Timestamp,
) -> Result<Granted, Box<Failure>> {
    let body = answer.json().unwrap_or_default();
    if let Some(error) = text(&body, "error") {
        let words = text(&body, "error_description").unwrap_or_default();
        return Err(refused(dialect, answer, error, words, now).into());
    }
    // Only the tokens are taken from the body as it came.
    let whole = serde_json::from_str(whole.expose());
    let whole = whole.map(|PlainJson(whole)| whole).unwrap_or_default();
    let token = |name| {
        text(&whole, name)
            .filter(|token| !token.is_empty())
            .map(Secret::new)
    };
    let (access_token, refresh_token) = (token("access_token"), token("refresh_token"));
    let mut tokens = access_token.iter().chain(&refresh_token);
    if tokens.any(|token| token.expose().len() > MAX_TOKEN_BYTES) {
        return Err(too_long(answer).into());
    }
    match access_token {
        Some(access_token) if answer.is_success() => Ok(Granted {
            access_token,
            refresh_token,
            instance_url: text(&body, "instance_url").map(str::to_owned),
            lifetime: seconds(&body["expires_in"]),
        }),
        _ => Err(not_a_token_answer(answer, now).into()),
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str()
}

/// A number, or a number as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    Some(Duration::from_secs(seconds))
}

/// By `error` and `error_description`, never by the status alone: Salesforce answers 400 to
/// all of them, ServiceNow 401.
fn refused(dialect: Dialect, answer: &Answer, error: &str, words: &str, now: Timestamp) -> Failure {
    let (kind, remedy) = if is_rate_limit(answer, error, words) {
        let pause = answer.retry_after(now).unwrap_or(LOGIN_RATE_PAUSE);
        (FailureKind::RateLimited, Remedy::PauseTarget(Some(pause)))
    } else if is_passing(dialect, answer, error) {
        (FailureKind::NetworkFailure, Remedy::Retry)
    } else {
        (FailureKind::AuthFailure, Remedy::HoldTarget)
    };
    let words = if words.is_empty() {
        "no reason given"
    } else {
        words
    };
    let message = format!("the login was refused: {}", excerpt(words));
    Failure::new(kind, remedy, message)
        .with_status(answer.status)
        .with_code(excerpt(error))
}

fn is_rate_limit(answer: &Answer, error: &str, words: &str) -> bool {
    answer.status == 429
        || error == "rate_limit_exceeded"
        || words.to_ascii_lowercase().contains("login rate exceeded")
}

fn is_passing(dialect: Dialect, answer: &Answer, error: &str) -> bool {
    if OURS_TO_MEND.contains(&error) {
        return false;
    }
    match dialect {
        Dialect::Salesforce => answer.status >= 500 || THEIRS_TO_MEND.contains(&error),
        // A wrong secret, a locked user and a disabled grant are all `server_error` with 401.
        Dialect::ServiceNow => answer.status >= 500,
    }
}

/// Every token is kept and looked for in whatever comes back, so its length has a limit.
fn too_long(answer: &Answer) -> Failure {
    let message = format!(
        "the token endpoint granted a token of more than {MAX_TOKEN_BYTES} bytes; check token_url"
    );
    Failure::new(FailureKind::NetworkFailure, Remedy::Retry, message).with_status(answer.status)
}

/// Something else than an OAuth answer: a page, a redirect, nothing.
fn not_a_token_answer(answer: &Answer, now: Timestamp) -> Failure {
    let what = if answer.media_type().is_empty() {
        "no content type".to_owned()
    } else {
        answer.media_type()
    };
    let failure = match answer.status {
        300..=399 => Failure::new(
            FailureKind::AuthFailure,
            Remedy::HoldTarget,
            format!(
                "the token endpoint redirects to {}; mend token_url",
                elsewhere(answer)
            ),
        ),
        404 | 405 | 410 => Failure::new(
            FailureKind::AuthFailure,
            Remedy::HoldTarget,
            "there is no token endpoint at token_url",
        ),
        429 => Failure::new(
            FailureKind::RateLimited,
            Remedy::PauseTarget(answer.retry_after(now)),
            "the token endpoint asks to slow down",
        ),
        _ => Failure::new(
            FailureKind::NetworkFailure,
            answer
                .retry_after(now)
                .map_or(Remedy::Retry, |wait| Remedy::PauseTarget(Some(wait))),
            format!("the token endpoint answered without a token ({what})"),
        ),
    };
    failure.with_status(answer.status)
}

/// Where a redirect points, without its query, which may carry secrets.
fn elsewhere(answer: &Answer) -> String {
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let place = location.and_then(|text| text.split(['?', '#']).next());
    excerpt(place.unwrap_or("elsewhere"))
}

#[cfg(test)]
mod tests;
