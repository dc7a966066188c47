//! The timeline of an incident, oldest first: its history, what was owed to its ticket and what
//! came of that, what people did with the ticket, and what its events did.
//!
//! Events that wrote nothing are told in runs: a thousand breaches of an open incident are one
//! entry. Everything is read by the incident through an index, and a page reads a bounded
//! number of rows of each source; the cursor holds the place in each.

use serde::Serialize;
use sqlx::FromRow;

use super::values::{Moment, RowId};
use super::{Cursor, Page, PageRequest, Select, not_found};
use crate::domain::decision::{Outcome, Suppression};
use crate::store::database::Tx;
use crate::store::history::HistoryColumns;
use crate::store::{Store, StoreError};

/// Decisions that one page reads at most.
const MOST_DECISIONS: usize = 2_000;

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When it happened; of a run, when it began.
    pub at: Moment,
    /// What happened.
    pub what: String,
    /// Why.
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

#[derive(Debug, Clone, FromRow)]
struct HistoryRow {
    id: i64,
    at: Moment,
    what: String,
    cause: String,
    event: Option<String>,
    event_id: Option<String>,
    delivery_id: Option<RowId>,
}

#[derive(Debug, Clone, FromRow)]
struct DeliveryRow {
    id: i64,
    created_at: Moment,
    operation: String,
    target: String,
    state: String,
    event_id: String,
}

#[derive(Debug, Clone, FromRow)]
struct DecisionRow {
    event_seq: i64,
    received_at: Moment,
    event_id: String,
    outcome: String,
}

/// How far each source has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Places {
    history: i64,
    delivery: i64,
    decision: i64,
}

impl Places {
    /// Reads what [`Places::cursor`] writes.
    fn read(cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(cursor) = cursor else {
            return Ok(Self::default());
        };
        let mut numbers = cursor.id.split('.').map(str::parse);
        match (
            numbers.next(),
            numbers.next(),
            numbers.next(),
            numbers.next(),
        ) {
            (Some(Ok(history)), Some(Ok(delivery)), Some(Ok(decision)), None) => Ok(Self {
                history,
                delivery,
                decision,
            }),
            _ => Err(StoreError::StrangeCursor),
        }
    }

    fn cursor(self, at: i64) -> Cursor {
        Cursor {
            at,
            id: format!("{}.{}.{}", self.history, self.delivery, self.decision),
        }
    }
}

/// What is next in one source, and where the source stands once it is told.
struct Told {
    entry: TimelineEntry,
    place: i64,
}

/// One source of a page: what is next in it, in its own order.
struct Source {
    told: std::iter::Peekable<std::vec::IntoIter<Told>>,
    /// Whether rows after these were left unread: then nothing later may be told before them.
    has_more: bool,
}

impl Source {
    fn new(told: Vec<Told>, has_more: bool) -> Self {
        Self {
            told: told.into_iter().peekable(),
            has_more,
        }
    }

    fn next_at(&mut self) -> Option<Moment> {
        self.told.peek().map(|told| told.entry.at)
    }

    /// Whether what comes next is not known.
    fn is_dry(&mut self) -> bool {
        self.has_more && self.told.peek().is_none()
    }
}

pub(super) fn history_after(incident_id: &str, place: i64, rows: i64) -> Select {
    let mut select = Select::new(
        "select id, at, what, cause, event, event_id, delivery_id from incident_history",
    );
    select.push(
        " where incident_id = ? and id > ? order by id limit ?",
        [incident_id.into(), place.into(), rows.into()],
    );
    select
}

pub(super) fn deliveries_after(incident_id: &str, place: i64, rows: i64) -> Select {
    let mut select =
        Select::new("select id, created_at, operation, target, state, event_id from deliveries");
    select.push(
        " where incident_id = ? and id > ? order by id limit ?",
        [incident_id.into(), place.into(), rows.into()],
    );
    select
}

pub(super) fn decisions_after(incident_id: &str, place: i64, rows: i64) -> Select {
    let mut select = Select::new(
        "select d.event_seq, e.received_at, e.event_id, d.outcome \
         from decisions d join events e on e.seq = d.event_seq",
    );
    select.push(
        " where d.incident_id = ? and d.event_seq > ? order by d.event_seq limit ?",
        [incident_id.into(), place.into(), rows.into()],
    );
    select
}

