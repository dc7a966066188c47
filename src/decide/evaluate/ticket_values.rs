//! The values that the templates of a ticket see.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use super::signal_values::signal_values;
use crate::domain::signal::Signal;
use crate::rules::TemplateContext;

/// The values of a breach. They are made when they are first read: in a storm most breaches
/// repeat a known one, and only the values of the last are ever read.
#[derive(Debug, Clone)]
pub(crate) struct TicketValues {
    values: OnceLock<TemplateContext>,
    origin: Option<(Arc<Signal>, Arc<str>)>,
}

impl TicketValues {
    /// The values of `signal`, which came from `source`.
    pub(super) fn of(signal: Arc<Signal>, source: Arc<str>) -> Self {
        Self {
            values: OnceLock::new(),
            origin: Some((signal, source)),
        }
    }
}

impl From<TemplateContext> for TicketValues {
    fn from(values: TemplateContext) -> Self {
        Self {
            values: values.into(),
            origin: None,
        }
    }
}

impl Deref for TicketValues {
    type Target = TemplateContext;

    fn deref(&self) -> &TemplateContext {
        self.values.get_or_init(|| {
            let origin = self.origin.as_ref();
            origin
                .map(|(signal, source)| {
                    let make = || signal_values(signal, source);
                    made_or_empty(&signal.event_payload_id, make)
                })
                .unwrap_or_default()
        })
    }
}

/// What `make` makes of the event `event_id`, or nothing where it panics. The first read is in the
/// middle of a batch, where nothing else stops a panic: the batch would fail, be tried again and fail
/// again, and no later event would ever be decided. Without values, only the ticket of this event is
/// incomplete.
fn made_or_empty(event_id: &str, make: impl FnOnce() -> TemplateContext) -> TemplateContext {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| {
        tracing::error!(
            event_id,
            "making the values of a ticket failed inside ringdown; its templates see none. \
             Please report it"
        );
        TemplateContext::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_whose_values_cannot_be_made_has_none_and_stops_nothing() {
        let values = made_or_empty("evt-1", || panic!("a defect"));
        assert!(values.is_empty());
    }
}
