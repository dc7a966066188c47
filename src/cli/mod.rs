//! The command line: parses the arguments, runs one command, and returns its exit status.
//!
//! Exit status 0: fine. 1: the thing asked about is not fine. 2: wrong usage or configuration.

mod api;
mod catalogue;
mod client;
mod columns;
mod completions;
mod config;
mod demo;
mod doctor;
mod explain;
mod explain_state;
mod explain_words;
mod health;
mod help;
mod listing;
mod man;
mod migrate;
mod outcome;
mod progress;
mod serve;
mod sim;
pub mod storm;
mod table;
mod wrap;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::telemetry::VERSION_AND_COMMIT;
use crate::text::visible;
use outcome::{Failed, Outcome};

/// How long the process waits at its end until its last output has been read.
const COMPLAINT_PATIENCE: Duration = Duration::from_secs(1);

/// Turns Genesys Cloud telephony trouble into exactly one CRM ticket per incident.
#[derive(Debug, Parser)]
#[command(name = "ringdown", version = VERSION_AND_COMMIT, propagate_version = true)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of all commands")]
struct Global {
    /// A configuration file; may be repeated, later ones win. Without it: RINGDOWN_CONFIG, else
    /// ./ringdown.toml.
    #[arg(long = "config", value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// Whether the files were named, and not found in the working directory.
    #[arg(skip)]
    is_config_named: bool,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For people, with more columns where there are more.
    Wide,
    /// For programs.
    Json,
}

