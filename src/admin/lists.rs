//! What people read.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::answer::Refused;
use super::cards::{Card, worst_first};
use super::query::{self, list_request};
use super::target_list::targets_now;
use super::targets::TargetView;
use super::{AdminState, resolve};
use crate::domain::identity::TargetName;
use crate::store::{
    AuditView, DeadLetterDetail, DeadLetterView, DeliveryDetail, DeliveryView, DroppedReviewsView,
    EventDetail, EventView, FloodView, IncidentDetail, IncidentView, LockView, Page, ReviewDetail,
    ReviewGroup, TimelineEntry,
};

type Answer<T> = Result<Json<T>, Refused>;

/// A list: the store's method of that name.
macro_rules! list {
    ($list:ident, $list_of:ty, $filters:expr, $store_list:ident) => {
        pub(super) async fn $list(
            State(state): State<AdminState>,
            RawQuery(query): RawQuery,
        ) -> Answer<Page<$list_of>> {
            let (mut filter, page) = list_request(query.as_deref(), $filters)?;
            resolve::complete(&state, &mut filter).await?;
            Ok(Json(state.store.$store_list(&filter, &page).await?))
        }
    };
}

/// A list and its single items.
macro_rules! resource {
    ($list:ident, $list_of:ty, $filters:expr, $store_list:ident;
     $one:ident, $one_of:ty, $store_one:ident($id:ty)) => {
        list!($list, $list_of, $filters, $store_list);

        pub(super) async fn $one(
            State(state): State<AdminState>,
            Path(id): Path<$id>,
        ) -> Answer<$one_of> {
            Ok(Json(state.store.$store_one(&id).await?))
        }
    };
}

list!(events, EventView, query::EVENTS, events);
resource!(deliveries, DeliveryView, query::DELIVERIES, deliveries; delivery, DeliveryDetail, delivery(String));
resource!(dead_letters, DeadLetterView, query::DEAD_LETTERS, dead_letters;
          dead_letter, DeadLetterDetail, dead_letter(String));

/// Incidents in the order that is asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Incidents {
    Newest(Page<IncidentView>),
    /// Those that are not over, with names and readings; an outage stands for its members.
    Worst(Page<Card>),
}

pub(super) async fn incidents(
    State(state): State<AdminState>,
    RawQuery(query): RawQuery,
) -> Answer<Incidents> {
    let (rest, sort) = query::option(query.as_deref(), "sort")?;
    let (mut filter, page) = list_request(Some(&rest), query::INCIDENTS)?;
    resolve::complete(&state, &mut filter).await?;
    Ok(Json(match sort.as_deref() {
        None | Some("newest") => Incidents::Newest(state.store.incidents(&filter, &page).await?),
        Some("worst") => {
            let now = state.clock.now();
            let found = state.store.ongoing_page(&filter, &page, now).await?;
            Incidents::Worst(Page {
                items: worst_first(&state, found.items),
                next: found.next,
            })
        }
        Some(_) => return Err(Refused::bad_request("sort is newest or worst.")),
    }))
}

pub(super) async fn event(
    State(state): State<AdminState>,
    Path(named): Path<String>,
) -> Answer<EventDetail> {
    Ok(Json(resolve::event(&state, &named).await?))
}

pub(super) async fn incident(
    State(state): State<AdminState>,
    Path(named): Path<String>,
) -> Answer<IncidentDetail> {
    let id = resolve::incident_id(&state, &named).await?;
    Ok(Json(state.store.incident(&id).await?))
}

/// Review items one by one or in groups, and how many of each source its limit has dropped.
#[derive(Debug, Serialize)]
pub(super) struct Reviews<T> {
    #[serde(flatten)]
    page: Page<T>,
    dropped: Vec<DroppedReviewsView>,
}

pub(super) async fn reviews(
    State(state): State<AdminState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let (rest, group) = query::option(query.as_deref(), "group")?;
    if let Some(group) = group {
        query::one_of("group", &group, &["reason"])?;
        return Ok(review_groups(&state, &rest).await?.into_response());
    }
    let (filter, page) = list_request(query.as_deref(), query::REVIEW)?;
    let reviews = Json(Reviews {
        page: state.store.reviews(&filter, &page).await?,
        dropped: state.store.dropped_reviews(&filter).await?,
    });
    Ok(reviews.into_response())
}

