//! How long a request to the admin listener may take, and how much it may send.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Refused;

/// Longest body of a request: a filter.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest time in which the body of a request comes.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Longest time that a request takes, bulk operations included.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// Reads the body before the request is handled. To stand behind the guard: a client without a
/// token is refused before its body is read.
pub(super) async fn read_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => too_long().into_response(),
        Err(_) => body_too_slow().into_response(),
    }
}

/// Gives a request up that takes too long. What it changes is a transaction, so that a request
/// that is given up has done all or nothing.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    within(REQUEST_TIME, next.run(request)).await
}

async fn within(time: Duration, answer: impl Future<Output = Response>) -> Response {
    let answer = tokio::time::timeout(time, answer).await;
    answer.unwrap_or_else(|_| took_too_long().into_response())
}

fn too_long() -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-long",
        "Body too long",
        format!("The body breaks off or is longer than {MAX_BODY_BYTES} bytes."),
    )
}

fn body_too_slow() -> Refused {
    Refused::new(
        StatusCode::REQUEST_TIMEOUT,
        "body-too-slow",
        "Body too slow",
        format!("The body was not there within {} s.", BODY_TIME.as_secs()),
    )
}

fn took_too_long() -> Refused {
    Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "timed-out",
        "Timed out",
        format!(
            "The request took longer than {} s. Look whether it was done before you repeat it.",
            REQUEST_TIME.as_secs()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_does_not_end_is_a_503() {
        let answer = within(Duration::from_millis(1), std::future::pending()).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let quick = async { StatusCode::OK.into_response() };
        assert_eq!(within(REQUEST_TIME, quick).await.status(), StatusCode::OK);
    }
}
