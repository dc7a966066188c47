//! Which of Salesforce's limits a refusal is about, by what `Sforce-Limit-Info` says.
//!
//! Salesforce says 403 `REQUEST_LIMIT_EXCEEDED` both when the day's calls are used up and
//! when too many slow calls run at once. The first lasts for hours, the second for seconds.
//! Pure; may import: `targets::http`.

use std::time::Duration;

use crate::targets::http::Answer;

/// How long to stay away when the calls of the day are used up. The window rolls, so a
/// little is given back all the time.
const USED_UP: Duration = Duration::from_secs(15 * 60);
/// How long to stay away when too many slow calls run at once.
const CROWDED: Duration = Duration::from_secs(30);

/// How long the target pauses after `answer`, whose words are `message`.
pub(super) fn pause(answer: &Answer, message: &str) -> Duration {
    let info = answer
        .headers
        .get("sforce-limit-info")
        .and_then(|value| value.to_str().ok());
    let used_up = match info {
        Some(info) => is_used_up(info),
        None => message.contains("TotalRequests"),
    };
    if used_up { USED_UP } else { CROWDED }
}

/// `api-usage=10018/100000; per-app-api-usage=17/250(appName=x)`: either may be used up.
fn is_used_up(info: &str) -> bool {
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
        .any(|(used, limit)| used >= limit)
}

#[cfg(test)]
mod tests {
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
