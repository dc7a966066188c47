//! Encryption of a rotated refresh token, so that the database never holds it in clear.
//!
//! AES-256-GCM; the key is derived by HKDF-SHA-256 from the refresh token in the settings.
//! So a token that was saved under another configured refresh token cannot be decrypted, and
//! the newly configured one is used. A new client secret changes nothing.
//!
//! Pure but for the nonce.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, rand};

use crate::domain::identity::TargetName;
use crate::settings::Secret;

/// The first byte of what is encrypted; another layout gets another number.
const LAYOUT: u8 = 1;
/// Tells this use of the secret from every other.
const PURPOSE: &[u8] = b"ringdown/refresh-token/1";

/// Encrypts and decrypts the refresh tokens of one target.
pub(super) struct TokenCipher {
    key: LessSafeKey,
    target: TargetName,
}

impl TokenCipher {
    /// The cipher of `target`, whose settings name the refresh token `configured`.
    pub(super) fn new(target: &TargetName, configured: &Secret) -> Result<Self, Unspecified> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE);
        let secret = salt.extract(configured.expose().as_bytes());
        let info = [target.as_str().as_bytes()];
        let key = UnboundKey::from(secret.expand(&info, &AES_256_GCM)?);
        Ok(Self {
            key: LessSafeKey::new(key),
            target: target.clone(),
        })
    }

    pub(super) fn encrypt(&self, token: &Secret) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut text = token.expose().as_bytes().to_vec();
        let random = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(random, self.context(), &mut text)?;
        Ok([&[LAYOUT], nonce.as_slice(), text.as_slice()].concat())
    }

    /// The token in `encrypted`; `None` when it was encrypted under another secret, for another
    /// target, or is damaged.
    pub(super) fn decrypt(&self, encrypted: &[u8]) -> Option<Secret> {
        let rest = encrypted.strip_prefix(&[LAYOUT])?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.key.open_in_place(nonce, self.context(), &mut text);
        let token = String::from_utf8(opened.ok()?.to_vec()).ok()?;
        Some(Secret::new(token))
    }

    fn context(&self) -> Aad<&[u8]> {
        Aad::from(self.target.as_str().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(target: &str, configured: &str) -> TokenCipher {
        TokenCipher::new(&TargetName::new(target), &Secret::new(configured)).unwrap()
    }

    #[test]
    fn what_is_sealed_can_be_opened_and_does_not_show_the_token() {
        let cipher = cipher("salesforce", "5Aep861first");
        let encrypted = cipher.encrypt(&Secret::new("5Aep861second")).unwrap();
        let shown = String::from_utf8_lossy(&encrypted).into_owned();
        assert!(!shown.contains("5Aep861"));
        assert_eq!(
            cipher.decrypt(&encrypted).unwrap().expose(),
            "5Aep861second"
        );
    }

    #[test]
    fn the_same_token_is_never_sealed_alike_twice() {
        let cipher = cipher("salesforce", "first");
        let token = Secret::new("second");
        assert_ne!(
            cipher.encrypt(&token).unwrap(),
            cipher.encrypt(&token).unwrap()
        );
    }

    #[test]
    fn another_configured_token_or_target_cannot_open_it() {
        let encrypted = cipher("a", "first")
            .encrypt(&Secret::new("second"))
            .unwrap();
        assert!(cipher("a", "other").decrypt(&encrypted).is_none());
        assert!(cipher("b", "first").decrypt(&encrypted).is_none());
        assert!(cipher("a", "first").decrypt(&encrypted).is_some());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let cipher = cipher("a", "first");
        let mut encrypted = cipher.encrypt(&Secret::new("second")).unwrap();
        for broken in [&[][..], &[LAYOUT], &[9; 40]] {
            assert!(cipher.decrypt(broken).is_none());
        }
        if let Some(last) = encrypted.last_mut() {
            *last ^= 1;
        }
        assert!(cipher.decrypt(&encrypted).is_none());
    }
}
