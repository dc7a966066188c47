//! OAuth 2.0 tokens for both CRMs: obtained once, shared, renewed when they are about to
//! expire or are refused.
//!
//! However many requests need a token at once, one call obtains it and all of them share
//! what came of it, a failure too: a login endpoint that is down is not asked by every
//! waiting delivery in turn.
//!
//! May import: `domain`, `settings`, `clock`, `targets::http`, `targets::TokenVault`. Must
//! not know: the CRM clients, the store.

mod answer;
mod credential;
mod flow;
mod place;
mod rotation;
mod seal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::ACCEPT;
use url::Url;

use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::settings::{Secret, TargetAuth};
use crate::targets::{TokenStatus, TokenVault, http};

pub use credential::Credential;

use answer::Granted;
use flow::{Flow, Form, without_secrets};
use rotation::Rotation;

/// Longest token call. Shorter than the lease under which replicas take turns.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Whose token endpoint it is: both speak OAuth, and mean different things by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Salesforce.
    Salesforce,
    /// ServiceNow.
    ServiceNow,
}

/// A login that cannot be made from the settings.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SetupError {
    /// A name and password, or an API key, are sent as they are.
    #[error("`basic` and `api_key` have no tokens")]
    NoTokens,
    /// The private key cannot be read.
    #[error("private_key is not an RSA private key in PEM")]
    PrivateKey,
    /// The cryptography library refuses.
    #[error("the refresh token cannot be sealed for the store")]
    Sealing,
}

/// Obtains, keeps and renews the token of one target. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct Authenticator {
    inner: Arc<Inner>,
    /// Held by whoever calls the token endpoint.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Inner {
    dialect: Dialect,
    base_url: Url,
    http: reqwest::Client,
    flow: Flow,
    rotation: Option<Rotation>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Credential>>,
    /// Token calls that ended.
    calls: u64,
    last: Option<Outcome>,
    status: TokenStatus,
}

type Outcome = Result<Arc<Credential>, Failure>;

