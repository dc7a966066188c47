//! The live pre-flight of a target.
//!
//! `run` makes the checks in their order. `reach`, `references` and `write` ask the CRM; `checks`,
//! `required` and `values` check plain data. Knows no CRM by name.

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
