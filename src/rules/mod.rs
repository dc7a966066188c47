//! The small languages of the configuration: CEL expressions (`when`, `clear`), Jinja templates
//! (`key`, ticket fields), the routing of tickets by expressions, and schedules of maintenance
//! windows, compiled once at start.
//!
//! Pure: no I/O, no clock.

mod absent;
mod alternatives;
mod bounds;
mod call_forms;
mod comparison;
mod comparisons;
mod conjunction;
mod direction;
mod expression;
mod failure;
mod foreign;
mod functions;
mod habits;
mod inner;
mod known_names;
mod nearest;
mod quotients;
mod reads;
mod rewrite;
mod routing;
mod schedule;
mod slip;
mod span;
mod tags;
mod template;
mod unmet;
mod unsatisfiable;

pub use bounds::Bound;
pub use call_forms::WrongCall;
pub use comparisons::{Compared, Comparisons, Constant, Operand, Relation};
pub use direction::ThresholdSide;
pub use expression::{BadExpression, EvaluationError, Expression};
pub use foreign::Foreign;
pub use nearest::nearest;
pub use reads::Reads;
pub use routing::{Route, Routed, Routing, RoutingError};
pub use schedule::{BadSchedule, Repetition, Schedule, wall_clock, zone};
pub use slip::Slip;
pub use span::span_of;
pub use template::{BadTemplate, RenderError, Template, TemplateContext};
pub use unsatisfiable::{Unsatisfiable, unsatisfiable};
