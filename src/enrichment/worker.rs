//! Makes the calls: names from time to time, standings when they are wanted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::client::MAX_QUEUES;
use super::{ApiError, Enrichment, PlatformApi, Shared};
use crate::clock::Clock;
use crate::outbound::Redactor;
use crate::settings::EnrichmentSettings;
use crate::telemetry::Metrics;

/// What gathers in this time is asked in one call.
const GATHERING: Duration = Duration::from_millis(50);
/// Rest after a failure; twice as long after each further one.
pub(crate) const FIRST_REST: Duration = Duration::from_secs(5);
/// Longest rest after a failure.
pub(crate) const MAX_REST: Duration = Duration::from_secs(300);
/// Longest rest that Genesys Cloud can ask for.
const MAX_STATED_REST: Duration = Duration::from_secs(3600);

/// Asks the Platform API on behalf of an [`Enrichment`].
#[derive(Clone)]
pub(crate) struct EnrichmentWorker {
    shared: Arc<Shared>,
    api: PlatformApi,
    metrics: Metrics,
    clock: Clock,
    names_every: Duration,
    fresh_for: Duration,
    rest: Duration,
    names_at: Instant,
    quiet_until: Instant,
}

impl EnrichmentWorker {
    /// A worker for `enrichment`; `None` where that is the default one, which asks nobody.
    pub(crate) fn new(
        enrichment: &Enrichment,
        settings: &EnrichmentSettings,
        redactor: &Redactor,
        metrics: Metrics,
        clock: Clock,
    ) -> std::io::Result<Option<Self>> {
        let Some(shared) = enrichment.shared.clone() else {
            return Ok(None);
        };
        let now = Instant::now();
        Ok(Some(Self {
            shared,
            api: PlatformApi::new(settings, redactor, clock.clone())?,
            metrics,
            clock,
            names_every: settings.names_every,
            fresh_for: settings.fresh_for,
            rest: FIRST_REST,
            names_at: now,
            quiet_until: now,
        }))
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut asked = self.shared.asked.subscribe();
        while !stop.is_cancelled() {
            let now = Instant::now();
            if now >= self.quiet_until {
                if now >= self.names_at {
                    self.read_names().await;
                }
                self.read_standings(&stop).await;
            }
            let wake_at = self.names_at.max(self.quiet_until);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(wake_at) => {}
                _ = asked.changed() => {}
            }
            if Instant::now() < self.quiet_until {
                // Nobody is asked now; what is wanted meanwhile would be stale by then.
                self.shared.take_wanted(usize::MAX);
            }
        }
    }

    async fn read_names(&mut self) {
        let (mut names, problem) = self.api.names().await;
        self.note("names", problem.as_ref());
        if problem.is_some() {
            // What could not be read stays as it was.
            let before = {
                let kept = self.shared.names.read();
                Arc::clone(&kept.unwrap_or_else(std::sync::PoisonError::into_inner))
            };
            if names.queues.is_empty() {
                names.queues.clone_from(&before.queues);
            }
            if names.trunks.is_empty() {
                names.trunks.clone_from(&before.trunks);
            }
            if names.edges.is_empty() {
                names.edges.clone_from(&before.edges);
            }
        }
        self.shared.keep_names(names);
        self.names_at = match problem {
            Some(_) => self.quiet_until,
            None => Instant::now() + self.names_every,
        };
    }

    async fn read_standings(&mut self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(GATHERING) => {}
            }
            let queues = self.shared.take_wanted(MAX_QUEUES);
            if queues.is_empty() {
                return;
            }
            let answer = self.api.standings(&queues).await;
            self.note("standings", answer.as_ref().err());
            match answer {
                Ok(standings) => {
                    let stale_before = self.clock.now().minus(self.fresh_for);
                    self.shared.keep_standings(standings, stale_before);
                }
                Err(_) => return,
            }
        }
    }

    /// Counts a call, and rests after one that failed.
    fn note(&mut self, call: &str, problem: Option<&ApiError>) {
        self.metrics
            .enrichment_call(call, problem.map_or("ok", ApiError::name));
        let Some(problem) = problem else {
            self.rest = FIRST_REST;
            return;
        };
        let rest = rest_after(problem, self.rest);
        self.rest = (self.rest * 2).min(MAX_REST);
        self.quiet_until = Instant::now() + rest;
        tracing::warn!(call, %problem, "tickets go without what Genesys Cloud knows for a while");
    }
}

/// How long to rest after `problem`, where it would be `usual`.
pub(crate) fn rest_after(problem: &ApiError, usual: Duration) -> Duration {
    match problem {
        ApiError::TooFast { wait } => (*wait).clamp(FIRST_REST, MAX_STATED_REST),
        _ => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_as_long_as_was_asked_for_within_reason() {
        let rest = |seconds| {
            let wait = Duration::from_secs(seconds);
            rest_after(&ApiError::TooFast { wait }, FIRST_REST)
        };
        assert_eq!(rest(0), FIRST_REST);
        assert_eq!(rest(60), Duration::from_secs(60));
        assert_eq!(rest(u64::MAX), MAX_STATED_REST);
    }
}
