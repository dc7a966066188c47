//! What came back from the CRM: one sighting of a ticket is applied in one transaction, with
//! everything that follows from it.
//!
//! The incident's row is locked on PostgreSQL, here and when deciding loads it, so that a
//! batch decided on what was true before cannot write it back.

use sqlx::QueryBuilder;

use super::database::{Tx, on};
use super::decisions::{active_key, keep_onsets};
use super::history::{HistoryEntry, Reference, insert_history};
use super::outbox::ClaimedDelivery;
use super::{Store, StoreError, floods};
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket_change::{
    Consequence, Followed, KnownTicket, Sighting, TicketFace, TicketVersion, follow,
};
use crate::domain::time::Timestamp;
use crate::fault_points;

/// A sighting applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedSighting {
    /// The incident that owns the ticket.
    pub incident_id: String,
    /// What the sighting was.
    pub followed: Followed,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    id: String,
    life: String,
    ticket_number: Option<String>,
    ticket_url: Option<String>,
    ticket_state: Option<String>,
    ticket_closed: i64,
    ticket_priority: Option<String>,
    ticket_assignee: Option<String>,
    ticket_changed_at: Option<i64>,
    ticket_changes: Option<i64>,
    ticket_fate: Option<String>,
}

macro_rules! known_row {
    ($which:literal) => {
        concat!(
            "select id, life, ticket_number, ticket_url, ticket_state, ticket_closed, \
              ticket_priority, ticket_assignee, ticket_changed_at, ticket_changes, ticket_fate \
             from incidents where target = $1 and ",
            $which
        )
    };
}
/// By the ticket's id first: a key can be copied into another ticket by people.
const BY_TICKET: &str = known_row!("ticket_id = $2");
const BY_INCIDENT: &str = known_row!("id = $2 and ticket_id is null");

impl Store {
    /// Applies `seen` to the incident of `target` that owns the ticket; `None` when the ticket
    /// is nobody's. `closes` is what the settings say about tickets that people close.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written or a row is damaged.
    pub async fn apply_sighting(
        &self,
        target: &str,
        seen: &Sighting,
        closes: bool,
        now: Timestamp,
    ) -> Result<Option<AppliedSighting>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let Some(row) = owner_of(&mut tx, target, seen).await? else {
            return Ok(None);
        };
        let (incident_id, mut incident, mut known) = unpack(row)?;
        let before = known.clone();
        let then = follow(&mut incident, &mut known, seen, closes, now);
        if known != before {
            write_known(&mut tx, &incident_id, &seen.ticket_id, &known).await?;
        }
        keep(&mut tx, &incident, &then, now).await?;
        tx.commit().await?;
        if then.followed == Followed::Closed {
            fault_points::reach("closing-applied");
            // On its own: deciding locks rows of a group in an order of its own. Should it be
            // lost, the group is looked at with its next event, or when it has become quiet.
            match &incident.outage_id {
                Some(outage_id) => self.wake_outage(outage_id, now).await?,
                None => self.wake_member(&incident.id, now).await?,
            }
        }
        Ok(Some(AppliedSighting {
            incident_id,
            followed: then.followed,
        }))
    }
}

/// The incident that owns what was seen, its row locked.
async fn owner_of(
    tx: &mut Tx,
    target: &str,
    seen: &Sighting,
) -> Result<Option<KnownRow>, StoreError> {
    if let Some(row) = locked_row(tx, BY_TICKET, target, &seen.ticket_id).await? {
        return Ok(Some(row));
    }
    match &seen.incident_id {
        Some(incident_id) => locked_row(tx, BY_INCIDENT, target, incident_id).await,
        None => Ok(None),
    }
}

async fn locked_row(
    tx: &mut Tx,
    select: &'static str,
    target: &str,
    id: &str,
) -> Result<Option<KnownRow>, StoreError> {
    let select = format!("{select}{}", tx.row_lock());
    Ok(on!(tx, connection => {
        sqlx::query_as(sqlx::AssertSqlSafe(select))
            .bind(target)
            .bind(id)
            .fetch_optional(connection)
            .await?
    }))
}

fn unpack(row: KnownRow) -> Result<(String, Incident, KnownTicket), StoreError> {
    let incident = serde_json::from_str(&row.life).map_err(|error| StoreError::Damaged {
        table: "incidents",
        row: row.id.clone(),
        problem: error.to_string(),
    })?;
    let known = KnownTicket {
        version: row.ticket_changed_at.map(|at| TicketVersion {
            changed_at: Timestamp::from_millis(at),
            changes: u64::try_from(row.ticket_changes.unwrap_or(0)).unwrap_or(0),
        }),
        face: TicketFace {
            number: row.ticket_number,
            url: row.ticket_url,
            state: row.ticket_state,
            closed: row.ticket_closed != 0,
            priority: row.ticket_priority,
            assignee: row.ticket_assignee,
        },
        fate: row.ticket_fate,
    };
    Ok((row.id, incident, known))
}

