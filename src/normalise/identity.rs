//! Ids for events that carry none: derived from the content, so that the same content has the
//! same id whatever the order of its keys.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The id of a body, by its bytes.
pub(super) fn of_bytes(body: &[u8]) -> String {
    text_of(Sha256::new().chain_update(body))
}

/// The id of JSON content.
pub(super) fn of_content(parts: &[&Value]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        write_canonical(part, &mut hash);
        hash.update([0x1f]);
    }
    text_of(hash)
}

fn text_of(hash: Sha256) -> String {
    format!("sha256:{}", hex::encode(hash.finalize()))
}

/// Feeds `value` to `hash` with sorted keys. Depth is bounded by the parser (128).
fn write_canonical(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            hash.update(b"{");
            for (key, value) in entries {
                hash.update(key.len().to_le_bytes());
                hash.update(key.as_bytes());
                write_canonical(value, hash);
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                write_canonical(item, hash);
                hash.update(b",");
            }
            hash.update(b"]");
        }
        Value::String(text) => {
            hash.update(b"\"");
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => hash.update(value.to_string()),
    }
}
