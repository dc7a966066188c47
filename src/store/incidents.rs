//! The row of an incident, read and written in one place. The column `life` holds the whole
//! state; other columns repeat the searched parts of it, and are written together with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::StoreError;
use super::burst_locks::write_breach_starts;
use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::views::named::Names;
use crate::domain::failover::TicketRoute;
use crate::domain::identity::{IncidentId, IncidentKey, TargetName};
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::situation::badness;
use crate::domain::time::Timestamp;
use crate::json::PlainJson;

/// An incident as deciding loads and stores it: its state, and the values that templates see.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRecord {
    pub incident: Incident,
    /// The source of its first event.
    pub source: String,
    /// The target that owns the ticket.
    pub target: TargetName,
    /// The targets that it may be opened in, while it is not.
    pub route: TicketRoute,
    /// The values templates see, as of the latest breach; JSON.
    pub context: String,
}

/// A select from `incidents i` for [`IncidentRecord::read`], with more columns where they are
/// given.
macro_rules! select_incidents {
    ($condition:expr) => {
        $crate::store::incidents::select_incidents!("", $condition)
    };
    ($columns:expr, $condition:expr) => {
        concat!(
            "select i.id, i.life, i.source, i.target, i.context, i.candidates, \
              i.failed_over_from",
            $columns,
            " from incidents i where ",
            $condition
        )
    };
}
pub(super) use select_incidents;

impl IncidentRecord {
    /// The values templates see.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], which names the incident, when they are not readable.
    pub fn context_values(&self) -> Result<Map<String, Value>, StoreError> {
        // A sender chose the names of metrics.
        let values: BTreeMap<String, PlainJson> = serde_json::from_str(&self.context)
            .map_err(|error| damaged(&self.incident.id, format!("context: {error}")))?;
        let values = values.into_iter();
        Ok(values
            .map(|(name, PlainJson(value))| (name, value))
            .collect())
    }

    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let id: IncidentId = row.get("id")?;
        let target: TargetName = row.get("target")?;
        Ok(Self {
            incident: read_life(row, &id)?,
            source: row.get("source")?,
            route: read_route(row, &id, &target)?,
            target,
            context: row.get("context")?,
        })
    }
}

/// The incident `id`, as the column `life` has it.
pub(super) fn read_life(row: &Row, id: &IncidentId) -> Result<Incident, StoreError> {
    parse_life(id, &row.get::<String>("life")?)
}

pub(super) fn parse_life(id: &IncidentId, life: &str) -> Result<Incident, StoreError> {
    serde_json::from_str(life).map_err(|error| damaged(id, format!("life: {error}")))
}

/// The route of the incident's ticket in `target`. `candidates` is null where there is only one.
pub(super) fn read_route(
    row: &Row,
    id: &IncidentId,
    target: &TargetName,
) -> Result<TicketRoute, StoreError> {
    let candidates: Arc<[TargetName]> = match row.get_optional::<String>("candidates")? {
        None => Arc::from([target.clone()]),
        Some(names) => serde_json::from_str::<Vec<TargetName>>(&names)
            .map_err(|error| damaged(id, format!("candidates: {error}")))?
            .into(),
    };
    Ok(TicketRoute {
        candidates,
        failed_over_from: row.get_optional("failed_over_from")?,
    })
}

fn damaged(id: &IncidentId, problem: String) -> StoreError {
    StoreError::Damaged {
        table: "incidents",
        row: id.to_string(),
        problem,
    }
}

/// A person's decision about an incident that a flood holds stays, and is due, until deciding
/// has carried it out. The flood is that of the source of the first event.
const UPSERT: &str = "insert into incidents \
     (id, rule, key, source, state, severity, target, active_key, opened_at, closed_at, \
      occurrences, suppressed, due_at, life, context, outage_key, outage_id, candidates, \
      failed_over_from, flapping, flood_source, flood_verdict, queue_id, found_name, badness) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
      $20, $21, $22, $23, $24, $25) \
     on conflict (id) do update set state = excluded.state, severity = excluded.severity, \
      active_key = excluded.active_key, closed_at = excluded.closed_at, \
      occurrences = excluded.occurrences, suppressed = excluded.suppressed, \
      due_at = case when excluded.flood_source is not null and incidents.flood_verdict is not null \
        then incidents.due_at else excluded.due_at end, life = excluded.life, context = excluded.context, \
      outage_key = excluded.outage_key, outage_id = excluded.outage_id, \
      target = excluded.target, candidates = excluded.candidates, \
      failed_over_from = excluded.failed_over_from, \
      flapping = excluded.flapping, \
      flood_source = case when excluded.flood_source is null then null else incidents.source end, \
      flood_verdict = case when excluded.flood_verdict is not null then excluded.flood_verdict \
        when excluded.flood_source is null then null else incidents.flood_verdict end, \
      queue_id = excluded.queue_id, found_name = excluded.found_name, badness = excluded.badness";

