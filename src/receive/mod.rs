//! The public listener: authenticates senders, limits them, and stores events before it answers.
//!
//! `webhook` shows all steps of a request; `receiver` holds those that callbacks share; `items`
//! makes events for the journal of a body, `sns` checks what Amazon SNS sends.
//!
//! Cases that are not obvious are decided so that no authenticated event is lost, and so that a
//! request without a valid credential costs little:
//!
//! - Credentials in headers are checked before the body is read; only a signature needs it.
//! - The rate limit counts only authenticated requests. Each event of a body counts.
//! - Valid JSON that cannot be processed (nested over 128 deep, more than 40,000 values, 1e400,
//!   half a surrogate pair, a bare number) is a review item and a 202. Bytes that are not UTF-8
//!   are stored as `\xNN` in the text. The same unreadable body sent again is not stored again.
//! - The content type does not matter: JSON is read as JSON, and SNS calls it text/plain. What is
//!   not JSON is a 400, a compressed body is a 415, and both are kept for review.
//! - Handshakes are answered only after authentication, and their events are stored like all.
//! - One request holds at most 10,000 events; more is a 413.
//! - A token whose issuer's keys cannot be fetched is a 503, not a 401: the token may be valid.
//! - `X-Forwarded-For` and `Forwarded` must agree where a trusted proxy passes both on.
//! - Each sender has a reserved part of `max_in_flight` and of `body_memory`. Beyond it the slowest
//!   request is dropped with a 503. Anybody can send slow bodies to a source with signatures; they
//!   must not block other senders.
//! - A `Forwarded` header that does not parse completely gives no client address.
//! - A request that is not finished within `request_timeout` is a 503; EventBridge does not repeat
//!   after a 408.

mod answer;
mod auth;
mod body;
mod callback;
mod callback_body;
mod cloud_event;
mod forwarded;
mod in_flight;
mod items;
mod jwks;
mod jwt;
mod key_set;
mod networks;
mod origin;
mod quota;
mod receiver;
mod request_limiter;
mod shedding;
mod sns;
mod source;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use tokio::sync::watch;

pub use auth::AuthSetupError;
pub use jwks::JwksSetupError;
pub use receiver::Callbacks;
pub use sns::TrustedHost;

use crate::backlog::HeldBack;
use crate::clock::Clock;
use crate::http::{Readiness, with_request_id};
use crate::settings::{AuthMethod, ServerSettings, SourceSettings};
use crate::store::Journal;
use crate::telemetry::{Metrics, RateLimitedWarning};
use answer::{Refusal, json};
use auth::Authenticator;
use receiver::{CallbackTarget, Receiver};
use request_limiter::RequestLimiter;
use source::{REFUSALS_LOGGED_EVERY, Source};

/// The dependencies of the public listener.
pub struct ReceiveState {
    pub server: ServerSettings,
    pub sources: BTreeMap<String, SourceSettings>,
    pub journal: Journal,
    /// Which sources are held back.
    pub held_back: HeldBack,
    pub metrics: Metrics,
    /// Whether work is accepted.
    pub readiness: watch::Receiver<Readiness>,
    pub clock: Clock,
    /// The accepted credentials of callbacks, by target; a target that is absent or has none takes
    /// no callbacks.
    pub callback_settings: BTreeMap<String, CallbackSettings>,
    pub callbacks: Callbacks,
    /// Which hosts are Amazon SNS.
    pub sns_host: TrustedHost,
}

/// The checks of a target's callbacks.
#[derive(Debug, Clone)]
pub struct CallbackSettings {
    pub auth: Vec<AuthMethod>,
    /// The record id in a text, as tickets of this target are stored with it.
    pub record_id: fn(&str) -> Option<String>,
}

/// A source that cannot be put into force.
#[derive(Debug, thiserror::Error)]
#[error("{path}.auth: {problem}")]
pub struct ReceiveSetupError {
    path: String,
    problem: AuthSetupError,
}

/// The routes of the public listener. To be served with the peer's address as
/// `ConnectInfo<SocketAddr>`, as [`crate::http::serve`] does.
pub fn router(state: ReceiveState) -> Result<Router, ReceiveSetupError> {
    let clock = state.clock.clone();
    let sources = sources(&state)?;
    let callback_targets = callback_targets(&state, sources.len())?;
    let receiver = Receiver {
        limiter: RequestLimiter::new(&state.server, sources.len() + callback_targets.len()),
        sources,
        callback_targets,
        callbacks: state.callbacks,
        server: state.server,
        journal: state.journal,
        metrics: state.metrics,
        readiness: state.readiness,
        clock: state.clock,
    };
    Ok(Router::new()
        // Every method goes to the one handler, so that a wrong one is counted for its source.
        .route(
            &format!("{}{{source}}", webhook::PREFIX),
            any(webhook::webhook),
        )
        .route(
            &format!("{}{{target}}", callback::PREFIX),
            any(callback::callback),
        )
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(read_only_route)
        .layer(from_fn_with_state(clock, with_request_id))
        .with_state(Arc::new(receiver)))
}

fn sources(state: &ReceiveState) -> Result<BTreeMap<String, Source>, ReceiveSetupError> {
    let numbered = state.sources.iter().enumerate();
    numbered
        .map(|(sender, (name, settings))| {
            let (clock, metrics) = (&state.clock, &state.metrics);
            let source = Source::new(name, sender, settings, clock, metrics, state.sns_host);
            let source = source.map_err(|problem| ReceiveSetupError {
                path: format!("sources.{name}"),
                problem,
            })?;
            Ok((name.clone(), source.held_back_by(state.held_back.of(name))))
        })
        .collect()
}

/// The targets that take callbacks. Their indices among the senders follow those of the `sources`.
fn callback_targets(
    state: &ReceiveState,
    sources: usize,
) -> Result<BTreeMap<String, CallbackTarget>, ReceiveSetupError> {
    let taking = state
        .callback_settings
        .iter()
        .filter(|(_, settings)| !settings.auth.is_empty());
    (sources..)
        .zip(taking)
        .map(|(sender, (name, settings))| {
            let authenticator =
                Authenticator::new(&settings.auth, &state.clock).map_err(|problem| {
                    ReceiveSetupError {
                        path: format!("targets.{name}.callback"),
                        problem,
                    }
                })?;
            let target = CallbackTarget {
                authenticator,
                record_id: settings.record_id,
                sender,
                refusals: RateLimitedWarning::new(REFUSALS_LOGGED_EVERY),
            };
            Ok((name.clone(), target))
        })
        .collect()
}

async fn healthz() -> Response<Body> {
    json(r#"{"status":"ok"}"#)
}

async fn readyz(State(receiver): State<Arc<Receiver>>, request: Request<Body>) -> Response<Body> {
    match receiver.readiness() {
        Ok(()) => json(r#"{"status":"ready"}"#),
        Err(refusal) => refusal.into_problem().into_response(request.headers()),
    }
}

async fn no_such_route(request: Request<Body>) -> Response<Body> {
    Refusal::NoSuchRoute
        .into_problem()
        .into_response(request.headers())
}

async fn read_only_route(request: Request<Body>) -> Response<Body> {
    Refusal::ReadOnlyRoute
        .into_problem()
        .into_response(request.headers())
}
