//! Secrets: `{ env = "NAME" }`, `{ file = "PATH" }`, or a literal, which is warned about.
//!
//! No message here repeats a secret, nor a value that might be one.

use config::ValueKind;

use super::entry::{Entry, Fault};
use super::origin_within;
use super::section::{BUILT_IN, Section};
use crate::rules::nearest;
use crate::settings::Secret;
use crate::settings::layers::Table;

const SPELLING: &str = "a secret is { env = \"NAME\" } or { file = \"PATH\" }";

/// Shorter secrets are in any text by chance, so that they are not looked for in answers.
const SHORTEST_HIDDEN: usize = 4;

/// A secret and how it is shown.
pub(super) struct FoundSecret {
    pub(super) secret: Secret,
    pub(super) shown: String,
    /// Whether it stands in a file of the configuration.
    pub(super) literal: bool,
}

impl Section<'_> {
    /// A secret that must be set.
    pub(super) fn secret(&self, key: &'static str) -> Option<Secret> {
        match self.entry(key) {
            Some(entry) => entry.secret(),
            None => self.missing(key),
        }
    }

    /// A secret that may be absent: `Some(None)` then.
    #[expect(
        clippy::option_option,
        reason = "outer: was it understood; inner: was it set"
    )]
    pub(super) fn optional_secret(&self, key: &'static str) -> Option<Option<Secret>> {
        match self.entry(key) {
            Some(entry) => entry.secret().map(Some),
            None => {
                self.unset(key);
                Some(None)
            }
        }
    }
}

impl Entry<'_> {
    /// The secret, noted in effect as the place it came from.
    pub(super) fn secret(&self) -> Option<Secret> {
        match self.find_secret() {
            Ok(found) => {
                if found.literal {
                    let reason =
                        format!("the secret stands in the configuration itself; {SPELLING}");
                    self.walk.warn(&self.path, reason, self.value.origin());
                }
                if found.secret.expose().len() < SHORTEST_HIDDEN {
                    let reason = format!(
                        "the secret has fewer than {SHORTEST_HIDDEN} characters: it is easily \
                         guessed, and cannot be taken out of what others answer"
                    );
                    self.walk.warn(&self.path, reason, self.value.origin());
                }
                let layer = origin_within(&self.value).unwrap_or(BUILT_IN);
                self.walk.in_effect(&self.path, found.shown, layer);
                Some(found.secret)
            }
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// The secret and how to show it.
    pub(super) fn find_secret(&self) -> Result<FoundSecret, Fault> {
        if let Ok(table) = self.table() {
            return self.referenced(&table);
        }
        let ValueKind::String(text) = &self.value.kind else {
            return Err(format!("must be text; {SPELLING}").into());
        };
        if text.is_empty() {
            return Err("is empty".into());
        }
        let shown = match self.variable() {
            Some(name) => format!("[secret from env {name}]"),
            None => "[secret]".to_owned(),
        };
        Ok(FoundSecret {
            secret: Secret::new(text.as_str()),
            shown,
            literal: self.variable().is_none(),
        })
    }

    fn referenced(&self, table: &Table) -> Result<FoundSecret, Fault> {
        if let Some(unknown) = table
            .keys()
            .find(|key| !["env", "file"].contains(&key.as_str()))
        {
            let suggestion = nearest(unknown, ["env", "file"]);
            return Err(Fault::suggesting(
                format!("unknown key `{unknown}`; {SPELLING}"),
                suggestion,
            ));
        }
        let place = |key| table.get(key).map(|value| (key, value));
        let (key, value) = match (place("env"), place("file")) {
            (Some(one), None) | (None, Some(one)) => one,
            (Some(env), Some(file)) => self.later(env, file)?,
            (None, None) => return Err(format!("is empty; {SPELLING}").into()),
        };
        let ValueKind::String(name) = &value.kind else {
            return Err(format!("`{key}` must be text; {SPELLING}").into());
        };
        let text = if key == "env" {
            self.variable_text(name)?
        } else {
            file_text(name)?
        };
        Ok(FoundSecret {
            secret: Secret::new(text),
            shown: format!("[secret from {key} {name}]"),
            literal: false,
        })
    }

    /// A layer may name a file where an earlier one names a variable, and the other way round.
    fn later<'v>(
        &self,
        env: (&'static str, &'v config::Value),
        file: (&'static str, &'v config::Value),
    ) -> Result<(&'static str, &'v config::Value), Fault> {
        let rank = |value: &config::Value| self.walk.rank(value.origin());
        match rank(env.1).cmp(&rank(file.1)) {
            std::cmp::Ordering::Less => Ok(file),
            std::cmp::Ordering::Greater => Ok(env),
            std::cmp::Ordering::Equal => Err("has both `env` and `file`; keep one".into()),
        }
    }

    fn variable_text(&self, name: &str) -> Result<String, Fault> {
        match self.walk.environment.get(name) {
            Some(text) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(format!("environment variable {name} is empty").into()),
            None => {
                let known = self.walk.environment.keys().map(String::as_str);
                let suggestion = nearest(name, known);
                let reason = format!("environment variable {name} is not set");
                Err(Fault::suggesting(reason, suggestion))
            }
        }
    }
}

/// The file's text without the newline that editors put at its end.
fn file_text(path: &str) -> Result<String, Fault> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::from(format!("secret file {path} cannot be read: {error}")))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("secret file {path} is empty").into());
    }
    Ok(text.to_owned())
}
