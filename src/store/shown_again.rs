//! Tickets that counted as deleted only because the CRM did not show them, and that it shows again.

use super::database::Tx;
use super::history::{HistoryEntry, Reference, insert_history};
use super::incidents::{IncidentRecord, write_incident};
use super::statement::Statement;
use super::{StoreError, floods, late_tickets};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket_absence::{ShownAgain, when_shown_again};
use crate::domain::time::Timestamp;

/// What the ticket says when its incident does not go on with it.
const SUCCEEDED: &str = "The CRM did not show this ticket for some time, so it counted as deleted, and \
     its incident was closed. What came after that has a ticket of its own.";

/// Does what follows for the incident `kept`, whose ticket is shown again. Returns whether the incident
/// goes on.
pub(super) async fn follow(
    tx: &mut Tx,
    kept: &mut IncidentRecord,
    is_ticket_closed: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let has_successor = has_active(tx, &kept.incident.incident_key()).await?;
    let then = when_shown_again(&kept.incident, is_ticket_closed, has_successor);
    let told = match then {
        ShownAgain::Nothing => "it was not deleted",
        ShownAgain::Reopen => {
            "it was not deleted, so the incident, which was closed for that, is open again"
        }
        ShownAgain::OweResolution => {
            owe_resolution(tx, &kept.incident.id, now).await?;
            "it was not deleted, so the resolution that it was owed is owed again"
        }
        ShownAgain::Resolve => {
            let of = (&kept.incident.id, &kept.target);
            late_tickets::resolve(tx, of, SUCCEEDED, now).await?;
            "it was not deleted; what came after that has a ticket of its own, so this one is resolved"
        }
    };
    if then == ShownAgain::Reopen {
        kept.incident.reopen();
        // Deciding looks at it at once, and finds when it is due.
        write_incident(tx, kept, Some(now), None).await?;
    } else if std::mem::take(&mut kept.incident.ticket_not_shown) {
        let mark = floods::mark_of_closed(&kept.incident);
        write_incident(tx, kept, None, mark).await?;
    }
    let entry = HistoryEntry {
        incident_id: kept.incident.id.clone(),
        at: now,
        event: IncidentEvent::TicketChanged {
            title: "ticket shown again".to_owned(),
            cause: told.to_owned(),
        },
        refers: Reference::default(),
    };
    insert_history(tx, &entry).await?;
    Ok(then == ShownAgain::Reopen)
}

/// Whether an incident of the key is not closed.
async fn has_active(tx: &mut Tx, key: &IncidentKey) -> Result<bool, StoreError> {
    let select = Statement::new("select id from incidents where active_key = $1");
    let found = select
        .bind(key.encode())
        .fetch_optional(tx, |row| row.get::<String>("id"));
    Ok(found.await?.is_some())
}

/// The last resolution of the incident is owed again, if it was discarded.
async fn owe_resolution(
    tx: &mut Tx,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'waiting', parked = null, behind = 0, attempts = 0, \
          settled_at = null, next_attempt_at = $1 \
         where state = 'discarded' and id = (select max(last.id) from deliveries last \
           where last.incident_id = $2 and last.operation = 'resolve')",
    );
    update.bind(now).bind(incident_id).execute(tx).await?;
    Ok(())
}
