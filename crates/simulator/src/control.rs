//! The simulator's own routes: the page at `/`, and under `/_sim/` what [`Host`](super::Host) offers to Rust,
//! for people and for tests in other languages. No fault touches
//! them, and no CRM knows them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::crm::Crm;
use super::fault::{Fault, FaultKind, Trigger};
use super::instance::{BIND_AGAIN_AFTER, Instance, locked};
use super::page;
use super::preset::fault_of;
use super::wire::{Answer, Request};

/// The simulator's own routes.
pub(super) fn own_route<C: Crm>(inner: &Instance<C>, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", [""]) => Answer::html(200, page::list(inner)),
        ("GET", ["_sim", "tickets"]) => Answer::json(200, &Value::Array(inner.crm.tickets())),
        ("GET", ["_sim", "requests"]) => Answer::json(200, &requests_json(inner)),
        (_, ["_sim", "faults" | "cases", ..]) => fault_route(inner, request, &segments),
        ("POST", ["_sim", "refuse-connections"]) => {
            match request
                .json()
                .as_ref()
                .and_then(|body| body["milliseconds"].as_u64())
            {
                Some(span) => {
                    refuse_for(inner.refusing.clone(), Duration::from_millis(span));
                    Answer::empty(204)
                }
                None => Answer::json(400, &json!({"error": "`milliseconds` is wanted"})),
            }
        }
        ("POST", ["_sim", "expire-tokens"]) => {
            inner.crm.expire_tokens();
            Answer::empty(204)
        }
        ("POST", ["_sim", "switches"]) => {
            match inner.crm.switch(&request.json().unwrap_or_default()) {
                Ok(()) => Answer::empty(204),
                Err(error) => Answer::json(400, &json!({"error": error})),
            }
        }
        ("POST", ["_sim", "tickets", id, "close"]) if inner.crm.close(id) => to_the_list(),
        ("POST", ["_sim", "tickets", id, "delete"]) if inner.crm.delete(id) => Answer::empty(204),
        ("POST", ["_sim", "tickets", id, "merge", into]) if inner.crm.merge(id, into) => {
            Answer::empty(204)
        }
        ("POST", ["_sim", "tickets", id])
            if inner.crm.edit(id, &request.json().unwrap_or_default()) =>
        {
            Answer::empty(204)
        }
        _ => nothing_here(),
    }
}

/// The routes about faults: for programs, and for the buttons of the page.
fn fault_route<C: Crm>(inner: &Instance<C>, request: &Request, segments: &[&str]) -> Answer {
    match (request.method.as_str(), segments) {
        ("GET", ["_sim", "cases"]) => Answer::html(200, page::cases::<C>()),
        ("GET", ["_sim", "faults"]) => Answer::json(200, &locked(&inner.faults).json()),
        ("POST", ["_sim", "faults"]) => match fault_in::<C>(request) {
            Ok(fault) => {
                locked(&inner.faults).add(fault);
                Answer::empty(204)
            }
            Err(error) => Answer::json(400, &json!({"error": error})),
        },
        ("POST", ["_sim", "faults", "none"]) => {
            locked(&inner.faults).clear();
            to_the_list()
        }
        ("POST", ["_sim", "faults", name]) => match fault_of(name) {
            Some(fault) => {
                locked(&inner.faults).add(fault);
                to_the_list()
            }
            None => Answer::json(404, &json!({"error": "no such fault"})),
        },
        ("POST", ["_sim", "cases", name]) if C::CASES.contains(name) => {
            locked(&inner.faults).add(Fault::case(name, Trigger::Always));
            to_the_list()
        }
        ("DELETE", ["_sim", "faults"]) => {
            locked(&inner.faults).clear();
            Answer::empty(204)
        }
        _ => nothing_here(),
    }
}

fn nothing_here() -> Answer {
    Answer::json(404, &json!({"error": "no such route or ticket"}))
}

/// The page of the ticket that people open at the address of `request`; `None` when it is no such
/// address.
pub(super) fn ticket_page<C: Crm>(inner: &Instance<C>, request: &Request) -> Option<Answer> {
    if request.method != "GET" {
        return None;
    }
    let tickets = inner.crm.tickets();
    let address = request.page_address();
    let is_meant = |ticket: &&Value| inner.crm.ticket_address(ticket).as_ref() == Some(&address);
    let ticket = tickets.iter().find(is_meant)?;
    Some(Answer::html(200, page::ticket(&inner.crm, ticket)))
}

fn to_the_list() -> Answer {
    Answer::empty(303).with("location", "/")
}

/// The fault that `request` asks for.
fn fault_in<C: Crm>(request: &Request) -> Result<Fault, String> {
    let fault: Fault = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    match &fault.kind {
        FaultKind::Case { name } if !C::CASES.contains(&name.as_str()) => Err(format!(
            "{} has no case `{name}`; it has {}",
            C::NAME,
            C::CASES.join(", ")
        )),
        _ => Ok(fault),
    }
}

/// Refuses connections for a while; the answer that says so still goes out first.
fn refuse_for(refusing: watch::Sender<bool>, span: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(BIND_AGAIN_AFTER).await;
        refusing.send_replace(true);
        tokio::time::sleep(span).await;
        refusing.send_replace(false);
    });
}

fn requests_json<C>(inner: &Instance<C>) -> Value {
    locked(&inner.requests)
        .iter()
        .map(|request| {
            json!({"method": request.method, "path": request.path, "query": request.query,
                   "status": request.status, "body": request.body, "at_ms": request.at_ms})
        })
        .collect()
}
