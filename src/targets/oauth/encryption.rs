//! Sealing of a rotated refresh token, so that the database never holds it in clear.
//!
//! AES-256-GCM; the key is derived by HKDF-SHA-256 from the refresh token in the settings.
//! That makes the key its own fingerprint: when another refresh token is configured, what
//! was kept under the old one cannot be opened any more, and the configured one wins. A new
//! client secret changes nothing.
//!
//! Pure but for the nonce. May import: `settings::Secret`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, rand};

use crate::settings::Secret;

/// The first byte of what is sealed; another layout gets another number.
const LAYOUT: u8 = 1;
/// Tells this use of the secret from every other.
const PURPOSE: &[u8] = b"ringdown/refresh-token/1";

/// Seals and opens the refresh tokens of one target.
pub(super) struct Seal {
    key: LessSafeKey,
    target: String,
}

impl Seal {
    /// The seal of `target`, whose settings name the refresh token `first`.
    pub(super) fn new(target: &str, first: &Secret) -> Result<Self, Unspecified> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE);
        let secret = salt.extract(first.expose().as_bytes());
        let info = [target.as_bytes()];
        let key = UnboundKey::from(secret.expand(&info, &AES_256_GCM)?);
        Ok(Self {
            key: LessSafeKey::new(key),
            target: target.to_owned(),
        })
    }

    pub(super) fn seal(&self, token: &Secret) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut text = token.expose().as_bytes().to_vec();
        let random = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(random, self.context(), &mut text)?;
        Ok([&[LAYOUT], nonce.as_slice(), text.as_slice()].concat())
    }

    /// The token in `sealed`; `None` when it was sealed under another secret, for another
    /// target, or is damaged.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Secret> {
        let rest = sealed.strip_prefix(&[LAYOUT])?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.key.open_in_place(nonce, self.context(), &mut text);
        let token = String::from_utf8(opened.ok()?.to_vec()).ok()?;
        Some(Secret::new(token))
    }

    fn context(&self) -> Aad<&[u8]> {
        Aad::from(self.target.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(target: &str, first: &str) -> Seal {
        Seal::new(target, &Secret::new(first)).unwrap()
    }

    #[test]
    fn what_is_sealed_can_be_opened_and_does_not_show_the_token() {
        let seal = seal("salesforce", "5Aep861first");
        let sealed = seal.seal(&Secret::new("5Aep861second")).unwrap();
        let shown = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!shown.contains("5Aep861"));
        assert_eq!(seal.open(&sealed).unwrap().expose(), "5Aep861second");
    }

    #[test]
    fn the_same_token_is_never_sealed_alike_twice() {
        let seal = seal("salesforce", "first");
        let token = Secret::new("second");
        assert_ne!(seal.seal(&token).unwrap(), seal.seal(&token).unwrap());
    }

    #[test]
    fn another_configured_token_or_target_cannot_open_it() {
        let sealed = seal("a", "first").seal(&Secret::new("second")).unwrap();
        assert!(seal("a", "other").open(&sealed).is_none());
        assert!(seal("b", "first").open(&sealed).is_none());
        assert!(seal("a", "first").open(&sealed).is_some());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let seal = seal("a", "first");
        let mut sealed = seal.seal(&Secret::new("second")).unwrap();
        for broken in [&[][..], &[LAYOUT], &[9; 40]] {
            assert!(seal.open(broken).is_none());
        }
        if let Some(last) = sealed.last_mut() {
            *last ^= 1;
        }
        assert!(seal.open(&sealed).is_none());
    }
}
