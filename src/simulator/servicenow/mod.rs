//! The ServiceNow simulator.

use serde_json::Value;

use super::fault::FaultKind;
use super::host::Crm;
use super::wire::{Answer, Request};

/// A simulated ServiceNow.
pub struct ServiceNow;

impl ServiceNow {
    /// An empty one.
    pub fn new() -> Self {
        Self
    }
}

impl Crm for ServiceNow {
    const NAME: &'static str = "ServiceNow";

    fn handle(&self, _request: &Request) -> Answer {
        Answer::empty(404)
    }

    fn fault_answer(&self, _fault: &FaultKind, _request: &Request) -> Option<Answer> {
        None
    }

    fn tickets(&self) -> Vec<Value> {
        Vec::new()
    }

    fn edit(&self, _id: &str, _fields: &Value) -> bool {
        false
    }

    fn close(&self, _id: &str) -> bool {
        false
    }

    fn expire_tokens(&self) {}

    fn switch(&self, _switches: &Value) -> Result<(), String> {
        Ok(())
    }

    fn page_row(&self, _ticket: &Value) -> ([String; 7], bool) {
        (Default::default(), false)
    }
}
