//! Reading a token answer: the token in it, or a classified refusal.
//!
//! The `oauth2` crate is not used for this: Salesforce leaves `expires_in` out, ServiceNow
//! may send it as text and says `server_error` with 401 for a wrong secret, and both mean
//! things by `error_description` on which the remedy depends.
//!
//! Pure; may import: `domain`, `targets::http`, `settings::Secret`.

use std::time::Duration;

use http::header::{LOCATION, WWW_AUTHENTICATE};
use serde_json::Value;

use super::body;
use super::dialect::OAuthDialect;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::settings::Secret;
use crate::targets::http::{Answer, LoginAnswer, MAX_TOKEN_BYTES, excerpt};

/// How long to stay away after Salesforce's "login rate exceeded", which counts by the hour.
const LOGIN_RATE_PAUSE: Duration = Duration::from_secs(300);

/// Error names that are about us whatever the status says.
const PERMANENT_ERRORS: [&str; 12] = [
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

/// What a token endpoint granted.
pub(super) struct Granted {
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
    /// Unchecked.
    pub(super) instance_url: Option<String>,
    pub(super) lifetime: Option<Duration>,
}

/// Reads `answer`. Its body appears in no message, save the names and words of an error.
/// The failure holds the target when somebody must change a setting; otherwise it passes.
pub(super) fn read(
    dialect: &OAuthDialect,
    LoginAnswer {
        answer,
        body: whole,
    }: &LoginAnswer,
    now: Timestamp,
) -> Result<Granted, Box<Failure>> {
    let body = body::fields(&String::from_utf8_lossy(&answer.body));
    if let Some((error, words)) = body::error(&body) {
        return Err(refused(dialect, answer, &error, &words, now).into());
    }
    // Only the tokens are taken from the body as it came.
    let whole = body::fields(whole.expose());
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
        _ => Err(not_a_token_answer(answer, &body, now).into()),
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
fn refused(
    dialect: &OAuthDialect,
    answer: &Answer,
    error: &str,
    words: &str,
    now: Timestamp,
) -> Failure {
    let mut wait = None;
    let (kind, class) = if is_rate_limit(answer, error, words) {
        wait = Some(answer.retry_after(now).unwrap_or(LOGIN_RATE_PAUSE));
        (
            FailureKind::RateLimited,
            class(FailureScope::User, ResolvedBy::Time),
        )
    } else if is_temporary(dialect, answer, error) {
        (
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
        )
    } else {
        (
            FailureKind::AuthFailure,
            class(FailureScope::User, ResolvedBy::PersonInCrm),
        )
    };
    let words = if words.is_empty() {
        "no reason given"
    } else {
        words
    };
    let message = format!("the login was refused: {}", excerpt(words));
    let failure = Failure::new(kind, class, message).with_wait(wait);
    let failure = failure.with_status(answer.status);
    match error {
        "" => failure,
        error => failure.with_code(excerpt(error)),
    }
}

fn is_rate_limit(answer: &Answer, error: &str, words: &str) -> bool {
    answer.status == 429
        || error == "rate_limit_exceeded"
        || words.to_ascii_lowercase().contains("login rate exceeded")
}

fn is_temporary(dialect: &OAuthDialect, answer: &Answer, error: &str) -> bool {
    // These errors are about our settings, whatever the status says.
    !PERMANENT_ERRORS.contains(&error) && (dialect.is_temporary)(answer, error)
}

/// The redactor looks for every token in every answer, so the length of a token has a limit.
fn too_long(answer: &Answer) -> Failure {
    let message = format!(
        "the token endpoint granted a token of more than {MAX_TOKEN_BYTES} bytes; check token_url"
    );
    Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        message,
    )
    .with_status(answer.status)
}

/// Something else than an OAuth answer: a page, a redirect, nothing.
fn not_a_token_answer(answer: &Answer, body: &Value, now: Timestamp) -> Failure {
    let what = if answer.media_type().is_empty() {
        "no content type".to_owned()
    } else {
        answer.media_type()
    };
    let mut wait = None;
    let (kind, scope, resolved_by, message) = match answer.status {
        300..=399 => (
            FailureKind::AuthFailure,
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
            format!(
                "the token endpoint redirects to {}; mend token_url",
                elsewhere(answer)
            ),
        ),
        404 | 405 | 410 => (
            FailureKind::AuthFailure,
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
            "there is no token endpoint at token_url".to_owned(),
        ),
        407 => (
            FailureKind::NetworkFailure,
            FailureScope::Network,
            ResolvedBy::PersonInConfiguration,
            "a proxy in front of the token endpoint wants a login".to_owned(),
        ),
        429 => {
            wait = answer.retry_after_in_front(now);
            (
                FailureKind::RateLimited,
                FailureScope::User,
                ResolvedBy::Time,
                "something in front of the token endpoint asks to slow down".to_owned(),
            )
        }
        400 | 401 | 403 if is_refusal(answer, body) => (
            FailureKind::AuthFailure,
            FailureScope::User,
            ResolvedBy::PersonInCrm,
            format!("the login was refused: {}", words_of(answer)),
        ),
        _ => {
            wait = answer.retry_after_in_front(now);
            (
                FailureKind::NetworkFailure,
                FailureScope::Network,
                ResolvedBy::Time,
                format!("the token endpoint answered without a token ({what})"),
            )
        }
    };
    let failure = Failure::new(kind, class(scope, resolved_by), message);
    failure.with_wait(wait).with_status(answer.status)
}

/// `failure` of a login that sent a user's password: several refused ones lock the user. A page may be
/// the endpoint's own refusal all the same.
pub(super) fn to_password(mut failure: Failure) -> Failure {
    let is_refusal =
        failure.kind == FailureKind::AuthFailure && failure.class.scope == FailureScope::User;
    let is_page = failure.kind == FailureKind::NetworkFailure
        && failure.code.is_none()
        && matches!(failure.status, Some(400 | 401 | 403));
    failure.may_lock_user = is_refusal || is_page;
    if is_page {
        failure.class = class(FailureScope::Network, ResolvedBy::PersonInConfiguration);
    }
    failure
}

/// Whether a refusal in no known form is the endpoint's own. A web page and the JSON of a gateway
/// come from something in front of it, and so does a refusal without a word, but for a 401.
fn is_refusal(answer: &Answer, body: &Value) -> bool {
    let is_page =
        answer.media_type().contains("html") || answer.body.trim_ascii_start().starts_with(b"<");
    let is_silent = answer.body.trim_ascii().is_empty();
    let is_gateway = body.get("message").is_some();
    !is_page && (answer.status == 401 || !(is_silent || is_gateway))
}

fn words_of(answer: &Answer) -> String {
    let challenge = answer.headers.get(WWW_AUTHENTICATE);
    match (answer.body.trim_ascii().is_empty(), challenge) {
        (false, _) => answer.excerpt(),
        (true, Some(challenge)) => {
            let challenge = String::from_utf8_lossy(challenge.as_bytes());
            format!("no reason given, WWW-Authenticate: {}", excerpt(&challenge))
        }
        (true, None) => "no reason given".to_owned(),
    }
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
