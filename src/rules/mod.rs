//! The small languages of the configuration: CEL expressions (`when`, `clear`), Jinja templates
//! (`key`, ticket fields), the routing of tickets by expressions, and schedules of maintenance
//! windows, compiled once at start.
//!
//! May import: `domain`. Pure: no I/O, no clock.

mod comparison;
mod direction;
mod expression;
mod rewrite;
mod routing;
mod schedule;
mod template;
mod unheard;

pub use direction::Worse;
pub use expression::{BadExpression, EvaluationError, Expression};
pub use routing::{Route, Routed, Routing, RoutingError};
pub use schedule::{BadSchedule, Repetition, Schedule, wall_clock, zone};
pub use template::{BadTemplate, RenderError, Template, TemplateContext};
pub use unheard::{Unheard, unheard};

use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// The known name most like `name`, when one is like it at all.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

fn nearest_variable(name: &str) -> Option<&'static str> {
    nearest(name, FIELD_NAMES.iter().chain(COMMON_NAMES.iter()).copied())
}
