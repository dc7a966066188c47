//! *Incident*: its readings against the thresholds, what happened and why, its ticket.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;

use super::chart::{Chart, Series, chart};
use super::page::{Form, page, to};
use crate::admin::answer::Refused;
use crate::admin::cards::{Card, cards};
use crate::admin::incident_actions::{Wanted, carry_out, named_outage};
use crate::admin::why::answer_of;
use crate::admin::{Actor, AdminState};
use crate::domain::identity::IncidentId;
use crate::domain::incident_request::IncidentAction;
use crate::domain::time::Timestamp;
use crate::store::{Filter, IncidentDetail, OngoingIncident, Page, PageRequest, TimelineEntry};

/// Events whose readings are drawn; the newest.
const MAX_EVENTS: u32 = 300;
const MAX_CHARTS: usize = 4;
const MAX_MEMBERS: u32 = 100;
const MAX_ENTRIES: u32 = 200;
const MAX_OUTAGES: u32 = 50;
/// Earlier incidents of the same key.
const MAX_EARLIER: u32 = 5;
/// Entries of the story that are marked in the charts.
const MAX_MARKS: usize = 12;

#[derive(Serialize)]
struct Shown {
    /// Where it stands, in one sentence.
    answer: String,
    card: Card,
    detail: IncidentDetail,
    timeline: Page<TimelineEntry>,
    charts: Vec<Chart>,
    members: Vec<Card>,
    earlier: Vec<Earlier>,
    /// The outages that it can be put into.
    outages: Vec<OngoingIncident>,
    /// What a silence of it would match.
    matchers: String,
    /// The id of the change that a form of this page asks for: a form that is sent twice is carried
    /// out once.
    request_id: String,
}

/// An earlier incident of the same key.
#[derive(Serialize)]
struct Earlier {
    #[serde(flatten)]
    incident: OngoingIncident,
    /// How long it lasted.
    lasted: Option<String>,
}

pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<IncidentId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let now = state.clock.now();
    let incident = state.store.ongoing_incident(&id, now).await?;
    let page_request = PageRequest {
        after: None,
        limit: MAX_ENTRIES,
    };
    let timeline = state.store.timeline(&id, &page_request).await?;
    let members = match incident.incident.members {
        Some(_) => state.store.members(&id, MAX_MEMBERS, now).await?,
        None => Vec::new(),
    };
    let shown = Shown {
        answer: answer_of(&incident),
        charts: charts(&state, &incident, &timeline).await?,
        detail: state.store.incident(&id).await?,
        members: cards(&state, members),
        earlier: earlier(&state, &incident).await?,
        outages: outages(&state, &incident).await?,
        matchers: matchers(&incident),
        request_id: uuid::Uuid::new_v4().to_string(),
        card: Card::of(&state, incident),
        timeline,
    };
    let query = Form::parse(query.as_deref().unwrap_or_default());
    Ok(page(&state, &actor, "incident.html", &query, &shown))
}

macro_rules! form {
    ($name:ident, $action:expr, $did:literal) => {
        pub(super) async fn $name(
            State(state): State<AdminState>,
            Extension(actor): Extension<Actor>,
            Path(id): Path<IncidentId>,
            body: Bytes,
        ) -> Result<Response, Refused> {
            let form = Form::parse(&String::from_utf8_lossy(&body));
            let outage = named_outage(&state, $action, form.get("outage")).await?;
            let wanted = Wanted {
                action: $action,
                words: form.get("words").unwrap_or_default(),
                request_id: form.get("request_id").unwrap_or_default(),
                outage: outage.as_ref(),
            };
            let carried = carry_out(&state, &actor, &id, wanted).await?;
            let did = if carried.is_done() { $did } else { "asked" };
            Ok(to(&format!("/ui/incidents/{id}?did={did}")))
        }
    };
}

form!(close, IncidentAction::Close, "closed");
form!(note, IncidentAction::Note, "noted");
form!(open_ticket, IncidentAction::OpenTicket, "ordered");
form!(leave_outage, IncidentAction::LeaveOutage, "left");
form!(join_outage, IncidentAction::JoinOutage, "joined");

/// A chart for each reading of the rule.
async fn charts(
    state: &AdminState,
    incident: &OngoingIncident,
    timeline: &Page<TimelineEntry>,
) -> Result<Vec<Chart>, Refused> {
    if incident.readings.is_empty() {
        return Ok(Vec::new());
    }
    let view = &incident.incident;
    let events = state.store.reading_events(&view.id, MAX_EVENTS).await?;
    let readings: Vec<_> = events
        .iter()
        .map(|event| {
            let readings = state.rules.readings(&view.rule, &view.key, event);
            (event.received_at, readings)
        })
        .collect();
    let thresholds = state.rules.thresholds(&view.rule);
    let marks = marks(timeline);
    let charts = incident
        .readings
        .keys()
        .take(MAX_CHARTS)
        .filter_map(|name| {
            let values: Vec<(Timestamp, f64)> = readings
                .iter()
                .filter_map(|(at, readings)| Some((*at, *readings.get(name)?)))
                .collect();
            let threshold = thresholds.iter().find(|one| one.reading == *name);
            chart(&Series {
                name,
                unit: if state.rules.is_duration(name) {
                    "s"
                } else {
                    ""
                },
                values: &values,
                breach: threshold.map(|one| one.breach),
                clear: threshold.and_then(|one| one.clear),
                marks: &marks,
            })
        });
    Ok(charts.collect())
}

/// What happened, without the runs of events that wrote nothing.
fn marks(timeline: &Page<TimelineEntry>) -> Vec<(Timestamp, String)> {
    let told = timeline.items.iter().filter(|entry| entry.count.is_none());
    told.map(|entry| (entry.at.timestamp(), entry.what.clone()))
        .take(MAX_MARKS)
        .collect()
}

async fn earlier(state: &AdminState, incident: &OngoingIncident) -> Result<Vec<Earlier>, Refused> {
    let filter = Filter {
        key: Some(incident.incident.key.clone()),
        rule: Some(incident.incident.rule.clone()),
        until: Some(incident.incident.opened_at.timestamp()),
        ..Filter::default()
    };
    let request = PageRequest {
        after: None,
        limit: MAX_EARLIER,
    };
    let now = state.clock.now();
    let found = state.store.incidents(&filter, &request, now).await?;
    let found = found.items.into_iter().map(|incident| {
        let began = incident.incident.opened_at.timestamp();
        let lasted = incident
            .incident
            .closed_at
            .map(|at| at.timestamp().since(began));
        Earlier {
            lasted: lasted.map(crate::domain::situation::age),
            incident,
        }
    });
    Ok(found.collect())
}

/// The outages that `incident` can join.
async fn outages(
    state: &AdminState,
    incident: &OngoingIncident,
) -> Result<Vec<OngoingIncident>, Refused> {
    let view = &incident.incident;
    let goes_on = view.state == "pending" || view.state == "open";
    let is_alone = view.outage_id.is_none() && view.members.is_none();
    if !goes_on || !is_alone {
        return Ok(Vec::new());
    }
    let (target, now) = (&view.ticket.target, state.clock.now());
    Ok(state.store.outages_of(target, MAX_OUTAGES, now).await?)
}

/// Matchers by which exactly this incident's key is silenced, one in each line. A key with a line
/// end in it cannot stand in a line; then the rule alone is offered.
fn matchers(incident: &OngoingIncident) -> String {
    let (rule, key) = (&incident.incident.rule, &incident.incident.key);
    match key.contains(['\n', '\r']) {
        true => format!("rule={rule}"),
        false => format!("rule={rule}\nkey={key}"),
    }
}
