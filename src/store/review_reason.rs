//! The reason of a review item, as it is kept.

/// Longest reason that is kept, in characters. A reason can quote what a sender wrote.
const MAX_REASON: usize = 500;

/// `reason` as it is kept.
pub(super) fn kept_reason(reason: &str) -> &str {
    match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => reason.get(..end).unwrap_or(reason),
        None => reason,
    }
}
