//! The Salesforce client and OAuth, over real HTTP against the simulated org.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod keeping;
mod people;
mod tickets;
mod tokens;
mod world;
