//! Judges an answer: a confirmed write, a body, or a classified failure.
//!
//! A status alone proves nothing: a 403 can be a limit or a right, a 404 a ticket that is
//! gone or a setting that is wrong, a 200 a login page. Codes decide; texts are in the
//! integration user's language. Pure; may import: `domain`, `targets::http`.
//! `docs/salesforce.md` has it as a table.

use http::header::LOCATION;
use serde_json::Value;

use super::ids::RecordId;
use super::limits;
use super::refusal::{Reason, Refusal};
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

/// The JSON object in `answer`.
pub(super) fn body(call: Call, answer: &Answer, now: Timestamp) -> Result<Value, Rejection> {
    accept(call, answer, now)?;
    object(call, answer)
}

fn object(call: Call, answer: &Answer) -> Result<Value, Rejection> {
    match answer.json() {
        Some(body) if body.is_object() => Ok(body),
        _ => Err(Rejection::unusable(
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
fn accept(call: Call, answer: &Answer, now: Timestamp) -> Result<(), Rejection> {
    let refusal = Refusal::in_answer(answer);
    let rejection = match (answer.status, &refusal) {
        (200..=299, _) => return Ok(()),
        (300, _) => several(answer),
        (301..=399, _) => redirected(answer),
        (429, _) => limited(answer, answer.retry_after(now), "the CRM asks to slow down"),
        (_, Some(refusal)) if refusal.has("REQUEST_LIMIT_EXCEEDED") => {
            let message = refusal.message();
            let pause = limits::pause(answer, &message);
            limited(answer, Some(pause), &message).coded(refusal)
        }
        (401, _) => unauthenticated(answer, refusal.as_ref()),
        (_, Some(refusal)) => refused(call, answer, refusal),
        (403, None) => barred(answer),
        (_, None) => unavailable(answer),
    };
    Err(rejection.in_doubt_only_for_writes_of(call))
}

impl Rejection {
    fn coded(mut self, refusal: &Refusal) -> Self {
        self.failure.code = Some(refusal.code().to_owned());
        self
    }
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
    let message = format!(
        "several records carry this key: {}; make the external id field unique, and leave one of them",
        excerpt(&ids.join(", "))
    );
    let failure = Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        message,
    );
    Rejection::new(
        Cause::Other,
        failure
            .with_status(answer.status)
            .with_code("DUPLICATE_KEY"),
    )
}

/// Never followed: the token must not go wherever the redirect points.
fn redirected(answer: &Answer) -> Rejection {
    let location = answer.headers.get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    // A redirect's query may carry tokens, so it is not shown.
    let place = location.and_then(|text| text.split(['?', '#']).next());
    let message = format!(
        "redirected to {}: base_url must be the My Domain address, https://NAME.my.salesforce.com",
        excerpt(place.unwrap_or("elsewhere"))
    );
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::PersonInConfiguration),
        message,
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

fn limited(answer: &Answer, pause: Option<std::time::Duration>, message: &str) -> Rejection {
    let failure = Failure::new(
        FailureKind::RateLimited,
        class(FailureScope::Organisation, ResolvedBy::Time),
        message,
    );
    let failure = failure.with_wait(pause);
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// Two meanings with one code: a session that has ended, and one that may not use the API,
/// which no renewal heals.
fn unauthenticated(answer: &Answer, refusal: Option<&Refusal>) -> Rejection {
    const FOR_GOOD: [&str; 2] = [
        "not valid for use with the REST API",
        "Connected app is not attached",
    ];
    let is_for_good = refusal.is_some_and(|r| FOR_GOOD.iter().any(|words| r.says(words)));
    let message = refusal.map_or_else(|| "the session was refused".to_owned(), Refusal::message);
    let failure = Failure::new(
        FailureKind::AuthFailure,
        class(FailureScope::User, ResolvedBy::PersonInCrm),
        message,
    );
    let cause = match is_for_good {
        true => Cause::Other,
        false => Cause::Unauthenticated,
    };
    let mut rejection = Rejection::new(cause, failure.with_status(answer.status));
    rejection.failure.code = refusal.map(|refusal| refusal.code().to_owned());
    rejection
}

/// 403 by something in front of the API: an address that is not allowed, a proxy.
fn barred(answer: &Answer) -> Rejection {
    let message = format!(
        "something in front of the API refused: {}",
        answer.excerpt()
    );
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::PersonInConfiguration),
        message,
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// Not Salesforce's own words: nobody can tell whether it happened.
fn unavailable(answer: &Answer) -> Rejection {
    let message = format!("no answer of the API itself: {}", answer.excerpt());
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        message,
    );
    Rejection::new(
        Cause::StillRunning,
        failure.with_status(answer.status).in_doubt(),
    )
}

/// A refusal in Salesforce's own words.
fn refused(call: Call, answer: &Answer, refusal: &Refusal) -> Rejection {
    let mut cause = Cause::Other;
    let (kind, class) = match (answer.status, refusal.reason()) {
        // The server's own trouble, even with a code; a write may have happened before it.
        (500.., _) => (
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
        ),
        _ if is_absent(call, refusal) => {
            cause = Cause::Absent;
            (
                FailureKind::IntegrationFailure,
                class(FailureScope::Ticket, ResolvedBy::Nothing),
            )
        }
        _ if is_configuration(call, answer, refusal) => (
            FailureKind::IntegrationFailure,
            class(
                FailureScope::Configuration,
                ResolvedBy::PersonInConfiguration,
            ),
        ),
        (_, Reason::Lasting) => (
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Nothing),
        ),
        (_, Reason::Passing | Reason::Unknown) => (
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
        ),
    };
    if refusal.has("DUPLICATE_VALUE") {
        cause = Cause::Duplicate;
    }
    let mut failure = Failure::new(kind, class, refusal.message())
        .with_status(answer.status)
        .with_code(refusal.code());
    failure.field = refusal.field().map(str::to_owned);
    failure.outcome_unknown = answer.status >= 500;
    Rejection::new(cause, failure).in_doubt_only_for_writes_of(call)
}

fn is_absent(call: Call, refusal: &Refusal) -> bool {
    matches!(call, Call::Change | Call::Read)
        && (refusal.has("NOT_FOUND") || refusal.has("ENTITY_IS_DELETED"))
}

/// Whether every ticket would be refused alike until somebody mends a setting or a right: a
/// version, object or external id field that is not there, or that this user may not see.
fn is_configuration(call: Call, answer: &Answer, refusal: &Refusal) -> bool {
    const OF_THE_ORG: [&str; 4] = [
        "API_CURRENTLY_DISABLED",
        "API_DISABLED_FOR_ORG",
        "UNSUPPORTED_API_VERSION",
        "INVALID_VERSION",
    ];
    answer.status == 410
        || OF_THE_ORG.iter().any(|code| refusal.has(code))
        || (matches!(call, Call::Create | Call::LookUp) && refusal.has("NOT_FOUND"))
        // A ticket that cannot be looked up must not be opened again.
        || (matches!(call, Call::Read | Call::LookUp)
            && (refusal.has("INVALID_FIELD") || refusal.has("INVALID_TYPE")))
}

#[cfg(test)]
mod tests;
