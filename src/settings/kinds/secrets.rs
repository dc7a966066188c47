//! Secrets: `{ env = "NAME" }`, `{ file = "PATH" }`, or a literal, which is warned about.
//!
//! No message here repeats a secret, nor a value that might be one.

use serde_json::json;

use crate::rules::nearest;
use crate::settings::declare::{Kind, Shape};
use crate::settings::read::{BUILT_IN, Entry, Fault, Reading};
use crate::settings::secret::Secret;
use crate::settings::value::{Table, Value, ValueKind};

const SPELLING: &str = "a secret is { env = \"NAME\" } or { file = \"PATH\" }";

/// Shorter secrets are in any text by chance, so they are not looked for in answers.
const MIN_REDACTED: usize = 4;
/// Fewer characters than this can be guessed.
const MIN_LENGTH: usize = 16;
/// Fewer different ones are a pattern, not chance.
const MIN_DIFFERENT: usize = 5;

const SHORT: &str =
    "the secret has fewer than 16 characters and can be guessed; make one: openssl rand -hex 32";
const MONOTONOUS: &str = "the secret has fewer than 5 different characters and can be guessed; \
                          make one: openssl rand -hex 32";
const A_NAME: &str = "the secret is the name of a variable, as in our examples, not its value; \
                      make one: openssl rand -hex 32";

/// A secret and how it is shown.
pub(crate) struct FoundSecret {
    pub(crate) secret: Secret,
    pub(crate) shown: String,
    /// Whether it stands in a file of the configuration.
    pub(crate) literal: bool,
}

/// Any secret.
pub(crate) fn secret() -> Kind<Secret> {
    Kind::composite("secret", Shape::Value(secret_schema()), read)
}

/// A secret that we and a sender know. A short one is warned about: whoever guesses it can send.
pub(crate) fn shared_secret() -> Kind<Secret> {
    secret().warn(|secret| (length(secret) < MIN_LENGTH).then_some(SHORT))
}

/// An admin token. One that can be guessed is refused: whoever guesses it can change everything.
pub(crate) fn admin_token() -> Kind<Secret> {
    secret().check(|_, secret| {
        let text = secret.expose();
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        if length(secret) < MIN_LENGTH {
            Err(SHORT.into())
        } else if characters.len() < MIN_DIFFERENT {
            Err(MONOTONOUS.into())
        } else if is_a_name(text) {
            Err(A_NAME.into())
        } else {
            Ok(())
        }
    })
}

/// The JSON Schema of a secret.
pub(crate) fn secret_schema() -> serde_json::Value {
    let text = |meaning| json!({ "type": "string", "minLength": 1, "description": meaning });
    json!({ "anyOf": [
        {
            "type": "object",
            "properties": {
                "env": text("The environment variable that holds the secret."),
                "file": text("The file that holds the secret."),
            },
            "additionalProperties": false,
        },
        { "type": "string", "description": "The secret itself. It works, but is warned about." },
    ] })
}

fn length(secret: &Secret) -> usize {
    secret.expose().chars().count()
}

/// Whether `text` looks like `RINGDOWN_ADMIN_TOKEN`, as the secrets of all examples do.
fn is_a_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let mut words = text.split('_');
    text.contains('_') && words.all(|word| !word.is_empty() && word.bytes().all(plain))
}

/// Reads a secret, and notes in effect the place that it came from.
fn read(entry: &Entry<'_>) -> Option<Secret> {
    let found = match find_secret(entry) {
        Ok(found) => found,
        Err(fault) => {
            entry.fault(fault);
            return None;
        }
    };
    if found.literal {
        entry.warn(format!(
            "the secret stands in the configuration itself; {SPELLING}"
        ));
    }
    if found.secret.expose().len() < MIN_REDACTED {
        entry.warn(format!(
            "the secret has fewer than {MIN_REDACTED} characters: it is easily guessed, and \
             cannot be taken out of what others answer"
        ));
    }
    let layer = entry.value.origin().unwrap_or(BUILT_IN);
    entry.reading.in_effect(&entry.path, found.shown, layer);
    Some(found.secret)
}

/// The secret and how to show it.
pub(crate) fn find_secret(entry: &Entry<'_>) -> Result<FoundSecret, Fault> {
    if let Ok(table) = entry.table() {
        return referenced(entry.reading, &table);
    }
    let ValueKind::String(text) = &entry.value.kind else {
        return Err(format!("must be text; {SPELLING}").into());
    };
    if text.is_empty() {
        return Err("is empty".into());
    }
    let shown = match entry.variable() {
        Some(name) => format!("[secret from env {name}]"),
        None => "[secret]".to_owned(),
    };
    Ok(FoundSecret {
        secret: Secret::new(text.as_str()),
        shown,
        literal: entry.variable().is_none(),
    })
}

fn referenced(reading: &Reading<'_>, table: &Table) -> Result<FoundSecret, Fault> {
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
        (Some(env), Some(file)) => later(reading, env, file)?,
        (None, None) => return Err(format!("is empty; {SPELLING}").into()),
    };
    let ValueKind::String(name) = &value.kind else {
        return Err(format!("`{key}` must be text; {SPELLING}").into());
    };
    let text = if key == "env" {
        variable_text(reading, name)
    } else {
        file_text(name)
    };
    let secret = match text {
        Ok(text) => Secret::new(text),
        Err(_) if reading.is_offline => {
            reading.absent_secret(format!("{key} {name}"));
            Secret::stand_in()
        }
        Err(fault) => return Err(fault),
    };
    Ok(FoundSecret {
        secret,
        shown: format!("[secret from {key} {name}]"),
        literal: false,
    })
}

/// A layer may name a file where an earlier one names a variable, and the other way round.
fn later<'v>(
    reading: &Reading<'_>,
    env: (&'static str, &'v Value),
    file: (&'static str, &'v Value),
) -> Result<(&'static str, &'v Value), Fault> {
    let rank = |value: &Value| reading.rank(value.origin());
    match rank(env.1).cmp(&rank(file.1)) {
        std::cmp::Ordering::Less => Ok(file),
        std::cmp::Ordering::Greater => Ok(env),
        std::cmp::Ordering::Equal => Err("has both `env` and `file`; keep one".into()),
    }
}

fn variable_text(reading: &Reading<'_>, name: &str) -> Result<String, Fault> {
    match reading.environment.get(name) {
        Some(text) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("environment variable {name} is empty").into()),
        None => {
            let known = reading.environment.keys().map(String::as_str);
            let suggestion = nearest(name, known);
            let reason = format!("environment variable {name} is not set");
            Err(Fault::suggesting(reason, suggestion))
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
