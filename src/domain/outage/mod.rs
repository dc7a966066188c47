//! An outage: many incidents with one cause get one ticket.
//!
//! `formation` decides when breaching incidents of a group form an outage; `members` decides which
//! incidents join, and changes members; `reconcile` runs one step of a group. An outage is an
//! incident itself: it gets a breach while members breach, and a clear when none breaches. Pure.

mod formation;
mod members;
mod reconcile;

/// The rule of an outage's incident is this prefix and the name of the outage.
pub const RULE_PREFIX: &str = "outage:";

/// Whether incidents of `rule` are outages.
pub fn is_outage(rule: &str) -> bool {
    rule.starts_with(RULE_PREFIX)
}

pub use formation::{Formation, FormationPolicy, forms};
pub use members::{MemberChange, MemberStep, release};
pub use reconcile::{Others, OutageUpdate, can_form, reconcile, reconcile_changed};
