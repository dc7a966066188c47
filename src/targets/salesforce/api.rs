//! Sending one request: to the instance the token names, with one renewal after a 401.
//!
//! Knows nothing of tickets.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::ACCEPT;
use serde_json::Value;
use url::Url;

use super::blame::blame;
use super::limits;
use super::refusal::Refusal;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::together::OneByOne;
use super::verdict::{self, Saved};
use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;
use crate::targets::claim::ClaimCheck;
use crate::targets::http::{Answer, Client};
use crate::targets::last_allowance::LastAllowance;
use crate::targets::login::{Credential, Login};
use crate::targets::pace::Pace;

/// Pages of one query that are read at most.
const MAX_PAGES: usize = 20;

/// A connection to one org. Clones share it.
#[derive(Clone)]
pub(super) struct ApiClient {
    http: Client,
    base_url: Url,
    version: String,
    pub(super) login: Arc<dyn Login>,
    pub(super) clock: Clock,
    pub(super) one_by_one: OneByOne,
    /// The instance that was last asked.
    site: Arc<Mutex<Url>>,
    pub(super) allowance: LastAllowance,
}

/// How an answer is read.
pub(super) type Judge<T> = fn(Call, &Answer, Timestamp) -> Result<T, Rejection>;

impl ApiClient {
    pub(super) fn new(
        http: Client,
        base_url: &Url,
        version: &str,
        login: Arc<dyn Login>,
        clock: Clock,
    ) -> Self {
        Self {
            http,
            base_url: base_url.clone(),
            version: version.to_owned(),
            login,
            clock,
            one_by_one: OneByOne::default(),
            site: Arc::new(Mutex::new(base_url.clone())),
            allowance: LastAllowance::default(),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.http.pace().clone()
    }

    /// The same connection, whose requests are sent only while `claim` allows it.
    pub(super) fn for_claim(&self, claim: ClaimCheck) -> Self {
        Self {
            http: self.http.for_claim(claim),
            ..self.clone()
        }
    }

    /// Sends a request that writes a record.
    pub(super) async fn save(&self, request: &Request) -> Result<Saved, Rejection> {
        self.send(request, verdict::saved).await
    }

    pub(super) async fn change(&self, request: &Request) -> Result<(), Rejection> {
        self.send(request, |_, answer, now| verdict::changed(answer, now))
            .await
    }

    pub(super) async fn object(&self, request: &Request) -> Result<Value, Rejection> {
        self.send(request, verdict::body).await
    }

    /// Judges the answer to a part.
    pub(super) fn judged<T>(
        &self,
        part: &Request,
        answer: &Answer,
        judge: Judge<T>,
    ) -> Result<T, Rejection> {
        let judged = judge(part.call, answer, self.clock.now());
        judged.map_err(|rejection| blamed(rejection, part, answer))
    }

    /// The rows of a query, from all of its pages.
    pub(super) async fn rows(&self, query: Request) -> Result<Vec<Value>, Rejection> {
        let call = query.call;
        let mut request = query;
        let mut rows = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut page = self.send(&request, page).await?;
            if let Some(Value::Array(records)) = page.get_mut("records").map(Value::take) {
                rows.extend(records);
            }
            let is_done = page.get("done").and_then(Value::as_bool).unwrap_or(true);
            match page.get("nextRecordsUrl").and_then(Value::as_str) {
                Some(next) if !is_done => request = Request::page(call, next),
                _ => break,
            }
        }
        Ok(rows)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The versions of the API that the org offers (`v64.0`), for which it wants no login.
    pub(super) async fn versions(&self) -> Result<Vec<String>, Rejection> {
        let credential = self.login.credential().await;
        let credential = credential.map_err(Rejection::of_login)?;
        let site = credential.instance_url().unwrap_or(&self.base_url);
        let address = site.join("/services/data/");
        let address = address.map_err(|_| Rejection::of_login(elsewhere()))?;
        let request = self.http.get(address).header(ACCEPT, "application/json");
        let answer = self
            .http
            .send(request)
            .await
            .map_err(|failure| Rejection::of_transport(Call::Ask, failure))?;
        let list = verdict::list(Call::Ask, &answer, self.clock.now())?;
        let version = |one: &Value| Some(format!("v{}", one.get("version")?.as_str()?));
        Ok(list.iter().filter_map(version).collect())
    }

    /// Forgets the token, and the instance that came with it.
    pub(super) fn forget_login(&self) {
        self.login.forget();
        *self.site.lock().unwrap_or_else(PoisonError::into_inner) = self.base_url.clone();
    }

    /// Where people find the org's tickets.
    pub(super) fn site(&self) -> Url {
        // One assignment: whole whatever happened while the lock was held.
        let site = self.site.lock().unwrap_or_else(PoisonError::into_inner);
        site.clone()
    }

    /// After a 401 the token is renewed and the request repeated, once: a 401 is refused
    /// before it is processed.
    pub(super) async fn send<T>(&self, request: &Request, judge: Judge<T>) -> Result<T, Rejection> {
        let login = self.login.credential().await;
        let credential = login.map_err(Rejection::of_login)?;
        match self.attempt(request, &credential, judge).await {
            Err(rejection) if rejection.cause == Cause::Unauthenticated => {
                let renewal = self.login.renew(&credential).await;
                match renewal.map_err(Rejection::of_login)? {
                    Some(renewed) => self.attempt(request, &renewed, judge).await,
                    None => Err(rejection),
                }
            }
            outcome => outcome,
        }
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        credential: &Credential,
        judge: Judge<T>,
    ) -> Result<T, Rejection> {
        let site = credential.instance_url().unwrap_or(&self.base_url);
        *self.site.lock().unwrap_or_else(PoisonError::into_inner) = site.clone();
        let address = request.address(site, &self.version);
        let address = address.ok_or_else(|| Rejection::of_login(elsewhere()))?;
        let mut call = self
            .http
            .request(request.method.clone(), address)
            .header(ACCEPT, "application/json")
            .header("sforce-call-options", "client=ringdown");
        for (name, value) in &request.headers {
            call = call.header(*name, *value);
        }
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let answer = self
            .http
            .send(credential.on(call))
            .await
            .map_err(|failure| Rejection::of_transport(request.call, failure))?;
        let now = self.clock.now();
        self.allowance.note(limits::allowance(&answer, now));
        judge(request.call, &answer, now).map_err(|rejection| blamed(rejection, request, &answer))
    }
}

/// `rejection` with the fields of `request` that it is about.
fn blamed(mut rejection: Rejection, request: &Request, answer: &Answer) -> Rejection {
    if let (Some(Value::Object(sent)), Some(refusal)) = (&request.body, Refusal::in_answer(answer))
    {
        *rejection.failure = blame(*rejection.failure, &refusal, sent);
    }
    rejection
}

/// A page of a query is an object that has records.
fn page(call: Call, answer: &Answer, now: Timestamp) -> Result<Value, Rejection> {
    let body = verdict::body(call, answer, now)?;
    if body.get("records").is_some_and(Value::is_array) {
        return Ok(body);
    }
    Err(Rejection::unusable(call, answer, "a query without records"))
}

/// Nothing was sent: the token must not leave the org.
fn elsewhere() -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        "the next page of a query is not on this instance",
    )
}
