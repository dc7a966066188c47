//! How Salesforce words the faults that have words of its own.

use serde_json::json;

use super::refusal::refuse;
use super::state::State;
use crate::fault::FaultKind;
use crate::wire::{Answer, Request};

/// The answer to a request that a fault has hit; `None` when the fault is not Salesforce's.
pub(super) fn answer(state: &State, fault: &FaultKind, request: &Request) -> Option<Answer> {
    let shape = state.switches.error_shape;
    let usage = state.usage();
    let answer = match fault {
        FaultKind::Unauthorized => {
            refuse(401, "INVALID_SESSION_ID", "Session expired or invalid").answer(shape)
        }
        FaultKind::RequestLimitExceeded { daily } => return Some(limit_exceeded(state, *daily)),
        FaultKind::ValidationRefusal {
            code,
            message,
            field,
        } if !request.path.starts_with("/services/oauth2") => {
            let fields: Vec<&str> = field.as_deref().into_iter().collect();
            refuse(400, code, message.as_str())
                .blaming(&fields)
                .answer(shape)
        }
        FaultKind::SuccessFalse => {
            let error = json!({"statusCode": "UNKNOWN_EXCEPTION",
                "message": "The record was not saved", "fields": []});
            let body = json!({"id": null, "success": false, "errors": [error]});
            Answer::json(200, &body)
        }
        _ => return None,
    };
    Some(answer.with("sforce-limit-info", usage))
}

/// 403; the usage header is what tells the two limits apart.
fn limit_exceeded(state: &State, daily: bool) -> Answer {
    let allowed = state.switches.daily_requests;
    let (message, used) = if daily {
        ("TotalRequests Limit exceeded.", allowed)
    } else {
        let message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
        (message, state.used)
    };
    refuse(403, "REQUEST_LIMIT_EXCEEDED", message)
        .answer(state.switches.error_shape)
        .with("sforce-limit-info", format!("api-usage={used}/{allowed}"))
}