async fn write_known(
    tx: &mut Tx,
    incident_id: &str,
    ticket_id: &str,
    known: &KnownTicket,
) -> Result<(), StoreError> {
    let version = known.version;
    on!(tx, connection => {
        sqlx::query(
            "update incidents set ticket_id = coalesce(ticket_id, $1), ticket_number = $2, \
              ticket_url = $3, ticket_state = $4, ticket_closed = $5, ticket_priority = $6, \
              ticket_assignee = $7, ticket_changed_at = $8, ticket_changes = $9, \
              ticket_fate = $10 where id = $11",
        )
        .bind(ticket_id)
        .bind(&known.face.number)
        .bind(&known.face.url)
        .bind(&known.face.state)
        .bind(i64::from(known.face.closed))
        .bind(&known.face.priority)
        .bind(&known.face.assignee)
        .bind(version.map(|version| version.changed_at.as_millis()))
        .bind(version.map(|version| i64::try_from(version.changes).unwrap_or(i64::MAX)))
        .bind(&known.fate)
        .bind(incident_id)
        .execute(connection)
        .await?;
    });
    Ok(())
}

/// Keeps what follows from a sighting.
async fn keep(
    tx: &mut Tx,
    incident: &Incident,
    then: &Consequence,
    now: Timestamp,
) -> Result<(), StoreError> {
    if then.followed == Followed::Closed {
        close_incident(tx, incident).await?;
    }
    for (what, cause) in &then.history {
        let event = IncidentEvent::TicketChanged {
            title: what.clone(),
            cause: cause.clone(),
        };
        note(tx, incident, now, event).await?;
    }
    if then.frees_lock {
        free_lock(tx, incident).await?;
    }
    if then.ends_deliveries {
        let ended = end_deliveries(tx, &incident.id, now).await?;
        if ended > 0 {
            let event = IncidentEvent::DeliveriesEnded { count: ended };
            note(tx, incident, now, event).await?;
        }
    }
    Ok(())
}

async fn note(
    tx: &mut Tx,
    incident: &Incident,
    at: Timestamp,
    event: IncidentEvent,
) -> Result<(), StoreError> {
    let entry = HistoryEntry {
        incident_id: incident.id.clone(),
        at,
        event,
        refers: Reference::default(),
    };
    insert_history(tx, &entry).await
}

async fn close_incident(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    let life = serde_json::to_string(incident).map_err(|error| StoreError::Damaged {
        table: "incidents",
        row: incident.id.clone(),
        problem: error.to_string(),
    })?;
    on!(tx, connection => {
        sqlx::query(
            "update incidents set state = $1, active_key = null, outage_key = null, due_at = null, closed_at = $2, \
              life = $3, flapping = 0, flood_verdict = $4 where id = $5",
        )
        .bind(IncidentState::Closed.as_str())
        .bind(incident.closed_at.map(Timestamp::as_millis))
        .bind(life)
        .bind(floods::mark_of_closed(incident))
        .bind(&incident.id)
        .execute(connection)
        .await?;
    });
    keep_onsets(tx, incident).await
}

/// Ends the key's burst lock, if this incident's ticket took it.
async fn free_lock(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(
            "update burst_locks set locked_until = taken_at \
             where lock_key = $1 and incident_id = $2",
        )
            .bind(active_key(&incident.rule, &incident.key))
            .bind(&incident.id)
            .execute(connection)
            .await?;
    });
    Ok(())
}

/// Discards what waits for a ticket that is over, dead letters included. A delivery that is
/// being sent is left to its worker.
async fn end_deliveries(tx: &mut Tx, incident_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    Ok(on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'discarded', settled_at = $1 \
             where incident_id = $2 and state in ('waiting', 'dead')",
        )
        .bind(now.as_millis())
        .bind(incident_id)
        .execute(connection)
        .await?
        .rows_affected()
    }))
}

/// Discards a delivery that failed, if its ticket was over meanwhile: it was being sent when
/// the others were discarded. Answers whether it was. The incident is locked first: what is
/// applying a person's closing just now has either ended, or discards the delivery itself.
pub(super) async fn end_if_over(
    tx: &mut Tx,
    delivery: &ClaimedDelivery,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let lock = tx.row_lock();
    on!(tx, connection => {
        let mut query = QueryBuilder::new("select 1 from incidents where id = ");
        query.push_bind(delivery.incident_id.clone()).push(lock);
        query.build().execute(connection).await?;
    });
    let ended = on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'discarded', settled_at = $1 \
             where id = $2 and operation <> 'create' and exists (select 1 from incidents i \
               where i.id = deliveries.incident_id and i.state = 'closed' \
                 and (i.ticket_closed <> 0 or i.ticket_fate is not null))",
        )
        .bind(now.as_millis())
        .bind(delivery.id)
        .execute(connection)
        .await?
        .rows_affected()
    });
    Ok(ended == 1)
}
