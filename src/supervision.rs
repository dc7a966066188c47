//! Supervision: a component that dies is reported as down and started again.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fault_points;
use crate::lifecycle::{ComponentState, Components};
use crate::telemetry::Metrics;
use crate::telemetry::panics::{CaughtPanic, catch_panic};

/// When a task is started again, and when it counts as healthy.
#[derive(Debug, Clone, Copy)]
struct RestartPolicy {
    /// Wait before the first restart; doubled for each further one.
    first_wait: Duration,
    max_wait: Duration,
    /// A restarted task that has run for so long is up.
    healthy_after: Duration,
    /// A task that has run for so long restarts with the first wait when it dies again.
    stable_after: Duration,
}

const RESTARTS: RestartPolicy = RestartPolicy {
    first_wait: Duration::from_millis(250),
    max_wait: Duration::from_secs(30),
    healthy_after: Duration::from_secs(1),
    stable_after: Duration::from_secs(60),
};

/// Restarts tasks that end before they should. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor {
    components: Components,
    metrics: Metrics,
    policy: RestartPolicy,
}

impl Supervisor {
    pub const fn new(components: Components, metrics: Metrics) -> Self {
        Self {
            components,
            metrics,
            policy: RESTARTS,
        }
    }

    /// Runs the task that `start` makes as the component `name` on `tracker`, until `stop`. When it
    /// panics or ends before that, the component is down until a new task has run for a second.
    ///
    /// A restarted task finds leases and claims of the earlier one in the database. They are owned
    /// by this process: it takes them over, or they run out.
    pub fn spawn<F, T>(
        &self,
        tracker: &TaskTracker,
        name: &str,
        stop: &CancellationToken,
        mut start: F,
    ) where
        F: FnMut() -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        self.components.report(name, ComponentState::Up);
        let restarts = self.metrics.task_restarts(name);
        let (components, policy) = (self.components.clone(), self.policy);
        let (name, stop) = (name.to_owned(), stop.clone());
        tracker.spawn(async move {
            let mut failures = 0;
            loop {
                let started = Instant::now();
                let task = async {
                    fault_points::reach(&format!("run {name}"));
                    start().await;
                };
                let ended = run(task, policy.healthy_after, || {
                    if failures > 0 {
                        components.report(&name, ComponentState::Up);
                    }
                })
                .await;
                if stop.is_cancelled() && ended.is_ok() {
                    return;
                }
                components.report(&name, ComponentState::Down(reason(&ended).to_owned()));
                if started.elapsed() >= policy.stable_after {
                    failures = 0;
                }
                let wait = policy.wait_after(failures);
                failures += 1;
                log(&name, ended, wait);
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => restarts.inc(),
                };
            }
        });
    }
}

impl RestartPolicy {
    fn wait_after(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures);
        self.first_wait.saturating_mul(factor).min(self.max_wait)
    }
}

/// Runs `task` to its end, and calls `healthy` when it has run for `healthy_after`.
async fn run(
    task: impl Future<Output = ()>,
    healthy_after: Duration,
    healthy: impl FnOnce(),
) -> Result<(), CaughtPanic> {
    let mut task = pin!(catch_panic(task));
    tokio::select! {
        biased;
        ended = &mut task => return ended,
        () = tokio::time::sleep(healthy_after) => healthy(),
    }
    task.await
}

const fn reason(ended: &Result<(), CaughtPanic>) -> &'static str {
    match ended {
        Ok(()) => "it ended by itself",
        Err(_) => "it panicked",
    }
}

fn log(name: &str, ended: Result<(), CaughtPanic>, wait: Duration) {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    match ended {
        Ok(()) => tracing::error!(
            component = name,
            wait_ms,
            "a part of the process ended by itself; it is restarted"
        ),
        Err(CaughtPanic { location, message }) => tracing::error!(
            component = name,
            location,
            panic = message,
            wait_ms,
            "a part of the process panicked; it is restarted"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    struct Ground {
        components: Components,
        supervisor: Supervisor,
        metrics: Metrics,
        tracker: TaskTracker,
        stop: CancellationToken,
        starts: Arc<AtomicU32>,
    }

    impl Ground {
        fn new(first_wait: Duration) -> Self {
            let (components, metrics) = (Components::default(), Metrics::new());
            let mut supervisor = Supervisor::new(components.clone(), metrics.clone());
            supervisor.policy = RestartPolicy {
                first_wait,
                healthy_after: Duration::from_millis(100),
                ..RESTARTS
            };
            Self {
                supervisor,
                components,
                metrics,
                tracker: TaskTracker::new(),
                stop: CancellationToken::new(),
                starts: Arc::default(),
            }
        }

        /// Starts a decider that panics the first `panics` times.
        fn decider(&self, panics: u32) {
            let (starts, stop) = (Arc::clone(&self.starts), self.stop.clone());
            self.supervisor
                .spawn(&self.tracker, "decider", &self.stop, move || {
                    let (starts, stop) = (Arc::clone(&starts), stop.clone());
                    async move {
                        assert!(starts.fetch_add(1, Ordering::SeqCst) >= panics, "boom");
                        stop.cancelled().await;
                    }
                });
        }

        fn state(&self) -> Option<ComponentState> {
            self.components.all().get("decider").cloned()
        }

        async fn until(&self, what: &str, holds: impl Fn() -> bool) {
            let end = Instant::now() + PATIENCE;
            while !holds() {
                assert!(Instant::now() < end, "waited in vain until {what}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }

        async fn end(&self) {
            self.stop.cancel();
            self.components.drain();
            self.tracker.close();
            tokio::time::timeout(PATIENCE, self.tracker.wait())
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_takes_readiness_down_until_its_successor_has_proven_itself() {
        let ground = Ground::new(Duration::from_millis(50));
        ground.decider(2);
        assert!(ground.components.readiness().is_ready());
        let is_ready = || ground.components.readiness().is_ready();
        ground.until("it is down", || !is_ready()).await;
        let Some(ComponentState::Down(reason)) = ground.state() else {
            panic!("{:?}", ground.state());
        };
        assert!(reason.contains("panicked"), "{reason}");
        ground.until("it is up again", is_ready).await;
        assert_eq!(ground.starts.load(Ordering::SeqCst), 3);
        assert_eq!(ground.metrics.task_restarts("decider").get(), 2);
        ground.end().await;
    }

    #[tokio::test]
    async fn a_task_that_ends_when_told_is_no_failure() {
        let ground = Ground::new(Duration::from_millis(50));
        ground.decider(0);
        ground.end().await;
        assert_eq!(ground.state(), Some(ComponentState::Up));
        assert_eq!(ground.metrics.task_restarts("decider").get(), 0);
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_restart() {
        let ground = Ground::new(Duration::from_secs(3_600));
        ground.decider(1);
        ground
            .until("it is down", || ground.state() != Some(ComponentState::Up))
            .await;
        ground.end().await;
        assert_eq!(ground.starts.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_task_that_dies_again_and_again_is_started_ever_more_rarely() {
        let waits = [0, 1, 2, 6, 7, 100].map(|failures| RESTARTS.wait_after(failures).as_millis());
        assert_eq!(waits, [250, 500, 1_000, 16_000, 30_000, 30_000]);
    }
}
