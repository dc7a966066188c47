//! Sending several requests in one call of the Composite resource, or one by one while that resource
//! alone is refused: some firewalls let no other than single calls pass, and some orgs lack it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;

use super::api::ApiClient;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::verdict;
use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::http::Answer;

/// For so long the Composite resource is not tried again.
const ONE_BY_ONE_FOR: Duration = Duration::from_secs(600);

/// Until when requests are sent one by one. Clones share it.
#[derive(Clone, Default)]
pub(super) struct OneByOne(Arc<Mutex<Option<Timestamp>>>);

impl OneByOne {
    fn is_on(&self, now: Timestamp) -> bool {
        // One assignment: whole whatever happened while the lock was held.
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A time in the far future means that the clock was set back.
        until.is_some_and(|until| until > now && until <= now.plus(ONE_BY_ONE_FOR))
    }

    fn begin(&self, now: Timestamp) {
        self.set(Some(now.plus(ONE_BY_ONE_FOR)));
    }

    fn set(&self, until: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl ApiClient {
    /// Sends `parts` in one call; see [`Request::together`]. Answers for each what it would have been
    /// answered alone. An error is about all of them; `call` says what it means.
    pub(super) async fn together(
        &self,
        call: Call,
        parts: &[Request],
        all_or_none: bool,
    ) -> Result<Vec<Answer>, Rejection> {
        if self.one_by_one.is_on(self.clock.now()) {
            return self.each(parts, all_or_none).await;
        }
        let whole = Request::together(call, self.version(), parts, all_or_none);
        let rejection = match self.send(&whole, verdict::parts).await {
            Ok(answers) if answers.len() == parts.len() => return Ok(answers),
            Ok(_) => {
                let answer = Answer::new(200, HeaderMap::new(), Bytes::new());
                let what = "not as many answers as requests";
                return Err(Rejection::unusable(call, &answer, what));
            }
            Err(rejection) => rejection,
        };
        if is_of_every_call(&rejection) {
            return Err(rejection);
        }
        let rejection = naming_resource(rejection);
        // What may have had an effect is not sent again at once.
        if rejection.failure.outcome_unknown {
            return Err(self.of_resource(rejection).await);
        }
        let answers = self.each(parts, all_or_none).await?;
        if answers.first().is_some_and(is_success) {
            self.note_one_by_one(&rejection);
        }
        Ok(answers)
    }

    /// Whether calls of the Composite resource pass: `questions`, which change nothing, in one.
    pub(super) async fn ask_together(&self, questions: &[Request]) -> Result<(), Rejection> {
        let whole = Request::together(Call::Ask, self.version(), questions, false);
        match self.send(&whole, verdict::parts).await {
            Ok(_) => {
                self.one_by_one.set(None);
                Ok(())
            }
            Err(rejection) => Err(naming_resource(rejection)),
        }
    }

    /// Sends the parts one after the other. With `all_or_none`, none is sent after one that was
    /// refused; but what was sent before it stays.
    async fn each(&self, parts: &[Request], all_or_none: bool) -> Result<Vec<Answer>, Rejection> {
        let mut answers: Vec<Answer> = Vec::with_capacity(parts.len());
        for part in parts {
            let answer = match answers.last() {
                Some(before) if all_or_none && !is_success(before) => not_sent(),
                _ => self.send(part, own_answer).await?,
            };
            answers.push(answer);
        }
        Ok(answers)
    }

    /// The failure of a call that may have had an effect. Where single calls are answered and another
    /// of this resource is not, the failure says nothing about new tickets.
    async fn of_resource(&self, mut rejection: Rejection) -> Rejection {
        let question = Request::resources();
        if self.send(&question, own_answer).await.is_err() {
            return rejection;
        }
        let questions = std::slice::from_ref(&question);
        let whole = Request::together(Call::Ask, self.version(), questions, false);
        let Err(again) = self.send(&whole, verdict::parts).await else {
            return rejection;
        };
        if !is_of_every_call(&again) {
            self.note_one_by_one(&rejection);
            rejection.failure.class = class(FailureScope::Ticket, ResolvedBy::Time);
            rejection.failure.message = format!(
                "single calls pass, and this does not: {}",
                rejection.failure.message
            );
        }
        rejection
    }

    fn note_one_by_one(&self, rejection: &Rejection) {
        self.one_by_one.begin(self.clock.now());
        tracing::warn!(
            site = %self.site(), error = %rejection.failure,
            "the Composite resource of the API is refused, and single calls pass: for ten minutes \
             comments and fields are sent one by one; let our user, and what is in front of the CRM, \
             pass calls of /composite"
        );
    }
}

/// Whether the rejection would meet single calls too: a limit, or our login.
fn is_of_every_call(rejection: &Rejection) -> bool {
    rejection.cause == Cause::Unauthenticated
        || matches!(
            rejection.failure.kind,
            FailureKind::RateLimited | FailureKind::AuthFailure
        )
}

fn is_success(answer: &Answer) -> bool {
    verdict::is_success(answer.status)
}

/// A person must know which calls are refused: others may pass.
fn naming_resource(mut rejection: Rejection) -> Rejection {
    let message = &rejection.failure.message;
    rejection.failure.message = format!("the Composite resource (POST .../composite): {message}");
    rejection
}

/// An answer about the request itself, which its caller judges. Every other one ends the sequence.
fn own_answer(call: Call, answer: &Answer, now: Timestamp) -> Result<Answer, Rejection> {
    match verdict::accept(call, answer, now) {
        Err(rejection)
            if is_of_every_call(&rejection)
                || rejection.failure.class.scope == FailureScope::Network
                || rejection.failure.outcome_unknown =>
        {
            Err(rejection)
        }
        Ok(()) | Err(_) => Ok(answer.clone()),
    }
}

/// What Salesforce answers about a part that had no effect because of another one.
fn not_sent() -> Answer {
    let body = json!([{"errorCode": "PROCESSING_HALTED",
        "message": "not sent, because the request before it was refused"}]);
    let json = HeaderValue::from_static("application/json");
    let headers = [(CONTENT_TYPE, json)].into_iter().collect();
    Answer::new(400, headers, body.to_string().into())
}
