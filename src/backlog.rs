//! Backpressure: holds a source back whose events arrive faster than they are decided.
//!
//! Deciding reads the journal in order, so the waiting events of one source delay all others. A
//! source that is held back gets the answer 503 until deciding has caught up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{Backlog, Store, StoreError};

/// Rest between two checks. Events that arrive meanwhile may exceed the limit.
const CHECK_EVERY: Duration = Duration::from_millis(100);
/// Events that may wait. As many are read to find the source with most of them.
const MAX_WAITING: u32 = 20_000;
/// With so few waiting events no source is held back: that is about one batch.
const MIN_WAITING: u64 = 1_024;
/// The events that may wait are those that are decided in this time.
const MAX_DELAY_MILLIS: u128 = 2_000;
/// Speed and growth are measured over this time.
const WINDOW: Duration = Duration::from_secs(5);
/// Deciding that has not advanced for so long is stalled. Refusing events would not help then.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Which of the configured sources are held back. Cheap to clone; clones see the same.
#[derive(Debug, Clone, Default)]
pub struct HeldBack {
    sources: Arc<BTreeMap<String, Arc<AtomicBool>>>,
}

impl HeldBack {
    /// With none of the sources `names` held back.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let sources = names.into_iter().map(|name| (name, Arc::default()));
        Self {
            sources: Arc::new(sources.collect()),
        }
    }

    /// A flag that follows whether the source `name` is held back.
    pub fn of(&self, name: &str) -> Arc<AtomicBool> {
        self.sources.get(name).map(Arc::clone).unwrap_or_default()
    }

    fn hold(&self, name: &str) {
        let source = self.sources.get(name);
        if source.is_some_and(|held| !held.swap(true, Ordering::Relaxed)) {
            tracing::warn!(
                source = name,
                "the source sends faster than its events are decided; it is answered 503 until deciding has caught up"
            );
        }
    }

    fn release_all(&self) {
        for (name, held) in self.sources.iter() {
            if held.swap(false, Ordering::Relaxed) {
                tracing::info!(source = name, "the source may send again");
            }
        }
    }
}

/// Releases all sources when nothing watches the backlog any more, also after a panic.
struct ReleaseOnDrop(HeldBack);

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        self.0.release_all();
    }
}

/// Holds sources back and releases them until `stop`.
pub async fn watch_backlog(store: Store, held_back: HeldBack, stop: CancellationToken) {
    let guard = ReleaseOnDrop(held_back);
    let mut progress = Progress::new(Instant::now());
    while !stop.is_cancelled() {
        if let Err(error) = check(&store, &guard.0, &mut progress).await {
            guard.0.release_all();
            tracing::debug!(%error, "the backlog cannot be read; retrying");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
    }
}

async fn check(
    store: &Store,
    held_back: &HeldBack,
    progress: &mut Progress,
) -> Result<(), StoreError> {
    // A single source delays no other one.
    if held_back.sources.len() < 2 {
        return Ok(());
    }
    let backlog = store.backlog().await?;
    match progress.observe(Instant::now(), backlog) {
        Action::HoldLargest => {
            let largest = store.largest_part_of_backlog(backlog.decided_to, MAX_WAITING);
            if let Some(source) = largest.await? {
                held_back.hold(&source);
            }
        }
        Action::ReleaseAll => held_back.release_all(),
        Action::Leave => {}
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    HoldLargest,
    ReleaseAll,
    Leave,
}

/// The backlogs of the last `WINDOW`.
struct Progress {
    observed: VecDeque<(Instant, Backlog)>,
    moved_at: Instant,
}

impl Progress {
    fn new(now: Instant) -> Self {
        Self {
            observed: VecDeque::new(),
            moved_at: now,
        }
    }

    fn observe(&mut self, now: Instant, backlog: Backlog) -> Action {
        let last = self.observed.back().map(|(_, last)| last.decided_to);
        if backlog.undecided <= MIN_WAITING || last != Some(backlog.decided_to) {
            self.moved_at = now;
        }
        let is_stalled = now - self.moved_at >= STALLED_AFTER;
        if backlog.undecided <= MIN_WAITING || is_stalled {
            // The speed and the growth of such a time say nothing.
            self.observed.clear();
            self.observed.push_back((now, backlog));
            return Action::ReleaseAll;
        }
        while self.observed.len() > 1
            && self
                .observed
                .front()
                .is_some_and(|(at, _)| now - *at > WINDOW)
        {
            self.observed.pop_front();
        }
        self.observed.push_back((now, backlog));
        match self.observed.front() {
            Some((since, before)) => compare(*before, backlog, now - *since),
            None => Action::Leave,
        }
    }
}

/// Compares two backlogs, `now` measured `time` after `before`.
fn compare(before: Backlog, now: Backlog, time: Duration) -> Action {
    let decided = u64::try_from(now.decided_to.saturating_sub(before.decided_to)).unwrap_or(0);
    if decided == 0 {
        return Action::Leave;
    }
    let in_time = u128::from(decided) * MAX_DELAY_MILLIS / time.as_millis().max(1);
    let limit = u64::try_from(in_time)
        .unwrap_or(u64::MAX)
        .clamp(2 * MIN_WAITING, u64::from(MAX_WAITING));
    // A backlog that shrinks comes from a standstill: the source that sends now is not its cause.
    if now.undecided > limit && now.undecided > before.undecided {
        return Action::HoldLargest;
    }
    if now.undecided < limit / 2 {
        return Action::ReleaseAll;
    }
    Action::Leave
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backlog(decided_to: i64, undecided: u64) -> Backlog {
        Backlog {
            decided_to,
            undecided,
        }
    }

    #[test]
    fn what_is_decided_within_two_seconds_holds_no_source_back() {
        let idle = backlog(0, 0);
        assert_eq!(compare(idle, backlog(4_000, 7_900), SECOND), Action::Leave);
        assert_eq!(
            compare(idle, backlog(4_000, 8_100), SECOND),
            Action::HoldLargest
        );
        assert_eq!(
            compare(idle, backlog(4_000, 3_900), SECOND),
            Action::ReleaseAll
        );
        assert_eq!(
            compare(idle, backlog(100_000, 20_001), SECOND),
            Action::HoldLargest
        );
    }

    #[test]
    fn nobody_is_held_back_for_what_an_outage_has_left() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        let mut at = start;
        for second in 0..60 {
            at = start + SECOND * second;
            let waiting = backlog(0, 1_000 * u64::from(second));
            assert_ne!(progress.observe(at, waiting), Action::HoldLargest);
        }
        for step in 1..=50_i64 {
            at += CHECK_EVERY;
            let left = 59_000 - 900 * step.unsigned_abs();
            let action = progress.observe(at, backlog(1_000 * step, left));
            assert_ne!(action, Action::HoldLargest, "{step}");
        }
    }

    #[test]
    fn whoever_is_held_back_may_send_when_deciding_stands_still() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        progress.observe(start, backlog(0, 0));
        let action = progress.observe(start + SECOND, backlog(1_024, 30_000));
        assert_eq!(action, Action::HoldLargest);
        let standing = |seconds| (start + SECOND * seconds, backlog(1_024, 30_000));
        let (at, same) = standing(5);
        assert_ne!(progress.observe(at, same), Action::ReleaseAll);
        let (at, same) = standing(6);
        assert_eq!(progress.observe(at, same), Action::ReleaseAll);
    }
}
