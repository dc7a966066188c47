//! Upkeep: checks that the store can commit, deletes old rows in small steps, and gives up what is owed
//! to targets that are gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::lifecycle::{ComponentState, Components};
use crate::rate_limiter::RateLimiter;
use crate::store::{RetentionStep, Store, StoreError};

/// How often a commit is tried.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long such a commit may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// Rest between two runs of retention.
const RETENTION_EVERY: Duration = Duration::from_secs(600);
/// Rest between two looks whether events are to be added to the index of their ids.
const PLACES_EVERY: Duration = Duration::from_secs(10);
/// Rest between two steps of one run, for the journal's writer.
const STEP_PAUSE: Duration = Duration::from_millis(50);
/// After this time without a step, another replica may continue the run.
const RETENTION_LEASE: Duration = Duration::from_secs(60);
/// Rows that one step looks at.
const STEP_ROWS: u32 = 500;
/// Keys of duplicate detection that are deleted in one step.
const STEP_KEYS: u32 = 2000;
/// Keys of duplicate detection that are deleted in one run at most: a clock of the database that
/// is wrong for an hour then costs no more than the oldest of them. Up to 333 events/s over
/// three days their number stays the same.
const MAX_KEYS: u64 = 200_000;
/// An open review item is kept so many times longer than closed rows: it waits for a person, but
/// not for ever.
const OPEN_REVIEWS_KEPT: u32 = 4;

/// How often a replica says that it runs …
const REPLICA_EVERY: Duration = Duration::from_secs(5);
/// … and how long it counts without saying it again.
const REPLICA_LASTS: Duration = Duration::from_secs(15);

/// Divides the limits on the calls to targets among the replicas that run, until `stop`.
pub(crate) async fn share_limits(
    store: Store,
    owner: String,
    limiters: Vec<Arc<RateLimiter>>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        match store.note_replica(&owner, REPLICA_LASTS).await {
            Ok(running) => limiters.iter().for_each(|one| one.share_among(running)),
            Err(error) => {
                tracing::debug!(%error, "the replicas cannot be counted; their last number counts");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(REPLICA_EVERY) => {}
        }
    }
    if let Err(error) = store.forget_replica(&owner).await {
        tracing::debug!(%error, "this replica counts until its lease ends");
    }
}

