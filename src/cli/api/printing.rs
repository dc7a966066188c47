//! Prints what the admin API answers: lists, single items, and what came of a change.

use std::process::ExitCode;

use http::Method;
use serde_json::{Value, json};

use super::arguments::{Query, Span};
use super::call::Api;
use super::cards::{incident_rows, outage_of, reading, screen_for, ticket_of};
use crate::cli::columns::{Cell, Screen};
use crate::cli::listing::{self, Column};
use crate::cli::outcome::{Failed, Outcome};
use crate::cli::{Output, config, print, table, write_out};
use crate::clock::Clock;

/// Where the rule stands in a line about an incident.
const AFTER_NAME: usize = 2;
/// Items that one page of the API can hold.
const PAGE: u32 = 500;

impl Api {
    /// Prints at most `limit` items in `columns`, page by page.
    pub(super) async fn list(&self, query: Query, limit: u32, columns: &[Column]) -> Outcome {
        self.list_as(query, limit, |items| {
            items.iter_mut().for_each(mark_flapping);
            self.lines(items, columns)
        })
        .await
    }

    /// The same for the items of `span`.
    pub(super) async fn list_span(
        &self,
        mut query: Query,
        span: Span,
        columns: &[Column],
    ) -> Outcome {
        let limit = span.limit;
        query.extend(span.query()?);
        self.list(query, limit, columns).await
    }

    /// Prints at most `limit` incidents as `ringdown status` does.
    pub(super) async fn list_cards(&self, query: Query, limit: u32) -> Outcome {
        self.list_as(query, limit, |items| {
            items.iter_mut().for_each(mark_flapping);
            let mut rows = incident_rows(items, Clock::System.now(), self.output());
            if self.output() == Output::Table {
                for (row, item) in rows.iter_mut().zip(items) {
                    row.insert(
                        AFTER_NAME,
                        Cell::new(table::shown(item.get("rule"))).ranked(6),
                    );
                }
            }
            screen_for(self.output()).columns(&rows)
        })
        .await
    }

    /// Prints at most `limit` incidents, also those that are over, in `columns`.
    pub(super) async fn list_incidents(
        &self,
        query: Query,
        limit: u32,
        columns: &[Column],
    ) -> Outcome {
        self.list_as(query, limit, |items| {
            for item in items.iter_mut() {
                mark_flapping(item);
                item["reading"] = json!(reading(item));
                item["outage"] = json!(outage_of(item));
                if let Some(ticket) = ticket_of(item) {
                    item["ticket"]["number"] = json!(ticket);
                    item["no_ticket"] = Value::Null;
                }
            }
            self.lines(items, columns)
        })
        .await
    }

    /// `items` as lines of `columns`.
    pub(super) fn lines(&self, items: &[Value], columns: &[Column]) -> String {
        let (screen, now) = (Screen::of_stdout(), Clock::System.now());
        listing::lines(items, columns, self.output(), screen, now)
    }

    async fn list_as(
        &self,
        query: Query,
        limit: u32,
        lines: impl Fn(&mut [Value]) -> String,
    ) -> Outcome {
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
                    self.base()
                )));
            };
            items.extend(more);
            if next.is_null() || items.len() >= limit as usize {
                break;
            }
        }
        match (self.output(), items.is_empty()) {
            (Output::Json, _) => {
                let mut list = json!({"items": items, "next": next});
                if !dropped.is_null() {
                    list["dropped"] = dropped.take();
                }
                print(&config::pretty(&list));
            }
            (Output::Table | Output::Wide, true) => print(&format!("No {}.", self.things())),
            (Output::Table | Output::Wide, false) => write_out(&lines(&mut items)),
        }
        if !self.output().is_json() && !next.is_null() {
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

    /// Prints `answer` for programs, or else what `words` say, which may have colours.
    #[expect(clippy::unnecessary_wraps, reason = "every command ends in an outcome")]
    pub(super) fn say(&self, answer: &Value, words: impl FnOnce() -> String) -> Outcome {
        match self.output() {
            Output::Json => print(&config::pretty(answer)),
            Output::Table | Output::Wide => write_out(&words()),
        }
        Ok(ExitCode::SUCCESS)
    }

    #[expect(clippy::unnecessary_wraps, reason = "every command ends in an outcome")]
    pub(super) fn print_answer(&self, answer: &Value) -> Outcome {
        match self.output() {
            Output::Json => print(&config::pretty(answer)),
            Output::Table | Output::Wide => print(&table::details(answer)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A list shows by its state which incidents flap.
pub(super) fn mark_flapping(incident: &mut Value) {
    if incident.get("flapping") == Some(&Value::Bool(true)) {
        incident["state"] = json!(format!("{}, flapping", table::shown(incident.get("state"))));
    }
}
