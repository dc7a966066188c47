//! `POST /callbacks/{target}`: a CRM says that a ticket changed.
//!
//! A callback is only a hint. Its content about the ticket is not used: messages come late, twice
//! and out of order, an administrator chooses their content, and
//! an Outbound Message cannot be signed. The ids of tickets that are ours are made durable, the
//! answer goes out, and the sync worker reads the tickets from the CRM at once.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::answer::{Refusal, json};
use super::body;
use super::callback_body::{self, CallbackBodyFault, RecordId};
use super::receiver::{CallbackTarget, Receiver};
use crate::domain::identity::TargetName;
use crate::http::{Readiness, request_id};

/// Path before the target's name.
pub(super) const PREFIX: &str = "/callbacks/";
/// The label of targets that do not exist: their names are a stranger's choice.
const UNKNOWN: &str = "unknown";
/// Salesforce counts a message as delivered when the answer is exactly this.
const ACK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
    <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
    <notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack>\
    </notificationsResponse></soapenv:Body></soapenv:Envelope>";

/// The two languages that callbacks come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallbackFormat {
    Json,
    Soap,
}

/// The results of the tickets that a callback named, counted.
#[derive(Debug, Clone, Copy, Default)]
struct TicketCounts {
    accepted: usize,
    unknown: usize,
}

/// Answers one callback, and counts the answer.
pub(super) async fn callback(
    State(receiver): State<Arc<Receiver>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let name = TargetName::new(target_name(&head));
    let target = receiver.callback_targets.get(name.as_str());
    let taken = match target {
        Some(target) => {
            let work = receiver.handle_callback(&name, target, &head, &mut body, peer);
            tokio::time::timeout(receiver.server.request_timeout, work)
                .await
                .unwrap_or(Err(Refusal::TimedOut))
        }
        None => Err(Refusal::UnknownTarget),
    };
    let answer = match taken {
        Ok(answer) => answer,
        Err(refusal) => {
            let target = target.map(|target| (name.as_str(), target));
            receiver.refuse_callback(refusal, target, &head)
        }
    };
    let label = target.map_or(UNKNOWN, |_| name.as_str());
    let status = answer.status().as_u16();
    receiver.metrics.callback_request(label, status);
    answer
}

fn target_name(head: &Parts) -> Cow<'_, str> {
    let path = head.uri.path();
    percent_decode_str(path.strip_prefix(PREFIX).unwrap_or_default()).decode_utf8_lossy()
}

impl Receiver {
    /// The way of a callback into the store.
    async fn handle_callback(
        &self,
        name: &TargetName,
        target: &CallbackTarget,
        head: &Parts,
        body: &mut Body,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::WrongMethod);
        }
        if *self.readiness.borrow() == Readiness::Draining {
            return Err(Refusal::Draining);
        }
        let mut permit = self.permit(target.sender, head, peer)?;
        let headers = with_token_of_the_address(head);
        let declared = format(&headers)?;
        body::check_plain(&headers, self.server.max_body_bytes).map_err(Refusal::Body)?;
        let authenticator = &target.authenticator;
        let bytes = self
            .authenticated(authenticator, &headers, body, &mut permit)
            .await?;
        let format = match declared {
            Some(format) => format,
            None if callback_body::looks_like_json(&bytes) => CallbackFormat::Json,
            None => return Err(Refusal::NeitherJsonNorXml),
        };
        let ids = ids_in(&bytes, format, target.record_id).map_err(Refusal::CallbackBody)?;
        let counts = self.persist_hints(name, &ids).await?;
        Ok(counts.answer(format))
    }

    fn refuse_callback(
        &self,
        refusal: Refusal,
        target: Option<(&str, &CallbackTarget)>,
        head: &Parts,
    ) -> Response<Body> {
        if let (Some((name, _)), Some(reason)) = (target, refusal.rejected_for()) {
            self.metrics.request_dropped("callbacks", name, reason);
        }
        let problem = refusal.into_problem();
        if let Some((name, target)) = target
            && let Some(refusals) = target.refusals.count(1, Instant::now())
        {
            let status = problem.status().as_u16();
            let request = request_id(&head.headers).unwrap_or_default();
            tracing::warn!(
                target = name,
                status,
                problem = problem.name(),
                request_id = request,
                unnoticed = refusals - 1,
                "callback refused"
            );
        }
        problem.into_response(&head.headers)
    }

    /// Stores durably which tickets changed.
    async fn persist_hints(
        &self,
        target: &TargetName,
        ids: &[String],
    ) -> Result<TicketCounts, Refusal> {
        let store = &self.callbacks.store;
        let kept = store
            .mark_tickets_changed(target, ids, self.clock.now())
            .await;
        let accepted = kept.map_err(|error| {
            tracing::error!(target = target.as_str(), %error, "a callback cannot be kept");
            Refusal::NotDurable
        })?;
        let unknown = ids.len() - accepted;
        for _ in 0..unknown {
            self.metrics.ticket_change(target, "not_ours");
        }
        if accepted > 0 {
            self.callbacks
                .callback_received
                .send_modify(|count| *count += 1);
        }
        Ok(TicketCounts { accepted, unknown })
    }
}

fn ids_in(
    bytes: &Bytes,
    format: CallbackFormat,
    record_id: RecordId,
) -> Result<Vec<String>, CallbackBodyFault> {
    match format {
        CallbackFormat::Json => callback_body::in_json(bytes, record_id),
        CallbackFormat::Soap => callback_body::in_soap(bytes, record_id),
    }
}

impl TicketCounts {
    /// A 202, or the ack that Salesforce wants with a 200.
    fn answer(self, format: CallbackFormat) -> Response<Body> {
        let Self { accepted, unknown } = self;
        match format {
            CallbackFormat::Json => {
                let text = format!(r#"{{"accepted":{accepted},"unknown":{unknown}}}"#);
                let mut answer = json(text);
                *answer.status_mut() = StatusCode::ACCEPTED;
                answer
            }
            CallbackFormat::Soap => {
                let mut answer = Response::new(Body::from(ACK));
                let xml = HeaderValue::from_static("text/xml; charset=utf-8");
                answer.headers_mut().insert(CONTENT_TYPE, xml);
                answer
            }
        }
    }
}

/// The format that the content type declares; `None` where it says nothing, so that the body
/// tells.
fn format(headers: &HeaderMap) -> Result<Option<CallbackFormat>, Refusal> {
    if body::is_json(headers) {
        return Ok(Some(CallbackFormat::Json));
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return Ok(None);
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_one_of = |kinds: &[&str]| kinds.iter().any(|one| kind.eq_ignore_ascii_case(one));
    if is_one_of(&["text/xml", "application/xml", "application/soap+xml"]) {
        Ok(Some(CallbackFormat::Soap))
    } else if is_one_of(&["text/plain", "application/x-www-form-urlencoded"]) {
        Ok(None)
    } else {
        Err(Refusal::NeitherJsonNorXml)
    }
}

/// An Outbound Message can carry no header, so a bearer token may stand in the address as
/// `access_token` (RFC 6750, section 2.3). A header, where there is one, goes first.
fn with_token_of_the_address(head: &Parts) -> HeaderMap {
    let mut headers = head.headers.clone();
    let query = head.uri.query().unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "access_token")
        .and_then(|(_, token)| HeaderValue::try_from(format!("Bearer {token}")).ok());
    if let Some(token) = token
        && !headers.contains_key(AUTHORIZATION)
    {
        headers.insert(AUTHORIZATION, token);
    }
    headers
}
