//! Finds the incident or the event that a client names.

use axum::http::StatusCode;

use super::AdminState;
use super::answer::Refused;
use super::why::find_by_senders_id;
use crate::domain::identity::IncidentId;
use crate::domain::trouble::OWN_SOURCE;
use crate::store::{EventDetail, Filter, OngoingIncident, StoreError};

/// Longest name, in bytes.
const MAX_NAMED: usize = 1_000;
/// Ids that are named when several incidents can be meant.
const MAX_IDS: usize = 10;
/// Length of a whole id.
const UUID: usize = 36;

/// The id of the incident that `named` is the id of, the beginning or the end of the id, the ticket's
/// number, the key, or the name. What names nothing is answered as it is, and the route says that it is not there.
pub(super) async fn incident_id(state: &AdminState, named: &str) -> Result<IncidentId, Refused> {
    let is_whole = named.len() == UUID && uuid::Uuid::try_parse(named).is_ok();
    if is_whole || named.is_empty() || named.len() > MAX_NAMED || named.contains('\0') {
        return Ok(IncidentId::new(named));
    }
    let now = state.clock.now();
    let found = state.store.incidents_named(named, now).await?;
    let of_ticket = |one: &&OngoingIncident| {
        let ticket = &one.incident.ticket;
        [&ticket.number, &ticket.id].contains(&&Some(named.to_owned()))
    };
    let is_active = |one: &&OngoingIncident| one.incident.state != "closed";
    let meant = only(found.iter().filter(of_ticket))
        .or_else(|| only(found.iter().filter(is_active)))
        .or_else(|| only(found.iter()));
    if let Some(meant) = meant {
        return Ok(meant.incident.id.clone());
    }
    if found.is_empty() {
        return Ok(IncidentId::new(named));
    }
    let ids = found
        .iter()
        .take(MAX_IDS)
        .map(|one| one.incident.id.as_str());
    let ids: Vec<&str> = ids.collect();
    Err(Refused::new(
        StatusCode::CONFLICT,
        "ambiguous",
        "Ambiguous name",
        format!(
            "{named} is not one incident's alone; give one of these ids: {}.",
            ids.join(", ")
        ),
    ))
}

/// The item of `items`, when there is exactly one.
fn only<'a>(mut items: impl Iterator<Item = &'a OngoingIncident>) -> Option<&'a OngoingIncident> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// The same as [`complete`], and refuses a source or a target that is not known: the list would be empty.
pub(super) async fn of_list(state: &AdminState, filter: &mut Filter) -> Result<(), Refused> {
    known_source(state, filter).await?;
    known_target(state, filter).await?;
    complete(state, filter).await
}

/// Takes the short ids of incidents in `filter` for the whole ones, and refuses a rule that is not
/// known.
pub(super) async fn complete(state: &AdminState, filter: &mut Filter) -> Result<(), Refused> {
    known_rule(state, filter).await?;
    for named in [&mut filter.incident, &mut filter.outage] {
        if let Some(text) = named {
            *named = Some(incident_id(state, text).await?.to_string());
        }
    }
    Ok(())
}

/// Refuses a filter by a rule that is neither configured nor the rule of any stored incident: the
/// list would be empty, and a misspelt name would look like good news.
async fn known_rule(state: &AdminState, filter: &Filter) -> Result<(), Refused> {
    let (Some(rule), Some(names)) = (&filter.rule, &state.names) else {
        return Ok(());
    };
    if names.rules.contains(rule) || state.store.has_incidents_of(rule).await? {
        return Ok(());
    }
    let known = names.rules.join(", ");
    Err(Refused::bad_request(format!(
        "There is no rule {rule:?}; there are {known}."
    )))
}

/// The same for a source: it is configured, or something of it is stored.
async fn known_source(state: &AdminState, filter: &Filter) -> Result<(), Refused> {
    let (Some(source), Some(names)) = (&filter.source, &state.names) else {
        return Ok(());
    };
    let is_known = source == OWN_SOURCE || names.sources.contains(source);
    if is_known || state.store.has_anything_of_source(source).await? {
        return Ok(());
    }
    let known = names.sources.join(", ");
    Err(Refused::bad_request(format!(
        "There is no source {source:?}; there are {known}."
    )))
}

/// The same for a target.
async fn known_target(state: &AdminState, filter: &Filter) -> Result<(), Refused> {
    let Some(target) = &filter.target else {
        return Ok(());
    };
    let targets = state.targets.targets();
    let known: Vec<&str> = targets.iter().map(|one| one.name.as_str()).collect();
    let is_known = known.is_empty() || known.contains(&&**target);
    if is_known || state.store.has_anything_of_target(target).await? {
        return Ok(());
    }
    let known = known.join(", ");
    Err(Refused::bad_request(format!(
        "There is no target {target:?}; there are {known}."
    )))
}

/// The event with the number `named`, or the newest one that its sender gave this id.
pub(super) async fn event(state: &AdminState, named: &str) -> Result<EventDetail, Refused> {
    let by_number = state.store.event(named).await;
    let Err(missing @ StoreError::NotFound { .. }) = by_number else {
        return Ok(by_number?);
    };
    if named.len() > MAX_NAMED || named.contains('\0') {
        return Err(missing.into());
    }
    match find_by_senders_id(state, named).await? {
        Some(number) => Ok(state.store.event(&number).await?),
        None => Err(missing.into()),
    }
}
