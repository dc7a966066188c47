//! `POST /webhooks/{source}`: from the first byte to the answer.
//!
//! [`Receiver::handle`] shows all steps, the cheap ones first: a sender without a valid credential
//! gets no further than these.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::answer::{Answer, EventCounts, Refusal};
use super::items::{BodyParser, Contents};
use super::receiver::Receiver;
use super::sns::SnsVerdict;
use super::source::Source;
use super::{body, cloud_event};
use crate::domain::signal::Meaning;
use crate::http::{Readiness, request_id};
use crate::normalise::{self, EVENT_GRID_HANDSHAKE};
use crate::store::{Appended, NewEvent};

/// Path before the source's name.
pub(super) const PREFIX: &str = "/webhooks/";

/// The label under which requests for sources that do not exist are counted. The sender chooses
/// such a name, so it must not become a series of the metric.
const UNKNOWN: &str = "unknown";

const SNS_CONFIRMED: &str = "SNS asked to confirm its subscription, and it was confirmed";

/// An event that goes to review, as the log names it once it is durable.
struct ReviewItem {
    position: usize,
    event_id: String,
    problem: String,
}

/// Answers one webhook, and counts the answer.
pub(super) async fn webhook(
    State(receiver): State<Arc<Receiver>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let source = receiver.sources.get(source_name(&head).as_ref());
    let answer = match receiver
        .handle_within_limit(source, &head, &mut body, peer)
        .await
    {
        Ok(answer) => answer.into_response(),
        Err(refusal) => {
            if let (Some(source), Some(reason)) = (source, refusal.rejected_for()) {
                receiver
                    .metrics
                    .request_dropped("webhooks", &source.name, reason);
            }
            receiver.refuse(refusal, source, &head)
        }
    };
    let status = answer.status();
    match source {
        Some(source) if status == StatusCode::ACCEPTED => source.counters.answered_202(),
        _ => {
            let label = source.map_or(UNKNOWN, |source| &source.name);
            receiver.metrics.webhook_request(label, status.as_u16());
        }
    }
    answer
}

fn source_name(head: &Parts) -> Cow<'_, str> {
    let path = head.uri.path();
    percent_decode_str(path.strip_prefix(PREFIX).unwrap_or_default()).decode_utf8_lossy()
}

impl Receiver {
    async fn handle_within_limit(
        &self,
        source: Option<&Source>,
        head: &Parts,
        body: &mut Body,
        peer: SocketAddr,
    ) -> Result<Answer, Refusal> {
        let source = source.ok_or(Refusal::UnknownSource)?;
        let work = self.handle(source, head, body, peer);
        // 503, not 408: EventBridge does not repeat a 408.
        tokio::time::timeout(self.server.request_timeout, work)
            .await
            .unwrap_or(Err(Refusal::TimedOut))
    }

    /// All steps of a request into the journal.
    async fn handle(
        &self,
        source: &Source,
        head: &Parts,
        body: &mut Body,
        peer: SocketAddr,
    ) -> Result<Answer, Refusal> {
        self.admit(source, head, peer)?;
        let mut permit = self.permit(source.sender, head, peer)?;
        body::check_length(&head.headers, self.server.max_body_bytes).map_err(Refusal::Body)?;
        let bytes = self
            .authenticated(&source.authenticator, &head.headers, body, &mut permit)
            .await?;
        // Counted only after authentication: nobody else may use up the source's rate limit.
        source
            .count_first_event()
            .map_err(|wait| Refusal::TooFast { wait })?;
        if let Some(origin) = asked_origin(head) {
            let rate = source.allowed_rate();
            return Ok(Answer::Allowed { origin, rate });
        }
        let reader = BodyParser {
            source: &source.name,
            format: &source.format,
            received_at: self.clock.now(),
        };
        if body::is_compressed(&head.headers) {
            let reason = "the body is compressed; send it without compression";
            let event = reader.for_review(&bytes, reason.to_owned());
            self.persist(source, vec![event]).await?;
            return Err(Refusal::Compressed);
        }
        if let Some(sns) = &source.sns {
            // Room for asking Amazon is made only where it may be needed.
            let verdict = Box::pin(sns.examine(&bytes)).await;
            if let Some(event) = event_of(verdict, &reader, &bytes)? {
                return self.persist(source, vec![event]).await.map(Answer::Counts);
            }
        }
        match reader.read(cloud_event::structured(&head.headers, bytes)) {
            Contents::Events(events) => {
                let spent = source.count_other_events(events.len());
                spent.map_err(|wait| Refusal::TooFast { wait })?;
                let code = validation_code(&events);
                let counts = self.persist(source, events).await?;
                Ok(code.map_or(Answer::Counts(counts), Answer::Validation))
            }
            Contents::NotJson { event, problem } => {
                self.persist(source, vec![event]).await?;
                Err(Refusal::NotJson { problem })
            }
            Contents::TooMany => Err(Refusal::TooManyItems),
        }
    }

