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
}
