//! The answers to a sender, as types: each with its status, its headers and its body.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};

use super::body::BodyFault;
use super::callback_body::CallbackBodyFault;

use super::request_limiter::Rejected;
use super::shedding::Resource;
use crate::http::{Problem, ProblemKind};
use crate::normalise::MAX_ITEMS;
use crate::store::Appended;

/// How long a sender should wait when the cause passes by itself within moments.
const SHORTLY: Duration = Duration::from_secs(1);

/// How long a sender should wait when the cause is the database or a restart.
const SOON: Duration = Duration::from_secs(5);

/// The results of the events of one request, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EventCounts {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) review: u64,
}

impl EventCounts {
    pub(super) fn of(appended: &[Appended]) -> Self {
        let mut counts = Self::default();
        for one in appended {
            match one {
                Appended::Accepted => counts.accepted += 1,
                Appended::Review => counts.review += 1,
                Appended::Duplicate => counts.duplicates += 1,
            }
        }
        counts
    }

    fn into_response(self) -> Response<Body> {
        let Self {
            accepted,
            duplicates,
            review,
        } = self;
        let body =
            format!(r#"{{"accepted":{accepted},"duplicates":{duplicates},"review":{review}}}"#);
        let mut response = json(body);
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }
}

/// The answer to a sender whose request was taken.
#[derive(Debug)]
pub(super) enum Answer {
    Counts(EventCounts),
    /// To Event Grid's handshake: its code.
    Validation(String),
    /// To the handshake of CloudEvents: who may send, and how many requests in a minute.
    Allowed {
        origin: HeaderValue,
        rate: HeaderValue,
    },
}

impl Answer {
    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Counts(counts) => counts.into_response(),
            Self::Validation(code) => {
                json(serde_json::json!({ "validationResponse": code }).to_string())
            }
            Self::Allowed { origin, rate } => {
                let mut response = Response::new(Body::empty());
                let headers = response.headers_mut();
                headers.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
                headers.insert("webhook-allowed-origin", origin);
                headers.insert("webhook-allowed-rate", rate);
                response
            }
        }
    }
}

