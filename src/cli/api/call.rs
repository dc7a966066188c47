//! Asks the admin API, and prints what comes back.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::super::outcome::{Failed, NOT_FINE, Outcome};
use super::super::table::{self, Column};
use super::super::{Global, Output, client, config, print};
use super::arguments::{ApiArgs, Query, Selection};
use crate::outbound::{Client, RequestBuilder};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Items that one page of the API can hold.
const PAGE: u32 = 500;

/// One list of the admin API of a running daemon.
pub(super) struct Api {
    client: Client,
    base: Url,
    token: Option<String>,
    output: Output,
    /// `incidents`, `dead-letters`, `review` or `silences`.
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

    /// Prints at most `limit` items, page by page.
    pub(super) async fn list(&self, query: Query, limit: u32, columns: &[Column]) -> Outcome {
        let (mut items, mut next) = (Vec::new(), Value::Null);
        let mut dropped;
        loop {
            let left = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            let mut page_query = query.clone();
            page_query.push(("limit", Some(left.min(PAGE).to_string())));
            page_query.push(("cursor", next.as_str().map(str::to_owned)));
            let mut page = self.call(Method::GET, &[], page_query).await?;
            next = page["next"].take();
            dropped = page["dropped"].take();
            let Value::Array(more) = page["items"].take() else {
                return Err(Failed::not_fine(format!(
                    "{} does not answer as Ringdown's admin API does; is it another server?",
                    self.base
                )));
            };
            items.extend(more);
            if next.is_null() || items.len() >= limit as usize {
                break;
            }
        }
        match (self.output, items.is_empty()) {
            (Output::Json, _) => {
                let mut list = json!({"items": items, "next": next});
                if !dropped.is_null() {
                    list["dropped"] = dropped.take();
                }
                print(&config::pretty(&list));
            }
            (Output::Table | Output::Wide, true) => print(&format!("No {}.", self.things())),
            (Output::Table | Output::Wide, false) => {
                items.iter_mut().for_each(mark_flapping);
                print(&table::render(&items, columns));
            }
        }
        if !self.output.is_json() && !next.is_null() {
            print(&format!(
                "These are {}; there are more: raise --limit or filter.",
                items.len()
            ));
        }
        for one in dropped.as_array().into_iter().flatten() {
            print(&format!(
                "{} older items of {} were dropped because there were too many, the last at {}.",
                table::shown(one.get("dropped")),
                table::shown(one.get("source")),
                table::shown(one.get("dropped_at"))
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints one item.
    pub(super) async fn show(&self, id: &str) -> Outcome {
        let item = self.call(Method::GET, &[id], Query::new()).await?;
        self.print_answer(&item)
    }

    /// Makes an item of `body`, and prints what was made.
    pub(super) async fn create(&self, body: &Value) -> Outcome {
        let request = self.request(Method::POST, &[]).json(body);
        let item = accepted(self.answer(request, &[]).await?)?;
        self.print_answer(&item)
    }

    /// Does `action` to the chosen items. One that cannot be done does not stop the others.
    /// `options` go with ids and with a filter.
    pub(super) async fn act(
        &self,
        action: &str,
        which: &Selection,
        mut query: Query,
        options: Query,
    ) -> Outcome {
        if which.all {
            query.extend(options);
            query.push(("all", Some("true".to_owned())));
            return self.act_on_many(&[action], which.yes, query).await;
        }
        if query.iter().any(|(_, value)| value.is_some()) {
            return Err(Failed::usage(format!(
                "a filter goes with --all and not with ids: {action} --all and the filter"
            )));
        }
        if which.ids.is_empty() {
            return Err(Failed::usage(format!(
                "say which {} to {action} by their ids, or all with --all",
                self.things()
            )));
        }
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for id in &which.ids {
            match self
                .call(Method::POST, &[id, action], options.clone())
                .await
            {
                Ok(_) => done.push(id.as_str()),
                Err(failure) => failed.push(format!("{id}: {}", failure.message)),
            }
        }
        match self.output {
            Output::Json => print(&config::pretty(&json!({(action): done, "failed": failed}))),
            Output::Table | Output::Wide => {
                print(&format!("{action}: {} of {}", done.len(), which.ids.len()))
            }
        }
        if failed.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Failed::not_fine(failed.join("\n")))
        }
    }

    /// Does `action` to the item `id`, which stands for many, and prints what came of it.
    pub(super) async fn act_on_one(&self, id: &str, action: &str, sure: bool) -> Outcome {
        self.act_on_many(&[id, action], sure, Query::new()).await
    }

    /// `path` ends in the action.
    async fn act_on_many(&self, path: &[&str], sure: bool, query: Query) -> Outcome {
        if !sure && !self.confirmed(path.last().unwrap_or(&""))? {
            let _ = writeln!(std::io::stderr(), "Nothing was changed.");
            return Ok(ExitCode::from(NOT_FINE));
        }
        let answer = self.call(Method::POST, path, query).await?;
        self.print_answer(&answer)
    }

    #[expect(clippy::unnecessary_wraps, reason = "every command ends in an outcome")]
    fn print_answer(&self, answer: &Value) -> Outcome {
        match self.output {
            Output::Json => print(&config::pretty(answer)),
            Output::Table | Output::Wide => print(&table::details(answer)),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Asks on a terminal; without one the answer must be `--yes`.
    fn confirmed(&self, action: &str) -> Result<bool, Failed> {
        if !std::io::stdin().is_terminal() {
            return Err(Failed::usage(format!(
                "{action} changes many {}; add --yes to confirm",
                self.things()
            )));
        }
        let mut err = std::io::stderr();
        let _ = write!(err, "{action} all chosen {}? [y/N] ", self.things());
        let _ = err.flush();
        let mut answer = String::new();
        let _ = std::io::stdin().read_line(&mut answer);
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
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

    async fn call(&self, method: Method, path: &[&str], query: Query) -> Result<Value, Failed> {
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
    fn things(&self) -> &'static str {
        match self.place {
            "dead-letters" => "dead letters",
            "review" => "review items",
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

/// A list shows by its state which incidents flap.
pub(super) fn mark_flapping(incident: &mut Value) {
    if incident.get("flapping") == Some(&Value::Bool(true)) {
        incident["state"] = json!(format!("{}, flapping", table::shown(incident.get("state"))));
    }
}
