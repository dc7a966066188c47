//! One row of a table as the instance answers it, and the ticket in it.
//!
//! Every value is text, also numbers and truth values. A reference comes in three shapes:
//! plain text, an object with `value`, and an object with `display_value` only; an empty one
//! is `""` in all of them. Pure; may import: `domain::ticket`.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::Url;

use crate::domain::ticket::{Ticket, TicketKey, limit_number};

use super::ids::SysId;

/// States in which a person or we have settled an incident: Resolved, Closed, Cancelled.
const RESOLVED_INCIDENT_STATES: [&str; 3] = ["6", "7", "8"];

/// States in which an incident takes no more changes: Closed, Cancelled.
const FINAL_INCIDENT_STATES: [&str; 2] = ["7", "8"];

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Record(Map<String, Value>);

impl Record {
    /// The row in `value`; `None` when it is not an object.
    pub(super) fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// The value of `field` as text; `None` when the row does not have the field at all.
    pub(super) fn get(&self, field: &str) -> Option<Cow<'_, str>> {
        self.0.get(field).map(text_of)
    }

    /// The value of `field`, empty when the row does not have it.
    pub(super) fn text(&self, field: &str) -> Cow<'_, str> {
        self.get(field).unwrap_or_default()
    }

    /// What people see of `field`; the raw value where the row holds nothing else.
    pub(super) fn shown(&self, field: &str) -> Option<String> {
        let value = self.0.get(field)?;
        let shown = value
            .get("display_value")
            .map_or_else(|| text_of(value), text_of);
        (!shown.is_empty()).then(|| shown.into_owned())
    }

    /// The record's id, when it is one.
    pub(super) fn id(&self) -> Option<SysId> {
        SysId::parse(&self.text("sys_id"))
    }

    /// How often the record was changed, where the row says so.
    pub(super) fn changes(&self) -> Option<u64> {
        self.text("sys_mod_count").parse().ok()
    }

    /// Whether the row carries `key`, byte for byte.
    pub(super) fn carries(&self, key: &TicketKey) -> bool {
        self.text("correlation_id") == key.as_str()
    }
}

/// The text of one value in any of its shapes.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        Value::Object(reference) => ["value", "display_value"]
            .iter()
            .find_map(|shape| reference.get(*shape))
            .map_or(Cow::Borrowed(""), text_of),
        other => Cow::Owned(other.to_string()),
    }
}

/// What is needed to read a ticket out of a row: the table, its address, and which states
/// count as settled in it.
#[derive(Debug, Clone)]
pub(super) struct TicketShape {
    base: String,
    table: String,
    settled: Vec<String>,
}

