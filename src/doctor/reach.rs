//! Whether the CRM can be reached: name, connection, TLS, and the time on its clock.
//!
//! No credential is used here.

use std::time::Duration;

use http::header::DATE;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::finding::{Finding, Outcome};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::outbound::Redactor;
use crate::targets::http::{Answer, Client};

/// A clock that is off by more is a finding.
const CLOCK_WARNING: Duration = Duration::from_secs(60);
/// A clock that is off by so much makes JWT logins fail.
const CLOCK_ERROR: Duration = Duration::from_secs(300);

/// The checks before any login, in order; the first that fails is the last but for those
/// that it makes impossible.
pub(super) async fn reach(
    base: &Url,
    api: &str,
    time_limit: Duration,
    (redactor, clock): (&Redactor, &Clock),
) -> Vec<Finding> {
    let mut findings = vec![dns(base, time_limit).await];
    let steps = ["connect", "tls", "clock"];
    if stopped(&mut findings, &steps) {
        return findings;
    }
    findings.push(connect(base, time_limit).await);
    if stopped(&mut findings, &steps[1..]) {
        return findings;
    }
    findings.extend(tls_and_clock(base, api, time_limit, (redactor, clock)).await);
    findings
}

fn stopped(findings: &mut Vec<Finding>, rest: &[&'static str]) -> bool {
    let Some(last) = findings.last().filter(|last| last.is_error()) else {
        return false;
    };
    let why = format!("not made, because {} failed", last.check);
    findings.extend(
        rest.iter()
            .map(|check| Finding::skipped(check, why.clone())),
    );
    true
}

fn host_and_port(base: &Url) -> (String, u16) {
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    (host.to_owned(), base.port_or_known_default().unwrap_or(443))
}

async fn dns(base: &Url, time_limit: Duration) -> Finding {
    let (host, port) = host_and_port(base);
    let remedy = format!("correct base_url, or mend the resolver of this machine: {host}");
    match timeout(time_limit, lookup_host((host.as_str(), port))).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(first) => Finding::ok("dns", format!("{host} is {}", first.ip())),
            None => Finding::error("dns", format!("{host} has no address"), remedy),
        },
        Ok(Err(error)) => Finding::error("dns", format!("{host} has no address: {error}"), remedy),
        Err(_) => Finding::error(
            "dns",
            format!("no answer about {host} within {time_limit:?}"),
            remedy,
        ),
    }
}

async fn connect(base: &Url, time_limit: Duration) -> Finding {
    let (host, port) = host_and_port(base);
    let remedy = "look whether a firewall or proxy stands between, and at the port in base_url";
    match timeout(time_limit, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Finding::ok(
            "connect",
            format!("{host} accepts connections at port {port}"),
        ),
        Ok(Err(error)) => Finding::error("connect", format!("{host} port {port}: {error}"), remedy),
        Err(_) => {
            let message = format!("{host} port {port}: no connection within {time_limit:?}");
            Finding::error("connect", message, remedy)
        }
    }
}

async fn tls_and_clock(
    base: &Url,
    api: &str,
    time_limit: Duration,
    (redactor, clock): (&Redactor, &Clock),
) -> Vec<Finding> {
    let client = match Client::new(time_limit, redactor) {
        Ok(client) => client,
        Err(error) => {
            let message = format!("TLS cannot be set up here: {error}");
            let remedy = "install the system's certificates (ca-certificates)";
            return vec![
                Finding::error("tls", message, remedy),
                Finding::skipped("clock", "not made, because tls failed"),
            ];
        }
    };
    // The API itself: a proxy in front of it may have another clock.
    let mut address = base.clone();
    address.set_path(&format!("{}{api}", base.path().trim_end_matches('/')));
    let before = clock.now();
    match client.send(client.get(address)).await {
        Ok(answer) => vec![encrypted(base), skew(&answer, before, clock.now())],
        Err(failure) => {
            let message = format!("no answer to a first request: {}", failure.message);
            let remedy = "look at the certificate and whether base_url names an https port";
            let check = if base.scheme() == "https" {
                "tls"
            } else {
                "http"
            };
            vec![
                Finding::error(check, message, remedy),
                Finding::skipped("clock", format!("not made, because {check} failed")),
            ]
        }
    }
}

fn encrypted(base: &Url) -> Finding {
    if base.scheme() == "https" {
        Finding::ok("tls", "the certificate is good")
    } else {
        Finding::skipped("tls", "base_url is plain http")
    }
}

/// The `Date` of an answer against our clock at the middle of the call.
fn skew(answer: &Answer, before: Timestamp, after: Timestamp) -> Finding {
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return Finding::skipped("clock", "the answer says no time");
    };
    let ours = i64::midpoint(before.as_millis(), after.as_millis());
    let ahead = ours - theirs.timestamp().as_millisecond();
    judge_skew(ahead)
}

/// Our clock is `ahead` milliseconds ahead of the CRM's, to a second.
fn judge_skew(ahead: i64) -> Finding {
    let off = Duration::from_millis(ahead.unsigned_abs());
    let spelt = humantime::format_duration(Duration::from_secs(off.as_secs()));
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let message = format!("our clock is {spelt} {side} the CRM's");
    let remedy = "set this machine's clock (NTP); JWT logins fail from five minutes on";
    let result = match off {
        off if off >= CLOCK_ERROR => Outcome::Error,
        off if off > CLOCK_WARNING => Outcome::Warning,
        _ => return Finding::ok("clock", "the clocks agree to a minute"),
    };
    Finding::of("clock", result, message).with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_at_a_minute_and_at_five_either_way() {
        let result = |seconds: i64| judge_skew(seconds * 1000).result;
        assert_eq!(result(60), Outcome::Ok);
        assert_eq!(result(-61), Outcome::Warning);
        assert_eq!(result(299), Outcome::Warning);
        assert_eq!(result(-300), Outcome::Error);
        assert!(judge_skew(-3_600_000).message.contains("1h behind"));
    }
}
