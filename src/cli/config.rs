//! `ringdown config check`, `config show` and `config schema`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::columns::{Screen, Style};
use super::outcome::{Failed, Outcome, USAGE};
use super::{Global, Output, print, write_out};
use crate::check::{check, errors};
use crate::clock::Clock;
use crate::settings::{Level, LoadError, Loaded, Loader, Problem, documents, report};
use crate::targets;
use crate::text::{visible, visible_json};

/// Check, show or describe the configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every mistake at once, and try every rule; exit status 2 when there is an error.
    Check(Offline),
    /// Show every setting in force, where it was set, and no secret.
    Show(Offline),
    /// Print the JSON Schema of a configuration file, for completion in an editor.
    Schema,
}

/// Whether secrets must be there.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct Offline {
    /// Do without secrets that are not here, such as unset variables.
    #[arg(long)]
    pub(super) offline: bool,
}

/// The configuration that the files and the environment make.
pub(super) fn load(global: &Global, offline: Offline) -> Result<Loaded, Failed> {
    load_from(global, offline).map_err(|error| refused_after(global, &error))
}

/// The same, with every rule tried as far as a start depends on it. [`warnings_of`] has the rest.
pub(super) fn load_and_try(global: &Global) -> Result<Loaded, Failed> {
    let loaded = load(global, Offline::default())?;
    let problems = errors(&loaded.settings).into_iter();
    let mut problems: Vec<Problem> = problems
        .map(|problem| loaded.sources.located(problem))
        .collect();
    problems.sort_by_key(place_of);
    match problems.is_empty() {
        true => Ok(loaded),
        false => Err(refused(&LoadError {
            problems,
            warnings: loaded.warnings,
        })),
    }
}

/// What a configuration without errors is warned of, with every rule tried. It takes longer than a
/// start may.
pub(super) fn warnings_of(loaded: Loaded) -> Vec<Problem> {
    match tried(Ok(loaded)) {
        Ok(loaded) => loaded.warnings,
        Err(error) => error.warnings,
    }
}

/// What is said first when there is no file at all: the problems below follow from that.
const NO_FILE: &str = "note: there is no ./ringdown.toml here, and neither --config nor \
     RINGDOWN_CONFIG names a file\n\n";

/// The same, after the reason that stands behind all others.
fn refused_after(global: &Global, error: &LoadError) -> Failed {
    let Failed { message, code } = refused(error);
    let first = if global.config.is_empty() {
        NO_FILE
    } else {
        ""
    };
    Failed {
        message: format!("{first}{message}"),
        code,
    }
}

fn load_from(global: &Global, offline: Offline) -> Result<Loaded, LoadError> {
    let mut loader = Loader::from_process(global.config.clone(), targets::profiles());
    loader.offline = offline.offline;
    loader.load()
}

fn tried(loaded: Result<Loaded, LoadError>) -> Result<Loaded, LoadError> {
    let mut loaded = loaded?;
    let found = check(&loaded.settings, Clock::System.now()).into_iter();
    let found: Vec<Problem> = found
        .map(|problem| loaded.sources.located(problem))
        .collect();
    // What is said of a condition by its values is the reason why it can never hold.
    let is_explained = |warning: &Problem| {
        warning.reason.starts_with("can never be true")
            && found.iter().any(|other| other.path == warning.path)
    };
    loaded.warnings.retain(|warning| !is_explained(warning));
    let found = found.into_iter();
    let (mut problems, warnings): (Vec<_>, Vec<_>) =
        found.partition(|problem| problem.level == Level::Error);
    loaded.warnings.extend(warnings);
    for list in [&mut problems, &mut loaded.warnings] {
        list.sort_by_key(place_of);
    }
    match problems.is_empty() {
        true => Ok(loaded),
        false => Err(LoadError {
            problems,
            warnings: loaded.warnings,
        }),
    }
}

/// Where it stands: in the order in which the files are read, and then of the lines. What stands
/// nowhere comes last.
fn place_of(problem: &Problem) -> (bool, String, usize, usize) {
    let place = problem.place.as_ref();
    let file = place.map(|place| place.file.clone()).unwrap_or_default();
    let at = place.map_or((0, 0), |place| (place.line, place.column));
    (place.is_none(), file, at.0, at.1)
}

pub(super) fn refused(error: &LoadError) -> Failed {
    let text = report::problems_text(&error.problems, &error.warnings);
    Failed::usage(text.trim_end())
}

/// Runs one of the commands.
pub(super) fn run(args: &ConfigArgs, global: &Global) -> Outcome {
    match args.command {
        ConfigCommand::Check(offline) => Ok(run_check(global, offline)),
        ConfigCommand::Show(offline) => {
            let loaded = load(global, offline)?;
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

fn run_check(global: &Global, offline: Offline) -> ExitCode {
    let (problems, warnings, absent) = match tried(load_from(global, offline)) {
        Ok(loaded) => (Vec::new(), loaded.warnings, loaded.absent_secrets),
        Err(error) => (error.problems, error.warnings, Vec::new()),
    };
    match global.output {
        Output::Table | Output::Wide => {
            let text = report::problems_text(&problems, &warnings);
            let is_lost = global.config.is_empty() && !problems.is_empty();
            let first = if is_lost { NO_FILE } else { "" };
            let text = format!("{first}{}{text}", report::absent_text(&absent));
            write_out(&coloured(&visible(&text), Screen::of_stdout()));
        }
        Output::Json => {
            let mut found = report::problems_json(&problems, &warnings);
            found["absent_secrets"] = absent.into();
            print(&pretty(&found));
        }
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(USAGE)
    }
}

/// `text` with the colours of a terminal: of the labels, and of the carets.
fn coloured(text: &str, screen: Screen) -> String {
    let labels = [
        ("error:", Style::Bad),
        ("warning:", Style::Warning),
        ("note:", Style::Quiet),
    ];
    let mut mark = Style::Plain;
    let lines = text.lines().map(|line| {
        for (label, style) in labels {
            if let Some(rest) = line.strip_prefix(label) {
                mark = style;
                return format!("{}{rest}", screen.styled(label, style));
            }
        }
        match line.split_once("| ") {
            Some((bar, carets))
                if !carets.is_empty() && carets.trim_matches([' ', '^']).is_empty() =>
            {
                format!("{bar}| {}", screen.styled(carets, mark))
            }
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// JSON for people and programs alike: what a terminal would hide or obey is escaped.
pub(super) fn pretty(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    visible_json(&text).into_owned()
}
