//! Judges an answer: the row or rows in it, or a classified failure.
//!
//! A status alone proves nothing here: a sleeping instance answers every request with 200
//! and a web page, a 403 can follow a committed insert, a 404 can mean "not for your eyes".
//! Pure; may import: `domain`, `targets::http`. `docs/servicenow.md` has it as a table.

use std::time::Duration;

use http::header::LOCATION;
use serde_json::Value;
use url::Url;

use crate::domain::failure::{Failure, FailureClass, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::http::{Answer, excerpt};

use super::refusal::{Reason, Refusal, is_duplicate_id};
use super::rejection::{Call, Cause, Rejection};

/// Rate limits are counted in windows of an hour, so no wait needs to be longer.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Texts of the page that answers for a hibernating developer instance.
const HIBERNATION_MARKS: [&str; 3] = [
    "instance-hibernating-page",
    "hibernating instance",
    "instance is hibernating",
];

/// The `result` of `answer` to `call`; `now` is for hints that name a time.
pub(super) fn judge(call: Call, answer: &Answer, now: Timestamp) -> Result<Value, Rejection> {
    if is_asleep(answer) {
        return Err(asleep(answer));
    }
    let verdict = match answer.status {
        200 | 201 => {
            return result_of(call, answer).map_err(|r| r.in_doubt_only_for_writes_of(call));
        }
        202..=299 => unreadable(answer, "a success without a result"),
        300..=399 => redirected(answer),
        401 => unauthenticated(answer),
        429 => rate_limited(answer, now),
        status if status >= 400 && call == Call::Create && is_duplicate_id(answer) => {
            duplicate(answer)
        }
        403 => forbidden(answer),
        404 => absent(answer),
        408 | 499 | 502 | 504 => unavailable(Cause::StillRunning, answer),
        503 => in_maintenance(answer, now),
        500.. => unavailable(Cause::Other, answer),
        _ => refused(Cause::Other, answer),
    };
    Err(verdict.in_doubt_only_for_writes_of(call))
}

fn result_of(call: Call, answer: &Answer) -> Result<Value, Rejection> {
    let Some(mut body) = answer.json() else {
        return Err(match is_page(answer) {
            true => web_page(answer),
            false => unreadable(answer, "a success that is not whole JSON"),
        });
    };
    match (body.get("result").is_some(), Refusal::in_body(&body)) {
        (true, None) if call == Call::Create && answer.status != 201 => Err(not_created(answer)),
        (true, None) => Ok(body["result"].take()),
        (true, Some(_)) => Err(unreadable(answer, "both a result and an error")),
        (false, Some(refusal)) if refusal.reason() != Reason::Cancelled => {
            Err(refused(Cause::Refused, answer))
        }
        (false, _) => Err(unreadable(answer, "a success without a result")),
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

/// Nothing is processed while the instance sleeps, so nothing is in doubt.
fn asleep(answer: &Answer) -> Rejection {
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Organisation, ResolvedBy::Time),
        "the instance is hibernating; wake it in the developer portal",
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// A page of unknown origin: a login or a maintenance page, most likely.
fn web_page(answer: &Answer) -> Rejection {
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Organisation, ResolvedBy::Time),
        format!(
            "a web page instead of data (asleep, in maintenance, or a login in front): {}",
            answer.excerpt()
        ),
    );
    Rejection::new(
        Cause::StillRunning,
        failure.with_status(answer.status).in_doubt(),
    )
}

fn not_created(answer: &Answer) -> Rejection {
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Organisation, ResolvedBy::Time),
        "the insert was answered with 200 instead of 201 Created",
    );
    Rejection::new(
        Cause::StillRunning,
        failure.with_status(answer.status).in_doubt(),
    )
}

fn unreadable(answer: &Answer, what: &str) -> Rejection {
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        format!("{what}: {}", answer.excerpt()),
    );
    // The instance has answered unless it says 202, so its transaction is over.
    let cause = if answer.status == 202 {
        Cause::StillRunning
    } else {
        Cause::Other
    };
    Rejection::new(cause, failure.with_status(answer.status).in_doubt())
}

