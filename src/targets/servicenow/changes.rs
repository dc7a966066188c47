//! Changes that people make to our tickets: those since a time, and the state of given tickets.

use super::ServiceNow;
use super::ids::SysId;
use super::query::Query;
use super::record::Record;
use super::requests::{Request, WATCHED_FIELDS};
use crate::domain::change_feed::ChangeMark;
use crate::domain::failure::Failure;
use crate::domain::ticket::{TICKET_KEY_PREFIX, TicketKey};
use crate::domain::ticket_sync::{Presence, TicketDetails, TicketSnapshot, TicketVersion};
use crate::targets::crm::{ChangePage, SnapshotSet};

/// Rows read at once.
const PAGE: u16 = 500;
/// Pages without a row that has a place in the order which are read in one call.
const MAX_HIDDEN_PAGES: usize = 20;
/// Ids asked for at once: an address of 2048 characters passes every proxy.
const IDS_PER_QUERY: usize = 40;

impl ServiceNow {
    pub(super) async fn page_of_changes(&self, from: &ChangeMark) -> Result<ChangePage, Failure> {
        let mut query =
            Query::begins("correlation_id", TICKET_KEY_PREFIX).and_since("sys_updated_on", from.at);
        if let Some(id) = from.id.as_deref().and_then(SysId::parse) {
            query = query.and_after("sys_updated_on", from.at, &id);
        }
        let query = query.oldest_first("sys_updated_on").oldest_first("sys_id");
        let mut seen: Vec<TicketSnapshot> = Vec::new();
        for page in 0..MAX_HIDDEN_PAGES {
            let offset = page * usize::from(PAGE);
            let request = Request::rows(&self.table, Some(&query), WATCHED_FIELDS, PAGE);
            let (rows, total) = self.api.counted_rows(&request.watched(offset)).await?;
            seen.extend(rows.iter().filter_map(|row| self.snapshot(row)));
            // Hidden rows are counted and left out: a short page is not the last, and one without a
            // row has no place from which the next could begin.
            let end = offset + usize::from(PAGE);
            let is_last = total.map_or(rows.len() < usize::from(PAGE), |total| end >= total);
            let last = seen.iter().rev().find_map(TicketSnapshot::mark);
            // An instance that ignores a condition answers strangers' tickets, too.
            seen.retain(|one| one.incident_id.is_some());
            if is_last || last.is_some() {
                let next = last.filter(|_| !is_last);
                return Ok(ChangePage { seen, next });
            }
        }
        tracing::warn!(
            target = %self.name, rows = MAX_HIDDEN_PAGES * usize::from(PAGE),
            "so many changed tickets in a row show no time of their change; changes after them are \
             not read. Check whether our user may read the field sys_updated_on, and these tickets"
        );
        Ok(ChangePage { seen, next: None })
    }

    pub(super) async fn snapshots_of(&self, ticket_ids: &[String]) -> Result<SnapshotSet, Failure> {
        let mut look = SnapshotSet::default();
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
