//! Deliveries, and those given up on: dead letters.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Cursor, Filter, Item, Page, PageRequest};
use super::page::{not_found, page_of, row_cursor, row_number, rows_to_read};
use super::values::{DisplayTime, Document, RowId, StoredFailure};
use crate::domain::identity::{IncidentId, TargetName};
use crate::store::database::Tx;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Deliveries shown with an incident; the newest.
const MAX_SHOWN: i64 = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryView {
    pub id: RowId,
    /// The incident whose ticket it is about.
    pub incident_id: IncidentId,
    pub target: TargetName,
    /// `create`, `update`, `resolve`, `link`.
    pub operation: String,
    /// `waiting`, `parked`, `sending`, `done`, `dead`, `discarded`.
    pub state: String,
    /// Parked: what it waits for.
    pub waits_for: Option<String>,
    /// Attempts that counted.
    pub attempts: i64,
    /// When it is tried next; `None` once it is settled.
    pub next_attempt_at: Option<DisplayTime>,
    /// The failure of the last attempt that failed.
    pub last_error: Option<StoredFailure>,
    /// Whether an attempt may have taken effect although it failed.
    pub in_doubt: bool,
    /// The id of the event that caused it.
    pub event_id: String,
    /// When it became owed.
    pub created_at: DisplayTime,
    /// When it was done, given up or discarded.
    pub settled_at: Option<DisplayTime>,
}

impl DeliveryView {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            incident_id: row.get("incident_id")?,
            target: row.get("target")?,
            operation: row.get("operation")?,
            state: row.get("state")?,
            waits_for: row.get_optional("waits_for")?,
            attempts: row.get("attempts")?,
            next_attempt_at: row.get_optional("next_attempt_at")?,
            last_error: row.get_optional("last_error")?,
            in_doubt: row.get("in_doubt")?,
            event_id: row.get("event_id")?,
            created_at: row.get("created_at")?,
            settled_at: row.get_optional("settled_at")?,
        })
    }
}

/// A delivery with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryDetail {
    /// As in the list.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// The rendered content.
    pub payload: Document,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// Its id, that of the delivery.
    pub id: RowId,
    pub target: TargetName,
    /// `create`, `update`, `resolve`, `link`.
    pub operation: String,
    /// Kind, HTTP status, the CRM's own code, message and field.
    #[serde(flatten)]
    pub failure: StoredFailure,
    /// The id of the event that caused it.
    pub event_id: String,
    /// The incident whose ticket it is about.
    pub incident_id: IncidentId,
    /// The rule that found the incident.
    pub rule: Option<String>,
    /// The incident's correlation key.
    pub key: Option<String>,
    /// Attempts that counted.
    pub attempts: i64,
    /// When it became owed.
    pub created_at: DisplayTime,
    /// When it was given up.
    pub died_at: Option<DisplayTime>,
}

impl DeadLetterView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            target: row.get("target")?,
            operation: row.get("operation")?,
            failure: row.get("last_error")?,
            event_id: row.get("event_id")?,
            incident_id: row.get("incident_id")?,
            rule: row.get_optional("rule")?,
            key: row.get_optional("key")?,
            attempts: row.get("attempts")?,
            created_at: row.get("created_at")?,
            died_at: row.get_optional("died_at")?,
        })
    }
}

/// A dead letter with all that a person needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterDetail {
    /// As in the list.
    #[serde(flatten)]
    pub dead_letter: DeadLetterView,
    /// The rendered content.
    pub payload: Document,
    /// Whether an attempt may have taken effect although it failed: a replay looks for the
    /// ticket first.
    pub in_doubt: bool,
}

impl Item for DeliveryView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.created_at, self.id)
    }
}

impl Item for DeadLetterView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.created_at, self.id)
    }
}

/// The create that the delivery `d` waits for while it is a dead letter.
macro_rules! dead_create {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            " from deliveries dead where dead.incident_id = d.incident_id and dead.id < d.id \
               and dead.operation = 'create' and dead.state = 'dead'"
        )
    };
}

/// The create that the delivery `d` waits for while it is not known what came of it.
macro_rules! doubted_create {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            " from deliveries first where first.incident_id = d.incident_id and first.id < d.id \
               and first.operation = 'create' and first.state = 'waiting' and first.in_doubt <> 0"
        )
    };
}

/// When the delivery `d` is tried next: not before the create that it waits for.
macro_rules! next_attempt_at {
    () => {
        concat!(
            "case when d.state = 'waiting' then coalesce((",
            $crate::store::views::deliveries::doubted_create!("max(first.next_attempt_at)"),
            " and first.next_attempt_at > d.next_attempt_at), d.next_attempt_at) \
              when d.state = 'sending' then d.next_attempt_at end"
        )
    };
}

/// Whether the delivery `d` is a change of a ticket, and its target accepts only new tickets.
macro_rules! is_stopped {
    () => {
        "(d.operation <> 'create' \
           and exists (select 1 from stopped_changes s where s.target = d.target))"
    };
}

