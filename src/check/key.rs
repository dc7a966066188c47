//! Correlation keys that can never be filled from the events of their rule.

use super::kinds::Kinds;
use super::names::fields;
use crate::decide::signal_values;
use crate::settings::{Problem, RuleSettings};

/// Refuses a key that no event of one of the types can fill.
pub(super) fn check(rule: &RuleSettings, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    let path = format!("rules.{}.key", rule.name);
    for kind in kinds.certain() {
        let event_type = &kind.event_type;
        let context = signal_values(&kind.samples.whole, kind.source);
        let (reason, missing) = match rule.key.render(&context) {
            Ok(key) if key.trim().is_empty() => {
                let reason = format!("is empty for events of the type `{event_type}`");
                (reason, Vec::new())
            }
            Ok(_) => continue,
            Err(error) => {
                let problem = error.problem;
                let reason = format!(
                    "can never be filled from events of the type `{event_type}`: {problem}"
                );
                (reason, error.missing)
            }
        };
        let span = missing.first().and_then(|name| rule.key.span_of(name));
        let help = format!(
            "every such event would become a review item; the events contain {}",
            fields(kinds)
        );
        found.push(Problem::error(&path, reason).with_help(help).within(span));
    }
}
