//! Telemetry: the metrics and the log.

mod connections;
mod log_queue;
mod log_writer;
mod logging;
mod metrics;
pub mod panics;
mod rate_limited_warning;
mod source_counters;
mod stage;
mod version;
mod visible;

pub use connections::ConnectionMetrics;
pub use logging::{BadLogSetting, LogOutput, start_logging};
pub use metrics::Metrics;
pub use rate_limited_warning::RateLimitedWarning;
pub use source_counters::SourceCounters;
pub use stage::Stage;
pub use version::{COMMIT, VERSION, VERSION_AND_COMMIT};
