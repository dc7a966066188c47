//! Whatever an answer makes of a secret of ours, it does not stay in it.

use axum::http::Method;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::json;

use super::super::request::RequestBuilder;
use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    for secret in secrets {
        redactor.remember(&Secret::new(*secret));
    }
    redactor
}

fn in_html(text: &str, write: impl Fn(char) -> String) -> String {
    let written = text.chars().map(|character| match character {
        '&' | '<' | '>' | '"' | '\'' | '/' => write(character),
        other => other.to_string(),
    });
    written.collect()
}

fn in_json(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut units = [0; 2];
    text.chars()
        .map(|character| match is_escaped(character) {
            true => {
                let units = character.encode_utf16(&mut units).iter();
                units.map(|unit| format!("\\u{unit:04x}")).collect()
            }
            false => character.to_string(),
        })
        .collect()
}

/// Every way in which `secret` is written somewhere.
fn written(secret: &str) -> Vec<String> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let json = json!(secret).to_string();
    let json = &json[1..json.len() - 1];
    let pair = format!("ringdown:{secret}");
    let mut ways = vec![
        secret.to_owned(),
        lower_hex(&percent),
        form(secret),
        utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string(),
        json.to_owned(),
        json.replace('/', "\\/"),
        in_json(secret, |_| true),
        in_json(json, |character| !character.is_ascii()),
        in_html(secret, |one| format!("&#{};", u32::from(one))),
        in_html(secret, |one| format!("&#x{:X};", u32::from(one))),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;"),
        form(&STANDARD.encode(&pair)),
        percent,
    ];
    for text in [
        secret,
        &pair,
        &format!("x:{secret}"),
        &format!("xy:{secret}; more"),
    ] {
        ways.push(STANDARD.encode(text));
        ways.push(STANDARD_NO_PAD.encode(text));
        ways.push(URL_SAFE.encode(text));
        ways.push(URL_SAFE_NO_PAD.encode(text));
    }
    ways
}

fn lower_hex(percent: &str) -> String {
    let mut left = 0;
    let written = percent.chars().map(|character| {
        left = if character == '%' { 3 } else { left };
        left = i32::max(left - 1, 0);
        match left > 0 || character.is_ascii_digit() {
            true => character.to_ascii_lowercase(),
            false => character,
        }
    });
    written.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_way_of_writing_a_secret_stays(
        secret in "[!-~ äß😀]{8,80}",
        before in "[a-zA-Z0-9 äß😀{}:,.-]{0,40}[ \"'=:>(]",
        behind in "[ \"'&;)<][a-zA-Z0-9 äß😀{}:,.-]{0,40}",
    ) {
        let redactor = redactor(&[&secret]);
        for way in written(&secret) {
            let text = format!("{before}{way}{behind}");
            let redacted = redactor.text(&text);
            prop_assert!(!redacted.contains(&way), "{way:?} stayed in {redacted:?}");
            prop_assert!(redacted.contains(REDACTED));
            prop_assert!(redacted.starts_with(&before), "{redacted:?} began as {before:?}");
        }
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is(text in "[a-z0-9 %&;\\\\\"{}/+=]{0,200}") {
        let redactor = redactor(&["Sup3rS3cretT0ken", "An0ther/Secret+With=Signs"]);
        prop_assert_eq!(redactor.text(&text), text.as_str());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = redactor(&["secret%41\\u0041", "p&amp;w"]).bytes(&bytes);
    }
}

#[test]
fn a_long_secret_that_is_cut_is_recognised_by_its_first_half() {
    let token = "00D5g000004Z2Xq!AQEAQFhV1kQ0JkV5n8mW2";
    let redactor = redactor(&[token]);
    let cut = &token[..30];
    assert_eq!(
        redactor.text(&format!("bad token {cut}…")),
        "bad token [secret]…"
    );
    let cut = &STANDARD.encode(format!("user:{token}"))[..40];
    assert_eq!(redactor.text(&format!("Basic {cut}")), "Basic [secret]");
    // The org's id alone is no secret.
    assert_eq!(redactor.text("org 00D5g000004Z2Xq"), "org 00D5g000004Z2Xq");
}

#[test]
fn a_short_secret_is_no_part_of_a_word_and_a_shorter_one_is_not_looked_for() {
    let redactor = redactor(&["1234", "k3y"]);
    assert_eq!(
        redactor.text("c537bae64f12341200adf9, pin 1234, pin%3D1234&k3y"),
        "c537bae64f12341200adf9, pin [secret], pin%3D[secret]&k3y"
    );
}

#[test]
fn json_stays_json_and_keeps_its_names() {
    let redactor = redactor(&["incident", "98765432"]);
    let mut json = json!({"incident": "incident 7", "n": 98_765_432, "list": [true, "ok"]});
    redactor.json(&mut json);
    assert_eq!(
        json,
        json!({"incident": "[secret] 7", "n": "[secret]", "list": [true, "ok"]})
    );
}

#[test]
fn a_secret_in_a_name_is_redacted() {
    let redactor = redactor(&["Sup3rS3cretT0ken", "number"]);
    // As gateways quote a form that they took for JSON.
    let mut json = json!({
        "Sup3rS3cretT0ken": 1,
        "fields": [{"grant_type=password&password=Sup3r%533cretT0ken": {"parent_incident.number": ""}}],
    });
    redactor.json(&mut json);
    assert_eq!(
        json,
        json!({
            "[secret]": 1,
            "fields": [{"grant_type=password&password=[secret]": {"parent_incident.number": ""}}],
        })
    );
}

#[test]
fn what_was_used_last_is_remembered_longest() {
    let redactor = Redactor::default();
    let token = |number: usize| Secret::new(format!("token-number-{number}-of-many"));
    for number in 0..MAX_REMEMBERED + 50 {
        redactor.remember(&token(number));
        redactor.remember(&token(0));
    }
    let is_known = |number| redactor.text(token(number).expose()) == REDACTED;
    assert!(is_known(0) && is_known(MAX_REMEMBERED + 49) && !is_known(1));
}

#[test]
fn what_a_request_carries_is_remembered() {
    let redactor = Redactor::default();
    let form = [
        ("client_id", "ringdown-id"),
        ("client_secret", "s3cret/of+client"),
    ];
    let address = "http://127.0.0.1/token".parse().unwrap();
    let request = RequestBuilder::new(Method::POST, address)
        .basic_auth("ringdown", Some("p>ss?wörd"))
        .form(&form);
    redactor.remember_sent(&request.build().unwrap());
    let pair = STANDARD.encode("ringdown:p>ss?wörd");
    assert_eq!(
        redactor.text(&format!(
            "Basic {pair} client_id=ringdown-id&client_secret=s3cret%2Fof%2Bclient"
        )),
        "Basic [secret] client_id=ringdown-id&client_secret=[secret]"
    );
}

#[test]
fn a_redactor_is_never_printed() {
    assert_eq!(format!("{:?}", redactor(&["Sup3rS3cretT0ken"])), "Redactor");
}