impl Authenticator {
    /// An authenticator for the target `target` at `base_url`, which logs in by `auth`
    /// through `http`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`SetupError`] says what about `auth` cannot be used.
    pub fn new(
        dialect: Dialect,
        target: &str,
        base_url: &Url,
        auth: &TargetAuth,
        http: reqwest::Client,
        vault: Arc<dyn TokenVault>,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let rotation = match auth {
            TargetAuth::RefreshToken { refresh_token, .. } => {
                Some(Rotation::new(target, refresh_token, vault)?)
            }
            _ => None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                dialect,
                base_url: base_url.clone(),
                http,
                flow: Flow::of(auth)?,
                rotation,
                clock,
                state: Mutex::default(),
            }),
            turn: Arc::default(),
        })
    }

    /// The token in use; obtained first where there is none, or where it is about to expire.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`], never in doubt: no data call has been sent.
    pub async fn credential(&self) -> Result<Arc<Credential>, Failure> {
        let now = self.inner.clock.now();
        self.next(|current| current.is_fresh(now)).await
    }

    /// Another token in place of `refused`. When it has been replaced meanwhile, no call is
    /// made. A token that equals the refused one is possible (ServiceNow gives the same one
    /// while it lives): then the token was not the cause.
    ///
    /// # Errors
    ///
    /// As [`Authenticator::credential`].
    pub async fn renew(&self, refused: &Credential) -> Result<Arc<Credential>, Failure> {
        self.inner.forget(refused);
        self.credential().await
    }

    /// The token in use, if there is one; nothing is sent.
    pub fn current(&self) -> Option<Arc<Credential>> {
        self.inner.state().current.clone()
    }

    /// Age and expiry of the token in use. Every token obtained counts as a renewal.
    pub fn status(&self) -> TokenStatus {
        self.inner.state().status
    }

    async fn next(&self, serves: impl Fn(&Credential) -> bool) -> Outcome {
        let seen = {
            let state = self.inner.state();
            if let Some(current) = state.current.as_ref().filter(|current| serves(current)) {
                return Ok(Arc::clone(current));
            }
            state.calls
        };
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if let Some(outcome) = self.inner.outcome_since(seen) {
            return outcome;
        }
        // A task of its own, because a caller may be dropped while it waits: a refresh token
        // that was just rotated must be kept all the same.
        let inner = Arc::clone(&self.inner);
        let call = tokio::spawn(async move {
            let outcome = inner.obtain().await;
            inner.note(&outcome);
            drop(turn);
            outcome
        });
        call.await.unwrap_or_else(|error| {
            let message = format!("the token call ended early: {error}");
            Err(passing(message))
        })
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Plain data, whole after every change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of a token call that ended after `seen` of them had.
    fn outcome_since(&self, seen: u64) -> Option<Outcome> {
        let state = self.state();
        state.last.clone().filter(|_| state.calls != seen)
    }

    fn forget(&self, refused: &Credential) {
        let mut state = self.state();
        let is_current = |current: &Arc<Credential>| current.is(refused);
        if state.current.as_ref().is_some_and(is_current) {
            state.current = None;
        }
    }

    fn note(&self, outcome: &Outcome) {
        let mut state = self.state();
        state.calls += 1;
        match outcome {
            Ok(credential) => {
                state.status.renewals += 1;
                state.status.obtained_at = Some(credential.obtained_at());
                state.status.expires_at = credential.expires_at();
                state.current = Some(Arc::clone(credential));
            }
            Err(_) => state.status.failed_renewals += 1,
        }
        state.last = Some(outcome.clone());
    }

    async fn obtain(&self) -> Outcome {
        let Some(rotation) = &self.rotation else {
            let granted = self.exchange(None).await?;
            return self.credential_from(&granted);
        };
        let turn = rotation
            .turn()
            .await
            .map_err(|reason| passing(format!("the refresh token cannot be used now: {reason}")))?;
        let granted = self.exchange(Some(&turn.token)).await?;
        if let Some(next) = &granted.refresh_token {
            let kept = rotation.keep(turn, next).await;
            kept.map_err(|reason| {
                passing(format!("the new refresh token cannot be kept: {reason}"))
            })?;
        }
        self.credential_from(&granted)
    }

    async fn exchange(&self, refresh_token: Option<&Secret>) -> Result<Granted, Failure> {
        let form = self
            .flow
            .form(refresh_token, self.clock.now())
            .map_err(|_| held("the assertion cannot be signed with private_key".to_owned()))?;
        let request = self
            .http
            .post(self.flow.token_url.clone())
            .header(ACCEPT, "application/json")
            .timeout(TOKEN_TIMEOUT)
            .form(&form);
        let answer = http::send(request).await.map_err(unreachable)?;
        answer::read(self.dialect, &answer, self.clock.now())
            .map_err(|failure| quoting_no_secret(*failure, &form))
    }

    fn credential_from(&self, granted: &Granted) -> Outcome {
        let named = granted.instance_url.as_deref();
        let instance_url = place::checked(self.dialect, named, &self.base_url).map_err(|place| {
            held(format!(
                "the token answer wants data calls sent to {place}, which is none of the CRM's addresses"
            ))
        })?;
        let serial = self.state().calls;
        Credential::bearer(
            granted.access_token.expose(),
            serial,
            instance_url,
            self.clock.now(),
            granted.lifetime,
        )
        .map(Arc::new)
        .ok_or_else(|| held("the access token cannot stand in a header".to_owned()))
    }
}

/// No data call was sent, so nothing is in doubt, and the queue waits as a whole.
fn unreachable(failure: Failure) -> Failure {
    let mut unreachable = passing(format!("the token endpoint: {}", failure.message));
    unreachable.status = failure.status;
    unreachable
}

fn passing(message: String) -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        Remedy::PauseTarget(None),
        message,
    )
}

fn held(message: String) -> Failure {
    Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, message)
}

fn quoting_no_secret(mut failure: Failure, form: &Form) -> Failure {
    failure.message = without_secrets(&failure.message, form);
    failure.code = failure.code.map(|code| without_secrets(&code, form));
    failure
}
