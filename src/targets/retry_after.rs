//! How long `Retry-After` asks to wait: whole seconds, or a date in one of the three forms of RFC 9110.
//!
//! Pure; may import: `domain::time`.

use std::time::Duration;

use http::HeaderValue;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

/// No longer wait is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The forms of a date: today's, and two that are old.
const DATES: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// The longest wait of those that the `values` ask for. `None` where none of them is one.
pub(super) fn read<'a>(
    values: impl Iterator<Item = &'a HeaderValue>,
    now: Timestamp,
) -> Option<Duration> {
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.filter_map(|text| wait_in(text, now)).max()
}

/// A time that is over is no wait. Something on the way may have merged several values.
fn wait_in(text: &str, now: Timestamp) -> Option<Duration> {
    if let Some(date) = civil(text.trim()) {
        return Some(wait_until(date, now));
    }
    text.split(',').filter_map(seconds).max()
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large for its type is a long wait all the same.
    is_number.then(|| {
        text.parse()
            .map_or(LONGEST, Duration::from_secs)
            .min(LONGEST)
    })
}

fn wait_until(date: DateTime, now: Timestamp) -> Duration {
    // The last days of the year 9999 have no timestamp.
    let until = in_utc(date).map_or(i64::MAX, jiff::Timestamp::as_millisecond);
    Timestamp::from_millis(until).since(now).min(LONGEST)
}

pub(super) fn date(text: &str) -> Option<jiff::Timestamp> {
    in_utc(civil(text)?)
}

fn civil(text: &str) -> Option<DateTime> {
    let read = |form: &&str| strtime::parse(form, text).ok()?.to_datetime().ok();
    DATES.iter().find_map(read)
}

fn in_utc(date: DateTime) -> Option<jiff::Timestamp> {
    TimeZone::UTC.to_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(texts: &[&'static str]) -> Option<u64> {
        // Sun, 06 Nov 1994 08:49:07 GMT
        let now = Timestamp::from_millis(784_111_747_000);
        let values: Vec<_> = texts
            .iter()
            .copied()
            .map(HeaderValue::from_static)
            .collect();
        read(values.iter(), now).map(|wait| wait.as_secs())
    }

    fn wait(text: &'static str) -> Option<u64> {
        waits(&[text])
    }

    #[test]
    fn whole_seconds_are_read_within_bounds() {
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 2 "), Some(2));
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait("99999999999999999999999"), Some(86_400));
    }

    #[test]
    fn a_date_is_read_in_each_of_its_forms_and_may_be_over() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(wait(date), Some(30), "{date}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(wait("Sat, 06 Nov 2094 08:00:00 GMT"), Some(86_400));
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(86_400));
    }

    #[test]
    fn of_several_values_the_longest_counts() {
        assert_eq!(wait("2, 4"), Some(4));
        assert_eq!(wait("7, soon"), Some(7));
        assert_eq!(waits(&["9", "4"]), Some(9));
    }

    #[test]
    fn anything_else_is_no_wait() {
        for text in [
            "",
            "soon",
            "NaN",
            "inf",
            "1e1",
            "1e400",
            "1.2",
            "-5",
            "+2",
            "0x10",
            "12 parsecs",
            "1994-11-06T08:49:37Z",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
