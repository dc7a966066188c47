//! The names of an incident's parts. Pure.
//!
//! Where a rule names no `sources`, each source speaks for itself: a part is known by the source
//! and the name that the source gives it, so that one source's "clear" ends nothing that another
//! has reported. Where a rule names its sources, they speak as one.

/// Stands between the source and the part. Names of sources come from the configuration, and do
/// not hold it; so the first one always ends the source.
const BETWEEN: char = '\u{1f}';

/// The part `part` as `source` alone speaks of it.
pub fn of_source(source: &str, part: &str) -> String {
    format!("{source}{BETWEEN}{part}")
}

/// The part `part` as all sources speak of it.
pub fn of_all(part: &str) -> String {
    part.replace(BETWEEN, " ")
}

/// The source that alone speaks of the part `name`; `None`: all do.
pub fn source_of(name: &str) -> Option<&str> {
    name.split_once(BETWEEN).map(|(source, _)| source)
}

/// The part's own name, whoever speaks of it.
pub fn own_name(name: &str) -> &str {
    name.split_once(BETWEEN).map_or(name, |(_, part)| part)
}

/// The name as it is shown: `SOURCE/PART`.
pub fn shown(name: &str) -> String {
    match name.split_once(BETWEEN) {
        Some((source, "")) => source.to_owned(),
        Some((source, part)) => format!("{source}/{part}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
