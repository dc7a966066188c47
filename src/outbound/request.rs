//! A request, written part by part. A part that cannot be written is reported when the request
//! is built, so that calls can be chained.

use std::fmt::Display;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::{Url, form_urlencoded};

/// A request that can be sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeout: Option<Duration>,
}

/// A part of a request that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be written: {0}")]
pub struct InvalidRequest(String);

/// A request that is being written.
#[derive(Debug, Clone)]
pub struct RequestBuilder(Result<Request, InvalidRequest>);

impl RequestBuilder {
    /// A request without a body. A name and password in `url` are sent in a header.
    pub fn new(method: Method, mut url: Url) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let name = decoded(url.username());
        let password = url.password().map(decoded);
        // Neither fails: a URL with a name has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let request = Self(Ok(Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
        }));
        match name.is_empty() && password.is_none() {
            true => request,
            false => request.basic_auth(&name, password.as_deref()),
        }
    }

    /// With one more header.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Display>,
        V: TryInto<HeaderValue, Error: Display>,
    {
        self.and_then(|request| {
            let name = name.try_into().map_err(invalid)?;
            let value = value.try_into().map_err(invalid)?;
            request.headers.append(name, value);
            Ok(())
        })
    }

    /// With a bearer token, which no debug output shows.
    pub fn bearer_auth(self, token: &str) -> Self {
        self.authorization(format!("Bearer {token}"))
    }

    /// With a name and a password, which no debug output shows.
    pub fn basic_auth(self, name: &str, password: Option<&str>) -> Self {
        let pair = format!("{name}:{}", password.unwrap_or_default());
        self.authorization(format!("Basic {}", STANDARD.encode(pair)))
    }

    fn authorization(self, value: String) -> Self {
        self.and_then(|request| {
            let mut value = HeaderValue::try_from(value).map_err(invalid)?;
            value.set_sensitive(true);
            request.headers.append(AUTHORIZATION, value);
            Ok(())
        })
    }

    /// With more pairs in the address.
    pub fn query(self, pairs: &[(&str, String)]) -> Self {
        self.and_then(|request| {
            if !pairs.is_empty() {
                request.url.query_pairs_mut().extend_pairs(pairs);
            }
            Ok(())
        })
    }

    /// With this body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.and_then(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    /// With `value` as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        self.and_then(|request| {
            let body = serde_json::to_vec(value).map_err(invalid)?;
            request.fill(body, "application/json");
            Ok(())
        })
    }

    /// With `pairs` as a form.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, pairs: &[(N, V)]) -> Self {
        self.and_then(|request| {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            request.fill(body, "application/x-www-form-urlencoded");
            Ok(())
        })
    }

    /// With a limit of its own for the whole call, answer included.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.and_then(|request| {
            request.timeout = Some(timeout);
            Ok(())
        })
    }

    /// The whole request.
    ///
    /// # Errors
    ///
    /// When a part could not be written; nothing has been sent then.
    pub fn build(self) -> Result<Request, InvalidRequest> {
        self.0
    }

    fn and_then(self, write: impl FnOnce(&mut Request) -> Result<(), InvalidRequest>) -> Self {
        Self(self.0.and_then(|mut request| {
            write(&mut request)?;
            Ok(request)
        }))
    }
}

impl Request {
    fn fill(&mut self, body: impl Into<Bytes>, kind: &'static str) {
        self.body = body.into();
        self.headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
    }
}

fn invalid(error: impl Display) -> InvalidRequest {
    InvalidRequest(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> RequestBuilder {
        RequestBuilder::new(Method::GET, url.parse().unwrap())
    }

    #[test]
    fn credentials_in_the_address_are_sent_in_a_header_that_is_never_shown() {
        let request = request("http://jo%3Ae:p%40ss@example.com/x")
            .build()
            .unwrap();
        assert_eq!(request.url.as_str(), "http://example.com/x");
        let value = &request.headers[AUTHORIZATION];
        let expected = format!("Basic {}", STANDARD.encode("jo:e:p@ss"));
        assert_eq!(value.to_str().unwrap(), expected);
        assert!(value.is_sensitive() && !format!("{request:?}").contains(&expected));
    }

    #[test]
    fn pairs_are_encoded_in_the_address_and_in_a_form() {
        let pairs = [("q", "a b&c".to_owned())];
        let written = request("http://example.com/?x=1")
            .query(&pairs)
            .form(&pairs);
        let written = written.build().unwrap();
        assert_eq!(written.url.query(), Some("x=1&q=a+b%26c"));
        assert_eq!(written.body, "q=a+b%26c");
        let bare = request("http://example.com/").query(&[]).build().unwrap();
        assert_eq!(bare.url.query(), None);
    }

    #[test]
    fn a_content_type_that_was_chosen_stays() {
        let kind = "application/merge-patch+json";
        let written = request("http://example.com/").header(CONTENT_TYPE, kind);
        let written = written.json(&[1]).build().unwrap();
        assert_eq!(written.headers[CONTENT_TYPE], kind);
        assert_eq!(written.body, "[1]");
    }

    #[test]
    fn a_header_that_cannot_be_written_fails_the_request() {
        let broken = request("http://example.com/").header("x-name", "line\nbreak");
        assert!(broken.timeout(Duration::ZERO).build().is_err());
        assert!(
            request("http://example.com/")
                .bearer_auth("\u{1}")
                .build()
                .is_err()
        );
    }
}
