//! Changes of an outage whose ticket will never exist, and of one that loses a member while no
//! decision runs.
//!
//! Only the outage's own row is changed here: deciding, which holds its members' rows, releases
//! them in a step of its own.

use super::audit::ChangedBy;
use super::burst_locks::end_lock;
use super::database::Tx;
use super::history::{HistoryEntry, Reference, insert_history};
use super::incidents::{IncidentRecord, select_incidents, write_incident};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, behind, floods};
use crate::domain::flood;
use crate::domain::identity::IncidentId;
use crate::domain::incident::IncidentState;
use crate::domain::incident::OutageTotals;
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::outage::RULE_PREFIX;
use crate::domain::time::Timestamp;

/// A delivery that a person's decision changed.
#[derive(Debug, Clone)]
pub(super) struct ChangedDelivery {
    pub(super) id: i64,
    pub(super) incident_id: IncidentId,
    pub(super) operation: String,
}

impl ChangedDelivery {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            incident_id: row.get("incident_id")?,
            operation: row.get("operation")?,
        })
    }
}

impl Store {
    /// Lets deciding count the members of the outage `id` anew, at once.
    pub(super) async fn recount_members(
        &self,
        id: &IncidentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let select = Statement::new(select_incidents!("i.id = $1")).bind(id);
        let record = select
            .for_update()
            .fetch_optional(&mut tx, IncidentRecord::read);
        let goes_on = |one: &IncidentRecord| {
            let state = one.incident.state;
            state == IncidentState::Pending || state == IncidentState::Open
        };
        let Some(mut record) = record.await?.filter(goes_on) else {
            return Ok(());
        };
        record.incident.tally.get_or_insert_default().is_stale = true;
        write_incident(&mut tx, &record, Some(now), None).await?;
        tx.commit().await
    }

    /// Lets deciding look at a member of the outage `id`, and so at all of them, at once. The
    /// outer condition is asked again after a wait for the row: the member may be closed then.
    pub(super) async fn wake_member(
        &self,
        id: &IncidentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let update = Statement::new(
            "update incidents set due_at = $1 where id = (select m.id from incidents m \
              where m.outage_id = $2 and m.due_at > $1 order by m.id limit 1) \
             and due_at > $1",
        );
        update.bind(now).bind(id).execute(&mut tx).await?;
        tx.commit().await
    }
}

/// The creates of `incidents` were discarded by a person: links to their tickets are
/// discarded too, and outages among them are to be ended. Answers the links.
pub(super) async fn without_ticket(
    tx: &mut Tx,
    incidents: &[IncidentId],
    by: ChangedBy<'_>,
) -> Result<Vec<ChangedDelivery>, StoreError> {
    let mut links = Vec::new();
    for incident_id in incidents {
        // It waits for the lock of deciding, which may just have enqueued a link.
        give_up(tx, incident_id, by.at).await?;
        let discarded = discard_links(tx, incident_id, by.at).await?;
        for link in &discarded {
            let entry = HistoryEntry {
                incident_id: link.incident_id.clone(),
                at: by.at,
                event: IncidentEvent::LinkDiscarded {
                    outage_id: incident_id.clone(),
                    by: by.actor.to_owned(),
                },
                refers: Reference::default(),
            };
            insert_history(tx, &entry).await?;
            behind::step_up(tx, &link.incident_id).await?;
        }
        links.extend(discarded);
    }
    Ok(links)
}

async fn discard_links(
    tx: &mut Tx,
    outage_id: &IncidentId,
    now: Timestamp,
) -> Result<Vec<ChangedDelivery>, StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where parent_id = $2 and state in ('waiting', 'dead') \
         returning id, incident_id, operation",
    );
    let update = update.bind(now).bind(outage_id);
    update.fetch(tx, ChangedDelivery::read).await
}

/// Marks the outage `id` as given up, and has deciding look at it at once. Another incident is
/// closed and its key released: while it stayed open without a ticket, it would suppress every
/// later breach. What is over stays as it is, but is locked too.
async fn give_up(tx: &mut Tx, id: &IncidentId, now: Timestamp) -> Result<(), StoreError> {
    let select = Statement::new(select_incidents!("i.id = $1")).bind(id);
    let record = select.for_update().fetch_optional(tx, IncidentRecord::read);
    let Some(mut record) = record.await?.filter(is_not_over) else {
        return Ok(());
    };
    if flood::source_of(&record.incident.rule).is_some() {
        // What a flood holds stays held until a person releases or discards it.
        return Ok(());
    }
    if !record.incident.rule.starts_with(RULE_PREFIX) {
        return close(tx, record, now).await;
    }
    let tally = record
        .incident
        .tally
        .get_or_insert_with(OutageTotals::default);
    tally.given_up = true;
    write_incident(tx, &record, Some(now), None).await
}

async fn close(tx: &mut Tx, record: IncidentRecord, now: Timestamp) -> Result<(), StoreError> {
    let mut record = record;
    record.incident.close_by_people(now);
    let incident = &record.incident;
    write_incident(tx, &record, None, floods::mark_of_closed(incident)).await?;
    end_lock(tx, incident).await?;
    let entry = HistoryEntry {
        incident_id: incident.id.clone(),
        at: now,
        event: IncidentEvent::Closed {
            why: ClosingCause::GivenUp,
        },
        refers: Reference::default(),
    };
    insert_history(tx, &entry).await
}

fn is_not_over(record: &IncidentRecord) -> bool {
    record.incident.state != IncidentState::Closed
}
