//! Entries of a timeline, as they are read from each of its sources.

use serde::Serialize;
use utoipa::ToSchema;

use super::values::{DisplayTime, RowId};
use crate::domain::decision::{SignalOutcome, Suppression};
use crate::domain::ticket::Operation;
use crate::store::StoreError;
use crate::store::history::HistoryColumns;
use crate::store::row::Row;
use crate::store::statement::Statement;

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// When it happened; of a run, when it began.
    pub at: DisplayTime,
    pub what: String,
    pub cause: String,
    /// The event it is about, by its sender's id; of a run, the first.
    pub event_id: Option<String>,
    /// The delivery it is about.
    pub delivery_id: Option<RowId>,
    /// Of a run: how many events.
    pub count: Option<u64>,
    /// Of a run: when the last of them was received.
    pub until: Option<DisplayTime>,
    /// Of a run: the last event.
    pub last_event_id: Option<String>,
}

/// An entry, and where its source stands once it is shown.
pub(super) struct PlacedEntry {
    pub(super) entry: TimelineEntry,
    pub(super) place: i64,
}

pub(super) fn history_after(incident_id: &str, place: i64, rows: i64) -> Statement<'_> {
    let select = Statement::new(
        "select id, at, what, cause, event, event_id, delivery_id from incident_history \
         where incident_id = $1 and id > $2 order by id limit $3",
    );
    select.bind(incident_id).bind(place).bind(rows)
}

pub(super) fn deliveries_after(incident_id: &str, place: i64, rows: i64) -> Statement<'_> {
    let select = Statement::new(
        "select id, created_at, operation, target, state, event_id from deliveries \
         where incident_id = $1 and id > $2 and completes = 0 order by id limit $3",
    );
    select.bind(incident_id).bind(place).bind(rows)
}

pub(super) fn decisions_after(incident_id: &str, place: i64, rows: i64) -> Statement<'_> {
    let select = Statement::new(
        "select d.event_seq, e.received_at, e.event_id, d.outcome \
         from decisions d join events e on e.seq = d.event_seq \
         where d.incident_id = $1 and d.event_seq > $2 order by d.event_seq limit $3",
    );
    select.bind(incident_id).bind(place).bind(rows)
}

/// When the targets of the incident accepted no writes, while something waited for them. A
/// condition has two places, its beginning and its end; one that lasts has no end yet.
pub(super) fn conditions_after(incident_id: &str, place: i64, rows: i64) -> Statement<'_> {
    let select = Statement::new(
        "select * from ( \
           select c.id * 2 as place, c.target, c.state, c.reason, false as is_end, \
             case when c.since > min(d.created_at) then c.since else min(d.created_at) end as at \
           from deliveries d join target_conditions c on c.target = d.target \
             and c.since < coalesce(d.settled_at, c.since + 1) \
             and coalesce(c.until, d.created_at + 1) > d.created_at \
           where d.incident_id = $1 and d.completes = 0 \
           group by c.id, c.target, c.state, c.reason, c.since \
           union all \
           select c.id * 2 + 1, c.target, c.state, c.reason, true, c.until \
           from target_conditions c where c.until is not null and not exists ( \
             select 1 from target_conditions n where n.target = c.target and n.since = c.until \
               and n.id > c.id) and exists ( \
             select 1 from deliveries d where d.incident_id = $1 and d.completes = 0 and d.target = c.target \
               and c.since < coalesce(d.settled_at, c.since + 1) and c.until > d.created_at) \
         ) spans where place > $2 order by place limit $3",
    );
    select.bind(incident_id).bind(place).bind(rows)
}

/// The beginning or the end of a wait.
pub(super) fn read_condition(row: &Row) -> Result<PlacedEntry, StoreError> {
    let target: String = row.get("target")?;
    let (what, cause) = match row.get::<bool>("is_end")? {
        true => (format!("{target} accepts writes again"), String::new()),
        false => {
            let (state, reason): (String, String) = (row.get("state")?, row.get("reason")?);
            let cause = match state.as_str() {
                // The reason begins with `by`.
                "paused_by_person" => format!("paused {reason}"),
                state => format!("{}: {reason}", state.replace('_', " ")),
            };
            (format!("waits for {target}"), cause)
        }
    };
    Ok(PlacedEntry {
        place: row.get("place")?,
        entry: TimelineEntry {
            at: row.get("at")?,
            what,
            cause,
            event_id: None,
            delivery_id: None,
            count: None,
            until: None,
            last_event_id: None,
        },
    })
}

