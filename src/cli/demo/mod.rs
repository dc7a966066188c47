//! `ringdown demo`: a five-minute outage in half a minute, in one process, without
//! configuration.
//!
//! Everything it prints is read from the running daemon's own API and metrics and from the
//! simulated CRMs; nothing is made up.

mod script;
mod stage;

use std::process::ExitCode;

use clap::Args;

use super::outcome::{NOT_FINE, Outcome};
use super::print;
use super::serve::stop_signal;
use script::Summary;
use stage::Stage;

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
    let played = tokio::select! {
        summary = script::play(&stage) => summary,
        () = stop_signal() => {
            stage.clear().await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let summary: Summary = played?;
    print(&summary.describe());
    if !args.once {
        print(&format!(
            "\nEverything stays up; Ctrl-C ends it.\n{}",
            stage.addresses()
        ));
        stop_signal().await;
    }
    stage.clear().await;
    Ok(if summary.is_as_it_should_be() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}
