//! Silences: which breaches they cover, and what that does. A silence is a matcher and a time span
//! in which no ticket is opened; a maintenance window of the configuration is one that repeats.
//!
//! Pure.

mod in_force;
mod matcher;
mod mutes;
mod preview;

pub use super::incident::Mute;
pub use in_force::{InForce, Silence};
pub use matcher::{BadMatcher, Matcher, Name, Subject};
pub use mutes::{apply_mute, longest_mute};
pub use preview::SilenceHits;
