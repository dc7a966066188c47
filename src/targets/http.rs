//! One HTTP call to a CRM: bounded in time and size, never redirected, failures told apart
//! by whether the request can have had an effect.
//!
//! Knows no CRM. May import: `domain::failure`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};

use super::permit;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;

/// Longest answer that is read, in bytes; a longer one is as good as unreadable.
pub const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Longest stretch of a foreign message that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// The only way in which JSON can hold a NUL.
const ESCAPED_NUL: &[u8] = b"\\u0000";

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most [`MAX_ANSWER_BYTES`].
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, whatever its content type says. Its texts hold no NUL, which
    /// PostgreSQL cannot keep.
    pub fn json(&self) -> Option<serde_json::Value> {
        let mut json = serde_json::from_slice(&self.body).ok()?;
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

    /// `Retry-After`, in seconds or as a date; `now` is for the date.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        let date = Timestamp::from_millis(date.timestamp().as_millisecond());
        Some(date.since(now))
    }

    /// The beginning of the body as text, for messages.
    pub fn excerpt(&self) -> String {
        excerpt(&String::from_utf8_lossy(&self.body))
    }
}

fn take_out_nul(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::String(text) => text.retain(|character| character != '\0'),
        serde_json::Value::Array(items) => items.iter_mut().for_each(take_out_nul),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(take_out_nul),
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

/// A client for one target: no redirects (a token must never follow one), no cookies (they
/// pin a ServiceNow node), one time limit for the whole call.
///
/// # Errors
///
/// When the TLS library cannot be set up.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ringdown/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends `request` and reads the whole answer.
///
/// # Errors
///
/// A `network_failure`: with `outcome_unknown` unless the connection was never made, or
/// nothing was sent because the claim is not ours any more (see [`permit`]).
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
    permit::ask()?;
    let response = request.send().await.map_err(transport_failure)?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = read_bounded(response)
        .await
        .map_err(|failure| failure.with_status(status))?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

async fn read_bounded(mut response: reqwest::Response) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(transport_failure)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Failure::new(
                FailureKind::NetworkFailure,
                Remedy::Retry,
                format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"),
            )
            .in_doubt());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A failure before or during the call. Only a connection that was never made is known to
/// have had no effect: everything later may have reached the CRM.
fn transport_failure(error: reqwest::Error) -> Failure {
    let never_sent = error.is_connect() || error.is_builder();
    let failure = Failure::new(
        FailureKind::NetworkFailure,
        Remedy::Retry,
        excerpt(&with_causes(&error.without_url())),
    );
    if never_sent {
        failure
    } else {
        failure.in_doubt()
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_holds_no_nul() {
        let answer = Answer {
            status: 400,
            headers: HeaderMap::new(),
            body: Bytes::from_static(
                b"[{\"errorCode\": \"A\\u0000B\", \"fields\": [\"\\u0000\"]}]",
            ),
        };
        let expected = serde_json::json!([{"errorCode": "AB", "fields": [""]}]);
        assert_eq!(answer.json(), Some(expected));
        assert_eq!(excerpt("a\0b \n c"), "a b c");
    }
}
