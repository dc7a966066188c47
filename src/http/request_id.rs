//! `x-request-id`: taken from the request when it is harmless, else made, and put on every answer.
//!
//! Owns the header's name and the middleware. Behind the middleware every request carries the
//! header, so handlers read it like any other.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use axum::middleware::Next;

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// The header that carries a request's id, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a client, in bytes.
const MAX_LENGTH: usize = 128;

/// The id of the request whose headers are `headers`; `None` outside the middleware.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok())
}

/// Middleware that gives every request and its answer an id, a UUID of version 7 with the time of
/// the clock unless the request has one.
pub async fn with_request_id(
    State(clock): State<Clock>,
    mut request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let id = id_for(request.headers(), &clock);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The id of the request whose headers are `headers`: its own if it is harmless, else a new one.
fn id_for(headers: &HeaderMap, clock: &Clock) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(given) if is_harmless(given) => given.clone(),
        _ => fresh(clock.now()),
    }
}

/// Whether a client's id can be shown in answers, logs and terminals as it is: short, and
/// only characters that a URI may hold, since it becomes a problem's `instance`.
fn is_harmless(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=MAX_LENGTH).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/@!$&'()*+,;=".contains(byte))
}

/// A new UUIDv7. The random part is from the thread's generator, so that no request waits
/// for a system call; ids need to be distinct, not secret.
fn fresh(now: Timestamp) -> HeaderValue {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text))
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_taken_only_when_it_cannot_do_harm() {
        for good in ["a", "3f1c-77", "Root=1-67891233-abcdef;Parent=53995c3f"] {
            assert!(is_harmless(&HeaderValue::from_static(good)), "{good}");
        }
        let long = "x".repeat(MAX_LENGTH + 1);
        for bad in ["", "a b", "<script>", "a\"b", "50%", long.as_str()] {
            assert!(!is_harmless(&HeaderValue::from_str(bad).unwrap()), "{bad}");
        }
        assert!(!is_harmless(&HeaderValue::from_bytes(b"caf\xe9").unwrap()));
    }

    #[test]
    fn a_made_id_is_a_uuid_of_version_7_with_the_clocks_time() {
        let now = Timestamp::from_millis(1_795_442_850_000);
        let id: uuid::Uuid = fresh(now).to_str().unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_795_442_850, 0));
        assert_ne!(fresh(now), fresh(now));
    }
}
