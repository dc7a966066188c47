//! Holds a source back whose events come faster than they can be decided on.
//!
//! Deciding reads the journal in order, so what waits of one source delays every other one. A
//! source that is held back is answered 503 until deciding has caught up. May import: `store`.
//! Must not know: HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{Backlog, Store, StoreError};

/// Rest between two looks. What comes meanwhile may be beyond the limit.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Most events that may wait, and so many are looked at to find whose they are.
const MOST: u32 = 20_000;
/// So few events hold nobody back: about a batch, which deciding takes at once.
const FEW: u64 = 1_024;
/// Events that may wait are those that are decided in this time.
const MOST_MILLIS: u128 = 2_000;
/// How long back speed and growth are measured.
const WINDOW: Duration = Duration::from_secs(5);
/// Deciding that has not moved for so long stands still. Events are better kept then.
const STANDS_AFTER: Duration = Duration::from_secs(5);

/// Which of the configured sources are held back. Cheap to clone; clones see the same.
#[derive(Debug, Clone, Default)]
pub struct HeldBack {
    sources: Arc<BTreeMap<String, Arc<AtomicBool>>>,
}

impl HeldBack {
    /// None of the sources `names` is held back.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let sources = names.into_iter().map(|name| (name, Arc::default()));
        Self {
            sources: Arc::new(sources.collect()),
        }
    }

    /// Follows whether the source `name` is held back.
    pub fn of(&self, name: &str) -> Arc<AtomicBool> {
        self.sources.get(name).map(Arc::clone).unwrap_or_default()
    }

    fn hold(&self, name: &str) {
        let source = self.sources.get(name);
        if source.is_some_and(|held| !held.swap(true, Ordering::Relaxed)) {
            tracing::warn!(
                source = name,
                "the source is ahead of deciding; it is answered 503 until its events are decided on"
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

/// Whoever is held back may send when nobody watches any more, also after a panic.
struct Releasing(HeldBack);

impl Drop for Releasing {
    fn drop(&mut self) {
        self.0.release_all();
    }
}

/// Holds sources back and releases them until `stop`.
pub async fn watch_backlog(store: Store, held_back: HeldBack, stop: CancellationToken) {
    let releasing = Releasing(held_back);
    let mut progress = Progress::new(Instant::now());
    while !stop.is_cancelled() {
        if let Err(error) = look(&store, &releasing.0, &mut progress).await {
            releasing.0.release_all();
            tracing::debug!(%error, "how far deciding is behind cannot be read; it is tried again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(
    store: &Store,
    held_back: &HeldBack,
    progress: &mut Progress,
) -> Result<(), StoreError> {
    // Of a single source nobody else's events wait.
    if held_back.sources.len() < 2 {
        return Ok(());
    }
    let backlog = store.backlog().await?;
    match progress.note(Instant::now(), backlog) {
        Verdict::HoldLargest => {
            let largest = store.largest_part_of_backlog(backlog.decided_to, MOST);
            if let Some(source) = largest.await? {
                held_back.hold(&source);
            }
        }
        Verdict::ReleaseAll => held_back.release_all(),
        Verdict::Leave => {}
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    HoldLargest,
    ReleaseAll,
    Leave,
}

/// What was seen since deciding has been behind.
struct Progress {
    looks: VecDeque<(Instant, Backlog)>,
    moved_at: Instant,
}

impl Progress {
    fn new(now: Instant) -> Self {
        Self {
            looks: VecDeque::new(),
            moved_at: now,
        }
    }

    /// What is to be done at `now`.
    fn note(&mut self, now: Instant, backlog: Backlog) -> Verdict {
        let last = self.looks.back().map(|(_, last)| last.decided_to);
        if backlog.undecided <= FEW || last != Some(backlog.decided_to) {
            self.moved_at = now;
        }
        let stands = now - self.moved_at >= STANDS_AFTER;
        if backlog.undecided <= FEW || stands {
            // Neither the speed nor the growth of such a time says anything.
            self.looks.clear();
            self.looks.push_back((now, backlog));
            return Verdict::ReleaseAll;
        }
        while self.looks.len() > 1 && self.looks.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.looks.pop_front();
        }
        self.looks.push_back((now, backlog));
        match self.looks.front() {
            Some((since, before)) => judge(*before, backlog, now - *since),
            None => Verdict::Leave,
        }
    }
}

/// The backlog `before`, and `now`, so much time after it.
fn judge(before: Backlog, now: Backlog, time: Duration) -> Verdict {
    let decided = u64::try_from(now.decided_to.saturating_sub(before.decided_to)).unwrap_or(0);
    if decided == 0 {
        return Verdict::Leave;
    }
    let in_time = u128::from(decided) * MOST_MILLIS / time.as_millis().max(1);
    let limit = u64::try_from(in_time)
        .unwrap_or(u64::MAX)
        .clamp(2 * FEW, u64::from(MOST));
    // What is left of an outage becomes less: whoever sends meanwhile is not its cause.
    if now.undecided > limit && now.undecided > before.undecided {
        return Verdict::HoldLargest;
    }
    if now.undecided < limit / 2 {
        return Verdict::ReleaseAll;
    }
    Verdict::Leave
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
    fn what_is_decided_within_two_seconds_holds_nobody_back() {
        let idle = backlog(0, 0);
        assert_eq!(judge(idle, backlog(4_000, 7_900), SECOND), Verdict::Leave);
        assert_eq!(
            judge(idle, backlog(4_000, 8_100), SECOND),
            Verdict::HoldLargest
        );
        assert_eq!(
            judge(idle, backlog(4_000, 3_900), SECOND),
            Verdict::ReleaseAll
        );
        assert_eq!(
            judge(idle, backlog(100_000, 20_001), SECOND),
            Verdict::HoldLargest
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
            assert_ne!(progress.note(at, waiting), Verdict::HoldLargest);
        }
        for step in 1..=50_i64 {
            at += LOOK_EVERY;
            let left = 59_000 - 900 * step.unsigned_abs();
            let verdict = progress.note(at, backlog(1_000 * step, left));
            assert_ne!(verdict, Verdict::HoldLargest, "{step}");
        }
    }

    #[test]
    fn whoever_is_held_back_may_send_when_deciding_stands_still() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        progress.note(start, backlog(0, 0));
        let verdict = progress.note(start + SECOND, backlog(1_024, 30_000));
        assert_eq!(verdict, Verdict::HoldLargest);
        let standing = |seconds| (start + SECOND * seconds, backlog(1_024, 30_000));
        let (at, same) = standing(5);
        assert_ne!(progress.note(at, same), Verdict::ReleaseAll);
        let (at, same) = standing(6);
        assert_eq!(progress.note(at, same), Verdict::ReleaseAll);
    }
}
