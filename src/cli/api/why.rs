//! `ringdown why`: why an event, a key, an incident or a ticket has or has no ticket, and its story.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::arguments::ApiArgs;
use super::call::Api;
use super::cards::screen_for;
use crate::cli::columns::{Cell, Screen, Style};
use crate::cli::outcome::{Failed, NOT_FINE, Outcome};
use crate::cli::table::shown;
use crate::cli::{Global, Output, config, print, write_out};

/// Say why there is a ticket or none: one sentence, then the whole story.
///
/// Examples: `ringdown why INC0012345`, `ringdown why evt-42`, `ringdown why Billing`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WhyArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// An event's id, a correlation key or queue, a ticket number, or the beginning of an
    /// incident's id.
    #[arg(value_name = "EVENT|KEY|TICKET")]
    what: String,
}

pub(in crate::cli) async fn why(args: WhyArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "why")?;
    let query = [("q", Some(args.what))];
    let story = api
        .find(&[], &query)
        .await?
        .ok_or_else(|| Failed::not_fine("the daemon knows no `why`; is it of an older version?"))?;
    match api.output() {
        Output::Json => print(&config::pretty(&story)),
        output => write_out(&report(&story, screen_for(output), output)),
    }
    Ok(match story["found"] == "nothing" {
        true => ExitCode::from(NOT_FINE),
        false => ExitCode::SUCCESS,
    })
}

fn report(story: &Value, screen: Screen, output: Output) -> String {
    let mut parts = vec![shown(story.get("answer"))];
    if story["event"].is_object() {
        parts.push(event_part(story, screen));
    }
    let incidents: Vec<Vec<Cell>> = items(story, "/incidents")
        .iter()
        .map(incident_row)
        .collect();
    let entries = items(story, "/timeline/items").iter();
    let entries: Vec<Vec<Cell>> = entries.map(|one| entry_row(one, output)).collect();
    if !incidents.is_empty() {
        parts.push(screen.columns(&incidents));
    }
    if !entries.is_empty() {
        parts.push(screen.paragraphs(&entries));
    }
    parts.join("\n\n")
}

fn event_part(story: &Value, screen: Screen) -> String {
    let event = &story["event"];
    let decided = items(event, "/decisions").iter().map(|one| {
        vec![
            Cell::new(format!("  rule {}", shown(one.get("rule")))),
            Cell::new(shown(one.get("outcome")).replace('_', " ")),
            Cell::new(shown(one.get("detail"))),
            Cell::styled(shown(one.get("incident_id")), Style::Quiet),
        ]
    });
    let silent = items(story, "/rules").iter().map(|one| {
        vec![
            Cell::new(format!("  rule {}", shown(one.get("rule")))),
            Cell::new("no decision"),
            Cell::new(shown(one.get("says"))),
        ]
    });
    let rows: Vec<Vec<Cell>> = decided.chain(silent).collect();
    let head = format!(
        "event {} of {}, received {}, {}\n",
        shown(event.get("event_id")),
        shown(event.get("source")),
        clock(&shown(event.get("received_at"))),
        match shown(event.get("state")).as_str() {
            "received" => "not decided yet",
            "review" => "not understood",
            _ => "decided",
        }
    );
    (head + &screen.columns(&rows)).trim_end().to_owned()
}

fn incident_row(one: &Value) -> Vec<Cell> {
    let text = |pointer: &str| shown(one.pointer(pointer));
    let severity = text("/severity");
    vec![
        Cell::new(text("/id")).ranked(2),
        Cell::styled(&severity, Style::of_severity(&severity)).ranked(3),
        Cell::new(format!("{} {}", text("/entity"), text("/name"))),
        Cell::new(text("/state")),
        Cell::new(clock(&text("/opened_at"))).ranked(1),
        match one["no_ticket"].as_str() {
            Some(why) => Cell::styled(format!("NO TICKET: {why}"), Style::Bad),
            None => Cell::new(text("/ticket/number")),
        },
        Cell::new(text("/ticket/url")).ranked(4),
    ]
}

/// What happened; with `wide` also to which event and delivery.
pub(super) fn entry_row(one: &Value, output: Output) -> Vec<Cell> {
    let text = |name: &str| shown(one.get(name));
    let count = match one["count"].as_u64() {
        Some(count @ 2..) => format!(" ×{count}"),
        _ => String::new(),
    };
    let mut row = vec![
        Cell::styled(clock(&text("at")), Style::Quiet),
        Cell::new(format!("{}{count}", text("what").replace('_', " "))),
        Cell::new(text("cause")),
    ];
    if output == Output::Wide {
        row.push(Cell::new(text("event_id")));
        row.push(Cell::new(text("delivery_id")));
    }
    row
}

fn items<'a>(story: &'a Value, pointer: &str) -> &'a [Value] {
    let list = story.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// `2026-11-23 14:00:05Z`, without the milliseconds.
pub(super) fn clock(at: &str) -> String {
    match at.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => at.replace('T', " "),
    }
}
