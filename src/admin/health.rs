//! Metrics, and whether the process runs and takes work. No credential is asked for.

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
use crate::lifecycle::{ComponentState, Components};
use crate::store::Store;

/// How long an answer of the store is taken for true.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How long the store may take; shorter than the time-outs of common load balancers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the store whether it can commit, at most once a second however many ask.
#[derive(Clone)]
pub struct StoreCheck {
    store: Store,
    components: Components,
    asked_at: Arc<Mutex<Option<Instant>>>,
}

impl StoreCheck {
    /// A check of `store` that reports to `components`, so that both listeners agree.
    pub fn new(store: Store, components: Components) -> Self {
        Self {
            store,
            components,
            asked_at: Arc::default(),
        }
    }

    /// Brings the component `store` up to date.
    pub async fn refresh(&self) {
        let mut asked_at = self.asked_at.lock().await;
        if asked_at.is_some_and(|at| at.elapsed() < FRESH_FOR) {
            return;
        }
        let state = match tokio::time::timeout(PATIENCE, self.store.can_commit()).await {
            Ok(Ok(())) => ComponentState::Up,
            Ok(Err(error)) => ComponentState::Down(error.to_string()),
            Err(_) => ComponentState::Down("a commit takes longer than 2 s".to_owned()),
        };
        self.components.report("store", state);
        *asked_at = Some(Instant::now());
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
    state.store_check.refresh().await;
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
    let targets = targets(&state).await;
    let body = Json(json!({ "status": word, "components": components, "targets": targets }));
    if status == StatusCode::OK {
        return body.into_response();
    }
    (status, [(RETRY_AFTER, "5")], body).into_response()
}

/// Whether each target accepts writes. That says nothing about this process, so it does not change
/// the status.
async fn targets(state: &AdminState) -> Map<String, Value> {
    let mut targets = Map::new();
    for target in state.targets.targets() {
        let mut shown = json!({ "state": target.state });
        if target.state != "up" {
            shown["since"] = json!(target.since);
            shown["until"] = json!(target.until);
            // A database that does not answer is reported under `components`.
            let count = tokio::time::timeout(PATIENCE, state.store.pending_count(&target.name));
            if let Ok(Ok(count)) = count.await {
                shown["waiting"] = json!(count);
            }
        }
        targets.insert(target.name.to_string(), shown);
    }
    targets
}

fn component_json(state: &ComponentState) -> Value {
    match state {
        ComponentState::Up => json!({ "state": "up" }),
        ComponentState::Down(reason) => json!({ "state": "down", "reason": reason }),
    }
}
