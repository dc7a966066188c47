//! The settings of the contract that are read and checked, but not acted on yet.
//!
//! One list, so that it shrinks in one place.

use config::{Value, ValueKind};

use super::layers::Table;
use super::problem::Warning;
use super::read::{join, origin_within};

/// Paths, where `*` is any name and `1..` is any entry of a list after its first.
const NOT_IN_FORCE: &[&[&str]] = &[&["rules", "*", "targets", "1.."]];

/// A warning for each value in `merged` that is not acted on yet.
pub(super) fn warnings(merged: &Table) -> Vec<Warning> {
    let mut found = Vec::new();
    for pattern in NOT_IN_FORCE {
        let Some((section, rest)) = pattern.split_first() else {
            continue;
        };
        if let Some(value) = merged.get(*section) {
            visit(value, (*section).to_owned(), rest, &mut found);
        }
    }
    found
}

fn visit(value: &Value, path: String, pattern: &[&str], found: &mut Vec<Warning>) {
    let Some((part, rest)) = pattern.split_first() else {
        found.push(Warning {
            path,
            reason: "not in force yet: this setting is checked, but not acted on".to_owned(),
            layer: origin_within(value).map(str::to_owned),
        });
        return;
    };
    match (&value.kind, *part) {
        (ValueKind::Array(items), "1..") => {
            for (index, item) in items.iter().enumerate().skip(1) {
                visit(item, format!("{path}[{index}]"), rest, found);
            }
        }
        (ValueKind::Table(table), "*") => {
            for (name, inner) in table {
                visit(inner, join(&path, name), rest, found);
            }
        }
        (ValueKind::Table(table), name) => {
            if let Some(inner) = table.get(name) {
                visit(inner, join(&path, name), rest, found);
            }
        }
        _ => {}
    }
}
