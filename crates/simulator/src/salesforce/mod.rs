//! The simulated Salesforce: one organisation behind one port. This file sends
//! each call to the file that knows it.
//!
//! Follows the REST API Developer Guide (v46.0 and later, and what came before where a client
//! could trip over it). Every switch is one doubt or fault of real organisations.

mod call;
mod cases;
mod checks;
mod clock;
mod composite;
mod data_call;
mod describe;
mod faults;
mod org;
mod people;
mod push;
mod query;
mod records;
mod refusal;
mod schema;
mod sessions;
mod sobjects;
mod soql;
mod soql_words;
mod state;
mod switches;
mod table;
mod token;
mod upsert;
mod write;

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::http::Method;
use serde_json::Value;

use crate::crm::Crm;
use crate::fault::FaultKind;
use crate::message::Push;
use crate::wire::{Answer, Request};
use call::Call;
use data_call::{DataCall, version};
use org::{NEWEST, OLDEST, OLDEST_SUPPORTED};
use refusal::{Refusal, not_found, refuse};
use state::State;
pub use switches::{
    CaseStatus, CustomField, DuplicateRule, ErrorShape, PushKind, PushSwitch, RaceLoser,
    RuleCondition, Switches, ValidationRule,
};

/// A simulated Salesforce organisation.
#[derive(Debug)]
pub struct Salesforce {
    state: Mutex<State>,
}

impl Default for Salesforce {
    fn default() -> Self {
        Self::new()
    }
}

impl Salesforce {
    /// An organisation without tickets.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
        }
    }

    /// Changes switches.
    pub fn configure(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// The refresh token that is good now; empty when it was revoked.
    pub fn refresh_token(&self) -> String {
        self.lock().sessions.refresh_token().to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain data, whole after every change: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What does not belong to the data API; `None` for what does.
fn outside_data(state: &mut State, call: &Call) -> Option<Answer> {
    let base_url = &call.origin;
    let parts = call.parts();
    let answer = match (&call.method, parts.as_slice()) {
        (&Method::POST, ["services", "oauth2", "token"]) => token::token(state, base_url, call),
        (_, ["services", "oauth2", "revoke"]) => token::revoke(state, call),
        (&Method::POST, ["services", "oauth2", "introspect"]) => token::introspect(state, call),
        (_, ["services", "oauth2", "userinfo"] | ["id", _, _]) => {
            if !authorised(state, call) {
                return Some(call::text(403, "text/plain", "Bad_OAuth_Token"));
            }
            token::identity(state, base_url)
        }
        (&Method::GET, ["services", "data"]) => describe::versions(),
        (_, ["services", "data", ..]) => return None,
        _ => Answer::html(404, refusal::gateway_page(404)),
    };
    Some(answer)
}

fn authorised(state: &State, call: &Call) -> bool {
    let token = call
        .authorization("bearer")
        .or_else(|| call.authorization("oauth"));
    token.is_some_and(|token| state.sessions.valid(token, &state.switches))
}

/// What every data call must pass before it is looked at.
fn admitted<'a>(state: &State, call: &'a Call) -> Result<DataCall<'a>, Refusal> {
    let wrong_host = state.switches.separate_instance_host
        && call
            .header("host")
            .is_some_and(|host| call.origin.ends_with(host));
    if wrong_host {
        let message = "Destination URL not reset. The URL returned from login must be set";
        return Err(refuse(404, "URL_NOT_RESET", message));
    }
    if !authorised(state, call) {
        return Err(refuse(
            401,
            "INVALID_SESSION_ID",
            "Session expired or invalid",
        ));
    }
    if !state.switches.rest_allowed {
        let message = "This session is not valid for use with the REST API";
        return Err(refuse(401, "INVALID_SESSION_ID", message));
    }
    let version = version(call).ok_or_else(not_found)?;
    if version < OLDEST {
        let message = "The requested version is retired and no longer available";
        return Err(refuse(410, "GONE", message));
    }
    if version > NEWEST {
        return Err(not_found());
    }
    if state.used >= state.switches.daily_requests {
        return Err(refuse(
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
        ));
    }
    Ok(DataCall { call, version })
}

