//! `ringdown incidents show`: an incident found by its id, its key or its ticket number, and its timeline.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::columns::{Cell, Screen, Style};
use super::super::outcome::{Failed, Outcome};
use super::super::table;
use super::super::{Output, config, print};
use super::call::Api;
use super::cards::{age_of, outage_of, screen_for, time};
use super::printing::mark_flapping;
use super::why::{clock, entry_row};
use crate::cli::write_out;
use crate::clock::Clock;
use crate::domain::situation::ticket_state;
use crate::domain::time::Timestamp;

/// Entries of a timeline that one page of the API can hold.
const PAGE: usize = 500;

/// What is said of an incident first, and where it stands. Times are those of the clock, with their age.
const HEAD: &[(&str, &str)] = &[
    ("name", "/name"),
    ("kind", "/entity"),
    ("incident", "/id"),
    ("rule", "/rule"),
    ("key", "/key"),
    ("severity", "/severity"),
    ("state", "/state"),
    ("opened", "/opened_at"),
    ("waits for", "/waits/for"),
    ("  by", "/waits/by"),
    ("  until", "/waits/until"),
    ("outage", "/member_of"),
    ("members", "/members"),
    ("last breach", "/last_breach_at"),
    ("clear since", "/clear_since"),
    ("recovered", "/recovered_at"),
    ("closed", "/closed_at"),
    ("events", "/occurrences"),
    ("suppressed", "/suppressed"),
    ("relapses", "/relapses"),
    ("flapping", "/flaps/since"),
    ("ticket", "/ticket/number"),
    ("  in", "/ticket/target"),
    ("  not in", "/ticket/failed_over_from"),
    ("  none yet", "/ticket/missing"),
    ("  incomplete", "/ticket/incomplete"),
    ("  id", "/ticket/id"),
    ("  state", "/ticket/state"),
    ("  priority", "/ticket/priority"),
    ("  assignee", "/ticket/assignee"),
    ("  fate", "/ticket/fate"),
    ("  url", "/ticket/url"),
];

