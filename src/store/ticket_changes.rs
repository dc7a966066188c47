//! Changes of tickets in the CRM: one snapshot of a ticket is applied in one transaction, with
//! everything that follows from it.
//!
//! The incident's row is locked on PostgreSQL, here and when deciding loads it, so that a batch
//! that was decided on the older row cannot overwrite it.

use std::collections::HashMap;

use super::burst_locks::end_lock;
use super::database::Tx;
use super::history::{HistoryEntry, Reference, insert_history};
use super::incidents::{IncidentRecord, select_incidents, write_incident};
use super::late_tickets::{self, lost_create};
use super::outbox::ClaimedDelivery;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, behind, floods, shown_again};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::incident::Incident;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket_sync::{
    AppliedChange, ChangeEffect, Presence, StoredTicket, TicketDetails, TicketSnapshot,
    TicketVersion, apply_change,
};
use crate::domain::time::Timestamp;
use crate::fault_points;

/// A snapshot applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedSnapshot {
    /// The incident that owns the ticket.
    pub incident_id: IncidentId,
    pub effect: ChangeEffect,
}

/// An incident and the stored data of its ticket.
struct OwningIncident {
    kept: IncidentRecord,
    ticket: StoredTicket,
    /// The ticket is another one than the incident had: a lost create has brought it.
    is_late: bool,
    /// The incident had no ticket.
    is_first: bool,
}

impl OwningIncident {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kept: IncidentRecord::read(row)?,
            ticket: read_ticket(row)?,
            is_late: false,
            is_first: row.get_optional::<String>("ticket_id")?.is_none(),
        })
    }

    /// Whether the ticket is there, which was only not shown `before`.
    fn is_shown_again(&self, before: &StoredTicket) -> bool {
        before.is_not_shown() && self.ticket.removal.is_none()
    }
}

/// The columns of a ticket.
pub(super) fn read_ticket(row: &Row) -> Result<StoredTicket, StoreError> {
    let changed_at: Option<Timestamp> = row.get_optional("ticket_changed_at")?;
    let changes: Option<u64> = row.get_optional("ticket_changes")?;
    Ok(StoredTicket {
        version: changed_at.map(|changed_at| TicketVersion {
            changed_at,
            changes: changes.unwrap_or(0),
        }),
        details: TicketDetails {
            number: row.get_optional("ticket_number")?,
            url: row.get_optional("ticket_url")?,
            state: row.get_optional("ticket_state")?,
            closed: row.get::<i64>("ticket_closed")? != 0,
            priority: row.get_optional("ticket_priority")?,
            assignee: row.get_optional("ticket_assignee")?,
        },
        removal: row.get_optional("ticket_fate")?,
    })
}

macro_rules! select_owner {
    ($condition:expr) => {
        select_incidents!(
            ", i.ticket_id, i.ticket_number, i.ticket_url, i.ticket_state, i.ticket_closed, \
              i.ticket_priority, i.ticket_assignee, i.ticket_changed_at, i.ticket_changes, \
              i.ticket_fate",
            $condition
        )
    };
}
/// By the ticket's id first: a key can be copied into another ticket by people.
const BY_TICKET: &str = select_owner!("i.target = $1 and i.ticket_id = $2");
const BY_TICKETS: &str = select_owner!("i.target = $1 and i.ticket_id in ");
const BY_INCIDENT: &str = select_owner!("i.target = $1 and i.id = $2 and i.ticket_id is null");
/// The incident is over, and its ticket was removed. Another one carries its key: a create whose answer
/// was lost has run until now.
const BY_LOST_CREATE: &str = select_owner!(concat!(
    "i.target = $1 and i.id = $2 and ",
    lost_create!("i")
));

