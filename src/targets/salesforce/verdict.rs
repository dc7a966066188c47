//! What an answer of Salesforce means. Pure.
//!
//! The rules are numbered as in `docs/salesforce.md`. Codes decide, never messages: those are
//! in the language of the integration user.

use std::time::Duration;

use serde_json::Value;

use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;
use crate::targets::http::{Answer, excerpt};

/// Pause when the daily limit is used up: it is a rolling window, so it opens bit by bit.
const DAILY_LIMIT_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Codes of faults that pass by themselves.
const TRANSIENT: [&str; 5] = [
    "UNABLE_TO_LOCK_ROW",
    "QUERY_TIMEOUT",
    "SERVER_UNAVAILABLE",
    "UNKNOWN_EXCEPTION",
    "TXN_SECURITY_METERING_ERROR",
];

/// Parts of codes of refusals that repeating cannot mend.
const PERMANENT: [&str; 14] = [
    "VALIDATION",
    "REQUIRED",
    "INVALID",
    "MISSING",
    "TOO_LONG",
    "DUPLICATE",
    "INSUFFICIENT",
    "MALFORMED",
    "CANNOT_",
    "NOT_ALLOWED",
    "JSON_PARSER_ERROR",
    "ENTITY_IS_DELETED",
    "NOT_FOUND",
    "NUMBER_OUTSIDE_VALID_RANGE",
];

/// The first error in an answer's body.
#[derive(Debug, Default)]
struct Said {
    code: Option<String>,
    message: String,
    field: Option<String>,
}

/// Reads the error array, a bare error object, or what a gateway printed instead.
fn said(answer: &Answer) -> Said {
    let body = answer.json();
    let first = match &body {
        Some(Value::Array(errors)) => errors.first(),
        Some(Value::Object(_)) => body.as_ref(),
        _ => None,
    };
    let Some(first) = first else {
        return Said {
            message: answer.excerpt(),
            ..Said::default()
        };
    };
    let text = |name: &str| first.get(name).and_then(Value::as_str).map(str::to_owned);
    let field = first
        .get("fields")
        .and_then(Value::as_array)
        .and_then(|fields| fields.first())
        .and_then(Value::as_str);
    Said {
        code: text("errorCode").or_else(|| text("statusCode")),
        message: text("message").map_or_else(|| answer.excerpt(), |message| excerpt(&message)),
        field: field.map(str::to_owned),
    }
}

fn failure(kind: FailureKind, remedy: Remedy, answer: &Answer, said: Said) -> Failure {
    let mut failure = Failure::new(kind, remedy, said.message).with_status(answer.status);
    failure.code = said.code;
    failure.field = said.field;
    failure
}

/// The id of the record that a create or upsert made. Success is an id in the body (G16).
pub(super) fn created(answer: &Answer, now: Timestamp) -> Result<String, Failure> {
    match answer.status {
        200 | 201 => {}
        202 => {
            return Err(not_confirmed(answer, "Salesforce will finish it later").in_doubt());
        }
        204 => {
            let message = "204 without an id: the API version is older than v46.0";
            return Err(
                Failure::new(FailureKind::IntegrationFailure, Remedy::HoldTarget, message)
                    .with_status(204)
                    .in_doubt(),
            );
        }
        _ => return Err(refusal(answer, true, now)),
    }
    let Some(Value::Object(body)) = answer.json() else {
        return Err(not_confirmed(answer, "the answer is not a record's id").in_doubt());
    };
    if body.get("success").and_then(Value::as_bool) == Some(false) {
        return Err(failed_inside_success(answer, &body));
    }
    match body.get("id").and_then(Value::as_str) {
        Some(id) if is_record_id(id) => Ok(id.to_owned()),
        _ => Err(Failure::new(
            FailureKind::IntegrationFailure,
            Remedy::Retry,
            "success without a record's id in the body",
        )
        .with_status(answer.status)
        .in_doubt()),
    }
}

fn not_confirmed(answer: &Answer, what: &str) -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        Remedy::Retry,
        format!("{what}: {}", answer.excerpt()),
    )
    .with_status(answer.status)
}

