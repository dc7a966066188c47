//! The metrics of the connections of one listener.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The figures of one listener, looked up once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    pub(super) open: Gauge,
    pub(super) evicted: Counter,
}

impl ConnectionMetrics {
    pub fn opened(&self) {
        self.open.inc();
    }

    pub fn closed(&self) {
        self.open.dec();
    }

    /// Counts a connection that is closed because a new one needs its place.
    pub fn evicted(&self) {
        self.evicted.inc();
    }
}
