//! Forms, continues or ends the outage of a group.

use super::apply::{Origin, apply};
use super::changes::Changes;
use super::create::{Create, write_or_check};
use super::groups::{Groups, Member, incidents_of, replace};
use super::inputs::Inputs;
use super::key_state::{ActiveIncident, KeyState, KeyStates, TicketContext};
use super::mutes::mute_group;
use super::outage_member::apply_to_member;
use crate::decide::evaluate::signal_in;
use crate::decide::outage_key::outage_of;
use crate::decide::policy::{excess, outage_policy};
use crate::decide::ticket_text::outage_report::{Named, describe};
use crate::decide::ticket_text::readings::Units;
use crate::domain::decision::{Decision, NewIncident, SignalOutcome, Suppression};
use crate::domain::failover::TicketRoute;
use crate::domain::flood::Allowance;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::outage::{
    FormationPolicy, Others, OutageUpdate, forms, reconcile, reconcile_changed,
};
use crate::settings::OutageSettings;

/// An outage of the configuration, for one group.
struct Outage<'a> {
    name: &'a str,
    settings: &'a OutageSettings,
    key: &'a IncidentKey,
}

impl<'a> Outage<'a> {
    fn of(inputs: &Inputs<'a>, key: &'a IncidentKey) -> Option<Self> {
        let (name, settings) = outage_of(inputs.settings, &key.rule)?;
        Some(Self {
            name,
            settings,
            key,
        })
    }

    fn formation(&self) -> FormationPolicy<'a> {
        FormationPolicy {
            at_least: usize::try_from(self.settings.at_least).unwrap_or(usize::MAX),
            within: self.settings.within,
            causes: &self.settings.causes,
        }
    }

    /// The incident that the outage is if it begins now.
    fn incident(&self) -> NewIncident<'a> {
        NewIncident {
            id: IncidentId::new(uuid::Uuid::now_v7().to_string()),
            key: self.key.clone(),
            severity: &self.settings.severity,
        }
    }
}

/// Brings the outage of the group `key` in line with the incidents of the batch alone. Returns
/// whether it did: otherwise it needs all incidents of the group.
pub(super) fn reconcile_loaded(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    groups: &Groups,
    keys: &mut KeyStates,
    key: &IncidentKey,
) -> bool {
    let Some(outage) = Outage::of(inputs, key) else {
        return true;
    };
    let mut state = keys.remove(key).unwrap_or_default();
    mute_group(inputs, changes, &mut state, key, None);
    let mut members = groups.take_members(key, keys);
    let is_done = match state.active.clone() {
        None => !groups.has_ended(key) && !groups.begins(&members),
        Some(ActiveIncident { incident, context }) => {
            let known = (groups.others_of(&incident.id), groups.begins(&members));
            let mut incidents = incidents_of(&members);
            let mut update =
                step_changed(inputs, &outage, &mut state, &mut incidents, &context, known);
            if let Some(update) = &mut update {
                name_extremes(&mut state, update, &named(inputs, &members, &incidents));
            }
            if let Some(update) = &update {
                // Stored even when nothing changed: it was due, and is due later now.
                apply_steps(inputs, changes, &mut state, &context, None, update, &[]);
                apply_to_members(
                    inputs,
                    changes,
                    &mut members,
                    &incidents,
                    update,
                    &incident.id,
                );
            }
            update.is_some()
        }
    };
    keys.extend(members);
    keys.insert(key.clone(), state);
    is_done
}

/// Brings the outage of the group `key` in line with all incidents of the group.
pub(super) fn reconcile_outage(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    groups: &Groups,
    keys: &mut KeyStates,
    key: &IncidentKey,
) {
    let Some(outage) = Outage::of(inputs, key) else {
        return;
    };
    let mut state = keys.remove(key).unwrap_or_default();
    let mut members = groups.take_members(key, keys);
    reconcile_group(inputs, changes, &outage, &mut state, &mut members);
    keys.extend(members);
    keys.insert(key.clone(), state);
}

