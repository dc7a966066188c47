//! What a client of the API hears when it is refused.
//!
//! A refusal travels as a [`Problem`] in the response's extensions until [`write_problems`]
//! writes it with the request's id.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::{Problem, ProblemKind};
use crate::store::StoreError;

/// How long a client should wait when the database is behind it.
const SOON: Duration = Duration::from_secs(5);

/// A refused request.
#[derive(Debug, Clone)]
pub(super) struct Refused(Problem);

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        name: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let kind = ProblemKind {
            status,
            name,
            title,
        };
        Self(Problem::new(kind, detail))
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// 400: the request says something that cannot be meant.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "Bad request",
            detail,
        )
    }

    pub(super) fn not_authenticated(detail: &'static str) -> Self {
        let refused = Self::new(
            StatusCode::UNAUTHORIZED,
            "not-authenticated",
            "Not authenticated",
            detail,
        );
        let challenge = HeaderValue::from_static("Bearer realm=\"ringdown\"");
        refused.with_header(WWW_AUTHENTICATE, challenge)
    }

    /// 429: too many wrong tokens came from the address.
    pub(super) fn guessing(wait: Duration) -> Self {
        let refused = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "guessing",
            "Too many wrong tokens",
            "This is not an admin token, and too many wrong ones came from this address; a right \
             one is served at any time.",
        );
        Self(refused.0.retry_after(wait))
    }

    pub(super) fn not_allowed(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", "Not allowed", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.with_header(name, value))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::not_found(format!("{error}.")),
            StoreError::InvalidCursor => Self::bad_request(format!("{error}.")),
            StoreError::Conflict { .. } => Self::new(
                StatusCode::CONFLICT,
                "not-possible",
                "Not possible now",
                format!("{error}."),
            ),
            StoreError::Damaged { .. } => {
                tracing::error!(%error, "a request met a damaged row");
                internal_error()
            }
            _ => {
                tracing::error!(%error, "a request could not be answered");
                let refused = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store-unavailable",
                    "Store unavailable",
                    "The database cannot be used at the moment; try again.",
                );
                Self(refused.0.retry_after(SOON))
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// 500, for defects; the log has the cause.
pub(super) fn internal_error() -> Refused {
    Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "Internal error",
        "Something failed inside ringdown; its log has more under this request's id.",
    )
}

pub(super) async fn no_such_route() -> Refused {
    Refused::not_found("There is nothing at this address; the API is under /api/v1/.")
}

pub(super) async fn wrong_method() -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "Wrong method",
        "This address does not take that method; the Allow header names those it takes.",
    )
}

/// Writes a refusal as `application/problem+json`, keeping the `Allow` that routing has set.
/// What axum refuses by itself, such as a body that is too long, is written the same way.
pub(super) async fn write_problems(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_plain_refusal(&response) => {
            let detail = "The request cannot be read as this address expects it.";
            Refused::new(
                response.status(),
                "unreadable",
                "Unreadable request",
                detail,
            )
            .0
        }
        None => return response,
    };
    let mut written = problem.into_response(&headers);
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        written.headers_mut().insert(ALLOW, allow);
    }
    written
}

fn is_plain_refusal(response: &Response) -> bool {
    let is_text = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    is_text && (response.status().is_client_error() || response.status().is_server_error())
}
