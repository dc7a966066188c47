//! Answers that are not Salesforce's own: of a proxy, a firewall, a login page, or a host that the
//! org has left. They are about the way to Salesforce, whatever their status says.
//!
//! Pure; may import: `domain`, `targets::http`.

use http::header::LOCATION;

use super::rejection::{Cause, Rejection};
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::http::{Answer, excerpt};

/// What `answer`, which is no success and not in Salesforce's words, says about the call.
pub(super) fn rejected(answer: &Answer, now: Timestamp) -> Rejection {
    match answer.status {
        300..=399 => redirected(answer),
        401 => unauthenticated(answer),
        // The request was not passed on; or the answer to it was not.
        400 | 402..=405 | 407 | 410..=418 => unavailable(Cause::Other, answer, now),
        _ => unavailable(Cause::StillRunning, answer, now),
    }
}

/// A limit that is not in Salesforce's words. It may be about one text only.
pub(super) fn limited(answer: &Answer, now: Timestamp) -> Rejection {
    let message = format!(
        "asked to slow down, not by the API itself: {}",
        shown(answer)
    );
    let failure = Failure::new(
        FailureKind::RateLimited,
        class(FailureScope::Network, ResolvedBy::Time),
        message,
    );
    let failure = failure.with_wait(answer.retry_after_in_front(now));
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// Never followed: the token must not go wherever the redirect points.
pub(super) fn redirected(answer: &Answer) -> Rejection {
    let location = answer.headers.get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    // A redirect's query may carry tokens, so it is not shown.
    let place = location.and_then(|text| text.split(['?', '#']).next());
    let message = format!(
        "redirected to {}: a wrong base_url (it must be the My Domain address, \
         https://NAME.my.salesforce.com), or a login page of something in front of the API",
        excerpt(place.unwrap_or("elsewhere"))
    );
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::PersonInConfiguration),
        message,
    );
    Rejection::new(Cause::Other, failure.with_status(answer.status))
}

/// Salesforce says in JSON what is wrong with a session. So this is another's login; but a host
/// that the org has left may answer so too, and another token then names the new one.
fn unauthenticated(answer: &Answer) -> Rejection {
    let message = format!("a login is wanted in front of the API: {}", shown(answer));
    let failure = Failure::new(
        FailureKind::AuthFailure,
        class(FailureScope::Network, ResolvedBy::PersonInConfiguration),
        message,
    );
    Rejection::new(Cause::Unauthenticated, failure.with_status(answer.status))
}

/// Nobody can tell whether it happened: a firewall may hold an answer back, too.
fn unavailable(cause: Cause, answer: &Answer, now: Timestamp) -> Rejection {
    let message = format!("no answer of the API itself: {}", shown(answer));
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        message,
    );
    let failure = failure
        .with_status(answer.status)
        .with_wait(answer.retry_after_in_front(now));
    Rejection::new(cause, failure.in_doubt())
}

fn shown(answer: &Answer) -> String {
    let words = answer.excerpt();
    match words.is_empty() {
        true => "an empty answer".to_owned(),
        false => words,
    }
}
