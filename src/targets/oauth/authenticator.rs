//! OAuth 2.0 tokens: obtained once, shared, renewed when they are about to
//! expire or are refused.
//!
//! However many requests need a token at once, one call obtains it and all of them share its
//! result, also a failure: a login endpoint that is down is not called once for every waiting
//! delivery.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::header::ACCEPT;
use async_trait::async_trait;
use url::Url;

use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::TargetName;
use crate::settings::{Secret, TargetAuth, TargetSettings};
use crate::targets::http;
use crate::targets::login::{Credential, Login, TokenStatus};
use crate::targets::password_gate::PasswordGate;
use crate::targets::vault::TokenVault;

use super::answer::{self, Granted};
use super::dialect::OAuthDialect;
use super::error::SetupError;
use super::flow::Flow;
use super::rotation::Rotation;
use super::token::Token;

/// Longest token call. Shorter than the lease under which replicas take turns.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Obtains, keeps and renews the token of one target. Cheap to clone; clones share the token.
#[derive(Clone)]
pub(crate) struct Authenticator {
    inner: Arc<Inner>,
    /// Locked during a call of the token endpoint.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Inner {
    target: TargetName,
    dialect: &'static OAuthDialect,
    base_url: Url,
    http: http::Client,
    flow: Flow,
    rotation: Option<Rotation>,
    clock: Clock,
    /// Where a login sends a user's password.
    password_gate: Option<PasswordGate>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Token>,
    /// Token calls that ended.
    calls: u64,
    last: Option<TokenResult>,
    status: TokenStatus,
}

type TokenResult = Result<Token, Failure>;

impl Authenticator {
    /// An authenticator for the target `name`, which logs in through `http`. Rotated refresh
    /// tokens are kept in `vault`. Nothing is sent yet.
    pub(crate) fn new(
        name: &TargetName,
        settings: &TargetSettings,
        dialect: &'static OAuthDialect,
        http: http::Client,
        vault: Arc<dyn TokenVault>,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let rotation = match &settings.auth {
            TargetAuth::RefreshToken { refresh_token, .. } => {
                Some(Rotation::new(name, refresh_token, vault)?)
            }
            _ => None,
        };
        let flow = Flow::of(&settings.auth)?;
        let gate = || PasswordGate::new(clock.clone());
        let password_gate = flow.sends_password().then(gate);
        Ok(Self {
            inner: Arc::new(Inner {
                password_gate,
                target: name.clone(),
                dialect,
                base_url: settings.base_url.clone(),
                http,
                flow,
                rotation,
                clock,
                state: Mutex::default(),
            }),
            turn: Arc::default(),
        })
    }

    /// The token in use, or a new one.
    async fn token(&self) -> TokenResult {
        let seen = match self.inner.usable() {
            Ok(token) => return Ok(token),
            Err(seen) => seen,
        };
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if let Some(outcome) = self.inner.outcome_since(seen) {
            return outcome;
        }
        if let Some(gate) = &self.inner.password_gate {
            gate.check()?;
        }
        // A task of its own, because a caller may be dropped while it waits: a refresh token
        // that was just rotated must be saved all the same.
        let inner = Arc::clone(&self.inner);
        let call = tokio::spawn(async move {
            let outcome = inner.obtain().await;
            inner.record(&outcome);
            drop(turn);
            outcome
        });
        call.await.unwrap_or_else(|error| {
            let message = format!("the token call ended early: {error}");
            Err(temporary(message))
        })
    }
}

#[async_trait]
impl Login for Authenticator {
    /// Never fails in doubt: no data call has been sent.
    async fn credential(&self) -> Result<Credential, Failure> {
        self.token().await.map(|token| token.credential)
    }

    /// When `refused` has been replaced meanwhile, no call is made. A token that equals it is
    /// possible: then the token was not the cause.
    async fn renew(&self, refused: &Credential) -> Result<Option<Credential>, Failure> {
        self.inner.forget(refused);
        self.credential().await.map(Some)
    }

    /// Every token obtained counts as a renewal.
    fn forget(&self) {
        self.inner.state().current = None;
    }

