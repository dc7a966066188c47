//! *Waits for a person*: dead letters and review items by reason; what each group is, and what
//! would be done with it.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::marked_json::{self, Line};
use super::page::{Form, page};
use crate::admin::answer::Refused;
use crate::admin::replay_plan::{ReplayPlan, plan};
use crate::admin::situation::{Person, person};
use crate::admin::{Actor, AdminState};
use crate::store::{DeadLetterDetail, Filter, MAX_GROUPS, Page, PageRequest};

/// Items of a group that are listed.
const MAX_LISTED: u32 = 50;

pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    let person = person(&state).await?;
    Ok(page(&state, &actor, "waits.html", &query, &person))
}

/// A group of dead letters or of review items, with the item that stands for it.
#[derive(Serialize)]
struct Group<E: Serialize, I: Serialize> {
    /// `dead-letters` or `review`.
    place: &'static str,
    example: E,
    /// How many have the same reason.
    count: u64,
    items: Vec<I>,
    /// Of dead letters: what a replay would do.
    plan: Option<ReplayPlan>,
    /// Whether more than those listed are in the group.
    has_more: bool,
    /// What the example says, with a mark at what is wrong.
    lines: Vec<Line>,
}

pub(super) async fn dead_letters(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let example = state.store.dead_letter(&id).await?;
    let of_group = like(&id)?;
    let listed = state.store.dead_letters(&of_group, &first_page()).await?;
    let groups = state.store.dead_letter_groups().await?;
    let group = groups.iter().find(|group| {
        let dead = &example.dead_letter;
        group.target == dead.target
            && group.operation == dead.operation
            && group.failure == dead.failure
    });
    let plan = plan(&state, &of_group).await?;
    let lines = marked_json::payload(&example.payload.0, field_of(&example).as_deref());
    let count = group.map(|group| group.count);
    let content = Group {
        plan: Some(plan),
        ..grouped("dead-letters", (example, lines), count, listed)
    };
    Ok(shown(&state, &actor, query.as_deref(), &content))
}

pub(super) async fn reviews(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let example = state.store.review_item(&id).await?;
    let listed = state.store.reviews(&like(&id)?, &first_page()).await?;
    let groups = state.store.review_groups(None, MAX_GROUPS).await?;
    let group = groups
        .iter()
        .find(|group| group.source == example.item.source && group.reason == example.item.reason);
    let count = group.map(|group| group.count);
    let lines = marked_json::event(&example.body.0, &example.item.reason);
    let content = grouped("review", (example, lines), count, listed);
    Ok(shown(&state, &actor, query.as_deref(), &content))
}

/// The fields that the CRM names in its refusal.
fn field_of(example: &DeadLetterDetail) -> Option<String> {
    let shown = json!(example.dead_letter);
    Some(shown.get("field")?.as_str()?.to_owned())
}

fn grouped<E: Serialize, I: Serialize>(
    place: &'static str,
    (example, lines): (E, Vec<Line>),
    count: Option<u64>,
    listed: Page<I>,
) -> Group<E, I> {
    Group {
        place,
        example,
        count: count.unwrap_or(listed.items.len() as u64),
        has_more: listed.next.is_some(),
        items: listed.items,
        plan: None,
        lines,
    }
}

fn shown(
    state: &AdminState,
    actor: &Actor,
    query: Option<&str>,
    content: &impl Serialize,
) -> Response {
    let query = Form::parse(query.unwrap_or_default());
    page(state, actor, "group.html", &query, &json!(content))
}

fn first_page() -> PageRequest {
    PageRequest {
        after: None,
        limit: MAX_LISTED,
    }
}

/// Everything with the reason of the item `id`.
pub(super) fn like(id: &str) -> Result<Filter, Refused> {
    let id: i64 = id
        .parse()
        .map_err(|_| Refused::not_found("There is no item with this id."))?;
    Ok(Filter {
        like: Some(id),
        ..Filter::default()
    })
}

impl Person {
    /// How many items wait.
    pub(super) fn count(&self) -> u64 {
        let dead: u64 = self.dead_letters.iter().map(|group| group.count).sum();
        let review: u64 = self.review.iter().map(|group| group.count).sum();
        dead + review + self.targets.len() as u64 + self.refused_alone.len() as u64
    }
}
