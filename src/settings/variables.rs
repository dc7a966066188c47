//! `RINGDOWN__SECTION__KEY` variables: finds the key that each one means.
//!
//! Parts match names case-insensitively, and `_` matches `-`, because a shell can write
//! neither capitals nor dashes freely. A variable changes what the files name; it makes no new
//! source, rule, target or outage, so that a mistyped name is found.

use std::collections::BTreeMap;

use super::layers::VARIABLE;
use super::problem::Problem;
use super::value::{Table, Value, set};
use crate::rules::nearest;

/// What the variables of the configuration begin with.
const PREFIX: &str = "RINGDOWN__";

/// The values of the `files` with those of the variables in `environment` over them.
pub(super) fn apply(
    environment: &BTreeMap<String, String>,
    files: &Table,
) -> (Table, Vec<Problem>) {
    let mut merged = files.clone();
    let mut problems = Vec::new();
    for (name, text) in environment {
        let Some(key) = name.strip_prefix(PREFIX) else {
            continue;
        };
        match find_key(key, files) {
            Ok(path) => {
                let value = Value::new(&format!("{VARIABLE}{name}"), text.as_str());
                set(&mut merged, &path, value);
            }
            Err((reason, suggestion)) => problems.push(Problem {
                layer: Some("environment".to_owned()),
                ..Problem::error(name, reason).suggesting(suggestion)
            }),
        }
    }
    (merged, problems)
}

type NotFound = (String, Option<String>);

/// The path of the key that `key` (`TARGETS__SALESFORCE__BASE_URL`) means.
fn find_key(key: &str, files: &Table) -> Result<Vec<String>, NotFound> {
    let mut path: Vec<String> = Vec::new();
    let mut table = Some(files);
    for part in key.split("__") {
        if part.is_empty() {
            return Err(("an empty part in the name".to_owned(), None));
        }
        let matching = table.and_then(|table| find_name(part, table));
        let name = match matching {
            Some(name) => name.to_owned(),
            None => new_name(part, &path, table)?,
        };
        table = table
            .and_then(|table| table.get(&name))
            .and_then(Value::as_table);
        path.push(name);
    }
    Ok(path)
}

fn find_name<'a>(part: &str, table: &'a Table) -> Option<&'a str> {
    let folded = fold(part);
    let mut names = table.keys().map(String::as_str);
    names
        .clone()
        .find(|name| *name == part)
        .or_else(|| names.find(|name| fold(name) == folded))
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The name of a key that no file sets. Fixed keys are lower case; names of fields and labels
/// belong to the user and stay as they are written.
fn new_name(part: &str, path: &[String], table: Option<&Table>) -> Result<String, NotFound> {
    let parents: Vec<&str> = path.iter().map(String::as_str).collect();
    match parents.as_slice() {
        [section @ ("sources" | "rules" | "targets" | "outages" | "maintenance")] => {
            let wanted = fold(part);
            let known = table.into_iter().flat_map(Table::keys).map(String::as_str);
            let suggestion = nearest(&wanted, known).map(str::to_owned);
            let reason = format!(
                "there is no `{section}.{wanted}`: a variable changes what a file names, and adds no name"
            );
            Err((reason, suggestion))
        }
        ["targets", _, "create" | "update" | "resolve"]
        | ["sources", _, "map", "metrics" | "labels"] => Ok(part.to_owned()),
        _ => Ok(part.to_ascii_lowercase()),
    }
}
