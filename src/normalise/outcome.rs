//! The result of normalisation.

use crate::domain::signal::{SchemaMismatch, Signal};

/// One item of a request after normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The id as the sender gave it, or one derived from the content. It is there even when
    /// the event was not understood.
    pub event_id: String,
    pub outcome: Outcome,
}

/// The content of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// One signal per entity the event is about; never empty.
    Signals(Vec<Signal>),
    /// Understood, and without meaning for an incident; the text says why.
    Nothing(&'static str),
    /// Not understood: a review item.
    Mismatch(SchemaMismatch),
}

impl From<Result<Self, SchemaMismatch>> for Outcome {
    fn from(result: Result<Self, SchemaMismatch>) -> Self {
        result.unwrap_or_else(Self::Mismatch)
    }
}
