//! Arguments that several commands on the admin API share.

use clap::Args;

use crate::cli::outcome::Failed;
use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// Filters by their name in the API; those without a value are left out.
pub(super) type Query = Vec<(&'static str, Option<String>)>;

/// Where the admin API is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of all commands that ask a daemon")]
pub(in crate::cli) struct ApiArgs {
    /// The daemon's admin address; by default `admin.listen` of the configuration.
    #[arg(long, global = true, env = "RINGDOWN_URL", hide_env_values = true)]
    pub(super) url: Option<String>,
    /// An admin token.
    #[arg(long, global = true, env = "RINGDOWN_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
}

/// Which items an action is about.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Their ids.
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<String>,
    /// All of them, or all that the filters leave over.
    #[arg(long)]
    pub(super) all: bool,
    /// Do not ask before --all.
    #[arg(long)]
    pub(super) yes: bool,
}

/// Which stretch of a list.
#[derive(Debug, Args)]
pub(super) struct Span {
    /// Only from this time on: 1h (ago), or 2026-11-23T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = Span::LIMIT, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
}

impl Span {
    pub(super) const LIMIT: u32 = 50;

    /// Refuses filters of the list that stand before another command: whoever wrote them there wants
    /// them to hold for what that command does.
    pub(super) fn is_not_before_a_command(&self, filters: &Query) -> Result<(), Failed> {
        let times = [("since", &self.since), ("until", &self.until)];
        let filters = filters.iter().map(|(name, value)| (*name, value));
        let mut given = filters.chain(times).filter(|(_, value)| value.is_some());
        match given.next() {
            Some((name, _)) => Err(Failed::usage(format!(
                "--{} stands before the command, where it filters only the list; write it behind the command",
                name.replace("event_id", "event")
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn query(self) -> Result<Query, Failed> {
        let now = Clock::System.now();
        Ok(vec![
            (
                "since",
                self.since
                    .map(|text| time("--since", &text, now))
                    .transpose()?,
            ),
            (
                "until",
                self.until
                    .map(|text| time("--until", &text, now))
                    .transpose()?,
            ),
        ])
    }
}

/// A time, or how long ago it was.
fn time(option: &str, text: &str, now: Timestamp) -> Result<String, Failed> {
    if text.parse::<Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    let ago = humantime::parse_duration(text).map_err(|_| {
        Failed::usage(format!(
            "{option} {text:?} is neither a span such as 1h nor a time such as 2026-11-23T14:00:00Z"
        ))
    })?;
    Ok(now.minus(ago).in_milliseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_back_from_now() {
        let now = "2026-11-23T14:00:00Z".parse().unwrap();
        let since = |text: &str| time("--since", text, now);
        assert_eq!(since("1h").unwrap(), "2026-11-23T13:00:00.000Z");
        assert_eq!(
            since("2026-11-23T12:00:00Z").unwrap(),
            "2026-11-23T12:00:00Z"
        );
        assert!(since("yesterday").is_err());
    }
}
