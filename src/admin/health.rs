//! Metrics, and whether the process runs and takes work. No credential is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::AdminState;
use super::body::{Coded, Either};
use super::signature::{Answer, Signature};
use super::targets::{PauseView, TargetView};
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::lifecycle::{ComponentState, Components};
use crate::store::{DisplayTime, Store, TargetPause};

/// How long an answer of the store is taken for true.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// The state of a target that takes deliveries.
const UP: &str = BreakerState::Up.as_str();
/// How long the store may take; shorter than the time-outs of common load balancers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the store whether it can commit, and how many deliveries wait, at most once a second however
/// many ask.
#[derive(Clone)]
pub struct StoreCheck {
    store: Store,
    components: Components,
    last: Arc<Mutex<Option<LastCheck>>>,
}

struct LastCheck {
    at: Instant,
    stored: Stored,
}

/// What the database says about targets, where it answers.
#[derive(Clone, Default)]
pub(super) struct Stored {
    pauses: Vec<TargetPause>,
    /// How many deliveries wait for each target that is not up.
    waiting: BTreeMap<TargetName, i64>,
}

impl StoreCheck {
    /// A check of `store` that reports to `components`, so that both listeners agree.
    pub fn new(store: Store, components: Components) -> Self {
        Self {
            store,
            components,
            last: Arc::default(),
        }
    }

    /// Brings the component `store` up to date. Returns `targets` with what the database says about
    /// them, where it answers.
    pub(super) async fn refresh(
        &self,
        targets: Vec<TargetView>,
        now: Timestamp,
    ) -> (Vec<TargetView>, BTreeMap<TargetName, i64>) {
        let stored = self.stored(&targets, now).await;
        let targets = targets.into_iter();
        let targets = targets.map(|one| one.with_pause(&stored.pauses)).collect();
        (targets, stored.waiting)
    }

    async fn stored(&self, targets: &[TargetView], now: Timestamp) -> Stored {
        let mut last = self.last.lock().await;
        if let Some(check) = last.as_ref().filter(|one| one.at.elapsed() < FRESH_FOR) {
            return check.stored.clone();
        }
        let state = match tokio::time::timeout(PATIENCE, self.store.can_commit()).await {
            Ok(Ok(())) => ComponentState::Up,
            Ok(Err(error)) => ComponentState::Down(error.to_string()),
            Err(_) => ComponentState::Down("a commit takes longer than 2 s".to_owned()),
        };
        self.components.report("store", state.clone());
        let mut stored = Stored::default();
        // A database that does not answer is a component's matter: it is not asked again.
        if state == ComponentState::Up {
            let pauses = tokio::time::timeout(PATIENCE, self.store.target_pauses(now));
            stored.pauses = pauses.await.ok().and_then(Result::ok).unwrap_or_default();
            let is_paused = |target: &TargetView| {
                let mut pauses = stored.pauses.iter();
                pauses.any(|one| one.target == target.name)
            };
            for target in targets
                .iter()
                .filter(|one| one.state != UP || is_paused(one))
            {
                let count = tokio::time::timeout(PATIENCE, self.store.pending_count(&target.name));
                if let Ok(Ok(count)) = count.await {
                    stored.waiting.insert(target.name.clone(), count);
                }
            }
        }
        *last = Some(LastCheck {
            at: Instant::now(),
            stored: stored.clone(),
        });
        stored
    }
}

/// OpenMetrics text.
pub(super) struct MetricsText(String);

const OPEN_METRICS: &str = "application/openmetrics-text";

impl IntoResponse for MetricsText {
    fn into_response(self) -> Response {
        let kind = format!("{OPEN_METRICS}; version=1.0.0; charset=utf-8");
        ([(CONTENT_TYPE, kind)], self.0).into_response()
    }
}

impl Answer for MetricsText {
    fn describe(signature: &mut Signature) {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let text = Schema::from(text).into();
        signature.answers.push((200, OPEN_METRICS, text));
    }
}

pub(super) async fn metrics(State(state): State<AdminState>) -> MetricsText {
    MetricsText(state.metrics.render())
}

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Running {
    status: &'static str,
}

pub(super) async fn healthz() -> Json<Running> {
    Json(Running { status: "ok" })
}

/// Whether the process takes work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ready`, `not ready`, `draining`.
    status: &'static str,
    components: BTreeMap<String, PartHealth>,
    targets: BTreeMap<String, TargetHealth>,
    /// Services that help and are not needed, where there are any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    services: BTreeMap<String, PartHealth>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PartHealth {
    /// `up` or `down`.
    state: &'static str,
    /// Why it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// Whether a target accepts writes. That says nothing about this process, so it does not change
/// the status.
#[derive(Debug, Serialize, ToSchema)]
struct TargetHealth {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    since: Option<DisplayTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    until: Option<DisplayTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pause: Option<PauseView>,
    /// Deliveries that wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<i64>,
}

/// The process takes no work; a client asks again after a while.
pub(super) struct NotReady(Readiness);

impl IntoResponse for NotReady {
    fn into_response(self) -> Response {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        (status, [(RETRY_AFTER, "5")], Json(self.0)).into_response()
    }
}

impl Answer for NotReady {
    fn describe(signature: &mut Signature) {
        <Coded<503, Readiness> as Answer>::describe(signature);
    }
}

pub(super) async fn readyz(State(state): State<AdminState>) -> Either<Json<Readiness>, NotReady> {
    let now = state.clock.now();
    let targets = state.targets.targets();
    let (targets, waiting) = state.store_check.refresh(targets, now).await;
    let components = state.components.all();
    let mut states = components.values();
    let all_up = states.all(|component| *component == ComponentState::Up);
    let status = match (state.components.is_draining(), all_up) {
        (true, _) => "draining",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let readiness = Readiness {
        status,
        components: parts(components),
        targets: targets
            .iter()
            .map(|target| (target.name.to_string(), target_health(target, &waiting)))
            .collect(),
        services: parts(state.components.services()),
    };
    match status {
        "ready" => Either::This(Json(readiness)),
        _ => Either::That(NotReady(readiness)),
    }
}

fn target_health(target: &TargetView, waiting: &BTreeMap<TargetName, i64>) -> TargetHealth {
    let is_up = target.state == UP;
    TargetHealth {
        state: target.state,
        since: target.since.filter(|_| !is_up),
        until: target.until.filter(|_| !is_up),
        pause: target.pause.clone().filter(|_| !is_up),
        waiting: waiting.get(&target.name).copied().filter(|_| !is_up),
    }
}

fn parts(
    states: impl IntoIterator<Item = (String, ComponentState)>,
) -> BTreeMap<String, PartHealth> {
    let parts = states.into_iter().map(|(name, state)| {
        let (state, reason) = match state {
            ComponentState::Up => ("up", None),
            ComponentState::Down(reason) => ("down", Some(reason)),
        };
        (name, PartHealth { state, reason })
    });
    parts.collect()
}
