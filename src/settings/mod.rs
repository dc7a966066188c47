//! Settings: read in layers, checked whole, and handed on as final types.
//!
//! May import: `domain`, `rules` (to compile expressions and templates).