/// The counts and the values of an incident of which nothing else has changed, as after a breach that
/// repeats, and the time at which it is due. SQLite writes the entry of each index anew whose columns are
/// set, changed or not: seven pages for each such breach.
macro_rules! repeated {
    ($badness:expr) => {
        concat!(
            "update incidents set occurrences = $1, suppressed = $2, due_at = $3, \
              life = $4, context = $5",
            $badness,
            " where id = $6 and state = $7 and severity = $8 and target = $9 and queue_id = $10 \
              and flapping = $11 and active_key = $12 and closed_at is null \
              and outage_key is not distinct from $13 and outage_id is not distinct from $14 \
              and candidates is not distinct from $15 and failed_over_from is not distinct from $16 \
              and found_name = $17 \
              and flood_source is null and flood_verdict is null"
        )
    };
}

/// It is as bad as before, and then also the index of the worst stays as it is; or that has changed too.
const REPEATED: [&str; 2] = [
    concat!(repeated!(""), " and badness = $18"),
    repeated!(", badness = $18"),
];

/// Writes the incident, which is not closed and which no flood holds, if nothing that is searched for has
/// changed but how bad it is and the time at which it is due. Returns whether it did.
async fn write_repeated(
    tx: &mut Tx,
    record: &IncidentRecord,
    life: &str,
    (queue_id, found_name): (&str, &str),
    due_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let incident = &record.incident;
    for text in REPEATED {
        let update = Statement::new(text)
            .bind(incident.occurrences)
            .bind(incident.suppressed)
            .bind(due_at)
            .bind(life)
            .bind(&record.context)
            .bind(&incident.id)
            .bind(incident.state.as_str())
            .bind(&incident.severity)
            .bind(&record.target)
            .bind(queue_id)
            .bind(incident.is_flapping())
            .bind(incident.incident_key().encode())
            .bind(incident.group.as_ref().map(IncidentKey::encode))
            .bind(&incident.outage_id)
            .bind(candidates_text(&record.route))
            .bind(&record.route.failed_over_from)
            .bind(found_name)
            .bind(badness(incident));
        if update.execute(tx).await? == 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes the incident, with all columns that repeat its state, and the data that its key keeps
/// when it is closed. The ticket's own columns stay as they are, and so does a person's
/// decision about its flood when there is no new `flood_verdict`.
pub(super) async fn write_incident(
    tx: &mut Tx,
    record: &IncidentRecord,
    due_at: Option<Timestamp>,
    flood_verdict: Option<String>,
) -> Result<(), StoreError> {
    let incident = &record.incident;
    let life = serde_json::to_string(incident)
        .map_err(|error| damaged(&incident.id, format!("life: {error}")))?;
    let is_closed = incident.state == IncidentState::Closed;
    let active_key = (!is_closed).then(|| incident.incident_key().encode());
    let outage_key = incident.group.as_ref().filter(|_| !is_closed);
    let flood_source = incident.is_held_by_flood().then_some(&record.source);
    let names = Names::read(&record.context);
    let queue_id = names.queue_id().unwrap_or_default();
    let found_name = names.found_name(&incident.rule, &incident.key);
    let is_plain = !is_closed && flood_source.is_none() && flood_verdict.is_none();
    let names = (&*queue_id, &*found_name);
    if is_plain && write_repeated(tx, record, &life, names, due_at).await? {
        return note_silence(tx, incident).await;
    }
    Statement::new(UPSERT)
        .bind(&incident.id)
        .bind(&*incident.rule)
        .bind(&*incident.key)
        .bind(&record.source)
        .bind(incident.state.as_str())
        .bind(&incident.severity)
        .bind(&record.target)
        .bind(active_key)
        .bind(incident.opened_at)
        .bind(incident.closed_at)
        .bind(incident.occurrences)
        .bind(incident.suppressed)
        .bind(due_at)
        .bind(life)
        .bind(&record.context)
        .bind(outage_key.map(IncidentKey::encode))
        .bind(&incident.outage_id)
        .bind(candidates_text(&record.route))
        .bind(&record.route.failed_over_from)
        .bind(incident.is_flapping())
        .bind(flood_source.map(String::as_str))
        .bind(flood_verdict)
        .bind(queue_id)
        .bind(found_name)
        .bind(badness(incident))
        .execute(tx)
        .await?;
    if is_closed {
        write_breach_starts(tx, incident).await?;
    }
    note_silence(tx, incident).await
}

/// Notes which silence holds the incident back.
async fn note_silence(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    let by = incident.silence.as_ref().map(|mute| mute.by.as_str());
    let id = by.and_then(|by| by.strip_prefix("silence ")?.parse::<i64>().ok());
    let Some(id) = id else {
        return Ok(());
    };
    let insert = Statement::new(
        "insert into silenced_incidents (silence_id, incident_id) values ($1, $2) \
         on conflict do nothing",
    );
    insert.bind(id).bind(&incident.id).execute(tx).await?;
    Ok(())
}

/// The column `candidates` for `route`: nothing, where there is only one.
fn candidates_text(route: &TicketRoute) -> Option<String> {
    let several = route.candidates.len() > 1;
    several.then(|| serde_json::json!(*route.candidates).to_string())
}

/// The queue that `context`, as it is written, is about.
pub(super) fn queue_in(context: &str) -> Option<String> {
    Names::read(context).queue_id()
}

#[cfg(test)]
#[path = "incidents_tests.rs"]
mod tests;
