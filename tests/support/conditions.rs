//! What may be wrong with a CRM for some time: the conditions of `tests/conditions`, for tests that
//! let a daemon live through them.

use ringdown::simulator::{Fault, Simulator};
use serde::Deserialize;
use serde_json::{Value, json};

/// A condition; see `conditions.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Condition {
    pub(crate) crm: String,
    pub(crate) name: String,
    #[serde(default)]
    faults: Vec<Value>,
    #[serde(default)]
    then: Vec<Value>,
    /// What still goes wrong once after its end.
    #[serde(default)]
    after: Vec<Value>,
    #[serde(default)]
    switches: Value,
    #[serde(default)]
    mended: Value,
    #[serde(default)]
    expire_tokens: bool,
    #[serde(default)]
    refuse_connections: bool,
    /// A create takes effect some time after its connection was lost.
    #[serde(default)]
    #[allow(dead_code, reason = "only one of the test programs reads it")]
    pub(crate) late: bool,
    /// How the instance is set up before, how the daemon logs in, or what happens meanwhile: for
    /// runs of their own.
    set_up: Option<Value>,
    auth: Option<String>,
    storm: Option<String>,
}

/// `$body` with `$host`, the simulated CRM called `$crm`.
macro_rules! on_crm {
    ($simulator:expr, $crm:expr, $host:ident => $body:expr) => {
        match $crm.as_str() {
            "salesforce" => {
                let $host = $simulator.salesforce();
                $body
            }
            _ => {
                let $host = $simulator.servicenow();
                $body
            }
        }
    };
}

impl Condition {
    /// Every condition in which something is wrong, and which may befall any daemon.
    pub(crate) fn all() -> Vec<Self> {
        let all: Vec<Self> = serde_json::from_str(include_str!("conditions.json")).unwrap();
        let is_for_all = |one: &Self| {
            let is_own = one.set_up.is_some() || one.auth.is_some() || one.storm.is_some();
            !is_own && one.name != "nothing is wrong"
        };
        all.into_iter().filter(is_for_all).collect()
    }

    /// Begins. Where it is about one text, that is `queue`.
    pub(crate) async fn begin(&self, simulator: &Simulator, queue: &str) {
        for fault in self.faults.iter().chain(&self.then) {
            let fault = fault_of(fault, queue);
            on_crm!(simulator, self.crm, host => host.add_fault(fault));
        }
        if self.expire_tokens {
            let base = on_crm!(simulator, self.crm, host => host.base_url());
            let client = reqwest::Client::new();
            let expired = client.post(format!("{base}/_sim/expire-tokens")).send();
            assert!(expired.await.unwrap().status().is_success());
        }
        self.switch(simulator, &self.switches);
        if self.refuse_connections {
            on_crm!(simulator, self.crm, host => host.refuse_connections(true));
        }
    }

    /// Ends: nothing is wrong any more, or only once.
    pub(crate) fn end(&self, simulator: &Simulator) {
        on_crm!(simulator, self.crm, host => host.clear_faults());
        for fault in &self.after {
            on_crm!(simulator, self.crm, host => host.add_fault(fault_of(fault, "")));
        }
        self.switch(simulator, &self.mended);
        on_crm!(simulator, self.crm, host => host.refuse_connections(false));
    }

    fn switch(&self, simulator: &Simulator, switches: &Value) {
        if !switches.is_null() {
            on_crm!(simulator, self.crm, host => host.switch(switches)).unwrap();
        }
    }
}

/// The fault, in force until it is cleared unless it says otherwise.
fn fault_of(described: &Value, queue: &str) -> Fault {
    let mut fault = json!({"trigger": "always"});
    for (name, value) in described.as_object().unwrap() {
        let is_queue = name == "body_contains" && value == "QUEUE";
        fault[name] = if is_queue {
            json!(queue)
        } else {
            value.clone()
        };
    }
    serde_json::from_value(fault).unwrap()
}
