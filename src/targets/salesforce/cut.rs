//! Texts within the length of their field, visibly shortened. Pure.

/// Stands where something was cut off.
const MARK: &str = "… (cut)";

/// `text` in at most `units` UTF-16 units, as Salesforce counts them.
pub(super) fn cut(text: &str, units: usize) -> String {
    shorten(text, units, |text| text.encode_utf16().count())
}

/// `text` in at most `bytes` bytes, as Salesforce counts comments.
pub(super) fn cut_bytes(text: &str, bytes: usize) -> String {
    shorten(text, bytes, str::len)
}

fn shorten(text: &str, most: usize, measure: impl Fn(&str) -> usize) -> String {
    if measure(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(measure(MARK));
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(at, character)| {
            used += measure(&text[*at..*at + character.len_utf8()]);
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(cut("Störung", 7), "Störung");
    }

    #[test]
    fn the_cut_is_visible_and_falls_between_characters() {
        let text = "é😀".repeat(200);
        let shortened = cut(&text, 255);
        assert!(shortened.ends_with("… (cut)") && shortened.encode_utf16().count() <= 255);
        let shortened = cut_bytes(&text, 400);
        assert!(shortened.ends_with("… (cut)") && shortened.len() <= 400);
    }
}
