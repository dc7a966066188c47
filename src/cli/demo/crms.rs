//! The CRMs of the demo, one entry each: their simulators, and how a ticket there is resolved.

use serde_json::{Value, json};

use ringdown_simulator::Simulator;

/// A simulated CRM.
pub(super) struct DemoCrm {
    pub(super) label: &'static str,
    /// The variable that tells the daemon the simulator's address.
    pub(super) address_variable: &'static str,
    pub(super) base_url: fn(&Simulator) -> String,
    pub(super) tickets: fn(&Simulator) -> Vec<Value>,
    pub(super) is_resolved: fn(&Value) -> bool,
    pub(super) token_calls: fn(&Simulator) -> usize,
}

pub(super) static CRMS: [DemoCrm; 2] = [
    DemoCrm {
        label: "Salesforce",
        address_variable: "RINGDOWN__TARGETS__SALESFORCE__BASE_URL",
        base_url: |simulator| simulator.salesforce().base_url(),
        tickets: |simulator| simulator.salesforce().tickets(),
        is_resolved: |ticket| ticket.get("IsClosed") == Some(&json!(true)),
        token_calls: |simulator| simulator.salesforce().token_calls(),
    },
    DemoCrm {
        label: "ServiceNow",
        address_variable: "RINGDOWN__TARGETS__SERVICENOW__BASE_URL",
        base_url: |simulator| simulator.servicenow().base_url(),
        tickets: |simulator| simulator.servicenow().tickets(),
        is_resolved: |ticket| ticket.get("state") == Some(&json!("6")),
        token_calls: |simulator| simulator.servicenow().token_calls(),
    },
];