/// Open review items with equal reasons as one, the largest group first.
async fn review_groups(state: &AdminState, query: &str) -> Answer<Reviews<ReviewGroup>> {
    let (filter, page) = list_request(Some(query), query::REVIEW_GROUPS)?;
    let source = filter.source.as_deref();
    let page = Page {
        items: state.store.review_groups(source, page.limit).await?,
        next: None,
    };
    Ok(Json(Reviews {
        page,
        dropped: state.store.dropped_reviews(&filter).await?,
    }))
}

pub(super) async fn review(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Answer<ReviewDetail> {
    Ok(Json(state.store.review_item(&id).await?))
}

pub(super) async fn floods(State(state): State<AdminState>) -> Answer<Page<FloodView>> {
    Ok(Json(state.store.floods().await?))
}

pub(super) async fn timeline(
    State(state): State<AdminState>,
    Path(named): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Page<TimelineEntry>> {
    let (_, page) = list_request(query.as_deref(), query::TIMELINE)?;
    let id = resolve::incident_id(&state, &named).await?;
    Ok(Json(state.store.timeline(&id, &page).await?))
}

pub(super) async fn locks(
    State(state): State<AdminState>,
    RawQuery(query): RawQuery,
) -> Answer<Page<LockView>> {
    let (mut filter, page) = list_request(query.as_deref(), query::LOCKS)?;
    resolve::complete(&state, &mut filter).await?;
    let now = state.clock.now();
    Ok(Json(state.store.locks(&filter, &page, now).await?))
}

pub(super) async fn audit(
    State(state): State<AdminState>,
    RawQuery(query): RawQuery,
) -> Answer<Page<AuditView>> {
    let (filter, page) = list_request(query.as_deref(), query::AUDIT)?;
    Ok(Json(state.store.audit(&filter, &page).await?))
}

pub(super) async fn config(State(state): State<AdminState>) -> Json<Value> {
    Json((*state.config).clone())
}

/// A target with what is owed to it.
#[derive(Debug, Serialize)]
pub(super) struct TargetRow {
    #[serde(flatten)]
    target: TargetView,
    owed: i64,
    dead: i64,
}

pub(super) async fn targets(State(state): State<AdminState>) -> Answer<Page<TargetRow>> {
    Ok(Json(Page {
        items: target_rows(&state).await?,
        next: None,
    }))
}

pub(super) async fn target(
    State(state): State<AdminState>,
    Path(name): Path<TargetName>,
) -> Answer<TargetRow> {
    target_row(&state, &name).await.map(Json)
}

/// The target `name` as it is now.
pub(super) async fn target_row(
    state: &AdminState,
    name: &TargetName,
) -> Result<TargetRow, Refused> {
    let rows = target_rows(state).await?;
    rows.into_iter()
        .find(|row| row.target.name == *name)
        .ok_or_else(|| Refused::not_found("There is no target of this name."))
}

async fn target_rows(state: &AdminState) -> Result<Vec<TargetRow>, Refused> {
    let counts = state.store.counts().await?;
    let owed: BTreeMap<TargetName, i64> = counts.owed.into_iter().collect();
    let mut dead: BTreeMap<TargetName, i64> = BTreeMap::new();
    for (target, _, count) in counts.dead_letters {
        *dead.entry(target).or_default() += count;
    }
    let of = |counts: &BTreeMap<TargetName, i64>, name: &TargetName| {
        counts.get(name).copied().unwrap_or(0)
    };
    let targets = targets_now(state).await?.into_iter();
    Ok(targets
        .map(|target| TargetRow {
            owed: of(&owed, &target.name),
            dead: of(&dead, &target.name),
            target,
        })
        .collect())
}

/// The incident going on at a queue, with the ticket's number where a data action finds it
/// without digging: its own, or that of the outage which stands for it.
#[derive(Debug, Serialize)]
pub(super) struct QueueIncident {
    queue_id: String,
    ticket_number: Option<String>,
    #[serde(flatten)]
    incident: IncidentView,
}

pub(super) async fn queue_incident(
    State(state): State<AdminState>,
    Path(queue_id): Path<String>,
) -> Answer<QueueIncident> {
    let incident = state.store.incident_of_queue(&queue_id).await?;
    let ticket_number = match (&incident.ticket.number, &incident.outage_id) {
        (None, Some(outage_id)) => state.store.ticket_number(outage_id).await?,
        (own, _) => own.clone(),
    };
    Ok(Json(QueueIncident {
        queue_id,
        ticket_number,
        incident,
    }))
}
