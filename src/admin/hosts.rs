//! Whether a request is addressed to this listener.
//!
//! A browser can be made to ask here for a foreign page: its site points a name of its own at this
//! machine. The browser then names that site as the host. So a request is answered only when its
//! host cannot belong to somebody else: an address, a name without a dot, or a name that
//! `admin.hosts` lists. A request that names no host comes from no browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;

use super::answer::Refused;
use crate::telemetry::Metrics;

/// Longest part of a host that is repeated to the client.
const MAX_SHOWN: usize = 100;

/// The names by which the listener may be addressed besides those that nobody else can have.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    names: Arc<[String]>,
    metrics: Metrics,
}

impl Hosts {
    pub(super) fn new(names: &[String], metrics: Metrics) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { names, metrics }
    }

    fn serves(&self, authority: &str) -> bool {
        let host = without_port(authority).to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        is_address(host) || is_single_label(host) || self.lists(host)
    }

    fn lists(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix('*') {
            // `*.example.com` stands for every name that ends with `.example.com`.
            Some(ending) => host.len() > ending.len() && host.ends_with(ending),
            None => host == name,
        })
    }
}

/// Lets requests pass that are addressed to this listener.
pub(super) async fn addressed_here(
    State(hosts): State<Hosts>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let in_headers = request.headers().get_all(HOST);
    let in_headers = in_headers.iter().map(|host| host.to_str().unwrap_or(""));
    let in_line = request.uri().authority().map(|host| host.as_str());
    if let Some(foreign) = in_headers.chain(in_line).find(|host| !hosts.serves(host)) {
        hosts.metrics.admin_refused("host");
        return Err(refusal(foreign));
    }
    Ok(next.run(request).await)
}

fn refusal(host: &str) -> Refused {
    let host: String = host.chars().take(MAX_SHOWN).collect();
    Refused::new(
        StatusCode::FORBIDDEN,
        "foreign-host",
        "Foreign host",
        format!(
            "The request is addressed to `{host}`, which is neither an address, nor a name without \
             a dot, nor listed in the setting admin.hosts; add it there if it is a name of this \
             listener."
        ),
    )
}

/// The host of `HOST` or `HOST:PORT`.
pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_address(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).parse::<IpAddr>().is_ok()
}

/// A name that only a machine's own network gives: `localhost`, a container, a service.
fn is_single_label(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !host.is_empty() && host.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let names = ["Ringdown.Example.com", "*.svc.cluster.local"].map(str::to_owned);
        Hosts::new(&names, Metrics::new())
    }

    #[test]
    fn addresses_single_labels_and_listed_names_are_this_listeners() {
        for host in [
            "127.0.0.1:9090",
            "10.1.2.3",
            "[::1]:9090",
            "[2001:db8::7]",
            "localhost",
            "LOCALHOST:9090",
            "localhost.:9090",
            "ringdown:9090",
            "my_service",
            "ringdown.example.com",
            "RINGDOWN.example.COM.:9090",
            "ringdown.monitoring.svc.cluster.local:9090",
        ] {
            assert!(hosts().serves(host), "{host}");
        }
    }

    #[test]
    fn names_that_somebody_else_can_have_are_not() {
        for host in [
            "",
            ":9090",
            "evil.example",
            "evil.example.",
            "localhost.evil.example:9090",
            "127.0.0.1.evil.example",
            "evil.example@localhost",
            "evil@localhost",
            "localhost/evil",
            "ringdown.example.com.evil.example",
            "xringdown.example.com",
            "svc.cluster.local",
            ".svc.cluster.local",
            "[evil]",
            "::1]",
        ] {
            assert!(!hosts().serves(host), "{host}");
        }
    }
}
