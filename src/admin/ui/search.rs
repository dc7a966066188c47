//! *Search*: one box for whatever a person has in hand, and why there is no ticket.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::json;

use super::page::{Form, page, to};
use crate::admin::answer::Refused;
use crate::admin::why::story_of;
use crate::admin::{Actor, AdminState};

pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    let Some(asked) = query.get("q") else {
        let content = json!({ "asked": "" });
        return Ok(page(&state, &actor, "why.html", &query, &content));
    };
    let story = story_of(&state, asked).await?;
    // An incident has a page of its own.
    if let ("incident", Some(incident)) = (story.found, &story.incident)
        && story.incidents.len() == 1
    {
        return Ok(to(&format!("/ui/incidents/{}", incident.incident.id)));
    }
    Ok(page(&state, &actor, "why.html", &query, &story))
}
