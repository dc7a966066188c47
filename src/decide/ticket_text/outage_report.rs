//! The text about its members on an outage's ticket.

use std::cmp::Reverse;
use std::fmt::Write;

use serde_json::json;

use super::readings::Units;
use super::time_text::{clock, span};
use crate::domain::incident::OutageTotals;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::severity::Severity;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::OutageSettings;

/// Members that the outage's ticket names; the others are counted.
const MAX_MEMBERS: usize = 25;
const MAX_READINGS_OF_A_MEMBER: usize = 2;
/// Longest name of a member, in characters.
const MAX_NAME: usize = 100;
/// The template values that name an entity. On an outage's ticket they name the outage.
pub(super) const ENTITY_NAMES: [&str; 4] = ["queue_name", "trunk_name", "edge_name", "alert_name"];

/// What `outage` contains in templates.
pub(crate) const OUTAGE_VALUES: [&str; 6] =
    ["name", "group", "title", "breaching", "members", "report"];

/// A member, and what people know it by.
pub(in crate::decide) struct Named<'a> {
    pub(in crate::decide) incident: &'a Incident,
    pub(in crate::decide) name: String,
    /// How far its readings are beyond a threshold at most.
    pub(in crate::decide) excess: f64,
    /// The kind of thing: `queue`, `trunk` or `edge`, where it has such a name.
    pub(in crate::decide) kind: Option<&'static str>,
    /// Such as `DOWN`.
    pub(in crate::decide) status: Option<String>,
}

impl<'a> Named<'a> {
    pub(in crate::decide) fn of(
        incident: &'a Incident,
        values: &TemplateContext,
        excess: f64,
    ) -> Self {
        let text = |name: &str| values.get(name).and_then(|one| one.as_str());
        let kinds = [
            ("queue", "queue_name", "queue_id"),
            ("trunk", "trunk_name", "trunk_id"),
            ("edge", "edge_name", "edge_id"),
        ];
        let kind = kinds
            .into_iter()
            .find(|(_, name, id)| text(name).is_some() || text(id).is_some());
        Self {
            incident,
            name: name_of(values, &incident.key),
            excess,
            kind: kind.map(|(kind, _, _)| kind),
            status: text("status").map(str::to_owned),
        }
    }
}

/// `site of Berlin`; without the group where it tells nothing.
fn place_of(name: &str, settings: &OutageSettings, group: &str) -> String {
    let is_constant = settings.group_by.source() == group;
    match is_constant || group.eq_ignore_ascii_case("all") {
        true => name.to_owned(),
        false => format!("{name} of {group}"),
    }
}

/// What the members are, in words.
fn things(members: &[&Named<'_>]) -> String {
    let mut kinds: Vec<&str> = members.iter().filter_map(|one| one.kind).collect();
    let is_known = kinds.len() == members.len();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [kind] if is_known => format!("{kind}s"),
        _ => "several things".to_owned(),
    }
}

/// The name of what the incident with `key` and these template values is about.
pub(in crate::decide) fn name_of(values: &TemplateContext, key: &str) -> String {
    let known = ENTITY_NAMES.iter().filter_map(|name| values.get(*name));
    let known = known.filter_map(|name| name.as_str());
    let name = known.map(str::trim).find(|name| !name.is_empty());
    name.unwrap_or(key).chars().take(MAX_NAME).collect()
}

