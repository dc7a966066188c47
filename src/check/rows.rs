//! Names of rows, such as `memory[physical].totalBytes`, with a slip.

use super::kinds::Kinds;

impl Kinds<'_> {
    /// The row of which `metric` is the name in other letters.
    pub(super) fn row_in_other_case(&self, metric: &str) -> Option<&str> {
        let names = self
            .all
            .iter()
            .flat_map(|kind| kind.samples.whole.metrics.keys());
        let rows: Vec<&str> = names
            .map(String::as_str)
            .filter(|name| name.contains('['))
            .collect();
        if rows.contains(&metric) {
            return None;
        }
        let mut rows = rows.into_iter();
        rows.find(|row| row.eq_ignore_ascii_case(metric))
    }

    /// The row of which `metric` is the name with a slip. Rows such as `eth0` or `cpu1` may well be alike.
    pub(super) fn row_like(&self, metric: &str) -> Option<&str> {
        let (list, rest) = metric.split_once('[')?;
        let (row, member) = rest.split_once(']')?;
        if !row.chars().all(|one| one.is_ascii_alphabetic()) {
            return None;
        }
        let mut names = self
            .all
            .iter()
            .flat_map(|kind| kind.samples.whole.metrics.keys());
        let like = |name: &&String| {
            let Some((other_list, rest)) = name.split_once('[') else {
                return false;
            };
            let Some((other, other_member)) = rest.split_once(']') else {
                return false;
            };
            (other_list, other_member) == (list, member)
                && other != row
                && other.len() > 3
                && strsim::damerau_levenshtein(row, other) <= 2
        };
        let is_known = names.clone().any(|name| name == metric);
        names.find(like).filter(|_| !is_known).map(String::as_str)
    }
}
