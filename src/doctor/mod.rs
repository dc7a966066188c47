//! The live pre-flight of a target.
//!
//! `run` makes the checks in their order. `reach`, `references` and `write` ask the CRM; `checks`, `required`
//! and `values` check plain data. Knows no CRM by name. May import: `clock`, `domain`, `outbound`,
//! `rules`, `settings`, `targets`, the field texts of `decide`. Must not know: the command line,
//! the store.

mod checks;
mod finding;
mod mapping;
mod reach;
mod references;
mod required;
mod run;
mod sample;
mod target;
mod values;
mod write;

pub(crate) use finding::{Check, Outcome};
pub(crate) use run::run_checks;
pub(crate) use target::DoctorTarget;
