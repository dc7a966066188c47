//! Judges an answer: a confirmed write, a body, or a classified failure.
//!
//! A status alone proves nothing: a 403 can be a limit or a right, a 404 a ticket that is
//! gone or a setting that is wrong, a 200 a login page. Codes decide (`codes`); texts are in
//! the integration user's language. Pure; may import: `domain`, `targets::http`.
//! `docs/salesforce.md` has it as a table.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::codes::Meaning;
use super::ids::RecordId;
use super::in_front;
use super::limits;
use super::refusal::Refusal;
use super::rejection::{Call, Cause, Rejection};
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::http::{Answer, excerpt};

/// A write that Salesforce has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) id: RecordId,
    /// Whether it was there before.
    pub(super) existed: bool,
}

/// The record that `answer` confirms to have been written: an id in the body and nothing less.
pub(super) fn saved(call: Call, answer: &Answer, now: Timestamp) -> Result<Saved, Rejection> {
    accept(call, answer, now)?;
    let body = object(call, answer)?;
    if let Some(rejection) = unsuccessful(call, answer, &body) {
        return Err(rejection);
    }
    let id = body.get("id").and_then(Value::as_str);
    match (answer.status, id.and_then(RecordId::parse)) {
        (200 | 201, Some(id)) => Ok(Saved {
            id,
            existed: body.get("created").and_then(Value::as_bool) == Some(false),
        }),
        _ => Err(Rejection::unusable(
            call,
            answer,
            "a success without a record id",
        )),
    }
}

/// Checks that `answer` confirms a change: 204, or a body that says success.
pub(super) fn changed(answer: &Answer, now: Timestamp) -> Result<(), Rejection> {
    let call = Call::Change;
    accept(call, answer, now)?;
    if answer.status == 204 && answer.body.is_empty() {
        return Ok(());
    }
    let body = object(call, answer)?;
    if let Some(rejection) = unsuccessful(call, answer, &body) {
        return Err(rejection);
    }
    match body.get("success").and_then(Value::as_bool) {
        Some(true) => Ok(()),
        _ => Err(Rejection::unusable(
            call,
            answer,
            "a success that says nothing",
        )),
    }
}

/// The JSON array in `answer`.
pub(super) fn list(call: Call, answer: &Answer, now: Timestamp) -> Result<Vec<Value>, Rejection> {
    accept(call, answer, now)?;
    match answer.json() {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(Rejection::unusable(
            call,
            answer,
            "a success without a list",
        )),
    }
}

/// The answers in the answer to a call of several requests. A session that ends between them is one of the
/// whole call, as long as nothing was written: with another token it may be repeated.
pub(super) fn parts(call: Call, answer: &Answer, now: Timestamp) -> Result<Vec<Answer>, Rejection> {
    let body = body(call, answer, now)?;
    let Some(parts) = body.get("compositeResponse").and_then(Value::as_array) else {
        return Err(Rejection::unusable(
            call,
            answer,
            "a success without its parts",
        ));
    };
    let parts: Vec<Answer> = parts.iter().map(|one| part(one, answer)).collect();
    let may_be_written = call.writes() && parts.iter().any(|one| is_success(one.status));
    let refusals = parts.iter().filter_map(|one| accept(call, one, now).err());
    let mut of_session = refusals.filter(|one| one.cause == Cause::Unauthenticated);
    match of_session.next() {
        Some(refused) if !may_be_written => Err(refused),
        _ => Ok(parts),
    }
}

pub(super) const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// One of the answers in `whole`, which alone has the headers.
fn part(part: &Value, whole: &Answer) -> Answer {
    let status = part.get("httpStatusCode").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let body = match part.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(body) => body.to_string().into(),
    };
    let json = HeaderValue::from_static("application/json");
    let mut headers: HeaderMap = [(CONTENT_TYPE, json)].into_iter().collect();
    if let Some(info) = whole.headers.get(limits::INFO) {
        headers.insert(limits::INFO, info.clone());
    }
    Answer::new(status.unwrap_or_default(), headers, body)
}

/// The JSON object in `answer`.
pub(super) fn body(call: Call, answer: &Answer, now: Timestamp) -> Result<Value, Rejection> {
    accept(call, answer, now)?;
    object(call, answer)
}

/// The object in a success. Some gateways rewrite the status of a refusal.
fn object(call: Call, answer: &Answer) -> Result<Value, Rejection> {
    let body = answer.json();
    match (body, Refusal::in_answer(answer)) {
        (Some(body), _) if body.is_object() && body.get("errorCode").is_none() => Ok(body),
        (_, Some(refusal)) => Err(refused(call, answer, &refusal)),
        (_, None) => Err(Rejection::unusable(
            call,
            answer,
            "a success that is not whole JSON",
        )),
    }
}

