//! `ringdown demo`: a replayed outage in about half a minute, in one process, without
//! configuration.
//!
//! Everything it prints is read from the running daemon's own API and metrics and from the
//! simulated CRMs; nothing is made up.

mod crms;
mod script;
mod stage;
mod summary;

use std::process::ExitCode;

use clap::Args;

use super::outcome::{NOT_FINE, Outcome};
use super::print;
use super::serve::stop_signal;
use stage::Stage;
use summary::Summary;

/// Show it all in one process.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End with the summary instead of staying up.
    #[arg(long)]
    once: bool,
}

/// Plays the outage; with `--once` exit status 1 when the summary is not as it should be.
pub(super) async fn run(args: DemoArgs) -> Outcome {
    let stage = Stage::set().await?;
    print(&stage.addresses());
    let outcome = tokio::select! {
        outcome = show(&stage, args.once) => outcome,
        () = stop_signal() => Ok(ExitCode::SUCCESS),
    };
    // Whatever came of it, the database in the temporary folder goes.
    stage.clear().await;
    outcome
}

async fn show(stage: &Stage, once: bool) -> Outcome {
    let summary: Summary = script::play(stage).await?;
    print(&summary.describe());
    if !once {
        print(&format!(
            "\nEverything stays up; Ctrl-C ends it.\n{}",
            stage.addresses()
        ));
        return std::future::pending().await;
    }
    Ok(if summary.is_as_it_should_be() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}
