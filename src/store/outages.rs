//! What becomes of an outage whose ticket will never exist, and of one that loses a member
//! behind deciding's back.
//!
//! Only the outage's own row is changed here: deciding, which holds its members' rows, lets
//! them go in a step of its own.

use sqlx::QueryBuilder;

use super::audit::By;
use super::database::{Tx, on};
use super::history::{HistoryEntry, Reference, insert_history};
use super::{Store, StoreError};
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::outage::RULE_PREFIX;
use crate::domain::tally::Tally;
use crate::domain::time::Timestamp;

/// A delivery that was discarded: id, incident, operation.
type Discarded = (i64, String, String);

impl Store {
    /// Lets deciding look at the outage `id` at once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub(super) async fn wake_outage(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query("update incidents set due_at = $1 where id = $2 and due_at > $1")
                .bind(now.as_millis())
                .bind(id)
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// Lets deciding look at a member of the outage `id`, and so at all of them, at once. The
    /// outer condition is asked again after a wait for the row: the member may be closed then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub(super) async fn wake_member(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "update incidents set due_at = $1 where id = (select m.id from incidents m \
                  where m.outage_id = $2 and m.due_at > $1 order by m.id limit 1) \
                 and due_at > $1",
            )
            .bind(now.as_millis())
            .bind(id)
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }
}

/// The creates of `incidents` were discarded by a person: links to their tickets are
/// discarded too, and outages among them are to be ended. Answers the links.
pub(super) async fn without_ticket(
    tx: &mut Tx,
    incidents: &[String],
    by: By<'_>,
) -> Result<Vec<Discarded>, StoreError> {
    let mut links = Vec::new();
    for incident_id in incidents {
        // It waits for deciding to be done with the outage, which may just have owed a link.
        give_up(tx, incident_id, by.at).await?;
        let discarded = discard_links(tx, incident_id, by.at).await?;
        for (_, member, _) in &discarded {
            let entry = HistoryEntry {
                incident_id: member.clone(),
                at: by.at,
                event: IncidentEvent::LinkDiscarded {
                    outage_id: incident_id.clone(),
                    by: by.actor.to_owned(),
                },
                refers: Reference::default(),
            };
            insert_history(tx, &entry).await?;
        }
        links.extend(discarded);
    }
    Ok(links)
}

async fn discard_links(
    tx: &mut Tx,
    outage_id: &str,
    now: Timestamp,
) -> Result<Vec<Discarded>, StoreError> {
    Ok(on!(tx, connection => {
        sqlx::query_as(
            "update deliveries set state = 'discarded', settled_at = $1 \
             where parent_id = $2 and state in ('waiting', 'dead') \
             returning id, incident_id, operation",
        )
        .bind(now.as_millis())
        .bind(outage_id)
        .fetch_all(connection)
        .await?
    }))
}

/// Marks the outage `id` as given up, and has deciding look at it at once. Other incidents,
/// and outages that are over, stay as they are, but are locked too.
async fn give_up(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    let lock = tx.row_lock();
    let row: Option<(String, String, String)> = on!(tx, connection => {
        let mut query = QueryBuilder::new("select life, state, rule from incidents where id = ");
        query.push_bind(id.to_owned()).push(lock);
        query.build_query_as().fetch_optional(connection).await?
    });
    let to_end = row.filter(|(_, state, rule)| {
        state != IncidentState::Closed.as_str() && rule.starts_with(RULE_PREFIX)
    });
    let Some((life, ..)) = to_end else {
        return Ok(());
    };
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        table: "incidents",
        row: id.to_owned(),
        problem: error.to_string(),
    };
    let mut incident: Incident = serde_json::from_str(&life).map_err(damaged)?;
    incident.tally.get_or_insert_with(Tally::default).given_up = true;
    let life = serde_json::to_string(&incident).map_err(damaged)?;
    on!(tx, connection => {
        sqlx::query("update incidents set life = $1, due_at = $2 where id = $3")
            .bind(life)
            .bind(now.as_millis())
            .bind(id)
            .execute(connection)
            .await?;
    });
    Ok(())
}