/// `{"success":false,"errors":[…]}` in a 2xx.
fn failed_inside_success(answer: &Answer, body: &serde_json::Map<String, Value>) -> Failure {
    let first = body
        .get("errors")
        .and_then(Value::as_array)
        .and_then(|errors| errors.first());
    let text = |name: &str| first?.get(name)?.as_str().map(str::to_owned);
    let mut failure = Failure::new(
        FailureKind::IntegrationFailure,
        Remedy::GiveUp,
        text("message").unwrap_or_else(|| "success is false in the body".to_owned()),
    )
    .with_status(answer.status);
    failure.code = text("statusCode").or_else(|| text("errorCode"));
    failure
}

/// 15 or 18 characters of letters and digits.
fn is_record_id(id: &str) -> bool {
    matches!(id.len(), 15 | 18) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A write by id: 204 without a body.
pub(super) fn written(answer: &Answer, now: Timestamp) -> Result<(), Failure> {
    match answer.status {
        200 | 201 | 204 if !is_page(answer) => Ok(()),
        200..=299 => Err(not_confirmed(answer, "not Salesforce's answer").in_doubt()),
        404 => Err(gone().with_status(404)),
        _ => Err(refusal(answer, true, now)),
    }
}

fn is_page(answer: &Answer) -> bool {
    answer.media_type().contains("html")
}

/// A record read; `None` when there is none.
pub(super) fn row(answer: &Answer, now: Timestamp) -> Result<Option<Value>, Failure> {
    match answer.status {
        200 => match answer.json() {
            Some(row @ Value::Object(_)) => Ok(Some(row)),
            _ => Err(not_confirmed(answer, "the answer is not a record")),
        },
        404 if said(answer)
            .message
            .starts_with("Provided external ID field") =>
        {
            Err(refusal(answer, false, now))
        }
        404 => Ok(None),
        _ => Err(refusal(answer, false, now)),
    }
}

/// The rows of a query.
pub(super) fn rows(answer: &Answer, now: Timestamp) -> Result<Vec<Value>, Failure> {
    if answer.status != 200 {
        return Err(refusal(answer, false, now));
    }
    match answer.json() {
        Some(Value::Object(mut body)) => match body.remove("records") {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(not_confirmed(answer, "the answer has no records")),
        },
        _ => Err(not_confirmed(answer, "the answer is not a query's")),
    }
}

/// Any answer in JSON of the API.
pub(super) fn answered(answer: &Answer, now: Timestamp) -> Result<(), Failure> {
    match answer.status {
        200 if answer.json().is_some() => Ok(()),
        200..=299 => Err(not_confirmed(answer, "not Salesforce's answer")),
        _ => Err(refusal(answer, false, now)),
    }
}

/// A ticket that was there and is not any more.
pub(super) fn gone() -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        Remedy::GiveUp,
        "the ticket is gone: deleted or merged in Salesforce, or hidden from the integration user",
    )
    .with_code("NOT_FOUND")
}

/// A row that does not carry our key: Salesforce or a proxy answered something else.
pub(super) fn strange_row(field: &str) -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        Remedy::HoldTarget,
        "a look-up by our key answered a record with another key",
    )
    .with_field(field)
}

/// Rule 3: a session that no renewal mends.
pub(super) fn hopeless_session(answer: &Answer) -> Option<Failure> {
    let said = said(answer);
    let hopeless = said.message.contains("not valid for use with the REST API")
        || said.message.contains("Connected app is not attached");
    hopeless.then(|| failure(FailureKind::AuthFailure, Remedy::HoldTarget, answer, said))
}

/// Rule 3: a 401 although the token was just renewed.
pub(super) fn refused_session(answer: &Answer) -> Failure {
    let said = said(answer);
    failure(FailureKind::AuthFailure, Remedy::HoldTarget, answer, said)
}

