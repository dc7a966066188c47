//! Events of the journal, and what was made of each: the audit trail from event to incident.

use serde::Serialize;
use sqlx::FromRow;

use super::values::{Document, Moment, RowId};
use super::{Cursor, Filter, Item, Page, PageRequest, Select};
use super::{not_found, page_of, row_cursor, row_number, rows_to_read};
use crate::domain::time::Timestamp;
use crate::store::database::Tx;
use crate::store::{Store, StoreError};

/// How far the journal's order may stray from the order of time: replicas' clocks differ,
/// and a request may wait for the writer. Only the search for a time's place in the journal
/// relies on it.
const OUT_OF_ORDER_MS: i64 = 3_600_000;

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct EventView {
    /// Its place in the journal.
    pub id: RowId,
    /// The source's name.
    pub source: String,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// When it was received.
    pub received_at: Moment,
    /// `received`: not decided yet; `decided`; `review`: it was not understood.
    pub state: String,
    /// The incident it is part of.
    pub incident_id: Option<String>,
}

/// What one rule made of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct DecisionView {
    /// The rule.
    pub rule: String,
    /// What the signal did.
    pub outcome: String,
    /// More about it, such as the end of a lock.
    pub detail: Option<String>,
    /// The incident it concerned.
    pub incident_id: Option<String>,
    /// When.
    pub decided_at: Moment,
}

/// Why an event waits, or waited, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct EventReview {
    /// The review item.
    pub id: RowId,
    /// Why.
    pub reason: String,
    /// `open`, `reprocessed`, `discarded`.
    pub state: String,
}

/// An event with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventDetail {
    /// As in the list.
    #[serde(flatten)]
    pub event: EventView,
    /// As it came.
    pub body: Document,
    /// What the rules made of it; empty when it says nothing to any rule.
    pub decisions: Vec<DecisionView>,
    /// Set when it was not understood.
    pub review: Option<EventReview>,
}

impl Item for EventView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.received_at, self.id)
    }
}

const EVENTS: &str = "select e.seq as id, e.source, e.event_id, e.received_at, \
      case when e.review is not null then 'review' \
           when e.seq > (select position from cursors where name = 'decide') then 'received' \
           else 'decided' end as state, \
      (select d.incident_id from decisions d where d.event_seq = e.seq \
         and d.incident_id is not null order by d.rule limit 1) as incident_id \
     from events e where true";

const OF_STATE: [(&str, &str); 3] = [
    (
        "received",
        " and e.seq > (select position from cursors where name = 'decide') and e.review is null",
    ),
    (
        "decided",
        " and e.seq <= (select position from cursors where name = 'decide') and e.review is null",
    ),
    (
        "review",
        " and e.seq in (select r.event_seq from review_items r) and e.review is not null",
    ),
];

pub(super) fn events_select(
    filter: &Filter,
    (from, to): (Option<i64>, Option<i64>),
    page: &PageRequest,
) -> Result<Select, StoreError> {
    let mut select = Select::new(EVENTS);
    if let Some(after) = &page.after {
        select.push(" and e.seq < ?", [after.number()?.into()]);
    }
    select
        .push_some(" and e.seq >= ?", from)
        .push_some(" and e.seq < ?", to)
        .push_some(" and e.received_at >= ?", filter.since)
        .push_some(" and e.received_at < ?", filter.until)
        .push_some(" and e.source = ?", filter.source.as_ref())
        .push_some(" and e.event_id = ?", filter.event_id.as_ref())
        .push_some(
            " and exists (select 1 from decisions d where d.event_seq = e.seq and d.rule = ?)",
            filter.rule.as_ref(),
        )
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
    if let Some(state) = &filter.state {
        let clause = OF_STATE.iter().find(|(name, _)| name == state);
        select.push(clause.map_or(" and false", |(_, clause)| clause), []);
    }
    select.push(" order by e.seq desc limit ?", [rows_to_read(page)]);
    Ok(select)
}

impl Store {
    /// Events, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or the cursor is of another list.
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
        let rows = events_select(filter, (from, to), page)?
            .fetch(&mut tx)
            .await?;
        Ok(page_of(rows, page))
    }

    /// The event `id` with its body, its decisions and its review item.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another when the database cannot be read.
    pub async fn event(&self, id: &str) -> Result<EventDetail, StoreError> {
        let seq = row_number("event", id)?;
        let mut tx = self.database.begin_read().await?;
        let mut select = Select::new(EVENTS);
        select.push(" and e.seq = ?", [seq.into()]);
        let event: EventView = select
            .fetch_optional(&mut tx)
            .await?
            .ok_or_else(|| not_found("event", id))?;
        let of_event = |text: &'static str| {
            let mut select = Select::new(text);
            select.push(" = ?", [seq.into()]);
            select
        };
        let body: Option<(Document,)> = of_event("select body from events where seq")
            .fetch_optional(&mut tx)
            .await?;
        let mut decisions = of_event(
            "select rule, outcome, detail, incident_id, decided_at from decisions where event_seq",
        );
        decisions.push(" order by rule", []);
        Ok(EventDetail {
            event,
            body: body.map_or_else(|| Document(String::new()), |(body,)| body),
            decisions: decisions.fetch(&mut tx).await?,
            review: of_event("select id, reason, state from review_items where event_seq")
                .fetch_optional(&mut tx)
                .await?,
        })
    }
}

/// The sequence number at which events received at `at` (epoch ms) begin, found by halving:
/// the journal is as good as in the order of time, and an index on the time would make every
/// webhook dearer.
async fn place_of(tx: &mut Tx, at: i64) -> Result<i64, StoreError> {
    let ends: Option<(Option<i64>, Option<i64>)> =
        Select::new("select (select min(seq) from events), (select max(seq) from events)")
            .fetch_optional(tx)
            .await?;
    let Some((Some(mut low), Some(last))) = ends else {
        return Ok(0);
    };
    let mut high = last + 1;
    while low < high {
        let middle = low + (high - low) / 2;
        let mut next = Select::new("select seq, received_at from events");
        next.push(" where seq >= ? order by seq limit 1", [middle.into()]);
        let row: Option<(i64, Moment)> = next.fetch_optional(tx).await?;
        match row {
            Some((seq, received_at)) if received_at.timestamp() < Timestamp::from_millis(at) => {
                low = seq + 1;
            }
            _ => high = middle,
        }
    }
    Ok(low)
}
