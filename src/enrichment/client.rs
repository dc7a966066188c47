//! The Genesys Cloud Platform API: a token by client credentials, names, and how queues stand.
//!
//! Paths, fields and limits: Genesys Cloud developer documentation and the Platform API SDK
//! (routing, telephony providers edges, analytics queue observations).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::answers::{edge, queue, standing, trunk};
use super::budget::CallBudget;
use crate::clock::Clock;
use crate::domain::enrichment::{Names, Standing};
use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::outbound::{Redactor, RequestBuilder};
use crate::settings::{EnrichmentSettings, Secret};
use crate::targets::http::{Answer, Client, LoginAnswer, MAX_TOKEN_BYTES};

/// Queues in one question; the API takes at most 200 predicates.
pub(crate) const MAX_QUEUES: usize = 100;
const PAGE_SIZE: u32 = 100;
/// Pages read of one list: 10,000 things.
const MAX_PAGES: u32 = 100;
/// A token is renewed this long before it expires.
const RENEW_EARLIER: Duration = Duration::from_secs(60);

/// The Platform API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// It could not be reached, or not in time.
    #[error("the Platform API cannot be reached: {0}")]
    Unreachable(#[from] Failure),
    /// The client's credentials are refused.
    #[error(
        "the Platform API refuses the login (HTTP {status}): {answer}; look at enrichment.client_id and client_secret"
    )]
    LoginRefused { status: u16, answer: String },
    #[error("the Platform API asks to wait for {} s", .wait.as_secs())]
    TooFast { wait: Duration },
    #[error(
        "the Platform API refuses {path} (HTTP {status}): {answer}; look at the roles of the OAuth client"
    )]
    Refused {
        path: &'static str,
        status: u16,
        answer: String,
    },
    /// The answer is not what the documentation says.
    #[error("the Platform API's answer to {path} is not understood")]
    NotUnderstood { path: &'static str },
}

impl ApiError {
    /// Whether only this question is refused, and others need not be.
    pub(crate) const fn is_about_the_question(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status < 500,
            Self::NotUnderstood { .. } => true,
            Self::Unreachable(_) | Self::LoginRefused { .. } | Self::TooFast { .. } => false,
        }
    }

    /// A stable name for metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "network_failure",
            Self::LoginRefused { .. } => "auth_failure",
            Self::TooFast { .. } => "rate_limited",
            Self::Refused { .. } => "integration_failure",
            Self::NotUnderstood { .. } => "schema_mismatch",
        }
    }
}

#[derive(Clone)]
struct Token {
    value: Secret,
    until: Timestamp,
}

/// A client of one organization's Platform API.
#[derive(Clone)]
pub(crate) struct PlatformApi {
    http: Client,
    settings: EnrichmentSettings,
    clock: Clock,
    token: Option<Token>,
    /// The calls that may be made; `None`: any number.
    pub(super) budget: Option<CallBudget>,
    /// When the last call was sent, by the API's own clock where it tells the time.
    pub(super) asked_at: Timestamp,
}

const TOKEN: &str = "/oauth/token";
const QUEUES: &str = "/api/v2/routing/queues";
pub(super) const TRUNKS: &str = "/api/v2/telephony/providers/edges/trunks";
pub(super) const EDGES: &str = "/api/v2/telephony/providers/edges";
pub(super) const OBSERVATIONS: &str = "/api/v2/analytics/queues/observations/query";

impl PlatformApi {
    /// A client with `settings`. Nothing is sent yet. Answers go through `redactor`.
    pub(crate) fn new(
        settings: &EnrichmentSettings,
        redactor: &Redactor,
        clock: Clock,
    ) -> std::io::Result<Self> {
        Ok(Self {
            http: Client::new(settings.timeout, redactor)?,
            settings: settings.clone(),
            asked_at: clock.now(),
            clock,
            token: None,
            budget: None,
        })
    }

    /// All names. What the client may not read is left out and answered as the error.
    pub(crate) async fn names(&mut self) -> (Names, Option<ApiError>) {
        let mut names = Names::default();
        let mut problem = None;
        match self.list(QUEUES).await {
            Ok(queues) => names.queues = queues.iter().filter_map(queue).collect(),
            Err(error) => problem = Some(error),
        }
        match self.list(TRUNKS).await {
            Ok(trunks) => names.trunks = trunks.iter().filter_map(trunk).collect(),
            Err(error) => problem = problem.or(Some(error)),
        }
        match self.list(EDGES).await {
            Ok(edges) => names.edges = edges.iter().filter_map(edge).collect(),
            Err(error) => problem = problem.or(Some(error)),
        }
        (names, problem)
    }

