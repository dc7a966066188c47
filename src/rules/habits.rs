//! What people write in templates by habit from other languages, and what is meant. Pure.

use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// How to write `queue.id` or `event.queue_id`: the values of an event have plain names.
pub(super) fn flat_name(name: &str) -> Option<String> {
    let (root, member) = name.split_once('.')?;
    let joined = format!("{root}_{}", member.replace('.', "_"));
    let known = |name: &str| FIELD_NAMES.contains(&name) || COMMON_NAMES.contains(&name);
    let flat = member.replace('.', "_");
    let meant = [joined.as_str(), flat.as_str()]
        .into_iter()
        .find(|name| known(name))?;
    Some(format!("write {{{{ {meant} }}}}"))
}

/// Filters of other languages.
const OTHER_FILTERS: &[(&str, &str)] = &[
    ("uppercase", "upper"),
    ("upcase", "upper"),
    ("toupper", "upper"),
    ("lowercase", "lower"),
    ("downcase", "lower"),
    ("tolower", "lower"),
    ("size", "length"),
    ("len", "length"),
    ("concat", "join"),
    ("strip", "trim"),
    ("json", "tojson"),
    ("to_json", "tojson"),
    ("number", "float"),
    ("or", "default"),
];

/// The filter that is meant by another language's name for it.
pub(super) fn filter_meant(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let other = OTHER_FILTERS.iter().find(|(other, _)| *other == lower)?;
    Some(other.1)
}