impl TicketShape {
    /// The shape of the tickets in `table` of the instance at `base`. `resolved_state` is the
    /// state that our own resolution sets, where it is the same for every ticket.
    pub(super) fn new(base: &Url, table: &str, resolved_state: Option<String>) -> Self {
        let mut settled: Vec<String> = resolved_state.into_iter().collect();
        if table == "incident" {
            settled.extend(RESOLVED_INCIDENT_STATES.map(str::to_owned));
        }
        Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            table: table.to_owned(),
            settled,
        }
    }

    /// The ticket in `record`, whose id is `id`.
    pub(super) fn ticket(&self, id: &SysId, record: &Record) -> Ticket {
        let state = Some(record.text("state").into_owned()).filter(|state| !state.is_empty());
        Ticket {
            id: id.as_str().to_owned(),
            number: Some(record.text("number").into_owned())
                .filter(|number| !number.is_empty())
                .map(limit_number),
            url: self.address(id),
            closed: self.is_resolved(record),
            state,
            not_kept: Vec::new(),
            is_unread: false,
            was_there: false,
        }
    }

    /// Where a person opens the record `id`.
    pub(super) fn address(&self, id: &SysId) -> String {
        format!(
            "{}/nav_to.do?uri=/{}.do?sys_id={}",
            self.base,
            self.table,
            id.as_str()
        )
    }

    /// Whether the ticket is resolved, closed or cancelled. `active` alone does not tell: it
    /// stays true on a resolved incident.
    pub(super) fn is_resolved(&self, record: &Record) -> bool {
        record.text("active") == "false" || self.settled.iter().any(|s| *s == record.text("state"))
    }

    /// Whether the ticket takes no more changes from anybody but an administrator.
    pub(super) fn is_final(&self, record: &Record) -> bool {
        let state = record.text("state");
        record.text("active") == "false"
            || (self.table == "incident" && FINAL_INCIDENT_STATES.contains(&state.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::identity::IncidentId;

    const ID: &str = "c537bae64f411200adf9f8e18110c76e";

    fn record(value: Value) -> Record {
        Record::from_json(value).unwrap()
    }

    fn shape(table: &str) -> TicketShape {
        let base = Url::parse("https://example.service-now.com").unwrap();
        TicketShape::new(&base, table, Some("3".to_owned()))
    }

    #[test]
    fn a_reference_is_read_in_each_of_its_shapes() {
        for value in [
            json!({"link": "https://x/api/now/table/sys_user_group/28", "value": "28"}),
            json!("28"),
            json!({"display_value": "28", "link": "https://x"}),
            json!({"display_value": "Network", "value": "28"}),
        ] {
            assert_eq!(
                record(json!({"assignment_group": value})).text("assignment_group"),
                "28"
            );
        }
        assert_eq!(
            record(json!({"assignment_group": ""})).text("assignment_group"),
            ""
        );
    }

    #[test]
    fn a_missing_field_is_told_apart_from_an_empty_one() {
        let record = record(json!({"u_empty": "", "u_null": null}));
        assert_eq!(record.get("u_empty").as_deref(), Some(""));
        assert_eq!(record.get("u_null").as_deref(), Some(""));
        assert_eq!(record.get("u_unknown"), None);
    }

    #[test]
    fn a_ticket_has_its_number_its_state_and_an_address_for_people() {
        let record = record(json!({
            "sys_id": ID, "number": "INC0010002", "state": "2", "active": "true"
        }));
        let ticket = shape("incident").ticket(&record.id().unwrap(), &record);
        assert_eq!(ticket.number.as_deref(), Some("INC0010002"));
        assert_eq!(ticket.state.as_deref(), Some("2"));
        assert!(!ticket.closed);
        assert_eq!(
            ticket.url,
            format!("https://example.service-now.com/nav_to.do?uri=/incident.do?sys_id={ID}")
        );
    }

    #[test]
    fn a_resolved_incident_counts_as_closed_although_it_is_active() {
        for state in ["6", "7", "8"] {
            let record = record(json!({"sys_id": ID, "state": state, "active": "true"}));
            assert!(shape("incident").is_resolved(&record), "state {state}");
        }
    }

    #[test]
    fn on_another_table_only_inactive_and_our_own_resolved_state_count_as_closed() {
        let shape = shape("u_telephony_task");
        assert!(!shape.is_resolved(&record(json!({"state": "6", "active": "true"}))));
        assert!(shape.is_resolved(&record(json!({"state": "3", "active": "true"}))));
        assert!(shape.is_resolved(&record(json!({"state": "9", "active": "false"}))));
    }

    #[test]
    fn a_resolved_incident_still_takes_changes_and_a_closed_one_does_not() {
        let shape = shape("incident");
        assert!(!shape.is_final(&record(json!({"state": "6", "active": "true"}))));
        assert!(shape.is_final(&record(json!({"state": "7", "active": "false"}))));
        assert!(shape.is_final(&record(json!({"state": "8", "active": "true"}))));
    }

    #[test]
    fn a_key_is_compared_byte_for_byte() {
        let key = TicketKey::of_incident(&IncidentId::new("3f9a"));
        assert!(record(json!({"correlation_id": "rd-3f9a"})).carries(&key));
        assert!(!record(json!({"correlation_id": "RD-3F9A"})).carries(&key));
        assert!(!record(json!({"correlation_id": "rd-3f9a-2"})).carries(&key));
        assert!(!record(json!({})).carries(&key));
    }
}
