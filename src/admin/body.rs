//! Bodies that clients send, and answers with a status of their own.

use std::marker::PhantomData;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Refused;
use crate::store::Page;

/// The body of a request.
pub(super) struct Body<T>(pub(super) T);

/// What can be a body.
pub(super) trait Sent: DeserializeOwned {
    /// Ends the sentence "This is not …".
    const IS: &'static str;

    /// What an empty body means; `None`: it is refused.
    fn empty() -> Option<Self> {
        None
    }
}

impl<T: Sent, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| Refused::bad_request("The body breaks off."))?;
        if let (true, Some(empty)) = (body.trim_ascii().is_empty(), T::empty()) {
            return Ok(Self(empty));
        }
        let sent = serde_json::from_slice(&body)
            .map_err(|error| Refused::bad_request(format!("This is not {}: {error}.", T::IS)))?;
        Ok(Self(sent))
    }
}

/// JSON with a status that is not 200.
pub(super) struct Coded<const STATUS: u16, T>(pub(super) T);

impl<const STATUS: u16, T: Serialize> IntoResponse for Coded<STATUS, T> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        (status, Json(self.0)).into_response()
    }
}

/// A list as JSON.
pub(super) struct List<L>(pub(super) L);

impl<L: Serialize> IntoResponse for List<L> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

/// What holds items of one type.
pub(super) trait ListOf {
    type Item;
}

impl<T> ListOf for Page<T> {
    type Item = T;
}

/// JSON that was made elsewhere in the form of `T`.
pub(super) struct Known<T> {
    json: Value,
    form: PhantomData<fn() -> T>,
}

impl<T> Known<T> {
    pub(super) fn new(json: Value) -> Self {
        Self {
            json,
            form: PhantomData,
        }
    }
}

impl<T> IntoResponse for Known<T> {
    fn into_response(self) -> Response {
        Json(self.json).into_response()
    }
}

/// One of two answers.
pub(super) enum Either<A, B> {
    This(A),
    That(B),
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::This(answer) => answer.into_response(),
            Self::That(answer) => answer.into_response(),
        }
    }
}
