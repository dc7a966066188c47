//! `ringdown status`: what is going on, as the page *Now* shows it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::arguments::ApiArgs;
use super::call::Api;
use super::cards::{age_of, counted, incident_rows, items, screen_for, time};
use super::person::person_rows;
use crate::cli::columns::{Cell, Screen, Style};
use crate::cli::outcome::{Failed, Outcome};
use crate::cli::table::{plain, shown};
use crate::cli::{Global, Output, config, write_out};
use crate::domain::time::Timestamp;

/// Rest between two looks with `--watch`.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Rows of incidents that are shown at least, however much else there is.
const MIN_INCIDENTS: usize = 5;
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
    let is_watched = args.watch && Screen::of_stdout().is_terminal();
    let screen = match is_watched {
        true => Screen::of_stdout(),
        false => screen_for(api.output()),
    };
    let mut before = String::new();
    loop {
        let fits = is_watched.then(|| Screen::of_stdout().height()).flatten();
        let text = match look(&api, screen, fits).await {
            Ok(text) => text,
            // A daemon that is started anew is looked at again.
            Err(failed) if args.watch && !before.is_empty() => failed.message,
            Err(failed) => return Err(failed),
        };
        if is_watched {
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

/// The situation, in at most `rows` rows.
async fn look(api: &Api, screen: Screen, rows: Option<usize>) -> Result<String, Failed> {
    let situation = api.find(&[], &[]).await?.ok_or_else(|| {
        Failed::not_fine("the daemon tells no status; is it of an older version?")
    })?;
    Ok(match api.output() {
        Output::Json => crate::text::visible(&config::pretty(&situation)).into_owned(),
        output => report(&situation, screen, output, rows),
    })
}

fn report(situation: &Value, screen: Screen, output: Output, rows: Option<usize>) -> String {
    let now = time(&situation["at"]).unwrap_or_default();
    let sentence = plain(&shown(situation.get("sentence")));
    let head = format!("{sentence}.");
    let targets: Vec<Vec<Cell>> = items(&situation["targets"])
        .iter()
        .filter(|one| output == Output::Wide || one["state"] != "up")
        .map(|one| target_row(one, now))
        .collect();
    let person = person_rows(&situation["person"], now);
    let others = [targets, person]
        .into_iter()
        .filter(|rows| !rows.is_empty());
    let others: Vec<String> = others.map(|rows| screen.columns(&rows)).collect();
    let taken = |parts: &[String]| {
        parts
            .iter()
            .map(|one| screen.rows_of(one) + 1)
            .sum::<usize>()
    };
    // The last row is that of the cursor.
    let room = rows.map(|rows| {
        let left = rows.saturating_sub(1 + screen.rows_of(&head) + 1 + taken(&others));
        left.max(MIN_INCIDENTS)
    });
    let incidents = incidents_part(situation, (screen, output, now), room);
    let mut parts = vec![head];
    parts.extend(incidents);
    parts.extend(others);
    let text = parts.join("\n\n");
    match rows {
        Some(rows) => fitted(&text, screen, rows.saturating_sub(1)),
        None => text,
    }
}

/// The worst incidents, in at most `room` rows, and how many more there are.
fn incidents_part(
    situation: &Value,
    (screen, output, now): (Screen, Output, Timestamp),
    room: Option<usize>,
) -> Option<String> {
    let incidents = items(&situation["incidents"]);
    let mut more = situation["more"].as_u64().unwrap_or(0);
    let mut rows = incident_rows(incidents, now, output);
    if let Some(room) = room
        && (rows.len() > room || more > 0)
    {
        // One row and an empty one say how many more there are.
        let shown = room.saturating_sub(2).clamp(1, rows.len().max(1));
        more += (rows.len() - shown.min(rows.len())) as u64;
        rows.truncate(shown);
    }
    let shown = (!rows.is_empty()).then(|| screen.columns(&rows))?;
    Some(match more {
        0 => shown,
        more => format!("{shown}\n\n{more} more: ringdown incidents"),
    })
}

/// The first lines of `text` that have room in `rows`.
fn fitted(text: &str, screen: Screen, rows: usize) -> String {
    if screen.rows_of(text) <= rows {
        return text.to_owned();
    }
    let (mut used, mut lines) = (1, Vec::new());
    for line in text.lines() {
        used += screen.rows_of(line).max(1);
        if used > rows {
            break;
        }
        lines.push(line);
    }
    let left = text.lines().count() - lines.len();
    format!("{}\n… {left} more lines: ringdown status", lines.join("\n"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_watched_fits_the_rows_of_the_terminal_and_the_worst_stays() {
        let incident = |number: u32| {
            json!({"id": format!("i-{number}"), "name": format!("Queue {number}"), "severity": "high",
                "entity": "queue", "state": "open", "ticket": {"number": format!("INC{number}")}})
        };
        let incidents: Vec<Value> = (0..60).map(incident).collect();
        let dead = json!({"count": 1, "operation": "create", "target": "crm", "example": 7});
        let situation = json!({"sentence": "60 queues in trouble", "incidents": incidents, "more": 40,
            "person": {"dead_letters": [dead]}});
        let of = |rows: Option<usize>| report(&situation, Screen::of(80, 24), Output::Table, rows);
        let watched = of(Some(24));
        assert!(watched.lines().count() < 24, "{watched}");
        assert!(
            watched.starts_with("60 queues in trouble.\n\nhigh  Queue 0 "),
            "{watched}"
        );
        let shown = watched
            .lines()
            .filter(|line| line.contains("Queue"))
            .count();
        assert!(shown > 10, "{watched}");
        let more = format!("{} more: ringdown incidents", 100 - shown);
        assert!(watched.contains(&more), "{more}\n{watched}");
        assert!(
            watched.contains("ringdown dead-letters show 7"),
            "{watched}"
        );
        assert!(of(Some(8)).lines().count() < 8);
        assert_eq!(
            of(None)
                .lines()
                .filter(|line| line.contains("Queue"))
                .count(),
            60
        );
    }
}
