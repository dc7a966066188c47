//! Tickets that appear after their incident is over and its ticket was removed, or its create was
//! discarded: a create whose answer was lost has run in the CRM until then, or the CRM did not show its
//! ticket. Nobody waits for such a ticket, so it is resolved.

use super::StoreError;
use super::database::Tx;
use super::statement::Statement;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::time::Timestamp;

/// Whether the incident is over, its ticket was removed, and the outcome of one of its creates was
/// unknown.
macro_rules! lost_create {
    ($incident:literal) => {
        concat!(
            "(",
            $incident,
            ".state = 'closed' and ",
            $incident,
            ".ticket_fate is not null and exists (select 1 from deliveries lost \
              where lost.incident_id = ",
            $incident,
            ".id and lost.operation = 'create' and lost.unknown_at is not null))"
        )
    };
}
pub(super) use lost_create;

/// Owes the resolution of the ticket that a lost create has brought to the closed incident.
pub(super) async fn resolve_late(
    tx: &mut Tx,
    incident_id: &IncidentId,
    target: &TargetName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = "This ticket was created late, by a request whose answer was lost, after the ticket of its \
         incident was removed. The incident is over.";
    resolve(tx, (incident_id, target), why, now).await
}

/// The same for a closed incident that had no ticket, where a create that was discarded after it was sent
/// can have brought it.
pub(super) async fn resolve_first(
    tx: &mut Tx,
    incident_id: &IncidentId,
    target: &TargetName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sent = Statement::new(
        "select id from deliveries where incident_id = $1 and operation = 'create' \
          and state = 'discarded' and tries > 0",
    );
    let sent = sent.bind(incident_id);
    let sent = sent.fetch_optional(tx, |row| row.get::<i64>("id"));
    if sent.await?.is_none() {
        return Ok(());
    }
    let why =
        "This ticket was created late, by a request whose answer was lost. Its incident is over.";
    resolve(tx, (incident_id, target), why, now).await
}

/// Owes the resolution of the open ticket of an incident that is closed, with the comment `why`. It is
/// rendered before it is sent.
pub(super) async fn resolve(
    tx: &mut Tx,
    (incident_id, target): (&IncidentId, &TargetName),
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = incident_id.as_str();
    let marker = format!("ref late-{}", id.rsplit('-').next().unwrap_or(id));
    let payload = serde_json::json!({
        "resolution": true, "comment": format!("{why} [{marker}]"), "marker": marker, "fields": {},
    });
    let insert = Statement::new(
        "insert into deliveries (incident_id, target, operation, state, payload, event_id, received_at, \
          next_attempt_at, created_at, lane, parked) \
         select d.incident_id, $1, 'resolve', 'waiting', $2, d.event_id, d.received_at, $3, $3, d.lane, \
          'rendering' \
         from deliveries d join incidents i on i.id = d.incident_id \
         where d.incident_id = $4 and d.operation = 'create' \
          and i.state = 'closed' and i.ticket_closed = 0 and i.ticket_fate is null \
          and not exists (select 1 from deliveries other where other.incident_id = d.incident_id \
            and other.operation = 'resolve' and other.state in ('waiting', 'sending', 'dead')) \
         order by d.id desc limit 1",
    );
    let insert = insert.bind(target).bind(payload.to_string()).bind(now);
    insert.bind(incident_id).execute(tx).await?;
    Ok(())
}
