//! Log output: `tracing` events as JSON lines or for people.

use tracing_subscriber::EnvFilter;

use super::log_queue::LogQueue;
use super::visible::Visible;
use super::{Metrics, panics};
use crate::settings::{LogFormat, LogSettings};

/// `[log]` cannot be put into force.
#[derive(Debug, thiserror::Error)]
pub enum BadLogSetting {
    /// `log.level` is not a filter.
    #[error(
        "log.level {level:?} is neither a level (error, warn, info, debug, trace) nor a filter such as \"info,ringdown=debug\": {problem}"
    )]
    Level {
        level: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The system gives no file descriptor.
    #[error("log output cannot be set up: {0}; raise the limit of open files")]
    StandardError(std::io::Error),
    /// A subscriber is already in place.
    #[error("log output is already set up in this process")]
    AlreadyStarted,
}

/// The log output of the process. Dropping it waits a moment for the last lines to be written.
#[derive(Debug)]
#[must_use = "its end waits for the last lines"]
pub struct LogOutput(LogQueue);

impl Drop for LogOutput {
    fn drop(&mut self) {
        self.0.wait_until_written();
    }
}

/// Sends all log lines of the process, those of panics among them, to standard error, in the
/// form the settings ask for. Logging never blocks and never fails; see `log_queue`. `redact`
/// takes secrets out of the messages of panics.
///
/// # Errors
///
/// [`BadLogSetting`] when the level is not a filter, or when called twice.
pub fn start_logging(
    settings: &LogSettings,
    metrics: &Metrics,
    redact: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Result<LogOutput, BadLogSetting> {
    let filter = EnvFilter::builder()
        .parse(&settings.level)
        .map_err(|error| BadLogSetting::Level {
            level: settings.level.clone(),
            problem: error.to_string(),
        })?;
    let queue = LogQueue::to_standard_error(metrics.log_lines_dropped())
        .map_err(BadLogSetting::StandardError)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // `target` is a field of ours: the CRM that a delivery is for.
        .with_target(false)
        // It would be told with `eprintln!`, which blocks and panics.
        .log_internal_errors(false)
        .with_writer(Visible {
            inner: queue.clone(),
            format: settings.format,
        });
    match settings.format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_timer(Rfc3339)
            .try_init(),
        LogFormat::Pretty => lines.with_timer(Rfc3339).try_init(),
    }
    .map_err(|_| BadLogSetting::AlreadyStarted)?;
    panics::log_panics(redact);
    Ok(LogOutput(queue))
}

/// RFC 3339 in UTC with milliseconds.
struct Rfc3339;

impl tracing_subscriber::fmt::time::FormatTime for Rfc3339 {
    fn format_time(
        &self,
        writer: &mut tracing_subscriber::fmt::format::Writer<'_>,
    ) -> std::fmt::Result {
        write!(writer, "{:.3}", jiff::Timestamp::now())
    }
}
