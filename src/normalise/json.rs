//! Reading JSON with errors that name the place and what was found there.

use serde_json::{Map, Value};

use crate::domain::signal::SchemaMismatch;
use crate::domain::time::Timestamp;

/// Longest text that is taken over from an event, in characters.
const LONGEST_TEXT: usize = 1000;
/// The largest number of milliseconds or seconds that is a sensible time: the year 2200.
const LATEST_MILLIS: f64 = 7_258_118_400_000.0;
/// From here on a number is milliseconds; below, seconds. 1e11 s would be the year 5138.
const SMALLEST_MILLIS: f64 = 100_000_000_000.0;

/// What a value is, for people.
pub(super) fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

/// A mismatch at `path`: `wanted` was expected, `found` is there.
pub(super) fn expected(path: String, wanted: &str, found: Option<&Value>) -> SchemaMismatch {
    let found = match found {
        Some(Value::String(text)) => {
            let shown: String = text.chars().take(40).collect();
            format!("text {shown:?}")
        }
        other => kind(other).to_owned(),
    };
    SchemaMismatch::new(path, format!("expected {wanted}, found {found}"))
}

/// A mismatch at `path` that names the keys of the object there.
pub(super) fn missing_key(path: String, object: &Map<String, Value>) -> SchemaMismatch {
    let mut keys: Vec<&str> = object.keys().map(String::as_str).take(12).collect();
    keys.sort_unstable();
    let found = if keys.is_empty() {
        "nothing".to_owned()
    } else {
        keys.join(", ")
    };
    SchemaMismatch::new(path, format!("missing; found there: {found}"))
}

/// Text (or a number as text), without control characters, cut to a sane length. `None` when
/// it is missing, null or empty.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// `text` without control characters and outer blanks, cut to a sane length.
pub(super) fn clean(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.len() <= LONGEST_TEXT && !trimmed.chars().any(char::is_control) {
        return trimmed.to_owned();
    }
    trimmed
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_TEXT)
        .collect()
}

/// A finite number.
pub(super) fn number(path: impl FnOnce() -> String, value: &Value) -> Result<f64, SchemaMismatch> {
    value
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| expected(path(), "a number", Some(value)))
}

/// A time: RFC 3339 (without a zone: UTC), or epoch seconds or milliseconds, as a number or as
/// text. `None` when it is missing or null.
pub(super) fn time(
    path: impl FnOnce() -> String,
    value: Option<&Value>,
) -> Result<Option<Timestamp>, SchemaMismatch> {
    let value = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let parsed = match value {
        Value::Number(number) => number.as_f64().and_then(from_epoch),
        Value::String(text) => from_text(text.trim()),
        _ => None,
    };
    match parsed {
        Some(time) => Ok(Some(time)),
        None => Err(expected(
            path(),
            "a time (RFC 3339, or epoch seconds or milliseconds)",
            Some(value),
        )),
    }
}

fn from_text(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(number) = text.parse::<f64>() {
        return from_epoch(number);
    }
    format!("{text}Z").parse().ok()
}

fn from_epoch(number: f64) -> Option<Timestamp> {
    let millis = if number.abs() < SMALLEST_MILLIS {
        number * 1000.0
    } else {
        number
    };
    if !(0.0..=LATEST_MILLIS).contains(&millis) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range check above keeps it far below 2^53"
    )]
    Some(Timestamp::from_millis(millis as i64))
}
