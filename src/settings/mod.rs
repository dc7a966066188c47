//! Settings: read in layers, checked whole, and handed on as final types.
//!
//! Whoever holds a [`Settings`] holds checked values: URLs parse, durations are durations,
//! expressions and templates are compiled, every rule's target exists.
//!
//! May import: `domain`, `normalise` (formats of sources), `rules` (expressions, templates).
//! Must not know: the store, HTTP, CRM clients. Only this module and `cli` read the environment.

mod model;
mod secret;

pub use model::*;
pub use secret::Secret;