impl Store {
    /// Applies `seen` to the incident of `target` that owns the ticket; `None` when no
    /// incident owns it. `closes`: the settings say that a ticket closed by a person closes its
    /// incident.
    pub async fn apply_snapshot(
        &self,
        target: &TargetName,
        seen: &TicketSnapshot,
        closes: bool,
        now: Timestamp,
    ) -> Result<Option<AppliedSnapshot>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let Some(mut owner) = owner_of(&mut tx, target, seen).await? else {
            return Ok(None);
        };
        let before = owner.ticket.clone();
        let incident = &mut owner.kept.incident;
        let then = apply_change(incident, &mut owner.ticket, seen, closes, now);
        let incident = &owner.kept.incident;
        if owner.ticket != before || owner.is_late {
            write_ticket(&mut tx, &incident.id, &seen.ticket_id, &owner.ticket).await?;
            // Links may have waited for a ticket that was not known.
            behind::step_up(&mut tx, &incident.id).await?;
            look_create_up(&mut tx, &incident.id, now).await?;
        }
        if owner.is_late {
            late_tickets::resolve_late(&mut tx, &incident.id, target, now).await?;
        } else if owner.is_first {
            late_tickets::resolve_first(&mut tx, &incident.id, target, now).await?;
        }
        write_changes(&mut tx, &owner.kept, &then, now).await?;
        let mut changes_group = then.effect == ChangeEffect::Closed;
        if owner.is_shown_again(&before) {
            let is_closed = owner.ticket.details.closed;
            changes_group |= shown_again::follow(&mut tx, &mut owner.kept, is_closed, now).await?;
        }
        tx.commit().await?;
        if changes_group {
            self.wake_group_of(&owner.kept.incident, now).await?;
        }
        Ok(Some(AppliedSnapshot {
            incident_id: owner.kept.incident.id,
            effect: then.effect,
        }))
    }

    /// Applies `seen`, snapshots of tickets that are known, in one transaction: a commit for each would
    /// keep a person's close waiting behind thousands of other changes. `None` in the place of one: it
    /// is to be applied alone.
    pub async fn apply_snapshots(
        &self,
        target: &TargetName,
        seen: &[&TicketSnapshot],
        closes: bool,
        now: Timestamp,
    ) -> Result<Vec<Option<AppliedSnapshot>>, StoreError> {
        match self.apply_together(target, seen, closes, now).await {
            // Which one it is about shows when they are applied one by one.
            Err(error) if error.is_about_content() => Ok(vec![None; seen.len()]),
            applied => applied,
        }
    }

    async fn apply_together(
        &self,
        target: &TargetName,
        seen: &[&TicketSnapshot],
        closes: bool,
        now: Timestamp,
    ) -> Result<Vec<Option<AppliedSnapshot>>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut select = Statement::new(BY_TICKETS).bind(target);
        select.push_list("", seen.iter().map(|one| one.ticket_id.as_str()));
        let owner = |row: &Row| Ok((row.get::<String>("ticket_id")?, OwningIncident::read(row)?));
        // A row that another transaction has locked is left out: nobody waits for it with others locked.
        let owners = select.for_update_skip_locked().fetch(&mut tx, owner);
        let mut owners: HashMap<String, OwningIncident> = owners.await?.into_iter().collect();
        let (mut applied, mut closed) = (Vec::with_capacity(seen.len()), Vec::new());
        for one in seen {
            let Some(mut owner) = owners.remove(&one.ticket_id) else {
                applied.push(None);
                continue;
            };
            let before = owner.ticket.clone();
            let incident = &mut owner.kept.incident;
            let then = apply_change(incident, &mut owner.ticket, one, closes, now);
            let incident_id = incident.id.clone();
            if then.effect == ChangeEffect::Closed {
                // It ends burst locks and deliveries, which others may have locked.
                if matches!(tx, Tx::Postgres(_)) {
                    applied.push(None);
                    continue;
                }
                closed.push(incident.clone());
            }
            if owner.is_shown_again(&before) {
                // Its incident may go on, or a resolution be owed.
                applied.push(None);
                continue;
            }
            if owner.ticket != before {
                write_ticket(&mut tx, &incident_id, &one.ticket_id, &owner.ticket).await?;
                look_create_up(&mut tx, &incident_id, now).await?;
            }
            write_changes(&mut tx, &owner.kept, &then, now).await?;
            applied.push(Some(AppliedSnapshot {
                incident_id,
                effect: then.effect,
            }));
        }
        tx.commit().await?;
        for incident in &closed {
            self.wake_group_of(incident, now).await?;
        }
        Ok(applied)
    }

    /// The incident was closed with its ticket, or goes on with it: its outage, or it as a member of one, is
    /// looked at. On its own: deciding locks rows of a group in an order of its own. Should it be lost, the group is
    /// looked at with its next event, or when it has become quiet.
    async fn wake_group_of(&self, incident: &Incident, now: Timestamp) -> Result<(), StoreError> {
        fault_points::reach("closing-applied");
        match &incident.outage_id {
            Some(outage_id) => self.recount_members(outage_id, now).await,
            None => self.wake_member(&incident.id, now).await,
        }
    }
}

/// The incident that owns the ticket of the snapshot, its row locked.
async fn owner_of(
    tx: &mut Tx,
    target: &TargetName,
    seen: &TicketSnapshot,
) -> Result<Option<OwningIncident>, StoreError> {
    if let Some(owner) = locked_owner(tx, BY_TICKET, target, &seen.ticket_id).await? {
        return Ok(Some(owner));
    }
    let Some(incident_id) = &seen.incident_id else {
        return Ok(None);
    };
    if let Some(owner) = locked_owner(tx, BY_INCIDENT, target, incident_id.as_str()).await? {
        return Ok(Some(owner));
    }
    if seen.presence != Presence::Here || seen.details.closed {
        return Ok(None);
    }
    let late = locked_owner(tx, BY_LOST_CREATE, target, incident_id.as_str()).await?;
    Ok(late.map(|owner| OwningIncident {
        ticket: StoredTicket::default(),
        is_late: true,
        ..owner
    }))
}