/// What an answer that is no success means. `wrote`: whether the request could change
/// anything.
pub(super) fn refusal(answer: &Answer, wrote: bool, now: Timestamp) -> Failure {
    let said = said(answer);
    let code = said.code.clone().unwrap_or_default();
    let classified = match answer.status {
        300 => return several(answer),
        301..=399 => return redirect(answer),
        429 => Some((
            FailureKind::RateLimited,
            Remedy::PauseTarget(answer.retry_after(now)),
        )),
        403 if code == "REQUEST_LIMIT_EXCEEDED" => {
            Some((FailureKind::RateLimited, limit_pause(answer, now)))
        }
        403 if code.starts_with("API_") => Some((FailureKind::AuthFailure, Remedy::HoldTarget)),
        404 | 410 => Some((FailureKind::IntegrationFailure, Remedy::HoldTarget)),
        _ => None,
    };
    if let Some((kind, remedy)) = classified {
        return failure(kind, remedy, answer, said);
    }
    if is_transient(answer.status, &code, &said.message) {
        return transient(answer, said, wrote, now);
    }
    if is_page(answer) || (code.is_empty() && answer.json().is_none()) {
        return transient(answer, said, wrote, now);
    }
    let permanent = code.is_empty() || PERMANENT.iter().any(|part| code.contains(part));
    let remedy = if permanent {
        Remedy::GiveUp
    } else {
        // Rule 11: orgs surface passing faults under odd codes.
        Remedy::Retry
    };
    failure(FailureKind::IntegrationFailure, remedy, answer, said)
}

fn is_transient(status: u16, code: &str, message: &str) -> bool {
    status >= 500
        || matches!(status, 406 | 408 | 420)
        || TRANSIENT.contains(&code)
        || message.contains("UNABLE_TO_LOCK_ROW")
}

/// Rules 2 and 5. A lock that could not be had is a refusal before anything was done; after
/// anything else a write may have happened.
fn transient(answer: &Answer, said: Said, wrote: bool, now: Timestamp) -> Failure {
    let refused_before = answer.status < 500 && said.code.is_some();
    let remedy = match answer.retry_after(now) {
        Some(wait) if answer.status == 503 => Remedy::PauseTarget(Some(wait)),
        _ => Remedy::Retry,
    };
    let failure = failure(FailureKind::NetworkFailure, remedy, answer, said);
    if wrote && !refused_before {
        failure.in_doubt()
    } else {
        failure
    }
}

/// Rule 4: how long to wait after `REQUEST_LIMIT_EXCEEDED`.
fn limit_pause(answer: &Answer, now: Timestamp) -> Remedy {
    if let Some(wait) = answer.retry_after(now) {
        return Remedy::PauseTarget(Some(wait));
    }
    Remedy::PauseTarget(is_used_up(answer).then_some(DAILY_LIMIT_PAUSE))
}

/// Whether `Sforce-Limit-Info: api-usage=USED/LIMIT` says that the day's calls are used up.
fn is_used_up(answer: &Answer) -> bool {
    let usage = answer
        .headers
        .get("sforce-limit-info")
        .and_then(|value| value.to_str().ok())
        .and_then(|info| {
            info.split([';', ','])
                .find_map(|part| part.trim().strip_prefix("api-usage="))
        });
    let Some((used, limit)) = usage.and_then(|usage| usage.split_once('/')) else {
        return false;
    };
    match (used.trim().parse::<u64>(), limit.trim().parse::<u64>()) {
        (Ok(used), Ok(limit)) => used >= limit,
        _ => false,
    }
}

/// Rule 7: several records carry our key.
fn several(answer: &Answer) -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        Remedy::GiveUp,
        format!(
            "several records carry our key: {}; make the external id field unique and merge them",
            answer.excerpt()
        ),
    )
    .with_status(300)
    .with_code("DUPLICATE_KEY")
}

/// A redirect is never followed: the token would go with it.
fn redirect(answer: &Answer) -> Failure {
    let location = answer
        .headers
        .get(reqwest::header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| url::Url::parse(location).ok())
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "another place".to_owned());
    Failure::new(
        FailureKind::IntegrationFailure,
        Remedy::HoldTarget,
        format!("Salesforce redirects to {location}, which is not followed; base_url must be the My Domain address (https://….my.salesforce.com)"),
    )
    .with_status(answer.status)
    .with_code("REDIRECT")
}

#[cfg(test)]
mod tests;
