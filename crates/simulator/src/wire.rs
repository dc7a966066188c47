//! Requests and answers as the simulated CRMs see them: whole, in memory.

use std::collections::BTreeMap;

use hyper::http::{HeaderMap, Method};
use serde_json::Value;

/// A whole request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The decoded query.
    pub query: BTreeMap<String, String>,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// `http://host:port` that the request was sent to.
    pub origin: String,
}

impl Request {
    /// The decoded segments of the path.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').skip(1).map(decode).collect()
    }

    /// The path, and the address in the query that a page leads to, if there is one.
    pub fn page_address(&self) -> String {
        match self.query.get("uri") {
            Some(uri) => format!("{}?uri={uri}", self.path),
            None => self.path.clone(),
        }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        parse_query(&String::from_utf8_lossy(&self.body))
    }
}

/// `a=b&c=d`, decoded.
pub(super) fn parse_query(text: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, `content-type` among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
        .with("content-type", "application/json;charset=UTF-8")
    }

    /// HTML.
    pub fn html(status: u16, body: impl Into<String>) -> Self {
        Self {
            body: body.into().into_bytes(),
            ..Self::empty(status)
        }
        .with("content-type", "text/html;charset=UTF-8")
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
