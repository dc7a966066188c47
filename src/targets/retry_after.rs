//! How long `Retry-After` asks to wait.
//!
//! Pure; may import: `domain::time`.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

/// No longer wait is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The forms of a date that RFC 9110 wants to be read, besides the usual one.
const OLD_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The wait in `text`: seconds, also with decimals, or a date. A time that is over is no wait.
/// `None` for anything else.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return wait_of(seconds);
    }
    let until = date(text)?.as_millisecond();
    Some(Timestamp::from_millis(until).since(now).min(LONGEST))
}

fn wait_of(seconds: f64) -> Option<Duration> {
    if seconds.is_nan() {
        return None;
    }
    // Too early is as good as not at all.
    let seconds = seconds.ceil().clamp(0.0, LONGEST.as_secs_f64());
    Some(Duration::from_secs_f64(seconds))
}

pub(super) fn date(text: &str) -> Option<jiff::Timestamp> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(date.timestamp());
    }
    let old = OLD_DATES
        .iter()
        .find_map(|format| strtime::parse(format, text).ok()?.to_datetime().ok());
    let in_utc = |date: DateTime| TimeZone::UTC.to_timestamp(date).ok();
    old.and_then(in_utc).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<u64> {
        // Sun, 06 Nov 1994 08:49:07 GMT
        let now = Timestamp::from_millis(784_111_747_000);
        read(text, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read_with_decimals_and_within_bounds() {
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 1.2 "), Some(2));
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait("-5"), Some(0));
        assert_eq!(wait("99999999999999999999999"), Some(86_400));
        assert_eq!(wait("inf"), Some(86_400));
    }

    #[test]
    fn a_date_is_read_in_each_of_its_forms_and_may_be_over() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(wait(date), Some(30), "{date}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(wait("Sat, 06 Nov 2094 08:00:00 GMT"), Some(86_400));
    }

    #[test]
    fn anything_else_is_no_wait() {
        for text in [
            "",
            "soon",
            "NaN",
            "12 parsecs",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
