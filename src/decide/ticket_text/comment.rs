//! The text of a comment on a ticket, for the person who works on it: the event, how long it
//! has lasted, how many events there were, and how bad the readings are.

use std::fmt::Write;

use super::flood_report::totals as flood_totals;
use super::outage_report::totals;
use super::readings::Units;
use super::time_text::{clock, span};
use crate::domain::incident::{Incident, Spread, TicketAction};
use crate::domain::time::Timestamp;
use crate::rules::ThresholdSide;
use crate::settings::RuleSettings;

/// More readings would hide the first ones.
const MAX_READINGS: usize = 4;

/// The comment for `action`. `rule` is the rule of the incident; an outage has none.
pub(super) fn comment(
    action: TicketAction,
    incident: &Incident,
    rule: Option<&RuleSettings>,
    units: &Units<'_>,
    now: Timestamp,
) -> String {
    let mut text = headline(action, incident, rule, now);
    if let Some(tally) = &incident.tally {
        text.push_str(&totals(tally, units));
        return text;
    }
    if let Some(flood) = &incident.flood {
        text.push_str(&flood_totals(flood));
        return text;
    }
    let Some(rule) = rule else {
        return text;
    };
    let _ = match action {
        TicketAction::Progress => write!(
            text,
            " {} since the last comment {} ago, {} in all since {}.",
            events(
                incident.occurrences
                    - incident
                        .previous_write
                        .occurrences
                        .min(incident.occurrences)
            ),
            span(now.since(incident.previous_write.at)),
            incident.occurrences,
            clock(incident.opened_at, now),
        ),
        _ => write!(
            text,
            " {} breached since {}.",
            events(incident.occurrences),
            clock(incident.opened_at, now),
        ),
    };
    for (name, spread) in incident.readings.iter().take(MAX_READINGS) {
        let _ = write!(
            text,
            " {}",
            reading(name, *spread, worse(rule, name), units)
        );
    }
    text
}

fn headline(
    action: TicketAction,
    incident: &Incident,
    rule: Option<&RuleSettings>,
    now: Timestamp,
) -> String {
    let lasted = || span(now.since(incident.opened_at));
    match action {
        TicketAction::Create | TicketAction::Details => String::new(),
        TicketAction::Progress if incident.is_flapping() => {
            format!("Still coming and going after {}.", lasted())
        }
        TicketAction::Progress => format!("Still breaching after {}.", lasted()),
        TicketAction::Relapse => format!(
            "Breaching again, {} after it had recovered (relapse {}); the same incident goes on.",
            span(now.since(incident.previous_write.at)),
            incident.relapses
        ),
        TicketAction::Flapping => flapping(incident, rule, now),
        TicketAction::Raised { from } => {
            format!("Severity raised from {from} to {}.", incident.severity)
        }
        TicketAction::Recovered | TicketAction::Resolve => recovered(incident, now),
    }
}

fn flapping(incident: &Incident, rule: Option<&RuleSettings>, now: Timestamp) -> String {
    let times = incident.flapping.map_or(0, |flapping| flapping.times);
    let first_at = incident.flapping.map_or(now, |flapping| flapping.first_at);
    let calm = rule.and_then(|rule| rule.flapping);
    let until = calm.map_or_else(
        || "it is calm".to_owned(),
        |policy| format!("nothing has breached for {}", span(policy.quiet_period)),
    );
    format!(
        "Flapping: the trouble has begun {times} times since {}. From now on the ticket stays \
         open, without a word on each coming and going, until {until}.",
        clock(first_at, now)
    )
}

fn recovered(incident: &Incident, now: Timestamp) -> String {
    let calm = incident
        .flapping
        .filter(|flapping| flapping.stable_at == Some(now));
    let why = match incident.clear_since {
        Some(since) => format!("clear since {}", clock(since, now)),
        None => format!(
            "no breach heard since {}",
            clock(incident.last_breach_at, now)
        ),
    };
    // The trouble ended when it cleared, not when `clear_for` was over.
    let end = incident.clear_since.unwrap_or(incident.last_breach_at);
    let lasted = span(end.since(incident.opened_at));
    match calm {
        Some(flapping) => format!(
            "Recovered and calm: {why}, after it had begun {} times since {}.",
            flapping.times,
            clock(flapping.first_at, now)
        ),
        None => format!("Recovered: {why}. It lasted {lasted}."),
    }
}

/// Which way the reading gets worse, by the expressions that open the incident or raise it; `None`
/// when they disagree.
fn worse(rule: &RuleSettings, reading: &str) -> Option<ThresholdSide> {
    let levels = rule.severity.levels.iter().map(|(_, level)| level);
    let mut said = std::iter::once(&rule.when)
        .chain(levels)
        .filter_map(|expression| expression.threshold_sides().get(reading).copied());
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}

fn reading(name: &str, spread: Spread, worse: Option<ThresholdSide>, units: &Units<'_>) -> String {
    let shown = |value| units.shown(name, value);
    let extreme = match worse {
        Some(ThresholdSide::Higher) => format!("highest {}", shown(spread.highest)),
        Some(ThresholdSide::Lower) => format!("lowest {}", shown(spread.lowest)),
        None => format!(
            "lowest {}, highest {}",
            shown(spread.lowest),
            shown(spread.highest)
        ),
    };
    format!("{name}: latest {}, {extreme}.", shown(spread.latest))
}

fn events(count: u64) -> String {
    match count {
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    }
}

#[cfg(test)]
#[path = "comment_tests.rs"]
mod tests;
