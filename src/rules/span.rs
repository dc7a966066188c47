//! Where a part of an expression or a template stands in its text. Pure.

use std::ops::Range;

/// The first place of `part` in `source` where it stands alone: a name, a number, or the inside of a
/// text in quotes.
pub fn span_of(source: &str, part: &str) -> Option<Range<usize>> {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_';
    let mut matches = source.match_indices(part).filter(|_| !part.is_empty());
    matches.find_map(|(start, _)| {
        let end = start + part.len();
        let before = source.get(..start)?.chars().next_back();
        let after = source.get(end..)?.chars().next();
        let stands_alone = !before.is_some_and(is_inner) && !after.is_some_and(is_inner);
        stands_alone.then_some(start..end)
    })
}

/// The same within `range`.
pub(super) fn span_within(source: &str, range: Range<usize>, part: &str) -> Option<Range<usize>> {
    let found = span_of(source.get(range.clone())?, part)?;
    Some(range.start + found.start..range.start + found.end)
}

/// The name at `start`, with letters, digits and `_`; empty where none begins.
pub(super) fn word_at(source: &str, start: usize) -> &str {
    let rest = source.get(start..).unwrap_or_default();
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_where_it_stands_alone() {
        assert_eq!(span_of("metrics[xyz].a > y", "y"), Some(17..18));
        assert_eq!(span_of("status == 'down'", "down"), Some(11..15));
        assert_eq!(span_of("metrics[a.b].c", "a.b"), Some(8..11));
        assert_eq!(span_of("abc", "b"), None);
    }
}
