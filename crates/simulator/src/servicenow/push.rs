//! What a business rule on `incident` sends by a REST message: once, never repeated.

use serde_json::json;

use super::row::text;
use super::state::State;
use crate::message::{Push, Until};

impl State {
    /// Runs the business rule on a change of the incident `id`.
    pub(super) fn run_business_rule(&mut self, id: &str, operation: &'static str) {
        let Some(switch) = self.switches.push.clone() else {
            return;
        };
        self.due.push(Push {
            url: switch.url,
            bearer: switch.bearer,
            ticket: id.to_owned(),
            message_id: String::new(),
            operation,
            until: Until::Sent,
        });
    }

    /// The text of a message; of a deleted incident only the id is left.
    pub(super) fn push_body(&self, push: &Push) -> (&'static str, String) {
        let mut body = json!({"sys_id": push.ticket, "operation": push.operation});
        if let Some(row) = self.tables.incident(&push.ticket) {
            for name in ["number", "state", "sys_mod_count", "sys_updated_on"] {
                body[name] = text(row, name).into();
            }
        }
        ("application/json", body.to_string())
    }
}