/// Never followed: the token must not go wherever the redirect points.
fn redirected(answer: &Answer) -> Rejection {
    let place = answer
        .headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .map_or_else(|| "elsewhere".to_owned(), without_query);
    let failure = Failure::new(
        FailureKind::AuthFailure,
        class(FailureScope::User, ResolvedBy::PersonInCrm),
        format!("redirected to {place}: a wrong base_url, or single sign-on in front of the API"),
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// A redirect's query may carry tokens, so it is not shown.
fn without_query(location: &str) -> String {
    match Url::parse(location) {
        Ok(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        Err(_) => excerpt(location.split(['?', '#']).next().unwrap_or_default()),
    }
}

fn unauthenticated(answer: &Answer) -> Rejection {
    let failure = described(
        FailureKind::AuthFailure,
        class(FailureScope::User, ResolvedBy::PersonInCrm),
        answer,
    );
    Rejection::new(Cause::Unauthenticated, failure)
}

fn rate_limited(answer: &Answer, now: Timestamp) -> Rejection {
    let wait = answer
        .retry_after(now)
        .or_else(|| window_end(answer).map(|end| end.since(now)))
        .map(|wait| wait.min(MAX_PAUSE));
    let failure = described(
        FailureKind::RateLimited,
        class(FailureScope::Organisation, ResolvedBy::Time),
        answer,
    )
    .with_wait(wait);
    Rejection::new(Cause::Other, failure)
}

/// `X-RateLimit-Reset`: when the window ends, in seconds since the epoch.
fn window_end(answer: &Answer) -> Option<Timestamp> {
    let text = answer.headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let seconds: i64 = text.trim().parse().ok()?;
    Some(Timestamp::from_millis(seconds.checked_mul(1000)?))
}

fn duplicate(answer: &Answer) -> Rejection {
    let failure = described(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        answer,
    );
    Rejection::new(
        Cause::DuplicateId,
        failure.with_code("Unique Key violation"),
    )
}

fn forbidden(answer: &Answer) -> Rejection {
    let Some(refusal) = Refusal::in_answer(answer) else {
        return match is_page(answer) {
            true => walled_off(answer),
            false => refused(Cause::Refused, answer),
        };
    };
    let (cause, kind, class) = match refusal.reason() {
        Reason::ApiAccessControl => (
            Cause::Other,
            FailureKind::AuthFailure,
            class(FailureScope::User, ResolvedBy::PersonInCrm),
        ),
        Reason::Scope => (
            Cause::Other,
            FailureKind::AuthFailure,
            class(FailureScope::User, ResolvedBy::PersonInCrm),
        ),
        Reason::Query => (
            Cause::Other,
            FailureKind::IntegrationFailure,
            class(
                FailureScope::Configuration,
                ResolvedBy::PersonInConfiguration,
            ),
        ),
        Reason::AccessControl => return refused(Cause::Denied, answer),
        _ => return refused(Cause::Refused, answer),
    };
    Rejection::new(cause, described(kind, class, answer))
}

/// A 403 as a web page is not the Table API's: a proxy, or the instance's list of networks.
fn walled_off(answer: &Answer) -> Rejection {
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::PersonInConfiguration),
        format!(
            "forbidden before the API (a proxy, or the instance's access list of networks): {}",
            answer.excerpt()
        ),
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// A 404 is about a record only when the API itself answers.
fn absent(answer: &Answer) -> Rejection {
    if is_page(answer) {
        return unavailable(Cause::Other, answer);
    }
    let words = answer.excerpt();
    let no_such_api = words.contains("Requested URI") || words.contains("Invalid table");
    match no_such_api {
        true => refused(Cause::Other, answer),
        false => refused(Cause::Absent, answer),
    }
}

/// Nobody can tell whether it happened.
fn unavailable(cause: Cause, answer: &Answer) -> Rejection {
    let failure = described(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        answer,
    );
    Rejection::new(cause, failure.in_doubt())
}

/// Said in advance how long it lasts, it need not cost attempts.
fn in_maintenance(answer: &Answer, now: Timestamp) -> Rejection {
    let mut rejection = unavailable(Cause::Other, answer);
    if let Some(wait) = answer.retry_after(now) {
        rejection.failure.wait = Some(wait.min(MAX_PAUSE));
    }
    rejection
}

/// Understood and refused: repeating it cannot help.
fn refused(cause: Cause, answer: &Answer) -> Rejection {
    let failure = described(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        answer,
    );
    Rejection::new(cause, failure)
}

/// A failure in the instance's own words.
fn described(kind: FailureKind, class: FailureClass, answer: &Answer) -> Failure {
    let Some(refusal) = Refusal::in_answer(answer) else {
        return Failure::new(kind, class, answer.excerpt()).with_status(answer.status);
    };
    let mut failure = Failure::new(kind, class, refusal.sentence()).with_status(answer.status);
    failure.code = Some(refusal.code()).filter(|code| !code.is_empty());
    failure.field = refusal.field();
    failure
}

#[cfg(test)]
mod tests;
