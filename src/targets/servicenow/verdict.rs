//! Judges a response: the row or rows in it, or a classified failure.
//!
//! A status alone proves nothing here: a sleeping instance answers every request with 200
//! and a web page, a 403 can follow a committed insert, a 404 can mean "not for your eyes".
//! Only `{"error": …}` is the instance's own word: everything else comes from something in front
//! of it. Pure; may import: `domain`, `targets::http`. `docs/servicenow.md` has the table.

use std::time::Duration;

use http::header::{LOCATION, WWW_AUTHENTICATE};
use serde_json::Value;
use url::Url;

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::http::{Answer, excerpt};

use super::meaning::Meaning;
use super::refusal::{Reason, Refusal, is_unique_violation};
use super::rejection::{Call, Rejection};

/// Rate limits are counted in windows of an hour, so no wait needs to be longer.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Texts of the page that answers for a hibernating developer instance.
const HIBERNATION_MARKS: [&str; 3] = [
    "instance-hibernating-page",
    "hibernating instance",
    "instance is hibernating",
];

/// The `result` of `answer` to `call`; `now` is for hints that name a time. A `result` is not yet
/// the proof of an insert: its status may be any success.
pub(super) fn judge(call: Call, answer: &Answer, now: Timestamp) -> Result<Value, Box<Rejection>> {
    let rejection = match answer.status {
        _ if is_asleep(answer) => rejection(
            Meaning::Asleep,
            answer,
            "the instance is hibernating; wake it in the developer portal",
        ),
        200 | 201 => match result_of(call, answer) {
            Ok(result) => return Ok(result),
            Err(rejection) => *rejection,
        },
        status => {
            let refusal = Refusal::in_answer(answer);
            let is_unique = status >= 400 && call == Call::Create && is_unique_violation(answer);
            let meaning = match is_unique {
                true => Meaning::UniqueViolation,
                false => meaning_of(call, answer, refusal.as_ref()),
            };
            described(meaning, answer, refusal.as_ref())
        }
    };
    let waiting = with_wait(rejection, answer, now);
    Err(waiting.in_doubt_only_for_writes_of(call).into())
}

fn result_of(call: Call, answer: &Answer) -> Result<Value, Box<Rejection>> {
    let Some(mut body) = answer.json() else {
        let rejection = match is_page(answer) {
            true => described(Meaning::NoAnswer, answer, None),
            false => unreadable(answer, "a success that is not whole JSON"),
        };
        return Err(rejection.into());
    };
    match (body.get("result").is_some(), Refusal::in_body(&body)) {
        (true, None) => Ok(body["result"].take()),
        (true, Some(_)) => Err(unreadable(answer, "both a result and an error").into()),
        (false, Some(refusal)) => {
            let meaning = meaning_of_refusal(call, answer.status, &refusal);
            Err(described(meaning, answer, Some(&refusal)).into())
        }
        (false, None) => Err(unreadable(answer, "a success without a result").into()),
    }
}

/// Who speaks, and what it says.
fn meaning_of(call: Call, answer: &Answer, refusal: Option<&Refusal>) -> Meaning {
    match (answer.status, refusal) {
        (300..=399, _) => Meaning::Redirected,
        (407, _) => Meaning::ProxyLogin,
        (429, None) if window_end(answer).is_none() => Meaning::LimitedInFront,
        (429, _) => Meaning::RateLimited,
        (202 | 408 | 499 | 502 | 504, _) => Meaning::NoAnswer,
        (401, Some(_)) => Meaning::Unauthenticated,
        // The instance itself asks for a login like this where it writes no body.
        (401, None) if answer.body.is_empty() && challenge(answer).is_some_and(is_basic) => {
            Meaning::Unauthenticated
        }
        (401, None) => Meaning::LoginInFront,
        // The request was not passed on; or the answer to it was not.
        (400..=405 | 410..=418, None) => Meaning::InFront,
        // What stands in front gives up long before the instance does, under any of these.
        (_, None) => Meaning::NoAnswer,
        (status, Some(refusal)) => meaning_of_refusal(call, status, refusal),
    }
}

/// What the instance refuses in its own words.
fn meaning_of_refusal(call: Call, status: u16, refusal: &Refusal) -> Meaning {
    match (refusal.reason(), status) {
        (Reason::NoApi, _) => Meaning::NoApi,
        (_, 503) => Meaning::Maintenance,
        (_, 500..) | (Reason::Cancelled, _) => Meaning::ServerError,
        (Reason::ApiAccessControl | Reason::Scope, _) => Meaning::ApiForbidden,
        (Reason::Query, _) => Meaning::QueryDenied,
        (_, 404) => Meaning::Absent,
        // Method, Accept and Content-Type are the same for every ticket.
        (_, 405 | 406 | 415) => Meaning::NoApi,
        (Reason::AccessControl, _) if call == Call::Change => Meaning::ChangeDenied,
        (Reason::AccessControl, _) => Meaning::AccessDenied,
        (Reason::MissingField, _) => Meaning::MissingField,
        (Reason::BusinessRule(_) | Reason::Value | Reason::Other, _) => Meaning::Refused,
    }
}