/// Adds the outage to the template values: `outage.name`, `.group`, `.breaching`, `.members` and
/// `.report`. Entity names are replaced, so that a title template made for one queue names the outage.
pub(in crate::decide) fn describe(
    context: &mut TemplateContext,
    name: &str,
    outage: &Incident,
    settings: &OutageSettings,
    members: &[Named<'_>],
    (units, now): (&Units<'_>, Timestamp),
) {
    let (group, causes) = (&outage.key, &*settings.causes);
    let is_its = |one: &Incident| one.outage_id.as_ref() == Some(&outage.id) || !is_known(outage);
    let mut breaching: Vec<&Named<'_>> = members
        .iter()
        .filter(|one| {
            let incident = one.incident;
            incident.state != IncidentState::Closed && incident.is_breaching() && is_its(incident)
        })
        .collect();
    // The cause first, and then the worst.
    let place = |one: &Named<'_>| {
        let severity = Severity::from_name(&one.incident.severity);
        (!is_cause(causes, one.incident), Reverse(severity))
    };
    breaching.sort_by(|one, other| {
        let severity = place(one).cmp(&place(other));
        severity.then_with(|| other.excess.total_cmp(&one.excess))
    });
    let place = place_of(name, settings, group);
    let title = format!("outage {place}");
    for entity in ENTITY_NAMES {
        if context.contains_key(entity) {
            context.insert(entity.to_owned(), json!(title));
        }
    }
    let joined = outage.tally.as_ref().map_or(0, |tally| tally.joined);
    let first = format!(
        "Outage {place}: {} breaching, {joined} in all.",
        breaching.len()
    );
    let in_trouble = format!("{title}: {} in trouble", things(&breaching));
    let text = report(first, causes, &breaching, (units, now));
    let outage = json!({"name": name, "group": group, "title": in_trouble, "breaching": breaching.len(),
        "members": joined, "report": text});
    context.insert("outage".to_owned(), outage);
}

/// Why the ticket of an incident is linked to that of an outage: its name, settings and group.
pub(in crate::decide) fn why_member(
    outage: Option<(&str, &OutageSettings, &str)>,
    is_put_in: bool,
) -> String {
    let Some((name, settings, group)) = outage else {
        return "This is part of an outage.".to_owned();
    };
    if is_put_in {
        let place = place_of(name, settings, group);
        return format!("A person put this into the outage {place}.");
    }
    let within = span(settings.within);
    let at_least = settings.at_least;
    format!(
        "This is part of the outage {}: at least {at_least} of this group breached \
         within {within}{}.",
        place_of(name, settings, group),
        match settings.causes.as_slice() {
            [] => String::new(),
            causes => format!(", or one and its cause ({})", causes.join(", ")),
        }
    )
}

fn is_cause(causes: &[String], incident: &Incident) -> bool {
    causes.iter().any(|cause| **cause == *incident.rule)
}

/// Whether members have joined it. An outage that is only checked, before it forms, has none yet.
const fn is_known(outage: &Incident) -> bool {
    outage.tally.is_some()
}

fn report(
    mut text: String,
    causes: &[String],
    breaching: &[&Named<'_>],
    (units, now): (&Units<'_>, Timestamp),
) -> String {
    for named in breaching.iter().take(MAX_MEMBERS) {
        let member = named.incident;
        let _ = write!(text, "\n- {} ({})", named.name, member.rule);
        if is_cause(causes, member) {
            text.push_str(" explains the others");
        }
        let _ = write!(text, ", since {}", clock(member.opened_at, now));
        for (reading, spread) in member.readings.iter().take(MAX_READINGS_OF_A_MEMBER) {
            let _ = write!(
                text,
                ", {reading}: latest {}, highest {}",
                units.short(reading, spread.latest),
                units.short(reading, spread.highest)
            );
        }
        if let (true, Some(status)) = (member.readings.is_empty(), &named.status) {
            let _ = write!(text, ", status {status}");
        }
    }
    if breaching.len() > MAX_MEMBERS {
        let _ = write!(text, "\n… and {} more.", breaching.len() - MAX_MEMBERS);
    }
    text
}

/// The totals that every comment on an outage's ticket ends with.
pub(super) fn totals(tally: &OutageTotals, units: &Units<'_>) -> String {
    let over = tally.joined.saturating_sub(tally.present);
    let mut text = format!(
        " {} incidents in all, {} of them over.",
        tally.joined,
        over.min(tally.joined)
    );
    for (name, extremes) in &tally.extremes {
        let _ = write!(
            text,
            " {name}: lowest {} ({}), highest {} ({}).",
            units.short(name, extremes.lowest),
            extremes.lowest_at,
            units.short(name, extremes.highest),
            extremes.highest_at
        );
    }
    text
}
