//! A configured source at run time: its accepted senders, its rate limit, and its log of refusals.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use tokio::time::Instant;

use super::auth::{AuthSetupError, Authenticator};
use super::networks;
use super::sns::{SnsGate, TrustedHost};
use crate::clock::Clock;
use crate::normalise::Format;
use crate::rate_limiter::RateLimiter;
use crate::settings::{RateLimit, SourceSettings};
use crate::telemetry::{Metrics, RateLimitedWarning, SourceCounters};

/// Refusals are logged at most this often, so that many refusals do not fill the log. The metric
/// counts every one.
pub(super) const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(10);

/// A source ready to receive.
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) format: Format,
    pub(super) authenticator: Authenticator,
    pub(super) counters: SourceCounters,
    /// For a source with topics of SNS.
    pub(super) sns: Option<SnsGate>,
    allow: Vec<IpNet>,
    limit: Option<Limit>,
    is_held_back: Arc<AtomicBool>,
    /// Its index among the senders that share slots and memory.
    pub(super) sender: usize,
    pub(super) refusals: RateLimitedWarning,
}

/// `rate_limit`, and its used part.
struct Limit {
    settings: RateLimit,
    limiter: RateLimiter,
}

impl Source {
    pub(super) fn new(
        name: &str,
        sender: usize,
        settings: &SourceSettings,
        clock: &Clock,
        metrics: &Metrics,
        sns_host: TrustedHost,
    ) -> Result<Self, AuthSetupError> {
        let sns = SnsGate::new(&settings.sns_topics, sns_host, clock);
        Ok(Self {
            sns: sns.map_err(AuthSetupError::Sns)?,
            name: name.into(),
            format: settings.format.clone(),
            authenticator: Authenticator::new(&settings.auth, clock)?,
            counters: metrics.source_counters(name),
            allow: settings.allow.clone(),
            limit: settings.rate_limit.map(Limit::new),
            is_held_back: Arc::default(),
            sender,
            refusals: RateLimitedWarning::new(REFUSALS_LOGGED_EVERY),
        })
    }

    /// Whether the client address of a request from `peer` is allowed.
    pub(super) fn allows(&self, peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
        self.allow.is_empty()
            || networks::client_address(peer, headers, trusted)
                .is_some_and(|client| networks::contains(&self.allow, client))
    }

    /// The same source, whose events are refused while `is_held_back` is set.
    pub(super) fn held_back_by(mut self, is_held_back: Arc<AtomicBool>) -> Self {
        self.is_held_back = is_held_back;
        self
    }

    /// Backpressure: whether its events arrive faster than they are decided.
    pub(super) fn is_held_back(&self) -> bool {
        self.is_held_back.load(Ordering::Relaxed)
    }

    /// How many requests a minute it may send, as CloudEvents' handshake says it.
    pub(super) fn allowed_rate(&self) -> HeaderValue {
        match &self.limit {
            Some(limit) => HeaderValue::from(u64::from(limit.settings.per_second) * 60),
            None => HeaderValue::from_static("*"),
        }
    }

    /// Counts the first event of a request (or an empty request) against the rate limit. The error
    /// is the time to wait when the limit is used up.
    pub(super) fn count_first_event(&self) -> Result<(), Duration> {
        let Some(limit) = &self.limit else {
            return Ok(());
        };
        limit.limiter.take(1, Instant::now())
    }

    /// Counts the other ones of a request's `events`, all or none. The error is the time after
    /// which the whole request can be sent again.
    pub(super) fn count_other_events(&self, events: usize) -> Result<(), Duration> {
        let Some(limit) = &self.limit else {
            return Ok(());
        };
        // A request with more events than the burst uses the whole burst: otherwise it would be
        // refused for ever.
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let rest = events.min(limit.settings.burst).saturating_sub(1);
        if rest == 0 {
            return Ok(());
        }
        // The first event will be counted again.
        let pause = Duration::from_secs(1) / limit.settings.per_second.max(1);
        limit
            .limiter
            .take(rest, Instant::now())
            .map_err(|wait| wait + pause)
    }
}

impl Limit {
    fn new(settings: RateLimit) -> Self {
        let RateLimit { per_second, burst } = settings;
        Self {
            settings,
            limiter: RateLimiter::new(per_second, burst, Instant::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn source(rate_limit: Option<RateLimit>) -> Source {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let text = "format = \"genesys\"\nauth = [{ type = \"bearer\", secret = \"token\" }]";
        let settings = SourceSettings {
            rate_limit,
            ..SourceSettings::from_toml("genesys", text).unwrap()
        };
        Source::new(
            "genesys",
            0,
            &settings,
            &clock,
            &Metrics::new(),
            TrustedHost::AMAZON,
        )
        .unwrap()
    }

    #[test]
    fn a_burst_may_come_at_once_and_then_the_wait_is_told() {
        let source = source(Some(RateLimit {
            per_second: 1,
            burst: 3,
        }));
        for _ in 0..3 {
            assert_eq!(source.count_first_event(), Ok(()));
        }
        let wait = source.count_first_event().unwrap_err();
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1));
    }

    #[test]
    fn events_of_a_request_count_each_and_more_than_a_burst_count_as_one() {
        let source = source(Some(RateLimit {
            per_second: 1,
            burst: 10,
        }));
        let send = |events| {
            source
                .count_first_event()
                .and_then(|()| source.count_other_events(events))
        };
        assert_eq!(send(10_000), Ok(()));
        let wait = send(1).unwrap_err();
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1));
    }

    #[test]
    fn after_the_wait_that_is_told_the_whole_request_fits() {
        let source = source(Some(RateLimit {
            per_second: 20,
            burst: 10,
        }));
        let send = |events| {
            source
                .count_first_event()
                .and_then(|()| source.count_other_events(events))
        };
        assert_eq!(send(8), Ok(()));
        let wait = send(8).unwrap_err();
        std::thread::sleep(wait);
        assert_eq!(send(8), Ok(()));
    }
}