fn is_page(answer: &Answer) -> bool {
    answer.media_type().contains("html") || answer.body.trim_ascii_start().starts_with(b"<")
}

fn is_asleep(answer: &Answer) -> bool {
    if !is_page(answer) {
        return false;
    }
    let page = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    HIBERNATION_MARKS.iter().any(|mark| page.contains(mark))
}

fn challenge(answer: &Answer) -> Option<&str> {
    answer.headers.get(WWW_AUTHENTICATE)?.to_str().ok()
}

fn is_basic(challenge: &str) -> bool {
    let scheme = challenge.split_ascii_whitespace().next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// A failure in the instance's own words, or with what something in front of it sent.
fn described(meaning: Meaning, answer: &Answer, refusal: Option<&Refusal>) -> Rejection {
    let Some(refusal) = refusal else {
        return rejection(meaning, answer, &words_in_front(meaning, answer));
    };
    let mut rejection = rejection(meaning, answer, refusal.sentence());
    let failure = &mut rejection.failure;
    failure.code = match meaning {
        Meaning::UniqueViolation => Some("Unique Key violation".to_owned()),
        _ => Some(refusal.code()).filter(|code| !code.is_empty()),
    };
    failure.field = refusal.field();
    failure.refuses_value = meaning == Meaning::Refused && refusal.reason() == Reason::Value;
    rejection
}

fn words_in_front(meaning: Meaning, answer: &Answer) -> String {
    let status = answer.status;
    let text = match answer.body.trim_ascii().is_empty() {
        true => "no text".to_owned(),
        false => answer.excerpt(),
    };
    match meaning {
        Meaning::Redirected => format!(
            "redirected to {}: a wrong base_url, or single sign-on in front of the API",
            place(answer)
        ),
        Meaning::ProxyLogin => format!("a proxy in front of the instance wants a login: {text}"),
        Meaning::Unauthenticated | Meaning::LoginInFront => {
            let challenge = challenge(answer).map_or_else(|| "none".to_owned(), excerpt);
            format!(
                "the login was refused with status {status}, WWW-Authenticate: {challenge}; {text}"
            )
        }
        Meaning::RateLimited | Meaning::UniqueViolation => text,
        Meaning::LimitedInFront => format!("asked to slow down with status {status}: {text}"),
        _ if answer.is_success() && is_page(answer) => format!(
            "a web page instead of data (asleep, in maintenance, or a login in front): {text}"
        ),
        _ if answer.is_success() => format!("a success without a result: {text}"),
        _ => format!("something in front of the instance answered with status {status}: {text}"),
    }
}

fn unreadable(answer: &Answer, what: &str) -> Rejection {
    // With 201 the instance says that the insert has ended.
    let meaning = match answer.status {
        201 => Meaning::InFront,
        _ => Meaning::NoAnswer,
    };
    rejection(meaning, answer, &format!("{what}: {}", answer.excerpt()))
}

fn rejection(meaning: Meaning, answer: &Answer, message: &str) -> Rejection {
    let (kind, scope, resolved_by, in_doubt, cause) = meaning.row();
    let mut failure = Failure::new(kind, class(scope, resolved_by), message);
    failure.outcome_unknown = in_doubt;
    Rejection::new(cause, failure.with_status(answer.status))
}

/// How long to wait, where the response says so.
fn with_wait(mut rejection: Rejection, answer: &Answer, now: Timestamp) -> Rejection {
    let failure = &mut rejection.failure;
    let is_limit = failure.kind == FailureKind::RateLimited;
    let window = || window_end(answer).map(|end| end.since(now));
    if failure.class.resolved_by == ResolvedBy::Time && failure.class.scope != FailureScope::Ticket
    {
        let asked = match failure.class.scope {
            FailureScope::Network => answer.retry_after_in_front(now),
            _ => answer.retry_after(now),
        };
        let wait = asked.or_else(|| window().filter(|_| is_limit));
        failure.wait = wait.map(|wait| wait.min(MAX_PAUSE));
    }
    rejection
}

/// `X-RateLimit-Reset`: when the window ends, in seconds since the epoch.
fn window_end(answer: &Answer) -> Option<Timestamp> {
    let text = answer.headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let seconds: i64 = text.trim().parse().ok()?;
    Some(Timestamp::from_millis(seconds.checked_mul(1000)?))
}

/// Where a redirect points. Its query may carry tokens, so it is not shown.
fn place(answer: &Answer) -> String {
    let location = answer.headers.get(LOCATION);
    let Some(location) = location.and_then(|value| value.to_str().ok()) else {
        return "elsewhere".to_owned();
    };
    match Url::parse(location) {
        Ok(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        Err(_) => excerpt(location.split(['?', '#']).next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
