//! Changes of one item or of many, with the questions that come before them.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use http::Method;
use serde_json::json;

use super::arguments::{Query, Selection};
use super::call::Api;
use crate::cli::outcome::{Failed, NOT_FINE, Outcome};
use crate::cli::{Output, config, print};

impl Api {
    /// Refuses a choice that says nothing, or a filter beside ids.
    pub(super) fn chosen(
        &self,
        action: &str,
        which: &Selection,
        query: &Query,
    ) -> Result<(), Failed> {
        if which.all {
            return Ok(());
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
        Ok(())
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
        self.chosen(action, which, &query)?;
        if which.all {
            query.extend(options);
            query.push(("all", Some("true".to_owned())));
            return self.act_on_many(&[action], which.yes, query).await;
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
        match self.output() {
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

    /// Asks on a terminal; without one the answer must be `--yes`.
    pub(super) fn confirmed(&self, action: &str) -> Result<bool, Failed> {
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
}