    fn admit(&self, source: &Source, head: &Parts, peer: SocketAddr) -> Result<(), Refusal> {
        if head.method != Method::POST && asked_origin(head).is_none() {
            return Err(Refusal::WrongMethod);
        }
        // An unavailable store does not refuse the request here: the journal's answer is newer.
        if *self.readiness.borrow() == Readiness::Draining {
            return Err(Refusal::Draining);
        }
        let allowed = source.allows(peer.ip(), &head.headers, &self.server.trusted_proxies);
        if !allowed {
            return Err(Refusal::AddressNotAllowed);
        }
        if source.is_held_back() {
            return Err(Refusal::Backpressure);
        }
        Ok(())
    }

    /// Makes `events` durable, and reports the results to metrics and log.
    async fn persist(
        &self,
        source: &Source,
        events: Vec<NewEvent>,
    ) -> Result<EventCounts, Refusal> {
        if events.is_empty() {
            return Ok(EventCounts::default());
        }
        // Many events may have arrived since the request was admitted.
        if source.is_held_back() {
            return Err(Refusal::Backpressure);
        }
        let review_items = review_items(&events);
        // The journal's writer logs the cause; the sender only learns that it must send again.
        let began = Instant::now();
        let appended = self
            .journal
            .append(events)
            .await
            .map_err(|_| Refusal::NotDurable)?;
        source.counters.durable_after(began.elapsed());
        report(&source.name, &review_items, &appended);
        let counts = EventCounts::of(&appended);
        source
            .counters
            .events(counts.accepted, counts.duplicates, counts.review);
        Ok(counts)
    }

    fn refuse(&self, refusal: Refusal, source: Option<&Source>, head: &Parts) -> Response<Body> {
        let problem = refusal.into_problem();
        if let Some(source) = source
            && let Some(refusals) = source.refusals.count(1, Instant::now())
        {
            let status = problem.status().as_u16();
            let request = request_id(&head.headers).unwrap_or_default();
            let source: &str = &source.name;
            tracing::warn!(
                source,
                status,
                problem = problem.name(),
                request_id = request,
                unnoticed = refusals - 1,
                "webhook refused"
            );
        }
        problem.into_response(&head.headers)
    }
}

/// Who asks by the handshake of CloudEvents whether it may send.
fn asked_origin(head: &Parts) -> Option<HeaderValue> {
    let is_question = head.method == Method::OPTIONS;
    is_question.then(|| head.headers.get("webhook-request-origin").cloned())?
}

/// The event that is stored in place of a message of SNS; `None`: the message is read.
fn event_of(
    verdict: SnsVerdict,
    reader: &BodyParser<'_>,
    body: &[u8],
) -> Result<Option<NewEvent>, Refusal> {
    match verdict {
        SnsVerdict::Read => Ok(None),
        SnsVerdict::Confirmed => Ok(Some(reader.without_meaning(body, SNS_CONFIRMED))),
        SnsVerdict::Review(reason) => Ok(Some(reader.for_review(body, reason))),
        SnsVerdict::Undecidable => Err(Refusal::SignatureUndecidable),
    }
}

/// The code that Event Grid wants to have back, where `events` are its handshake.
fn validation_code(events: &[NewEvent]) -> Option<String> {
    events
        .iter()
        .filter(|event| event.meaning == Some(Meaning::Nothing(EVENT_GRID_HANDSHAKE)))
        .find_map(|event| normalise::validation_code(&event.body))
}

fn review_items(events: &[NewEvent]) -> Vec<ReviewItem> {
    events
        .iter()
        .enumerate()
        .filter_map(|(position, event)| {
            Some(ReviewItem {
                position,
                event_id: event.event_id.clone(),
                problem: event.review.clone()?,
            })
        })
        .collect()
}

/// One line per event that now waits for a person; repetitions were reported before.
fn report(source: &str, review_items: &[ReviewItem], appended: &[Appended]) {
    for item in review_items {
        if appended.get(item.position) == Some(&Appended::Review) {
            let event_id = item.event_id.as_str();
            let problem = item.problem.as_str();
            tracing::warn!(source, event_id, problem, "Schema Mismatch");
        }
    }
}
