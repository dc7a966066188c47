//! Targets: the CRM clients.
//!
//! May import: `domain`, `settings`. Must not know: the store, sources, rules.