fn reconcile_group(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    outage: &Outage<'_>,
    state: &mut KeyState,
    members: &mut [Member],
) {
    let mut incidents = incidents_of(members);
    let is_new = state.active.is_none();
    if is_new && forms(&incidents, outage.formation()).is_none() {
        return;
    }
    // A new outage tries the context of each member: its template may need a value that only some
    // of them have.
    let candidates = match &state.active {
        Some(active) => vec![active.context.clone()],
        None => routed_contexts(outage, members),
    };
    let Some(context) = candidates.first() else {
        report_unwritable(outage, "no member has a target for it");
        return;
    };
    let unchanged = is_new.then(|| state.clone());
    let mut update = step(inputs, outage, state, &mut incidents, context);
    let named = named(inputs, members, &incidents);
    name_extremes(state, &mut update, &named);
    let Some(latest) = state.incident().cloned() else {
        return;
    };
    let described = candidates
        .into_iter()
        .map(|context| described(inputs, outage, context, &latest, &named));
    let (context, create) = match first_writable(inputs, &update, &latest, described, is_new) {
        Ok(written) => written,
        Err(problem) => {
            // Every member opens its own ticket instead: no incident stays without a ticket.
            *state = unchanged.unwrap_or_default();
            report_unwritable(outage, &problem);
            return;
        }
    };
    apply_steps(
        inputs, changes, state, &context, create, &update, &incidents,
    );
    // No decision of the domain closed it, so `apply` has not stored this end.
    if update.given_up {
        let why = ClosingCause::GivenUp;
        changes.record(&latest, IncidentEvent::Closed { why }, inputs.now);
        state.active = Some(ActiveIncident {
            incident: latest.clone(),
            context,
        });
        replace(changes, state, &latest);
    }
    apply_to_members(inputs, changes, members, &incidents, &update, &latest.id);
}

fn apply_to_members(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    members: &mut [Member],
    incidents: &[Incident],
    update: &OutageUpdate,
    outage_id: &IncidentId,
) {
    for step in &update.members {
        if let (Some((_, member)), Some(incident)) =
            (members.get_mut(step.place), incidents.get(step.place))
        {
            apply_to_member(inputs, changes, member, incident, step.what, outage_id);
        }
    }
}

fn step(
    inputs: &Inputs<'_>,
    outage: &Outage<'_>,
    state: &mut KeyState,
    incidents: &mut [Incident],
    context: &TicketContext,
) -> OutageUpdate {
    let policy = outage_policy(inputs.settings, outage.settings);
    let new = outage.incident();
    state.step(Allowance::default(), &mut Some(context.clone()), |known| {
        reconcile(
            known,
            incidents,
            outage.formation(),
            &policy,
            &new,
            inputs.now,
        )
    })
}

fn step_changed(
    inputs: &Inputs<'_>,
    outage: &Outage<'_>,
    state: &mut KeyState,
    changed: &mut [Incident],
    context: &TicketContext,
    known: (Others, bool),
) -> Option<OutageUpdate> {
    let policy = outage_policy(inputs.settings, outage.settings);
    let new = outage.incident();
    let rules = (outage.formation(), &policy);
    state.step(Allowance::default(), &mut Some(context.clone()), |outage| {
        reconcile_changed(outage, changed, known, rules, &new, inputs.now)
    })
}

/// The contexts of the members, each with the target that the outage's ticket goes to from there.
fn routed_contexts(outage: &Outage<'_>, members: &[Member]) -> Vec<TicketContext> {
    let contexts = members
        .iter()
        .filter_map(|(_, state)| state.active.as_ref());
    contexts
        .filter_map(|active| routed(active.context.clone(), outage))
        .collect()
}

fn routed(first: TicketContext, outage: &Outage<'_>) -> Option<TicketContext> {
    let targets = &outage.settings.targets;
    let (routed, failed) = targets.route(&signal_in(&first.values), &first.source);
    for error in failed {
        tracing::warn!(outage = outage.name, %error, "this entry is left out");
    }
    let to = routed.to;
    Some(TicketContext {
        target: to.first()?.clone(),
        route: TicketRoute::through(to),
        ..first
    })
}

