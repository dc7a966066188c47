//! The decisions and the values they are made of: pure functions over plain data.
//!
//! May import: the standard library, `serde`, `thiserror`, `compact_str`, and `jiff` (for
//! the text form of a time). Must not know: I/O, async, the clock, randomness, SQL, HTTP or any sibling module.

pub mod by_name;
pub mod decision;
pub mod failure;
pub mod gate;
pub mod hold;
pub mod incident;
pub mod outage;
pub mod retry;
pub mod severity;
pub mod signal;
pub mod ticket;
pub mod ticket_change;
pub mod time;
