//! CloudEvents in the binary mode of HTTP: attributes in headers, data in the body. Pure.

use axum::body::Bytes;
use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The attributes that every event has, by their headers.
const REQUIRED: [&str; 4] = ["ce-specversion", "ce-id", "ce-source", "ce-type"];

const OPTIONAL: [&str; 3] = ["ce-time", "ce-subject", "ce-dataschema"];

/// `body`, or the same event in the structured mode when `headers` make it a CloudEvent: so its
/// attributes are kept with it. A body that is not JSON stays as it is.
pub(super) fn structured(headers: &HeaderMap, body: Bytes) -> Bytes {
    if !REQUIRED.iter().all(|name| headers.contains_key(*name)) {
        return body;
    }
    let bare = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
    let Ok(data) = serde_json::from_slice::<&RawValue>(bare) else {
        return body;
    };
    let attributes: Map<String, Value> = REQUIRED
        .iter()
        .chain(&OPTIONAL)
        .filter_map(|header| {
            let value = headers.get(*header)?.to_str().ok()?;
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            let name = header.trim_start_matches("ce-").to_owned();
            Some((name, Value::String(value)))
        })
        .collect();
    let attributes = Value::Object(attributes).to_string();
    let open = attributes.strip_suffix('}').unwrap_or(&attributes);
    Bytes::from(format!("{open},\"data\":{}}}", data.get()))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let value = HeaderValue::from_static(value);
                (HeaderName::from_static(name), value)
            })
            .collect()
    }

    #[test]
    fn the_attributes_of_the_headers_are_kept_with_the_data() {
        let headers = headers(&[
            ("ce-specversion", "1.0"),
            ("ce-id", "e%201"),
            ("ce-source", "/relay"),
            ("ce-type", "t}"),
            ("ce-time", "2026-11-29T15:40:00Z"),
        ]);
        let body = structured(&headers, Bytes::from_static(b"{\"a\": 1.50}"));
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            event,
            json!({"specversion": "1.0", "id": "e 1", "source": "/relay", "type": "t}",
                "time": "2026-11-29T15:40:00Z", "data": {"a": 1.5}})
        );
    }

    #[test]
    fn without_all_required_attributes_it_is_no_cloud_event() {
        let headers = headers(&[("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "t")]);
        assert_eq!(structured(&headers, Bytes::from_static(b"{}")), "{}");
    }
}