/// A 200 with a JSON `body`.
pub(super) fn json(body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Why a request was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    NoSuchRoute,
    UnknownSource,
    UnknownTarget,
    NeitherJsonNorXml,
    CallbackBody(CallbackBodyFault),
    WrongMethod,
    ReadOnlyRoute,
    AddressNotAllowed,
    Draining,
    StoreUnavailable,
    ComponentDown(&'static str),
    Body(BodyFault),
    TooManyItems,
    NotAuthenticated {
        challenges: Vec<HeaderValue>,
    },
    KeysUnavailable,
    TooFast {
        wait: Duration,
    },
    Backpressure,
    NotJson {
        problem: String,
    },
    /// A compressed body, which was kept.
    Compressed,
    SignatureUndecidable,
    NotDurable,
    TimedOut,
}

impl From<Rejected> for Refusal {
    fn from(dropped: Rejected) -> Self {
        Self::Body(BodyFault::Rejected(dropped))
    }
}

impl Refusal {
    /// Why it was dropped for other requests or for being slow, as the metrics name it.
    pub(super) fn rejected_for(&self) -> Option<&'static str> {
        let dropped = match self {
            Self::Body(BodyFault::Rejected(dropped)) => dropped,
            Self::Backpressure => return Some("ahead_of_deciding"),
            _ => return None,
        };
        Some(match dropped {
            Rejected::Full(Resource::Slots) => "no_slot",
            Rejected::Full(Resource::Memory) => "no_memory",
            Rejected::Displaced(Resource::Slots) => "slot_needed",
            Rejected::Displaced(Resource::Memory) => "memory_needed",
            Rejected::TooSlow => "too_slow",
        })
    }

    pub(super) fn into_problem(self) -> Problem {
        let problem = Problem::new(self.kind(), self.detail());
        match self {
            Self::WrongMethod => problem.with_header(ALLOW, HeaderValue::from_static("POST")),
            Self::NotAuthenticated { challenges } => {
                challenges.into_iter().fold(problem, |problem, challenge| {
                    problem.with_header(WWW_AUTHENTICATE, challenge)
                })
            }
            Self::ReadOnlyRoute => problem.with_header(ALLOW, HeaderValue::from_static("GET,HEAD")),
            Self::TooFast { wait } => problem.retry_after(wait),
            Self::Body(BodyFault::Rejected(_)) | Self::TimedOut | Self::Backpressure => {
                problem.retry_after(SHORTLY)
            }
            Self::Draining
            | Self::StoreUnavailable
            | Self::ComponentDown(_)
            | Self::KeysUnavailable
            | Self::SignatureUndecidable
            | Self::NotDurable => problem.retry_after(SOON),
            _ => problem,
        }
    }

    /// Status, stable name and title. A refusal that is not the sender's fault is a 5xx or 429:
    /// EventBridge repeats those, and drops other 4xx for good.
    fn kind(&self) -> ProblemKind {
        use StatusCode as S;
        let unavailable = |name, title| (S::SERVICE_UNAVAILABLE, name, title);
        let (status, name, title) = match self {
            Self::NoSuchRoute => (S::NOT_FOUND, "not-found", "Not found"),
            Self::UnknownSource => (S::NOT_FOUND, "unknown-source", "Unknown source"),
            Self::UnknownTarget => (S::NOT_FOUND, "unknown-target", "Unknown target"),
            Self::NeitherJsonNorXml => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "neither-json-nor-xml",
                "Neither JSON nor XML",
            ),
            Self::CallbackBody(CallbackBodyFault::TooMany) => {
                (S::PAYLOAD_TOO_LARGE, "too-many-tickets", "Too many tickets")
            }
            Self::CallbackBody(_) => (S::BAD_REQUEST, "not-a-callback", "Not a callback"),
            Self::WrongMethod | Self::ReadOnlyRoute => {
                (S::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method")
            }
            Self::AddressNotAllowed => (S::FORBIDDEN, "address-not-allowed", "Address not allowed"),
            Self::Body(BodyFault::Compressed) | Self::Compressed => {
                (S::UNSUPPORTED_MEDIA_TYPE, "compressed", "Compressed body")
            }
            Self::Body(BodyFault::TooLong) => (S::PAYLOAD_TOO_LARGE, "too-large", "Body too large"),
            Self::TooManyItems => (S::PAYLOAD_TOO_LARGE, "too-many-events", "Too many events"),
            Self::Body(BodyFault::Broken) => (S::BAD_REQUEST, "broken-body", "Body incomplete"),
            Self::NotJson { .. } => (S::BAD_REQUEST, "not-json", "Not JSON"),
            Self::NotAuthenticated { .. } => {
                (S::UNAUTHORIZED, "not-authenticated", "Not authenticated")
            }
            Self::TooFast { .. } => (S::TOO_MANY_REQUESTS, "too-fast", "Too many requests"),
            Self::Backpressure => (
                S::SERVICE_UNAVAILABLE,
                "ahead-of-deciding",
                "Ahead of deciding",
            ),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "draining", "Stopping"),
            Self::StoreUnavailable | Self::ComponentDown(_) => {
                (S::SERVICE_UNAVAILABLE, "not-ready", "Not ready")
            }
            // 503 here too, not 408: EventBridge does not repeat a 408.
            Self::Body(BodyFault::Rejected(Rejected::TooSlow)) => {
                (S::SERVICE_UNAVAILABLE, "too-slow", "Body too slow")
            }
            Self::Body(BodyFault::Rejected(_)) => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "Overloaded")
            }
            Self::KeysUnavailable => unavailable("keys-unavailable", "Token keys unavailable"),
            Self::SignatureUndecidable => {
                unavailable("signature-undecidable", "Signature not checked")
            }
            Self::NotDurable => (S::SERVICE_UNAVAILABLE, "not-durable", "Event not stored"),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed-out", "Not done in time"),
        };
        ProblemKind {
            status,
            name,
            title,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoSuchRoute => {
                "Webhooks are sent to /webhooks/{source}, callbacks to /callbacks/{target}."
            }
            Self::UnknownSource => "No source of this name is configured.",
            Self::UnknownTarget => "No target of this name takes callbacks.",
            Self::NeitherJsonNorXml => "Send uncompressed JSON or XML with its Content-Type.",
            Self::CallbackBody(fault) => return format!("{fault}."),
            Self::WrongMethod => "This is sent by POST.",
            Self::ReadOnlyRoute => "This address is only read, by GET or HEAD.",
            Self::AddressNotAllowed => "This source may not send from this address.",
            Self::Body(BodyFault::Compressed) => "Send the body without compression.",
            Self::Compressed => "Send the body without compression. It was kept for review.",
            Self::Body(BodyFault::TooLong) => "The body is longer than this server accepts.",
            Self::Body(BodyFault::Broken) => "The body did not come whole.",
            Self::TooManyItems => {
                return format!("Send at most {MAX_ITEMS} events in one request.");
            }
            Self::NotAuthenticated { .. } => "Credentials are missing or wrong.",
            Self::TooFast { .. } => "The source's rate limit is used up; wait and send again.",
            Self::Backpressure => {
                "This source is ahead of deciding; send again when its events are decided on."
            }
            Self::NotJson { problem } => {
                return format!("The body is not JSON ({problem}). It was kept for review.");
            }
            Self::Draining => "The server is stopping; send again.",
            Self::StoreUnavailable => "Events cannot be stored at the moment.",
            Self::ComponentDown(name) => {
                return format!("A part of the server is down and is started again: {name}.");
            }
            Self::Body(BodyFault::Rejected(Rejected::Full(_))) => {
                "Too many requests are being handled; send again."
            }
            Self::Body(BodyFault::Rejected(Rejected::Displaced(_))) => {
                "Too many requests are being handled, and this was the slowest; send again."
            }
            Self::Body(BodyFault::Rejected(Rejected::TooSlow)) => {
                "The body did not come in time; send again."
            }
            Self::KeysUnavailable => {
                "The token cannot be checked because its issuer's keys cannot be had; send again."
            }
            Self::SignatureUndecidable => {
                "The signature cannot be checked because Amazon SNS does not answer; send again."
            }
            Self::NotDurable => "The event could not be stored; send again.",
            Self::TimedOut => "The request was not done in time; send again.",
        }
        .to_owned()
    }
}
