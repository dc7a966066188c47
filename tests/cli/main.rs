//! The command line as people and scripts meet it: the real binary, its exit status, what it
//! prints where.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod asking;
mod explaining;
#[path = "../ports/mod.rs"]
mod ports;
mod showing;
mod silencing;
mod storming;
mod usage;
mod world;
