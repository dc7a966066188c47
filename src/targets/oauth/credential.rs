//! What a request carries to prove who it comes from.
//!
//! May import: `domain::time`. The token itself is held in one place only, marked sensitive,
//! and shown by nothing.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use url::Url;

use crate::domain::time::Timestamp;

/// How long before its expiry a token is renewed.
const LEAD: Duration = Duration::from_secs(60);

/// An access token in the form in which it is sent.
#[derive(Clone)]
pub struct Credential {
    authorization: HeaderValue,
    /// Counts up with every token obtained: tells an equal token obtained anew from the one
    /// that was refused.
    serial: u64,
    instance_url: Option<Url>,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl Credential {
    /// `Bearer TOKEN`; `None` when the token cannot stand in a header.
    pub(super) fn bearer(
        token: &str,
        serial: u64,
        instance_url: Option<Url>,
        obtained_at: Timestamp,
        lifetime: Option<Duration>,
    ) -> Option<Self> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            authorization,
            serial,
            instance_url,
            obtained_at,
            expires_at: lifetime.map(|lifetime| obtained_at.plus(lifetime)),
        })
    }

    /// `request` with this credential.
    pub fn on(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    /// The value of `Authorization`, marked sensitive.
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Where the CRM wants data calls sent, where it says so; checked to be the CRM's.
    pub fn instance_url(&self) -> Option<&Url> {
        self.instance_url.as_ref()
    }

    /// When it was obtained.
    pub fn obtained_at(&self) -> Timestamp {
        self.obtained_at
    }

    /// When it expires, where the CRM says so.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether `other` is this very token, not only an equal one.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.serial == other.serial
    }

    /// Whether it may still be used: for short-lived tokens up to half of their life, so that
    /// a life shorter than the lead does not mean a token call per request.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| {
            let lead = LEAD.min(expires_at.since(self.obtained_at) / 2);
            now < expires_at.minus(lead)
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("authorization", &"[secret]")
            .field("instance_url", &self.instance_url.as_ref().map(Url::as_str))
            .field("obtained_at", &self.obtained_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn living(seconds: u64) -> Credential {
        let lifetime = Some(Duration::from_secs(seconds));
        Credential::bearer("t0ken", 1, None, Timestamp::from_millis(0), lifetime).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_credential_is_never_printed() {
        assert!(!format!("{:?}", living(60)).contains("t0ken"));
        assert!(!format!("{:?}", living(60).authorization()).contains("t0ken"));
    }

    #[test]
    fn g9_a_token_is_renewed_a_minute_before_it_expires() {
        assert!(living(1800).is_fresh(at(1739)));
        assert!(!living(1800).is_fresh(at(1740)));
    }

    #[test]
    fn a_short_lived_token_is_used_for_half_of_its_life() {
        assert!(living(30).is_fresh(at(14)));
        assert!(!living(30).is_fresh(at(15)));
    }

    #[test]
    fn a_token_without_a_stated_expiry_is_used_until_it_is_refused() {
        let token = Credential::bearer("t", 1, None, at(0), None).unwrap();
        assert!(token.is_fresh(at(i64::from(u32::MAX))));
    }
}
