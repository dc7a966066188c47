//! The decisions and the values they are made of: pure functions over plain data.
//!
//! May import: the standard library, `serde`, `thiserror`, `jiff` (for the text
//! form of a time) and `regex` (for matchers). Must not know: I/O, async, the clock,
//! randomness, SQL, HTTP or any sibling module.

pub mod decision;
pub mod enrichment;
pub mod failover;
pub mod failure;
pub mod flapping;
pub mod flood;
pub mod gate;
pub mod heard;
pub mod hold;
pub mod incident;
pub mod lanes;
pub mod life;
pub mod outage;
pub mod part;
pub mod retry;
pub mod review_limit;
pub mod severity;
pub mod signal;
pub mod silence;
pub mod tally;
pub mod ticket;
pub mod ticket_change;
pub mod time;
pub mod transition;
pub mod trouble;
