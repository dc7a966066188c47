//! What the wrappers around an event say about it.

use super::timestamp;
use super::wrappers::Layer;
use crate::domain::time::Timestamp;

/// What stands around a value.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The event's id by the nearest wrapper whose format has one.
    pub(super) id: Option<String>,
    /// The event's type by the nearest wrapper that has one.
    pub(super) event_type: Option<String>,
    /// When it happened, where the event gives no time: by the nearest wrapper, or on arrival.
    pub(super) time: Timestamp,
    pub(super) depth: usize,
}

impl Around {
    /// Nothing stands around the value that was received now.
    pub(super) const fn nothing(received_at: Timestamp) -> Self {
        Self {
            id: None,
            event_type: None,
            time: received_at,
            depth: 0,
        }
    }

    /// What stands around the content of `layer`.
    pub(super) fn within(&self, layer: &Layer<'_>) -> Self {
        let time = layer.time.and_then(timestamp::timestamp);
        Self {
            id: layer.id.clone().or_else(|| self.id.clone()),
            event_type: layer.event_type.map(str::to_owned),
            time: time.unwrap_or(self.time),
            depth: self.depth + 1,
        }
    }
}