    /// How `queue_ids`, at most 100, stand now. A queue in which nothing happens is
    /// not in the answer; nobody waits there.
    pub(crate) async fn standings(
        &mut self,
        queue_ids: &[String],
    ) -> Result<HashMap<String, Standing>, ApiError> {
        let predicates: Vec<Value> = queue_ids
            .iter()
            .map(|id| json!({"dimension": "queueId", "operator": "matches", "value": id}))
            .collect();
        let question = json!({
            "filter": {"type": "or", "predicates": predicates},
            "metrics": ["oWaiting", "oOnQueueUsers"],
        });
        let url = self.at(OBSERVATIONS);
        let answer = self
            .call(OBSERVATIONS, |http| http.post(url.clone()).json(&question))
            .await?;
        let body = answer.json();
        let results = body.as_ref().and_then(|body| body["results"].as_array());
        let results = results.ok_or(ApiError::NotUnderstood { path: OBSERVATIONS })?;
        let asked_at = self.clock.now();
        let standing = |id: &String| (id.clone(), standing(id, results, asked_at));
        Ok(queue_ids.iter().map(standing).collect())
    }

    /// Everything in the list at `path`.
    async fn list(&mut self, path: &'static str) -> Result<Vec<Value>, ApiError> {
        Ok(self.list_from(path).await?.0)
    }

    /// Everything in the list at `path`, and when the first part of it was asked for.
    pub(super) async fn list_from(
        &mut self,
        path: &'static str,
    ) -> Result<(Vec<Value>, Timestamp), ApiError> {
        let mut all = Vec::new();
        let mut first_at = None;
        for page in 1..=MAX_PAGES {
            let mut url = self.at(path);
            url.query_pairs_mut()
                .append_pair("pageSize", &PAGE_SIZE.to_string())
                .append_pair("pageNumber", &page.to_string());
            let answer = self.call(path, |http| http.get(url.clone())).await?;
            first_at.get_or_insert(self.asked_at);
            let mut body = answer.json().ok_or(ApiError::NotUnderstood { path })?;
            let entities = body["entities"].take();
            let Value::Array(entities) = entities else {
                return Err(ApiError::NotUnderstood { path });
            };
            let count = entities.len();
            all.extend(entities);
            let last = body["pageCount"].as_u64().unwrap_or(1);
            if count == 0 || u64::from(page) >= last {
                break;
            }
        }
        Ok((all, first_at.unwrap_or(self.asked_at)))
    }

    /// One call; a token that is refused is renewed once.
    pub(super) async fn call(
        &mut self,
        path: &'static str,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, ApiError> {
        let token = self.token().await?;
        let answer = self.send(request(&self.http), &token).await?;
        let answer = if answer.status == 401 {
            self.token = None;
            let token = self.token().await?;
            self.send(request(&self.http), &token).await?
        } else {
            answer
        };
        self.accepted(path, answer)
    }

    async fn send(&mut self, request: RequestBuilder, token: &Secret) -> Result<Answer, Failure> {
        self.spend().await;
        let sent_at = (self.clock.now(), Instant::now());
        let answer = self.http.send(request.bearer_auth(token.expose())).await?;
        // Our clock may be wrong, and times are compared with those of the API's own events.
        let by_its_clock = answer.date().map(|date| date.minus(sent_at.1.elapsed()));
        self.asked_at = by_its_clock.unwrap_or(sent_at.0);
        Ok(answer)
    }

    async fn spend(&self) {
        if let Some(budget) = &self.budget {
            budget.spend().await;
        }
    }

    async fn token(&mut self) -> Result<Secret, ApiError> {
        let now = self.clock.now();
        if let Some(token) = self.token.as_ref().filter(|token| now < token.until) {
            return Ok(token.value.clone());
        }
        let mut url = self.settings.login_url.clone();
        url.set_path(TOKEN);
        let request = self
            .http
            .post(url)
            .basic_auth(
                &self.settings.client_id,
                Some(self.settings.client_secret.expose()),
            )
            .form(&[("grant_type", "client_credentials")]);
        self.spend().await;
        let LoginAnswer { answer, body } = self.http.log_in(request).await?;
        if matches!(answer.status, 400 | 401 | 403) {
            return Err(ApiError::LoginRefused {
                status: answer.status,
                answer: answer.excerpt(),
            });
        }
        self.accepted(TOKEN, answer)?;
        let body = serde_json::from_str(body.expose());
        let body = body.map(|PlainJson(body)| body).unwrap_or_default();
        let value = body["access_token"].as_str();
        let value = value.filter(|value| value.len() <= MAX_TOKEN_BYTES);
        let value = Secret::new(value.ok_or(ApiError::NotUnderstood { path: TOKEN })?);
        let lasts = Duration::from_secs(body["expires_in"].as_u64().unwrap_or(0));
        self.token = Some(Token {
            value: value.clone(),
            until: now.plus(lasts.saturating_sub(RENEW_EARLIER)),
        });
        Ok(value)
    }

    fn accepted(&self, path: &'static str, answer: Answer) -> Result<Answer, ApiError> {
        match answer.status {
            200..=299 => Ok(answer),
            429 => Err(ApiError::TooFast {
                wait: answer
                    .retry_after(self.clock.now())
                    .unwrap_or(Duration::from_secs(60)),
            }),
            status => Err(ApiError::Refused {
                path,
                status,
                answer: answer.excerpt(),
            }),
        }
    }

    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.settings.api_url.clone();
        url.set_path(path);
        url
    }
}
