//! Renders a delivery as deciding would, for the plan of a replay.

use std::sync::Arc;

use crate::admin::Renderer;
use crate::decide::render_again;
use crate::settings::Settings;
use crate::store::{IncidentRecord, PendingDelivery};

pub(super) struct ConfiguredTemplates(pub(super) Arc<Settings>);

impl Renderer for ConfiguredTemplates {
    fn render(
        &self,
        record: &IncidentRecord,
        delivery: &PendingDelivery,
    ) -> Result<String, String> {
        render_again(&self.0, record, delivery).map(|(_, payload)| payload)
    }
}
