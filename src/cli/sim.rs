//! `ringdown sim`: the CRM simulator alone.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::outcome::{Failed, Outcome};
use super::print;
use super::serve::stop_signal;
use ringdown_simulator::{
    self, API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, SimulatorSettings, USERNAME,
};

/// Run the CRM simulator alone.
#[derive(Debug, Args)]
pub(super) struct SimArgs {
    /// Where the simulated Salesforce listens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    salesforce: SocketAddr,
    /// Where the simulated ServiceNow listens.
    #[arg(long, default_value = "127.0.0.1:8082")]
    servicenow: SocketAddr,
}

/// Runs both simulators until a signal.
pub(super) async fn run(args: SimArgs) -> Outcome {
    let simulator = ringdown_simulator::start(SimulatorSettings {
        salesforce_listen: args.salesforce,
        servicenow_listen: args.servicenow,
    })
    .await
    .map_err(|error| {
        Failed::usage(format!(
            "the simulator cannot listen at {} and {}: {error}\n--salesforce and --servicenow choose other addresses.",
            args.salesforce, args.servicenow
        ))
    })?;
    print(&format!(
        "Salesforce  {}   (page of tickets at /)\n\
         ServiceNow  {}   (page of tickets at /)\n\n\
         OAuth client {CLIENT_ID} / {CLIENT_SECRET}; user {USERNAME} / {PASSWORD}; API key {API_KEY}\n\
         Faults: POST /_sim/faults, DELETE /_sim/faults; docs/simulator.md lists them.\n\
         Ctrl-C stops it.",
        simulator.salesforce().base_url(),
        simulator.servicenow().base_url(),
    ));
    stop_signal().await;
    drop(simulator);
    Ok(ExitCode::SUCCESS)
}
