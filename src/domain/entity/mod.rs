//! The state of an entity: how a queue, trunk, Edge, alert or other thing stands, as far as messages
//! have told.
//!
//! A message tells a part only: one media type, some metrics, one qualifier. [`EntityState`] keeps
//! the latest of each with its own time, and [`EntityState::view`] is what a rule sees of all of
//! it. Two promises hold for every view: a reading that is too old is missing, and a part is never
//! given for the whole. Pure.

mod identity;
mod stamp;
mod state;
mod view;

pub use identity::{Entity, keys_of, keys_of_kind};
pub use stamp::Stamp;
pub use state::{Applied, EntityState};
pub use view::{Freshness, View};

#[cfg(test)]
#[path = "entity_tests.rs"]
mod tests;
