//! The ServiceNow simulator: the Table API and the token endpoint over records in memory.
//!
//! Imports nothing of ours outside the simulator. What it answers follows ServiceNow's
//! documents and what users have seen; where they are silent, a switch sets the answer.

mod access;
mod cases;
mod controls;
mod failure;
mod faults;
mod incident;
mod policies;
mod push;
mod query;
mod row;
mod schema;
mod seed;
mod state;
mod switches;
mod table;
mod tables;
mod view;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::crm::Crm;
use crate::fault::FaultKind;
use crate::message::Push;
use crate::wire::{Answer, Request};
use access::Access;
use failure::Failure;
use row::{Row, text};
use state::State;
use switches::Switches;
use tables::Tables;

/// A simulated ServiceNow instance.
#[derive(Debug)]
pub struct ServiceNow {
    state: Mutex<State>,
}

impl Default for ServiceNow {
    fn default() -> Self {
        Self::new()
    }
}

impl ServiceNow {
    /// An instance without incidents.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State {
                tables: Tables::new(),
                access: Access::default(),
                switches: Switches::default(),
                due: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves plain data that is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crm for ServiceNow {
    const NAME: &'static str = "ServiceNow";
    const CASES: &'static [&'static str] = cases::NAMES;

    fn handle(&self, request: &Request) -> Answer {
        let state = &mut *self.state();
        let mut answer = answer(state, request);
        if let Some(rule) = state.switches.rate_limit {
            answer = answer
                .with("x-ratelimit-limit", rule.limit.to_string())
                .with("x-ratelimit-remaining", rule.remaining.to_string())
                .with("x-ratelimit-reset", rule.reset.to_string());
        }
        match state.switches.clock_offset {
            0 => answer,
            offset => answer.with("date", http_date(offset)),
        }
    }

    fn fault_answer(&self, fault: &FaultKind, request: &Request) -> Option<Answer> {
        faults::answer(fault, request)
    }

    fn case_concerns(&self, name: &str, request: &Request) -> bool {
        cases::concerns(name, request)
    }

    fn case_answer(&self, name: &str, request: &Request) -> Option<Answer> {
        cases::answer(self, name, request)
    }

    fn tickets(&self) -> Vec<Value> {
        let state = self.state();
        let tables = &state.tables;
        tables
            .incidents()
            .iter()
            .map(|row| ticket(tables, row))
            .collect()
    }

    fn ticket_count(&self) -> usize {
        self.state().tables.incidents().len()
    }

    fn edit(&self, id: &str, fields: &Value) -> bool {
        let mut state = self.state();
        match (state.tables.incident_id(id), fields.as_object()) {
            (Some(id), Some(fields)) => state.change_by_hand(&id, fields),
            _ => false,
        }
    }

    fn close(&self, id: &str) -> bool {
        self.edit(id, &json!({"state": "7"}))
    }

    fn delete(&self, id: &str) -> bool {
        let mut state = self.state();
        let found = state.tables.incident_id(id);
        if let Some(id) = &found {
            state.tables.remove(id);
            state.run_business_rule(id, "delete");
        }
        found.is_some()
    }

    /// There is no merging in ServiceNow: people close the one and name the other.
    fn merge(&self, id: &str, into: &str) -> bool {
        let mut state = self.state();
        let (Some(id), Some(into)) = (state.tables.incident_id(id), state.tables.incident_id(into))
        else {
            return false;
        };
        let fields = json!({"state": "7", "parent_incident": into, "close_code": "Duplicate"});
        let fields = fields.as_object().cloned().unwrap_or_default();
        state.change_by_hand(&id, &fields)
    }

    fn due_pushes(&self) -> Vec<Push> {
        std::mem::take(&mut self.state().due)
    }

    fn push_body(&self, push: &Push) -> Option<(&'static str, String)> {
        Some(self.state().push_body(push))
    }

    fn expire_tokens(&self) {
        self.state().access.expire();
    }

    fn switch(&self, switches: &Value) -> Result<(), String> {
        let mut state = self.state();
        state.switches = state.switches.with(switches)?;
        for (name, value) in state.switches.properties() {
            state.tables.set_property(name, value);
        }
        Ok(())
    }

    fn is_page(path: &str) -> bool {
        path == "/nav_to.do"
    }

    fn ticket_address(&self, ticket: &Value) -> Option<String> {
        let id = ticket["sys_id"].as_str()?;
        Some(format!("/nav_to.do?uri=/incident.do?sys_id={id}"))
    }

    fn page_row(&self, ticket: &Value) -> ([String; 7], bool) {
        let value = |name: &str| ticket[name].as_str().unwrap_or_default().to_owned();
        let shown = |name: &str| {
            let label = schema::incident_column(name)
                .and_then(|column| schema::label(column, ticket[name].as_str()?));
            label.map_or_else(|| value(name), str::to_owned)
        };
        let comments = ticket["comments_list"].as_array().map_or(0, Vec::len);
        let notes = ticket["work_notes_count"].as_u64().unwrap_or(0);
        let cells = [
            value("number"),
            value("short_description"),
            shown("state"),
            shown("priority"),
            value("correlation_id"),
            value("opened_at"),
            format!("{comments} comments, {notes} work notes"),
        ];
        (cells, ticket["active"] == "false")
    }
}

/// Answers a request by its path.
fn answer(state: &mut State, request: &Request) -> Answer {
    if request.path == "/oauth_token.do" {
        return match request.method.as_str() {
            "POST" => state.access.grant(request, &state.switches),
            _ => access::denied(),
        };
    }
    if !request.path.starts_with("/api/now/") {
        return Failure::no_resource().answer();
    }
    if !state.access.admits(request, &state.switches) {
        return Failure::not_authenticated().answer();
    }
    state
        .api(request)
        .unwrap_or_else(|failure| failure.answer())
}

/// An HTTP `Date` that is off by so many seconds.
fn http_date(offset: i64) -> String {
    let second = jiff::Timestamp::now().as_second() + offset;
    let at = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An incident for the tests: its raw fields, and what its journal fields hold.
fn ticket(tables: &Tables, row: &Row) -> Value {
    let id = text(row, "sys_id");
    let texts = |element| -> Vec<&str> {
        tables
            .entries(id, element)
            .map(|entry| entry.text.as_str())
            .collect()
    };
    let notes = texts("work_notes");
    let mut ticket: Map<String, Value> = row
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    ticket.insert("work_notes_count".to_owned(), json!(notes.len()));
    ticket.insert("work_notes_list".to_owned(), json!(notes));
    ticket.insert("comments_list".to_owned(), json!(texts("comments")));
    Value::Object(ticket)
}
