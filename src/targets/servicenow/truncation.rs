//! Cuts texts to the length of the table's columns, visibly and between characters.
//!
//! Columns of up to 255 characters cut silently on the instance, longer ones do not cut at
//! all; a cut that a reader cannot see is worse than ours. Lengths are those of the base
//! system's dictionary. Our key is never cut: at most 80 characters, it fits the 100 of
//! `correlation_id`. Pure.

use std::borrow::Cow;

/// Stands at the end of a text that was cut.
const MARK: &str = " … [cut]";

/// The most characters `field` holds, where the base system says so.
fn longest(field: &str) -> Option<usize> {
    match field {
        "short_description" => Some(160),
        "description" | "close_notes" => Some(4000),
        "correlation_display" => Some(100),
        _ => None,
    }
}

/// `text` as `field` can hold it.
pub(super) fn fit<'text>(field: &str, text: &'text str) -> Cow<'text, str> {
    let Some(longest) = longest(field) else {
        return Cow::Borrowed(text);
    };
    if text.char_indices().nth(longest).is_none() {
        return Cow::Borrowed(text);
    }
    let kept = longest - MARK.chars().count();
    let end = text
        .char_indices()
        .nth(kept)
        .map_or(text.len(), |(index, _)| index);
    Cow::Owned(format!("{}{MARK}", text[..end].trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_left_alone() {
        let text = "ä".repeat(160);
        assert_eq!(fit("short_description", &text), text);
    }

    #[test]
    fn a_longer_text_is_cut_visibly_and_between_characters() {
        let cut = fit("short_description", &"ä€😀".repeat(60)).into_owned();
        assert_eq!(cut.chars().count(), 160);
        assert!(cut.ends_with(" … [cut]"));
        assert!(cut.starts_with("ä€😀"));
    }

    #[test]
    fn each_known_column_has_its_own_length() {
        let text = "x".repeat(5000);
        assert_eq!(fit("description", &text).chars().count(), 4000);
        assert_eq!(fit("correlation_display", &text).chars().count(), 100);
        assert_eq!(fit("work_notes", &text).chars().count(), 5000);
    }
}
