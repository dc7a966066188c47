//! OAuth 2.0 towards the CRMs: tokens obtained once, shared by all callers, renewed ahead of
//! their end where that is known and after a 401 otherwise.
//!
//! No OAuth library is used: Salesforce answers without `expires_in`, ServiceNow says
//! `server_error` for a wrong secret, and what to do about a refusal is decided by texts that
//! a general library hides. The grants themselves are one form each.
//!
//! May import: `clock`, `domain`, `settings`, and of `targets` `http`, `login` and the vault.

mod answer;
mod flow;
mod seal;

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::login::{Credential, Login};
use super::{TokenStatus, TokenVault, http};
use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;
use crate::settings::{Secret, TargetAuth, TargetSettings};
use answer::Grant;
use flow::Flow;
use seal::Seal;

/// A token is renewed so long before its known end.
const AHEAD: Duration = Duration::from_secs(60);
/// How long another process may take to rotate the refresh token.
const ROTATION_PATIENCE: Duration = Duration::from_secs(30);

/// Obtains and renews the token of one target.
pub struct Authenticator {
    target: String,
    flow: Flow,
    token_url: Url,
    base_url: Url,
    client: reqwest::Client,
    vault: Arc<dyn TokenVault>,
    seal: Seal,
    clock: Clock,
    /// Held while a token is obtained: callers at the same time share one renewal.
    current: tokio::sync::Mutex<Option<Token>>,
    status: Mutex<TokenStatus>,
}

#[derive(Clone)]
struct Token {
    credential: Credential,
    expires_at: Option<Timestamp>,
}

impl Authenticator {
    /// The login of the target `name`.
    ///
    /// # Errors
    ///
    /// A text that says which setting of `auth` cannot be used.
    pub fn new(
        name: &str,
        settings: &TargetSettings,
        client: reqwest::Client,
        vault: Arc<dyn TokenVault>,
        clock: Clock,
    ) -> Result<Self, String> {
        let (flow, token_url) = Flow::of(&settings.auth)?;
        Ok(Self {
            target: name.to_owned(),
            seal: Seal::new(name, &secrets_of(&settings.auth))?,
            flow,
            token_url,
            base_url: settings.base_url.clone(),
            client,
            vault,
            clock,
            current: tokio::sync::Mutex::new(None),
            status: Mutex::default(),
        })
    }

    /// A new token by the configured flow.
    async fn obtain(&self) -> Result<Token, Failure> {
        let granted = match &self.flow {
            Flow::RefreshToken { configured, .. } => self.refresh(configured).await,
            _ => self.ask(None).await,
        };
        let result = granted.and_then(|grant| self.token(grant));
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(token) => {
                status.obtained_at = Some(self.clock.now());
                status.expires_at = token.expires_at;
                status.renewals += 1;
            }
            Err(failure) => {
                status.failed_renewals += 1;
                if failure.kind == FailureKind::AuthFailure {
                    tracing::error!(target = self.target, kind = %failure.kind, error = %failure,
                        "the CRM refuses to log us in; deliveries wait until somebody mends it");
                }
            }
        }
        result
    }

    /// Rotation: the new refresh token is durable before the access token counts. One process
    /// at a time; each begins with what the last one kept.
    async fn refresh(&self, configured: &Secret) -> Result<Grant, Failure> {
        let unkept = |problem: String| {
            Failure::new(
                FailureKind::NetworkFailure,
                Remedy::Retry,
                format!("the refresh token cannot be kept or read: {problem}"),
            )
        };
        let _turn = self
            .vault
            .lock(&self.target, ROTATION_PATIENCE)
            .await
            .map_err(unkept)?;
        let kept = self.vault.load(&self.target).await.map_err(unkept)?;
        let kept = kept.and_then(|sealed| self.seal.open(&sealed, configured));
        let in_force = kept.as_ref().unwrap_or(configured);
        let grant = self.ask(Some(in_force)).await?;
        if let Some(next) = &grant.refresh_token
            && next.expose() != in_force.expose()
        {
            let sealed = self.seal.close(next, configured).map_err(unkept)?;
            self.vault
                .keep(&self.target, &sealed)
                .await
                .map_err(unkept)?;
        }
        Ok(grant)
    }

    async fn ask(&self, refresh_token: Option<&Secret>) -> Result<Grant, Failure> {
        let form = self.flow.form(refresh_token, self.clock.now())?;
        let request = self
            .client
            .post(self.token_url.clone())
            .header(reqwest::header::ACCEPT, "application/json")
            .form(&form);
        // Whatever became of it, asking again is harmless: nothing here is ever in doubt.
        let answered = http::send(request).await.map_err(|mut failure| {
            failure.outcome_unknown = false;
            failure
        })?;
        answer::read(&answered, self.clock.now())
    }

    fn token(&self, grant: Grant) -> Result<Token, Failure> {
        let refused =
            |message: String| Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, message);
        let credential = Credential::bearer(&grant.access_token)
            .ok_or_else(|| refused("the token answered cannot stand in a header".to_owned()))?;
        let instance_url = match grant.instance_url {
            None => None,
            Some(url) if self.is_plausible(&url) => Some(url),
            Some(url) => {
                return Err(refused(format!(
                    "the token is for {}, which is neither base_url's host nor one of the CRM's; the token is not sent there",
                    url.host_str().unwrap_or("an address without a host")
                )));
            }
        };
        Ok(Token {
            credential: credential.at_instance(instance_url),
            expires_at: grant
                .expires_in
                .map(|lifetime| self.clock.now().plus(lifetime)),
        })
    }

    /// Whether a token may be sent to the instance that came with it: https (or loopback where
    /// the settings are too), and a host of the settings or of the vendor.
    fn is_plausible(&self, url: &Url) -> bool {
        const VENDORS: [&str; 4] = [
            ".salesforce.com",
            ".force.com",
            ".service-now.com",
            ".servicenowservices.com",
        ];
        let Some(host) = url.host_str() else {
            return false;
        };
        let own = [&self.base_url, &self.token_url]
            .iter()
            .any(|own| own.host_str() == Some(host) && own.scheme() == url.scheme());
        let vendor = url.scheme() == "https" && VENDORS.iter().any(|suffix| host.ends_with(suffix));
        let local = is_loopback(url) && is_loopback(&self.base_url);
        own || vendor || local
    }

    fn is_fresh(&self, token: &Token) -> bool {
        token
            .expires_at
            .is_none_or(|at| at.minus(AHEAD) > self.clock.now())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The secrets that a kept refresh token is sealed with.
fn secrets_of(auth: &TargetAuth) -> Vec<Secret> {
    match auth {
        TargetAuth::RefreshToken {
            client_secret,
            refresh_token,
            ..
        } => vec![client_secret.clone().unwrap_or(refresh_token.clone())],
        _ => Vec::new(),
    }
}

#[async_trait]
impl Login for Authenticator {
    async fn credential(&self) -> Result<Credential, Failure> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| self.is_fresh(token)) {
            return Ok(token.credential.clone());
        }
        let token = self.obtain().await?;
        Ok(current.insert(token).credential.clone())
    }

    async fn renew(&self, refused: &Credential) -> Result<Option<Credential>, Failure> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref()
            && token.credential != *refused
        {
            // Somebody else has renewed it since the request was sent.
            return Ok(Some(token.credential.clone()));
        }
        *current = None;
        let token = self.obtain().await?;
        Ok(Some(current.insert(token).credential.clone()))
    }

    fn status(&self) -> TokenStatus {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
