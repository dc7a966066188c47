//! Entries of a timeline, as they are read from each of its sources.

use serde::Serialize;

use super::values::{Moment, RowId};
use crate::store::StoreError;
use crate::store::row::Row;
use crate::store::statement::Statement;

/// Outcomes of decisions that have an entry in the history.
const IN_HISTORY: [&str; 6] = [
    "opened",
    "commented",
    "raised",
    "relapsed",
    "flapping",
    "recovered",
];

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When it happened; of a run, when it began.
    pub at: Moment,
    pub what: String,
    pub cause: String,
    /// The event it is about, by its sender's id; of a run, the first.
    pub event_id: Option<String>,
    /// The delivery it is about.
    pub delivery_id: Option<RowId>,
    /// Of a run: how many events.
    pub count: Option<u64>,
    /// Of a run: when the last of them was received.
    pub until: Option<Moment>,
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
        "select id, at, what, cause, event_id, delivery_id from incident_history \
         where incident_id = $1 and id > $2 order by id limit $3",
    );
    select.bind(incident_id).bind(place).bind(rows)
}

pub(super) fn deliveries_after(incident_id: &str, place: i64, rows: i64) -> Statement<'_> {
    let select = Statement::new(
        "select id, created_at, operation, target, state, event_id from deliveries \
         where incident_id = $1 and id > $2 order by id limit $3",
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

/// An entry of the history.
pub(super) fn read_history(row: &Row) -> Result<PlacedEntry, StoreError> {
    Ok(PlacedEntry {
        place: row.get("id")?,
        entry: TimelineEntry {
            at: row.get("at")?,
            what: row.get("what")?,
            cause: row.get("cause")?,
            event_id: row.get_optional("event_id")?,
            delivery_id: row.get_optional("delivery_id")?,
            count: None,
            until: None,
            last_event_id: None,
        },
    })
}

/// A delivery that was owed to the ticket.
pub(super) fn read_delivery(row: &Row) -> Result<PlacedEntry, StoreError> {
    let operation: String = row.get("operation")?;
    let target: String = row.get("target")?;
    let state: String = row.get("state")?;
    Ok(PlacedEntry {
        place: row.get("id")?,
        entry: TimelineEntry {
            at: row.get("created_at")?,
            what: format!("{operation} owed"),
            cause: format!("to {target}; now {state}"),
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
    pub(super) received_at: Moment,
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
        let told = IN_HISTORY.contains(&row.outcome.as_str());
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
                cause: explain(&row.outcome).to_owned(),
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

fn explain(outcome: &str) -> &'static str {
    match outcome {
        "flood" => {
            "breached; its source begins too many incidents, and it is held without a ticket"
        }
        "active_incident" => "breached; the incident is open already",
        "pending" => "breached; it has not lasted long enough",
        "burst_lock" => "breached inside the burst lock of the key's last ticket",
        "silenced" => "breached, and is silenced",
        "outage" => "breached; an outage stands for it",
        "clearing" => "a part of it is clear",
        "flapping_held" => "clear, but it flaps: held open",
        "between" => "between `when` and `clear`",
        "other_source" => "not a breach, by a source that has not breached",
        "out_of_order" => "a newer signal about the same is known",
        _ => "",
    }
}
