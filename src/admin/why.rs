//! The whole story of what a person has in hand: an event, a key, a ticket, an incident. One
//! sentence comes first.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::answer::Refused;
use super::cards::{Card, worst_first};
use super::query::Query;
use super::questions;
use super::rule_book::Judged;
use crate::domain::identity::IncidentId;
use crate::domain::situation::{
    EventFate, RuleVerdict, TicketFact, Unspoken, why_event, why_incident,
};
use crate::domain::time::Timestamp;
use crate::store::{
    EventDetail, IncidentDetail, OngoingIncident, Page, PageRequest, ReadingEvent, TicketView,
    TimelineEntry, refused_fields,
};

/// Longest text that is looked for, in characters.
pub(super) const MAX_ASKED: usize = 1_000;
/// Entries of the timeline.
const MAX_ENTRIES: u32 = 200;
/// Ongoing incidents, the worst, of which a part of the name is compared with the text.
const MAX_NAMED: u32 = 300;
/// Incidents of an event's decisions that are read.
const MAX_OF_EVENT: usize = 5;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Why {
    pub(super) asked: String,
    /// The sentence: why there is no ticket, or where it is.
    pub(super) answer: String,
    /// What the text was: `event`, `incident`, `several` incidents, or `nothing`.
    pub(super) found: &'static str,
    pub(super) event: Option<EventDetail>,
    /// What the rules that made no decision on the event make of it, looked at alone.
    pub(super) rules: Vec<RuleOpinion>,
    /// The incident that the answer is about.
    pub(super) incident: Option<IncidentDetail>,
    /// What happened to it and why, oldest first.
    pub(super) timeline: Option<Page<TimelineEntry>>,
    /// Every incident that the text can mean, with names and readings.
    pub(super) incidents: Vec<Card>,
}

/// What one rule makes of an event, in words.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuleOpinion {
    pub(super) rule: String,
    pub(super) says: String,
}

pub(super) async fn why(
    State(state): State<AdminState>,
    asked: Query<questions::Why>,
) -> Result<Json<Why>, Refused> {
    let asked = asked.option("q").ok_or_else(|| {
        Refused::bad_request("q is missing: an event id, a key, an incident or a ticket number.")
    })?;
    Ok(Json(story_of(&state, asked).await?))
}

/// The story of whatever `asked` means.
pub(super) async fn story_of(state: &AdminState, asked: &str) -> Result<Why, Refused> {
    let is_too_long = asked.chars().count() > MAX_ASKED;
    let asked = asked.trim();
    if asked.is_empty() || is_too_long || asked.contains('\0') {
        return Err(Refused::bad_request(format!(
            "q is a text of 1 to {MAX_ASKED} characters."
        )));
    }
    let now = state.clock.now();
    let named = state.store.incidents_named(asked, now).await?;
    if !named.is_empty() {
        return of_incidents(state, asked, named).await;
    }
    if let Some(event) = find_event(state, asked).await? {
        return of_event(state, asked, event, now).await;
    }
    let begins = state.store.incidents_named_like(asked, now).await?;
    if !begins.is_empty() {
        return of_incidents(state, asked, begins).await;
    }
    let wanted = asked.to_lowercase();
    let mut ongoing = state.store.ongoing(MAX_NAMED, now).await?;
    ongoing.retain(|one| one.incident.name.to_lowercase().contains(&wanted));
    if !ongoing.is_empty() {
        return of_incidents(state, asked, ongoing).await;
    }
    Ok(Why {
        asked: asked.to_owned(),
        answer: "Nothing is known by this text: no incident has it as its id, key, name, \
                 queue or ticket, and no event as its id."
            .to_owned(),
        found: "nothing",
        event: None,
        rules: Vec::new(),
        incident: None,
        timeline: None,
        incidents: Vec::new(),
    })
}

/// The number of the newest event that its sender gave the id `asked`.
pub(super) async fn find_by_senders_id(
    state: &AdminState,
    asked: &str,
) -> Result<Option<String>, Refused> {
    let found = state.store.find_event(asked).await?;
    Ok(found.first().map(|event| event.id.0.to_string()))
}

