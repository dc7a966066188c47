//! When a run of digests is deleted. Pure.

use std::time::Duration;

use super::run::Run;
use crate::domain::time::Timestamp;

/// How long a repetition is recognised at least. EventBridge repeats a request for 24 hours; the
/// rest is for a sender that is started again after a weekend.
pub(super) const WINDOW: Duration = Duration::from_secs(72 * 60 * 60);

/// The newest digests are kept at any time of the clock.
pub(super) const MIN_KEPT: usize = 4_000_000;

/// Runs deleted for each run that is added. When the clock is wrong, the window shrinks as slowly
/// as events come in: after a jump of any length forward it is still half as many events.
const MAX_DELETED: usize = 2;

/// How many of `runs`, which are sorted from old to new, are deleted when a run of `added`
/// digests is written at `now`.
pub(super) fn expired_runs(runs: &[Run], added: usize, now: Timestamp, min_kept: usize) -> usize {
    let mut kept = added + runs.iter().map(|run| run.digests).sum::<usize>();
    runs.iter()
        .take(MAX_DELETED)
        .take_while(|run| {
            kept -= run.digests;
            // A time far in the future is from a clock that was wrong. Such a run is as old as
            // its neighbours, and must not keep all runs after it for ever.
            let is_old = now.since(run.written_at).max(run.written_at.since(now)) > WINDOW;
            is_old && kept >= min_kept
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    /// Runs of a million digests, written at these hours.
    fn runs(hours: &[i64]) -> Vec<Run> {
        hours
            .iter()
            .map(|hours| Run {
                digests: 1_000_000,
                ..Run::of(&[], at(*hours))
            })
            .collect()
    }

    fn expired(hours: &[i64], now: i64) -> usize {
        expired_runs(&runs(hours), 1_000_000, at(now), MIN_KEPT)
    }

    #[test]
    fn a_run_is_kept_for_the_whole_window_and_deleted_after_it() {
        let hours = [0, 10, 20, 30, 40, 50];
        assert_eq!(expired(&hours, 72), 0);
        assert_eq!(expired(&hours, 73), 1);
        assert_eq!(expired(&hours, 83), 2);
        assert_eq!(expired(&hours, 100), 2, "no more than two at once");
    }

    #[test]
    fn a_clock_set_forward_deletes_slowly_and_never_the_newest_four_million() {
        let year = 365 * 24;
        assert_eq!(expired(&[0; 26], year), 2);
        assert_eq!(expired(&[0; 4], year), 1);
        assert_eq!(expired(&[0; 3], year), 0);

        // At a steady rate, half of the digests of the window are kept: then the runs that were
        // written after the jump are the older half, and their time is right.
        let mut kept = runs(&[0; 72]);
        for hour in year..year + 200 {
            let gone = expired_runs(&kept, 1_000_000, at(hour), 0);
            kept.drain(..gone);
            kept.extend(runs(&[hour]));
            assert!(kept.len() >= 36, "{} at {hour}", kept.len());
        }
        assert!(kept.len() <= 74, "and the size is again that of the window");
    }

    #[test]
    fn a_clock_set_back_deletes_nothing_and_a_run_from_the_future_does_not_stay_for_ever() {
        assert_eq!(expired(&[100, 110, 120, 130, 140, 150], 90), 0);
        let from_the_future = [10_000, 20, 30, 40, 50, 60];
        assert_eq!(expired(&from_the_future, 93), 2);
    }
}
