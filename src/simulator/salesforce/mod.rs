//! The Salesforce simulator: OAuth, sObjects with upsert, query, describe, limits.
//!
//! Follows the REST API Developer Guide (v46.0 and later, and what came before where a client
//! could trip over it). Every switch is one doubt or fault of real orgs.

mod describe;
mod query;
mod records;
mod sobjects;
mod switches;
mod token;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::fault::FaultKind;
use super::host::Crm;
use super::wire::{Answer, Request};
use records::Records;
pub use switches::Switches;
use token::Tokens;

/// Calls that the daily limit allows, as `Sforce-Limit-Info` says.
const DAILY_CALLS: u64 = 100_000;

struct Org {
    records: Records,
    tokens: Tokens,
    switches: Switches,
    calls: u64,
}

/// A simulated Salesforce org.
pub struct Salesforce {
    org: Mutex<Org>,
}

impl Default for Salesforce {
    fn default() -> Self {
        Self::new()
    }
}

impl Salesforce {
    /// An org without tickets.
    pub fn new() -> Self {
        Self {
            org: Mutex::new(Org {
                records: Records::default(),
                tokens: Tokens::default(),
                switches: Switches::default(),
                calls: 0,
            }),
        }
    }

    fn org(&self) -> MutexGuard<'_, Org> {
        // Plain data, whole after every change: a panic elsewhere leaves nothing half done.
        self.org.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes switches.
    pub fn configure(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.org().switches);
    }

    /// The refresh token that is good now.
    pub fn refresh_token(&self) -> String {
        self.org().tokens.refresh_token().to_owned()
    }
}

/// One error in Salesforce's array form.
pub(super) fn error(status: u16, code: &str, message: &str, fields: &[&str]) -> Answer {
    Answer::json(
        status,
        &json!([{"message": message, "errorCode": code, "fields": fields}]),
    )
}

fn limit_info(calls: u64, exhausted: bool) -> String {
    let used = if exhausted { DAILY_CALLS } else { calls };
    format!("api-usage={used}/{DAILY_CALLS}")
}

impl Org {
    fn route(&mut self, request: &Request) -> Answer {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["services", "oauth2", rest @ ..] => self.tokens.route(request, rest, &self.switches),
            ["services", "data"] | ["services", "data", ""] => versions(),
            ["services", "data", version, rest @ ..] => self.data(request, version, rest),
            _ => error(
                404,
                "NOT_FOUND",
                "The requested resource does not exist",
                &[],
            ),
        }
    }

    fn data(&mut self, request: &Request, version: &str, rest: &[&str]) -> Answer {
        self.calls += 1;
        let answer = match self.tokens.check(request) {
            Some(refusal) => refusal,
            None => self.versioned(request, version, rest),
        };
        answer.with("sforce-limit-info", limit_info(self.calls, false))
    }

    fn versioned(&mut self, request: &Request, version: &str, rest: &[&str]) -> Answer {
        let number = version
            .strip_prefix('v')
            .and_then(|number| number.parse::<f64>().ok());
        match number {
            None => {
                return error(
                    404,
                    "NOT_FOUND",
                    "The requested resource does not exist",
                    &[],
                );
            }
            Some(number) if number < 31.0 => {
                return error(
                    410,
                    "UNSUPPORTED_API_VERSION",
                    "This version is retired",
                    &[],
                );
            }
            Some(_) => {}
        }
        let tells_upsert = number.is_some_and(|number| number >= 46.0);
        match (request.method.as_str(), rest) {
            ("GET", [] | [""]) => Answer::json(
                200,
                &json!({"sobjects": format!("/services/data/{version}/sobjects"),
                        "query": format!("/services/data/{version}/query")}),
            ),
            ("GET", ["limits"]) => Answer::json(
                200,
                &json!({"DailyApiRequests": {"Max": DAILY_CALLS, "Remaining": DAILY_CALLS - self.calls.min(DAILY_CALLS)}}),
            ),
            ("GET", ["query" | "queryAll"]) => query::run(&self.records, request, version),
            (_, ["sobjects", rest @ ..]) => sobjects::route(
                &mut self.records,
                &self.switches,
                request,
                version,
                rest,
                tells_upsert,
            ),
            _ => error(
                404,
                "NOT_FOUND",
                "The requested resource does not exist",
                &[],
            ),
        }
    }
}

fn versions() -> Answer {
    let versions: Vec<Value> = (31..=68)
        .map(|number| {
            json!({"label": format!("v{number}"), "version": format!("{number}.0"),
                   "url": format!("/services/data/v{number}.0")})
        })
        .collect();
    Answer::json(200, &Value::Array(versions))
}

fn limit_exceeded(daily: bool, calls: u64) -> Answer {
    let message = if daily {
        "TotalRequests Limit exceeded."
    } else {
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    };
    error(403, "REQUEST_LIMIT_EXCEEDED", message, &[])
        .with("sforce-limit-info", limit_info(calls, daily))
}

impl Crm for Salesforce {
    const NAME: &'static str = "Salesforce";

    fn handle(&self, request: &Request) -> Answer {
        self.org().route(request)
    }

    fn fault_answer(&self, fault: &FaultKind, request: &Request) -> Option<Answer> {
        let is_token = request.path.starts_with("/services/oauth2");
        match fault {
            FaultKind::Unauthorized => Some(error(
                401,
                "INVALID_SESSION_ID",
                "Session expired or invalid",
                &[],
            )),
            FaultKind::RequestLimitExceeded { daily } => {
                Some(limit_exceeded(*daily, self.org().calls))
            }
            FaultKind::ValidationRefusal {
                code,
                message,
                field,
            } if !is_token => {
                let fields: Vec<&str> = field.as_deref().into_iter().collect();
                Some(error(400, code, message, &fields))
            }
            _ => None,
        }
    }

    fn tickets(&self) -> Vec<Value> {
        self.org().records.tickets()
    }

    fn edit(&self, id: &str, fields: &Value) -> bool {
        self.org().records.edit(id, fields)
    }

    fn close(&self, id: &str) -> bool {
        self.org().records.edit(id, &json!({"Status": "Closed"}))
    }

    fn expire_tokens(&self) {
        self.org().tokens.expire_all();
    }

    fn switch(&self, switches: &Value) -> Result<(), String> {
        self.org().switches.set(switches)
    }

    fn page_row(&self, ticket: &Value) -> ([String; 7], bool) {
        let text = |name: &str| match ticket.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let key = ticket
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, value)| name.ends_with("Id__c") && value.is_string())
            .map(|(_, value)| value.as_str().unwrap_or_default().to_owned())
            .unwrap_or_default();
        let closed = ticket.get("IsClosed").and_then(Value::as_bool) == Some(true);
        let row = [
            text("CaseNumber") + &text("IncidentNumber"),
            text("Subject"),
            text("Status"),
            text("Priority"),
            key,
            text("CreatedDate"),
            text("CommentCount"),
        ];
        (row, closed)
    }
}
