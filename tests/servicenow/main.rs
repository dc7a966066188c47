//! The ServiceNow client over real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod cases;
mod changing;
mod finding;
mod instance;
mod logging_in;
mod naming;
mod opening;
mod refused;
mod simulator;
mod single;
mod table;
