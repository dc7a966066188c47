//! Reads the status page, and appends how the region stands.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::page::{OPERATIONAL, PageState, state_of};
use super::{Parts, PollError, event_id};
use crate::domain::entity::Entity;
use crate::domain::polling::{STATUS_ENTITY, STATUS_EVENT, STATUS_SOURCE};
use crate::domain::signal::Signal;
use crate::domain::time::Timestamp;
use crate::lifecycle::ComponentState;
use crate::normalise::{Format, Outcome, normalise};
use crate::settings::EnrichmentSettings;
use crate::store::NewEvent;
use crate::targets::http::Client;

/// How often lasting trouble is told again.
const REPEAT_AFTER: Duration = Duration::from_secs(300);
/// Longest rest after a failure.
const MAX_REST: Duration = Duration::from_secs(1_800);
/// How long the lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(60);
const SUMMARY: &str = "/api/v2/summary.json";
/// The name of the page among the services, and of its calls in metrics.
const SERVICE: &str = "status_page";

/// What reading the page needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusPageWorker {
    http: Client,
    summary: Url,
    names: Vec<String>,
    every: Duration,
    format: Format,
    parts: Parts,
}

impl StatusPageWorker {
    /// A worker; `None` where the settings name no page.
    pub(crate) fn new(
        settings: &EnrichmentSettings,
        parts: Parts,
    ) -> std::io::Result<Option<Self>> {
        let Some(mut summary) = settings.status_page.clone() else {
            return Ok(None);
        };
        summary.set_path(SUMMARY);
        Ok(Some(Self {
            http: Client::new(settings.timeout, &parts.redactor)?,
            summary,
            names: settings.status_components.clone(),
            every: settings.status_every,
            format: settings.status_format.clone(),
            parts,
        }))
    }

    /// Reads the page from time to time until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut told_at = None;
        let mut rest = self.every;
        while !stop.is_cancelled() {
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = self.look(&mut told_at) => read,
            };
            rest = match read {
                Ok(true) => self.every,
                // The page, or our network, is in trouble.
                Ok(false) => (rest * 2).min(MAX_REST.max(self.every)),
                Err(error) => {
                    tracing::warn!(%error, "what the status page says cannot be kept; retrying");
                    self.every
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Reads the page, and tells what is new; `false` when it could not be read.
    async fn look(&self, told_at: &mut Option<Timestamp>) -> Result<bool, PollError> {
        if self.parts.store.is_shared() {
            let lease = LEASE.max(self.every * 2);
            let lease = self
                .parts
                .store
                .acquire_lease(STATUS_SOURCE, &self.parts.owner, lease);
            if lease.await?.is_none() {
                return Ok(true);
            }
        }
        let now = self.parts.clock.now();
        let state = match self.read().await {
            Ok(state) => state,
            Err((outcome, problem)) => {
                self.parts.metrics.enrichment_call(SERVICE, outcome);
                tracing::warn!(problem, "the status page cannot be read");
                let state = ComponentState::Down(problem);
                self.parts.components.report_service(SERVICE, state);
                return Ok(false);
            }
        };
        self.parts.metrics.enrichment_call(SERVICE, "ok");
        self.parts
            .components
            .report_service(SERVICE, ComponentState::Up);
        let is_due = told_at.is_none_or(|at| now.since(at) >= REPEAT_AFTER || at > now);
        let lasts = state.status != OPERATIONAL && is_due;
        let (event, is_known) = self.event(&state, now).await?;
        if lasts || !is_known {
            self.parts.journal.append(vec![event]).await?;
            self.parts.metrics.events(STATUS_SOURCE, "accepted", 1);
            *told_at = Some(now);
        }
        Ok(true)
    }

    /// The state of the page; the error has a name for metrics.
    async fn read(&self) -> Result<PageState, (&'static str, String)> {
        let answer = self.http.send(self.http.get(self.summary.clone())).await;
        let answer = answer.map_err(|failure| ("network_failure", failure.to_string()))?;
        if !answer.is_success() {
            let problem = format!("HTTP {}: {}", answer.status, answer.excerpt());
            return Err(("integration_failure", problem));
        }
        let summary = answer.json().unwrap_or_default();
        state_of(&summary, &self.names).map_err(|problem| ("schema_mismatch", problem))
    }

    /// The event, and whether all that it tells is known already.
    async fn event(
        &self,
        state: &PageState,
        now: Timestamp,
    ) -> Result<(NewEvent, bool), PollError> {
        let content = format!("{} {}", state.status, state.detail);
        let id = event_id(STATUS_SOURCE, STATUS_ENTITY, now, &content);
        let body = json!({
            "id": id, "type": STATUS_EVENT, "timestamp": now.to_string(),
            "entity": STATUS_ENTITY, "name": self.names.join(", "),
            "status": state.status, "detail": state.detail,
        });
        let signals = match normalise(&self.format, &body, now).outcome {
            Outcome::Signals(signals) => signals,
            Outcome::Nothing(_) | Outcome::Mismatch(_) => Vec::new(),
        };
        let event = NewEvent {
            source: STATUS_SOURCE.into(),
            event_id: id,
            received_at: now,
            body: body.to_string(),
            review: None,
            meaning: None,
        };
        Ok((event, self.knows(&signals).await?))
    }

    async fn knows(&self, signals: &[Signal]) -> Result<bool, PollError> {
        for signal in signals {
            let Some(entity) = Entity::of(signal) else {
                continue;
            };
            let key = entity.key(STATUS_SOURCE);
            let states = self.parts.store.load_entities(&[&key]).await?.states;
            let state = states.get(&key);
            if !state.is_some_and(|state| state.agrees_with(&entity, signal)) {
                return Ok(false);
            }
        }
        Ok(!signals.is_empty())
    }
}
