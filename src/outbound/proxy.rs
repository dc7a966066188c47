//! Proxies named in the environment. They are for other machines: a call to this machine never
//! goes through one, because a proxy elsewhere has another loopback.

use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::{Host, Url};

use crate::settings::Secret;

/// The proxy in `proxies` through which `address` is reached.
pub(super) fn of_address(proxies: &Matcher, address: &Uri) -> Option<Intercept> {
    // An address that cannot be read is left to whoever connects to it, without a detour.
    let is_elsewhere = Url::parse(&address.to_string()).is_ok_and(|url| !is_local(&url));
    is_elsewhere.then(|| proxies.intercept(address)).flatten()
}

/// The passwords of the environment's proxies, and what HTTP Basic makes of them.
pub(super) fn secrets() -> Vec<Secret> {
    secrets_of(&Matcher::from_env())
}

fn secrets_of(proxies: &Matcher) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for scheme in ["http", "https"] {
        // Some address for which no exception is made.
        let elsewhere = format!("{scheme}://elsewhere.invalid/").parse::<Uri>();
        let proxy = elsewhere
            .ok()
            .and_then(|address| proxies.intercept(&address));
        let credential = proxy.as_ref().and_then(Intercept::basic_auth);
        let pair = credential.and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let Some(pair) = pair else {
            continue;
        };
        secrets.push(Secret::new(pair));
        let decoded = STANDARD.decode(pair).unwrap_or_default();
        let decoded = String::from_utf8_lossy(&decoded);
        secrets.extend(decoded.split_once(':').map(|(_, word)| Secret::new(word)));
    }
    secrets
}

/// Whether `address` is on this machine. A name that only the resolver knows to be this machine's
/// is not recognised; `NO_PROXY` is for that.
pub fn is_local(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        // Linux connects the unspecified address to this machine.
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback()
                || address.is_unspecified()
                || mapped.is_some_and(|address| address.is_loopback() || address.is_unspecified())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(address: &str, proxies: &Matcher) -> Option<String> {
        let proxy = of_address(proxies, &address.parse().unwrap());
        proxy.map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let proxies = Matcher::builder()
            .all("http://proxy.example.com:3128")
            .build();
        for address in [
            "http://127.0.0.1:8080/",
            "http://127.9.8.7/",
            "http://localhost/",
            "http://LOCALHOST.:81/",
            "http://crm.localhost/",
            "https://[::1]:8443/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:9/",
            "http://[::]/",
            "http://2130706433/",
        ] {
            assert_eq!(proxy_for(address, &proxies), None, "{address}");
        }
        for address in [
            "https://crm.example.com/",
            "http://10.0.0.1/",
            "https://localhost.example.com/",
            "https://[::2]/",
        ] {
            let proxy = proxy_for(address, &proxies);
            assert_eq!(proxy.as_deref(), Some("http://proxy.example.com:3128/"));
        }
    }

    #[test]
    fn a_proxys_password_is_known() {
        let proxies = Matcher::builder()
            .https("http://user:pa%2Fss@proxy.example.com")
            .build();
        let secrets = secrets_of(&proxies);
        let exposed: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        assert_eq!(exposed, [&STANDARD.encode("user:pa/ss"), "pa/ss"]);
    }
}
