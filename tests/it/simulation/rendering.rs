//! Payloads that are rendered again after the templates have changed, and when a person replays a
//! dead letter.

use std::collections::BTreeSet;

use ringdown::domain::identity::IncidentId;
use ringdown::domain::incident::IncidentState;
use ringdown::domain::ticket::{TicketFields, TicketKey};
use ringdown::settings::{FieldTemplate, FieldValue, Settings};
use serde_json::json;

use crate::simulation::coverage::Coverage;
use crate::simulation::snapshot::{Delivery, Snapshot};
use crate::simulation::world::Broken;

/// A field whose value tells which templates it was rendered from. First by name, because fields
/// that a CRM refuses without naming one are left out from the last on.
const VERSION: &str = "A_Version__c";

/// Which templates are in force, and what may still be sent as it was rendered from earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    version: i64,
    as_stored: BTreeSet<IncidentId>,
}

impl Templates {
    /// Somebody changes the templates of every target.
    pub(crate) fn change(&mut self, settings: &mut Settings) {
        self.version += 1;
        self.write_into(settings);
    }

    /// Lets every ticket tell which templates it was rendered from.
    pub(crate) fn write_into(&self, settings: &mut Settings) {
        for target in settings.targets.values_mut() {
            target.create.retain(|field| field.name != VERSION);
            target.create.push(FieldTemplate {
                name: VERSION.to_owned(),
                value: FieldValue::Literal(json!(self.version)),
            });
        }
    }

    /// A process starts. What is in doubt then keeps its payload, and so does what nobody needs.
    pub(crate) fn note_start(&mut self, now: &Snapshot) {
        let is_over = |id: &str| {
            now.incident(id).is_none_or(|kept| {
                kept.life.state == IncidentState::Closed && kept.ticket_id.is_none()
            })
        };
        let creates = now.deliveries.iter().filter(|one| is_create(one));
        // What was being sent when the process died is in doubt as well.
        let in_doubt = |one: &Delivery| one.in_doubt || one.state == "sending";
        let kept = creates.filter(|one| in_doubt(one) || is_over(&one.incident_id));
        let ids = kept.map(|one| IncidentId::new(one.incident_id.clone()));
        self.as_stored.extend(ids);
    }

    /// A person replays this delivery as it is stored.
    pub(crate) fn note_replay_as_stored(&mut self, id: i64, now: &Snapshot) {
        let replayed = now.deliveries.iter().filter(|one| one.id == id);
        let ids = replayed.map(|one| IncidentId::new(one.incident_id.clone()));
        self.as_stored.extend(ids);
    }

    /// What was sent to a CRM since the last look must be rendered from the templates in force.
    pub(crate) fn check(&self, sent: &[(TicketKey, i64)]) -> Result<(), Broken> {
        for (key, version) in sent {
            let mut exempt = self.as_stored.iter();
            let is_exempt = exempt.any(|id| TicketKey::of_incident(id) == *key);
            if *version != self.version && !is_exempt {
                return Err(format!(
                    "the create of {} was sent as it was rendered from templates {version}; those \
                     in force are {}",
                    key.as_str(),
                    self.version
                ));
            }
        }
        Ok(())
    }
}

fn is_create(delivery: &Delivery) -> bool {
    delivery.operation == "create"
}

/// The templates that `fields` were rendered from; `None` when the CRM has refused the field that
/// tells.
pub(crate) fn version_of(fields: &TicketFields) -> Option<i64> {
    fields.get(VERSION).and_then(serde_json::Value::as_i64)
}

/// What a run has reached.
pub(crate) fn note(then: &Delivery, delivery: &Delivery, coverage: &mut Coverage) {
    if then.is_to_be_rendered() && !delivery.is_to_be_rendered() {
        let operation = if is_create(delivery) {
            "create"
        } else {
            "change"
        };
        coverage.note(format!(
            "restart or replay: a {operation} is rendered again"
        ));
    }
}
