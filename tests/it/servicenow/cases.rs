//! The incident, the fields and the records that these tests speak of.

use ringdown::domain::failure::Failure;
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::{Ticket, TicketFields, TicketKey};
use ringdown::targets::{Crm, TicketChange};
use serde_json::{Value, json};

use crate::servicenow::instance::{Instance, Line, client};

pub(crate) const OTHER: &str = "c537bae64f411200adf9f8e18110c76e";
pub(crate) const GROUP: &str = "287ebd7da9fe198100f92cc8d1d2154e";

pub(crate) fn key() -> TicketKey {
    TicketKey::of_incident(&IncidentId::new("0198b2f6-3f9a"))
}

pub(crate) fn fields() -> TicketFields {
    object(json!({"short_description": "Billing Tier 1: long wait", "urgency": "1"}))
}

pub(crate) fn object(value: Value) -> TicketFields {
    value.as_object().unwrap().clone()
}

pub(crate) fn note(text: &str, fields: Value) -> TicketChange {
    TicketChange {
        comment: Some(text.to_owned()),
        marker: "[ref 3f9a]".to_owned(),
        fields: object(fields),
    }
}

pub(crate) fn resolution() -> TicketChange {
    let fields = json!({"state": "6", "close_code": "Resolved by caller", "close_notes": "ok"});
    note("Recovered.", fields)
}

/// A row as a look-up answers it.
pub(crate) fn row(id: &str, key: &str, created: &str) -> Value {
    json!({
        "sys_id": id, "number": "INC0010002", "state": "2", "active": "true",
        "correlation_id": key, "sys_created_on": created
    })
}

pub(crate) async fn create_with(script: Vec<Line>) -> (Result<Ticket, Failure>, Instance) {
    let (instance, base) = Instance::playing(script).await;
    let outcome = client(&base).create(&key(), &fields()).await;
    (outcome, instance)
}

/// The id that the client chooses for [`key`], as it stands in its own request.
pub(crate) async fn chosen_id() -> String {
    let (outcome, _) = create_with(vec![Line::Created(json!({}))]).await;
    outcome.unwrap().id
}
