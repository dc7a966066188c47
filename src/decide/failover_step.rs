//! Moves tickets that wait for a target which has been unreachable for too long.

use super::batch::{UnreachableTargets, move_waiting};
use super::commit::{report_moved, store};
use super::error::DecideError;
use super::resources::Resources;
use crate::domain::time::Timestamp;
use crate::store::{DecisionBatch, FencingToken};

/// Tickets that move in one transaction.
const MAX_MOVED: usize = 128;
/// Waiting creates that are read at once.
const PAGE: u32 = 1024;

/// Moves waiting tickets in one transaction under `fence`. Returns how many incidents changed.
pub(super) async fn fail_over(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<usize, DecideError> {
    if !resources.settings.fails_over() {
        return Ok(0);
    }
    let now = resources.clock.now();
    let unreachable = UnreachableTargets::of(resources.store.targets_health().await?);
    let stranded = stranded(resources, &unreachable, now).await?;
    if stranded.is_empty() {
        return Ok(0);
    }
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let mut rows = DecisionBatch {
        decided_at: now,
        ..DecisionBatch::default()
    };
    let mut moved = Vec::new();
    for create in stranded {
        if let Some(unopened) = deciding.lock_without_ticket(create, now).await? {
            let from = (&*resources.settings, &unreachable);
            moved.extend(move_waiting(unopened, from, &mut rows));
        }
    }
    let changed = rows.incidents.len();
    if changed > 0 {
        store(resources, deciding, rows).await?;
    }
    report_moved(&resources.metrics, &moved);
    Ok(changed)
}

/// Creates that wait for a target which they are to leave, oldest first.
async fn stranded(
    resources: &Resources,
    unreachable: &UnreachableTargets,
    now: Timestamp,
) -> Result<Vec<i64>, DecideError> {
    let settings = &resources.settings;
    let mut stranded = Vec::new();
    let is_any_reachable = settings
        .targets
        .keys()
        .any(|name| !unreachable.contains(name));
    if !is_any_reachable {
        return Ok(stranded);
    }
    for name in settings
        .targets
        .keys()
        .filter(|name| unreachable.contains(name))
    {
        let mut after = Some(0);
        while let (Some(place), true) = (after, stranded.len() < MAX_MOVED) {
            let (waiting, go_on) = resources
                .store
                .pending_creates(name, place, PAGE, now)
                .await?;
            let to_leave = waiting.into_iter().filter(|one| {
                let candidates = &one.route.candidates;
                unreachable
                    .fail_over(settings, candidates, name, now)
                    .is_some()
            });
            stranded.extend(to_leave.map(|one| one.id));
            after = go_on;
        }
    }
    stranded.truncate(MAX_MOVED);
    Ok(stranded)
}
