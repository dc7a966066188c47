//! `ringdown health`: asks a running daemon whether it is ready.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::outcome::{Failed, Outcome};
use super::{Global, Output, config, print};

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ask a running daemon whether it is ready.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// The daemon's admin address.
    #[arg(long, env = "RINGDOWN_URL", default_value = "http://127.0.0.1:9090")]
    url: String,
    /// Only whether the process runs.
    #[arg(long)]
    live: bool,
}

/// Exit status 0 when the daemon is ready, 1 when it is not.
pub(super) async fn run(args: HealthArgs, global: &Global) -> Outcome {
    let path = if args.live { "healthz" } else { "readyz" };
    let url = format!("{}/{path}", args.url.trim_end_matches('/'));
    let unreachable =
        |error: reqwest::Error| Failed::not_fine(format!("no answer from {url}: {error}"));
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .build()
        .map_err(unreachable)?;
    let response = client.get(&url).send().await.map_err(unreachable)?;
    let ready = response.status().is_success();
    let body: Value = response.json().await.unwrap_or_default();
    match global.output {
        Output::Json => print(&config::pretty(&body)),
        Output::Table => print(&describe(ready, &body)),
    }
    Ok(ExitCode::from(u8::from(!ready)))
}

fn describe(ready: bool, body: &Value) -> String {
    let mut text = String::from(if ready { "ready\n" } else { "not ready\n" });
    let components = body.get("components").and_then(Value::as_object);
    for (name, component) in components.into_iter().flatten() {
        let part = |key: &str| component.get(key).and_then(Value::as_str);
        let state = part("state").unwrap_or("unknown");
        let reason = part("reason").map(|reason| format!(": {reason}"));
        text.push_str(&format!(
            "  {name}: {state}{}\n",
            reason.unwrap_or_default()
        ));
    }
    text
}
