//! Silences: what people read, make and end.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::actions::by;
use super::answer::Refused;
use super::body::{Body, Coded, Either, List, Sent};
use super::query::Query;
use super::questions;
use super::silence_preview::{Preview, count_hits, preview};
use super::windows::{self, Entry};
use super::{Actor, AdminState, Names};
use crate::domain::silence::{Matcher, Name};
use crate::domain::time::Timestamp;
use crate::store::{NewSilence, Page, SilenceView};

/// Matchers of one silence.
const MAX_MATCHERS: usize = 16;
/// Longest reason, in characters.
const MAX_REASON: usize = 1000;
/// Longest silence: what is to be silent for ever is a rule to be taken out.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

type Answer<T> = Result<T, Refused>;

pub(super) async fn list(
    State(state): State<AdminState>,
    asked: Query<questions::Silences>,
) -> Answer<List<Page<Entry>>> {
    let now = state.clock.now();
    let mut listed = windows::page(&state, &asked.filter, asked.page, now).await?;
    count_hits(&state, &mut listed.items).await?;
    Ok(List(listed))
}

pub(super) async fn show(
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Answer<Json<Entry>> {
    let now = state.clock.now();
    Ok(Json(match windows::show(&state, &id, now) {
        Some(window) => Entry::Window(window),
        None => Entry::Made(state.store.silence(&id, now).await?),
    }))
}

pub(super) async fn create(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    asked: Query<questions::NewSilence>,
    Body(wanted): Body<Wanted>,
) -> Answer<Either<Json<Preview>, Coded<201, SilenceView>>> {
    let by = by(&state, &actor);
    let new = wanted
        .check(by.at, state.names.as_deref())
        .map_err(Refused::bad_request)?;
    if asked.is("dry_run") {
        let preview = preview(&state, &new, by.at).await?;
        return Ok(Either::This(Json(preview)));
    }
    let made = state.store.create_silence(&new, by).await?;
    Ok(Either::That(Coded(made)))
}

/// A later end as a client writes it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedEnd {
    pub(super) ends_at: Option<String>,
    /// Longer than until now by so much.
    pub(super) r#for: Option<String>,
}

impl Sent for WantedEnd {
    const IS: &'static str = "an end";
}

/// Lets the silence `id` end later.
pub(super) async fn extend_silence(
    state: &AdminState,
    actor: &Actor,
    id: &str,
    wanted: &WantedEnd,
) -> Answer<SilenceView> {
    windows::refuse(state, id)?;
    let by = by(state, actor);
    let before = state.store.silence(id, by.at).await?;
    let ends_at = match (&wanted.ends_at, &wanted.r#for) {
        (Some(text), None) => text
            .parse::<Timestamp>()
            .map_err(|error| Refused::bad_request(format!("ends_at: {error}.")))?,
        (None, Some(text)) => {
            let span = humantime::parse_duration(text).map_err(|error| {
                Refused::bad_request(format!("for is no duration such as 2h: {error}."))
            })?;
            before.ends_at.timestamp().plus(span)
        }
        _ => {
            let problem = "Say either ends_at, or how much longer with for.";
            return Err(Refused::bad_request(problem));
        }
    };
    if ends_at.since(before.starts_at.timestamp()) > LONGEST {
        let problem = "A silence lasts a year at most; take the rule out instead.";
        return Err(Refused::bad_request(problem));
    }
    Ok(state.store.extend_silence(id, ends_at, by).await?)
}

pub(super) async fn extend(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Body(wanted): Body<WantedEnd>,
) -> Answer<Json<SilenceView>> {
    Ok(Json(extend_silence(&state, &actor, &id, &wanted).await?))
}

pub(super) async fn expire(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<Json<SilenceView>> {
    windows::refuse(&state, &id)?;
    let by = by(&state, &actor);
    Ok(Json(state.store.expire_silence(&id, by).await?))
}

/// A silence as a client writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) r#match: Vec<String>,
    pub(super) starts_at: Option<String>,
    pub(super) ends_at: Option<String>,
    pub(super) r#for: Option<String>,
    pub(super) reason: String,
}

impl Sent for Wanted {
    const IS: &'static str = "a silence";
}

impl Wanted {
    pub(super) fn check(self, now: Timestamp, names: Option<&Names>) -> Result<NewSilence, String> {
        if self.r#match.is_empty() {
            return Err("match is empty: say what is silenced, such as rule=queue-wait.".into());
        }
        if self.r#match.len() > MAX_MATCHERS {
            return Err(format!("match has at most {MAX_MATCHERS} entries."));
        }
        let matchers: Result<Vec<Matcher>, String> = self
            .r#match
            .iter()
            .map(|text| matcher(text, names))
            .collect();
        let time = |name: &str, text: &str| {
            let time: Result<Timestamp, _> = text.parse();
            time.map_err(|error| format!("{name}: {error}."))
        };
        let starts_at = match &self.starts_at {
            Some(text) => time("starts_at", text)?,
            None => now,
        };
        let ends_at = match (&self.ends_at, &self.r#for) {
            (Some(text), None) => time("ends_at", text)?,
            (None, Some(text)) => humantime::parse_duration(text)
                .map(|span| starts_at.plus(span))
                .map_err(|error| format!("for is no duration such as 2h: {error}."))?,
            _ => return Err("Say either ends_at, or for how long with for.".into()),
        };
        let reason = self.reason.as_str();
        if ends_at <= starts_at {
            return Err("It would end before it starts.".into());
        }
        if ends_at <= now {
            return Err("It would be over already.".into());
        }
        if ends_at.since(starts_at) > LONGEST {
            let problem = "A silence lasts a year at most; take the rule out instead.";
            return Err(problem.into());
        }
        Ok(NewSilence {
            matchers: matchers?,
            starts_at,
            ends_at,
            reason: checked_reason(reason)?,
        })
    }
}

/// The reason that a person gives for a change.
pub(super) fn checked_reason(reason: &str) -> Result<String, String> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(format!(
            "reason has 1 to {MAX_REASON} characters: who finds this later wants to know why."
        ));
    }
    Ok(reason.to_owned())
}

/// One that wants a source or a rule that there is not would silence nothing, unnoticed.
fn matcher(text: &str, names: Option<&Names>) -> Result<Matcher, String> {
    let matcher = Matcher::parse(text).map_err(|error| format!("match: {error}."))?;
    let known = names.and_then(|names| match matcher.name() {
        Name::Source => Some(("source", &names.sources)),
        Name::Rule => Some(("rule", &names.rules)),
        Name::Key | Name::Label(_) => None,
    });
    match (known, matcher.wanted()) {
        (Some((what, known)), Some(wanted)) if !known.iter().any(|name| name == wanted) => {
            let known = known.join(", ");
            Err(format!(
                "match: there is no {what} {wanted:?}; there are {known}."
            ))
        }
        _ if text.contains('\0') => Err("match: a matcher has no NUL in it.".to_owned()),
        _ => Ok(matcher),
    }
}
