//! What differs between a Case and an Incident: names of fields, where comments go, and when
//! a ticket counts as closed.
//!
//! Pure; may import: `domain`.

use serde_json::Value;
use url::Url;

use super::ids::RecordId;
use crate::domain::ticket::{Ticket, limit_number};

/// Statuses of an Incident that mean closed in an org as delivered.
const CLOSED_INCIDENT_STATUSES: [&str; 3] = ["Resolved", "Completed", "Closed"];

/// The object that tickets are records of.
#[derive(Debug, Clone)]
pub(super) struct TicketObject {
    name: String,
    /// The status that `[targets.NAME.resolve]` sets, where it is the same for every ticket.
    resolved_status: Option<String>,
}

impl TicketObject {
    pub(super) fn new(name: &str, resolved_status: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            resolved_status,
        }
    }

    /// `Case` or `Incident`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn is_case(&self) -> bool {
        self.name == "Case"
    }

    fn number_field(&self) -> String {
        format!("{}Number", self.name)
    }

    /// The fields a ticket is read from. An Incident has no `IsClosed` that could be relied on.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields = vec!["Id".to_owned(), self.number_field(), "Status".to_owned()];
        if self.is_case() {
            fields.push("IsClosed".to_owned());
        }
        fields.push("SystemModstamp".to_owned());
        fields
    }

    /// The field that names the ticket this one was merged into. Incidents cannot be merged.
    pub(super) fn merge_fields(&self) -> &'static [&'static str] {
        if self.is_case() {
            &["MasterRecordId"]
        } else {
            &[]
        }
    }

    /// The field that names the parent ticket.
    pub(super) fn parent_field(&self) -> &'static str {
        if self.is_case() {
            "ParentId"
        } else {
            "ParentIncidentId"
        }
    }

    /// Comments: the object and its field for the text. Case comments are not published;
    /// Incidents have none, but a feed.
    pub(super) fn comments(&self) -> (&'static str, &'static str) {
        if self.is_case() {
            ("CaseComment", "CommentBody")
        } else {
            ("FeedItem", "Body")
        }
    }

    /// The ticket in `record`, for people at `site`.
    pub(super) fn ticket(&self, site: &Url, id: &RecordId, record: &Value) -> Ticket {
        let text = |name: &str| {
            let text = record.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ticket {
            id: id.as_str().to_owned(),
            number: text(&self.number_field()).map(limit_number),
            url: self.address(site, id),
            state: text("Status"),
            closed: self.is_closed(record),
            not_kept: Vec::new(),
            is_unread: false,
            was_there: false,
        }
    }

    fn is_closed(&self, record: &Value) -> bool {
        if let Some(closed) = record.get("IsClosed").and_then(Value::as_bool) {
            return closed;
        }
        let Some(status) = record.get("Status").and_then(Value::as_str) else {
            return false;
        };
        self.resolved_status.as_deref() == Some(status)
            || (!self.is_case() && CLOSED_INCIDENT_STATUSES.contains(&status))
    }

    fn address(&self, site: &Url, id: &RecordId) -> String {
        let origin = site.origin().ascii_serialization();
        format!("{origin}/lightning/r/{}/{id}/view", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn closed(object: &str, resolved: Option<&str>, record: &Value) -> bool {
        let object = TicketObject::new(object, resolved.map(str::to_owned));
        let site = Url::parse("https://acme.my.salesforce.com/").unwrap();
        let id = RecordId::parse("500000000000001AAA").unwrap();
        object.ticket(&site, &id, record).closed
    }

    #[test]
    fn a_case_is_closed_when_the_org_says_so_whatever_its_status_is_called() {
        let shut = json!({"Status": "Erledigt", "IsClosed": true});
        let silent = json!({"Status": "Closed", "IsClosed": false});
        assert!(closed("Case", Some("Closed"), &shut));
        assert!(!closed("Case", Some("Closed"), &silent));
    }

    #[test]
    fn an_incident_is_closed_by_the_stock_statuses_and_the_configured_one() {
        assert!(closed("Incident", None, &json!({"Status": "Completed"})));
        assert!(closed(
            "Incident",
            Some("Gelöst"),
            &json!({"Status": "Gelöst"})
        ));
        assert!(!closed(
            "Incident",
            Some("Gelöst"),
            &json!({"Status": "In Progress"})
        ));
    }

    #[test]
    fn people_open_a_ticket_on_the_lightning_page_of_the_instance() {
        let site = Url::parse("https://acme.my.salesforce.com/").unwrap();
        let id = RecordId::parse("500000000000001AAA").unwrap();
        let record = json!({"CaseNumber": "00001027", "Status": "New", "IsClosed": false});
        let ticket = TicketObject::new("Case", None).ticket(&site, &id, &record);
        assert_eq!(
            ticket.url,
            "https://acme.my.salesforce.com/lightning/r/Case/500000000000001AAA/view"
        );
        assert_eq!(ticket.number.as_deref(), Some("00001027"));
        assert_eq!(ticket.state.as_deref(), Some("New"));
    }
}
