//! What a token endpoint answers: a grant, or a refusal and what to do about it. Pure.
//!
//! Classified by `error` and `error_description`, never by the status: Salesforce refuses with
//! 400, ServiceNow with 401 and the word `server_error`. The body never goes into a message:
//! it may hold a token.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::super::http::{Answer, excerpt};
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;
use crate::settings::Secret;

/// Pause after `login rate exceeded`: Salesforce counts logins by the hour.
const LOGIN_RATE_PAUSE: Duration = Duration::from_secs(300);

/// A token that was granted.
pub(super) struct Grant {
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
    pub(super) expires_in: Option<Duration>,
    pub(super) instance_url: Option<Url>,
}

/// Reads the answer of a token endpoint.
pub(super) fn read(answer: &Answer, now: Timestamp) -> Result<Grant, Failure> {
    let body = answer.json();
    let text = |name: &str| {
        let value = body.as_ref()?.get(name)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    if let (true, Some(access_token)) = (answer.is_success(), text("access_token")) {
        return Ok(Grant {
            access_token: Secret::new(access_token),
            refresh_token: text("refresh_token").map(Secret::new),
            expires_in: body.as_ref().and_then(lifetime),
            instance_url: text("instance_url").and_then(|url| Url::parse(&url).ok()),
        });
    }
    match text("error") {
        Some(error) => Err(refusal(answer, &error, text("error_description"), now)),
        None => Err(not_a_token_endpoint(answer, now)),
    }
}

/// `expires_in`, as a number or as text.
fn lifetime(body: &Value) -> Option<Duration> {
    let value = body.get("expires_in")?;
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Duration::from_secs(seconds))
}

fn refusal(answer: &Answer, error: &str, description: Option<String>, now: Timestamp) -> Failure {
    let description = description.unwrap_or_default();
    let said = excerpt(&format!("{error} {description}"));
    let limited = error == "rate_limit_exceeded" || description.contains("login rate exceeded");
    let failure = if limited {
        let pause = answer.retry_after(now).unwrap_or(LOGIN_RATE_PAUSE);
        Failure::new(
            FailureKind::RateLimited,
            Remedy::PauseTarget(Some(pause)),
            format!("the CRM refuses further logins for now: {said}"),
        )
    } else if answer.status >= 500 {
        Failure::new(
            FailureKind::NetworkFailure,
            Remedy::Retry,
            format!("the token endpoint failed: {said}"),
        )
    } else {
        Failure::new(
            FailureKind::AuthFailure,
            Remedy::HoldTarget,
            format!("the CRM refuses to log us in: {said}"),
        )
    };
    failure.with_status(answer.status).with_code(error)
}

/// No OAuth answer at all: a proxy, a page, an outage.
fn not_a_token_endpoint(answer: &Answer, now: Timestamp) -> Failure {
    let (kind, remedy, message) = match answer.status {
        429 => (
            FailureKind::RateLimited,
            Remedy::PauseTarget(answer.retry_after(now)),
            "the token endpoint asks us to slow down",
        ),
        300..=399 => (
            FailureKind::AuthFailure,
            Remedy::HoldTarget,
            "the token endpoint redirects; auth.token_url is not the CRM's own address",
        ),
        400..=499 => (
            FailureKind::AuthFailure,
            Remedy::HoldTarget,
            "there is no token endpoint at auth.token_url",
        ),
        200..=299 => (
            FailureKind::NetworkFailure,
            Remedy::PauseTarget(None),
            "the token endpoint answers something that is no token (asleep, or a login page in front)",
        ),
        _ => (
            FailureKind::NetworkFailure,
            Remedy::Retry,
            "the token endpoint failed",
        ),
    };
    Failure::new(kind, remedy, message).with_status(answer.status)
}
