//! One HTTP call to a CRM: bounded in time and size, never redirected, failures classified
//! by whether the request can have had an effect.
//!
//! Everything that comes back, and every error on the way, goes through the [`Redactor`] here,
//! before it is read: no caller can store or log a secret that was quoted.
//!
//! Knows no CRM.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;
use url::Url;

use super::charset;
use super::claim::ClaimCheck;
use super::pace::{Pace, Urgency};
use super::retry_after;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::outbound::{self, CallError, Received, Redactor, RequestBuilder};
use crate::settings::Secret;

/// Longest answer that is read, in bytes; a longer one is as good as unreadable.
pub const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Longest token that is taken, in bytes; the headers of most servers hold no longer one.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longest part of a foreign message that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Longest wait at the word of something in front of a CRM.
const LONGEST_IN_FRONT: Duration = Duration::from_secs(300);

/// The only way in which JSON can hold a NUL.
const ESCAPED_NUL: &[u8] = b"\\u0000";

/// A whole answer, without our secrets.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Body in UTF-8, read from at most [`MAX_ANSWER_BYTES`]. What was JSON still is.
    pub body: Bytes,
    /// The body as it may be shown, where that is another text.
    shown: Option<Bytes>,
}

/// An answer of a token endpoint.
#[derive(Debug)]
pub struct LoginAnswer {
    /// Without secrets, for everything that is said about it.
    pub answer: Answer,
    /// The body as it came, which holds the new token: the old one is a secret that would be
    /// taken out, and some CRMs answer it again.
    pub body: Secret,
}

impl Answer {
    /// An answer that holds no secret.
    pub const fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            status,
            headers,
            body,
            shown: None,
        }
    }

    fn redacted(mut self, redactor: &Redactor) -> Self {
        for value in self.headers.values_mut() {
            let redacted = redactor.bytes(value.as_bytes());
            if let Some(Ok(redacted)) = redacted.map(|bytes| HeaderValue::from_bytes(&bytes)) {
                *value = redacted;
            }
        }
        let Some(shown) = redactor.bytes(&self.body).map(Bytes::from) else {
            return self;
        };
        // Value by value, because a hole in the text need not leave whole JSON.
        self.body = match serde_json::from_slice(&self.body) {
            Ok(PlainJson(mut json)) => {
                redactor.json(&mut json);
                json.to_string().into()
            }
            Err(_) => shown.clone(),
        };
        self.shown = Some(shown);
        self
    }

    /// The body as JSON, whatever its content type says. Its texts hold no NUL, which
    /// PostgreSQL cannot keep.
    pub fn json(&self) -> Option<Value> {
        let PlainJson(mut json) = serde_json::from_slice(&self.body).ok()?;
        if self
            .body
            .windows(ESCAPED_NUL.len())
            .any(|part| part == ESCAPED_NUL)
        {
            take_out_nul(&mut json);
        }
        Some(json)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The media type without parameters, lower case.
    pub fn media_type(&self) -> String {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// `Retry-After`, in seconds or as a date; `now` is for the date. `None` when it is neither, and
    /// the longest where there are several.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        retry_after::read(self.headers.get_all(RETRY_AFTER).iter(), now)
    }

    /// The same of something in front of the CRM. It may speak of this one text only, so it is not
    /// believed for long.
    pub fn retry_after_in_front(&self, now: Timestamp) -> Option<Duration> {
        let wait = self.retry_after(now)?;
        Some(wait.min(LONGEST_IN_FRONT))
    }

    /// When it was sent, by the sender's clock and in whole seconds.
    pub fn date(&self) -> Option<Timestamp> {
        let text = self.headers.get(DATE)?.to_str().ok()?;
        retry_after::date(text.trim()).map(|date| Timestamp::from_millis(date.as_millisecond()))
    }

    /// The beginning of the body as text, for messages.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.shown.as_ref().unwrap_or(&self.body));
        let unreadable = text
            .chars()
            .filter(|one| *one == char::REPLACEMENT_CHARACTER);
        // A few characters are lost where a text is in an unknown encoding.
        if unreadable.count() > text.chars().count() / 10 {
            return format!("{} bytes that are no text", self.body.len());
        }
        excerpt(&text)
    }
}

fn take_out_nul(json: &mut Value) {
    match json {
        Value::String(text) => text.retain(|character| character != '\0'),
        Value::Array(items) => items.iter_mut().for_each(take_out_nul),
        Value::Object(fields) => fields.values_mut().for_each(take_out_nul),
        _ => {}
    }
}

