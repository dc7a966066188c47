//! A set of public keys (RFC 7517): its usable keys, and the keys that fit a token. Pure.

use std::sync::Arc;

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;

use crate::domain::time::Timestamp;
use crate::json::PlainJson;

/// The text is no key set, or it has no key that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("the key set is not a JWKS (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("the key set holds no public key that can be used")]
    Empty,
}

/// Keys, and when they were read.
#[derive(Default)]
pub(super) struct KeySet {
    pub(super) keys: Vec<Key>,
    pub(super) read_at: Option<Timestamp>,
}

/// A public key that can check signatures.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Option<KeyAlgorithm>,
    key: Arc<DecodingKey>,
}

impl KeySet {
    /// Keys for `algorithm` with the id `id`; all of them when the token names no id.
    pub(super) fn matching(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<Arc<DecodingKey>> {
        self.keys
            .iter()
            .filter(|key| id.is_none() || key.id.as_deref() == id)
            .filter(|key| key.key.family() == algorithm.family())
            .filter(|key| {
                key.algorithm
                    .is_none_or(|only| only == KeyAlgorithm::from(algorithm))
            })
            .map(|key| Arc::clone(&key.key))
            .collect()
    }
}

impl From<serde_json::Error> for KeySetError {
    /// Only the place of the error: the parser's message quotes the answer.
    fn from(error: serde_json::Error) -> Self {
        Self::Json {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// The usable keys of a JWKS. Keys of sorts we do not know are passed over, as RFC 7517
/// section 5 asks; symmetric keys are never taken.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Key>, KeySetError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<PlainJson>,
    }
    let set: Set = serde_json::from_slice(bytes)?;
    let keys: Vec<Key> = set.keys.into_iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err(KeySetError::Empty);
    }
    Ok(keys)
}

fn usable(PlainJson(value): PlainJson) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (for_signatures && key.family() != AlgorithmFamily::Hmac).then(|| Key {
        id: jwk.common.key_id,
        algorithm: jwk.common.key_algorithm,
        key: Arc::new(key),
    })
}
