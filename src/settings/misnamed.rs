//! Tables under a mistyped name, such as `[target.salesforce]`.
//!
//! What stands in one is read as if the name were right. Otherwise everything that names its entries
//! would be a problem, too.

use super::declare::Declared;
use super::problem::{Mark, Problem};
use super::value::{Table, merge};
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
