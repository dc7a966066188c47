//! RSA private keys in PEM: PKCS #8 (`PRIVATE KEY`) and PKCS #1 (`RSA PRIVATE KEY`).
//!
//! `jsonwebtoken` can read them too, but needs ten more crates for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// The object identifier rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017).
const RSA_ENCRYPTION: [u8; 11] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];

/// The key in `pem`, to sign tokens with; `None` when there is no RSA private key in it.
pub fn from_pem(pem: &str) -> Option<EncodingKey> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    let (content, _) = element(SEQUENCE, &der)?;
    let (_, rest) = element(INTEGER, content)?;
    match label {
        "RSA PRIVATE KEY" => {
            element(INTEGER, rest)?;
            Some(EncodingKey::from_rsa_der(&der))
        }
        "PRIVATE KEY" => {
            let (algorithm, rest) = element(SEQUENCE, rest)?;
            let (key, _) = element(OCTET_STRING, rest)?;
            let is_rsa = algorithm.starts_with(&RSA_ENCRYPTION);
            is_rsa.then(|| EncodingKey::from_rsa_der(key))
        }
        _ => None,
    }
}

/// The content of the DER element at the beginning of `der`, which must have this tag, and all
/// that follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        // No key is as long as this.
        _ => return None,
    };
    rest.split_at_checked(length).filter(|_| found == tag)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, Header};

    use super::*;

    const RSA: &str = include_str!("../tests/it/salesforce/keys/signing.pem");
    const EC: &str = include_str!("../tests/it/receive/keys/first.pem");

    fn signs(pem: &str) -> bool {
        let header = Header::new(Algorithm::RS256);
        from_pem(pem).is_some_and(|key| jsonwebtoken::encode(&header, &1, &key).is_ok())
    }

    #[test]
    fn a_key_signs_in_either_form_and_also_in_one_line() {
        assert!(signs(RSA));
        assert!(signs(&RSA.replace('\n', " ")));
        let body: String = RSA.lines().filter(|line| !line.contains('-')).collect();
        // The key itself begins behind 26 bytes of PKCS #8.
        let inner = STANDARD.encode(&STANDARD.decode(body).unwrap()[26..]);
        let pkcs1 =
            format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n");
        assert!(signs(&pkcs1));
    }

    #[test]
    fn anything_else_is_refused() {
        let (beginning, _) = RSA.split_at(RSA.len() / 2);
        let cut = format!("{beginning}\n-----END PRIVATE KEY-----\n");
        let public = RSA.replace("PRIVATE", "PUBLIC");
        for text in ["", "nonsense", EC, beginning, &cut, &public] {
            assert!(from_pem(text).is_none(), "{text}");
        }
    }
}
