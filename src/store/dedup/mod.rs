//! Duplicate detection: a digest of every event that was received within [`expiry::WINDOW`].
//!
//! SQLite: the newest digests are a memtable, which is also an appended log in the database. A
//! full memtable becomes a sorted run, which is never changed and is later deleted whole. A
//! lookup asks the filter of each run in memory, and reads a block only where a filter says
//! "perhaps". An index over all digests was refused: each event would dirty a random page.
//! PostgreSQL, which several processes append to, has a unique index (`event_keys`).

mod digest;
mod expiry;
mod filter;
mod in_postgres;
mod index;
mod run;
mod tables;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrade_tests;

pub(super) use digest::{Digest, Digests, digest_of};
pub(super) use in_postgres::delete_expired_keys;
pub(super) use index::DedupIndex;
