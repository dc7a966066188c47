//! The live pre-flight of a target.
//!
//! `run` makes the checks in their order. `reach` and `write` ask the CRM; `checks`, `required`
//! and `values` judge plain data. Knows no CRM by name. May import: `domain`, `settings`,
//! `rules`, `targets`, `clock`, `decide::create_fields`. Must not know: the command line, the store.

mod checks;
mod finding;
mod mapping;
mod reach;
mod required;
mod run;
mod sample;
mod target;
mod values;
mod write;

pub(crate) use finding::{Check, Outcome};
pub(crate) use run::run_checks;
pub(crate) use target::DoctorTarget;
