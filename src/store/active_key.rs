//! The key of what there is one of for a rule and a correlation key.

/// The key under which an incident that is not closed, and a burst lock, are found.
pub fn active_key(rule: &str, key: &str) -> String {
    format!("{rule}\u{1f}{key}")
}
