//! Limits the length of a correlation key.
//!
//! Keys are in the store's indexes. An index of PostgreSQL holds no row of more than about 2,700
//! bytes (its manual, "B-Tree Indexes": a third of a page). A key is made of texts that a sender
//! chooses, so it must be limited here.

use sha2::{Digest, Sha256};

/// In bytes.
const MAX_KEY: usize = 1_000;

/// `key` itself, or its beginning and its digest when it is too long.
pub(super) fn limit_key(key: &str) -> String {
    let key = key.trim();
    if key.len() <= MAX_KEY {
        return key.to_owned();
    }
    let digest = format!("…sha256:{}", hex::encode(Sha256::digest(key)));
    let room = MAX_KEY - digest.len();
    let beginning = (0..=room).rev().find_map(|end| key.get(..end));
    format!("{}{digest}", beginning.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_kept_as_it_is() {
        assert_eq!(limit_key(" Billing \n"), "Billing");
        let longest = "k".repeat(MAX_KEY);
        assert_eq!(limit_key(&longest), longest);
    }

    #[test]
    fn long_keys_are_cut_and_still_told_apart() {
        let long = |end: &str| limit_key(&format!("{}{end}", "漢".repeat(MAX_KEY)));
        assert!(long("a").len() <= MAX_KEY);
        assert!(long("a").starts_with("漢漢"));
        assert_eq!(long("a"), long("a"));
        assert_ne!(long("a"), long("b"));
    }
}
