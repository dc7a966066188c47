//! Sending one request: credentials, one renewal after a 401, and judging the answer.
//!
//! Knows nothing of tickets.

use std::sync::Arc;

use ::http::header::ACCEPT;
use serde_json::Value;
use url::Url;

use super::limits;
use super::record::Record;
use super::rejection::{Cause, Rejection};
use super::requests::Request;
use super::role_check::RoleChecks;
use super::verdict::judge;
use crate::clock::Clock;
use crate::targets::claim::ClaimCheck;
use crate::targets::http;
use crate::targets::last_allowance::LastAllowance;
use crate::targets::login::{Credential, Login};
use crate::targets::pace::Pace;
use crate::targets::password_gate::PasswordGate;

/// A connection to one instance. Clones share it.
#[derive(Clone)]
pub(super) struct ApiClient {
    pub(super) http: http::Client,
    pub(super) base: Url,
    pub(super) login: Arc<dyn Login>,
    pub(super) clock: Clock,
    pub(super) allowance: LastAllowance,
    /// Where each call sends a user's password.
    pub(super) password_gate: Option<PasswordGate>,
    pub(super) role_checks: RoleChecks,
}

impl ApiClient {
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

    /// Sends `request` and returns the `result` of the answer. After a 401 the credential is
    /// renewed and the request repeated, once: a 401 is refused before it is processed.
    pub(super) async fn send(&self, request: &Request) -> Result<Value, Rejection> {
        Ok(self.exchange(request).await?.result)
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, Rejection> {
        let Some(gate) = &self.password_gate else {
            return self.with_login(request).await;
        };
        let turn = gate.enter().await.map_err(Rejection::of_login)?;
        let outcome = self.with_login(request).await;
        gate.record(outcome.as_ref().err().map(|rejection| &rejection.failure));
        drop(turn);
        outcome
    }

    async fn with_login(&self, request: &Request) -> Result<Reply, Rejection> {
        let login = self.login.credential().await;
        let credential = login.map_err(Rejection::of_login)?;
        match self.attempt(request, &credential).await {
            Err(mut rejection) if rejection.cause == Cause::Unauthenticated => {
                match self.login.renew(&credential).await {
                    Ok(Some(renewed)) => self.attempt(request, &renewed).await,
                    Ok(None) => {
                        // Whoever speaks: it may have been the instance after all.
                        rejection.failure.may_lock_user = self.login.sends_password();
                        Err(rejection)
                    }
                    Err(failure) => Err(Rejection::of_login(failure)),
                }
            }
            outcome => outcome,
        }
    }

    /// The result of an insert, and whether the instance says that it is one.
    pub(super) async fn created(&self, request: &Request) -> Result<(Record, bool), Rejection> {
        let reply = self.exchange(request).await?;
        let record = Record::from_json(reply.result).unwrap_or_default();
        Ok((record, reply.status == 201))
    }

    /// The record in the answer to `request`.
    pub(super) async fn record(&self, request: &Request) -> Result<Record, Rejection> {
        let result = self.send(request).await?;
        Record::from_json(result).ok_or_else(|| Rejection::not_a_record(request.call))
    }

    /// The record `id`; `None` for a 404, which can also mean "hidden from this user".
    pub(super) async fn read(&self, request: &Request) -> Result<Option<Record>, Rejection> {
        match self.record(request).await {
            Err(rejection) if rejection.cause == Cause::Absent => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// The rows in the answer to `request`.
    pub(super) async fn rows(&self, request: &Request) -> Result<Vec<Record>, Rejection> {
        match self.send(request).await? {
            Value::Array(rows) => Ok(rows.into_iter().filter_map(Record::from_json).collect()),
            _ => Err(Rejection::not_a_record(request.call)),
        }
    }

    /// The rows in the answer to `request`, and how many the instance counts in all. It counts
    /// before it leaves out those that our user may not see.
    pub(super) async fn counted_rows(
        &self,
        request: &Request,
    ) -> Result<(Vec<Record>, Option<usize>), Rejection> {
        let reply = self.exchange(request).await?;
        match reply.result {
            Value::Array(rows) => {
                let rows = rows.into_iter().filter_map(Record::from_json).collect();
                Ok((rows, reply.total))
            }
            _ => Err(Rejection::not_a_record(request.call)),
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        credential: &Credential,
    ) -> Result<Reply, Rejection> {
        let mut call = self
            .http
            .request(request.method.clone(), request.address(&self.base))
            .header(ACCEPT, "application/json");
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let answer = self
            .http
            .send(credential.on(call))
            .await
            .map_err(|failure| Rejection::of_transport(request.call, failure))?;
        let now = self.clock.now();
        self.allowance.note(limits::allowance(&answer.headers, now));
        let judged = judge(request.call, &answer, now);
        let result = judged.map_err(|rejection| self.role_checks.classified(*rejection, now))?;
        let total = answer.headers.get("x-total-count");
        let total = total.and_then(|count| count.to_str().ok()?.parse().ok());
        Ok(Reply {
            status: answer.status,
            result,
            total,
        })
    }
}

/// What came back: `result`, and the count of a list.
struct Reply {
    status: u16,
    result: Value,
    total: Option<usize>,
}
