//! Durations and times of day as tickets show them.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// The two largest units of a duration.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(largest) = units.iter().position(|(size, _)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let mut left = seconds;
    let mut words = Vec::new();
    for (size, unit) in units.iter().skip(largest).take(2) {
        let count = left / size;
        left %= size;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
    }
    words.join(" ")
}

/// The time of day, with the date when it is not today's.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> String {
    let read = |at: Timestamp| jiff::Timestamp::from_millisecond(at.as_millis()).ok();
    let (Some(then), Some(today)) = (read(at), read(now)) else {
        return at.to_string();
    };
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = match date(then) == date(today) {
        true => "%H:%M:%S UTC",
        false => "%Y-%m-%d %H:%M:%S UTC",
    };
    then.strftime(format).to_string()
}
