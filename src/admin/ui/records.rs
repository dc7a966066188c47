//! *Sources*, *Silences*, *Configuration*, *Audit*: lists with little of their own.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::page::{Form, page};
use crate::admin::answer::Refused;
use crate::admin::lists::warnings;
use crate::admin::silence_preview::{Preview, count_hits};
use crate::admin::situation::person;
use crate::admin::windows;
use crate::admin::{Actor, AdminState};
use crate::store::{Cursor, Filter, PageRequest};

const PAGE: u32 = 50;

fn request(query: &Form) -> PageRequest {
    PageRequest {
        after: query.get("cursor").and_then(Cursor::parse),
        limit: PAGE,
    }
}

/// Each configured source: what it sent of late, and what of it waits for a person.
pub(super) async fn sources(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
) -> Result<Response, Refused> {
    let person = person(&state).await?;
    let dropped = state.store.dropped_reviews(&Filter::default()).await?;
    let activity = state.store.source_activity().await?;
    let names = state.names.as_ref();
    let names = names.map_or(&[][..], |names| &names.sources);
    let rows = names.iter().map(|name| {
        let review = person.review.iter().filter(|group| group.source == *name);
        let flood = person.floods.iter().find(|one| one.source == *name);
        let dropped = dropped.iter().find(|one| one.source == *name);
        json!({
            "name": name,
            "activity": activity.iter().find(|one| one.source == *name),
            "review": review.map(|group| group.count).sum::<u64>(),
            "held": flood.map_or(0, |flood| flood.held),
            "dropped": dropped.map_or(0, |one| one.dropped),
        })
    });
    let content = json!({ "sources": rows.collect::<Vec<_>>() });
    Ok(page(
        &state,
        &actor,
        "sources.html",
        &Form::default(),
        &content,
    ))
}

pub(super) async fn silences(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    silences_page(&state, &actor, &query, Tried::Nothing).await
}

/// What came of the form on the page.
pub(super) enum Tried {
    Nothing,
    /// What its silence would hit.
    Preview(Preview),
    /// Why it makes no silence.
    Refused(String),
}

/// The list, with the form filled in from `query`, and what came of it.
pub(super) async fn silences_page(
    state: &AdminState,
    actor: &Actor,
    query: &Form,
    tried: Tried,
) -> Result<Response, Refused> {
    let (preview, refused) = match tried {
        Tried::Nothing => (None, None),
        Tried::Preview(preview) => (Some(preview), None),
        Tried::Refused(why) => (None, Some(why)),
    };
    let now = state.clock.now();
    let filter = Filter::default();
    let mut listed = windows::page(state, &filter, request(query), now).await?;
    count_hits(state, &mut listed.items).await?;
    let content = json!({
        "items": listed.items,
        "next": listed.next,
        "match": query.get("match"),
        "for": query.get("for"),
        "reason": query.get("reason"),
        "preview": preview,
        "refused": refused,
    });
    Ok(page(state, actor, "silences.html", query, &content))
}

pub(super) async fn configuration(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
) -> Result<Response, Refused> {
    let items = state.config["items"].as_array();
    let rows = items.into_iter().flatten().map(|item| {
        let value = match &item["value"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        json!({ "path": item["path"], "value": value, "layer": item["layer"] })
    });
    let rows: Vec<_> = rows.collect();
    let content = json!({ "rows": rows, "warnings": warnings(&state) });
    Ok(page(
        &state,
        &actor,
        "configuration.html",
        &Form::default(),
        &content,
    ))
}

pub(super) async fn audit(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    let listed = state
        .store
        .audit(&Filter::default(), &request(&query))
        .await?;
    Ok(page(&state, &actor, "audit.html", &query, &listed))
}
