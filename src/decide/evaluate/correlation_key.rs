//! How long a correlation key may be.
//!
//! Keys stand in the store's indexes. PostgreSQL's hold no row of more than about 2,700 bytes
//! (its manual, "B-Tree Indexes": a third of a page), and refuses to insert a longer one; a
//! key is made of a sender's texts, so nothing else bounds it.

use sha2::{Digest, Sha256};

/// Longest key, in bytes.
const LONGEST_KEY: usize = 1_000;

/// `key` as it is kept: itself, or its beginning and its digest when it is too long.
pub(in crate::decide) fn kept(key: &str) -> String {
    let key = key.trim();
    if key.len() <= LONGEST_KEY {
        return key.to_owned();
    }
    let digest = format!("…sha256:{}", hex::encode(Sha256::digest(key)));
    let room = LONGEST_KEY - digest.len();
    let beginning = (0..=room).rev().find_map(|end| key.get(..end));
    format!("{}{digest}", beginning.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_kept_as_it_is() {
        assert_eq!(kept(" Billing \n"), "Billing");
        let longest = "k".repeat(LONGEST_KEY);
        assert_eq!(kept(&longest), longest);
    }

    #[test]
    fn long_keys_are_cut_and_still_told_apart() {
        let long = |end: &str| kept(&format!("{}{end}", "漢".repeat(LONGEST_KEY)));
        assert!(long("a").len() <= LONGEST_KEY);
        assert!(long("a").starts_with("漢漢"));
        assert_eq!(long("a"), long("a"));
        assert_ne!(long("a"), long("b"));
    }
}
