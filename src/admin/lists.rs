//! What people read.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::Refused;
use super::body::{Either, Known, List, ListOf};
use super::cards::{Card, cards};
use super::query::Query;
use super::questions;
use super::target_list::targets_now;
use super::targets::TargetView;
use super::{AdminState, resolve};
use crate::domain::identity::TargetName;
use crate::settings::report;
use crate::store::{
    AuditView, Cursor, DeadLetterDetail, DeadLetterView, DeliveryDetail, DeliveryView,
    DroppedReviewsView, EventDetail, EventView, Filter, FloodView, IncidentDetail, IncidentView,
    LockView, Page, ReviewDetail, ReviewGroup, ReviewView, TimelineEntry,
};

type Answer<T> = Result<Json<T>, Refused>;
type Listed<T> = Result<List<Page<T>>, Refused>;

/// A list: the store's method of that name.
macro_rules! list {
    ($list:ident, $list_of:ty, $question:ty, $store_list:ident) => {
        pub(super) async fn $list(
            State(state): State<AdminState>,
            mut asked: Query<$question>,
        ) -> Listed<$list_of> {
            resolve::of_list(&state, &mut asked.filter).await?;
            let found = state.store.$store_list(&asked.filter, &asked.page);
            Ok(List(found.await?))
        }
    };
}

/// A list and its single items.
macro_rules! resource {
    ($list:ident, $list_of:ty, $question:ty, $store_list:ident;
     $one:ident, $one_of:ty, $store_one:ident($id:ty)) => {
        list!($list, $list_of, $question, $store_list);

        pub(super) async fn $one(
            State(state): State<AdminState>,
            Path(id): Path<$id>,
        ) -> Answer<$one_of> {
            Ok(Json(state.store.$store_one(&id).await?))
        }
    };
}

list!(events, EventView, questions::Events, events);
resource!(deliveries, DeliveryView, questions::Deliveries, deliveries; delivery, DeliveryDetail, delivery(String));
resource!(dead_letters, DeadLetterView, questions::DeadLetters, dead_letters;
          dead_letter, DeadLetterDetail, dead_letter(String));

/// Incidents with names and readings, in the order that is asked for. With `sort=worst` those that are
/// not over; an outage stands for its members, unless those of one outage are asked for.
pub(super) async fn incidents(
    State(state): State<AdminState>,
    mut asked: Query<questions::Incidents>,
) -> Listed<Card> {
    resolve::of_list(&state, &mut asked.filter).await?;
    let (filter, page) = (&asked.filter, &asked.page);
    let now = state.clock.now();
    let found = match asked.option("sort") {
        Some("worst") => state.store.ongoing_page(filter, page, now).await?,
        _ => state.store.incidents(filter, page, now).await?,
    };
    Ok(List(Page {
        items: cards(&state, found.items),
        next: found.next,
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
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reviews<T> {
    #[serde(flatten)]
    page: Page<T>,
    dropped: Vec<DroppedReviewsView>,
}

impl<T> ListOf for Reviews<T> {
    type Item = T;
}

pub(super) async fn reviews(
    State(state): State<AdminState>,
    mut asked: Query<questions::Review>,
) -> Result<Either<List<Reviews<ReviewView>>, List<Reviews<ReviewGroup>>>, Refused> {
    resolve::of_list(&state, &mut asked.filter).await?;
    if asked.option("group").is_some() {
        return review_groups(&state, &asked).await.map(Either::That);
    }
    Ok(Either::This(List(Reviews {
        page: state.store.reviews(&asked.filter, &asked.page).await?,
        dropped: state.store.dropped_reviews(&asked.filter).await?,
    })))
}

/// Open review items with equal reasons as one, the largest group first.
async fn review_groups(
    state: &AdminState,
    asked: &Query<questions::Review>,
) -> Result<List<Reviews<ReviewGroup>>, Refused> {
    let by_source = Filter {
        source: asked.filter.source.clone(),
        ..Filter::default()
    };
    if asked.filter != by_source || asked.page.after.is_some() {
        return Err(Refused::bad_request(
            "Groups are of open items and come in one page; there are the filters source and limit.",
        ));
    }
    let source = by_source.source.as_deref();
    let page = Page {
        items: state.store.review_groups(source, asked.page.limit).await?,
        next: None,
    };
    Ok(List(Reviews {
        page,
        dropped: state.store.dropped_reviews(&by_source).await?,
    }))
}

pub(super) async fn review(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Answer<ReviewDetail> {
    Ok(Json(state.store.review_item(&id).await?))
}

pub(super) async fn floods(State(state): State<AdminState>) -> Listed<FloodView> {
    Ok(List(state.store.floods().await?))
}

pub(super) async fn timeline(
    State(state): State<AdminState>,
    Path(named): Path<String>,
    asked: Query<questions::Timeline>,
) -> Listed<TimelineEntry> {
    let id = resolve::incident_id(&state, &named).await?;
    Ok(List(state.store.timeline(&id, &asked.page).await?))
}

pub(super) async fn locks(
    State(state): State<AdminState>,
    mut asked: Query<questions::Locks>,
) -> Listed<LockView> {
    resolve::of_list(&state, &mut asked.filter).await?;
    let now = state.clock.now();
    let found = state.store.locks(&asked.filter, &asked.page, now);
    Ok(List(found.await?))
}

list!(audit, AuditView, questions::Audit, audit);

/// One value of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigValue {
    /// Where it stands, such as `server.listen`.
    path: String,
    /// The value; secrets are taken out.
    value: Value,
    /// Where it was set: a file and a line, a variable, or the default.
    layer: String,
}

/// The effective configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigList {
    items: Vec<ConfigValue>,
    next: Option<Cursor>,
    /// What looks wrong in it, as `ringdown config check` says it. Known some seconds after a start.
    warnings: Vec<ConfigWarning>,
}

/// Something that looks wrong in the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigWarning {
    severity: &'static str,
    /// The setting.
    path: String,
    message: String,
    suggestion: Option<String>,
    /// What to do.
    help: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    /// How many bytes of the line it is about.
    length: Option<usize>,
    layer: Option<String>,
}

pub(super) async fn config(State(state): State<AdminState>) -> Known<ConfigList> {
    let mut config = (*state.config).clone();
    if let Some(config) = config.as_object_mut() {
        config.insert("warnings".to_owned(), warnings(&state));
    }
    Known::new(config)
}

/// What the configuration is warned of, as far as it is known.
pub(super) fn warnings(state: &AdminState) -> Value {
    let known = state.warnings.get().map(Vec::as_slice);
    report::warnings_json(known.unwrap_or_default())
}

/// A target with what is owed to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetRow {
    #[serde(flatten)]
    target: TargetView,
    owed: i64,
    dead: i64,
}

pub(super) async fn targets(State(state): State<AdminState>) -> Listed<TargetRow> {
    Ok(List(Page {
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
#[derive(Debug, Serialize, ToSchema)]
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
