//! Finds the name that a mistyped one was probably meant to be. Pure.

use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// The known name most like `name`, when one is like it at all.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The name of a signal's value most like `name`.
pub(super) fn nearest_variable(name: &str) -> Option<&'static str> {
    nearest(name, FIELD_NAMES.iter().chain(COMMON_NAMES.iter()).copied())
}
