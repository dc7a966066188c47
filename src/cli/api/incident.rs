//! `ringdown incidents show`: an incident found by its id, its key or its ticket number, and its timeline.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::outcome::{Failed, Outcome};
use super::super::table::{self, Column};
use super::super::{Output, config, print};
use super::call::Api;
use super::printing::mark_flapping;
use crate::domain::situation::ticket_state;

/// Entries of a timeline that one page of the API can hold.
const PAGE: usize = 500;

const READINGS: &[Column] = &[
    ("reading", "/name"),
    ("latest", "/latest"),
    ("lowest", "/lowest"),
    ("highest", "/highest"),
];
const TIMELINE: &[Column] = &[
    ("at", "/at"),
    ("what", "/what"),
    ("why", "/cause"),
    ("event", "/event_id"),
    ("delivery", "/delivery_id"),
];
/// What is said of an incident first, and where it stands.
const HEAD: &[Column] = &[
    ("incident", "/id"),
    ("rule", "/rule"),
    ("key", "/key"),
    ("severity", "/severity"),
    ("state", "/state"),
    ("opened", "/opened_at"),
    ("waits for", "/waits/for"),
    ("  by", "/waits/by"),
    ("  until", "/waits/until"),
    ("outage", "/outage_id"),
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
            Output::Table | Output::Wide => print(&report(&mut incident, timeline, &next)),
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

fn report(incident: &mut Value, timeline: Vec<Value>, next: &Value) -> String {
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
    let mut lines: Vec<String> = HEAD
        .iter()
        .map(|(name, pointer)| (name, table::shown(incident.pointer(pointer))))
        .filter(|(_, value)| !value.is_empty() && value != "0")
        .map(|(name, value)| format!("{name:<12} {value}"))
        .collect();
    let readings: Vec<Value> = incident["readings"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, spread)| {
            let of = |which: &str| spread[which].clone();
            json!({"name": name, "latest": of("latest"), "lowest": of("lowest"),
                "highest": of("highest")})
        })
        .collect();
    if !readings.is_empty() {
        lines.push(table::render(&readings, READINGS));
    }
    let timeline: Vec<Value> = timeline.into_iter().map(as_row).collect();
    lines.push(table::render(&timeline, TIMELINE));
    if !next.is_null() {
        let shown = timeline.len();
        lines.push(format!(
            "These are the first {shown} entries; there are more: raise --limit."
        ));
    }
    lines.join("\n")
}

/// A run says how many and until when.
fn as_row(mut entry: Value) -> Value {
    let count = entry["count"].as_u64().unwrap_or(1);
    if count > 1 {
        let until = table::shown(entry.get("until"));
        entry["what"] = json!(format!("{} ×{count}", table::shown(entry.get("what"))));
        entry["cause"] = json!(format!(
            "{}; until {until}",
            table::shown(entry.get("cause"))
        ));
        let (first, last) = (
            table::shown(entry.get("event_id")),
            table::shown(entry.get("last_event_id")),
        );
        entry["event_id"] = json!(format!("{first} … {last}"));
    }
    entry
}
