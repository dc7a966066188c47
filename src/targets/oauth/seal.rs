//! Sealing of rotated refresh tokens: what is kept in the database is of no use without the
//! secrets of the configuration.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use sha2::{Digest, Sha256};

use crate::settings::Secret;

/// Bytes of the nonce that stand before the sealed text.
const NONCE_BYTES: usize = 12;
/// Bytes of the fingerprint of the configured token, inside the sealed text.
const FINGERPRINT_BYTES: usize = 32;

/// Closes and opens tokens of one target.
pub(super) struct Seal {
    key: RandomizedNonceKey,
    target: String,
}

impl Seal {
    /// A seal for `target` with a key made of `secrets`.
    pub(super) fn new(target: &str, secrets: &[Secret]) -> Result<Self, String> {
        let mut hash = Sha256::new();
        hash.update(b"ringdown refresh token v1");
        hash.update(target.as_bytes());
        for secret in secrets {
            hash.update([0]);
            hash.update(secret.expose().as_bytes());
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &hash.finalize())
            .map_err(|_| "the key for sealing tokens cannot be made".to_owned())?;
        Ok(Self {
            key,
            target: target.to_owned(),
        })
    }

    /// Seals `token`, together with which configured token it descends from.
    pub(super) fn close(&self, token: &Secret, configured: &Secret) -> Result<Vec<u8>, String> {
        let mut text = fingerprint(configured).to_vec();
        text.extend_from_slice(token.expose().as_bytes());
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(self.target.as_bytes()), &mut text)
            .map_err(|_| "the token cannot be sealed".to_owned())?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// The token in `sealed`; `None` when it was sealed with other secrets, or descends from
    /// another configured token: then the newly configured one counts.
    pub(super) fn open(&self, sealed: &[u8], configured: &Secret) -> Option<Secret> {
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(self.target.as_bytes()), &mut text)
            .ok()?;
        let (descent, token) = opened.split_at_checked(FINGERPRINT_BYTES)?;
        (descent == fingerprint(configured))
            .then(|| std::str::from_utf8(token).ok().map(Secret::new))
            .flatten()
    }
}

fn fingerprint(configured: &Secret) -> [u8; FINGERPRINT_BYTES] {
    Sha256::digest(configured.expose().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str) -> Seal {
        Seal::new("salesforce", &[Secret::new(secret)]).unwrap()
    }

    #[test]
    fn a_sealed_token_opens_with_the_same_secrets_only() {
        let configured = Secret::new("first");
        let sealed = seal("s1")
            .close(&Secret::new("rotated"), &configured)
            .unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"rotated"));
        let opened = seal("s1").open(&sealed, &configured).unwrap();
        assert_eq!(opened.expose(), "rotated");
        assert!(seal("s2").open(&sealed, &configured).is_none());
    }

    #[test]
    fn a_newly_configured_token_wins_over_the_kept_one() {
        let sealed = seal("s").close(&Secret::new("rotated"), &Secret::new("old"));
        assert!(
            seal("s")
                .open(&sealed.unwrap(), &Secret::new("new"))
                .is_none()
        );
    }
}
