//! The CRM simulator: both CRMs' HTTP interfaces with faults on demand, for the tests, the
//! demo and `ringdown sim`.
//!
//! Imports nothing of ours, the CRM clients least of all: if both sides read one struct, a
//! misspelt field would pass every test. What it answers follows the vendors' documents.

mod control;
mod credentials;
mod crm;
mod echo;
mod fault;
mod host;
mod inject;
mod instance;
mod listen;
mod message;
mod page;
mod preset;
mod push;
pub mod salesforce;
pub mod servicenow;
mod wire;

use std::io;
use std::net::SocketAddr;

pub use credentials::{API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, REFRESH_TOKEN, USERNAME};
pub use fault::{Encoding, Fault, FaultKind, Trigger};
pub use host::Host;
pub use instance::RecordedRequest;
pub use message::{Push, Until};
pub use salesforce::Salesforce;
pub use servicenow::ServiceNow;

/// Where the simulators listen; port 0 takes any free one.
#[derive(Debug, Clone, Copy)]
pub struct SimulatorSettings {
    /// Salesforce's address.
    pub salesforce_listen: SocketAddr,
    /// ServiceNow's address.
    pub servicenow_listen: SocketAddr,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            salesforce_listen: any,
            servicenow_listen: any,
        }
    }
}

/// Both simulators, running. Dropping it stops them.
pub struct Simulator {
    salesforce: Host<Salesforce>,
    servicenow: Host<ServiceNow>,
}

/// Starts both simulators.
///
/// # Errors
///
/// When an address cannot be bound.
pub async fn start(settings: SimulatorSettings) -> io::Result<Simulator> {
    Ok(Simulator {
        salesforce: Host::start(settings.salesforce_listen, Salesforce::new()).await?,
        servicenow: Host::start(settings.servicenow_listen, ServiceNow::new()).await?,
    })
}

impl Simulator {
    /// The Salesforce simulator.
    pub fn salesforce(&self) -> &Host<Salesforce> {
        &self.salesforce
    }

    /// The ServiceNow simulator.
    pub fn servicenow(&self) -> &Host<ServiceNow> {
        &self.servicenow
    }
}
