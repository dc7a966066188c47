//! `benches/run`: how fast the daemon is, beside an axum handler that does nothing, in one run
//! with one client on one machine. The daemon is the binary as it is shipped.
#![expect(clippy::print_stderr, reason = "a benchmark tells how far it is")]

mod backlog;
mod body;
mod client;
mod compare;
mod daemon;
mod dedup;
mod figures;
mod noop;
mod proxy;
mod report;
mod rules;
mod scenarios;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use compare::Build;
use report::Report;
use scenarios::{Bench, Scale};

/// Whatever stops the measuring.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the daemon's speed.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Internal>,
    /// Which parts: intake, postgres, arrays, storm, breaches, tickets, growth, backlog, state, rules; and
    /// dedup, which is run only when it is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Events of the part dedup, in millions.
    #[arg(long, default_value_t = 40)]
    millions: u64,
    /// Builds of the daemon, NAME=PATH each: only their intake is measured, all in turn.
    #[arg(long, value_delimiter = ',')]
    daemons: Vec<Build>,
    /// Much smaller loads, to see whether it works.
    #[arg(long)]
    quick: bool,
    /// Where databases are made; about 10 GB are needed.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where the report is written.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The commit that is measured.
    #[arg(long, default_value = "")]
    commit: String,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Internal {
    /// Serves the handler that does nothing.
    #[command(hide = true)]
    Noop { address: std::net::SocketAddr },
    /// Terminates TLS in front of another server.
    #[command(hide = true)]
    Proxy {
        address: std::net::SocketAddr,
        to: std::net::SocketAddr,
    },
}

const WHOLE: Scale = Scale {
    rounds: 5,
    span: Duration::from_secs(4),
    storm: 100_000,
    tickets: 1500,
    few: 10_000,
    many: 5_000_000,
    waiting: (1_000, 30_000),
    drained: 800,
    after_storm: Duration::from_secs(60),
};
const QUICK: Scale = Scale {
    rounds: 1,
    span: Duration::from_secs(1),
    storm: 5_000,
    tickets: 50,
    few: 10_000,
    many: 50_000,
    waiting: (300, 3_000),
    drained: 200,
    after_storm: Duration::from_secs(5),
};

fn main() -> Fallible<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.command {
        None => {}
        Some(Internal::Noop { address }) => {
            noop::serve(address)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Internal::Proxy { address, to }) => {
            proxy::serve(address, to)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let report = measure(&arguments)?;
    if let Some(folder) = &arguments.report {
        report.write(folder)?;
    }
    eprintln!();
    for bar in &report.bars {
        eprintln!("{bar}");
    }
    let all_hold = report.bars.iter().all(|bar| bar.holds);
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(arguments: &Arguments) -> Fallible<Report> {
    let temporary = tempfile::tempdir()?;
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => temporary.path().to_owned(),
    };
    let scale = if arguments.quick { QUICK } else { WHOLE };
    let postgres = std::env::var("RINGDOWN_TEST_POSTGRES").ok();
    let mut bench = Bench::new(scale, folder, postgres)?;
    let mut report = Report {
        machine: report::machine(),
        commit: arguments.commit.clone(),
        ..Report::default()
    };
    if !arguments.daemons.is_empty() {
        bench.compare(&arguments.daemons)?;
        return Ok(report);
    }
    type Part = fn(&mut Bench, &mut Report) -> Fallible<()>;
    let parts: [(&str, Part); 10] = [
        ("intake", Bench::intake),
        ("postgres", Bench::postgres),
        ("arrays", Bench::arrays),
        ("storm", Bench::storm),
        ("breaches", Bench::breaches),
        ("tickets", Bench::tickets),
        ("growth", Bench::growth),
        ("state", Bench::state),
        ("rules", Bench::rules),
        ("backlog", Bench::backlog),
    ];
    for (name, part) in parts {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            eprintln!("== {name}");
            part(&mut bench, &mut report)?;
        }
    }
    if arguments.only.iter().any(|only| only == "dedup") {
        eprintln!("== dedup");
        dedup::measure(&bench.folder, arguments.millions, &mut report)?;
    }
    Ok(report)
}
