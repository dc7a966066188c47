use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

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
        // What a proxy has appended must not be swallowed by what the client left open.
        (r#"for=162.157.0.9;x=", for=192.0.2.61"#, None),
        (
            r#"for=162.157.0.9;x="\"", for=192.0.2.61"#,
            Some("192.0.2.61"),
        ),
        (r#"for=162.157.0.9;x="\", for=192.0.2.61"#, None),
        ("for=162.157.0.9;for=192.0.2.61", None),
        ("for=192.0.2.61;nonsense", None),
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
fn every_line_of_forwarded_is_complete_in_itself() {
    for (lines, expected) in [
        (["for=162.157.0.9", "for=203.0.113.5"], Some("203.0.113.5")),
        (["for=162.157.0.9;x=\"", "for=203.0.113.5"], None),
        (["for=162.157.0.9;x=\"", "y=\";for=203.0.113.5"], None),
    ] {
        let lines = lines.map(|line| ("forwarded", line));
        assert_eq!(client("10.0.0.1", &lines).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn a_hop_that_is_no_address_ends_the_walk() {
    for (list, expected) in [
        ("203.0.113.5, ", None),
        ("203.0.113.5,,10.1.1.1", None),
        ("\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
        ("\"203.0.113.5", None),
        ("203.0.113.5 10.1.1.1", None),
        ("for=203.0.113.5", None),
        ("\u{a0}203.0.113.5", None),
        ("203.0.113.5\t", Some("203.0.113.5")),
    ] {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(list.as_bytes()).unwrap();
        headers.insert(X_FORWARDED_FOR, value);
        let trusted = networks(&["10.0.0.0/8"]);
        let client = client_address("10.0.0.1".parse().unwrap(), &headers, &trusted);
        let client = client.map(|address| address.to_string());
        assert_eq!(client.as_deref(), expected, "{list}");
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

const REAL: &str = "203.0.113.5";

const PIECES: &[&str] = &[
    "for=",
    "FOR=",
    "162.157.0.9",
    "10.1.1.1",
    "\"[2001:db8::1]:80\"",
    "\"",
    "\\",
    "\\\"",
    ",",
    ";",
    "=",
    "x=",
    "by=",
    " ",
    "\t",
    "\"\"",
    ", for=162.157.0.9",
    "y=\"",
    "unknown",
    "_h",
];

/// What a client may write: pieces of the grammar, and any bytes that a header may hold.
fn text_of_a_client() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..14)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("no header can hold it", |text| {
            HeaderValue::from_bytes(text).is_ok()
        })
}

/// What a proxy appends for [`REAL`]; some tell the `Host` too, which is the client's choice.
fn element_of_a_proxy() -> impl Strategy<Value = Vec<u8>> {
    let with_host = text_of_a_client().prop_map(|host| {
        let mut element = format!("for=\"{REAL}:4711\";host=\"").into_bytes();
        for byte in host {
            if matches!(byte, b'"' | b'\\') {
                element.push(b'\\');
            }
            element.push(byte);
        }
        element.extend_from_slice(b"\";proto=https");
        element
    });
    prop_oneof![
        Just(format!("for={REAL}").into_bytes()),
        Just(format!("proto=https;by=\"[2001:db8::9]\";for=\"{REAL}\"").into_bytes()),
        with_host,
    ]
}

fn append(headers: &mut HeaderMap, name: &'static str, value: &[u8]) {
    let value = HeaderValue::from_bytes(value).unwrap();
    headers.append(HeaderName::from_static(name), value);
}

/// The headers as a proxy passes them on: its element on the client's line or on its own.
fn passed_on(name: &'static str, client: &[u8], own_line: bool, element: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if own_line {
        append(&mut headers, name, client);
        append(&mut headers, name, element);
    } else {
        append(&mut headers, name, &[client, b", ", element].concat());
    }
    headers
}

fn client_behind_proxy(headers: &HeaderMap) -> Option<IpAddr> {
    let trusted = networks(&["10.0.0.0/8"]);
    client_address("10.0.0.1".parse().unwrap(), headers, &trusted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_a_client_writes_the_proxy_is_believed_or_nobody(
        text in text_of_a_client(), element in element_of_a_proxy(), own_line: bool,
    ) {
        let real: IpAddr = REAL.parse().unwrap();
        let headers = passed_on("forwarded", &text, own_line, &element);
        let client = client_behind_proxy(&headers);
        prop_assert!(client.is_none_or(|client| client == real), "{client:?}");
        let headers = passed_on("forwarded", b"", own_line, &element);
        prop_assert_eq!(client_behind_proxy(&headers), Some(real));
    }

    #[test]
    fn a_client_cannot_change_what_a_proxy_appends_to_x_forwarded_for(
        text in text_of_a_client(), forwarded in text_of_a_client(), own_line: bool,
    ) {
        let real: IpAddr = REAL.parse().unwrap();
        let mut headers = passed_on("x-forwarded-for", &text, own_line, REAL.as_bytes());
        prop_assert_eq!(client_behind_proxy(&headers), Some(real));
        append(&mut headers, "forwarded", &forwarded);
        prop_assert!(client_behind_proxy(&headers).is_none_or(|client| client == real));
    }
}