/// An entry of the history.
pub(super) fn read_history(row: &Row) -> Result<PlacedEntry, StoreError> {
    let event_id: Option<String> = row.get_optional("event_id")?;
    let (what, cause) = HistoryColumns::read(row)?.texts(event_id.as_deref());
    Ok(PlacedEntry {
        place: row.get("id")?,
        entry: TimelineEntry {
            at: row.get("at")?,
            what,
            cause,
            event_id,
            delivery_id: row.get_optional("delivery_id")?,
            count: None,
            until: None,
            last_event_id: None,
        },
    })
}

/// A delivery to the ticket.
pub(super) fn read_delivery(row: &Row) -> Result<PlacedEntry, StoreError> {
    let operation: String = row.get("operation")?;
    let target: String = row.get("target")?;
    let state: String = row.get("state")?;
    Ok(PlacedEntry {
        place: row.get("id")?,
        entry: TimelineEntry {
            at: row.get("created_at")?,
            what: Operation::from_name(&operation)
                .map_or(operation, |operation| operation.to_be_made().to_owned()),
            cause: format!("in {target}; now {state}"),
            event_id: Some(row.get("event_id")?),
            delivery_id: Some(row.get("id")?),
            count: None,
            until: None,
            last_event_id: None,
        },
    })
}

#[derive(Debug, Clone)]
pub(super) struct DecisionRow {
    pub(super) event_seq: i64,
    pub(super) received_at: DisplayTime,
    pub(super) event_id: String,
    pub(super) outcome: String,
}

impl DecisionRow {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            event_seq: row.get("event_seq")?,
            received_at: row.get("received_at")?,
            event_id: row.get("event_id")?,
            outcome: row.get("outcome")?,
        })
    }
}

/// Neighbouring decisions with one outcome, as one entry each, at most `limit`; and whether
/// that is all of them. An outcome that is in the history already ends a run and adds no entry.
pub(super) fn runs(decided: Vec<DecisionRow>, limit: usize) -> (Vec<PlacedEntry>, bool) {
    let mut runs: Vec<PlacedEntry> = Vec::new();
    let mut running = false;
    for row in decided {
        let outcome = SignalOutcome::from_name(&row.outcome);
        let told = outcome.is_some_and(SignalOutcome::changes_history);
        match runs.last_mut() {
            // The place moves on, so that the next page does not begin with it again.
            Some(run) if told || (running && run.entry.what == row.outcome) => {
                run.place = row.event_seq;
                running = !told;
                if !told {
                    lengthen(&mut run.entry, row);
                }
                continue;
            }
            _ if told => continue,
            _ => {}
        }
        if runs.len() == limit {
            return (runs, false);
        }
        running = true;
        runs.push(PlacedEntry {
            place: row.event_seq,
            entry: TimelineEntry {
                at: row.received_at,
                cause: outcome.map_or("", explain).to_owned(),
                what: row.outcome,
                event_id: Some(row.event_id),
                delivery_id: None,
                count: Some(1),
                until: None,
                last_event_id: None,
            },
        });
    }
    (runs, true)
}

fn lengthen(run: &mut TimelineEntry, row: DecisionRow) {
    run.count = Some(run.count.unwrap_or(0) + 1);
    run.until = Some(row.received_at);
    run.last_event_id = Some(row.event_id);
}

fn explain(outcome: SignalOutcome) -> &'static str {
    match outcome {
        SignalOutcome::Suppressed(reason) => match reason {
            Suppression::ActiveIncident => "breached; the incident is open already",
            Suppression::BurstLock => "breached inside the burst lock of the key's last ticket",
            Suppression::Silenced => "breached, and is silenced",
            Suppression::Outage => {
                "breached; it is held, because it is, or could become, part of an outage"
            }
            Suppression::Pending => "breached; it has not lasted long enough",
            Suppression::Flood => {
                "breached; its source begins too many incidents, and it is held without a ticket"
            }
            Suppression::Stale => "breached, and was too old when it was received",
        },
        SignalOutcome::Clearing => {
            "clear again, at least in part; it recovers when all of it stays clear"
        }
        SignalOutcome::FlappingHeld => "clear, but it flaps: held open",
        SignalOutcome::InHysteresis => "between `when` and `clear`",
        SignalOutcome::OtherSource => "not a breach, by a source that has not breached",
        SignalOutcome::Counted => "matches; further ones are needed for a breach",
        SignalOutcome::OutOfOrder => "a newer signal about the same is known",
        SignalOutcome::Opened
        | SignalOutcome::Commented
        | SignalOutcome::Raised
        | SignalOutcome::Relapsed
        | SignalOutcome::Flapping
        | SignalOutcome::Recovered
        | SignalOutcome::AllWell
        | SignalOutcome::DecidedBefore => "",
    }
}