async fn find_event(state: &AdminState, asked: &str) -> Result<Option<EventDetail>, Refused> {
    let place = match find_by_senders_id(state, asked).await? {
        Some(number) => number,
        None if asked.bytes().all(|byte| byte.is_ascii_digit()) => asked.to_owned(),
        None => return Ok(None),
    };
    match state.store.event(&place).await {
        Ok(event) => Ok(Some(event)),
        Err(crate::store::StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Of several incidents the one that goes on is meant, or the newest of one key.
fn meant_of(named: &[OngoingIncident]) -> Option<&OngoingIncident> {
    let mut active = named.iter().filter(|one| one.incident.state != "closed");
    let (first, second) = (active.next(), active.next());
    let mut pairs = named.windows(2);
    let one_key = pairs.all(|two| match two {
        [left, right] => left.incident.key == right.incident.key,
        _ => true,
    });
    match (first, second) {
        (Some(only), None) => Some(only),
        (first, _) if one_key => first.or(named.first()),
        _ => None,
    }
}

async fn of_incidents(
    state: &AdminState,
    asked: &str,
    named: Vec<OngoingIncident>,
) -> Result<Why, Refused> {
    let Some(meant) = meant_of(&named).cloned() else {
        return Ok(Why {
            asked: asked.to_owned(),
            answer: format!(
                "{} incidents match; name one by its id or its ticket.",
                named.len()
            ),
            found: "several",
            event: None,
            rules: Vec::new(),
            incident: None,
            timeline: None,
            incidents: worst_first(state, named),
        });
    };
    let answer = answer_of(&meant);
    let id = meant.incident.id.clone();
    let others = named
        .into_iter()
        .filter(|one| one.incident.id != id)
        .collect();
    let mut incidents = worst_first(state, others);
    incidents.insert(0, Card::of(state, meant));
    Ok(Why {
        asked: asked.to_owned(),
        answer,
        found: "incident",
        event: None,
        rules: Vec::new(),
        incident: Some(state.store.incident(&id).await?),
        timeline: Some(timeline(state, &id).await?),
        incidents,
    })
}

/// Where `one` stands, in a sentence.
pub(super) fn answer_of(one: &OngoingIncident) -> String {
    why_incident(
        &one.incident.name,
        &one.incident.state,
        one.no_ticket.as_deref(),
        &fact_of(&one.incident.ticket),
    )
}

async fn of_event(
    state: &AdminState,
    asked: &str,
    event: EventDetail,
    now: Timestamp,
) -> Result<Why, Refused> {
    let mut incidents: Vec<OngoingIncident> = Vec::new();
    for id in event
        .decisions
        .iter()
        .filter_map(|one| one.incident_id.as_ref())
        .take(MAX_OF_EVENT)
    {
        // Retention may have taken it.
        if let Ok(incident) = state.store.ongoing_incident(id, now).await {
            incidents.push(incident);
        }
    }
    let judged = judged(state, &event);
    let answer = why_event(&fate_of(&event, &incidents, &judged));
    let meant = incidents.first().map(|one| one.incident.id.clone());
    let (incident, timeline) = match &meant {
        Some(id) => (
            Some(state.store.incident(id).await?),
            Some(timeline(state, id).await?),
        ),
        None => (None, None),
    };
    Ok(Why {
        asked: asked.to_owned(),
        answer,
        found: "event",
        rules: opinions(&event, &judged),
        event: Some(event),
        incident,
        timeline,
        incidents: worst_first(state, incidents),
    })
}

/// What the rules make of `event` by the present configuration, looked at alone.
fn judged(state: &AdminState, event: &EventDetail) -> Judged {
    if event.event.state != "decided" {
        return Judged::default();
    }
    state.rules.judge(&ReadingEvent {
        source: event.event.source.clone(),
        received_at: event.event.received_at.timestamp(),
        body: event.body.0.clone(),
    })
}

/// Of the rules that look at such events and made no decision.
fn opinions(event: &EventDetail, judged: &Judged) -> Vec<RuleOpinion> {
    let is_silent = |rule: &str| event.decisions.iter().all(|one| one.rule != rule);
    let sights = judged.sights.iter();
    sights
        .filter(|one| one.looked() && is_silent(&one.rule))
        .map(|one| RuleOpinion {
            rule: one.rule.clone(),
            says: one.words(),
        })
        .collect()
}

fn fate_of(event: &EventDetail, incidents: &[OngoingIncident], judged: &Judged) -> EventFate {
    if let Some(review) = &event.review {
        return EventFate::Review {
            id: review.id.0.to_string(),
            reason: review.reason.clone(),
            state: review.state.clone(),
        };
    }
    if event.event.state == "received" {
        return EventFate::Undecided;
    }
    if event.decisions.is_empty() {
        return EventFate::Unspoken(Unspoken {
            source: event.event.source.clone(),
            event_type: judged.event_type.clone(),
            nothing: judged.nothing.clone(),
            sights: judged.sights.clone(),
        });
    }
    let received_at = event.event.received_at.timestamp();
    let incident_of = |id: &IncidentId| incidents.iter().find(|one| one.incident.id == *id);
    let verdicts = event.decisions.iter().map(|decision| {
        let found = decision.incident_id.as_ref().and_then(incident_of);
        let detail = decision.detail.clone();
        RuleVerdict {
            rule: decision.rule.clone(),
            outcome: decision.outcome.clone(),
            detail: detail.filter(|detail| !is_lock_before(detail, received_at)),
            incident: found.map(|one| (one.incident.name.clone(), fact_of(&one.incident.ticket))),
            outage: found.and_then(|one| one.outage.clone()),
        }
    });
    EventFate::Decided(verdicts.collect())
}

/// Whether `detail` names a burst lock that had ended before the event came: it explains nothing.
fn is_lock_before(detail: &str, received_at: Timestamp) -> bool {
    let until = detail.strip_prefix("burst lock until ");
    let until = until.and_then(|until| until.parse::<Timestamp>().ok());
    until.is_some_and(|until| until <= received_at)
}

fn fact_of(ticket: &TicketView) -> TicketFact {
    let lacks = ticket.incomplete.as_ref().map(|one| refused_fields(&one.0));
    let lacks = lacks.unwrap_or_default().into_iter();
    TicketFact {
        target: ticket.target.to_string(),
        number: ticket.number.clone().or_else(|| ticket.id.clone()),
        state: ticket.state.clone(),
        is_closed: ticket.closed,
        missing: ticket.missing.clone(),
        lacks: lacks.map(|one| one.field).collect(),
    }
}

async fn timeline(state: &AdminState, id: &IncidentId) -> Result<Page<TimelineEntry>, Refused> {
    let page = PageRequest {
        after: None,
        limit: MAX_ENTRIES,
    };
    Ok(state.store.timeline(id, &page).await?)
}
