//! `ringdown config check`, `config show` and `config schema`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::outcome::{Failed, Outcome};
use super::{Global, Output, print};
use crate::settings::{Loaded, Loader, documents, report};
use crate::targets;
use crate::text::visible_json;

/// Check, show or describe the configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every mistake at once; exit status 2 when there is one.
    Check,
    /// Show every setting in force, where it was set, and no secret.
    Show,
    /// Print the JSON Schema of a configuration file, for completion in an editor.
    Schema,
}

/// The configuration that `--config`, `config/` and the environment make.
pub(super) fn load(global: &Global) -> Result<Loaded, Failed> {
    Loader::from_process(global.config.clone(), targets::profiles())
        .load()
        .map_err(|error| Failed::usage(error.to_string()))
}

/// Runs one of the commands.
pub(super) fn run(args: &ConfigArgs, global: &Global) -> Outcome {
    match args.command {
        ConfigCommand::Check => Ok(check(global)),
        ConfigCommand::Show => {
            let loaded = load(global)?;
            match global.output {
                Output::Table | Output::Wide => print(&report::effective_text(&loaded.effective)),
                Output::Json => print(&pretty(&report::effective_json(&loaded.effective))),
            }
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Schema => {
            print(&pretty(&documents::json_schema(&targets::profiles())));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(global: &Global) -> ExitCode {
    let (problems, warnings) =
        match Loader::from_process(global.config.clone(), targets::profiles()).load() {
            Ok(loaded) => (Vec::new(), loaded.warnings),
            Err(error) => (error.problems, error.warnings),
        };
    match global.output {
        Output::Table | Output::Wide => print(&report::problems_text(&problems, &warnings)),
        Output::Json => print(&pretty(&report::problems_json(&problems, &warnings))),
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(super::outcome::USAGE)
    }
}

/// JSON for people and programs alike: what a terminal would hide or obey is escaped.
pub(super) fn pretty(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    visible_json(&text).into_owned()
}
