//! Putting values into a signal: cleaned text, and the few fields that follow from others.
//!
//! Owns the form of a field's text, and the rule for the part of its entity that a signal is about.

use std::borrow::Cow;

use super::identity::is_uuid;
use super::placeholder::{is_no_id, is_nothing};
use crate::domain::signal::{Field, Reading, Signal};

/// Longest text of a field, in characters.
pub(super) const MAX_TEXT_LENGTH: usize = 1_000;

/// The metric name by which the guide's filter asks for the wait.
pub(crate) const WAIT_TIME: &str = "queue.waitTime";

/// `text` without control characters and cut at [`MAX_TEXT_LENGTH`].
pub(super) fn clean(text: &str) -> String {
    if is_clean(text) {
        return text.to_owned();
    }
    text.chars()
        .filter(|character| !character.is_control())
        .take(MAX_TEXT_LENGTH)
        .collect()
}

fn is_clean(text: &str) -> bool {
    let is_plain = || text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    text.len() <= MAX_TEXT_LENGTH && (is_plain() || !text.contains(char::is_control))
}

/// Sets a text field, when there is text.
pub(super) fn set_text(signal: &mut Signal, name: &'static str, text: Option<impl AsRef<str>>) {
    if let Some(text) = text {
        let mut text = clean(text.as_ref());
        if (name.ends_with("_id") && is_no_id(&text))
            || (name.ends_with("_name") && is_nothing(&text))
        {
            return;
        }
        if name.ends_with("_id") && is_uuid(&text) {
            text.make_ascii_lowercase();
        }
        if !text.is_empty() {
            signal.fields.insert(name, Field::Text(text));
        }
    }
}

/// Sets a field that is always upper-case, so that rules need not know a sender's habits.
pub(super) fn set_upper(signal: &mut Signal, name: &'static str, text: Option<impl AsRef<str>>) {
    set_text(signal, name, text.map(|text| text.as_ref().to_uppercase()));
}

/// Sets a field that is always lower-case: Genesys writes `voice`, `Voice` and `VOICE`.
pub(super) fn set_lower(signal: &mut Signal, name: &'static str, text: Option<impl AsRef<str>>) {
    let lower = text.as_ref().map(|text| {
        let text = text.as_ref();
        match text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.to_lowercase()),
        }
    });
    set_text(signal, name, lower);
}

/// Sets a number field, when there is one.
pub(super) fn set_number(signal: &mut Signal, name: &'static str, number: Option<f64>) {
    if let Some(number) = number {
        signal.fields.insert(name, Field::Number(number));
    }
}

/// Whether the statistic `name` carries its metric's unit. Counts and ratios do not.
pub(super) fn has_unit(name: &str) -> bool {
    !matches!(
        name,
        "count"
            | "countNegative"
            | "countPositive"
            | "ratio"
            | "numerator"
            | "denominator"
            | "target"
    )
}

/// Adds `sum / count` as `avg` where the sender left that to us.
pub(super) fn average(reading: &mut Reading) {
    if let (Some(sum), Some(count)) = (reading.get("sum"), reading.get("count"))
        && *count > 0.0
    {
        let average = sum / count;
        reading.insert("avg".to_owned(), average);
    }
}

/// Fills in values that follow from others: an id is used for a missing name, the wait becomes
/// `wait_time_avg`, and the part is chosen.
pub(super) fn derive_fields(signal: &mut Signal) {
    for (name, id) in [
        ("queue_name", "queue_id"),
        ("trunk_name", "trunk_id"),
        ("edge_name", "edge_id"),
    ] {
        if !signal.fields.contains_key(name)
            && let Some(id) = signal.fields.get(id).cloned()
        {
            signal.fields.insert(name, id);
        }
    }
    if !signal.fields.contains_key("wait_time_avg") {
        let wait = signal.metrics.get(WAIT_TIME);
        let average = wait.and_then(|wait| wait.get("avg")).copied();
        set_number(signal, "wait_time_avg", average);
    }
    if signal.part.is_empty() {
        signal.part = part(signal).unwrap_or_default().to_owned();
    }
}

/// A queue has one part per media type, a trunk one per instance (one logical trunk has one per
/// Edge); everything else has no parts.
fn part(signal: &Signal) -> Option<&str> {
    let is_queue = ["queue_name", "flow_id"]
        .iter()
        .any(|name| signal.fields.contains_key(name));
    if is_queue {
        signal.text("media_type")
    } else {
        signal.text("trunk_id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_control_characters_are_dropped() {
        assert_eq!(clean("Bill\u{0}ing\n"), "Billing");
        assert_eq!(clean(&"ß".repeat(1_200)).chars().count(), MAX_TEXT_LENGTH);
    }

    #[test]
    fn no_average_is_made_up_when_nothing_was_counted() {
        let mut reading = Reading::from([("sum".to_owned(), 0.0), ("count".to_owned(), 0.0)]);
        average(&mut reading);
        assert_eq!(reading.get("avg"), None);
    }
}
