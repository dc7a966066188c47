//! The timeline of an incident, oldest first: its history, the deliveries to its ticket and their
//! results, the changes of the ticket by people, and the outcomes of its events.
//!
//! Events that wrote nothing are shown in runs: a thousand breaches of an open incident are one
//! entry. Everything is read by the incident through an index, and a page reads a bounded
//! number of rows of each source; the cursor holds the place in each.

use std::collections::BTreeSet;

use super::named::Names;
use super::page::{Cursor, Page, PageRequest, not_found};
use super::timeline_entry::{
    DecisionRow, PlacedEntry, TimelineEntry, conditions_after, decisions_after, deliveries_after,
    history_after, read_condition, read_delivery, read_history, runs,
};
use super::values::DisplayTime;
use crate::domain::identity::IncidentId;
use crate::store::database::Tx;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Length of an incident's id.
const UUID: usize = 36;
/// Decisions that one page reads at most.
const MAX_DECISIONS: usize = 2_000;

/// How far each source has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Places {
    history: i64,
    delivery: i64,
    decision: i64,
    condition: i64,
}

impl Places {
    /// Reads the text that [`Places::cursor`] writes.
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
            (Some(Ok(history)), Some(Ok(delivery)), Some(Ok(decision)), Some(Ok(condition))) => {
                Ok(Self {
                    history,
                    delivery,
                    decision,
                    condition,
                })
            }
            _ => Err(StoreError::InvalidCursor),
        }
    }

    fn cursor(self, at: i64) -> Cursor {
        Cursor {
            at,
            id: format!(
                "{}.{}.{}.{}",
                self.history, self.delivery, self.decision, self.condition
            ),
        }
    }
}

/// One source of a page: its next entries, in its own order.
struct Source {
    entries: std::iter::Peekable<std::vec::IntoIter<PlacedEntry>>,
    /// Whether rows after these were left unread: then nothing later may be shown before them.
    has_more: bool,
}

impl Source {
    fn new(entries: Vec<PlacedEntry>, has_more: bool) -> Self {
        Self {
            entries: entries.into_iter().peekable(),
            has_more,
        }
    }

    fn next_at(&mut self) -> Option<DisplayTime> {
        self.entries.peek().map(|next| next.entry.at)
    }

    /// Whether the next entry is not known.
    fn is_exhausted(&mut self) -> bool {
        self.has_more && self.entries.peek().is_none()
    }
}

impl Store {
    /// The timeline of the incident `id`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn timeline(
        &self,
        id: &IncidentId,
        page: &PageRequest,
    ) -> Result<Page<TimelineEntry>, StoreError> {
        let mut places = Places::read(page.after.as_ref())?;
        let mut tx = self.database.begin_read().await?;
        let known = Statement::new("select id from incidents where id = $1").bind(id);
        let known = known.fetch_optional(&mut tx, |row| row.get::<String>("id"));
        known
            .await?
            .ok_or_else(|| not_found("incident", id.as_str()))?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut sources = read_sources(&mut tx, id.as_str(), &mut places, limit).await?;
        let mut items: Vec<TimelineEntry> = Vec::new();
        while items.len() < limit && !sources.iter_mut().any(Source::is_exhausted) {
            let next = earliest(&mut sources);
            let Some((which, next)) =
                next.and_then(|which| Some((which, sources.get_mut(which)?.entries.next()?)))
            else {
                break;
            };
            match which {
                HISTORY => places.history = next.place,
                DELIVERIES => places.delivery = next.place,
                CONDITIONS => places.condition = next.place,
                _ => places.decision = next.place,
            }
            items.push(next.entry);
        }
        let left = |source: &mut Source| source.has_more || source.entries.peek().is_some();
        let more = sources.iter_mut().any(left);
        // A page can be empty and not the last: all it read is in the history already.
        let at = items
            .last()
            .map_or(0, |last| last.at.timestamp().as_millis());
        name_outages(&mut tx, &mut items).await?;
        Ok(Page {
            next: more.then(|| places.cursor(at)),
            items,
        })
    }
}

/// The history names outages by their ids; people know them by their names and tickets.
async fn name_outages(tx: &mut Tx, items: &mut [TimelineEntry]) -> Result<(), StoreError> {
    let ids: BTreeSet<String> = items
        .iter()
        .filter_map(|one| outage_in(&one.cause))
        .collect();
    for id in ids {
        let select = Statement::new(
            "select rule, key, coalesce(ticket_number, ticket_id) as ticket, target \
             from incidents where id = $1",
        );
        let read = |row: &Row| {
            let (rule, key): (String, String) = (row.get("rule")?, row.get("key")?);
            let name = Names::default().entity_and_name(&rule, &key).1;
            let target: String = row.get("target")?;
            Ok(match row.get_optional::<String>("ticket")? {
                Some(ticket) => format!("outage {name} ({ticket} in {target})"),
                None => format!("outage {name}"),
            })
        };
        let named = select.bind(&*id).fetch_optional(tx, read).await?;
        // Retention may have taken it.
        if let Some(named) = named {
            let by_id = format!("outage {id}");
            for item in &mut *items {
                item.cause = item.cause.replace(&by_id, &named);
            }
        }
    }
    Ok(())
}

/// The id of the outage that `cause` names.
fn outage_in(cause: &str) -> Option<String> {
    let (_, id) = cause.split_once("outage ")?;
    let id = id.get(..UUID)?;
    uuid::Uuid::try_parse(id).is_ok().then(|| id.to_owned())
}

const HISTORY: usize = 0;
const DELIVERIES: usize = 1;
const CONDITIONS: usize = 2;

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
) -> Result<[Source; 4], StoreError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let history = history_after(id, places.history, rows).fetch(tx, read_history);
    let mut history = history.await?;
    let more_history = history.len() > limit;
    history.truncate(limit);
    let owed = deliveries_after(id, places.delivery, rows).fetch(tx, read_delivery);
    let mut owed = owed.await?;
    let more_owed = owed.len() > limit;
    owed.truncate(limit);
    let waited = conditions_after(id, places.condition, rows).fetch(tx, read_condition);
    let mut waited = waited.await?;
    let more_waited = waited.len() > limit;
    waited.truncate(limit);
    let rows = i64::try_from(MAX_DECISIONS + 1).unwrap_or(i64::MAX);
    let decided = decisions_after(id, places.decision, rows).fetch(tx, DecisionRow::read);
    let mut decided = decided.await?;
    let more_decided = decided.len() > MAX_DECISIONS;
    decided.truncate(MAX_DECISIONS);
    let last = decided.last().map(|row| row.event_seq);
    let (runs, are_all) = runs(decided, limit);
    if let (Some(last), true) = (last, runs.is_empty()) {
        places.decision = last;
    }
    Ok([
        Source::new(history, more_history),
        Source::new(owed, more_owed),
        Source::new(waited, more_waited),
        Source::new(runs, more_decided || !are_all),
    ])
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
