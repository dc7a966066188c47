//! The policies of incidents, outages and floods, from the settings, and when an incident is due.

use std::time::Duration;

use super::outage_key::outage_of;
use crate::domain::flood::{self, FloodPolicy};
use crate::domain::incident::{Incident, IncidentState, LifePolicy, Recovery};
use crate::domain::situation;
use crate::domain::time::Timestamp;
use crate::settings::{OnRecovery, OutageSettings, RuleSettings, Settings};

/// How often it is looked whether a flood still holds anything: the less often, the longer nothing
/// new has come.
const MIN_FLOOD_CHECK: Duration = Duration::from_secs(5);
const MAX_FLOOD_CHECK: Duration = Duration::from_secs(60);

pub(super) fn policy_of(rule: &RuleSettings) -> LifePolicy {
    LifePolicy {
        hold_for: rule.hold_for,
        clear_for: rule.clear_for,
        quiet_after: rule.quiet_after,
        burst_lock: rule.burst_lock,
        update_every: rule.update_every,
        on_recovery: recovery(rule.on_recovery),
        flapping: rule.flapping,
    }
}

/// An outage becomes quiet after its members.
pub(super) fn outage_policy(settings: &Settings, outage: &OutageSettings) -> LifePolicy {
    let of_members = settings
        .rules
        .iter()
        .filter(|rule| outage.rules.contains(&rule.name));
    let quiet_after = of_members
        .map(|rule| rule.quiet_after)
        .max()
        .unwrap_or_default();
    LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        quiet_after: quiet_after + Duration::from_secs(60),
        burst_lock: outage.burst_lock,
        update_every: outage.update_every,
        on_recovery: recovery(outage.on_recovery),
        flapping: None,
    }
}

const fn recovery(setting: OnRecovery) -> Recovery {
    match setting {
        OnRecovery::Comment => Recovery::Comment,
        OnRecovery::Resolve => Recovery::Resolve,
        OnRecovery::None => Recovery::Nothing,
    }
}

/// The limit on the incidents of `source`; the default one when it is no longer configured.
pub(super) fn flood_policy(settings: &Settings, source: &str) -> FloodPolicy {
    let source = settings.sources.get(source);
    source.map_or_else(FloodPolicy::default, |source| source.max_new_incidents)
}

/// A flood is checked from time to time: an incident that it holds can end without an event of the
/// flood.
fn flood_due_at(
    settings: &Settings,
    source: &str,
    incident: &Incident,
    now: Timestamp,
) -> Option<Timestamp> {
    let due_at = incident.due_at(&flood_policy(settings, source).life())?;
    match incident.is_breaching() {
        true => {
            let last = incident.last_breach_at;
            // A clock that was set back makes the last one lie ahead.
            let age = now.since(last) + last.since(now);
            let rest = (age / 8).clamp(MIN_FLOOD_CHECK, MAX_FLOOD_CHECK);
            Some(due_at.min(now.plus(rest)))
        }
        false => Some(due_at),
    }
}

/// How far the latest readings of `incident` are beyond the thresholds of its rule, at most.
pub(super) fn excess(settings: &Settings, incident: &Incident) -> f64 {
    let rule = settings
        .rules
        .iter()
        .find(|rule| rule.name == *incident.rule);
    let bounds = rule.map_or(&[][..], |rule| rule.when.bounds());
    let excesses = bounds.iter().filter_map(|bound| {
        let latest = incident.readings.get(&bound.reading)?.latest;
        let is_above = bound.holds.is_higher();
        Some(situation::excess(latest, bound.value, is_above))
    });
    excesses.fold(0.0, f64::max)
}

/// When time alone changes `incident` next. An incident whose rule is gone is due at once.
pub(super) fn due_at(
    settings: &Settings,
    incident: &Incident,
    now: Timestamp,
) -> Option<Timestamp> {
    if let Some((_, outage)) = outage_of(settings, &incident.rule) {
        return incident.due_at(&outage_policy(settings, outage));
    }
    if let Some(source) = flood::source_of(&incident.rule) {
        return flood_due_at(settings, source, incident, now);
    }
    let rule = settings
        .rules
        .iter()
        .find(|rule| rule.name == *incident.rule);
    match rule {
        Some(rule) => incident.due_at(&policy_of(rule)),
        None => (incident.state != IncidentState::Closed).then_some(now),
    }
}
