//! The tests of what users rely on, one folder per topic: real HTTP, real databases, the real
//! binary. Tests that need a daemon that dies at a named place, or that load the machine, are in
//! `tests/faults`. `g9_…` in the name of a test is a requirement: docs/building.md lists them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed; accounts are printed"
)]

mod admin;
mod architecture;
mod cli;
mod daemon;
mod doctor;
mod receive;
mod replicas;
mod salesforce;
mod servicenow;
mod settings;
mod simulation;
mod simulator_salesforce;
mod simulator_servicenow;
#[path = "../support/mod.rs"]
mod support;
mod sync;
