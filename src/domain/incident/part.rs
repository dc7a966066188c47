//! The names of an incident's parts.
//!
//! Where a rule names no `sources`, each source reports independently: the name of a part holds
//! the source, so that a "clear" of one source does not end a breach that another has reported.
//! Where a rule names its sources, they report together, and the name holds no source.

/// Separates the source from the part. Names of sources come from the configuration and never
/// contain it, so its first occurrence always ends the source.
const SEPARATOR: char = '\u{1f}';

/// The name of `part` where each source reports independently.
pub fn of_source(source: &str, part: &str) -> String {
    format!("{source}{SEPARATOR}{part}")
}

/// The name of `part` where all sources report together.
pub fn of_all(part: &str) -> String {
    part.replace(SEPARATOR, " ")
}

/// The source that reports the part `name`; `None`: all sources together.
pub fn source_of(name: &str) -> Option<&str> {
    name.split_once(SEPARATOR).map(|(source, _)| source)
}

/// The part without its source.
pub fn own_name(name: &str) -> &str {
    name.split_once(SEPARATOR).map_or(name, |(_, part)| part)
}

/// The name as it is shown: `SOURCE/PART`.
pub fn shown(name: &str) -> String {
    match name.split_once(SEPARATOR) {
        Some((source, "")) => source.to_owned(),
        Some((source, part)) => format!("{source}/{part}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
