//! The calls that a rate limit rule still allows, by `X-RateLimit-*`.
//!
//! A rule counts the calls of one hour. The base system names the limit and the time of its reset,
//! and no rest; newer releases and gateways name the rest too. Pure; may import: `domain`.

use std::time::Duration;

use ::http::HeaderMap;

use crate::domain::allowance::Allowance;
use crate::domain::time::Timestamp;

/// The span of a rule. No later reset is believed.
const SPAN: Duration = Duration::from_secs(3600);

/// What `headers` say about the calls that are left.
pub(super) fn allowance(headers: &HeaderMap, now: Timestamp) -> Option<Allowance> {
    let number =
        |name: &str| -> Option<i64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
    let calls = |name: &str| u64::try_from(number(name)?).ok();
    let (left, limit) = (calls("x-ratelimit-remaining")?, calls("x-ratelimit-limit")?);
    let latest = now.plus(SPAN);
    let reset = number("x-ratelimit-reset")
        .map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
    Some(Allowance {
        left,
        limit,
        valid_until: reset.map_or(latest, |reset| reset.min(latest)),
    })
}

#[cfg(test)]
mod tests {
    use ::http::header::HeaderValue;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

    fn said(headers: &[(&'static str, &'static str)]) -> Option<Allowance> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        allowance(&headers, NOW)
    }

    #[test]
    fn the_rest_counts_until_the_reset_and_at_most_for_an_hour() {
        let rest = [
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-reset", "1795442910"),
        ];
        let allowance = said(&rest).unwrap();
        assert_eq!((allowance.left, allowance.limit), (7, 100));
        assert_eq!(allowance.valid_until, NOW.plus(Duration::from_secs(60)));
        let later = [rest[0], rest[1], ("x-ratelimit-reset", "9999999999999999")];
        assert_eq!(said(&later).unwrap().valid_until, NOW.plus(SPAN));
        assert_eq!(said(&rest[..2]).unwrap().valid_until, NOW.plus(SPAN));
    }

    #[test]
    fn without_a_rest_nothing_is_known() {
        assert_eq!(said(&[("x-ratelimit-limit", "100")]), None);
        assert_eq!(said(&[]), None);
    }
}