/// Whether the delivery `d` waits for something named, and not only for its turn or its time.
macro_rules! is_parked {
    () => {
        concat!(
            "d.state = 'waiting' and (d.parked is not null or exists ( \
               select 1 from target_conditions c where c.target = d.target and c.until is null) or ",
            $crate::store::views::deliveries::is_stopped!(),
            " or exists (",
            dead_create!("1"),
            "))"
        )
    };
}

/// What the parked delivery `d` waits for, for people. `c` is why its target accepts no writes.
macro_rules! waits_for {
    () => {
        concat!("case when d.state <> 'waiting' then null \
           when exists (", $crate::store::views::deliveries::dead_create!("1"), ") \
             then 'until its create succeeds or is discarded, dead letter ' || (", $crate::store::views::deliveries::dead_create!("max(dead.id)"), ") \
           when c.state = 'paused_by_person' \
             then 'until a person resumes ' || d.target || ', which is paused ' || c.reason \
           when d.parked = 'ticket' and d.last_error like '%\"in_front\":true%' \
             then 'until what stands in front of ' || d.target || ' lets it pass: who runs the proxy ' \
             || 'or the firewall must act' \
           when d.parked = 'ticket' and d.last_error like '%\"resolved_by\":\"person_in_crm\"%' \
             then 'until ' || d.target || ' accepts this one: a person must act' \
           when d.parked = 'ticket' and d.operation <> 'create' and d.last_error like '%\"status\":404%' \
             then 'until ' || d.target || ' shows the ticket again, or it counts as deleted' \
           when d.parked = 'ticket' then 'until ' || d.target || ' accepts this one; it is tried rarely' \
           when d.parked = 'operation' then 'until ' || d.target || ' accepts a ' || d.operation \
             || ' again: a person must act' \
           when d.parked = 'rendering' then 'until it is rendered again' \
           when c.state = 'held' then 'until a person has removed the obstacle in ' || d.target \
           when c.state = 'circuit_open' then 'until ' || d.target || ' answers again' \
           when c.state is null and ", $crate::store::views::deliveries::is_stopped!(), " \
             then 'until ' || d.target || ' accepts a ' || d.operation || ' again' \
           when c.state is not null or d.parked is not null \
             then 'until ' || d.target || ' accepts writes again' \
           when d.in_doubt <> 0 and d.after_look_up = 'discard' \
             then 'until no earlier request can create it any more: it is looked up then, and discarded if ' \
             || 'it is not there' \
           when exists (", $crate::store::views::deliveries::doubted_create!("1"), ") \
             then 'until it is known what came of its create, delivery ' || (", $crate::store::views::deliveries::doubted_create!("max(first.id)"), ") \
           when d.in_doubt <> 0 and d.look_up_from > d.unknown_at \
             and d.next_attempt_at >= d.look_up_from \
             then 'until an earlier request has ended, which may still run in ' || d.target end")
    };
}
pub(super) use {dead_create, doubted_create, is_stopped, waits_for};

const DELIVERIES: &str = concat!(
    "select d.id, d.incident_id, d.target, d.operation, d.tries as attempts, \
      case when ",
    is_parked!(),
    " then 'parked' else d.state end as state, ",
    waits_for!(),
    " as waits_for, ",
    next_attempt_at!(),
    " as next_attempt_at, \
      d.last_error, (d.in_doubt <> 0) as in_doubt, d.event_id, d.created_at, d.settled_at \
     from deliveries d \
     left join target_conditions c on c.target = d.target and c.until is null \
     where (d.completes = 0 or d.state <> 'discarded')"
);

const DEAD_LETTERS: &str = "select d.id, d.target, d.operation, \
      coalesce(d.last_error, '') as last_error, d.event_id, d.incident_id, i.rule, i.key, \
      d.tries as attempts, d.created_at, d.settled_at as died_at \
     from deliveries d left join incidents i on i.id = d.incident_id where d.state = 'dead'";

/// Narrows a statement over deliveries `d` to `filter`: lists and the operations in bulk mean the same
/// rows.
pub(in crate::store) fn push_delivery_filter<'a>(select: &mut Statement<'a>, filter: &'a Filter) {
    for (number, state) in filter.states.iter().enumerate() {
        select.push(if number == 0 { " and ((" } else { ") or (" }, []);
        match state.as_str() {
            "parked" => select.push(is_parked!(), []),
            "waiting" => select.push(
                concat!("d.state = 'waiting' and not (", is_parked!(), ")"),
                [],
            ),
            state => select.push("d.state = ?", [state.into()]),
        };
    }
    if !filter.states.is_empty() {
        select.push("))", []);
        // Lets the index of what is unfinished be used.
        if !filter.states.iter().any(|state| state == "done") {
            select.push(" and d.state <> 'done'", []);
        }
    }
    select
        .push_some(" and d.created_at >= ?", filter.since)
        .push_some(" and d.created_at < ?", filter.until)
        // As an expression: by the column, SQLite would take the index of what is due to a target, and
        // sort all that it ever got.
        .push_some(" and d.target || '' = ?", filter.target.as_ref())
        .push_some(" and d.operation = ?", filter.operation.as_ref())
        .push_some(" and d.error_kind = ?", filter.kind.as_ref())
        .push_some(
            " and exists (select 1 from deliveries x where x.id = ? and x.target = d.target \
               and x.operation = d.operation \
               and coalesce(x.error_kind, '') = coalesce(d.error_kind, '') \
               and coalesce(substr(x.last_error, 1, 300), '') \
                 = coalesce(substr(d.last_error, 1, 300), ''))",
            filter.like,
        )
        .push_some(" and d.incident_id = ?", filter.incident.as_ref())
        .push_some(
            " and d.incident_id in (select k.id from incidents k where k.key = ?)",
            filter.key.as_ref(),
        );
    push_lane_filter(select, filter);
}

