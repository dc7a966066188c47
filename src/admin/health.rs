//! Metrics, and whether the process runs and takes work. No credential is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::AdminState;
use super::targets::TargetView;
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::lifecycle::{ComponentState, Components};
use crate::store::{Store, TargetPause};

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

pub(super) async fn metrics(State(state): State<AdminState>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, OPEN_METRICS)], state.metrics.render()).into_response()
}

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(super) async fn readyz(State(state): State<AdminState>) -> Response {
    let now = state.clock.now();
    let targets = state.targets.targets();
    let (targets, waiting) = state.store_check.refresh(targets, now).await;
    let draining = state.components.is_draining();
    let components = state.components.all();
    let all_up = components
        .values()
        .all(|component| *component == ComponentState::Up);
    let (status, word) = match (draining, all_up) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, true) => (StatusCode::OK, "ready"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let components: Map<String, Value> = components
        .into_iter()
        .map(|(name, state)| (name, component_json(&state)))
        .collect();
    let mut body = json!({ "status": word, "components": components,
        "targets": targets_json(&targets, &waiting) });
    let services = state.components.services();
    if !services.is_empty() {
        let services = services.iter();
        let services = services.map(|(name, state)| (name.clone(), component_json(state)));
        body["services"] = services.collect::<Map<_, _>>().into();
    }
    let body = Json(body);
    if status == StatusCode::OK {
        return body.into_response();
    }
    (status, [(RETRY_AFTER, "5")], body).into_response()
}

/// Whether each target accepts writes. That says nothing about this process, so it does not change
/// the status.
fn targets_json(targets: &[TargetView], waiting: &BTreeMap<TargetName, i64>) -> Map<String, Value> {
    let mut all = Map::new();
    for target in targets {
        let mut shown = json!({ "state": target.state });
        if target.state != UP {
            shown["since"] = json!(target.since);
            shown["until"] = json!(target.until);
            if let Some(pause) = &target.pause {
                shown["pause"] = json!(pause);
            }
            if let Some(count) = waiting.get(&target.name) {
                shown["waiting"] = json!(count);
            }
        }
        all.insert(target.name.to_string(), shown);
    }
    all
}

fn component_json(state: &ComponentState) -> Value {
    match state {
        ComponentState::Up => json!({ "state": "up" }),
        ComponentState::Down(reason) => json!({ "state": "down", "reason": reason }),
    }
}
