//! `config check` and `config show` in words and in JSON. Pure: values in, text out.

use serde_json::{Value, json};

use super::problem::{EffectiveValue, Problem, Warning};

/// Problems and warnings for people: one line each, ending in a summary.
pub fn problems_text(problems: &[Problem], warnings: &[Warning]) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&format!("problem: {problem}\n"));
    }
    for warning in warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&summary(problems.len(), warnings.len()));
    text
}

/// Problems and warnings for scripts: `{"ok", "problems", "warnings"}`.
pub fn problems_json(problems: &[Problem], warnings: &[Warning]) -> Value {
    json!({ "ok": problems.is_empty(), "problems": problems, "warnings": warnings })
}

/// Every key with its value, and where it was set, as lines of `key = value  # layer`.
pub fn effective_text(values: &[EffectiveValue]) -> String {
    values
        .iter()
        .map(|value| format!("{} = {}  # {}\n", value.path, value.shown, value.layer))
        .collect()
}

/// Every key with its value, and where it was set: a list as the API has them.
pub fn effective_json(values: &[EffectiveValue]) -> Value {
    let items = values.iter().map(
        |value| json!({ "path": value.path, "value": plain(&value.shown), "layer": value.layer }),
    );
    json!({ "items": items.collect::<Vec<_>>(), "next": null })
}

/// A value that is written as TOML, as JSON. What stands for a secret stays a text.
fn plain(shown: &str) -> Value {
    let table: Option<toml::Table> = toml::from_str(&format!("value = {shown}")).ok();
    let value = table.and_then(|mut table| table.remove("value"));
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    value.unwrap_or_else(|| json!(shown))
}

fn summary(problems: usize, warnings: usize) -> String {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    };
    let (problems_are, warnings_are) = (count(problems, "problem"), count(warnings, "warning"));
    match (problems, warnings) {
        (0, 0) => "The configuration is fine.\n".to_owned(),
        (0, _) => format!("The configuration can be used, with {warnings_are}.\n"),
        _ => format!("The configuration cannot be used: {problems_are}, {warnings_are}.\n"),
    }
}
