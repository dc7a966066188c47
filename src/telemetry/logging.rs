//! Log output: `tracing` events as JSON lines or for people.

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// `[log]` cannot be put into force.
#[derive(Debug, thiserror::Error)]
pub enum BadLogSetting {
    /// `log.level` is not a filter.
    #[error(
        "log.level {level:?} is neither a level (error, warn, info, debug, trace) nor a filter such as \"info,ringdown=debug\": {problem}"
    )]
    Level {
        /// The setting.
        level: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A subscriber is already in place.
    #[error("log output is already set up in this process")]
    AlreadyStarted,
}

/// Sends all log lines of the process to standard error, in the form the settings ask for.
///
/// # Errors
///
/// [`BadLogSetting`] when the level is not a filter, or when called twice.
pub fn start_logging(settings: &LogSettings) -> Result<(), BadLogSetting> {
    let filter = EnvFilter::builder()
        .parse(&settings.level)
        .map_err(|error| BadLogSetting::Level {
            level: settings.level.clone(),
            problem: error.to_string(),
        })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // `target` is a field of ours: the CRM that a delivery is for.
        .with_target(false)
        .with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_timer(Rfc3339)
            .try_init(),
        LogFormat::Pretty => lines.with_timer(Rfc3339).try_init(),
    }
    .map_err(|_| BadLogSetting::AlreadyStarted)
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
