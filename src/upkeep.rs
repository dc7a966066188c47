//! Upkeep: checks that the store can commit, and deletes what is old, in small steps.
//!
//! May import: `clock`, `domain::time`, `lifecycle`, `store`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::lifecycle::{ComponentState, Components};
use crate::store::{Forgotten, Store, StoreError};

/// How often the store is asked to commit.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long such a commit may take.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);
/// Rest between two runs of retention.
const RETENTION_EVERY: Duration = Duration::from_secs(600);
/// Rest between two steps of one run, so that the writer is hardly disturbed.
const STEP_PAUSE: Duration = Duration::from_millis(50);
/// Longest that one step may take before another replica may go on with it.
const RETENTION_LEASE: Duration = Duration::from_secs(60);
/// Rows looked at in one step.
const STEP_ROWS: u32 = 500;

/// Reports the store as up or down until `stop`.
pub async fn watch_store(store: Store, components: Components, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let state = match tokio::time::timeout(CHECK_PATIENCE, store.can_commit()).await {
            Ok(Ok(())) => ComponentState::Up,
            Ok(Err(error)) => ComponentState::Down(error.to_string()),
            Err(_) => ComponentState::Down("a commit takes longer than 5 s".to_owned()),
        };
        components.report("store", state);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
    }
}

/// Deletes what is settled and older than `retention`, until `stop`. Of several replicas one
/// does it at a time: two would do no harm, but wait for each other's rows.
pub async fn keep_retention(
    store: Store,
    owner: String,
    retention: Duration,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        forget_once(&store, &owner, retention, &clock, &stop).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETENTION_EVERY) => {}
        }
    }
}

async fn forget_once(
    store: &Store,
    owner: &str,
    retention: Duration,
    clock: &Clock,
    stop: &CancellationToken,
) {
    let cutoff = clock.now().minus(retention);
    let (mut after, mut events, mut incidents) = (0, 0, 0);
    while !stop.is_cancelled() {
        match forget_step(store, owner, after, cutoff).await {
            Ok(None) => break,
            Ok(Some(forgotten)) => {
                events += forgotten.events;
                incidents += forgotten.incidents;
                match forgotten.next_after {
                    Some(next) => after = next,
                    None => break,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "old events cannot be deleted; it is tried again later");
                return;
            }
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    if events + incidents > 0 {
        tracing::info!(events, incidents, %cutoff, "deleted what was settled and old");
    }
}

/// One step, if this replica has or gets the lease on it.
async fn forget_step(
    store: &Store,
    owner: &str,
    after: i64,
    cutoff: Timestamp,
) -> Result<Option<Forgotten>, StoreError> {
    let lease = store
        .take_lease("retention", owner, RETENTION_LEASE)
        .await?;
    if lease.is_none() {
        return Ok(None);
    }
    store.forget(after, cutoff, STEP_ROWS).await.map(Some)
}
