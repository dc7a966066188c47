//! Changes that people make to our tickets: those since a time, and the state of given tickets.

use super::ServiceNow;
use super::ids::SysId;
use super::query::Query;
use super::record::Record;
use super::requests::{Request, WATCHED_FIELDS};
use crate::domain::failure::Failure;
use crate::domain::ticket::{TICKET_KEY_PREFIX, TicketKey};
use crate::domain::ticket_sync::{Presence, TicketDetails, TicketSnapshot, TicketVersion};
use crate::domain::time::Timestamp;
use crate::targets::crm::Look;

/// Rows read at once.
const PAGE: u16 = 500;
/// Pages of one poll; the next poll continues after them.
const MAX_PAGES: usize = 20;
/// Ids asked for at once: an address of 2048 characters passes every proxy.
const IDS_PER_QUERY: usize = 40;

impl ServiceNow {
    pub(super) async fn changes_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<TicketSnapshot>, Failure> {
        let query = Query::begins("correlation_id", TICKET_KEY_PREFIX)
            .and_since("sys_updated_on", since)
            .oldest_first("sys_updated_on")
            .oldest_first("sys_id");
        let mut seen = Vec::new();
        for page in 0..MAX_PAGES {
            let offset = page * usize::from(PAGE);
            let request = Request::rows(&self.table, Some(&query), WATCHED_FIELDS, PAGE);
            let (rows, total) = self.api.counted_rows(&request.watched(offset)).await?;
            let answered = rows.len();
            // An instance that ignores a condition answers strangers' tickets, too.
            let ours = rows.iter().filter_map(|row| self.snapshot(row));
            seen.extend(ours.filter(|one| one.incident_id.is_some()));
            // Hidden rows are counted and left out: a short page is not the last.
            let end = offset + usize::from(PAGE);
            if total.map_or(answered < usize::from(PAGE), |total| end >= total) {
                break;
            }
        }
        Ok(seen)
    }

    pub(super) async fn snapshots_of(&self, ticket_ids: &[String]) -> Result<Look, Failure> {
        let mut look = Look::default();
        for asked in ticket_ids.chunks(IDS_PER_QUERY) {
            let ids: Vec<SysId> = asked.iter().filter_map(|id| SysId::parse(id)).collect();
            let (rows, total) = match ids.is_empty() {
                true => (Vec::new(), None),
                false => {
                    let query = Query::one_of(&ids);
                    let request = Request::rows(&self.table, Some(&query), WATCHED_FIELDS, PAGE);
                    self.api.counted_rows(&request.watched(0)).await?
                }
            };
            let seen: Vec<TicketSnapshot> =
                rows.iter().filter_map(|row| self.snapshot(row)).collect();
            // What is counted and not shown is hidden from our user, not deleted.
            if total.is_none_or(|total| total <= rows.len()) {
                look = look.with(asked, seen, |a, b| a == b);
            } else {
                tracing::warn!(
                    target = %self.name, counted = total, shown = rows.len(),
                    "tickets are there that our user may not read; whether others were deleted cannot be told"
                );
                look.seen.extend(seen);
            }
        }
        Ok(look)
    }

    fn snapshot(&self, record: &Record) -> Option<TicketSnapshot> {
        let id = record.id()?;
        let ticket = self.shape.ticket(&id, record);
        let assignee = record.shown("assigned_to");
        Some(TicketSnapshot {
            ticket_id: ticket.id.clone(),
            incident_id: TicketKey::incident_in(&record.text("correlation_id")),
            version: version(record),
            changed_by: record.shown("sys_updated_by"),
            presence: presence(record, ticket.closed),
            details: TicketDetails {
                priority: record.shown("priority"),
                assignee: assignee.or_else(|| record.shown("assignment_group")),
                ..ticket.into()
            },
        })
    }
    /// The ticket `id` in a record with raw values: what people see of its references is not known.
    pub(super) fn raw_snapshot(&self, id: &SysId, record: &Record) -> TicketSnapshot {
        TicketSnapshot {
            version: version(record),
            ..TicketSnapshot::of(self.shape.ticket(id, record))
        }
    }
}

/// ServiceNow merges nothing: people close the one as a duplicate and name the other as its
/// parent.
fn presence(record: &Record, closed: bool) -> Presence {
    let is_duplicate = record.text("close_code").eq_ignore_ascii_case("duplicate");
    match record.shown("parent_incident") {
        Some(other) if closed && is_duplicate => Presence::MergedInto(other),
        _ => Presence::Here,
    }
}

/// Raw times are UTC, to the second. The count of changes orders those within one second.
fn version(record: &Record) -> Option<TicketVersion> {
    let stamp = record.text("sys_updated_on").replace(' ', "T");
    Some(TicketVersion {
        changed_at: format!("{stamp}Z").parse().ok()?,
        changes: record.text("sys_mod_count").parse().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_version_is_the_raw_time_in_utc_and_the_count_of_changes() {
        let record = Record::from_json(json!({
            "sys_updated_on": {"value": "2026-11-23 14:07:30", "display_value": "2026-11-23 15:07:30"},
            "sys_mod_count": {"value": "3", "display_value": "3"},
        }))
        .unwrap();
        let version = version(&record).unwrap();
        assert_eq!(version.changed_at.to_string(), "2026-11-23T14:07:30Z");
        assert_eq!(version.changes, 3);
    }
}
