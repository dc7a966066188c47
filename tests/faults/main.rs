//! The real binary under kills, with both CRMs, under a disk that is full or cannot be
//! written, a clock that jumps, and answers that get lost: nothing acknowledged is lost, and
//! every key has one ticket.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed; accounts are printed"
)]

mod account;
mod answers;
mod backlog;
mod campaign;
mod clock;
mod conditions;
mod connections;
mod database_file;
mod deaths;
mod disk;
mod echoes;
mod folder;
mod hidden_text;
mod hostile_crm;
mod lives;
mod log;
mod migrations;
mod outages;
mod proxies;
mod retention;
mod sender;
mod signals;
mod slots;
mod slow_clients;
mod stops;
mod supervision;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with the other test program")]
mod support;
mod tokens;