/// The data API below `/services/data/vXX.0`.
fn route(state: &mut State, data: DataCall<'_>) -> Result<Answer, Refusal> {
    let parts = data.call.parts();
    let rest = parts.get(3..).unwrap_or_default();
    let method = &data.call.method;
    match (method, rest) {
        (&Method::GET, []) => Ok(describe::resources(data)),
        (&Method::GET, ["limits"]) => Ok(describe::limits(state)),
        (&Method::GET, ["sobjects"]) => Ok(describe::all(state, data)),
        (&Method::GET, ["sobjects", object, "describe"]) => describe::one(state, object, data),
        (&Method::GET, ["query" | "queryAll"]) => query::run(state, data, rest[0] == "queryAll"),
        (&Method::GET, ["query" | "queryAll", cursor]) => query::more(state, data, cursor),
        (_, ["composite", ..]) => composite::route(state, data, &rest[1..], route),
        (_, ["sobjects", object, rest @ ..]) => sobjects::route(state, data, object, rest),
        _ => Err(not_found()),
    }
}

/// Answers a call to the data API.
fn data(state: &mut State, call: &Call) -> Answer {
    let result = admitted(state, call).and_then(|data| {
        state.used += 1;
        route(state, data)
    });
    let shape = state.switches.error_shape;
    let mut answer = result.unwrap_or_else(|refusal| refusal.answer(shape));
    if version(call).is_some_and(|version| version < OLDEST_SUPPORTED) {
        answer = answer.with("warning", "299 - \"This API version is deprecated\"");
    }
    answer.with("sforce-limit-info", state.usage())
}

impl Crm for Salesforce {
    const NAME: &'static str = "Salesforce";
    const CASES: &'static [&'static str] = &cases::NAMES;

    fn handle(&self, request: &Request) -> Answer {
        let call = Call::of(request);
        let state = &mut *self.lock();
        let answer = outside_data(state, &call).unwrap_or_else(|| data(state, &call));
        match state.switches.clock_offset {
            0 => answer,
            offset => answer.with("date", clock::http_date(offset)),
        }
    }

    fn fault_answer(&self, fault: &FaultKind, request: &Request) -> Option<Answer> {
        faults::answer(&self.lock(), fault, request)
    }

    fn parts(&self, request: &Request) -> Vec<Request> {
        composite::parts(request)
    }

    fn with_answers(&self, request: &Request, answers: &[(usize, Answer)]) -> Request {
        composite::with_answers(request, answers)
    }

    fn case_concerns(&self, name: &str, request: &Request) -> bool {
        cases::concerns(name, request)
    }

    fn case_answer(&self, name: &str, request: &Request) -> Option<Answer> {
        cases::answer(name, request, || self.handle(request))
    }

    fn tickets(&self) -> Vec<Value> {
        people::tickets(&self.lock())
    }

    fn ticket_count(&self) -> usize {
        people::ticket_count(&self.lock())
    }

    fn edit(&self, id: &str, fields: &Value) -> bool {
        let fields = fields.as_object();
        fields.is_some_and(|fields| people::edit(&mut self.lock(), id, fields))
    }

    fn close(&self, id: &str) -> bool {
        people::close(&mut self.lock(), id)
    }

    fn delete(&self, id: &str) -> bool {
        people::delete(&mut self.lock(), id)
    }

    fn merge(&self, id: &str, into: &str) -> bool {
        people::merge(&mut self.lock(), id, into)
    }

    fn due_pushes(&self) -> Vec<Push> {
        std::mem::take(&mut self.lock().due)
    }

    fn push_body(&self, push: &Push) -> Option<(&'static str, String)> {
        push::body(&self.lock(), push)
    }

    fn expire_tokens(&self) {
        self.lock().sessions.expire_all();
    }

    fn switch(&self, switches: &Value) -> Result<(), String> {
        self.lock().switches.set(switches)
    }

    fn is_page(path: &str) -> bool {
        path.starts_with("/lightning/r/")
    }

    fn ticket_address(&self, ticket: &Value) -> Option<String> {
        let object = match ticket["CaseNumber"].is_string() {
            true => "Case",
            false => "Incident",
        };
        let id = ticket["Id"].as_str()?;
        Some(format!("/lightning/r/{object}/{id}/view"))
    }

    fn page_row(&self, ticket: &Value) -> ([String; 7], bool) {
        let keys = self.lock().switches.external_id_fields.clone();
        people::page_row(&keys, ticket)
    }
}
