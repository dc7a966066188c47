//! Work in the CRM flows back: the real binary beside real simulated CRMs in which people close,
//! delete, merge and reassign tickets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_callbacks;
mod callbacks;
#[cfg(feature = "fault-points")]
mod clocks;
mod desk;
mod polling;
#[path = "../ports/mod.rs"]
mod ports;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod world;
