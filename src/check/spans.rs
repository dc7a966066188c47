//! Spans of time that do not fit together.

use std::time::Duration;

use crate::settings::{Problem, RuleSettings, Settings};

/// Messages about one thing are never so close together.
const LEAST_FRESH: Duration = Duration::from_secs(1);

/// Warns of spans of the rule that cannot do what they are for.
pub(super) fn check(rule: &RuleSettings, settings: &Settings, found: &mut Vec<Problem>) {
    let mut warn = |key: &str, reason: String, help: String| {
        let path = format!("rules.{}.{key}", rule.name);
        found.push(Problem::warning(path, reason).with_help(help));
    };
    let shown = |span: Duration| humantime::format_duration(span).to_string();
    let forgotten = settings.entities.forget_after;
    if let Some(fresh) = rule.fresh {
        if fresh < LEAST_FRESH {
            let reason = format!(
                "{} is too short: the readings of two messages never count together",
                shown(fresh)
            );
            warn(
                "fresh",
                reason,
                "write a few minutes, such as \"5m\"".to_owned(),
            );
        } else if fresh > forgotten {
            let forgotten = shown(forgotten);
            let reason = format!(
                "is longer than `entities.forget_after` ({forgotten}), after which nothing is known"
            );
            warn("fresh", reason, format!("write at most \"{forgotten}\""));
        }
    }
    let quiet = rule.quiet_after;
    if rule.hold_for > quiet {
        let reason = format!(
            "is longer than `quiet_after` ({}): where no event repeats the breach, it is over before a ticket is opened",
            shown(quiet)
        );
        let help = format!("make `quiet_after` longer than {}", shown(rule.hold_for));
        warn("for", reason, help);
    }
}
