//! The digest by which a repetition of an event is recognised.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// The first 16 bytes of SHA-256 over source and event id.
pub(in crate::store) type Digest = [u8; 16];

pub(in crate::store) type Digests = HashSet<Digest>;

pub(in crate::store) fn digest_of(source: &str, event_id: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(source.as_bytes());
    hash.update([0]);
    hash.update(event_id.as_bytes());
    let full = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}