/// The `incidents` of `members`, with the names of what they are about.
fn named<'a>(inputs: &Inputs<'_>, members: &[Member], incidents: &'a [Incident]) -> Vec<Named<'a>> {
    let contexts = members
        .iter()
        .filter_map(|(_, state)| state.active.as_ref())
        .map(|active| &active.context.values);
    let named = incidents.iter().zip(contexts);
    named
        .map(|(incident, values)| {
            let excess = excess(inputs.settings, incident);
            Named::of(incident, values, excess)
        })
        .collect()
}

/// The totals name the members at the ends of a range by their keys; people know them by names. A range
/// grows only by members that the step was given.
fn name_extremes(state: &mut KeyState, update: &mut OutageUpdate, members: &[Named<'_>]) {
    let of_steps = update.outage.iter_mut().map(|(_, incident)| incident);
    let now = state.active.as_mut().map(|active| &mut active.incident);
    let tallies = of_steps.chain(now).filter_map(|one| one.tally.as_mut());
    let extremes = tallies.flat_map(|tally| tally.extremes.values_mut());
    for known in extremes.flat_map(|one| [&mut one.lowest_at, &mut one.highest_at]) {
        let named = members.iter().find(|one| *one.incident.key == **known);
        if let Some(named) = named {
            known.clone_from(&named.name);
        }
    }
}

fn described(
    inputs: &Inputs<'_>,
    outage: &Outage<'_>,
    mut context: TicketContext,
    latest: &Incident,
    members: &[Named<'_>],
) -> TicketContext {
    let units = Units::new(inputs.settings, None);
    let mut values = (*context.values).clone();
    let written = (&units, inputs.now);
    describe(
        &mut values,
        outage.name,
        latest,
        outage.settings,
        members,
        written,
    );
    context.values = values.into();
    context
}

type Written = (TicketContext, Option<Result<Create, String>>);

/// The first of `contexts` that the outage's ticket can be written from, with its create when that
/// is due. An existing outage continues whether its ticket can be written or not; a new one is
/// refused with the reason.
fn first_writable(
    inputs: &Inputs<'_>,
    update: &OutageUpdate,
    latest: &Incident,
    contexts: impl Iterator<Item = TicketContext>,
    is_new: bool,
) -> Result<Written, String> {
    let creates =
        |(decision, _): &&(Decision, Incident)| decision.actions.contains(&TicketAction::Create);
    let created = update.outage.iter().find(creates);
    let incident = created.map_or(latest, |(_, incident)| incident);
    let is_due = created.is_some();
    let mut problem = String::new();
    for context in contexts {
        if !is_new && !is_due {
            return Ok((context, None));
        }
        match write_or_check(inputs, incident, &context, is_due, inputs.now) {
            Ok(create) => return Ok((context, create.map(Ok))),
            Err(error) if !is_new => return Ok((context, Some(Err(error)))),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn report_unwritable(outage: &Outage<'_>, problem: &str) {
    tracing::error!(
        rule = &*outage.key.rule,
        key = &*outage.key.key,
        kind = "schema_mismatch",
        problem,
        "no outage: its ticket cannot be written; members open their own"
    );
}

fn apply_steps(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    context: &TicketContext,
    mut create: Option<Result<Create, String>>,
    update: &OutageUpdate,
    members: &[Incident],
) {
    let event_id = context.event_id();
    // The time to the ticket counts from the first breach of a member.
    let began = members.iter().map(|one| one.opened_at).min();
    let origin = Origin {
        event_id: &event_id,
        received_at: began.unwrap_or(inputs.now),
        source: &context.source,
    };
    let mut context = context.clone();
    for (decision, incident) in &update.outage {
        if decision.outcome == SignalOutcome::Suppressed(Suppression::Silenced) {
            let reason = Suppression::Silenced.as_str();
            changes.count_suppressed(&incident.rule, reason);
        }
        let create = match decision.actions.contains(&TicketAction::Create) {
            true => create.take(),
            false => None,
        };
        state.active = Some(ActiveIncident {
            incident: incident.clone(),
            context: context.clone(),
        });
        apply(inputs, changes, state, decision, create, origin, inputs.now);
        if let Some(active) = &state.active {
            // A failover changed the target.
            context.clone_from(&active.context);
        }
    }
}
