//! How requests authenticate: the credential that they carry, and its renewal.
//!
//! Owns what needs no token: HTTP Basic and API keys. Tokens come from another implementation of
//! [`Login`].

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;
use crate::outbound::RequestBuilder;
use crate::settings::{Secret, TargetAuth};

/// The header that authenticates a request. Debug output does not show its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
    instance_url: Option<Url>,
    /// Tells a token obtained anew from an equal one that was refused: ServiceNow gives the
    /// same one as long as it lives.
    issue: u64,
}

impl Credential {
    /// `Authorization: Bearer TOKEN`; `None` when the token cannot stand in a header.
    pub fn bearer(token: &Secret) -> Option<Self> {
        Self::in_header(AUTHORIZATION, &format!("Bearer {}", token.expose()))
    }

    fn in_header(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self {
            name,
            value,
            instance_url: None,
            issue: 0,
        })
    }

    /// The same credential, good at `url` only: where the CRM says that data calls go.
    #[must_use]
    pub fn at_instance(mut self, url: Option<Url>) -> Self {
        self.instance_url = url;
        self
    }

    /// The same credential as the `issue`th that was obtained.
    #[must_use]
    pub fn of_issue(mut self, issue: u64) -> Self {
        self.issue = issue;
        self
    }

    /// Where data calls go, when the CRM said so with the token.
    pub fn instance_url(&self) -> Option<&Url> {
        self.instance_url.as_ref()
    }

    pub(super) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(&self.name, &self.value)
    }
}

/// Age and expiry of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenStatus {
    /// When it was obtained; `None` before the first use, and for static credentials.
    pub obtained_at: Option<Timestamp>,
    /// When it expires, where the CRM says so.
    pub expires_at: Option<Timestamp>,
    /// Renewals that worked, since start.
    pub renewals: u64,
    /// Renewals that failed, since start.
    pub failed_renewals: u64,
}

#[async_trait]
pub trait Login: Send + Sync {
    /// The credential in use, obtained first where there is none yet.
    /// After a failure no data call has been sent.
    async fn credential(&self) -> Result<Credential, Failure>;

    /// Another credential in place of `refused`; `None` when there is none, because it does
    /// not expire. Callers at the same time share one renewal.
    async fn renew(&self, refused: &Credential) -> Result<Option<Credential>, Failure>;

    /// Forgets the credential in use, where another can be obtained.
    fn forget(&self);

    /// Whether each use of the credential sends a user's password: several refused ones lock the
    /// user in many organisations.
    fn sends_password(&self) -> bool {
        false
    }

    /// Age and expiry of the credential in use.
    fn status(&self) -> TokenStatus;
}

/// A credential out of the settings, used as it is.
pub struct StaticLogin {
    credential: Credential,
    sends_password: bool,
}

impl StaticLogin {
    /// The login that `auth` describes; `None` for flows that need a token, and for a key or
    /// a header name that HTTP cannot carry.
    pub fn of(auth: &TargetAuth) -> Option<Self> {
        let credential = match auth {
            TargetAuth::Basic { username, password } => {
                // The standard alphabet: the URL alphabet would corrupt some passwords.
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                Credential::in_header(AUTHORIZATION, &format!("Basic {pair}"))?
            }
            TargetAuth::ApiKey { header, key } => {
                let name = HeaderName::from_bytes(header.as_bytes()).ok()?;
                Credential::in_header(name, key.expose())?
            }
            _ => return None,
        };
        Some(Self {
            credential,
            sends_password: matches!(auth, TargetAuth::Basic { .. }),
        })
    }
}

#[async_trait]
impl Login for StaticLogin {
    async fn credential(&self) -> Result<Credential, Failure> {
        Ok(self.credential.clone())
    }

    async fn renew(&self, _refused: &Credential) -> Result<Option<Credential>, Failure> {
        Ok(None)
    }

    fn forget(&self) {}

    fn sends_password(&self) -> bool {
        self.sends_password
    }

    fn status(&self) -> TokenStatus {
        TokenStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_printed() {
        let basic = TargetAuth::Basic {
            username: "ringdown".to_owned(),
            password: Secret::new("p>ss?wörd"),
        };
        let login = StaticLogin::of(&basic).unwrap();
        assert!(!format!("{:?}", login.credential).contains("cmluZ2Rvd246"));
        let token = Credential::bearer(&Secret::new("t0ken")).unwrap();
        assert!(!format!("{token:?}").contains("t0ken"));
    }

    #[test]
    fn a_key_that_http_cannot_carry_is_refused_at_the_start() {
        let key = |header: &str, key: &str| TargetAuth::ApiKey {
            header: header.to_owned(),
            key: Secret::new(key),
        };
        assert!(StaticLogin::of(&key("x-sn-apikey", "k3y")).is_some());
        assert!(StaticLogin::of(&key("x-sn-apikey", "k3y\nx: y")).is_none());
        assert!(StaticLogin::of(&key("not a header", "k3y")).is_none());
    }
}
