//! Normalisation.

/// How a source's events are to be read.
#[derive(Debug, Clone)]
pub enum Format {
    /// Every shape Genesys sends.
    Genesys,
}
use crate::domain::{signal::*, time::Timestamp};
/// x
pub struct Normalised {
    pub event_id: String,
    pub outcome: Outcome,
}
/// x
pub enum Outcome {
    Signals(Vec<Signal>),
    Nothing(&'static str),
    Mismatch(SchemaMismatch),
}
/// x
pub fn normalise(_f: &Format, _item: &serde_json::Value, _r: Timestamp) -> Normalised {
    Normalised {
        event_id: String::new(),
        outcome: Outcome::Nothing("x"),
    }
}
