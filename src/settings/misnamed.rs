//! Tables under a mistyped name, such as `[target.salesforce]`.
//!
//! What stands in one is read as if the name were right. Otherwise everything that names its entries
//! would be a problem, too.

use std::collections::BTreeMap;

use super::declare::Declared;
use super::problem::{Mark, Problem};
use super::value::{Table, Value, ValueKind, merge};
use crate::rules::nearest;

/// Moves each mistyped table in `files` to the name that was meant, and notes the problem.
pub(super) fn take_in_misnamed(files: &mut Table, known: &[Declared]) -> Vec<Problem> {
    let known = || known.iter().map(|one| one.key);
    let is_known = |name: &str| known().any(|one| one == name);
    let meant = |name: &String| Some((name.clone(), nearest(name, known())?));
    let unknown = files
        .iter()
        .filter(|(name, value)| !is_known(name) && value.as_table().is_some());
    let misnamed: Vec<_> = unknown.filter_map(|(name, _)| meant(name)).collect();
    let mut problems = Vec::new();
    for (name, meant) in misnamed {
        let Some(value) = files.shift_remove(&name) else {
            continue;
        };
        problems.push(Problem {
            layer: value.origin().map(str::to_owned),
            mark: Mark::Key,
            ..Problem::error(&name, "unknown key").suggesting(Some(meant))
        });
        // The values of a table of the right name come later.
        let right = files.shift_remove(meant);
        merge(files, Table::from([(meant.to_owned(), value)]));
        if let Some(right) = right {
            merge(files, Table::from([(meant.to_owned(), right)]));
        }
    }
    problems
}

/// Tables whose entries rules and outages name.
const TARGETS: &str = "targets";

/// So often a name must be used to be the right one beside a table of another name.
const OFTEN: usize = 2;

/// Moves each table of a target whose name differs from what rules use, such as `[targets.salesfroce]`
/// beside `[targets.salesforce.create]`, and notes the problem.
pub(super) fn take_in_misspelt_targets(files: &mut Table) -> Vec<Problem> {
    let used = used_targets(files);
    let tables = files.get(TARGETS).and_then(Value::as_table);
    let Some(tables) = tables.filter(|tables| tables.values().all(|one| one.as_table().is_some()))
    else {
        return Vec::new();
    };
    let has_kind = |name: &str| {
        let table = tables.get(name).and_then(Value::as_table);
        table.map(|table| table.contains_key("kind"))
    };
    let unused = tables.keys().filter(|name| !used.contains_key(*name));
    let misspelt: Vec<(String, String, bool)> = unused
        .filter_map(|name| {
            let meant = nearest(name, used.keys().map(String::as_str))?;
            let (own, other) = (has_kind(name)?, has_kind(meant));
            // Each is a part of one target, or the name that rules use has no table at all.
            let is_part = other.is_some_and(|other| other != own);
            let is_only = other.is_none() && used.get(meant).is_some_and(|used| *used >= OFTEN);
            (is_part || is_only).then(|| (name.clone(), meant.to_owned(), is_part))
        })
        .collect();
    let mut problems = Vec::new();
    for (name, meant, is_part) in misspelt {
        let targets = files.get_mut(TARGETS).map(|value| &mut value.kind);
        let Some(ValueKind::Table(targets)) = targets else {
            break;
        };
        let Some(value) = targets.shift_remove(&name) else {
            continue;
        };
        let reason = match is_part {
            true => format!("is a part of `targets.{meant}` under another name"),
            false => format!("no rule opens tickets here: they name `{meant}`"),
        };
        problems.push(Problem {
            layer: value.origin().map(str::to_owned),
            mark: Mark::Key,
            ..Problem::error(format!("{TARGETS}.{name}"), reason).suggesting(Some(meant.as_str()))
        });
        let right = targets.shift_remove(&meant);
        merge(targets, Table::from([(meant.clone(), value)]));
        if let Some(right) = right {
            merge(targets, Table::from([(meant, right)]));
        }
    }
    problems
}

/// The targets that rules and outages name, and how often.
fn used_targets(files: &Table) -> BTreeMap<String, usize> {
    let mut used = BTreeMap::new();
    let sections = ["rules", "outages"].into_iter();
    let tables = sections.filter_map(|section| files.get(section)?.as_table());
    for table in tables.flat_map(Table::values).filter_map(Value::as_table) {
        if let Some(targets) = table.get(TARGETS) {
            count_names(targets, &mut used);
        }
    }
    used
}

/// The names in a list, and in the `to` of its tables.
fn count_names(value: &Value, used: &mut BTreeMap<String, usize>) {
    match &value.kind {
        ValueKind::String(name) => *used.entry(name.clone()).or_default() += 1,
        ValueKind::Array(entries) => entries.iter().for_each(|one| count_names(one, used)),
        ValueKind::Table(table) => {
            if let Some(to) = table.get("to") {
                count_names(to, used);
            }
        }
        _ => {}
    }
}
