//! `ringdown demo`: a replayed storm and an outage in about half a minute, in one process, without
//! configuration.
//!
//! Everything it prints is read from the running daemon's own API and metrics and from the
//! simulated CRMs; nothing is made up.

mod crms;
mod lines;
mod outage;
mod places;
mod script;
mod stage;
mod summary;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::outcome::{NOT_FINE, Outcome};
use super::print;
use super::serve::stop_signal;
use outage::Outage;
use places::Places;
use script::{Narrator, QUEUES};
use stage::Stage;
use summary::Summary;

/// Show it all in one process.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End with the summary instead of staying up.
    #[arg(long)]
    once: bool,
    /// The first of four addresses in a row: webhooks, Salesforce, ServiceNow, dashboard. Without it
    /// the ports 8080, 8081, 8082 and 9090; with --once any free ones.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Plays it; with `--once` exit status 1 when the summary is not as it should be.
pub(super) async fn run(args: DemoArgs) -> Outcome {
    let stage = Stage::set(places(&args)).await?;
    print(&stage.addresses());
    let outcome = tokio::select! {
        outcome = show(&stage, args.once) => outcome,
        () = stop_signal() => Ok(ExitCode::SUCCESS),
    };
    // Whatever came of it, the database in the temporary folder goes.
    stage.clear().await;
    outcome
}

fn places(args: &DemoArgs) -> Places {
    match (args.listen, args.once) {
        (Some(first), _) => Places::from(first),
        (None, true) => Places::free(),
        (None, false) => Places::usual().unwrap_or_else(|| {
            print("One of the ports 8080, 8081, 8082 and 9090 is taken, so free ones are used.");
            Places::free()
        }),
    }
}

async fn show(stage: &Stage, once: bool) -> Outcome {
    let narrator = Narrator::new();
    let summary: Summary = script::play(stage, &narrator).await?;
    let outage = outage::play(stage, &narrator).await?;
    print(&summary.describe());
    let is_one_ticket = outage.tickets == 1 && outage.members == QUEUES;
    print(if is_one_ticket {
        "As it should be: one ticket for an outage of forty queues."
    } else {
        "NOT as it should be: the outage has more than one ticket, or lacks queues."
    });
    if !once {
        print(&farewell(stage, &outage));
        return std::future::pending().await;
    }
    Ok(if summary.is_as_it_should_be() && is_one_ticket {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}

/// What can be looked at and tried now.
fn farewell(stage: &Stage, outage: &Outage) -> String {
    format!(
        "\nEverything stays up, and the outage goes on; Ctrl-C ends it.\n{addresses}\n\n\
         The outage's ticket: {url}\n\n\
         Look (nobody needs to sign in here):\n\n\
         \u{20} export RINGDOWN_URL={admin}\n\
         \u{20} ringdown status\n\
         \u{20} ringdown why {ticket}\n\n\
         Send an event of your own; the token guards nothing but this demo:\n\n\
         {curl}\n\n\
         Break a CRM with the buttons on its page, send another event, and look again.",
        addresses = stage.addresses(),
        url = outage.url,
        admin = stage.admin_url(),
        ticket = outage.ticket,
        curl = stage.curl(),
    )
}
