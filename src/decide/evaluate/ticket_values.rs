//! The values that the templates of a ticket see.

use std::ops::Deref;
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
                .map(|(signal, source)| signal_values(signal, source))
                .unwrap_or_default()
        })
    }
}
