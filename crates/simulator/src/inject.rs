//! Does to a request what the fault in force demands, or hands it to the CRM.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::crm::Crm;
use super::echo;
use super::fault::{Encoding, FaultKind};
use super::instance::{Instance, locked};
use super::wire::{Answer, Request};

/// When an asynchronous request is done after its 202.
const ASYNCHRONOUS_DELAY: Duration = Duration::from_secs(1);

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
pub(super) struct ConnectionDropped;

/// The answer to `request`, with the fault that is due for it, if any.
pub(super) async fn inject_fault<C: Crm>(
    inner: &Arc<Instance<C>>,
    request: &Request,
) -> Result<Answer, ConnectionDropped> {
    let concerns = |name: &str| inner.crm.case_concerns(name, request);
    let fault = locked(&inner.faults).take_due(request, concerns);
    let Some(fault) = fault else {
        return inject_into_parts(inner, request).await;
    };
    carry_out(inner, request, fault).await
}

/// The answer to a request with the faults of the requests inside it. A refusal is the answer to one
/// of them; everything else happens to the whole.
async fn inject_into_parts<C: Crm>(
    inner: &Arc<Instance<C>>,
    request: &Request,
) -> Result<Answer, ConnectionDropped> {
    let mut answers = Vec::new();
    for (place, part) in inner.crm.parts(request).iter().enumerate() {
        let concerns = |name: &str| inner.crm.case_concerns(name, part);
        let due = locked(&inner.faults).take_due(part, concerns);
        let Some(fault) = due else { continue };
        let answer = match &fault {
            FaultKind::Case { name } => inner.crm.case_answer(name, part),
            fault => inner.crm.fault_answer(fault, part),
        };
        match answer.filter(is_about_one_part) {
            Some(answer) => answers.push((place, answer)),
            None => return carry_out(inner, request, fault).await,
        }
    }
    match answers.is_empty() {
        true => Ok(inner.crm.handle(request)),
        false => Ok(inner.crm.handle(&inner.crm.with_answers(request, &answers))),
    }
}

/// Whether `answer` is a refusal of one request among several. A session or a limit is about all.
fn is_about_one_part(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    let is_json = serde_json::from_str::<Value>(&text).is_ok();
    let of_all = ["REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "SESSION"];
    (400..500).contains(&answer.status)
        && ![401, 429].contains(&answer.status)
        && is_json
        && !of_all.iter().any(|word| text.contains(word))
}

async fn carry_out<C: Crm>(
    inner: &Arc<Instance<C>>,
    request: &Request,
    fault: FaultKind,
) -> Result<Answer, ConnectionDropped> {
    if let Some(answer) = inner.crm.fault_answer(&fault, request) {
        return Ok(answer);
    }
    match fault {
        FaultKind::Case { name } => inner
            .crm
            .case_answer(&name, request)
            .ok_or(ConnectionDropped),
        FaultKind::Slow { milliseconds } => {
            let answer = inner.crm.handle(request);
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(answer)
        }
        FaultKind::CutAfterCommit => {
            inner.crm.handle(request);
            Err(ConnectionDropped)
        }
        FaultKind::ErrorAfterCommit { status } => {
            inner.crm.handle(request);
            Ok(Answer::html(status, "<html><h1>Bad gateway</h1></html>"))
        }
        FaultKind::LateCommit { milliseconds } => {
            handle_later(inner, request, Duration::from_millis(milliseconds));
            Err(ConnectionDropped)
        }
        FaultKind::Asynchronous => {
            handle_later(inner, request, ASYNCHRONOUS_DELAY);
            Ok(Answer::json(
                202,
                &json!({"requestId": "a-1", "status": "queued"}),
            ))
        }
        FaultKind::Echo {
            status,
            body,
            content_type,
            encoding,
        } => {
            let mut quoted = echo::written(&echo::whole(request), encoding);
            if encoding == Encoding::Html && content_type.contains("json") {
                quoted = echo::written(&quoted, Encoding::Json);
            }
            fixed_answer(FaultKind::Status {
                status,
                body: body.replace("ECHO", &quoted),
                content_type,
            })
        }
        other => fixed_answer(other),
    }
}

/// Answers of faults that do nothing and are the same for every CRM.
fn fixed_answer(fault: FaultKind) -> Result<Answer, ConnectionDropped> {
    Ok(match fault {
        FaultKind::Status {
            status,
            body,
            content_type,
        } => Answer {
            body: body.into_bytes(),
            ..Answer::empty(status)
        }
        .with("content-type", content_type),
        FaultKind::TooManyRequests { retry_after } => {
            with_retry_after(Answer::html(429, "Too Many Requests"), retry_after)
        }
        FaultKind::Unavailable { retry_after } => with_retry_after(
            Answer::html(503, "<html>Service Unavailable</html>"),
            retry_after,
        ),
        FaultKind::OkWithoutId => Answer::json(200, &json!({})),
        FaultKind::SuccessFalse => Answer::json(200, &json!({"success": false, "errors": []})),
        FaultKind::HtmlWith200 => Answer::html(200, "<html>Please log in</html>"),
        FaultKind::Garbage => Answer::json(200, &json!(null)).garbled(),
        FaultKind::DamagedGzip => Answer::json(200, &json!(null))
            .garbled()
            .with("content-encoding", "gzip"),
        FaultKind::HugeBody { bytes } => Answer {
            body: vec![b'x'; bytes],
            ..Answer::empty(200)
        },
        FaultKind::Redirect { location } => Answer::empty(302).with("location", location),
        _ => return Err(ConnectionDropped),
    })
}

impl Answer {
    fn garbled(mut self) -> Self {
        self.body = b"{\"id\": \"500".to_vec();
        self
    }
}

fn with_retry_after(answer: Answer, retry_after: Option<u64>) -> Answer {
    match retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn handle_later<C: Crm>(inner: &Arc<Instance<C>>, request: &Request, delay: Duration) {
    let (inner, request) = (Arc::clone(inner), request.clone());
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        inner.crm.handle(&request);
        inner.tickets.send_replace(inner.crm.ticket_count());
    });
}
