//! One call: with the credential in force, renewed and repeated once after a 401.

use std::sync::Arc;

use reqwest::{Client, RequestBuilder};
use url::Url;

use super::verdict;
use crate::clock::Clock;
use crate::domain::failure::Failure;
use crate::targets::http::{self, Answer};
use crate::targets::login::{Credential, Login};

/// Whether a call can change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It cannot: whatever becomes of it, nothing is in doubt.
    Read,
    /// It can.
    Write,
}

/// Where calls go and who they are from.
pub(super) struct Call {
    pub(super) target: String,
    pub(super) client: Client,
    pub(super) base_url: Url,
    pub(super) login: Arc<dyn Login>,
    pub(super) clock: Clock,
}

impl Call {
    /// The address that data calls go to, without a slash at its end.
    pub(super) async fn instance(&self) -> String {
        let credential = self.login.credential().await.ok();
        self.base(credential.as_ref())
    }

    fn base(&self, credential: Option<&Credential>) -> String {
        let url = credential
            .and_then(Credential::instance_url)
            .unwrap_or(&self.base_url);
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// Sends what `build` makes. Answers of any status but a refused login come back.
    ///
    /// # Errors
    ///
    /// A classified failure of the login or of the way to Salesforce.
    pub(super) async fn send(
        &self,
        effect: Effect,
        build: impl Fn(&Client, &str) -> RequestBuilder + Send + Sync,
    ) -> Result<Answer, Failure> {
        let credential = self.login.credential().await?;
        let answer = self.send_as(&credential, effect, &build).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        if let Some(hopeless) = verdict::hopeless_session(&answer) {
            return Err(hopeless);
        }
        // A 401 is a refusal before anything is done: repeating it is safe.
        tracing::debug!(target = self.target, "the session was refused; renewing it");
        let Some(renewed) = self.login.renew(&credential).await? else {
            return Err(verdict::refused_session(&answer));
        };
        let answer = self.send_as(&renewed, effect, &build).await?;
        if answer.status == 401 {
            return Err(verdict::refused_session(&answer));
        }
        Ok(answer)
    }

    async fn send_as(
        &self,
        credential: &Credential,
        effect: Effect,
        build: &(impl Fn(&Client, &str) -> RequestBuilder + Send + Sync),
    ) -> Result<Answer, Failure> {
        let request = build(&self.client, &self.base(Some(credential)))
            .header(reqwest::header::ACCEPT, "application/json");
        let answered = http::send(credential.on(request)).await;
        answered.map_err(|mut failure| {
            if effect == Effect::Read {
                failure.outcome_unknown = false;
            }
            failure
        })
    }
}
