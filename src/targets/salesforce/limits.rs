//! Which of Salesforce's limits a refusal is about, by what `Sforce-Limit-Info` says.
//!
//! Salesforce says 403 `REQUEST_LIMIT_EXCEEDED` both when the day's calls are used up and
//! when too many slow calls run at once. The first lasts for hours, the second for seconds.
//! The same header says how many calls of the day are left. Pure; may import: `domain`,
//! `targets::http`.

use std::time::Duration;

use crate::domain::allowance::Allowance;
use crate::domain::time::Timestamp;
use crate::targets::http::Answer;

/// The header that says it.
pub(super) const INFO: &str = "sforce-limit-info";

/// How long to stay away when the calls of the day are used up. The window rolls, so a
/// little is given back all the time.
const USED_UP: Duration = Duration::from_secs(15 * 60);
/// How long to stay away when too many slow calls run at once.
const CROWDED: Duration = Duration::from_secs(30);

/// How long an answer about the calls of the day counts. The window rolls, and other clients use
/// the same calls.
const SAYS_FOR: Duration = Duration::from_secs(15 * 60);

/// How long the target pauses after `answer`, whose words are `message`.
pub(super) fn pause(answer: &Answer, message: &str) -> Duration {
    let used_up = match info(answer) {
        Some(info) => is_used_up(info),
        None => message.contains("TotalRequests"),
    };
    if used_up { USED_UP } else { CROWDED }
}

/// The calls of the day that are left, by the tightest of the limits that `answer` names.
pub(super) fn allowance(answer: &Answer, now: Timestamp) -> Option<Allowance> {
    let allowance = |(used, limit): (u64, u64)| Allowance {
        left: limit.saturating_sub(used),
        limit,
        valid_until: now.plus(SAYS_FOR),
    };
    let share = |one: &Allowance| u128::from(one.left) * 10_000 / u128::from(one.limit);
    usages(info(answer)?)
        .filter(|(_, limit)| *limit > 0)
        .map(allowance)
        .min_by_key(share)
}

fn info(answer: &Answer) -> Option<&str> {
    answer.headers.get(INFO)?.to_str().ok()
}

fn is_used_up(info: &str) -> bool {
    usages(info).any(|(used, limit)| used >= limit)
}

/// `api-usage=10018/100000; per-app-api-usage=17/250(appName=x)`: used calls and their limit.
/// Either may be used up.
fn usages(info: &str) -> impl Iterator<Item = (u64, u64)> {
    info.split([';', ','])
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(name, _)| matches!(*name, "api-usage" | "per-app-api-usage"))
        .filter_map(|(_, share)| {
            let (used, limit) = share.split_once('/')?;
            let limit = limit.split('(').next()?;
            Some((
                used.trim().parse::<u64>().ok()?,
                limit.trim().parse::<u64>().ok()?,
            ))
        })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn calls_are_used_up_when_any_of_the_allowances_is() {
        assert!(is_used_up("api-usage=100000/100000"));
        assert!(is_used_up("api-usage=100500/100000; api-bursts=500/750"));
        assert!(is_used_up(
            "api-usage=18/5000; per-app-api-usage=250/250(appName=ringdown)"
        ));
    }

    #[test]
    fn the_calls_that_are_left_are_those_of_the_tightest_limit() {
        let left = |info: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("sforce-limit-info", HeaderValue::from_static(info));
            let answer = Answer::new(200, headers, Bytes::new());
            let found = allowance(&answer, Timestamp::default())?;
            Some((found.left, found.limit))
        };
        assert_eq!(left("api-usage=10018/100000"), Some((89_982, 100_000)));
        let both = "api-usage=18/5000; per-app-api-usage=240/250(appName=ringdown)";
        assert_eq!(left(both), Some((10, 250)));
        assert_eq!(left("api-usage=101/100"), Some((0, 100)));
        assert_eq!(left("api-usage=0/0"), None);
        assert_eq!(left("something else"), None);
    }

    #[test]
    fn with_headroom_they_are_not() {
        for info in [
            "api-usage=10018/100000",
            "api-usage=18/5000; per-app-api-usage=17/250(appName=x)",
            "api-usage=18/5000; api-bursts=750/750",
            "something else",
            "",
        ] {
            assert!(!is_used_up(info), "{info}");
        }
    }
}
