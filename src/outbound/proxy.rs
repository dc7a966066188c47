//! Proxies named in the environment. They are for other machines: a call to this machine never
//! goes through one, because a proxy elsewhere has another loopback.

use std::env;

use reqwest::{NoProxy, Proxy};
use url::{Host, Url};

/// The proxies of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
pub(super) fn from_environment() -> Proxy {
    let proxies = Proxies::of(|name| env::var(name).ok());
    Proxy::custom(move |address| proxies.of_address(address)).no_proxy(NoProxy::from_env())
}

/// The addresses of the proxies in the environment, with the credentials in them.
pub(super) fn addresses() -> impl Iterator<Item = Url> {
    let Proxies { http, https } = Proxies::of(|name| env::var(name).ok());
    http.into_iter().chain(https)
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

struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
}

impl Proxies {
    /// The upper-case name goes first, as with `reqwest`'s own reading of the environment. A CGI
    /// program's environment is written by strangers: `Proxy:` headers become `HTTP_PROXY`.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        if variable("REQUEST_METHOD").is_some() {
            return Self {
                http: None,
                https: None,
            };
        }
        let find = |upper: &str| {
            let value = variable(upper).or_else(|| variable(&upper.to_ascii_lowercase()))?;
            address(&value)
        };
        let all = find("ALL_PROXY");
        Self {
            http: find("HTTP_PROXY").or_else(|| all.clone()),
            https: find("HTTPS_PROXY").or(all),
        }
    }

    fn of_address(&self, address: &Url) -> Option<Url> {
        if is_local(address) {
            return None;
        }
        match address.scheme() {
            "http" => self.http.clone(),
            "https" => self.https.clone(),
            _ => None,
        }
    }
}

/// `proxy.example.com:3128` is as good as a whole URL.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match text.contains("://") {
        true => Url::parse(text).ok(),
        false => Url::parse(&format!("http://{text}")).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(address: &str, environment: &[(&str, &str)]) -> Option<String> {
        let proxies = Proxies::of(|name| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let address = Url::parse(address).unwrap();
        proxies.of_address(&address).map(String::from)
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let environment = [("ALL_PROXY", "http://proxy.example.com:3128")];
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
            assert_eq!(proxy_for(address, &environment), None, "{address}");
        }
    }

    #[test]
    fn other_machines_are_reached_through_the_proxy_of_their_scheme() {
        let environment = [
            ("HTTP_PROXY", "plain.example.com:3128"),
            ("https_proxy", "http://user:word@tls.example.com/"),
        ];
        for (address, proxy) in [
            ("http://crm.example.com/", "http://plain.example.com:3128/"),
            ("http://10.0.0.1/", "http://plain.example.com:3128/"),
            (
                "https://localhost.example.com/",
                "http://user:word@tls.example.com/",
            ),
            ("https://[::2]/", "http://user:word@tls.example.com/"),
        ] {
            assert_eq!(proxy_for(address, &environment).as_deref(), Some(proxy));
        }
        assert_eq!(
            proxy_for("https://crm.example.com/", &environment[..1]),
            None
        );
        assert_eq!(
            proxy_for("http://crm.example.com/", &[("HTTP_PROXY", "")]),
            None
        );
    }

    #[test]
    fn a_cgi_programs_environment_names_no_proxy() {
        let environment = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil.example")];
        assert_eq!(proxy_for("http://crm.example.com/", &environment), None);
    }
}
