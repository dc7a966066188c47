//! How often something may be done: so many times a second, and so many at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The slowest rate that a limit adapts to: one a second.
const MAX_PAUSE: u64 = 1_000_000_000;
/// Requests to slow down within this time are one: calls in flight together bring the same answer.
const ONE_REQUEST: u64 = 1_000_000_000;

/// A rate limit. Its time is passed in.
#[derive(Debug)]
pub struct RateLimiter {
    started: Instant,
    /// Nanoseconds between two that come at the configured rate.
    min_pause: u64,
    /// The same at the present rate, without the divisor.
    pause: AtomicU64,
    /// By how much the configured rate is divided at least.
    divisor: AtomicU32,
    /// How many processes share the rate.
    sharers: AtomicU32,
    /// When the rate was last halved, in nanoseconds after the start; 0: never.
    slowed_at: AtomicU64,
    burst: u64,
    /// Nanoseconds after the start at which all that was taken would be done at an even rate.
    busy_until: AtomicU64,
}

impl RateLimiter {
    /// At most `per_second`, and `burst` at once; both at least 1.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let pause = 1_000_000_000 / u64::from(per_second.max(1));
        Self {
            started: now,
            min_pause: pause,
            pause: AtomicU64::new(pause),
            divisor: AtomicU32::new(1),
            sharers: AtomicU32::new(1),
            slowed_at: AtomicU64::new(0),
            burst: u64::from(burst.max(1)),
            busy_until: AtomicU64::new(0),
        }
    }

    /// Takes `count` at `now`, all or none, and of more than the burst as many as that.
    ///
    /// # Errors
    ///
    /// The time to wait until they can be taken.
    pub fn take(&self, count: u32, now: Instant) -> Result<(), Duration> {
        let now = self.nanoseconds(now);
        let pause = self.present_pause();
        let cost = u64::from(count).min(self.burst) * pause;
        let latest = now.saturating_add(self.burst * pause);
        let after = |busy_until: u64| busy_until.max(now).saturating_add(cost);
        let taken = |busy_until| Some(after(busy_until)).filter(|after| *after <= latest);
        match self
            .busy_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
        {
            Ok(_) => Ok(()),
            Err(busy_until) => Err(Duration::from_nanos(after(busy_until) - latest)),
        }
    }

    /// Halves the rate: the other side asks to slow down.
    pub fn slow_down(&self, now: Instant) {
        let now = self.nanoseconds(now).max(1);
        let is_new = |slowed_at: u64| {
            let is_first = slowed_at == 0 || now.saturating_sub(slowed_at) >= ONE_REQUEST;
            is_first.then_some(now)
        };
        let halves = self
            .slowed_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_new);
        if halves.is_ok() {
            let slower = |pause: u64| Some(pause.saturating_mul(2).min(self.max_pause()));
            let _ = self
                .pause
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, slower);
        }
    }

    /// Divides the configured rate by at least `divisor`, until another one is set.
    pub fn divide(&self, divisor: u32) {
        self.divisor.store(divisor.max(1), Ordering::Relaxed);
    }

    /// Divides the rate among so many processes.
    pub fn share_among(&self, processes: u32) {
        self.sharers.store(processes.max(1), Ordering::Relaxed);
    }

    /// The part of `whole` that suits the present rate, at least 1.
    pub fn share(&self, whole: usize) -> usize {
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        let sharers = u64::from(self.sharers.load(Ordering::Relaxed));
        let shared = self.min_pause.saturating_mul(sharers);
        let share = whole.saturating_mul(shared) / self.present_pause().max(1);
        usize::try_from(share).unwrap_or(usize::MAX).max(1)
    }

    /// Raises a rate that was halved by a sixteenth, up to the configured one.
    pub fn recover(&self) {
        let faster =
            |pause: u64| (pause > self.min_pause).then(|| (pause - pause / 16).max(self.min_pause));
        let _ = self
            .pause
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, faster);
    }

    fn present_pause(&self) -> u64 {
        let divisor = u64::from(self.divisor.load(Ordering::Relaxed));
        let divided = self.min_pause.saturating_mul(divisor).min(self.max_pause());
        let pause = self.pause.load(Ordering::Relaxed).max(divided);
        pause.saturating_mul(u64::from(self.sharers.load(Ordering::Relaxed)))
    }

    fn max_pause(&self) -> u64 {
        MAX_PAUSE.max(self.min_pause)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let now = now.saturating_duration_since(self.started).as_nanos();
        u64::try_from(now).unwrap_or(u64::MAX / 2)
    }

    /// Waits until one can be taken, and takes it.
    pub async fn take_when_ready(&self) {
        while let Err(wait) = self.take(1, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many can be taken within ten seconds after the burst.
    fn taken_in_ten_seconds(limit: &RateLimiter, from: Instant) -> u32 {
        let mut taken = 0;
        for millis in 0..10_000 {
            let now = from + Duration::from_millis(millis);
            taken += u32::from(limit.take(1, now).is_ok());
        }
        taken
    }

    #[test]
    fn the_rate_halves_when_asked_to_and_recovers_to_the_configured_one() {
        let started = Instant::now();
        let limit = RateLimiter::new(20, 1, started);
        assert_eq!(taken_in_ten_seconds(&limit, started), 200);
        (0..16).for_each(|_| limit.slow_down(started));
        assert_eq!(
            taken_in_ten_seconds(&limit, started + Duration::from_secs(20)),
            100,
            "answers of calls in flight together halve it once"
        );
        for second in 1..10 {
            limit.slow_down(started + Duration::from_secs(second));
        }
        let slowest = taken_in_ten_seconds(&limit, started + Duration::from_secs(40));
        assert_eq!(slowest, 10, "one a second at least");
        (0..100).for_each(|_| limit.recover());
        assert_eq!(
            taken_in_ten_seconds(&limit, started + Duration::from_secs(60)),
            200
        );
    }

    #[test]
    fn processes_that_share_a_rate_have_it_together() {
        let started = Instant::now();
        let limits: Vec<RateLimiter> = (0..4).map(|_| RateLimiter::new(20, 1, started)).collect();
        limits.iter().for_each(|limit| limit.share_among(4));
        let taken = limits.iter().map(|one| taken_in_ten_seconds(one, started));
        assert_eq!(taken.sum::<u32>(), 200);
    }

    #[test]
    fn a_divided_rate_is_whole_again_at_once() {
        let started = Instant::now();
        let limit = RateLimiter::new(20, 1, started);
        limit.divide(4);
        assert_eq!(taken_in_ten_seconds(&limit, started), 50);
        assert_eq!((limit.share(16), limit.share(2)), (4, 1));
        limit.divide(1);
        let later = started + Duration::from_secs(20);
        assert_eq!(taken_in_ten_seconds(&limit, later), 200);
        assert_eq!(limit.share(16), 16);
    }

    proptest! {
        #[test]
        fn no_span_of_time_holds_more_than_its_rate_and_a_burst(
            per_second in 1_u32..1000,
            burst in 1_u32..50,
            asked in prop::collection::vec((0_u64..2_000, 1_u32..60), 1..100),
        ) {
            let started = Instant::now();
            let limit = RateLimiter::new(per_second, burst, started);
            let (mut now, mut taken) = (started, Vec::new());
            for (millis, count) in asked {
                now += Duration::from_millis(millis);
                let count = count.min(burst);
                if limit.take(count, now).is_ok() {
                    taken.push((now, count));
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut sum = 0.0;
                for (until, count) in &taken[first..] {
                    sum += f64::from(*count);
                    let span = (*until - *from).as_secs_f64();
                    let most = f64::from(burst) + span * f64::from(per_second) * 1.001;
                    prop_assert!(sum <= most + 0.001, "{sum} in {span} s, {most} are allowed");
                }
            }
        }

        #[test]
        fn after_the_wait_it_can_be_taken_and_just_before_it_cannot(
            per_second in 1_u32..1000,
            burst in 1_u32..50,
            counts in prop::collection::vec(1_u32..60, 1..100),
        ) {
            let mut now = Instant::now();
            let limit = RateLimiter::new(per_second, burst, now);
            for count in counts {
                if let Err(wait) = limit.take(count, now) {
                    prop_assert!(limit.take(count, now + wait - Duration::from_nanos(1)).is_err());
                    now += wait;
                    prop_assert_eq!(limit.take(count, now), Ok(()));
                }
            }
        }
    }
}
