//! `ringdown incidents show`: an incident found by its id, its key or its ticket number, and its timeline.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::outcome::{Failed, Outcome};
use super::super::table::{self, Column};
use super::super::{Output, config, print};
use super::call::{Api, mark_flapping};

/// Incidents of one key that are looked at.
const MAX_OF_KEY: &str = "20";
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
        let mut incident = match self.find(&[named], &[]).await? {
            Some(incident) => incident,
            None => {
                let id = self.id_of(named).await?;
                let gone = || Failed::not_fine(format!("incident {id} is gone"));
                self.find(&[&id], &[]).await?.ok_or_else(gone)?
            }
        };
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

    /// The id of the one incident that has the ticket, or else the key, `named`.
    async fn id_of(&self, named: &str) -> Result<String, Failed> {
        let by_ticket = self.incidents_with("ticket", named).await?;
        if let [one] = by_ticket.as_slice() {
            return Ok(table::shown(one.get("id")));
        }
        let by_key = self.incidents_with("key", named).await?;
        let active = by_key.iter().filter(|one| one["state"] != "closed");
        let active: Vec<&Value> = active.collect();
        let by_key_alone = match (active.as_slice(), by_key.as_slice()) {
            ([one], _) => Some(*one),
            ([], [one]) => Some(one),
            _ => None,
        };
        match by_key_alone.filter(|_| by_ticket.is_empty()) {
            Some(one) => Ok(table::shown(one.get("id"))),
            None if by_key.is_empty() && by_ticket.is_empty() => Err(Failed::not_fine(format!(
                "404 Not Found: no incident has the id, the ticket or the key {named:?}"
            ))),
            None => Err(ambiguous(named, by_ticket.iter().chain(&by_key))),
        }
    }

    async fn incidents_with(
        &self,
        filter: &'static str,
        value: &str,
    ) -> Result<Vec<Value>, Failed> {
        let query = [
            (filter, Some(value.to_owned())),
            ("limit", Some(MAX_OF_KEY.to_owned())),
        ];
        let page = self.find(&[], &query).await?;
        let items = page.and_then(|mut page| page["items"].as_array_mut().map(std::mem::take));
        Ok(items.unwrap_or_default())
    }
}

fn ambiguous<'a>(named: &str, found: impl Iterator<Item = &'a Value>) -> Failed {
    let lines = found.map(|one| {
        let text = |name| table::shown(one.get(name));
        let (id, rule, state) = (text("id"), text("rule"), text("state"));
        format!("  {id}  {rule}  {state}, opened {}", text("opened_at"))
    });
    let lines: Vec<String> = lines.collect();
    Failed::not_fine(format!(
        "{named:?} is not one incident's alone; give one of these ids:\n{}",
        lines.join("\n")
    ))
}

fn report(incident: &mut Value, timeline: Vec<Value>, next: &Value) -> String {
    mark_flapping(incident);
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
