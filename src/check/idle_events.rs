//! Event types that a rule names for nothing.

use std::collections::BTreeSet;

use super::kinds::Kinds;
use super::place::Place;
use crate::domain::signal::COMMON_NAMES;
use crate::rules::Operand;
use crate::settings::{Mark, Problem, RuleSettings};

/// Warns of event types that contain nothing of what `when` and `clear` read: they open and end
/// nothing.
pub(super) fn check(
    rule: &RuleSettings,
    verdicts: &[Place<'_>],
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    let operands = verdicts
        .iter()
        .flat_map(|place| &place.comparisons.operands);
    let operands: BTreeSet<&Operand> = operands.collect();
    let is_common = |operand: &&Operand| match operand {
        Operand::Name(name) => COMMON_NAMES.contains(&name.as_str()),
        Operand::Reading(..) | Operand::Label(_) => false,
    };
    if operands.iter().any(is_common) || !operands.iter().any(|one| kinds.tell(one)) {
        return;
    }
    for (entry, event_type) in rule.events.iter().enumerate() {
        let mut of_type = kinds
            .all
            .iter()
            .filter(|kind| kind.event_type == *event_type)
            .peekable();
        let is_known = of_type.peek().is_some();
        if !is_known || of_type.any(|kind| operands.iter().any(|one| kind.contains(one))) {
            continue;
        }
        let reason = format!(
            "`{event_type}` contains nothing that `when` or `clear` reads, so it has no effect here"
        );
        let path = format!("rules.{}.events", rule.name);
        let problem =
            Problem::warning(path, reason).with_help("remove it, or read one of its values");
        found.push(Problem {
            mark: Mark::Entry(entry),
            ..problem
        });
    }
}