impl Api {
    /// Prints the incident that `named` is the id, the ticket's number or the key of, with at
    /// most `limit` entries of its timeline.
    pub(super) async fn show_incident(&self, named: &str, limit: usize) -> Outcome {
        let nothing = || {
            Failed::not_fine(format!(
                "404 Not Found: no incident has the id, the ticket or the key {named:?}"
            ))
        };
        let mut incident = self.find(&[named], &[]).await?.ok_or_else(nothing)?;
        let id = table::shown(incident.get("id"));
        let (timeline, next) = self.timeline(&id, limit).await?;
        match self.output() {
            Output::Json => {
                incident["timeline"] = Value::Array(timeline);
                incident["timeline_next"] = next;
                print(&config::pretty(&incident));
            }
            output @ (Output::Table | Output::Wide) => {
                tell(&mut incident);
                let (screen, now) = (screen_for(output), Clock::System.now());
                write_out(&report(&incident, &timeline, &next, (screen, output, now)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn timeline(&self, id: &str, limit: usize) -> Result<(Vec<Value>, Value), Failed> {
        let (mut entries, mut next) = (Vec::new(), Value::Null);
        loop {
            let page = (limit - entries.len().min(limit)).min(PAGE).to_string();
            let cursor = next.as_str().map(str::to_owned);
            let query = [("limit", Some(page)), ("cursor", cursor)];
            let mut page = self.find(&[id, "timeline"], &query).await?;
            let Some(Value::Array(more)) = page.as_mut().map(|page| page["items"].take()) else {
                return Err(Failed::not_fine(format!(
                    "the daemon tells no timeline of incident {id}; is it of an older version?"
                )));
            };
            entries.extend(more);
            next = page.map_or(Value::Null, |mut page| page["next"].take());
            if next.is_null() || entries.len() >= limit {
                return Ok((entries, next));
            }
        }
    }
}

/// The ticket's state in words.
fn tell_state(incident: &mut Value) {
    if let Some(state) = incident.pointer_mut("/ticket/state")
        && let Some(words) = state.as_str().map(|state| ticket_state(state).to_owned())
    {
        *state = words.into();
    }
}

/// The fields that the ticket lacks, in words: `assignment_group: "X" is the name of no record`.
fn tell_incomplete(incident: &mut Value) {
    let Some(fields) = incident
        .pointer("/ticket/incomplete")
        .and_then(Value::as_array)
    else {
        return;
    };
    let words = fields.iter().map(|one| {
        let text = |name: &str| table::shown(one.get(name));
        let kept = match text("kept").as_str() {
            "" => String::new(),
            kept => format!(" (it has {kept:?})"),
        };
        format!("{} is not set{kept}: {}", text("field"), text("reason"))
    });
    let words = words.collect::<Vec<_>>().join("; ");
    incident["ticket"]["incomplete"] = json!(words);
}

/// Says in words what the API says for programs.
fn tell(incident: &mut Value) {
    mark_flapping(incident);
    tell_state(incident);
    tell_incomplete(incident);
    if let Some(times) = incident.pointer("/flaps/times").cloned() {
        let calm = match incident.pointer("/flaps/calm_at") {
            Some(Value::String(at)) => format!("calm at {at}"),
            _ => "not calm yet".to_owned(),
        };
        let since = table::shown(incident.pointer("/flaps/since"));
        incident["flaps"]["since"] = json!(format!("since {since}, began {times} times, {calm}"));
    }
    incident["member_of"] = json!(outage_of(incident));
    if incident.pointer("/waits/for") == Some(&json!("outage")) {
        incident["waits"]["by"] = Value::Null;
    }
}

/// What is known of the incident, its readings and its story, each under the other.
fn report(
    incident: &Value,
    timeline: &[Value],
    next: &Value,
    (screen, output, now): (Screen, Output, Timestamp),
) -> String {
    let values = HEAD.iter().map(|(name, pointer)| {
        let value = incident.pointer(pointer).unwrap_or(&Value::Null);
        (*name, with_age(value, now))
    });
    let readings = incident["readings"].as_object().into_iter().flatten();
    let readings = readings.map(|(name, spread)| {
        let of = |which: &str| table::shown(spread.get(which));
        let (latest, lowest, highest) = (of("latest"), of("lowest"), of("highest"));
        let said = format!("{name}: latest {latest}, lowest {lowest}, highest {highest}");
        ("reading", said)
    });
    let head: Vec<Vec<Cell>> = values
        .chain(readings)
        .filter(|(_, value)| !value.is_empty() && value != "0")
        .map(|(name, value)| vec![Cell::styled(name, Style::Quiet), Cell::new(value)])
        .collect();
    let entries: Vec<Vec<Cell>> = timeline.iter().map(|one| entry_row(one, output)).collect();
    let mut parts = vec![screen.paragraphs(&head), screen.paragraphs(&entries)];
    if !next.is_null() {
        let shown = timeline.len();
        parts.push(format!(
            "These are the first {shown} entries; there are more: raise --limit."
        ));
    }
    parts.join("\n\n")
}

/// A time as `2026-11-23 14:00:05Z, 4 min ago`; anything else as it is.
fn with_age(value: &Value, now: Timestamp) -> String {
    let text = table::shown(Some(value));
    match time(value) {
        Some(at) if at <= now => format!("{}, {} ago", clock(&text), age_of(value, now)),
        Some(_) => clock(&text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_a_list_that_fits_the_terminal_and_names_its_outage() {
        let mut incident = json!({
            "id": "01a22d8f-3408-7000-8000-000000000001", "name": "Berlin_007", "entity": "queue",
            "state": "pending", "opened_at": "2026-11-23T14:00:05.250Z",
            "outage_id": "01a22d8f-3408-7000-8000-000000000002",
            "member_of": {"name": "site Berlin", "ticket": "INC0010004", "target": "servicenow"},
            "waits": {"for": "outage", "by": "01a22d8f-3408-7000-8000-000000000002"},
            "readings": {"queue.waitTime.avg": {"latest": 400, "lowest": 310, "highest": 412.5}},
        });
        let timeline = [
            json!({"at": "2026-11-23T14:00:05.250Z", "what": "held_by an outage",
            "cause": "a cause that is so long that it takes more than one line of a terminal of eighty"}),
        ];
        let now = "2026-11-23T14:04:06Z".parse().unwrap();
        tell(&mut incident);
        let written = (Screen::of(80, 24), Output::Table, now);
        let shown = report(&incident, &timeline, &Value::Null, written);
        for part in [
            "name       Berlin_007",
            "outage     site Berlin, INC0010004 in servicenow",
            "2026-11-23 14:00:05Z, 4 min ago",
            "queue.waitTime.avg: latest 400",
            "  eighty",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
        assert!(!shown.contains("000000000002"), "{shown}");
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }
}
