//! A configured source, made ready: who may send as it, how much, and what was said about
//! refusals.
//!
//! Must not know: routes, bodies, the store.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use super::auth::{AuthSetupError, Authenticator};
use super::networks;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::normalise::Format;
use crate::settings::{RateLimit, SourceSettings};
use crate::telemetry::{Metrics, SourceCounters};

/// A refused sender is named in the log at most this often, so that a flood of refusals does
/// not become a flood of log lines. The metric counts every one.
const NOTICE_PAUSE_MS: i64 = 10_000;

/// A source ready to receive.
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) format: Format,
    pub(super) authenticator: Authenticator,
    pub(super) counters: SourceCounters,
    allow: Vec<IpNet>,
    limiter: Option<DefaultDirectRateLimiter>,
    /// Its place among the senders that share slots and memory.
    pub(super) party: usize,
    notices: RefusalNotices,
}

/// When refusals of one sender were last logged.
pub(super) struct RefusalNotices {
    noticed_at: AtomicI64,
    unnoticed: AtomicU64,
}

impl Source {
    pub(super) fn new(
        name: &str,
        party: usize,
        settings: &SourceSettings,
        clock: &Clock,
        metrics: &Metrics,
    ) -> Result<Self, AuthSetupError> {
        Ok(Self {
            name: name.into(),
            format: settings.format.clone(),
            authenticator: Authenticator::new(&settings.auth, clock)?,
            counters: metrics.source_counters(name),
            allow: settings.allow.clone(),
            limiter: settings.rate_limit.map(limiter),
            party,
            notices: RefusalNotices::default(),
        })
    }

    /// Whether a request from `peer` may come in, as far as addresses go.
    pub(super) fn allows(&self, peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
        self.allow.is_empty()
            || networks::client_address(peer, headers, trusted)
                .is_some_and(|client| networks::contains(&self.allow, client))
    }

    /// Counts a request against the rate limit; the time to wait when it is used up.
    pub(super) fn spend(&self) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        limiter
            .check()
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Whether a refusal at `now` should be logged: how many were not since the last one.
    pub(super) fn notice(&self, now: Timestamp) -> Option<u64> {
        self.notices.notice(now)
    }
}

impl Default for RefusalNotices {
    fn default() -> Self {
        Self {
            noticed_at: AtomicI64::new(i64::MIN),
            unnoticed: AtomicU64::new(0),
        }
    }
}

impl RefusalNotices {
    /// Whether a refusal at `now` should be logged: how many were not since the last one.
    pub(super) fn notice(&self, now: Timestamp) -> Option<u64> {
        let now = now.as_millis();
        let last = self.noticed_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(last).saturating_abs() >= NOTICE_PAUSE_MS;
        let mine = due
            && self
                .noticed_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            return Some(self.unnoticed.swap(0, Ordering::Relaxed));
        }
        self.unnoticed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn limiter(limit: RateLimit) -> DefaultDirectRateLimiter {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(
        Quota::per_second(at_least_one(limit.per_second)).allow_burst(at_least_one(limit.burst)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AuthMethod, Secret};

    fn source(rate_limit: Option<RateLimit>) -> Source {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let settings = SourceSettings {
            format: Format::Genesys,
            allow: Vec::new(),
            auth: vec![AuthMethod::Bearer {
                secret: Secret::new("token"),
            }],
            rate_limit,
            expect_every: None,
            max_review_items: 10_000,
            max_new_incidents: crate::domain::flood::FloodPolicy::default(),
        };
        Source::new("genesys", 0, &settings, &clock, &Metrics::new()).unwrap()
    }

    #[test]
    fn a_burst_may_come_at_once_and_then_the_wait_is_told() {
        let source = source(Some(RateLimit {
            per_second: 1,
            burst: 3,
        }));
        for _ in 0..3 {
            assert_eq!(source.spend(), Ok(()));
        }
        let wait = source.spend().unwrap_err();
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1));
    }

    #[test]
    fn a_flood_of_refusals_is_one_log_line_in_ten_seconds() {
        let source = source(None);
        let at = |millis: i64| Timestamp::from_millis(1_795_442_850_000 + millis);
        assert_eq!(source.notice(at(0)), Some(0));
        assert_eq!(source.notice(at(1)), None);
        assert_eq!(source.notice(at(9_999)), None);
        assert_eq!(source.notice(at(10_000)), Some(2));
    }
}
