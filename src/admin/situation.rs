//! What is going on: the sentence, health, incidents worst first, what waits for a person. The
//! command line and the pages show the same.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::answer::Refused;
use super::cards::{Card, cards};
use super::target_list::targets_now;
use super::targets::{OnlyTriedView, TargetView};
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::identity::TargetName;
use crate::domain::situation::{Entity, Overview, PeopleNeeded, TargetInTrouble};
use crate::lifecycle::ComponentState;
use crate::store::{
    DeadLetterGroup, DisplayTime, FloodView, IncompleteGroup, MAX_GROUPS, OngoingIncident, Owed,
    RefusedAlone, ReviewGroup, Standing, StoredFailure,
};

/// Incidents that are read; the worst of them are shown.
const MAX_READ: u32 = 300;
/// Incidents that are shown.
const MAX_SHOWN: usize = 100;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Situation {
    /// All of it in one sentence.
    pub(super) sentence: String,
    pub(super) at: DisplayTime,
    /// Whether the process takes work.
    pub(super) ready: bool,
    pub(super) components: Vec<ComponentRow>,
    pub(super) targets: Vec<TargetRow>,
    pub(super) counts: CountsView,
    /// Incidents that are not over, the worst first. Members of outages are left out.
    pub(super) incidents: Vec<Card>,
    /// How many more there are.
    pub(super) more: u64,
    pub(super) person: Person,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ComponentRow {
    pub(super) name: String,
    /// `up` or `down`.
    pub(super) state: &'static str,
    pub(super) reason: Option<String>,
}

/// A target with what is owed to it, by kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TargetInSituation)]
pub(super) struct TargetRow {
    #[serde(flatten)]
    pub(super) target: TargetView,
    /// Tickets that wait to be created.
    pub(super) tickets: u64,
    /// Other writes that wait.
    pub(super) updates: u64,
    pub(super) dead: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CountsView {
    ticketed: u64,
    without_ticket: u64,
    held_back: u64,
    recovered: u64,
}

/// What waits for a person, by reason.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Person {
    /// Targets that take nothing, or not everything, before a person has acted.
    pub(super) targets: Vec<TargetTask>,
    pub(super) dead_letters: Vec<DeadLetterGroup>,
    pub(super) refused_alone: Vec<RefusedAlone>,
    pub(super) review: Vec<ReviewGroup>,
    pub(super) floods: Vec<FloodView>,
    /// Tickets that lack fields which the CRM refused, by what they lack.
    pub(super) incomplete: Vec<IncompleteGroup>,
}

/// What a person must do about a target.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetTask {
    pub(super) target: TargetName,
    pub(super) since: Option<DisplayTime>,
    /// The words of the CRM, or of what stands in front of it.
    pub(super) message: String,
    pub(super) task: String,
}

pub(super) async fn status(State(state): State<AdminState>) -> Result<Json<Situation>, Refused> {
    Ok(Json(situation(&state).await?))
}

/// What is going on now.
pub(super) async fn situation(state: &AdminState) -> Result<Situation, Refused> {
    let now = state.clock.now();
    state
        .store_check
        .refresh(state.targets.targets(), now)
        .await;
    let ongoing = state.store.ongoing(MAX_READ, now).await?;
    let standing = state.store.standing().await?;
    let (person, targets) = person_and_targets(state).await?;
    let components = components(state);
    let in_trouble = targets.iter().filter_map(|row| in_trouble(row, &ongoing));
    let in_trouble = in_trouble.collect();
    let overview = Overview {
        troubled: troubled(&ongoing, standing),
        ticketed: standing.ticketed,
        without_ticket: standing.without_ticket,
        held_back: standing.held_back,
        recovered: standing.recovered,
        targets: in_trouble,
        people: people_needed(&person),
        broken: components
            .iter()
            .filter_map(|one| Some((one.name.clone(), one.reason.clone()?)))
            .collect(),
    };
    let mut incidents = cards(state, ongoing);
    incidents.truncate(MAX_SHOWN);
    let all = standing.ticketed + standing.without_ticket + standing.held_back + standing.recovered;
    Ok(Situation {
        sentence: overview.sentence(now),
        at: now.into(),
        ready: state.components.readiness().is_ready(),
        components,
        targets,
        counts: CountsView {
            ticketed: standing.ticketed,
            without_ticket: standing.without_ticket,
            held_back: standing.held_back,
            recovered: standing.recovered,
        },
        more: all.saturating_sub(incidents.len() as u64),
        incidents,
        person,
    })
}

/// What waits for a person.
pub(super) async fn person(state: &AdminState) -> Result<Person, Refused> {
    let targets = targets_now(state).await?;
    person_with(state, &targets).await
}

