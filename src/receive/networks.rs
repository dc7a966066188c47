//! Where a request really comes from, and whether that is allowed. Pure.
//!
//! Behind proxies the peer is the nearest proxy. `X-Forwarded-For` and `Forwarded` (RFC 7239)
//! name the others, but whoever sends the request can write them too: only what a trusted
//! proxy has appended is believed, so the list is walked from its right end.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client behind any `trusted` proxies; `None` when a trusted proxy did
/// not tell it, or the two headers tell different ones.
///
/// A proxy writes one of the headers and may pass the other through as a stranger wrote it;
/// nothing says which is which, so where both are there they must agree.
pub(super) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if !contains(trusted, peer) {
        return Some(peer);
    }
    let listed = headers
        .contains_key(X_FORWARDED_FOR)
        .then(|| behind(peer, &x_forwarded_for(headers), trusted));
    let forwarded = headers
        .contains_key(FORWARDED)
        .then(|| behind(peer, &forwarded_for(headers), trusted));
    match (listed, forwarded) {
        (None, None) => Some(peer),
        (Some(address), None) | (None, Some(address)) => address,
        (Some(one), Some(other)) => one.filter(|_| one == other),
    }
}

/// Whether `address` is in one of `networks`.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Walks `hops` (leftmost first) from the right while the hops are `trusted`.
fn behind(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut address = peer;
    for hop in hops.iter().rev() {
        address = (*hop)?;
        if !contains(trusted, address) {
            break;
        }
    }
    Some(address)
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|hop| std::str::from_utf8(hop).ok().and_then(address_of))
        .collect()
}

fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(FORWARDED)
        .iter()
        .flat_map(|value| match value.to_str() {
            Ok(text) => split_unquoted(text, ',').into_iter().map(for_of).collect(),
            Err(_) => vec![None],
        })
        .collect()
}

/// The `for` parameter of one element of `Forwarded`, when it is an address.
fn for_of(element: &str) -> Option<IpAddr> {
    split_unquoted(element, ';')
        .into_iter()
        .find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then_some(value)
        })
        .and_then(address_of)
}

/// Splits at `separator` outside double quotes.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
    .collect()
}

/// An address as proxies write it: bare, with a port, in brackets, in quotes.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bracketed
        .unwrap_or(text)
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        client_address(
            peer.parse().unwrap(),
            &map,
            &networks(&["10.0.0.0/8", "fd00::/8"]),
        )
        .map(|address| address.to_string())
    }

    #[test]
    fn a_stranger_cannot_name_another_address_as_its_own() {
        for header in [
            ("x-forwarded-for", "162.157.0.9"),
            ("forwarded", "for=162.157.0.9"),
        ] {
            assert_eq!(
                client("198.51.100.7", &[header]).as_deref(),
                Some("198.51.100.7")
            );
        }
    }

    #[test]
    fn the_list_is_believed_from_the_right_only_as_far_as_proxies_are_trusted() {
        for (list, expected) in [
            ("203.0.113.5", "203.0.113.5"),
            ("162.157.0.9, 203.0.113.5", "203.0.113.5"),
            ("162.157.0.9, 203.0.113.5, 10.2.2.2", "203.0.113.5"),
            ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
            ("garbage, 203.0.113.5:4711", "203.0.113.5"),
            ("[2001:db8::1]:4711, fd00::5", "2001:db8::1"),
            ("::ffff:203.0.113.5", "203.0.113.5"),
        ] {
            assert_eq!(
                client("10.0.0.1", &[("x-forwarded-for", list)]).as_deref(),
                Some(expected),
                "{list}"
            );
        }
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let lines = [
            ("x-forwarded-for", "162.157.0.9"),
            ("x-forwarded-for", "203.0.113.5"),
        ];
        assert_eq!(client("10.0.0.1", &lines).as_deref(), Some("203.0.113.5"));
    }

    #[test]
    fn forwarded_is_read_with_quotes_ports_and_brackets() {
        for (value, expected) in [
            (
                "for=192.0.2.60;proto=https;by=203.0.113.43",
                Some("192.0.2.60"),
            ),
            (
                r#"For="[2001:db8:cafe::17]:4711""#,
                Some("2001:db8:cafe::17"),
            ),
            (
                r#"for=1.2.3.4;ext="a,b;for=9.9.9.9", for=192.0.2.61"#,
                Some("192.0.2.61"),
            ),
            ("for=unknown", None),
            ("for=_hidden, for=10.1.1.1", None),
            ("proto=https", None),
        ] {
            assert_eq!(
                client("10.0.0.1", &[("forwarded", value)]).as_deref(),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        let agreed = [
            ("x-forwarded-for", "203.0.113.5"),
            ("forwarded", "for=203.0.113.5"),
        ];
        assert_eq!(client("10.0.0.1", &agreed).as_deref(), Some("203.0.113.5"));
        let forged = [
            ("x-forwarded-for", "203.0.113.5"),
            ("forwarded", "for=162.157.0.9"),
        ];
        assert_eq!(client("10.0.0.1", &forged), None);
    }

    #[test]
    fn an_ipv4_address_mapped_into_ipv6_is_the_ipv4_address() {
        assert_eq!(
            client("::ffff:10.0.0.1", &[("x-forwarded-for", "203.0.113.5")]).as_deref(),
            Some("203.0.113.5")
        );
        let allow = networks(&["162.157.0.0/16"]);
        assert!(contains(&allow, "::ffff:162.157.3.4".parse().unwrap()));
        assert!(!contains(&allow, "162.158.0.1".parse().unwrap()));
    }
}
