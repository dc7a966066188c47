//! Record ids: 15 case-sensitive characters, or 18 of which the last three are a checksum.
//!
//! Pure.

use std::fmt;

/// A record's id, safe in a path and in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordId(String);

impl RecordId {
    /// The id `text`; `None` when it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_id =
            matches!(text.len(), 15 | 18) && text.chars().all(|c| c.is_ascii_alphanumeric());
        is_id.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether two spellings, of 15 or 18 characters, are one id.
pub(super) fn are_same(a: &str, b: &str) -> bool {
    let is_short = |id: &str| id.len() == 15;
    let is_long = |id: &str| id.len() == 18;
    match (is_long(a) && is_short(b)) || (is_short(a) && is_long(b)) {
        true => a.get(..15) == b.get(..15),
        false => a == b,
    }
}

/// The record id in a text of a callback. A formula field shows the short form; tickets are
/// stored with the long one.
pub(super) fn in_callback(text: &str) -> Option<String> {
    let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| with_check_letters(text))
}

/// An id of 15 characters with the three letters that say which of them are upper case
/// (Salesforce help, "How to convert 15-character ids to 18 characters"); any other as it is.
fn with_check_letters(id: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if id.len() != 15 {
        return id.to_owned();
    }
    let letters = id.as_bytes().chunks(5).filter_map(|five| {
        let upper = |(place, byte): (usize, &u8)| usize::from(byte.is_ascii_uppercase()) << place;
        let index: usize = five.iter().enumerate().map(upper).sum();
        LETTERS.get(index).copied().map(char::from)
    });
    id.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fifteen_or_eighteen_letters_and_digits_are_an_id() {
        assert!(RecordId::parse("5007000000OFL5F").is_some());
        assert!(RecordId::parse("5007000000OFL5FAAX").is_some());
        for text in [
            "",
            "500",
            "5007000000OFL5FA",
            "5007000000OFL5'",
            "../../limits/xxxx",
        ] {
            assert!(RecordId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_short_id_is_the_same_ticket_as_the_long_one() {
        let (short, long) = ("5007000000OFL5F", "5007000000OFL5FAAX");
        assert_eq!(in_callback(short).as_deref(), Some(long));
        assert!(are_same(short, long) && are_same(long, short) && are_same(long, long));
        assert!(!are_same("5007000000OFL6F", long));
    }
}
