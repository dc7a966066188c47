//! What operators change. The store keeps each change together with its audit entry.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Refused;
use super::body::Either;
use super::query::{Bulk, Query};
use super::questions::{self, Question};
use super::replay_plan::{ReplayPlan, plan, plan_one};
use super::{Actor, AdminState, resolve};
use crate::store::{ChangedBy, DeliveryView, DisplayTime, Filter, ReviewDecision, ReviewDetail};

type Answer<T> = Result<Json<T>, Refused>;

pub(super) fn by<'a>(state: &AdminState, actor: &'a Actor) -> ChangedBy<'a> {
    ChangedBy {
        actor: &actor.name,
        at: state.clock.now(),
    }
}

pub(super) async fn replay(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    asked: Query<questions::ReplayOne>,
) -> Result<Either<Json<DeliveryView>, Json<ReplayPlan>>, Refused> {
    if asked.is("plan") {
        return Ok(Either::That(Json(plan_one(&state, &id).await?)));
    }
    let by = by(&state, &actor);
    let as_stored = asked.is("as_stored");
    let replayed = state.store.replay_dead_letter(&id, as_stored, by).await?;
    Ok(Either::This(Json(replayed)))
}

pub(super) async fn discard(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<DeliveryView> {
    let by = by(&state, &actor);
    Ok(Json(state.store.discard_dead_letter(&id, by).await?))
}

/// How many dead letters are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replayed {
    replayed: usize,
    /// Which; with `ids=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ids: Option<Vec<String>>,
}

pub(super) async fn replay_many(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Bulk { mut asked, .. }: Bulk<questions::ReplayMany>,
) -> Result<Either<Json<Replayed>, Json<ReplayPlan>>, Refused> {
    resolve::complete(&state, &mut asked.filter).await?;
    let filter = &asked.filter;
    if asked.is("plan") {
        return Ok(Either::That(Json(plan(&state, filter).await?)));
    }
    let by = by(&state, &actor);
    let as_stored = asked.is("as_stored");
    let replayed = state.store.replay_dead_letters(filter, as_stored, by);
    let replayed = replayed.await?;
    let ids = || replayed.iter().map(i64::to_string).collect();
    Ok(Either::This(Json(Replayed {
        replayed: replayed.len(),
        ids: asked.is("ids").then(ids),
    })))
}

/// How many were discarded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Discarded {
    discarded: u64,
}

/// How many dead letters were discarded, and which were not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiscardedDeadLetters {
    discarded: u64,
    /// Creates that are looked up first: the ticket may exist. Those of which no ticket is found are
    /// discarded then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    looked_up_first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    left_out: Option<LeftOut>,
}

/// Dead letters that cannot be discarded yet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LeftOut {
    count: u64,
    why: &'static str,
    /// When all of them can be discarded.
    until: Option<DisplayTime>,
}

const STILL_RUNS: &str = "a request whose answer was lost may still create the ticket";

pub(super) async fn discard_many(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    bulk: Bulk<questions::DiscardMany>,
) -> Answer<DiscardedDeadLetters> {
    let mut filter = narrowing(bulk)?;
    resolve::complete(&state, &mut filter).await?;
    let by = by(&state, &actor);
    let done = state.store.discard_dead_letters(&filter, by).await?;
    Ok(Json(DiscardedDeadLetters {
        discarded: done.discarded,
        looked_up_first: Some(done.looked_up).filter(|count| *count > 0),
        left_out: (done.left_out > 0).then(|| LeftOut {
            count: done.left_out,
            why: STILL_RUNS,
            until: done.until.map(DisplayTime::from),
        }),
    }))
}

pub(super) async fn reprocess_review(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<ReviewDetail> {
    settle(&state, &actor, &id, ReviewDecision::Reprocess).await
}

pub(super) async fn discard_review(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<ReviewDetail> {
    settle(&state, &actor, &id, ReviewDecision::Discard).await
}

async fn settle(
    state: &AdminState,
    actor: &Actor,
    id: &str,
    verdict: ReviewDecision,
) -> Answer<ReviewDetail> {
    let by = by(state, actor);
    state.store.decide_review(id, verdict, by).await?;
    Ok(Json(state.store.review_item(id).await?))
}

/// How many are read again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reprocessed {
    reprocessed: u64,
}

pub(super) async fn reprocess_reviews(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Bulk { asked, .. }: Bulk<questions::SettleReview>,
) -> Answer<Reprocessed> {
    let by = by(&state, &actor);
    let verdict = ReviewDecision::Reprocess;
    let reprocessed = state.store.decide_reviews(&asked.filter, verdict, by);
    Ok(Json(Reprocessed {
        reprocessed: reprocessed.await?,
    }))
}

pub(super) async fn discard_reviews(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    bulk: Bulk<questions::SettleReview>,
) -> Answer<Discarded> {
    let filter = narrowing(bulk)?;
    let by = by(&state, &actor);
    let verdict = ReviewDecision::Discard;
    let discarded = state.store.decide_reviews(&filter, verdict, by).await?;
    Ok(Json(Discarded { discarded }))
}

/// How many held incidents get tickets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Released {
    released: u64,
}

pub(super) async fn release_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Answer<Released> {
    let by = by(&state, &actor);
    let released = state.store.decide_flood(&source, true, by).await?;
    Ok(Json(Released { released }))
}

pub(super) async fn discard_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Answer<Discarded> {
    let by = by(&state, &actor);
    let discarded = state.store.decide_flood(&source, false, by).await?;
    Ok(Json(Discarded { discarded }))
}

/// A filter for what cannot be undone: meaning everything has to be said.
fn narrowing<Q: Question>(bulk: Bulk<Q>) -> Result<Filter, Refused> {
    if bulk.asked.filter == Filter::default() && !bulk.all {
        return Err(Refused::bad_request(
            "Discarding cannot be undone: name a filter, or say all=true.",
        ));
    }
    Ok(bulk.asked.filter)
}
