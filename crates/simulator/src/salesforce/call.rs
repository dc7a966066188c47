//! A request as the organisation reads it, whether it came alone or inside a composite one.

use hyper::http::{HeaderMap, Method};
use serde_json::Value;

use crate::wire::{Answer, Request};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path's parts, decoded one by one, so that an encoded slash stays in its part.
    pub(super) segments: Vec<String>,
    /// `http://host:port` of this organisation.
    pub(super) origin: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            segments: nonempty(request.segments()),
            origin: request.origin.clone(),
            query: request.query.clone().into_iter().collect(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        }
    }

    /// A request inside a composite one: its own method, path with query, and body.
    pub(super) fn inside(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let request = Request {
            method,
            path: path.to_owned(),
            query: crate::wire::parse_query(query),
            headers,
            body,
            origin: self.origin.clone(),
        };
        Self::of(&request)
    }

    pub(super) fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    pub(super) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    pub(super) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The credentials of an `Authorization` header with this scheme.
    pub(super) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (found, rest) = self.header("authorization")?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }

    /// User and password of HTTP Basic.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let encoded = self.authorization("basic")?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// The first value of `name`.
pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn nonempty(segments: Vec<String>) -> Vec<String> {
    segments
        .into_iter()
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// A body that is neither JSON nor HTML.
pub(super) fn text(status: u16, kind: &str, body: &str) -> Answer {
    Answer {
        body: body.as_bytes().to_vec(),
        ..Answer::empty(status)
    }
    .with("content-type", kind)
}
