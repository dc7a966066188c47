//! `ringdown status`: what is going on, as the page *Now* shows it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::arguments::ApiArgs;
use super::call::Api;
use super::cards::{age_of, counted, incident_rows, items, time};
use crate::cli::columns::{Cell, Screen, Style};
use crate::cli::outcome::{Failed, Outcome};
use crate::cli::table::{plain, shown};
use crate::cli::{Global, Output, config, write_out};
use crate::domain::situation::age;
use crate::domain::time::Timestamp;

/// Rest between two looks with `--watch`.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Brings the cursor to the first place and clears the screen.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Say what is going on.
///
/// Examples: `ringdown status`, `ringdown status --watch`, `ringdown status -o json`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Look again every 2 s, until it is interrupted.
    #[arg(long)]
    watch: bool,
}

pub(in crate::cli) async fn status(args: StatusArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "status")?;
    let screen = Screen::of_stdout();
    let mut before = String::new();
    loop {
        let text = match look(&api, screen).await {
            Ok(text) => text,
            // A daemon that is started anew is looked at again.
            Err(failed) if args.watch && !before.is_empty() => failed.message,
            Err(failed) => return Err(failed),
        };
        if args.watch && screen.is_terminal() {
            write_out(&format!("{CLEAR}{text}"));
        } else if text != before {
            write_out(&text);
        }
        if !args.watch {
            return Ok(ExitCode::SUCCESS);
        }
        before = text;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(api: &Api, screen: Screen) -> Result<String, Failed> {
    let situation = api.find(&[], &[]).await?.ok_or_else(|| {
        Failed::not_fine("the daemon tells no status; is it of an older version?")
    })?;
    Ok(match api.output() {
        Output::Json => crate::text::visible(&config::pretty(&situation)).into_owned(),
        output => report(&situation, screen, output),
    })
}

fn report(situation: &Value, screen: Screen, output: Output) -> String {
    let now = time(&situation["at"]).unwrap_or_default();
    let sentence = plain(&shown(situation.get("sentence")));
    let mut parts = vec![format!("{sentence}.")];
    let incidents = items(&situation["incidents"]);
    if !incidents.is_empty() {
        parts.push(screen.columns(&incident_rows(incidents, now, output)));
        if let Some(more @ 1..) = situation["more"].as_u64() {
            parts.push(format!("{more} more: ringdown incidents"));
        }
    }
    let targets: Vec<Vec<Cell>> = items(&situation["targets"])
        .iter()
        .filter(|one| output == Output::Wide || one["state"] != "up")
        .map(|one| target_row(one, now))
        .collect();
    let person = person_rows(&situation["person"], now);
    for rows in [targets, person] {
        if !rows.is_empty() {
            parts.push(screen.columns(&rows));
        }
    }
    parts.join("\n\n")
}

fn target_row(one: &Value, now: Timestamp) -> Vec<Cell> {
    let text = |name: &str| shown(one.get(name));
    let state = text("state");
    let style = if state == "up" {
        Style::Plain
    } else {
        Style::Bad
    };
    vec![
        Cell::new("target"),
        Cell::new(shown(one.get("name"))),
        Cell::styled(state.replace('_', " "), style),
        Cell::new(age_of(&one["since"], now)),
        Cell::new(owed(one)),
        Cell::new(match one.pointer("/pause/reason") {
            Some(reason) => format!(
                "{}: {}",
                shown(one.pointer("/pause/by")),
                shown(Some(reason))
            ),
            None if state == "held" => {
                let (error, name) = (shown(one.pointer("/last_error/message")), text("name"));
                format!("{error}; remedies: ringdown doctor {name}")
            }
            None => shown(one.pointer("/last_error/message")),
        }),
    ]
}

/// `3 tickets wait and nothing is lost`.
fn owed(one: &Value) -> String {
    let waits = [
        counted(&one["tickets"], "ticket", "tickets"),
        counted(&one["updates"], "update", "updates"),
    ];
    let waits: Vec<&str> = waits
        .iter()
        .map(String::as_str)
        .filter(|one| !one.starts_with("0 "))
        .collect();
    let mut parts = Vec::new();
    if !waits.is_empty() {
        let is_one = waits.len() == 1 && waits.iter().all(|one| one.starts_with("1 "));
        let verb = if is_one { "waits" } else { "wait" };
        let waits = waits.join(" and ");
        parts.push(format!("{waits} {verb}, nothing is lost"));
    }
    if one["dead"].as_u64().unwrap_or(0) > 0 {
        parts.push(counted(&one["dead"], "dead letter", "dead letters"));
    }
    parts.join("; ")
}

fn person_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let mut rows = refused_rows(person, now);
    rows.extend(other_person_rows(person, now));
    rows
}

fn person_row(what: String, why: String, since: &Value, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::styled("waits for a person", Style::Warning),
        Cell::new(what),
        Cell::new(age_of(since, now)),
        Cell::new(why),
    ]
}

/// What a CRM, or something in front of it, refuses until a person acts.
fn refused_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |one: &Value, what, why, since: &str| person_row(what, why, &one[since], now);
    let text = |one: &Value, name: &str| shown(one.get(name));
    let targets = items(&person["targets"]).iter().map(|one| {
        let what = format!("target {}", text(one, "target"));
        row(one, what, text(one, "task"), "since")
    });
    let alone = items(&person["refused_alone"]).iter().map(|one| {
        let what = format!(
            "{} of {} in {}",
            text(one, "operation"),
            text(one, "key"),
            text(one, "target")
        );
        let next = time(&one["next_attempt_at"]).map_or_else(String::new, |at| {
            format!("next try in {}: ", age(at.since(now)))
        });
        row(one, what, next + &text(one, "message"), "created_at")
    });
    let dead = items(&person["dead_letters"]).iter().map(|one| {
        let what = format!(
            "{} × {} in {}, see: ringdown dead-letters show {}",
            text(one, "count"),
            text(one, "operation"),
            text(one, "target"),
            text(one, "example")
        );
        row(one, what, text(one, "message"), "oldest_at")
    });
    targets.chain(alone).chain(dead).collect()
}

fn other_person_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |one: &Value, what, why, since: &str| person_row(what, why, &one[since], now);
    let text = |one: &Value, name: &str| shown(one.get(name));
    let review = items(&person["review"]).iter().map(|one| {
        let what = format!(
            "{} × review item of {}, see: ringdown review show {}",
            text(one, "count"),
            text(one, "source"),
            text(one, "example")
        );
        row(one, what, text(one, "reason"), "oldest_at")
    });
    let floods = items(&person["floods"]).iter().map(|one| {
        let what = format!(
            "{} × held by the flood of {}, see: ringdown incidents floods",
            text(one, "held"),
            text(one, "source")
        );
        row(one, what, String::new(), "opened_at")
    });
    let incomplete = items(&person["incomplete"]).iter().map(|one| {
        let count = counted(&one["count"], "incomplete ticket", "incomplete tickets");
        let what = format!(
            "{count} in {}, see: ringdown incidents show {}",
            text(one, "target"),
            text(one, "example")
        );
        let fields = items(&one["fields"]).iter();
        let why: Vec<String> = fields
            .map(|field| format!("{}: {}", text(field, "field"), text(field, "reason")))
            .collect();
        row(one, what, why.join("; "), "newest_at")
    });
    review.chain(floods).chain(incomplete).collect()
}