    fn status(&self) -> TokenStatus {
        self.inner.state().status
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Plain data, whole after every change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in use; how many token calls have ended, when there is none.
    fn usable(&self) -> Result<Token, u64> {
        let now = self.clock.now();
        let state = self.state();
        let usable = state.current.clone().filter(|token| token.is_fresh(now));
        usable.ok_or(state.calls)
    }

    /// What came of a token call that ended after `seen` of them had.
    fn outcome_since(&self, seen: u64) -> Option<TokenResult> {
        let state = self.state();
        state.last.clone().filter(|_| state.calls != seen)
    }

    fn forget(&self, refused: &Credential) {
        let mut state = self.state();
        state
            .current
            .take_if(|current| current.credential == *refused);
    }

    fn record(&self, outcome: &TokenResult) {
        let mut state = self.state();
        state.calls += 1;
        match outcome {
            Ok(token) => {
                state.status.renewals += 1;
                state.status.obtained_at = Some(token.obtained_at);
                state.status.expires_at = token.expires_at;
                state.current = Some(token.clone());
            }
            Err(failure) => {
                if let Some(gate) = self
                    .password_gate
                    .as_ref()
                    .filter(|_| failure.may_lock_user)
                {
                    gate.record(Some(failure));
                }
                state.status.failed_renewals += 1;
                if failure.kind == FailureKind::AuthFailure {
                    tracing::error!(
                        target = self.target.as_str(), kind = %failure.kind, error = %failure,
                        "the CRM refuses to log us in; deliveries wait until somebody mends it"
                    );
                }
            }
        }
        state.last = Some(outcome.clone());
    }

    async fn obtain(&self) -> TokenResult {
        let Some(rotation) = &self.rotation else {
            let granted = self.exchange(None).await?;
            return self.token_from(&granted);
        };
        let turn = rotation.lock_token().await.map_err(|reason| {
            temporary(format!("the refresh token cannot be used now: {reason}"))
        })?;
        let granted = self.exchange(Some(&turn.token)).await?;
        if let Some(next) = &granted.refresh_token {
            let kept = rotation.save(turn, next).await;
            kept.map_err(|reason| {
                temporary(format!("the new refresh token cannot be kept: {reason}"))
            })?;
        }
        self.token_from(&granted)
    }

    async fn exchange(&self, refresh_token: Option<&Secret>) -> Result<Granted, Failure> {
        let form = self
            .flow
            .form(self.dialect.client_auth, refresh_token, self.clock.now())
            .map_err(|_| held("the assertion cannot be signed with private_key".to_owned()))?;
        let request = self
            .http
            .post(self.flow.token_url.clone())
            .header(ACCEPT, "application/json")
            .timeout(TOKEN_TIMEOUT)
            .form(&form);
        let request = match self.flow.basic_auth(self.dialect.client_auth) {
            Some((id, secret)) => request.basic_auth(&id, Some(&secret)),
            None => request,
        };
        let answer = self.http.log_in(request).await.map_err(unreachable)?;
        let granted = answer::read(self.dialect, &answer, self.clock.now());
        let granted = granted.map_err(|failure| match self.flow.sends_password() {
            true => answer::to_password(*failure),
            false => *failure,
        })?;
        self.http.remember(&granted.access_token);
        granted
            .refresh_token
            .iter()
            .for_each(|token| self.http.remember(token));
        Ok(granted)
    }

    fn token_from(&self, granted: &Granted) -> TokenResult {
        let named = granted.instance_url.as_deref();
        let instance_url = (self.dialect.data_address)(named, &self.base_url).map_err(|place| {
            held(format!(
                "the token answer wants data calls sent to {place}, which is none of the CRM's addresses"
            ))
        })?;
        let credential = Credential::bearer(&granted.access_token)
            .ok_or_else(|| held("the access token cannot stand in a header".to_owned()))?
            .at_instance(instance_url)
            .of_issue(self.state().calls + 1);
        Ok(Token::new(credential, self.clock.now(), granted.lifetime))
    }
}

/// No data call was sent, so nothing is in doubt.
fn unreachable(failure: Failure) -> Failure {
    let mut unreachable = temporary(format!("the token endpoint: {}", failure.message));
    unreachable.status = failure.status;
    unreachable
}

fn temporary(message: String) -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        message,
    )
}

fn held(message: String) -> Failure {
    Failure::new(
        FailureKind::AuthFailure,
        class(FailureScope::User, ResolvedBy::PersonInCrm),
        message,
    )
}
