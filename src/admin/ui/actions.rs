//! What operators change by forms: the same as the verbs of the API, with the same entries in the
//! audit log. Each form leads back to a page that says what was done.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::page::{Form, to};
use super::records::{Tried, silences_page};
use super::waits::like;
use crate::admin::actions::by;
use crate::admin::answer::Refused;
use crate::admin::silence_preview::preview;
use crate::admin::silences::{Wanted, WantedEnd, extend_silence};
use crate::admin::windows;
use crate::admin::{Actor, AdminState};
use crate::store::ReviewDecision;

type Done = Result<Response, Refused>;

const WAITS: &str = "/ui/waits";

/// Leads to `place`, which says that so many were `did`.
pub(super) fn done(place: &str, did: &str, count: u64) -> Response {
    to(&format!("{place}?did={did}&n={count}"))
}

/// The silence that a form asks for.
fn wanted(form: &Form) -> Wanted {
    let lines = form.get("match").unwrap_or_default().lines();
    Wanted {
        r#match: lines
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect(),
        starts_at: None,
        ends_at: None,
        r#for: form.get("for").map(str::to_owned),
        reason: form.get("reason").unwrap_or_default().to_owned(),
    }
}

/// Says what is wrong beside the form, in which everything that was typed still stands.
async fn silence_refused(state: &AdminState, actor: &Actor, form: &Form, why: String) -> Done {
    let page = silences_page(state, actor, form, Tried::Refused(why)).await?;
    Ok((StatusCode::BAD_REQUEST, page).into_response())
}

/// Shows what the silence would hit, and the form again.
pub(super) async fn preview_silence(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Done {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let now = state.clock.now();
    let new = match wanted(&form).check(now, state.names.as_deref()) {
        Ok(new) => new,
        Err(why) => return silence_refused(&state, &actor, &form, why).await,
    };
    let preview = preview(&state, &new, now).await?;
    silences_page(&state, &actor, &form, Tried::Preview(preview)).await
}

pub(super) async fn extend(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    body: Bytes,
) -> Done {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let wanted = WantedEnd {
        ends_at: None,
        r#for: form.get("for").map(str::to_owned),
    };
    extend_silence(&state, &actor, &id, &wanted).await?;
    Ok(done("/ui/silences", "extended", 1))
}

pub(super) async fn silence(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Done {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let by = by(&state, &actor);
    let new = match wanted(&form).check(by.at, state.names.as_deref()) {
        Ok(new) => new,
        Err(why) => return silence_refused(&state, &actor, &form, why).await,
    };
    state.store.create_silence(&new, by).await?;
    Ok(done("/ui/silences", "silenced", 1))
}

pub(super) async fn expire(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    windows::refuse(&state, &id)?;
    state.store.expire_silence(&id, by(&state, &actor)).await?;
    Ok(done("/ui/silences", "expired", 1))
}

pub(super) async fn replay(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    state.store.replay_dead_letter(&id, false, by).await?;
    Ok(done(WAITS, "replayed", 1))
}

pub(super) async fn discard(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    state.store.discard_dead_letter(&id, by).await?;
    Ok(done(WAITS, "discarded", 1))
}

/// Of two people who send the same group at once, the second finds nothing left to do.
pub(super) async fn replay_group(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    let group = like(&id)?;
    let replayed = state.store.replay_dead_letters(&group, false, by).await?;
    Ok(done(WAITS, "replayed", replayed.len() as u64))
}

pub(super) async fn discard_group(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    let discarded = state.store.discard_dead_letters(&like(&id)?, by).await?;
    Ok(done(WAITS, "discarded", discarded.discarded))
}

pub(super) async fn reprocess(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    settle(&state, &actor, &id, ReviewDecision::Reprocess).await
}

pub(super) async fn discard_review(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    settle(&state, &actor, &id, ReviewDecision::Discard).await
}

async fn settle(state: &AdminState, actor: &Actor, id: &str, decision: ReviewDecision) -> Done {
    let by = by(state, actor);
    state.store.decide_review(id, decision, by).await?;
    Ok(done(WAITS, word_of(decision), 1))
}

pub(super) async fn reprocess_group(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    settle_group(&state, &actor, &id, ReviewDecision::Reprocess).await
}

pub(super) async fn discard_review_group(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Done {
    settle_group(&state, &actor, &id, ReviewDecision::Discard).await
}

async fn settle_group(
    state: &AdminState,
    actor: &Actor,
    id: &str,
    decision: ReviewDecision,
) -> Done {
    let by = by(state, actor);
    let settled = state.store.decide_reviews(&like(id)?, decision, by).await?;
    Ok(done(WAITS, word_of(decision), settled))
}

const fn word_of(decision: ReviewDecision) -> &'static str {
    match decision {
        ReviewDecision::Reprocess => "reprocessed",
        ReviewDecision::Discard => "discarded",
    }
}

pub(super) async fn release_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    let released = state.store.decide_flood(&source, true, by).await?;
    Ok(done(WAITS, "released", released))
}

pub(super) async fn discard_flood(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(source): Path<String>,
) -> Done {
    let by = by(&state, &actor);
    let discarded = state.store.decide_flood(&source, false, by).await?;
    Ok(done(WAITS, "discarded", discarded))
}
