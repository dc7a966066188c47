//! Decides what to do with a delivery after a failed attempt.

use std::time::Duration;

use super::failure::{Failure, FailureScope, Remedy, ResolvedBy, class};

/// How often and after which waits a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt.
    pub retries: u32,
    /// Wait before the first retry.
    pub base: Duration,
    /// Each further wait is this many times longer; at least 1.
    pub factor: f64,
    /// The random share of each wait, 0 to 1.
    pub jitter: f64,
}

impl RetryPolicy {
    pub fn max_wait(&self) -> Duration {
        wait_before(self, self.retries.saturating_sub(1), 0.0)
    }
}

/// No wait between two attempts is longer.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// A pause that a CRM asks for counts only from this length on. A shorter one would let us send
/// again at once, so we choose the pause ourselves.
pub const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The waits of a parked delivery and of a dead letter between its tries: rare enough to bother
/// nobody, often enough that a ticket appears soon after the obstacle is gone.
const RARE_WAITS: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];

/// The wait before the next rare try, after `tries` of them.
pub fn rare_wait(tries: u32) -> Duration {
    let last = RARE_WAITS.len() - 1;
    let index = usize::try_from(tries).unwrap_or(last);
    RARE_WAITS[index.min(last)]
}

/// After so many rare tries, 21 minutes after the first, nobody expects a failure to end by itself.
const TRIES_OF_TIME: u32 = 3;

/// Whether a person must look at a failure that is about one ticket and should end by itself, after
/// `tries` rare tries.
pub fn has_lasted_too_long(failure: &Failure, tries: u32) -> bool {
    failure.class == class(FailureScope::Ticket, ResolvedBy::Time) && tries >= TRIES_OF_TIME
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// This delivery is tried again after a wait; the attempt counts.
    RetryAfter(Duration),
    /// The whole target waits, as long as the CRM said if it did; the attempt does not count.
    PauseTarget(Option<Duration>),
    /// The whole target waits until a person corrects the cause; the attempt does not count.
    HoldTarget,
    /// The delivery waits by itself, and is tried again rarely.
    Park,
    /// The delivery becomes a dead letter.
    GiveUp,
}

/// The next step after `failure` of a delivery that had `attempts` counted attempts before this
/// one. `random` is uniform in 0..1.
pub fn decide_retry(
    policy: &RetryPolicy,
    attempts: u32,
    failure: &Failure,
    random: f64,
) -> RetryDecision {
    match failure.remedy() {
        Remedy::PauseTarget(pause) => {
            // "At once", or a time in our past, does not say how long.
            let pause = pause.filter(|wait| *wait >= MIN_PAUSE);
            RetryDecision::PauseTarget(pause.map(|wait| wait.min(MAX_WAIT)))
        }
        Remedy::HoldTarget => RetryDecision::HoldTarget,
        Remedy::GiveUp => RetryDecision::GiveUp,
        Remedy::Park => RetryDecision::Park,
        Remedy::Retry if attempts >= policy.retries => RetryDecision::Park,
        Remedy::Retry => RetryDecision::RetryAfter(
            wait_before(policy, attempts, random).max(failure.settle_after),
        ),
    }
}

/// The wait before retry number `retry` (from 0): `base * factor^retry`, of which the share
/// `jitter` is random.
pub fn wait_before(policy: &RetryPolicy, retry: u32, random: f64) -> Duration {
    let exponent = i32::try_from(retry.min(64)).unwrap_or(64);
    let full = policy.base.as_secs_f64() * policy.factor.powi(exponent);
    let full = full.min(MAX_WAIT.as_secs_f64());
    let random = random.clamp(0.0, 1.0);
    Duration::from_secs_f64(full * (1.0 - policy.jitter.clamp(0.0, 1.0) * random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;
    use proptest::prelude::*;

    /// The policy of requirement g11 (docs/building.md).
    const GUIDE: RetryPolicy = RetryPolicy {
        retries: 3,
        base: Duration::from_secs(1),
        factor: 2.0,
        jitter: 0.0,
    };

    fn no_answer() -> Failure {
        let class = class(FailureScope::Network, ResolvedBy::Time);
        Failure::new(FailureKind::NetworkFailure, class, "no answer")
    }

    #[test]
    fn g11_three_retries_after_one_two_and_four_seconds_then_it_is_parked() {
        let after = |attempts| decide_retry(&GUIDE, attempts, &no_answer(), 0.5);
        assert_eq!(after(0), RetryDecision::RetryAfter(Duration::from_secs(1)));
        assert_eq!(after(1), RetryDecision::RetryAfter(Duration::from_secs(2)));
        assert_eq!(after(2), RetryDecision::RetryAfter(Duration::from_secs(4)));
        assert_eq!(after(3), RetryDecision::Park);
    }

    #[test]
    fn g18_a_rate_limit_pauses_the_target_and_is_capped() {
        let pause = |seconds| {
            let class = class(FailureScope::Organisation, ResolvedBy::Time);
            Failure::new(FailureKind::RateLimited, class, "slow down")
                .with_wait(Some(Duration::from_secs(seconds)))
        };
        assert_eq!(
            decide_retry(&GUIDE, 99, &pause(30), 0.0),
            RetryDecision::PauseTarget(Some(Duration::from_secs(30)))
        );
        assert_eq!(
            decide_retry(&GUIDE, 0, &pause(999_999), 0.0),
            RetryDecision::PauseTarget(Some(MAX_WAIT))
        );
        assert_eq!(
            decide_retry(&GUIDE, 0, &pause(0), 0.0),
            RetryDecision::PauseTarget(None)
        );
    }

    #[test]
    fn g15_a_refusal_is_given_up_at_once() {
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        let refused = Failure::new(FailureKind::IntegrationFailure, class, "no such value");
        assert_eq!(
            decide_retry(&GUIDE, 0, &refused, 0.0),
            RetryDecision::GiveUp
        );
    }

    #[test]
    fn a_ticket_that_is_refused_for_long_by_what_should_end_needs_a_person() {
        let ticket = class(FailureScope::Ticket, ResolvedBy::Time);
        let refused = Failure::new(FailureKind::IntegrationFailure, ticket, "flow failed");
        let lasts = |tries| has_lasted_too_long(&refused, tries);
        assert_eq!([0, 2, 3, 9].map(lasts), [false, false, true, true]);
        assert!(!has_lasted_too_long(&no_answer(), 9));
    }

    #[test]
    fn an_unknown_outcome_is_not_looked_up_before_it_can_have_settled() {
        let mut unknown = no_answer().in_doubt();
        unknown.settle_after = Duration::from_secs(60);
        assert_eq!(
            decide_retry(&GUIDE, 0, &unknown, 0.0),
            RetryDecision::RetryAfter(Duration::from_secs(60))
        );
    }

    proptest! {
        #[test]
        fn retries_end_and_waits_stay_within_their_bounds(
            retries in 0..20_u32,
            base in 1..10_000_u64,
            factor in 1.0..10.0_f64,
            jitter in 0.0..=1.0_f64,
            random in 0.0..1.0_f64,
        ) {
            let policy = RetryPolicy { retries, base: Duration::from_millis(base), factor, jitter };
            for attempts in 0..retries {
                let RetryDecision::RetryAfter(wait) = decide_retry(&policy, attempts, &no_answer(), random)
                else { return Err(TestCaseError::fail("gave up too early")) };
                prop_assert!(wait <= MAX_WAIT && wait <= policy.max_wait());
            }
            prop_assert_eq!(decide_retry(&policy, retries, &no_answer(), random), RetryDecision::Park);
        }
    }
}
