//! `ringdown targets`: how each one fares; pause, resume and test one.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::arguments::{ApiArgs, Span};
use super::call::Api;
use super::cards::counted;
use crate::cli::Global;
use crate::cli::listing::Column;
use crate::cli::outcome::{NOT_FINE, Outcome};
use crate::cli::table::shown_at;

/// Look at targets; pause, resume or test one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringdown targets
  ringdown targets pause salesforce --reason \"release weekend\"
  ringdown targets pause salesforce --for 2h --reason \"maintenance\"
  ringdown targets resume salesforce
  ringdown targets test servicenow")]
pub(in crate::cli) struct TargetArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Option<TargetCommand>,
}

#[derive(Debug, Subcommand)]
enum TargetCommand {
    /// What `ringdown targets` alone does.
    List,
    /// One target with its last error and its token.
    Show { name: String },
    /// Send nothing to it until a person resumes it. Nothing is lost, and no ticket moves to another
    /// target because of that.
    Pause {
        name: String,
        /// Why; others will read it.
        #[arg(long)]
        reason: String,
        /// For how long, such as 2h; without it, only a person ends the pause.
        #[arg(long = "for", value_name = "DURATION")]
        lasts: Option<String>,
    },
    /// End the pause; what waited is sent at once.
    Resume { name: String },
    /// Reach it, log in, and compare the mapping with its metadata. Exit status 1 when something
    /// failed.
    Test { name: String },
}

const TARGETS: &[Column] = &[
    Column::text("target", "/name").rank(0),
    Column::text("kind", "/kind").rank(5),
    Column::text("state", "/state").rank(0),
    Column::age("since", "/since"),
    Column::due("next look", "/until").rank(4),
    Column::text("owed", "/owed"),
    Column::text("dead", "/dead"),
    Column::text("paused by", "/pause/by").rank(3),
    Column::text("why", "/pause/reason").rank(2),
    Column::age("error", "/last_error_at").rank(2),
    Column::text("last error", "/last_error/message").rank(2),
    Column::age("token", "/token/obtained_at").wide(),
    Column::age("token ends", "/token/expires_at").wide(),
];
const CHECKS: &[Column] = &[
    Column::text("result", "/result"),
    Column::text("check", "/check"),
    Column::text("field", "/field"),
    Column::text("found", "/message"),
    Column::text("remedy", "/remedy"),
];

pub(in crate::cli) async fn targets(args: TargetArgs, global: &Global) -> Outcome {
    let api = Api::new(args.api, global, "targets")?;
    match args.command {
        None | Some(TargetCommand::List) => api.list(Vec::new(), Span::LIMIT, TARGETS).await,
        Some(TargetCommand::Show { name }) => api.show(&name).await,
        Some(TargetCommand::Pause {
            name,
            reason,
            lasts,
        }) => {
            let mut body = Map::new();
            body.insert("reason".to_owned(), json!(reason));
            if let Some(lasts) = lasts {
                body.insert("for".to_owned(), json!(lasts));
            }
            let answer = api.post(&[&name, "pause"], &Value::Object(body)).await?;
            api.say(&answer, || {
                let ends = match shown_at(&answer, "/pause/until").as_str() {
                    "" => "Only a person ends this: ringdown targets resume".to_owned(),
                    until => format!("It ends at {until}, or with: ringdown targets resume"),
                };
                format!("Nothing is sent to {name}. {ends} {name}")
            })
        }
        Some(TargetCommand::Resume { name }) => {
            let answer = api.post(&[&name, "resume"], &json!({})).await?;
            api.say(&answer, || {
                format!(
                    "{name} is resumed; owed to it: {}.",
                    counted(&answer["owed"], "delivery", "deliveries")
                )
            })
        }
        Some(TargetCommand::Test { name }) => {
            let report = api.post(&[&name, "test"], &json!({})).await?;
            let checks = report["checks"].as_array().map_or(&[][..], Vec::as_slice);
            api.say(&report, || api.lines(checks, CHECKS))?;
            Ok(match report["ok"] == true {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(NOT_FINE),
            })
        }
    }
}
