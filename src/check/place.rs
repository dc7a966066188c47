//! The expressions of a rule, each with the path of its setting.

use crate::rules::{Comparisons, Expression};
use crate::settings::RuleSettings;

/// An expression of a rule.
pub(super) struct Place<'r> {
    /// The path of its setting.
    pub(super) path: String,
    pub(super) expression: &'r Expression,
    pub(super) comparisons: Comparisons,
}

/// Every expression of `rule`, in the order in which they are evaluated.
pub(super) fn places(rule: &RuleSettings) -> Vec<Place<'_>> {
    let mut places = vec![place(rule, "when", &rule.when)];
    places.extend(rule.clear.iter().map(|clear| place(rule, "clear", clear)));
    for (level, expression) in &rule.severity.levels {
        places.push(place(rule, &format!("severity.{level}"), expression));
    }
    for (at, route) in rule.targets.routes.iter().enumerate() {
        places.push(place(rule, &format!("targets[{at}].when"), &route.when));
    }
    places
}

fn place<'r>(rule: &RuleSettings, key: &str, expression: &'r Expression) -> Place<'r> {
    Place {
        path: format!("rules.{}.{key}", rule.name),
        comparisons: expression.comparisons(),
        expression,
    }
}
