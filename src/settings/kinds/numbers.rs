//! Durations and numbers.

use std::time::Duration;

use serde_json::json;

use crate::settings::declare::{DURATION, Kind};
use crate::settings::read::{Entry, Fault};
use crate::settings::value::ValueKind;

/// Ten years: far above every sensible setting, far below the limit of arithmetic on times.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// `"60s"`, `"2m"`, `"30d"`.
pub(crate) fn duration() -> Kind<Duration> {
    let schema = json!({
        "type": "string",
        "pattern": r"^\s*(0|(\d[\d\s]*(\.\d+)?\s*[A-Za-zµ]+\s*)+)$",
    });
    Kind::value(DURATION, schema, read_duration)
}

/// A duration longer than nothing.
pub(crate) fn positive_duration() -> Kind<Duration> {
    duration().check(|_, span| {
        if span.is_zero() {
            return Err("must be longer than zero".into());
        }
        Ok(())
    })
}

fn read_duration(entry: &Entry<'_>) -> Result<Duration, Fault> {
    let unitless = |number: &str| {
        let reason =
            format!("{number} has no unit; write \"{number}s\", \"{number}m\" or \"{number}ms\"");
        Fault::suggesting(reason, Some(format!("\"{number}s\"")))
    };
    let text = match &entry.value.kind {
        ValueKind::Integer(number) => return Err(unitless(&number.to_string())),
        ValueKind::Float(number) => return Err(unitless(&number.to_string())),
        _ => entry.text()?.trim(),
    };
    if text.parse::<u64>().is_ok_and(|number| number > 0) {
        return Err(unitless(text));
    }
    let span = humantime::parse_duration(text).map_err(|error| {
        Fault::from(format!(
            "`{text}` is not a duration such as \"60s\", \"2m\" or \"30d\": {error}"
        ))
    })?;
    if span > MAX_DURATION {
        return Err(format!("{text} is longer than ten years").into());
    }
    Ok(span)
}

/// A whole number from `least` to `most`.
pub(crate) fn whole<T: TryFrom<u32> + 'static>(least: u32, most: u32) -> Kind<T> {
    let schema = json!({ "type": "integer", "minimum": least, "maximum": most });
    Kind::value(format!("number, {least} to {most}"), schema, move |entry| {
        let number = entry.integer()?;
        u32::try_from(number)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be from {least} to {most}, but is {number}").into())
    })
}

/// A number from `least` to `most`.
pub(crate) fn number(least: f64, most: f64) -> Kind<f64> {
    let schema = json!({ "type": "number", "minimum": least, "maximum": most });
    Kind::value(format!("number, {least} to {most}"), schema, move |entry| {
        let number = entry.number()?;
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(format!("must be from {least:?} to {most:?}, but is {number:?}").into())
    })
}
