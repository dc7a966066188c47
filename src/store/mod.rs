//! The store: the journal of events, incidents, the outbox of deliveries, review items.
//!
//! All SQL lives here, in `const` statements that SQLite and PostgreSQL both run. May import:
//! `domain`, `settings`. Must not know: HTTP, formats, CRMs; it reads no clock.

mod journal;

pub use journal::{Appended, Journal, JournalError, NewEvent};
