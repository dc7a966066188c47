//! What polling remembers, and how it goes on after a failure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Parts;
use super::hearing::Listener;
use crate::domain::polling::Asked;
use crate::domain::time::Timestamp;
use crate::enrichment::{ApiError, FIRST_REST, MAX_REST, PlatformApi, rest_after};
use crate::lifecycle::ComponentState;

/// The name of the Platform API among the services.
const SERVICE: &str = "platform_api";

/// What polling remembers. After a restart everything is asked again.
pub(super) struct Progress {
    pub(super) started_at: Timestamp,
    pub(super) listener: Listener,
    pub(super) api: PlatformApi,
    pub(super) asked: Asked,
    /// Nothing is asked before.
    pub(super) quiet_until: Instant,
    /// Calls that failed the last time, and why.
    problems: BTreeMap<&'static str, String>,
    /// The rest after the next failure.
    rest: Duration,
}

impl Progress {
    /// Nothing was asked yet.
    pub(super) fn new(started_at: Timestamp, listener: Listener, api: PlatformApi) -> Self {
        Self {
            started_at,
            listener,
            api,
            asked: Asked::default(),
            quiet_until: Instant::now(),
            problems: BTreeMap::new(),
            rest: FIRST_REST,
        }
    }

    /// Counts a call, and shows and rests after one that failed. Returns whether other questions may
    /// be asked.
    pub(super) fn note(
        &mut self,
        parts: &Parts,
        call: &'static str,
        problem: Option<&ApiError>,
    ) -> bool {
        let outcome = problem.map_or("ok", ApiError::name);
        parts.metrics.enrichment_call(call, outcome);
        let mut may_go_on = true;
        match problem {
            None => {
                self.problems.remove(call);
                self.rest = FIRST_REST;
            }
            Some(problem) => {
                tracing::warn!(call, %problem, "Genesys Cloud does not tell how things stand");
                self.problems.insert(call, problem.to_string());
                may_go_on = problem.is_about_the_question();
            }
        }
        if let Some(problem) = problem.filter(|_| !may_go_on) {
            self.quiet_until = Instant::now() + rest_after(problem, self.rest);
            self.rest = (self.rest * 2).min(MAX_REST);
        }
        let reason = self.problems.iter().next();
        let state = reason.map(|(call, why)| ComponentState::Down(format!("{call}: {why}")));
        let state = state.unwrap_or(ComponentState::Up);
        parts.components.report_service(SERVICE, state);
        may_go_on
    }
}