/// Reports the store as up or down until `stop`.
pub(crate) async fn watch_store(store: Store, components: Components, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let state = match tokio::time::timeout(CHECK_TIMEOUT, store.can_commit()).await {
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

/// Writes where events are, by their senders' ids, sources and targets, until `stop`; some time after they came. Of
/// several replicas one works at a time.
pub(crate) async fn keep_event_places(store: Store, owner: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let rest = match write_event_places(&store, &owner).await {
            Ok(true) => STEP_PAUSE,
            Ok(false) => PLACES_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the index of event ids cannot be written; it is tried again");
                PLACES_EVERY
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

async fn write_event_places(store: &Store, owner: &str) -> Result<bool, StoreError> {
    let lease = store.acquire_lease("event_places", owner, RETENTION_LEASE);
    match lease.await? {
        // Both have their own place: after an upgrade one may be far behind.
        Some(_) => Ok(store.write_event_places().await? | store.write_event_chunks().await?),
        None => Ok(false),
    }
}

/// Gives up what is owed to targets that are not `configured` any more, and says so.
pub(crate) async fn give_up_unconfigured(
    store: &Store,
    configured: &BTreeSet<TargetName>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (target, count) in store.give_up_unconfigured(configured, now).await? {
        tracing::warn!(
            target = target.as_str(),
            count,
            "deliveries are owed to a target that is not configured any more; they are dead letters now. \
             Configure it again and start Ringdown: then they are sent. Or discard them with \
             `ringdown dead-letters discard --all --target NAME`"
        );
    }
    Ok(())
}

/// Deletes closed rows that are older than `retention`, gives up what nobody would send, and deletes the
/// states of entities that were not
/// heard of for `forget_after`, until `stop`. Of several replicas one works
/// at a time: two would do no harm, but wait for each other's rows.
pub(crate) async fn keep_retention(
    store: Store,
    owner: String,
    (retention, forget_after): (Duration, Duration),
    configured: BTreeSet<TargetName>,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        if let Err(error) = give_up_unconfigured(&store, &configured, clock.now()).await {
            tracing::warn!(%error, "what is owed to targets that are not configured cannot be looked for");
        }
        delete_old_rows(&store, &owner, retention, &clock, &stop).await;
        if let Err(error) = delete_expired_keys(&store, &owner, &stop).await {
            tracing::warn!(%error, "old keys of duplicate detection cannot be deleted; it is tried again later");
        }
        let cutoff = clock.now().minus(forget_after);
        if let Err(error) = forget_entities(&store, &owner, cutoff, &stop).await {
            tracing::warn!(%error, "old states of entities cannot be deleted; it is tried again later");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETENTION_EVERY) => {}
        }
    }
}

async fn delete_old_rows(
    store: &Store,
    owner: &str,
    retention: Duration,
    clock: &Clock,
    stop: &CancellationToken,
) {
    let cutoff = clock.now().minus(retention);
    let review_cutoff = clock
        .now()
        .minus(retention.saturating_mul(OPEN_REVIEWS_KEPT));
    let (mut after, mut events, mut incidents, mut reviews) = (0, 0, 0, 0);
    while !stop.is_cancelled() {
        match delete_step(store, owner, after, (cutoff, review_cutoff)).await {
            Ok(None) => break,
            Ok(Some((forgotten, forgotten_reviews))) => {
                events += forgotten.events;
                incidents += forgotten.incidents;
                reviews += forgotten_reviews;
                match forgotten.next_after {
                    Some(next) => after = next,
                    None if forgotten_reviews == u64::from(STEP_ROWS) => {}
                    None => break,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "old events cannot be deleted; retrying later");
                return;
            }
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    if events + incidents > 0 {
        tracing::info!(events, incidents, %cutoff, "deleted old events and incidents");
    }
    if reviews > 0 {
        tracing::warn!(reviews, %review_cutoff, "deleted old review items that no person has handled");
    }
}

/// Deletes keys of duplicate detection that are older than its window, some in each step.
async fn delete_expired_keys(
    store: &Store,
    owner: &str,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let mut keys = 0;
    while !stop.is_cancelled() && keys < MAX_KEYS {
        let lease = store
            .acquire_lease("retention", owner, RETENTION_LEASE)
            .await?;
        if lease.is_none() {
            return Ok(());
        }
        let deleted = store.delete_expired_keys(STEP_KEYS).await?;
        keys += deleted;
        if deleted < u64::from(STEP_KEYS) {
            return Ok(());
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

/// Forgets entities that were last heard of before `cutoff`, some in each step.
async fn forget_entities(
    store: &Store,
    owner: &str,
    cutoff: Timestamp,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let (mut after, mut entities) = (Some(String::new()), 0);
    while let Some(key) = after.take().filter(|_| !stop.is_cancelled()) {
        let lease = store
            .acquire_lease("retention", owner, RETENTION_LEASE)
            .await?;
        if lease.is_none() {
            return Ok(());
        }
        let step = store.forget_entities(&key, cutoff, STEP_ROWS).await?;
        entities += step.entities;
        after = step.next_after;
        tokio::time::sleep(STEP_PAUSE).await;
    }
    if entities > 0 {
        tracing::info!(entities, %cutoff, "forgot entities that were not heard of");
    }
    Ok(())
}

/// One step, if this replica has or gets the lease.
async fn delete_step(
    store: &Store,
    owner: &str,
    after: i64,
    (cutoff, review_cutoff): (Timestamp, Timestamp),
) -> Result<Option<(RetentionStep, u64)>, StoreError> {
    let lease = store
        .acquire_lease("retention", owner, RETENTION_LEASE)
        .await?;
    if lease.is_none() {
        return Ok(None);
    }
    // Review items first: an open item keeps its event.
    let reviews = store
        .delete_expired_reviews(review_cutoff, STEP_ROWS)
        .await?;
    let forgotten = store.delete_expired(after, cutoff, STEP_ROWS).await?;
    Ok(Some((forgotten, reviews)))
}
