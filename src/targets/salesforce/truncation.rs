//! Cuts texts to the length of Salesforce's fields, visibly and between characters.
//!
//! An over-long text is refused, never cut by Salesforce, and a refused ticket is worse than
//! a cut one. Lengths are those of the object reference: characters for most fields (counted
//! in UTF-16 units, as the platform does), bytes for comments on Cases. Fields that are not
//! known here are left alone. Pure.

use serde_json::Value;

use crate::domain::ticket::{TicketFields, TicketKey};

/// Stands at the end of a text that was cut.
const MARK: &str = "… (cut)";
/// A Case comment's length in bytes.
const COMMENT_BYTES: usize = 4000;
/// A feed item's length in characters.
const FEED_CHARS: usize = 10_000;
/// A subject's length in characters.
const SUBJECT_CHARS: usize = 255;

#[derive(Clone, Copy)]
enum Length {
    Characters(usize),
    Bytes(usize),
}

impl Length {
    const fn limit(self) -> usize {
        match self {
            Self::Characters(limit) | Self::Bytes(limit) => limit,
        }
    }

    fn of(self, character: char) -> usize {
        match self {
            Self::Characters(_) => character.len_utf16(),
            Self::Bytes(_) => character.len_utf8(),
        }
    }

    fn measure(self, text: &str) -> usize {
        text.chars().map(|character| self.of(character)).sum()
    }

    /// The beginning of `text` that takes up at most `room`.
    fn head(self, text: &str, room: usize) -> &str {
        let mut taken = 0;
        let end = text.char_indices().find(|(_, character)| {
            taken += self.of(*character);
            taken > room
        });
        end.map_or(text, |(end, _)| &text[..end])
    }

    /// `text` with `tail` at its end, cut before the tail where they do not fit together.
    fn fit(self, text: &str, tail: &str) -> String {
        if self.measure(text) + self.measure(tail) <= self.limit() {
            return format!("{text}{tail}");
        }
        let taken = self.measure(MARK) + self.measure(tail);
        let head = self.head(text, self.limit().saturating_sub(taken));
        format!("{}{MARK}{tail}", head.trim_end())
    }
}

/// What `field` of a ticket holds, where the object reference says so.
fn length_of(field: &str) -> Option<Length> {
    match field {
        "Subject" => Some(Length::Characters(SUBJECT_CHARS)),
        "Description" | "ResolutionSummary" => Some(Length::Characters(32_000)),
        "Comments" => Some(Length::Bytes(COMMENT_BYTES)),
        "SuppliedName" | "SuppliedEmail" | "SuppliedCompany" => Some(Length::Characters(80)),
        "SuppliedPhone" => Some(Length::Characters(40)),
        _ => None,
    }
}

/// `fields` as the ticket can hold them.
pub(super) fn fitted(fields: &TicketFields) -> TicketFields {
    let fit = |(name, value): (&String, &Value)| {
        let value = match (value, length_of(name)) {
            (Value::String(text), Some(length)) => length.fit(text, "").into(),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    fields.iter().map(fit).collect()
}

/// How `key` stands in a subject.
pub(super) fn key_mark(key: &TicketKey) -> String {
    format!("[{key}]")
}

/// The subject `text` with the mark of `key` at its end, which is never cut.
pub(super) fn marked_subject(text: &str, key: &TicketKey) -> String {
    let mark = key_mark(key);
    let subject = Length::Characters(SUBJECT_CHARS).fit(text.trim_end(), &format!(" {mark}"));
    subject.trim_start().to_owned()
}

/// A comment on a Case, with `marker` in it whatever is cut.
pub(super) fn case_comment(text: &str, marker: &str) -> String {
    comment(Length::Bytes(COMMENT_BYTES), text, marker)
}

/// An entry of an Incident's feed, with `marker` in it whatever is cut.
pub(super) fn feed_entry(text: &str, marker: &str) -> String {
    comment(Length::Characters(FEED_CHARS), text, marker)
}

fn comment(length: Length, text: &str, marker: &str) -> String {
    let is_marked = marker.is_empty() || text.contains(marker);
    if is_marked && length.measure(text) <= length.limit() {
        return text.to_owned();
    }
    let tail = if marker.is_empty() {
        String::new()
    } else {
        format!(" [{marker}]")
    };
    length.fit(text, &tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;
    use serde_json::json;

    fn fit_one(name: &str, text: &str) -> String {
        let fields = json!({ name: text });
        let fitted = fitted(fields.as_object().unwrap());
        fitted[name].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_text_that_fits_is_left_alone() {
        let text = "ä".repeat(255);
        assert_eq!(fit_one("Subject", &text), text);
    }

    #[test]
    fn a_longer_subject_is_cut_visibly_and_between_characters() {
        let cut = fit_one("Subject", &"ä€😀".repeat(100));
        assert!(cut.encode_utf16().count() <= 255);
        assert!(cut.ends_with("… (cut)") && cut.starts_with("ä€😀"));
    }

    #[test]
    fn a_description_holds_32000_characters() {
        let cut = fit_one("Description", &"x".repeat(40_000));
        assert_eq!(cut.chars().count(), 32_000);
    }

    #[test]
    fn a_comment_is_counted_in_bytes_and_keeps_its_marker() {
        let long = format!("{} [ref 3f9a]", "ä€😀".repeat(2000));
        let cut = case_comment(&long, "ref 3f9a");
        assert!(cut.len() <= 4000 && cut.len() > 3980, "{}", cut.len());
        assert!(cut.ends_with("… (cut) [ref 3f9a]"));
    }

    #[test]
    fn a_comment_without_its_marker_gets_it() {
        assert_eq!(case_comment("recovered", "ref 1"), "recovered [ref 1]");
        assert_eq!(
            case_comment("recovered [ref 1]", "ref 1"),
            "recovered [ref 1]"
        );
    }

    #[test]
    fn the_key_in_a_subject_is_never_cut() {
        let key = TicketKey::of_incident(&IncidentId::new("0190a1b2-0000-7000-8000-000000000001"));
        let subject = marked_subject(&"€".repeat(300), &key);
        assert!(subject.encode_utf16().count() <= 255);
        assert!(subject.ends_with(&format!("(cut) [{key}]")));
        assert_eq!(marked_subject("", &key), format!("[{key}]"));
    }

    #[test]
    fn unknown_fields_and_other_values_are_left_alone() {
        let long = "x".repeat(50_000);
        assert_eq!(fit_one("Custom__c", &long), long);
        let fields = json!({"Subject": 7});
        assert_eq!(fitted(fields.as_object().unwrap())["Subject"], 7);
    }
}
