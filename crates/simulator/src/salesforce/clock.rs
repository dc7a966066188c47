//! Moments in Salesforce's spelling.

use jiff::Timestamp;

/// Now: `2026-11-23T14:00:00.000+0000`.
pub(super) fn now() -> String {
    spelt(now_ms())
}

/// Milliseconds since 1970, now.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A moment given in milliseconds since 1970.
pub(super) fn spelt(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// Milliseconds since 1970 of a date and time as fields or SOQL spell it.
pub(super) fn parse(text: &str) -> Option<i64> {
    let plain = text.replace("+0000", "Z");
    plain
        .parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// An HTTP `Date` that is off by so many seconds.
pub(super) fn http_date(offset: i64) -> String {
    let second = now_ms() / 1000 + offset;
    let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
