//! The two small languages of the configuration: CEL expressions (`when`, `clear`) and
//! Jinja templates (`key`, ticket fields), compiled once at start.
//!
//! May import: `domain`. Pure: no I/O, no clock.
