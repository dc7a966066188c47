//! The open connections of a listener: how many there may be.
//!
//! Knows addresses and how long a connection has been idle; must not know sockets or requests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::activity::{Activity, Close};
use super::client_network;
use super::eviction::to_evict;
use crate::telemetry::{ConnectionMetrics, RateLimitedWarning};

/// How soon another idle connection is looked for when none was there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A connection is not closed for another within this time: where all others have a request in
/// hand it would be the only idle one, and its first request is on the way.
const MIN_IDLE: Duration = Duration::from_millis(100);

/// Shortest time between two warnings of one kind.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// One of so many connections is closed at a time, so that looking for them costs little.
const EVICTED_SHARE: usize = 32;

/// The connections of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    shared: Arc<Shared>,
}

struct Shared {
    listener: &'static str,
    max: usize,
    open: Mutex<BTreeMap<u64, Open>>,
    next_key: AtomicU64,
    /// A connection has ended while all permits were taken.
    ended: Notify,
    limit_warning: RateLimitedWarning,
    accept_warning: RateLimitedWarning,
    cut_off: AtomicUsize,
    metrics: ConnectionMetrics,
}

struct Open {
    peer: IpAddr,
    activity: Arc<Activity>,
}

/// Lets one connection be open. Released when it is dropped.
pub(super) struct ConnectionPermit {
    key: u64,
    shared: Arc<Shared>,
    pub(super) activity: Arc<Activity>,
}

impl Connections {
    /// Permits for `max` connections.
    pub(super) fn new(listener: &'static str, max: usize, metrics: ConnectionMetrics) -> Self {
        Self {
            shared: Arc::new(Shared {
                listener,
                max: max.max(1),
                open: Mutex::default(),
                next_key: AtomicU64::new(0),
                ended: Notify::new(),
                limit_warning: RateLimitedWarning::new(WARN_EVERY),
                accept_warning: RateLimitedWarning::new(WARN_EVERY),
                cut_off: AtomicUsize::new(0),
                metrics,
            }),
        }
    }

    /// A permit for a connection from `peer`. When there is none, idle connections are closed; when
    /// none is idle, it waits until one ends.
    pub(super) async fn acquire(&self, peer: IpAddr) -> ConnectionPermit {
        loop {
            if let Some(permit) = self.try_acquire(peer) {
                return permit;
            }
            self.evict();
            let ended = self.shared.ended.notified();
            let _ = tokio::time::timeout(LOOK_AGAIN, ended).await;
        }
    }

    fn try_acquire(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let activity = Arc::new(Activity::new());
        let entry = Open {
            peer,
            activity: Arc::clone(&activity),
        };
        let mut open = self.shared.open();
        if open.len() >= self.shared.max {
            return None;
        }
        let key = self.shared.next_key.fetch_add(1, Ordering::Relaxed);
        open.insert(key, entry);
        drop(open);
        self.shared.metrics.opened();
        Some(ConnectionPermit {
            key,
            shared: Arc::clone(&self.shared),
            activity,
        })
    }

    /// Asks some idle connections to close.
    fn evict(&self) {
        let open = self.shared.evict_idle();
        if self.shared.limit_warning.count(1, Instant::now()).is_some() {
            tracing::warn!(
                listener = self.shared.listener,
                open,
                max = self.shared.max,
                "the limit of connections is reached; those that are idle longest are closed, \
                 and new ones wait when none is idle"
            );
        }
    }

    /// Asks some idle connections to close after `error`, which a new connection met: nearly
    /// always that the process or the system has no file descriptor left.
    pub(super) fn evict_after(&self, error: &std::io::Error) {
        self.shared.evict_idle();
        if self
            .shared
            .accept_warning
            .count(1, Instant::now())
            .is_some()
        {
            let listener = self.shared.listener;
            tracing::warn!(listener, %error, "a connection could not be accepted");
        }
    }

    pub(super) fn command_all(&self, command: Close) {
        for one in self.shared.open().values() {
            one.activity.command(command);
        }
    }

    /// How many connections were closed in the middle of a request.
    pub(super) fn cut_off(&self) -> usize {
        self.shared.cut_off.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        // An entry is put in or taken out whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks idle connections to close, so that others get their permits; answers how many are open.
    fn evict_idle(&self) -> usize {
        let open = self.open();
        let all: Vec<&Open> = open.values().collect();
        let idle: Vec<_> = all
            .iter()
            .map(|one| {
                let idle_since = one.activity.idle_since();
                let idle_since = idle_since.filter(|since| since.elapsed() >= MIN_IDLE);
                (client_network(one.peer), idle_since)
            })
            .collect();
        for position in to_evict(&idle, self.max.div_ceil(EVICTED_SHARE)) {
            all[position].activity.command(Close::Evict);
        }
        all.len()
    }
}

impl ConnectionPermit {
    /// Counts this connection among those that were closed for another.
    pub(super) fn count_as_evicted(&self) {
        self.shared.metrics.evicted();
    }

    /// Counts this connection among those that were cut off at the stop.
    pub(super) fn count_as_cut_off(&self) {
        self.shared.cut_off.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        let was_full = open.len() >= self.shared.max;
        let entry = open.remove(&self.key);
        drop(open);
        drop(entry);
        self.shared.metrics.closed();
        // Only then may a new connection wait for a permit.
        if was_full {
            self.shared.ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_listener_asks_an_idle_connection_to_close_and_waits_for_its_place() {
        let connections = Connections::new("public", 2, ConnectionMetrics::default());
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let busy = connections.acquire(peer).await;
        busy.activity.begin_request();
        let idle = connections.acquire(peer).await;
        let closing = async move {
            let command = std::future::poll_fn(|context| idle.activity.poll_command(context));
            assert_eq!(command.await, Close::Evict);
            drop(idle);
        };
        let (_permit, ()) = tokio::join!(connections.acquire(peer), closing);
        let untouched = std::future::poll_fn(|context| busy.activity.poll_command(context));
        assert!(futures::FutureExt::now_or_never(untouched).is_none());
    }
}
