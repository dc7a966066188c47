//! What operators change. The store keeps each change together with its audit entry.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::answer::Refused;
use super::query::{self, Filters, bulk_request, flag};
use super::replay_plan::{plan, plan_one};
use super::{Actor, AdminState, resolve};
use crate::store::{ChangedBy, DeliveryView, Filter, ReviewDecision, ReviewDetail};

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
    RawQuery(query): RawQuery,
) -> Answer<Value> {
    let (rest, as_stored) = flag(query.as_deref(), "as_stored")?;
    let (rest, is_plan) = flag(Some(&rest), "plan")?;
    bulk_request(Some(&rest), &[], query::NO_FILTERS)?;
    if is_plan {
        return Ok(Json(json!(plan_one(&state, &id).await?)));
    }
    let by = by(&state, &actor);
    let replayed = state.store.replay_dead_letter(&id, as_stored, by).await?;
    Ok(Json(json!(replayed)))
}

pub(super) async fn discard(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<DeliveryView> {
    let by = by(&state, &actor);
    Ok(Json(state.store.discard_dead_letter(&id, by).await?))
}

pub(super) async fn replay_many(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer<Value> {
    let (rest, as_stored) = flag(query.as_deref(), "as_stored")?;
    let (rest, is_plan) = flag(Some(&rest), "plan")?;
    let (rest, with_ids) = flag(Some(&rest), "ids")?;
    let (mut filter, _) = bulk_request(Some(&rest), &body, query::DEAD_LETTERS)?;
    resolve::complete(&state, &mut filter).await?;
    if is_plan {
        return Ok(Json(json!(plan(&state, &filter).await?)));
    }
    let by = by(&state, &actor);
    let replayed = state
        .store
        .replay_dead_letters(&filter, as_stored, by)
        .await?;
    let mut answer = json!({ "replayed": replayed.len() });
    if with_ids {
        let ids: Vec<String> = replayed.iter().map(i64::to_string).collect();
        answer["ids"] = json!(ids);
    }
    Ok(Json(answer))
}

pub(super) async fn discard_many(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer<Value> {
    let mut filter = narrowing(query.as_deref(), &body, query::DEAD_LETTERS)?;
    resolve::complete(&state, &mut filter).await?;
    let by = by(&state, &actor);
    let discarded = state.store.discard_dead_letters(&filter, by).await?;
    Ok(Json(json!({ "discarded": discarded })))
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

pub(super) async fn reprocess_reviews(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer<Value> {
    let (filter, _) = bulk_request(query.as_deref(), &body, query::REVIEW_BULK)?;
    let by = by(&state, &actor);
    let verdict = ReviewDecision::Reprocess;
    let reprocessed = state.store.decide_reviews(&filter, verdict, by).await?;
    Ok(Json(json!({ "reprocessed": reprocessed })))
}

pub(super) async fn discard_reviews(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer<Value> {
    let filter = narrowing(query.as_deref(), &body, query::REVIEW_BULK)?;
    let by = by(&state, &actor);
    let verdict = ReviewDecision::Discard;
    let discarded = state.store.decide_reviews(&filter, verdict, by).await?;
    Ok(Json(json!({ "discarded": discarded })))
}

pub(super) async fn release_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Answer<Value> {
    let by = by(&state, &actor);
    let released = state.store.decide_flood(&source, true, by).await?;
    Ok(Json(json!({ "released": released })))
}

pub(super) async fn discard_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Answer<Value> {
    let by = by(&state, &actor);
    let discarded = state.store.decide_flood(&source, false, by).await?;
    Ok(Json(json!({ "discarded": discarded })))
}

/// A filter for what cannot be undone: meaning everything has to be said.
fn narrowing(query: Option<&str>, body: &[u8], filters: Filters) -> Result<Filter, Refused> {
    let (filter, all) = bulk_request(query, body, filters)?;
    if filter == Filter::default() && !all {
        return Err(Refused::bad_request(
            "Discarding cannot be undone: name a filter, or say all=true.",
        ));
    }
    Ok(filter)
}
