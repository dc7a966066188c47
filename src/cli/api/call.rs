//! Asks the admin API.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::super::outcome::Failed;
use super::super::table;
use super::super::{Global, Output, client};
use super::arguments::{ApiArgs, Query};
use crate::outbound::{Client, RequestBuilder};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One list of the admin API of a running daemon.
pub(super) struct Api {
    client: Client,
    base: Url,
    token: Option<String>,
    output: Output,
    /// `incidents`, `dead-letters`, `review`, …
    place: &'static str,
}

impl Api {
    pub(super) fn new(args: ApiArgs, global: &Global, place: &'static str) -> Result<Self, Failed> {
        let base = client::base(args.url.as_deref(), global)?;
        Ok(Self {
            client: client::http(PATIENCE)?,
            base,
            token: args.token,
            output: global.output,
            place,
        })
    }

    /// The answer to `body` at `path`.
    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failed> {
        self.post_with(path, Query::new(), body).await
    }

    /// The answer to `body` at `path` with `query`.
    pub(super) async fn post_with(
        &self,
        path: &[&str],
        query: Query,
        body: &Value,
    ) -> Result<Value, Failed> {
        let query: Vec<(&str, String)> = query
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let request = self.request(Method::POST, path).query(&query).json(body);
        accepted(self.answer(request, path).await?)
    }

    /// The answer to a change at `path`.
    pub(super) async fn change(&self, path: &[&str], query: Query) -> Result<Value, Failed> {
        self.call(Method::POST, path, query).await
    }

    /// Where the daemon is.
    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// How results are printed.
    pub(super) const fn output(&self) -> Output {
        self.output
    }

    /// What is at `path`; `None` when nothing is.
    pub(super) async fn find(
        &self,
        path: &[&str],
        query: &[(&'static str, Option<String>)],
    ) -> Result<Option<Value>, Failed> {
        let (status, body) = self.ask(Method::GET, path, query.to_vec()).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(body)),
            status => Err(refused(status, &body)),
        }
    }

    /// What is at `path` of another list; nothing, when nothing is there.
    pub(super) async fn find_in(
        &self,
        place: &'static str,
        path: &[&str],
    ) -> Result<Option<Value>, Failed> {
        let other = Self {
            client: self.client.clone(),
            base: self.base.clone(),
            token: self.token.clone(),
            output: self.output,
            place,
        };
        other.find(path, &[]).await
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: Query,
    ) -> Result<Value, Failed> {
        accepted(self.ask(method, path, query).await?)
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: Query,
    ) -> Result<(StatusCode, Value), Failed> {
        let query: Vec<(&str, String)> = query
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let request = self.request(method, path).query(&query);
        self.answer(request, path).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let place = [&["api", "v1", self.place], path].concat();
        client::below(&self.base, &place)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn answer(
        &self,
        request: RequestBuilder,
        path: &[&str],
    ) -> Result<(StatusCode, Value), Failed> {
        let answer = self.client.fetch(request).await;
        let answer = answer.map_err(|error| client::no_answer(&self.url(path), &error))?;
        Ok((answer.status, answer.json()))
    }

    /// What the list holds, in words.
    pub(super) fn things(&self) -> &'static str {
        match self.place {
            "dead-letters" => "dead letters",
            "review" => "review items",
            "audit" => "changes",
            "locks" => "burst locks",
            other => other,
        }
    }
}

/// The body of an answer that is not a refusal.
fn accepted((status, body): (StatusCode, Value)) -> Result<Value, Failed> {
    match status.is_success() {
        true => Ok(body),
        false => Err(refused(status, &body)),
    }
}

/// The daemon's own words, and what helps. A filter that it does not know is wrong usage.
fn refused(status: StatusCode, body: &Value) -> Failed {
    let detail = table::shown(body.get("detail").or(body.get("title")));
    match status {
        StatusCode::BAD_REQUEST => Failed::usage(detail),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failed::not_fine(format!(
            "{status}: {detail}\n--token or RINGDOWN_TOKEN takes a token of [admin.tokens]."
        )),
        _ => Failed::not_fine(format!("{status}: {detail}")),
    }
}
