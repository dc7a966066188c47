//! Reading a sender's time.
//!
//! Owns which spellings count: RFC 3339, the same without a zone (read as UTC), and epoch
//! seconds or milliseconds as a number or as its digits. Reads no clock.

use serde_json::Value;

use super::json_cursor::JsonCursor;
use crate::domain::signal::SchemaMismatch;
use crate::domain::time::Timestamp;

/// From here on a number counts milliseconds: as seconds it would be after the year 5100.
const LEAST_MILLISECONDS: f64 = 1e11;

/// From here on a number is neither seconds nor milliseconds of any plausible time.
const TOO_LATE: f64 = 1e14;

/// The time at `place`; absent when there is none.
pub(super) fn read(cursor: &JsonCursor<'_, '_>) -> Result<Option<Timestamp>, SchemaMismatch> {
    match cursor.value() {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        value => timestamp(value)
            .map(Some)
            .ok_or_else(|| cursor.expected("an RFC 3339 time or epoch seconds or milliseconds")),
    }
}

/// The time that `value` spells, if it spells one.
pub(super) fn timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => epoch(number.as_f64()?),
        Value::String(text) => parse(text.trim()),
        _ => None,
    }
}

/// The time that `text` spells, if it spells one.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number {
        return epoch(text.parse().ok()?);
    }
    text.parse()
        .ok()
        .or_else(|| format!("{text}Z").parse().ok())
}

fn epoch(number: f64) -> Option<Timestamp> {
    if !(number > 0.0 && number < TOO_LATE) {
        return None;
    }
    let milliseconds = if number < LEAST_MILLISECONDS {
        number * 1_000.0
    } else {
        number
    };
    Some(Timestamp::from_millis(milliseconds.round() as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn iso(value: serde_json::Value) -> Option<String> {
        timestamp(&value).map(|time| time.to_string())
    }

    #[test]
    fn every_spelling_of_a_time_is_read() {
        let expected = Some("2026-11-23T14:05:39Z".to_owned());
        for value in [
            json!("2026-11-23T14:05:39Z"),
            json!("2026-11-23T15:05:39.000+01:00"),
            json!("2026-11-23T15:05:39+0100"),
            json!(" 2026-11-23T14:05:39Z "),
            json!(1_795_442_739),
            json!(1_795_442_739.0),
            json!(1_795_442_739_000_i64),
            json!("1795442739"),
            json!("1795442739000"),
        ] {
            assert_eq!(iso(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(
            iso(json!("2026-11-23T14:05:39.5")).as_deref(),
            Some("2026-11-23T14:05:39.5Z")
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for value in [
            json!("yesterday"),
            json!("2026-13-01T00:00:00Z"),
            json!("..."),
            json!(0),
            json!(-5),
            json!(1e300),
            json!(true),
            json!([2026]),
        ] {
            assert_eq!(iso(value.clone()), None, "{value}");
        }
    }
}