/// Narrows to a source and a rule by the lane, which the index of the list holds. Names have no `/`.
fn push_lane_filter<'a>(select: &mut Statement<'a>, filter: &'a Filter) {
    if let Some(source) = &filter.source {
        select.push(
            " and substr(d.lane, 1, length(?) + 1) = ? || '/'",
            [source.into(), source.into()],
        );
    }
    if let Some(rule) = &filter.rule {
        select.push(
            " and substr(d.lane, length(d.lane) - length(?), length(?) + 1) = '/' || ?",
            [rule.into(), rule.into(), rule.into()],
        );
    }
}

fn push_page(select: &mut Statement<'_>, page: &PageRequest) -> Result<(), StoreError> {
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.number()?.into()];
        select.push(" and (d.created_at, d.id) < (?, ?)", place);
    }
    select.push(
        " order by d.created_at desc, d.id desc limit ?",
        [rows_to_read(page)],
    );
    Ok(())
}

pub(super) fn deliveries_select<'a>(
    filter: &'a Filter,
    page: &'a PageRequest,
) -> Result<Statement<'a>, StoreError> {
    let mut select = Statement::new(DELIVERIES);
    push_delivery_filter(&mut select, filter);
    push_page(&mut select, page)?;
    Ok(select)
}

pub(super) fn dead_letters_select<'a>(
    filter: &'a Filter,
    page: &'a PageRequest,
) -> Result<Statement<'a>, StoreError> {
    let mut select = Statement::new(DEAD_LETTERS);
    push_delivery_filter(&mut select, filter);
    push_page(&mut select, page)?;
    Ok(select)
}

/// The deliveries to an incident's ticket, newest first.
pub(super) fn deliveries_of(incident_id: &str) -> Statement<'_> {
    let mut select = Statement::new(DELIVERIES);
    select.push(
        " and d.incident_id = ? order by d.id desc limit ?",
        [incident_id.into(), MAX_SHOWN.into()],
    );
    select
}

/// The delivery `id`, in an open transaction.
pub(in crate::store) async fn delivery_in(
    tx: &mut Tx,
    id: i64,
) -> Result<Option<DeliveryView>, StoreError> {
    let mut select = Statement::new(DELIVERIES);
    select.push(" and d.id = ?", [id.into()]);
    select.fetch_optional(tx, DeliveryView::read).await
}

impl Store {
    pub async fn deliveries(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = deliveries_select(filter, page)?;
        Ok(page_of(
            select.fetch(&mut tx, DeliveryView::read).await?,
            page,
        ))
    }

    /// The delivery `id` with its content.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn delivery(&self, id: &str) -> Result<DeliveryDetail, StoreError> {
        let number = row_number("delivery", id)?;
        let mut tx = self.database.begin_read().await?;
        let delivery = delivery_in(&mut tx, number)
            .await?
            .ok_or_else(|| not_found("delivery", id))?;
        let payload = payload_of(&mut tx, number).await?;
        Ok(DeliveryDetail { delivery, payload })
    }

    pub async fn dead_letters(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<DeadLetterView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = dead_letters_select(filter, page)?;
        Ok(page_of(
            select.fetch(&mut tx, DeadLetterView::read).await?,
            page,
        ))
    }

    /// The dead letter `id` with its content.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], also for a delivery that is no dead letter (any more).
    pub async fn dead_letter(&self, id: &str) -> Result<DeadLetterDetail, StoreError> {
        let number = row_number("dead letter", id)?;
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(DEAD_LETTERS);
        select.push(" and d.id = ?", [number.into()]);
        let dead_letter = select.fetch_optional(&mut tx, DeadLetterView::read);
        let dead_letter = dead_letter.await?;
        let dead_letter = dead_letter.ok_or_else(|| not_found("dead letter", id))?;
        let in_doubt = delivery_in(&mut tx, number)
            .await?
            .is_some_and(|delivery| delivery.in_doubt);
        Ok(DeadLetterDetail {
            dead_letter,
            payload: payload_of(&mut tx, number).await?,
            in_doubt,
        })
    }
}

async fn payload_of(tx: &mut Tx, id: i64) -> Result<Document, StoreError> {
    let select = Statement::new("select payload from deliveries where id = $1").bind(id);
    let payload = select.fetch_optional(tx, |row| row.get("payload")).await?;
    Ok(payload.unwrap_or_default())
}