impl Output {
    /// Whether programs read it.
    fn is_json(self) -> bool {
        self == Self::Json
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Serve,
    /// Show it all in one process: simulated CRMs, the daemon, and a replayed outage.
    Demo(demo::DemoArgs),
    /// Check, show or describe the configuration.
    Config(config::ConfigArgs),
    /// Look at every target live: reachability, login, permissions, every mapped field.
    Doctor(doctor::DoctorArgs),
    /// Ask a running daemon whether it is ready (for a container's HEALTHCHECK).
    Health(health::HealthArgs),
    /// Say step by step what would happen to a payload, without doing it.
    Explain(explain::ExplainArgs),
    /// Show the event types that rules can name, with their fields, metrics, statuses and samples.
    Catalogue(catalogue::CatalogueArgs),
    /// Say what is going on: one sentence, incidents worst first, what waits for a person.
    Status(api::StatusArgs),
    /// Say why an event, a key, an incident or a ticket has or has no ticket, and its whole story.
    Why(api::WhyArgs),
    /// Look at incidents, the worst first; close one, write a note, open its ticket.
    Incidents(Box<api::IncidentArgs>),
    /// Look at events, or at one with its body and what the rules made of it.
    Events(api::EventArgs),
    /// Look at deliveries, or at one with its content.
    Deliveries(api::DeliveryArgs),
    /// Look at targets; pause, resume or test one.
    Targets(api::TargetArgs),
    /// Look at dead letters, replay or discard them.
    DeadLetters(api::DeadLetterArgs),
    /// Look at review items, reprocess or discard them.
    Review(api::ReviewArgs),
    /// Look at silences, make, extend or end them.
    Silences(api::SilenceArgs),
    /// Look at the burst locks that hold.
    Locks(api::LockArgs),
    /// Say who changed what.
    Audit(api::AuditArgs),
    /// Bring the database up to date and exit.
    Migrate,
    /// Run the CRM simulator alone.
    Sim(sim::SimArgs),
    /// Send a load of events to a daemon.
    Storm(storm::StormArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page: `ringdown man | man -l -`.
    Man,
    /// Print names of the configuration, for completion scripts.
    #[command(hide = true)]
    Names {
        /// Which names.
        which: completions::Names,
    },
}

/// Whether arguments that cannot be parsed want their errors as JSON.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<String> = arguments
        .map(|one| one.to_string_lossy().into_owned())
        .collect();
    let is_one = |one: &str| matches!(one, "-ojson" | "-o=json" | "--output=json");
    let is_pair = |name: &str, value: &str| matches!(name, "-o" | "--output") && value == "json";
    arguments.iter().any(|one| is_one(one))
        || arguments.windows(2).any(|pair| match pair {
            [name, value] => is_pair(name, value),
            _ => false,
        })
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let parsed = help::grouped(CommandLine::command()).try_get_matches();
    let parsed = parsed.and_then(|matches| CommandLine::from_arg_matches(&matches));
    let mut line = match parsed {
        Ok(line) => line,
        Err(error) => {
            if error.use_stderr() && asks_for_json(std::env::args_os().skip(1)) {
                let text = error.render().to_string();
                complain(config::pretty(
                    &serde_json::json!({ "error": text.trim_end() }),
                ));
            } else {
                let _ = error.print();
            }
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    line.global.config = config_files(std::env::args_os());
    let is_json = line.global.output.is_json();
    if line.global.config.is_empty() {
        line.global.config = named_config().into_iter().collect();
    }
    line.global.is_config_named = !line.global.config.is_empty();
    if line.global.config.is_empty() {
        line.global.config = usual_config().into_iter().collect();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(execute(line)),
        Err(error) => Err(Failed::usage(format!("the runtime cannot start: {error}"))),
    };
    match outcome {
        Ok(code) => code,
        Err(failed) => {
            complain(match is_json {
                true => config::pretty(&serde_json::json!({ "error": failed.message })),
                false => visible(&failed.message).into_owned(),
            });
            failed.code
        }
    }
}

/// Every `--config`, wherever it stands. The parser keeps only those of the innermost command
/// that has one, and a file that is left out without a word would be a trap.
fn config_files(arguments: impl IntoIterator<Item = OsString>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut arguments = arguments
        .into_iter()
        .take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            files.extend(arguments.next().map(PathBuf::from));
        } else if let Some(file) = argument.as_bytes().strip_prefix(b"--config=") {
            files.push(OsStr::from_bytes(file).into());
        }
    }
    files
}

/// The file that `RINGDOWN_CONFIG` names.
fn named_config() -> Option<PathBuf> {
    let named = std::env::var_os("RINGDOWN_CONFIG").filter(|name| !name.is_empty());
    named.map(PathBuf::from)
}

/// The file that is read when none is named.
fn usual_config() -> Option<PathBuf> {
    Some(PathBuf::from("ringdown.toml")).filter(|file| file.is_file())
}

async fn execute(line: CommandLine) -> Outcome {
    let global = &line.global;
    match line.command {
        Command::Serve => serve::run(global).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Config(args) => config::run(&args, global),
        Command::Doctor(args) => doctor::run(args, global).await,
        Command::Health(args) => health::run(args, global).await,
        Command::Explain(args) => explain::run(&args, global),
        Command::Catalogue(args) => catalogue::run(&args, global),
        Command::Status(args) => api::status(args, global).await,
        Command::Why(args) => api::why(args, global).await,
        Command::Incidents(args) => api::incidents(*args, global).await,
        Command::DeadLetters(args) => api::dead_letters(args, global).await,
        Command::Review(args) => api::review(args, global).await,
        Command::Silences(args) => api::silences(args, global).await,
        Command::Events(args) => api::events(args, global).await,
        Command::Deliveries(args) => api::deliveries(args, global).await,
        Command::Targets(args) => api::targets(args, global).await,
        Command::Locks(args) => api::locks(args, global).await,
        Command::Audit(args) => api::audit(args, global).await,
        Command::Migrate => migrate::run(global).await,
        Command::Sim(args) => sim::run(args).await,
        Command::Storm(args) => storm::run(args, global).await,
        Command::Completions { shell } => {
            print(&completions::script(shell, &mut CommandLine::command()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            print(&man::page(help::grouped(CommandLine::command())));
            Ok(ExitCode::SUCCESS)
        }
        Command::Names { which } => {
            print(&completions::names(which, global));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints `message` on standard error. A reader that does not read must not keep the process
/// from ending.
fn complain(message: String) {
    let (written, is_written) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = writeln!(std::io::stderr(), "{message}");
        let _ = written.send(());
    });
    let _ = is_written.recv_timeout(COMPLAINT_PATIENCE);
}

/// Prints `text` on standard output, and nothing in it that a terminal would obey or hide: much
/// of it comes from senders and CRMs. A reader that has gone away is no failure.
fn print(text: &str) {
    write_out(&visible(text));
}

/// Prints `text`, which has colours in it and nothing else that a terminal would obey.
fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}
