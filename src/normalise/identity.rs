//! Event ids for events that come without one.
//!
//! Owns the canonical text form of JSON: equal content gives an equal id with any order of its
//! keys.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;

/// Longest id that is kept as the sender wrote it, in bytes. It is a key of the store.
const MAX_ID_LENGTH: usize = 256;

/// A UUID is the same in upper and in lower case.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `id` as it is kept: itself, or its digest when it is too long or holds control characters.
pub(super) fn storable(id: String) -> String {
    if id.len() <= MAX_ID_LENGTH && !id.contains(char::is_control) {
        id
    } else {
        named(&hex::encode(Sha256::digest(id)))
    }
}

/// The id of content that has none: `sha256:` and the digest of the parts' canonical form.
pub(super) fn derived(parts: &[&Value]) -> String {
    named(&digest(parts))
}

/// The id of content without an id and without a time.
///
/// An Edge that goes offline, online and offline again sends the same content twice and means
/// it: the second of arrival keeps the two apart. A repetition within that second is the same
/// event; a later one is a new event, which finds the incident it belongs to by its key.
pub(super) fn derived_at(parts: &[&Value], received_at: Timestamp) -> String {
    let second = Value::from(received_at.as_millis().div_euclid(1_000));
    let mut parts = parts.to_vec();
    parts.push(&second);
    derived(&parts)
}

/// The id of bytes that are not JSON.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    named(&hex::encode(Sha256::digest(bytes)))
}

/// The digest of the parts' canonical form, in hex.
pub(super) fn digest(parts: &[&Value]) -> String {
    let mut text = String::new();
    for part in parts {
        write_canonical(part, &mut text);
        text.push('\n');
    }
    hex::encode(Sha256::digest(text))
}

fn named(digest: &str) -> String {
    format!("sha256:{digest}")
}

/// JSON without blanks, members sorted by key: `serde_json` keeps them sorted only as long as
/// no dependency turns its `preserve_order` on.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(elements) => {
            text.push('[');
            for element in elements {
                write_canonical(element, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, member) in members {
                // Writing to a String cannot fail.
                let _ = write!(text, "{key:?}:");
                write_canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_and_number_of_one_spelling_differ() {
        assert_ne!(derived(&[&json!("17")]), derived(&[&json!(17)]));
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        assert_ne!(
            derived(&[&json!([1]), &json!([2])]),
            derived(&[&json!([1, 2])])
        );
    }

    #[test]
    fn an_id_that_no_store_could_hold_is_replaced_by_its_digest() {
        assert_eq!(storable("evt-1".into()), "evt-1");
        assert_eq!(storable("x".repeat(257)).len(), "sha256:".len() + 64);
        assert!(storable("evt\u{0}1".into()).starts_with("sha256:"));
    }
}