/// `text` in one line without control characters, cut to a length that fits a log line.
pub fn excerpt(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A client for one target.
#[derive(Debug, Clone)]
pub struct Client {
    http: outbound::Client,
    redactor: Redactor,
    claim: ClaimCheck,
    pace: Pace,
    urgency: Urgency,
}

impl Client {
    /// A client whose calls take at most `timeout`, and whose answers `redactor` goes through.
    pub fn new(timeout: Duration, redactor: &Redactor) -> io::Result<Self> {
        Ok(Self {
            http: outbound::Client::new(timeout)?,
            redactor: redactor.clone(),
            claim: ClaimCheck::default(),
            pace: Pace::unlimited(),
            urgency: Urgency::Read,
        })
    }

    /// The same client, whose calls keep to `pace`.
    #[must_use]
    pub(super) fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The same client for a delivery, whose requests are sent only while `claim` allows it.
    #[must_use]
    pub fn for_claim(&self, claim: ClaimCheck) -> Self {
        Self {
            claim,
            urgency: Urgency::Write,
            ..self.clone()
        }
    }

    pub(super) const fn pace(&self) -> &Pace {
        &self.pace
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    pub fn get(&self, url: Url) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    pub fn post(&self, url: Url) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Remembers a secret that was obtained, before it is used.
    pub fn remember(&self, secret: &Secret) {
        self.redactor.remember(secret);
    }

    /// Sends `request` and reads the whole answer.
    /// A failure has `outcome_unknown` unless the connection was never made, or nothing was sent because the claim is not ours any more (see [`ClaimCheck`]).
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let answer = self.exchange(request, self.urgency).await?;
        Ok(answer.redacted(&self.redactor))
    }

    /// As [`Client::send`], for a call that obtains a token.
    pub async fn log_in(&self, request: RequestBuilder) -> Result<LoginAnswer, Failure> {
        // Deliveries wait for it.
        let answer = self.exchange(request, Urgency::Write).await?;
        let body = Secret::new(String::from_utf8_lossy(&answer.body));
        let answer = answer.redacted(&self.redactor);
        Ok(LoginAnswer { answer, body })
    }

    async fn exchange(&self, request: RequestBuilder, urgency: Urgency) -> Result<Answer, Failure> {
        self.claim.check()?;
        self.pace.permit(urgency).await;
        // The claim may have run out in the wait.
        self.claim.check()?;
        let request = request
            .build()
            .map_err(|error| self.failure(CallError::NotSent(error.to_string())))?;
        self.redactor.remember_sent(&request);
        let sent = self.http.send(request, MAX_ANSWER_BYTES).await;
        let received = sent.map_err(|error| self.failure(error))?;
        let Received {
            status,
            headers,
            body,
        } = received;
        let content_type = headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let body = charset::in_utf8(content_type.unwrap_or_default(), body);
        Ok(Answer::new(status.as_u16(), headers, body))
    }

    /// A failure before or during the call. Only a call that was never sent is known to have
    /// had no effect: everything later may have reached the CRM.
    fn failure(&self, error: CallError) -> Failure {
        let message = excerpt(&self.redactor.text(&error.to_string()));
        let failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            message,
        );
        match error {
            CallError::NotSent(_) => failure,
            CallError::Broken { status, .. } => Failure {
                status: status.map(|status| status.as_u16()),
                ..failure.in_doubt()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_holds_no_nul() {
        let body = b"[{\"errorCode\": \"A\\u0000B\", \"fields\": [\"\\u0000\"]}]";
        let answer = Answer::new(400, HeaderMap::new(), Bytes::from_static(body));
        let expected = serde_json::json!([{"errorCode": "AB", "fields": [""]}]);
        assert_eq!(answer.json(), Some(expected));
        assert_eq!(excerpt("a\0b \n c"), "a b c");
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let shown = |body: &'static [u8]| {
            Answer::new(400, HeaderMap::new(), Bytes::from_static(body)).excerpt()
        };
        assert_eq!(shown(b"\xfe\xfe\xfe\xfe a"), "6 bytes that are no text");
        assert_eq!(
            shown(b"ung\xfcltig, said the page"),
            "ung\u{fffd}ltig, said the page"
        );
        assert_eq!(shown(b""), "");
    }
}
