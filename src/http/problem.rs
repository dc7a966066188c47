//! Errors as `application/problem+json` (RFC 9457).
//!
//! Knows only the form: routes choose the kind and the detail.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::request_id;

/// A kind of problem: a status and a stable name, by which clients distinguish problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemKind {
    pub status: StatusCode,
    /// Last part of the type URN, stable: `urn:ringdown:problem:NAME`.
    pub name: &'static str,
    pub title: &'static str,
}

/// One problem on its way to a client. Holds nothing secret and no cause from inside.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Members<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
}

impl Problem {
    /// A problem of `kind`; `detail` gives the cause in this case, and the remedy.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After` in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.kind.status
    }

    pub fn title(&self) -> &'static str {
        self.kind.title
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The answer to the request whose headers are `request`; its id becomes `instance`.
    pub fn into_response(self, request: &HeaderMap) -> Response<Body> {
        let members = Members {
            r#type: format!("urn:ringdown:problem:{}", self.kind.name),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            instance: request_id(request),
        };
        // Strings and a number always serialise; an empty body would still carry the status.
        let bytes = serde_json::to_vec(&members).unwrap_or_default();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.kind.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.extend(self.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_never_shorter_than_the_wait() {
        let kind = ProblemKind {
            status: StatusCode::TOO_MANY_REQUESTS,
            name: "too-fast",
            title: "Too many requests",
        };
        for (wait, text) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let response = Problem::new(kind, "slow down")
                .retry_after(Duration::from_millis(wait))
                .into_response(&HeaderMap::new());
            assert_eq!(response.headers()[RETRY_AFTER], text, "{wait} ms");
        }
    }
}
