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

impl Outcome {
    /// The outcome of several events that are read as one: one that is not understood makes all
    /// go to review.
    pub(super) fn of_all(outcomes: impl Iterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        let mut nothing = None;
        for outcome in outcomes {
            match outcome {
                Self::Signals(signals) => all.extend(signals),
                Self::Nothing(why) => nothing = Some(why),
                Self::Mismatch(_) => return outcome,
            }
        }
        match nothing {
            Some(why) if all.is_empty() => Self::Nothing(why),
            _ => Self::Signals(all),
        }
    }
}
