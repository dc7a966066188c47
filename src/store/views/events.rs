//! Events of the journal, with the decisions on each: the audit trail from event to incident.

use serde::Serialize;
use utoipa::ToSchema;

use super::events_by_chunk::{by_chunks, events_in_chunks};
use super::page::{Cursor, Filter, Item, Page, PageRequest};
use super::page::{not_found, page_of, row_cursor, row_number, rows_to_read};
use super::values::{DisplayTime, Document, RowId};
use crate::domain::identity::IncidentId;
use crate::domain::time::Timestamp;
use crate::store::database::Tx;
use crate::store::event_places::{PLACES, hash_of};
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How far the journal's order may stray from the order of time: replicas' clocks differ,
/// and a request may wait for the writer. Only the search for a time's place in the journal
/// relies on it.
const OUT_OF_ORDER_MS: i64 = 3_600_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventView {
    /// Its place in the journal.
    pub id: RowId,
    pub source: String,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// When it was received.
    pub received_at: DisplayTime,
    /// `received`: not decided yet; `decided`; `review`: it was not understood.
    pub state: String,
    /// The incident it is part of.
    pub incident_id: Option<IncidentId>,
}

impl EventView {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            source: row.get("source")?,
            event_id: row.get("event_id")?,
            received_at: row.get("received_at")?,
            state: row.get("state")?,
            incident_id: row.get_optional("incident_id")?,
        })
    }
}

/// The decision of one rule on an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DecisionView {
    pub rule: String,
    pub outcome: String,
    /// More about it, such as the end of a lock.
    pub detail: Option<String>,
    /// The incident it concerned.
    pub incident_id: Option<IncidentId>,
    pub decided_at: DisplayTime,
}

impl DecisionView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            rule: row.get("rule")?,
            outcome: row.get("outcome")?,
            detail: row.get_optional("detail")?,
            incident_id: row.get_optional("incident_id")?,
            decided_at: row.get("decided_at")?,
        })
    }
}

/// Why an event waits, or waited, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventReview {
    /// The review item.
    pub id: RowId,
    pub reason: String,
    /// `open`, `reprocessed`, `discarded`.
    pub state: String,
}

impl EventReview {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            reason: row.get("reason")?,
            state: row.get("state")?,
        })
    }
}

/// An event with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventDetail {
    /// As in the list.
    #[serde(flatten)]
    pub event: EventView,
    /// As it came.
    pub body: Document,
    /// The decisions of the rules; empty when no rule evaluates it.
    pub decisions: Vec<DecisionView>,
    /// Set when it was not understood.
    pub review: Option<EventReview>,
}

impl Item for EventView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.received_at, self.id)
    }
}

macro_rules! events {
    ($from:literal) => {
        concat!(
            "select e.seq as id, e.source, e.event_id, e.received_at, \
              case when e.review is not null then 'review' \
                   when e.seq > (select position from cursors where name = 'decide') then 'received' \
                   else 'decided' end as state, \
              (select d.incident_id from decisions d where d.event_seq = e.seq \
                 and d.incident_id is not null order by d.rule limit 1) as incident_id from ",
            $from
        )
    };
}

pub(super) const EVENTS: &str = events!("events e where true");
/// In the order of the decisions of one rule.
const EVENTS_OF_RULE: &str =
    events!("decisions r join events e on e.seq = r.event_seq where r.rule = ?");

const OF_STATE: [(&str, &str); 3] = [
    (
        "received",
        "e.seq > (select position from cursors where name = 'decide') and e.review is null",
    ),
    (
        "decided",
        "e.seq <= (select position from cursors where name = 'decide') and e.review is null",
    ),
    (
        "review",
        "e.seq in (select r.event_seq from review_items r) and e.review is not null",
    ),
];

