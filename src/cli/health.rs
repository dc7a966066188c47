//! `ringdown health`: asks a running daemon whether it is ready.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use url::Url;

use super::outcome::{Failed, NOT_FINE, Outcome};
use super::{Global, Output, client, config, print, table};

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ask a running daemon whether it is ready.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// The daemon's admin address; by default `admin.listen` of the configuration.
    #[arg(long, env = "RINGDOWN_URL")]
    url: Option<String>,
    /// Only whether the process runs.
    #[arg(long)]
    live: bool,
}

/// Exit status 0 when the daemon is ready, 1 when it is not.
pub(super) async fn run(args: HealthArgs, global: &Global) -> Outcome {
    let base = client::base(args.url.as_deref(), global)?;
    let path = if args.live { "healthz" } else { "readyz" };
    let url = client::below(&base, &[path]);
    let (ready, body) = ask(&url).await?;
    match global.output {
        Output::Json => print(&config::pretty(&body)),
        Output::Table | Output::Wide if args.live => {
            print(if ready { "alive" } else { "not alive" })
        }
        Output::Table | Output::Wide => print(&describe(ready, &body)),
    }
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}

async fn ask(url: &Url) -> Result<(bool, Value), Failed> {
    let client = client::http(PATIENCE)?;
    let answer = client.fetch(client.get(url.clone())).await;
    let answer = answer.map_err(|error| client::no_answer(url, &error))?;
    Ok((answer.status.is_success(), answer.json()))
}

fn describe(ready: bool, body: &Value) -> String {
    let mut text = match body.get("status") {
        Some(status) => table::shown(Some(status)),
        None if ready => "ready".to_owned(),
        None => "not ready".to_owned(),
    };
    let targets = body.get("targets").and_then(Value::as_object);
    let all = targets.into_iter().flatten();
    let well = all
        .clone()
        .filter(|(_, target)| target["state"] == "up")
        .count();
    let count = all.count();
    if ready && well < count {
        text.push_str(&format!(
            ": it takes events; {} of {count} targets accept no tickets",
            count - well
        ));
    }
    text.push('\n');
    let part = |name: &str| {
        body.get(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    };
    for (name, component) in part("components").chain(part("services")) {
        let state = table::shown(component.get("state"));
        let reason = match component.get("reason") {
            Some(reason) => format!(": {}", table::shown(Some(reason))),
            None => String::new(),
        };
        text.push_str(&format!("  {name}: {state}{reason}\n"));
    }
    for (name, target) in targets.into_iter().flatten() {
        text.push_str(&format!("  {name}: {}\n", target_state(target)));
    }
    text
}

/// `circuit open since 16:12:44, 12 waiting`.
fn target_state(target: &Value) -> String {
    let mut text = table::shown(target.get("state")).replace('_', " ");
    if text == "up" {
        return "accepts tickets".to_owned();
    }
    if let Some(pause) = target.get("pause") {
        text = format!("paused by {}", table::shown(pause.get("by")));
    }
    if let Some(since) = target.get("since").filter(|since| !since.is_null()) {
        text.push_str(&format!(" since {}", table::shown(Some(since))));
    }
    if let Some(waiting) = target.get("waiting") {
        text.push_str(&format!(", {} waiting", table::shown(Some(waiting))));
    }
    if let Some(pause) = target.get("pause") {
        text.push_str(&format!(": {}", table::shown(pause.get("reason"))));
    }
    text
}