/// What waits for a person, and every configured target with what is owed to it.
pub(super) async fn person_and_targets(
    state: &AdminState,
) -> Result<(Person, Vec<TargetRow>), Refused> {
    let targets = targets_now(state).await?;
    let person = person_with(state, &targets).await?;
    let rows = with_owed(state, targets, &person).await?;
    Ok((person, rows))
}

async fn person_with(state: &AdminState, targets: &[TargetView]) -> Result<Person, Refused> {
    Ok(Person {
        targets: targets.iter().flat_map(tasks_of).collect(),
        refused_alone: state.store.refused_alone().await?,
        dead_letters: state.store.dead_letter_groups().await?,
        review: state.store.review_groups(None, MAX_GROUPS).await?,
        floods: state.store.floods().await?.items,
        incomplete: state.store.incomplete_groups().await?,
    })
}

fn tasks_of(target: &TargetView) -> Vec<TargetTask> {
    let name = &target.name;
    let held = (target.state == BreakerState::Held.as_str()).then(|| TargetTask {
        target: name.clone(),
        since: target.since,
        message: target.last_error.as_ref().map_or_else(String::new, StoredFailure::message),
        task: format!(
            "remove the obstacle in {name} or in the configuration of this target: `ringdown doctor \
             {name}` says which. Restart Ringdown after a change of the configuration or of a secret"
        ),
    });
    let refused = target.refused_operations.iter().map(|one| TargetTask {
        target: name.clone(),
        since: Some(one.since),
        message: one.last_error.message(),
        task: format!("let {name} accept a {} again", one.operation),
    });
    held.into_iter().chain(refused).collect()
}

fn people_needed(person: &Person) -> PeopleNeeded {
    let held = person.floods.iter();
    PeopleNeeded {
        dead_letters: person.dead_letters.iter().map(|group| group.count).sum(),
        refused_alone: person.refused_alone.len() as u64,
        review_items: person.review.iter().map(|group| group.count).sum(),
        held_by_floods: held.map(|one| u64::try_from(one.held).unwrap_or(0)).sum(),
        incomplete: person.incomplete.iter().map(|group| group.count).sum(),
    }
}

async fn with_owed(
    state: &AdminState,
    targets: Vec<TargetView>,
    person: &Person,
) -> Result<Vec<TargetRow>, Refused> {
    let owed = state.store.owed().await?;
    let targets = targets.into_iter().map(|target| {
        let owed = owed.iter().find(|one: &&Owed| one.target == target.name);
        let dead = person.dead_letters.iter();
        let dead = dead.filter(|group| group.target == target.name);
        TargetRow {
            tickets: owed.map_or(0, |owed| owed.tickets),
            updates: owed.map_or(0, |owed| owed.updates),
            dead: dead.map(|group| group.count).sum(),
            target,
        }
    });
    Ok(targets.collect())
}

fn in_trouble(row: &TargetRow, ongoing: &[OngoingIncident]) -> Option<TargetInTrouble> {
    let name_of = |one: &OnlyTriedView| {
        let found = ongoing
            .iter()
            .find(|known| known.incident.id == one.incident_id);
        found.map_or_else(
            || one.incident_id.to_string(),
            |known| known.incident.name.clone(),
        )
    };
    (row.target.state != "up").then(|| TargetInTrouble {
        name: row.target.name.to_string(),
        state: row.target.state,
        paused: row
            .target
            .pause
            .as_ref()
            .map(|one| (one.by.clone(), one.reason.clone())),
        since: row.target.since.map(DisplayTime::timestamp),
        tickets: row.tickets,
        updates: row.updates,
        answers_reads: row.target.answers_reads,
        only_tried: row.target.only_tried.as_ref().map(name_of),
    })
}

fn components(state: &AdminState) -> Vec<ComponentRow> {
    let all = state.components.all().into_iter();
    let rows = all.map(|(name, component)| match component {
        ComponentState::Up => ComponentRow {
            name,
            state: "up",
            reason: None,
        },
        ComponentState::Down(reason) => ComponentRow {
            name,
            state: "down",
            reason: Some(reason),
        },
    });
    rows.collect()
}

/// How many of each kind are in trouble. When not all of them were read, their kinds are not
/// known, and all are called incidents.
fn troubled(ongoing: &[OngoingIncident], standing: Standing) -> Vec<(Entity, u64)> {
    let all = standing.ticketed + standing.without_ticket + standing.held_back;
    let mut kinds: BTreeMap<Entity, u64> = BTreeMap::new();
    for one in ongoing
        .iter()
        .filter(|one| one.incident.state != "recovered")
    {
        *kinds.entry(one.kind()).or_default() += 1;
    }
    match kinds.values().sum::<u64>() == all {
        true => kinds.into_iter().collect(),
        false => vec![(Entity::Other, all)],
    }
}
