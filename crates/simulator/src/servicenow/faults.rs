//! Faults in ServiceNow's own words.
//!
//! Imports nothing of ours outside this simulator.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::access;
use super::failure::Failure;
use crate::fault::FaultKind;
use crate::wire::{Answer, Request};

/// What a sleeping developer instance answers to everything.
const HIBERNATING: &str = "<!DOCTYPE html><html><head><title>Hibernating Instance</title></head>\
<body><div class=\"instance-hibernating-page\"><h1>Your instance is hibernating</h1>\
<p>Want to find out why instances hibernate?</p></div></body></html>";

/// The answer to `request` under `fault`; `None` when ServiceNow has no words of its own.
pub(super) fn answer(fault: &FaultKind, request: &Request) -> Option<Answer> {
    Some(match fault {
        FaultKind::HtmlWith200 => Answer::html(200, HIBERNATING),
        FaultKind::Unauthorized if request.path == "/oauth_token.do" => access::denied(),
        FaultKind::Unauthorized => Failure::not_authenticated().answer(),
        FaultKind::TooManyRequests {
            retry_after: Some(seconds),
        } => rate_limited(*seconds),
        FaultKind::ValidationRefusal {
            code,
            message,
            field,
        } => refusal(code, message, field.as_deref()).answer(),
        FaultKind::SuccessFalse | FaultKind::OkWithoutId => {
            Answer::json(201, &json!({"result": {}}))
        }
        _ => return None,
    })
}

/// A rate limit rule has struck; without `Retry-After` it is the plain answer of a full
/// semaphore queue, which the host gives.
fn rate_limited(seconds: u64) -> Answer {
    let reset = SystemTime::now() + Duration::from_secs(seconds);
    let reset = reset
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Failure::new(
        429,
        "Rate limit exceeded",
        "Rate limit of 100 requests per hour for Table API exceeded",
    )
    .answer()
    .with("retry-after", seconds.to_string())
    .with("x-ratelimit-limit", "100")
    .with("x-ratelimit-reset", reset.to_string())
    .with("x-ratelimit-rule", "a1b2c3d4e5f60718293a4b5c6d7e8f90")
}

/// A data policy where a field is named or the code says so; else the business rule `code`.
fn refusal(code: &str, message: &str, field: Option<&str>) -> Failure {
    if field.is_none()
        && !code
            .to_lowercase()
            .replace(['_', ' '], "")
            .contains("datapolicy")
    {
        return Failure::business_rule(code);
    }
    match field {
        _ if message.starts_with("Data Policy Exception") => Failure::operation_failed(message),
        Some(field) if message.is_empty() => Failure::data_policy(&[field]),
        _ => Failure::operation_failed(format!("Data Policy Exception: {message}")),
    }
}