pub(super) fn events_select<'a>(
    filter: &'a Filter,
    (from, to): (Option<i64>, Option<i64>),
    page: &'a PageRequest,
) -> Result<Statement<'a>, StoreError> {
    let after = page.after.as_ref().map(Cursor::number).transpose()?;
    // One bound: of two, SQLite begins at either, and reads what is between.
    let to = [to, after].into_iter().flatten().min();
    let mut select = Statement::new("");
    match &filter.rule {
        Some(rule) => select
            .push(EVENTS_OF_RULE, [rule.into()])
            .push_some(" and r.event_seq >= ?", from)
            .push_some(" and r.event_seq < ?", to),
        None => select
            .push(EVENTS, [])
            .push_some(" and e.seq >= ?", from)
            .push_some(" and e.seq < ?", to),
    };
    select
        .push_some(" and e.received_at >= ?", filter.since)
        .push_some(" and e.received_at < ?", filter.until)
        .push_some(" and e.source = ?", filter.source.as_ref())
        .push_some(
            " and exists (select 1 from decisions d join incidents i on i.id = d.incident_id \
              where d.event_seq = e.seq and i.target = ?)",
            filter.target.as_ref(),
        )
        .push_some(
            " and e.seq in (select d.event_seq from incidents i \
              join decisions d on d.incident_id = i.id where i.key = ?)",
            filter.key.as_ref(),
        )
        .push_some(
            " and e.seq in (select d.event_seq from decisions d where d.incident_id = ?)",
            filter.incident.as_ref(),
        );
    if let Some(event_id) = &filter.event_id {
        select.push(" and e.event_id = ? and e.seq ", [event_id.into()]);
        select.push(PLACES, [hash_of(event_id).into(), event_id.into()]);
    }
    let clauses = filter.states.iter().map(|state| {
        let clause = OF_STATE.iter().find(|(name, _)| name == state);
        clause.map_or("false", |(_, clause)| clause)
    });
    for (number, clause) in clauses.enumerate() {
        select.push(if number == 0 { " and ((" } else { ") or (" }, []);
        select.push(clause, []);
    }
    if !filter.states.is_empty() {
        select.push("))", []);
    }
    let order = match &filter.rule {
        Some(_) => " order by r.event_seq desc limit ?",
        None => " order by e.seq desc limit ?",
    };
    select.push(order, [rows_to_read(page)]);
    Ok(select)
}

/// The events that their sender gave this id, newest first.
pub(super) fn events_with_id(event_id: &str) -> Statement<'_> {
    let mut select = Statement::new(EVENTS);
    select.push(" and e.event_id = ? and e.seq ", [event_id.into()]);
    select.push(PLACES, [hash_of(event_id).into(), event_id.into()]);
    select.push(" order by e.seq desc limit 5", []);
    select
}

impl Store {
    pub async fn events(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<EventView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let from = match filter.since {
            Some(since) => Some(place_of(&mut tx, since.as_millis() - OUT_OF_ORDER_MS).await?),
            None => None,
        };
        let to = match filter.until {
            Some(until) => Some(place_of(&mut tx, until.as_millis() + OUT_OF_ORDER_MS).await?),
            None => None,
        };
        if let Some(wanted) = by_chunks(filter) {
            return events_in_chunks(&mut tx, filter, &wanted, (from, to), page).await;
        }
        let select = events_select(filter, (from, to), page)?;
        Ok(page_of(select.fetch(&mut tx, EventView::read).await?, page))
    }

    /// The event `id` with its body, its decisions and its review item.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn event(&self, id: &str) -> Result<EventDetail, StoreError> {
        let seq = row_number("event", id)?;
        let mut tx = self.database.begin_read().await?;
        let tx = &mut tx;
        let mut select = Statement::new(EVENTS);
        select.push(" and e.seq = ?", [seq.into()]);
        let event = select.fetch_optional(tx, EventView::read).await?;
        let event = event.ok_or_else(|| not_found("event", id))?;
        let body = Statement::new("select body from events where seq = $1").bind(seq);
        let body = body.fetch_optional(tx, |row| row.get("body")).await?;
        let decisions = Statement::new(
            "select rule, outcome, detail, incident_id, decided_at from decisions \
             where event_seq = $1 order by rule",
        );
        let review =
            Statement::new("select id, reason, state from review_items where event_seq = $1");
        Ok(EventDetail {
            event,
            body: body.unwrap_or_default(),
            decisions: decisions.bind(seq).fetch(tx, DecisionView::read).await?,
            review: review
                .bind(seq)
                .fetch_optional(tx, EventReview::read)
                .await?,
        })
    }
}

/// The sequence number at which events received at `at` (epoch ms) begin, found by halving:
/// the journal is as good as in the order of time, and an index on the time would make every
/// webhook dearer.
async fn place_of(tx: &mut Tx, at: i64) -> Result<i64, StoreError> {
    let ends = Statement::new(
        "select (select min(seq) from events) as first, (select max(seq) from events) as last",
    );
    let ends = ends.fetch_one(tx, |row| {
        Ok((row.get_optional("first")?, row.get_optional("last")?))
    });
    let (Some(mut low), Some(last)): (Option<i64>, Option<i64>) = ends.await? else {
        return Ok(0);
    };
    let mut high = last + 1;
    while low < high {
        let middle = low + (high - low) / 2;
        let next = Statement::new(
            "select seq, received_at from events where seq >= $1 order by seq limit 1",
        );
        let event = |row: &Row| Ok((row.get::<i64>("seq")?, row.get::<Timestamp>("received_at")?));
        match next.bind(middle).fetch_optional(tx, event).await? {
            Some((seq, received_at)) if received_at < Timestamp::from_millis(at) => {
                low = seq + 1;
            }
            _ => high = middle,
        }
    }
    Ok(low)
}
