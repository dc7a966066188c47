//! Renders deliveries for the plan of a replay, by what the program provides.

use crate::store::{IncidentRecord, PendingDelivery};

/// Renders deliveries from the present configuration.
pub trait Renderer: Send + Sync {
    /// The content of `delivery`, or why it cannot be rendered.
    fn render(&self, record: &IncidentRecord, delivery: &PendingDelivery)
    -> Result<String, String>;
}

/// Of a listener that renders nothing.
pub(super) struct NoRenderer;

impl Renderer for NoRenderer {
    fn render(&self, _: &IncidentRecord, delivery: &PendingDelivery) -> Result<String, String> {
        Ok(delivery.payload.clone())
    }
}
