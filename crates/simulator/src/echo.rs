//! A request as a gateway quotes it in an error.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::http::HeaderName;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::form_urlencoded;

use super::fault::Encoding;
use super::wire::Request;

/// The request with its headers and its body; the credentials first, where no reader cuts.
pub(super) fn whole(request: &Request) -> String {
    let is_credential =
        |name: &&HeaderName| ["authorization", "x-sn-apikey"].contains(&name.as_str());
    let lines = |wanted: bool| {
        let names = request.headers.keys();
        let names = names.filter(move |name| is_credential(name) == wanted);
        names.fold(String::new(), |mut lines, name| {
            // Writing to a `String` does not fail.
            let _ = writeln!(
                lines,
                "{name}: {}",
                request.header(name.as_str()).unwrap_or_default()
            );
            lines
        })
    };
    let body = String::from_utf8_lossy(&request.body);
    let (method, path) = (&request.method, &request.path);
    format!("{method} {path}\n{}{body}\n{}", lines(true), lines(false))
}

/// `text` in `encoding`.
pub(super) fn written(text: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Json => {
            let json = json!(text).to_string();
            json[1..json.len() - 1].to_owned()
        }
        Encoding::JsonEscapes => {
            let units = text.encode_utf16();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        }
        Encoding::Percent => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        Encoding::PercentLower => percent_lower(text),
        Encoding::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        Encoding::Html => in_html(text),
        Encoding::Base64 => STANDARD.encode(text),
        Encoding::Base64Url => URL_SAFE_NO_PAD.encode(text),
    }
}

fn percent_lower(text: &str) -> String {
    let written = text.bytes().map(|byte| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    });
    written.collect()
}

fn in_html(text: &str) -> String {
    let written = text.chars().map(|character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' | '/' => format!("&#x{:X};", u32::from(character)),
        other => other.to_string(),
    });
    written.collect()
}
