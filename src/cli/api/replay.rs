//! `ringdown dead-letters replay`: a plan first, and what came of it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::{Query, Selection};
use super::call::Api;
use crate::cli::listing::Column;
use crate::cli::outcome::{Failed, NOT_FINE, Outcome};
use crate::cli::table::shown_at;

/// Rest between two looks at what comes of a replay.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// How they are replayed.
#[derive(Debug, Args)]
pub(super) struct HowReplayed {
    /// Only say how many would fit now, and which not and why.
    #[arg(long, conflicts_with_all = ["wait", "as_stored"])]
    plan: bool,
    /// Wait until it is known what came of it, at most so long.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "30s",
          value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// Send what is stored, and do not render it again.
    #[arg(long)]
    as_stored: bool,
}

const PLAN: &[Column] = &[
    Column::text("id", "/id"),
    Column::text("fits", "/fits"),
    Column::text("operation", "/operation"),
    Column::text("target", "/target"),
    Column::text("key", "/key"),
    Column::text("why", "/why"),
];
const RESULTS: &[Column] = &[
    Column::text("id", "/id"),
    Column::text("state", "/state"),
    Column::text("operation", "/operation"),
    Column::text("target", "/target"),
    Column::text("waits", "/waits_for"),
    Column::text("last error", "/last_error/message"),
];

pub(super) async fn run(api: &Api, which: &Selection, how: &HowReplayed, filter: Query) -> Outcome {
    if how.plan {
        return plan(api, which, filter).await;
    }
    let Some(wait) = how.wait else {
        return api.act("replay", which, filter, options(how)).await;
    };
    let (ids, failed) = replayed(api, which, how, filter).await?;
    let results = results(api, &ids, wait).await?;
    let answer = json!({ "items": results, "failed": failed });
    api.say(&answer, || {
        let done = results.iter().filter(|one| one["state"] == "done").count();
        let head = format!("replayed {}, of which {done} are done", ids.len());
        match results.is_empty() {
            true => head,
            false => format!("{}\n{head}", api.lines(&results, RESULTS)),
        }
    })?;
    let all_done = results.iter().all(|one| one["state"] == "done");
    match (failed.is_empty(), all_done) {
        (false, _) => Err(Failed::not_fine(failed.join("\n"))),
        (true, false) => Ok(ExitCode::from(NOT_FINE)),
        (true, true) => Ok(ExitCode::SUCCESS),
    }
}

fn options(how: &HowReplayed) -> Query {
    match how.as_stored {
        true => vec![("as_stored", Some("true".to_owned()))],
        false => Vec::new(),
    }
}

/// The ids of those that are replayed, and why others are not.
async fn replayed(
    api: &Api,
    which: &Selection,
    how: &HowReplayed,
    mut query: Query,
) -> Result<(Vec<String>, Vec<String>), Failed> {
    api.chosen("replay", which, &query)?;
    if which.all {
        query.extend(options(how));
        query.push(("all", Some("true".to_owned())));
        query.push(("ids", Some("true".to_owned())));
        if !which.yes && !api.confirmed("replay")? {
            return Err(Failed::not_fine("Nothing was changed."));
        }
        let answer = api.change(&["replay"], query).await?;
        let ids = answer["ids"].as_array().into_iter().flatten();
        return Ok((ids.map(|id| shown_at(id, "")).collect(), Vec::new()));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &which.ids {
        match api.change(&[id, "replay"], options(how)).await {
            Ok(_) => done.push(id.clone()),
            Err(failure) => failed.push(format!("{id}: {}", failure.message)),
        }
    }
    Ok((done, failed))
}

/// What has come of the deliveries `ids`, when none of them goes on, or after `wait`.
async fn results(api: &Api, ids: &[String], wait: Duration) -> Result<Vec<Value>, Failed> {
    let began = Instant::now();
    loop {
        let mut found = Vec::new();
        for id in ids {
            found.extend(api.find_in("deliveries", &[id]).await?);
        }
        let goes_on = |one: &Value| {
            one["state"] == "waiting" || one["state"] == "sending" || is_rendered(one)
        };
        if began.elapsed() >= wait || !found.iter().any(goes_on) {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// It waits only to be rendered again.
fn is_rendered(delivery: &Value) -> bool {
    delivery["waits_for"] == "until it is rendered again"
}

async fn plan(api: &Api, which: &Selection, mut query: Query) -> Outcome {
    api.chosen("replay", which, &query)?;
    let plan = ("plan", Some("true".to_owned()));
    let mut items = Vec::new();
    let mut notes = Vec::new();
    let mut add = |mut answer: Value| {
        if let Value::Array(more) = answer["items"].take() {
            items.extend(more);
        }
        if let Value::Array(more) = answer["notes"].take() {
            notes.extend(more);
        }
    };
    if which.all {
        query.push(plan);
        query.push(("all", Some("true".to_owned())));
        add(api.change(&["replay"], query).await?);
    } else {
        for id in &which.ids {
            add(api.change(&[id, "replay"], vec![plan.clone()]).await?);
        }
    }
    notes.dedup();
    let fit = items.iter().filter(|one| one["fits"] == true).count();
    let answer = json!({ "count": items.len(), "fit": fit, "items": items, "notes": notes });
    api.say(&answer, || {
        let mut parts = vec![format!("{fit} of {} would fit now.", items.len())];
        parts.extend(notes.iter().map(|note| shown_at(note, "")));
        if !items.is_empty() {
            parts.push(api.lines(&items, PLAN));
        }
        parts.join("\n")
    })?;
    Ok(match fit == items.len() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NOT_FINE),
    })
}
