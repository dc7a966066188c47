//! What an outage's ticket says of its members. No I/O.

use std::fmt::Write;

use serde_json::json;

use super::readings::Units;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::tally::Tally;
use crate::rules::TemplateContext;

/// Members named on the outage's ticket; the others are counted.
const MOST_LISTED: usize = 25;
/// Readings of a member that are named.
const READINGS_OF_A_MEMBER: usize = 2;
/// Names of entities, which on an outage's ticket say what it is.
pub(in crate::decide) const ENTITY_NAMES: [&str; 4] =
    ["queue_name", "trunk_name", "edge_name", "alert_name"];

/// Lets templates see the outage: `outage.name`, `.group`, `.breaching`, `.members` and
/// `.report`. The names of entities say what it is, so that a title made for one queue says it.
pub(in crate::decide) fn describe(
    context: &mut TemplateContext,
    name: &str,
    outage: &Incident,
    causes: &[String],
    members: &[Incident],
    units: &Units<'_>,
) {
    let group = &outage.key;
    let is_its = |one: &&Incident| one.outage_id.as_ref() == Some(&outage.id) || !is_known(outage);
    let mut breaching: Vec<&Incident> = members
        .iter()
        .filter(|one| one.state != IncidentState::Closed && one.is_breaching())
        .filter(is_its)
        .collect();
    breaching.sort_by_key(|one| !causes.contains(&one.rule));
    let title = format!("outage {name} of {group}");
    for entity in ENTITY_NAMES {
        if context.contains_key(entity) {
            context.insert(entity.to_owned(), json!(title));
        }
    }
    let joined = outage.tally.as_ref().map_or(0, |tally| tally.joined);
    let first = format!(
        "Outage {name} of {group}: {} breaching, {joined} in all.",
        breaching.len()
    );
    let text = report(first, causes, &breaching, units);
    let outage = json!({"name": name, "group": group, "breaching": breaching.len(),
        "members": joined, "report": text});
    context.insert("outage".to_owned(), outage);
}

/// Whether anything has joined it; what is tried before it forms has no members yet.
const fn is_known(outage: &Incident) -> bool {
    outage.tally.is_some()
}

fn report(
    mut text: String,
    causes: &[String],
    breaching: &[&Incident],
    units: &Units<'_>,
) -> String {
    for member in breaching.iter().take(MOST_LISTED) {
        let _ = write!(text, "\n- {} {}", member.rule, member.key);
        if causes.contains(&member.rule) {
            text.push_str(" explains the others");
        }
        for (reading, spread) in member.readings.iter().take(READINGS_OF_A_MEMBER) {
            let _ = write!(
                text,
                ", {reading}: latest {}, highest {}",
                units.short(reading, spread.latest),
                units.short(reading, spread.highest)
            );
        }
    }
    if breaching.len() > MOST_LISTED {
        let _ = write!(text, "\n… and {} more.", breaching.len() - MOST_LISTED);
    }
    text
}

/// The totals that every comment on an outage's ticket tells, the last one too.
pub(in crate::decide) fn totals(tally: &Tally, units: &Units<'_>) -> String {
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