/// `success: false` is a refusal whatever the status.
fn unsuccessful(call: Call, answer: &Answer, body: &Value) -> Option<Rejection> {
    if body.get("success").and_then(Value::as_bool) != Some(false) {
        return None;
    }
    Some(match Refusal::in_body(body) {
        Some(refusal) => refused(call, answer, &refusal),
        None => {
            let message = "the CRM answered success: false without a reason";
            let failure = Failure::new(
                FailureKind::IntegrationFailure,
                class(FailureScope::Ticket, ResolvedBy::Time),
                message,
            );
            Rejection::new(Cause::Other, failure.with_status(answer.status))
        }
    })
}

/// Refuses every answer that is not a success.
pub(super) fn accept(call: Call, answer: &Answer, now: Timestamp) -> Result<(), Rejection> {
    let refusal = Refusal::in_answer(answer);
    let rejection = match (answer.status, &refusal) {
        (200..=299, _) => return Ok(()),
        (300, _) => several(answer),
        (429, Some(refusal)) => limited(answer, answer.retry_after(now), refusal),
        (429, None) => in_front::limited(answer, now),
        (_, Some(refusal)) if refusal.meaning() == Meaning::RateLimited => {
            let pause = limits::pause(answer, &refusal.whole_message());
            limited(answer, Some(pause), refusal)
        }
        (_, Some(refusal)) => refused(call, answer, refusal),
        (_, None) => in_front::rejected(answer, now),
    };
    Err(rejection.in_doubt_only_for_writes_of(call))
}

/// Several records carry our key, and nothing was written. Which one is right is for a
/// person to say.
fn several(answer: &Answer) -> Rejection {
    let paths = answer.json().unwrap_or_default();
    let ids: Vec<&str> = paths
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|path| path.as_str()?.rsplit('/').next())
        .collect();
    if ids.is_empty() {
        return in_front::redirected(answer);
    }
    let message = format!(
        "several records carry this key: {}; make the external id field unique, and leave one of them",
        excerpt(&ids.join(", "))
    );
    let failure = Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::PersonInCrm),
        message,
    );
    Rejection::new(
        Cause::Other,
        failure
            .with_status(answer.status)
            .with_code("DUPLICATE_KEY"),
    )
}

fn limited(answer: &Answer, pause: Option<Duration>, refusal: &Refusal) -> Rejection {
    let class = class(FailureScope::Organisation, ResolvedBy::Time);
    let failure = Failure::new(FailureKind::RateLimited, class, refusal.message())
        .with_wait(pause)
        .with_status(answer.status)
        .with_code(refusal.code());
    Rejection::new(Cause::Other, failure)
}

/// A refusal in Salesforce's own words. The code decides, whatever the status; but a status can say
/// that the login is not accepted, that the version is retired, and that the outcome is unknown.
fn refused(call: Call, answer: &Answer, refusal: &Refusal) -> Rejection {
    let meaning = match (answer.status, refusal.meaning()) {
        (401, Meaning::Unknown) => Meaning::UserBarred,
        (410, _) => Meaning::NoSuchVersion,
        (_, meaning) => meaning,
    };
    let fields = refusal.fields();
    let mut failure = Failure::new(meaning.kind(), meaning.class(call), refusal.message())
        .with_status(answer.status)
        .with_code(refusal.code());
    failure.field = (!fields.is_empty()).then(|| fields.join(", "));
    failure.refuses_value = meaning.refuses_value(call);
    failure.outcome_unknown = answer.status >= 500 && !meaning.is_certain();
    Rejection::new(cause(call, answer, refusal, meaning), failure)
}

fn cause(call: Call, answer: &Answer, refusal: &Refusal, meaning: Meaning) -> Cause {
    match meaning {
        Meaning::UserBarred if can_be_renewed(answer, refusal) => Cause::Unauthenticated,
        Meaning::Absent if matches!(call, Call::Change | Call::Read) => Cause::Absent,
        Meaning::Duplicate => Cause::Duplicate,
        _ => Cause::Other,
    }
}

/// One code has two meanings: a session that has ended, and one that may not use the API, which no
/// renewal heals.
fn can_be_renewed(answer: &Answer, refusal: &Refusal) -> bool {
    const FOR_GOOD: [&str; 2] = [
        "not valid for use with the REST API",
        "Connected app is not attached",
    ];
    let is_of_session = refusal.has("INVALID_SESSION_ID")
        || refusal.has("INVALID_AUTH_HEADER")
        || (answer.status == 401 && refusal.meaning() == Meaning::Unknown);
    is_of_session && !FOR_GOOD.iter().any(|words| refusal.says(words))
}

#[cfg(test)]
mod tests;
