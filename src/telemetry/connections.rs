//! What is counted about the connections of one listener.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The figures of one listener, looked up once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    pub(super) open: Gauge,
    pub(super) evicted: Counter,
}

impl ConnectionMetrics {
    /// A connection is open.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// It is no more.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// It is closed because another needs its place.
    pub fn evicted(&self) {
        self.evicted.inc();
    }
}
