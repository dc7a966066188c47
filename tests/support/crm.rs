//! The two CRMs, for tests that are played in each.

use ringdown::simulator::Simulator;

/// Which CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Salesforce,
    ServiceNow,
}

impl At {
    pub(crate) const BOTH: [Self; 2] = [Self::Salesforce, Self::ServiceNow];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Salesforce => "salesforce",
            Self::ServiceNow => "servicenow",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Salesforce => Self::ServiceNow,
            Self::ServiceNow => Self::Salesforce,
        }
    }
}

/// The target `servicenow` on the simulated instance, without fields of tickets.
pub(crate) fn servicenow(simulator: &Simulator) -> String {
    format!(
        r#"
[targets.servicenow]
kind = "servicenow"
base_url = "{}"
timeout = "2s"
[targets.servicenow.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = {{ env = "CRM_SECRET" }}
[targets.servicenow.limit]
per_second = 200
concurrent = 4
[targets.servicenow.resolve]
state = "6"
close_code = "Resolved by caller"
close_notes = "Recovered at {{{{ incident.recovered_at }}}}."
"#,
        simulator.servicenow().base_url()
    )
}
