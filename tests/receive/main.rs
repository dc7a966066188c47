//! The public listener from outside: real HTTP, a real SQLite file, every answer of the contract.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod answers;
mod log_lines;
mod pressure;
mod sharing;
mod tokens;
mod world;
