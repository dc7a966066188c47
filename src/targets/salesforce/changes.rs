//! Changes that people make to our tickets: those since a time, and the state of given tickets.
//!
//! Both ask with `queryAll`, which shows deleted records as deleted for as long as they are in the
//! recycle bin.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::Salesforce;
use super::ids::{self, RecordId};
use super::rejection::{Call, Rejection};
use super::requests::Request;
use super::soql::{self, Ours};
use crate::domain::change_feed::ChangeMark;
use crate::domain::failure::Failure;
use crate::domain::identity::IncidentId;
use crate::domain::ticket::TicketKey;
use crate::domain::ticket_sync::{Presence, TicketDetails, TicketSnapshot, TicketVersion};
use crate::targets::crm::{ChangePage, SnapshotSet};

/// Ids asked for at once: the query stays well below the 16 KB that an address may have.
const IDS_PER_QUERY: usize = 200;
/// Changes read at once: their answer stays below a megabyte.
const PAGE: usize = 1_000;

impl Salesforce {
    pub(super) async fn page_of_changes(&self, from: &ChangeMark) -> Result<ChangePage, Failure> {
        let (object, ours) = (self.object.name(), self.ours());
        let rows = self
            .tracked_rows(|fields| soql::tickets_changed(object, fields, ours, from, PAGE))
            .await?;
        let seen: Vec<TicketSnapshot> = rows.iter().filter_map(|row| self.snapshot(row)).collect();
        let last = seen.iter().rev().find_map(TicketSnapshot::mark);
        let next = last.filter(|_| rows.len() >= PAGE);
        Ok(ChangePage { seen, next })
    }

    pub(super) async fn snapshots_of(&self, ticket_ids: &[String]) -> Result<SnapshotSet, Failure> {
        let mut look = SnapshotSet::default();
        for asked in ticket_ids.chunks(IDS_PER_QUERY) {
            let ids: Vec<RecordId> = asked.iter().filter_map(|id| RecordId::parse(id)).collect();
            let rows = match ids.is_empty() {
                true => Vec::new(),
                false => {
                    self.tracked_rows(|fields| soql::tickets_with(self.object.name(), fields, &ids))
                        .await?
                }
            };
            let seen = rows.iter().filter_map(|row| self.snapshot(row)).collect();
            look = look.with(asked, seen, ids::are_same);
        }
        Ok(look)
    }

    /// The rows of a query. Where the org does not show us the fields that are good to have,
    /// it is asked again without them, and from then on at once.
    async fn tracked_rows(
        &self,
        query: impl Fn(&[String]) -> String,
    ) -> Result<Vec<Value>, Rejection> {
        let all = self.tracking_fields_hidden.load(Ordering::Relaxed);
        let ask = |poor: bool| Request::query_all(Call::Ask, query(&self.tracked_fields(poor)));
        match self.api.rows(ask(all)).await {
            Err(rejection) if !all && is_about_a_field(&rejection) => {
                let rows = self.api.rows(ask(true)).await?;
                self.tracking_fields_hidden.store(true, Ordering::Relaxed);
                tracing::warn!(
                    target = self.name.as_str(), reason = %rejection.failure,
                    "not every field of a ticket can be read; who works on it and how urgent it is are not followed"
                );
                Ok(rows)
            }
            outcome => outcome,
        }
    }

    fn tracked_fields(&self, poor: bool) -> Vec<String> {
        let mut fields = self.object.fields();
        let mut add = |names: &[&str]| fields.extend(names.iter().map(|name| (*name).to_owned()));
        add(&["IsDeleted"]);
        match self.ours() {
            Ours::ExternalId(field) => add(&[field]),
            Ours::Subject => add(&["Subject"]),
        }
        if !poor {
            add(&["Priority", "Owner.Name", "LastModifiedBy.Name"]);
            add(self.object.merge_fields());
        }
        fields
    }

    fn ours(&self) -> Ours<'_> {
        match &self.external_id_field {
            Some(field) => Ours::ExternalId(field),
            None => Ours::Subject,
        }
    }

    /// The snapshot in a row; `None` for one that has no id.
    pub(super) fn snapshot(&self, row: &Value) -> Option<TicketSnapshot> {
        let id = RecordId::parse(row.get("Id")?.as_str()?)?;
        let ticket = self.object.ticket(&self.api.site(), &id, row);
        Some(TicketSnapshot {
            ticket_id: ticket.id.clone(),
            incident_id: self.incident_in(row),
            version: version(row),
            changed_by: text(row, "/LastModifiedBy/Name"),
            presence: presence(row),
            details: TicketDetails {
                priority: text(row, "/Priority"),
                assignee: text(row, "/Owner/Name"),
                ..ticket.into()
            },
        })
    }

    fn incident_in(&self, row: &Value) -> Option<IncidentId> {
        match self.ours() {
            Ours::ExternalId(field) => {
                TicketKey::incident_in(row.get(field).and_then(Value::as_str)?)
            }
            Ours::Subject => {
                let subject = row.get("Subject").and_then(Value::as_str)?;
                let (_, mark) = subject.rsplit_once('[')?;
                TicketKey::incident_in(mark.split(']').next()?)
            }
        }
    }
}

fn is_about_a_field(rejection: &Rejection) -> bool {
    rejection.failure.code.as_deref() == Some("INVALID_FIELD")
}

fn text(row: &Value, pointer: &str) -> Option<String> {
    let text = row.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Salesforce writes the zone without a colon: `2026-11-23T14:00:00.000+0000`.
fn version(row: &Value) -> Option<TicketVersion> {
    let stamp = row.get("SystemModstamp")?.as_str()?.replace("+0000", "Z");
    let changed_at = stamp.parse().ok()?;
    Some(TicketVersion {
        changed_at,
        changes: 0,
    })
}

/// A merged case names the one it became part of, whether the org keeps it or deletes it.
fn presence(row: &Value) -> Presence {
    if let Some(other) = text(row, "/MasterRecordId") {
        return Presence::MergedInto(other);
    }
    match row.get("IsDeleted").and_then(Value::as_bool) {
        Some(true) => Presence::Deleted,
        _ => Presence::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merged_case_names_the_one_it_went_into_and_a_deleted_one_none() {
        let merged = json!({"IsDeleted": true, "MasterRecordId": "5005g00000SiMuLAAV"});
        assert_eq!(
            presence(&merged),
            Presence::MergedInto("5005g00000SiMuLAAV".to_owned())
        );
        let deleted = json!({"IsDeleted": true, "MasterRecordId": null});
        assert_eq!(presence(&deleted), Presence::Deleted);
        assert_eq!(presence(&json!({"IsDeleted": false})), Presence::Here);
    }

    #[test]
    fn a_version_is_read_in_salesforces_spelling_of_time() {
        let row = json!({"SystemModstamp": "2026-11-23T14:07:30.000+0000"});
        let at = version(&row).map(|version| version.changed_at.to_string());
        assert_eq!(at.as_deref(), Some("2026-11-23T14:07:30Z"));
    }
}