async fn locked_owner(
    tx: &mut Tx,
    select: &'static str,
    target: &TargetName,
    id: &str,
) -> Result<Option<OwningIncident>, StoreError> {
    let select = Statement::new(select).bind(target).bind(id).for_update();
    select.fetch_optional(tx, OwningIncident::read).await
}

async fn write_ticket(
    tx: &mut Tx,
    incident_id: &IncidentId,
    ticket_id: &str,
    ticket: &StoredTicket,
) -> Result<(), StoreError> {
    let version = ticket.version;
    let update = Statement::new(
        "update incidents set ticket_id = $1, ticket_number = $2, \
          ticket_url = $3, ticket_state = $4, ticket_closed = $5, ticket_priority = $6, \
          ticket_assignee = $7, ticket_changed_at = $8, ticket_changes = $9, \
          ticket_fate = $10, ticket_unread = 0 where id = $11",
    );
    let update = update
        .bind(ticket_id)
        .bind(&ticket.details.number)
        .bind(&ticket.details.url)
        .bind(&ticket.details.state)
        .bind(ticket.details.closed)
        .bind(&ticket.details.priority)
        .bind(&ticket.details.assignee)
        .bind(version.map(|version| version.changed_at))
        .bind(version.map(|version| i64::try_from(version.changes).unwrap_or(i64::MAX)))
        .bind(&ticket.removal)
        .bind(incident_id);
    update.execute(tx).await?;
    Ok(())
}

/// The ticket is there. If its create does not know that yet, because its answer was lost, it is looked
/// up at once: what is owed to the ticket waits for it.
async fn look_create_up(
    tx: &mut Tx,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'waiting', behind = 0, in_doubt = 1, settled_at = null, \
          next_attempt_at = case when next_attempt_at > $1 then $1 else next_attempt_at end \
         where incident_id = $2 and operation = 'create' and state in ('waiting', 'dead') \
          and (in_doubt = 1 or unknown_at is not null)",
    );
    update.bind(now).bind(incident_id).execute(tx).await?;
    Ok(())
}

/// Writes the changes that follow from a snapshot.
async fn write_changes(
    tx: &mut Tx,
    kept: &IncidentRecord,
    then: &AppliedChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    let incident = &kept.incident;
    if then.effect == ChangeEffect::Closed {
        write_incident(tx, kept, None, floods::mark_of_closed(incident)).await?;
    }
    for (what, cause) in &then.history {
        let event = IncidentEvent::TicketChanged {
            title: what.clone(),
            cause: cause.clone(),
        };
        record(tx, incident, now, event).await?;
    }
    if then.frees_lock {
        end_lock(tx, incident).await?;
    }
    if then.ends_deliveries {
        let ended = end_deliveries(tx, &incident.id, now).await?;
        if ended > 0 {
            let event = IncidentEvent::DeliveriesEnded { count: ended };
            record(tx, incident, now, event).await?;
        }
    }
    Ok(())
}

async fn record(
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

/// Discards the deliveries that wait for a ticket that is over, dead letters included. A delivery
/// that is being sent is left to its worker.
async fn end_deliveries(
    tx: &mut Tx,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where incident_id = $2 and state in ('waiting', 'dead')",
    );
    let ended = update.bind(now).bind(incident_id).execute(tx).await?;
    behind::step_up(tx, incident_id).await?;
    Ok(ended)
}

/// Discards a delivery that failed, if its ticket was over meanwhile: it was being sent when
/// the others were discarded. Returns whether it was. The incident is locked first: a transaction
/// that applies a person's closing just now has either ended, or discards the delivery itself.
pub(super) async fn end_if_over(
    tx: &mut Tx,
    delivery: &ClaimedDelivery,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let lock = Statement::new("select id from incidents where id = $1");
    let lock = lock.bind(&delivery.incident_id).for_update();
    lock.execute(tx).await?;
    let update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where id = $2 and operation <> 'create' and exists (select 1 from incidents i \
           where i.id = deliveries.incident_id and i.state = 'closed' \
             and (i.ticket_closed <> 0 or i.ticket_fate is not null))",
    );
    Ok(update.bind(now).bind(delivery.id).execute(tx).await? == 1)
}

#[cfg(test)]
#[path = "ticket_changes_tests.rs"]
mod tests;