impl Store {
    /// The timeline of the incident `id`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another when the database cannot be read or the cursor is
    /// of another list.
    pub async fn timeline(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<Page<TimelineEntry>, StoreError> {
        let mut places = Places::read(page.after.as_ref())?;
        let mut tx = self.database.begin_read().await?;
        let mut known = Select::new("select id from incidents");
        known.push(" where id = ?", [id.into()]);
        let known: Option<(String,)> = known.fetch_optional(&mut tx).await?;
        known.ok_or_else(|| not_found("incident", id))?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut sources = read_sources(&mut tx, id, &mut places, limit).await?;
        let mut items: Vec<TimelineEntry> = Vec::new();
        while items.len() < limit && !sources.iter_mut().any(Source::is_dry) {
            let next = earliest(&mut sources);
            let Some((which, told)) =
                next.and_then(|which| Some((which, sources.get_mut(which)?.told.next()?)))
            else {
                break;
            };
            match which {
                HISTORY => places.history = told.place,
                DELIVERIES => places.delivery = told.place,
                _ => places.decision = told.place,
            }
            items.push(told.entry);
        }
        let left = |source: &mut Source| source.has_more || source.told.peek().is_some();
        let more = sources.iter_mut().any(left);
        // A page can be empty and not the last: all it read was told by the history.
        let at = items
            .last()
            .map_or(0, |last| last.at.timestamp().as_millis());
        Ok(Page {
            next: more.then(|| places.cursor(at)),
            items,
        })
    }
}

const HISTORY: usize = 0;
const DELIVERIES: usize = 1;

/// The source whose next entry is the earliest; of several at one time the first.
fn earliest(sources: &mut [Source]) -> Option<usize> {
    let heads = sources.iter_mut().enumerate();
    heads
        .filter_map(|(which, source)| Some((source.next_at()?, which)))
        .min()
        .map(|(_, which)| which)
}

async fn read_sources(
    tx: &mut Tx,
    id: &str,
    places: &mut Places,
    limit: usize,
) -> Result<[Source; 3], StoreError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut history: Vec<HistoryRow> = history_after(id, places.history, rows).fetch(tx).await?;
    let more_history = history.len() > limit;
    history.truncate(limit);
    let mut owed: Vec<DeliveryRow> = deliveries_after(id, places.delivery, rows)
        .fetch(tx)
        .await?;
    let more_owed = owed.len() > limit;
    owed.truncate(limit);
    let most = i64::try_from(MOST_DECISIONS + 1).unwrap_or(i64::MAX);
    let mut decided: Vec<DecisionRow> =
        decisions_after(id, places.decision, most).fetch(tx).await?;
    let more_decided = decided.len() > MOST_DECISIONS;
    decided.truncate(MOST_DECISIONS);
    let last = decided.last().map(|row| row.event_seq);
    let (runs, all_told) = runs(decided, limit);
    if let (Some(last), true) = (last, runs.is_empty()) {
        places.decision = last;
    }
    Ok([
        Source::new(history.into_iter().map(of_history).collect(), more_history),
        Source::new(owed.into_iter().map(of_delivery).collect(), more_owed),
        Source::new(runs, more_decided || !all_told),
    ])
}

fn of_history(row: HistoryRow) -> Told {
    let columns = HistoryColumns {
        event: row.event,
        what: row.what,
        cause: row.cause,
    };
    let (what, cause) = columns.texts(row.event_id.as_deref());
    Told {
        place: row.id,
        entry: TimelineEntry {
            at: row.at,
            what,
            cause,
            event_id: row.event_id,
            delivery_id: row.delivery_id,
            count: None,
            until: None,
            last_event_id: None,
        },
    }
}

fn of_delivery(row: DeliveryRow) -> Told {
    Told {
        place: row.id,
        entry: TimelineEntry {
            at: row.created_at,
            what: format!("{} owed", row.operation),
            cause: format!("to {}; now {}", row.target, row.state),
            event_id: Some(row.event_id),
            delivery_id: Some(RowId(row.id)),
            count: None,
            until: None,
            last_event_id: None,
        },
    }
}

/// Neighbouring decisions with one outcome, as one entry each, at most `limit`; and whether
/// that is all of them. What the history tells already ends a run and adds none.
fn runs(decided: Vec<DecisionRow>, limit: usize) -> (Vec<Told>, bool) {
    let mut runs: Vec<Told> = Vec::new();
    let mut running = false;
    for row in decided {
        let outcome = Outcome::from_name(&row.outcome);
        let told = outcome.is_some_and(Outcome::changes_history);
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
        runs.push(Told {
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

/// Why a decision wrote nothing to the ticket.
const fn explain(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Suppressed(reason) => match reason {
            Suppression::ActiveIncident => "breached; the incident is open already",
            Suppression::BurstLock => "breached inside the burst lock of the key's last ticket",
            Suppression::Silenced => "breached, and is silenced",
            Suppression::Outage => "breached; an outage stands for it",
            Suppression::Pending => "breached; it has not lasted long enough",
            Suppression::Flood => {
                "breached; its source begins too many incidents, and it is held without a ticket"
            }
        },
        Outcome::Clearing => "a part of it is clear",
        Outcome::FlappingHeld => "clear, but it flaps: held open",
        Outcome::Between => "between `when` and `clear`",
        Outcome::OtherSource => "not a breach, by a source that has not breached",
        Outcome::OutOfOrder => "a newer signal about the same is known",
        Outcome::Opened
        | Outcome::Commented
        | Outcome::Raised
        | Outcome::Relapsed
        | Outcome::Flapping
        | Outcome::Recovered
        | Outcome::AllWell => "",
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
