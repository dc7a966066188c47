//! What a comment on a ticket says, for a person who has it before them: what happened, how
//! long it has lasted, how much of it there was, and how bad. Pure.

use std::fmt::Write;
use std::time::Duration;

use super::flood_report::totals as flood_totals;
use super::outage_report::totals;
use super::readings::Units;
use crate::domain::incident::{Incident, Owed, Spread};
use crate::domain::time::Timestamp;
use crate::rules::Worse;
use crate::settings::RuleSettings;

/// Readings told of; more would hide the first.
const MOST_READINGS: usize = 4;

/// The comment that pays `owed`. `rule` is the incident's; an outage has none. `units` are
/// those of its readings.
pub(in crate::decide) fn comment(
    owed: Owed,
    incident: &Incident,
    rule: Option<&RuleSettings>,
    units: &Units<'_>,
    now: Timestamp,
) -> String {
    let mut text = headline(owed, incident, rule, now);
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
    let _ = match owed {
        Owed::Progress => write!(
            text,
            " {} since the last comment {} ago, {} in all since {}.",
            events(
                incident.occurrences - incident.told_before.occurrences.min(incident.occurrences)
            ),
            span(now.since(incident.told_before.at)),
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
    for (name, spread) in incident.readings.iter().take(MOST_READINGS) {
        let _ = write!(
            text,
            " {}",
            reading(name, *spread, worse(rule, name), units)
        );
    }
    text
}

fn headline(
    owed: Owed,
    incident: &Incident,
    rule: Option<&RuleSettings>,
    now: Timestamp,
) -> String {
    let lasted = || span(now.since(incident.opened_at));
    match owed {
        Owed::Create | Owed::Details => String::new(),
        Owed::Progress if incident.is_flapping() => {
            format!("Still coming and going after {}.", lasted())
        }
        Owed::Progress => format!("Still breaching after {}.", lasted()),
        Owed::Relapse => format!(
            "Breaching again, {} after it had recovered (relapse {}); the same incident goes on.",
            span(now.since(incident.told_before.at)),
            incident.relapses
        ),
        Owed::Flapping => flapping(incident, rule, now),
        Owed::Raised { from } => format!("Severity raised from {from} to {}.", incident.severity),
        Owed::Recovered | Owed::Resolve => recovered(incident, now),
    }
}

fn flapping(incident: &Incident, rule: Option<&RuleSettings>, now: Timestamp) -> String {
    let times = incident.flapping.map_or(0, |flapping| flapping.times);
    let first_at = incident.flapping.map_or(now, |flapping| flapping.first_at);
    let calm = rule.and_then(|rule| rule.flapping);
    let until = calm.map_or_else(
        || "it is calm".to_owned(),
        |policy| format!("nothing has breached for {}", span(policy.calm)),
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
        .filter(|flapping| flapping.calm_at == Some(now));
    let why = match incident.clear_since {
        Some(since) => format!("clear since {}", clock(since, now)),
        None => format!(
            "no breach heard since {}",
            clock(incident.last_breach_at, now)
        ),
    };
    // What people felt: until it cleared, not until that was believed.
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

/// Which way the reading gets worse, by what opens the incident or raises it.
fn worse(rule: &RuleSettings, reading: &str) -> Option<Worse> {
    let levels = rule.severity_levels.iter().map(|(_, level)| level);
    let mut said = std::iter::once(&rule.when)
        .chain(levels)
        .filter_map(|expression| expression.worse().get(reading).copied());
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}

fn reading(name: &str, spread: Spread, worse: Option<Worse>, units: &Units<'_>) -> String {
    let shown = |value| units.shown(name, value);
    let extreme = match worse {
        Some(Worse::Higher) => format!("highest {}", shown(spread.highest)),
        Some(Worse::Lower) => format!("lowest {}", shown(spread.lowest)),
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

/// The two largest units of a duration.
pub(in crate::decide) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(largest) = units.iter().position(|(size, _)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let mut left = seconds;
    let mut words = Vec::new();
    for (size, unit) in units.iter().skip(largest).take(2) {
        let count = left / size;
        left %= size;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
    }
    words.join(" ")
}

/// The time of day, with the date when it is not today's.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let read = |at: Timestamp| jiff::Timestamp::from_millisecond(at.as_millis()).ok();
    let (Some(then), Some(today)) = (read(at), read(now)) else {
        return at.to_string();
    };
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = match date(then) == date(today) {
        true => "%H:%M:%S UTC",
        false => "%Y-%m-%d %H:%M:%S UTC",
    };
    then.strftime(format).to_string()
}

#[cfg(test)]
#[path = "comment_tests.rs"]
mod tests;
