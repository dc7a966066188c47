//! Authentication of a request by the entries of a source's `auth`. One valid entry is enough.
//!
//! Secrets are compared as SHA-256 digests in constant time, so that neither their content nor
//! their length shows in the time it takes. Why a request was refused is never told.

use axum::http::header::{AUTHORIZATION, InvalidHeaderName};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::jwks::JwksSetupError;
use super::jwt::{JwtVerdict, JwtVerifier};
use crate::clock::Clock;
use crate::settings::{AuthMethod, Secret};

/// An `auth` entry that cannot be put into force.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// The setting names a header that HTTP does not allow.
    #[error("{name:?} cannot be a header's name: {problem}")]
    Header {
        name: String,
        problem: InvalidHeaderName,
    },
    #[error("the HMAC key for the header {header} cannot be used")]
    HmacKey { header: String },
    #[error(transparent)]
    Jwks(#[from] JwksSetupError),
    #[error("no HTTP client for the certificates of Amazon SNS: {0}")]
    Sns(std::io::Error),
}

/// The result of checking the headers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One way was satisfied.
    Granted,
    /// No way was satisfied and the body cannot change that.
    Denied,
    /// A signature over the body is there: [`Authenticator::signed`] decides.
    NeedsBody,
    /// The identity provider's keys cannot be fetched, so a token cannot be checked.
    Undecidable,
}

/// All ways into one source.
pub(super) struct Authenticator {
    ways: Vec<Way>,
    tokens: Vec<JwtVerifier>,
}

/// Ways that need nothing but the request.
enum Way {
    Bearer(SecretDigest),
    Basic {
        credentials: SecretDigest,
    },
    Header {
        name: HeaderName,
        value: SecretDigest,
    },
    Hmac {
        header: HeaderName,
        key: Box<Hmac<Sha256>>,
    },
}

impl Authenticator {
    pub(super) fn new(methods: &[AuthMethod], clock: &Clock) -> Result<Self, AuthSetupError> {
        let mut ways = Vec::new();
        let mut tokens = Vec::new();
        for method in methods {
            match method {
                AuthMethod::Bearer { secret } => ways.push(Way::Bearer(secret.into())),
                AuthMethod::Basic { username, secret } => ways.push(Way::basic(username, secret)),
                AuthMethod::Header { name, secret } => ways.push(Way::Header {
                    name: header_name(name)?,
                    value: secret.into(),
                }),
                AuthMethod::Hmac { header, secret } => ways.push(Way::hmac(header, secret)?),
                AuthMethod::Jwt {
                    issuer,
                    audience,
                    keys,
                    algorithms,
                } => tokens.push(JwtVerifier::new(issuer, audience, algorithms, keys, clock)?),
            }
        }
        Ok(Self { ways, tokens })
    }

    /// Judges a request by its headers.
    pub(super) async fn by_headers(&self, headers: &HeaderMap) -> Verdict {
        if self.ways.iter().any(|way| way.satisfied_by(headers)) {
            return Verdict::Granted;
        }
        let verdict = match self.tokens.is_empty() {
            true => Verdict::Denied,
            // Room for asking an issuer for its keys is made when somebody needs it, not in
            // every request.
            false => Box::pin(self.by_tokens(headers)).await,
        };
        let is_signed = |way: &Way| way.signature_in(headers).is_some();
        if verdict != Verdict::Granted && self.ways.iter().any(is_signed) {
            return Verdict::NeedsBody;
        }
        verdict
    }

    async fn by_tokens(&self, headers: &HeaderMap) -> Verdict {
        let mut verdict = Verdict::Denied;
        for token in credentials(headers, "bearer") {
            for verifier in &self.tokens {
                match verifier.verify(token).await {
                    JwtVerdict::Granted => return Verdict::Granted,
                    JwtVerdict::Undecidable => verdict = Verdict::Undecidable,
                    JwtVerdict::Denied => {}
                }
            }
        }
        verdict
    }

    /// Whether a signature in `headers` is one over `body`.
    pub(super) fn signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        self.ways.iter().any(|way| way.signs(headers, body))
    }

    /// Values of `WWW-Authenticate` for a 401: the schemes that HTTP has a name for.
    pub(super) fn challenges(&self) -> Vec<HeaderValue> {
        let is = |wanted: fn(&Way) -> bool| self.ways.iter().any(wanted);
        let mut challenges = Vec::new();
        if !self.tokens.is_empty() || is(|way| matches!(way, Way::Bearer(_))) {
            challenges.push(HeaderValue::from_static("Bearer realm=\"ringdown\""));
        }
        if is(|way| matches!(way, Way::Basic { .. })) {
            challenges.push(HeaderValue::from_static(
                "Basic realm=\"ringdown\", charset=\"UTF-8\"",
            ));
        }
        challenges
    }
}

impl Way {
    fn basic(username: &str, secret: &Secret) -> Self {
        let pair = Secret::new(format!("{username}:{}", secret.expose()));
        Self::Basic {
            credentials: SecretDigest::from(&pair),
        }
    }

    fn hmac(header: &str, secret: &Secret) -> Result<Self, AuthSetupError> {
        let key = Hmac::new_from_slice(secret.expose().as_bytes());
        Ok(Self::Hmac {
            header: header_name(header)?,
            key: Box::new(key.map_err(|_| AuthSetupError::HmacKey {
                header: header.to_owned(),
            })?),
        })
    }

    fn satisfied_by(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Bearer(secret) => {
                credentials(headers, "bearer").any(|token| secret.matches(token.as_bytes()))
            }
            Self::Basic { credentials: pair } => credentials(headers, "basic")
                .any(|text| BASE64.decode(text).is_ok_and(|given| pair.matches(&given))),
            Self::Header { name, value } => headers
                .get_all(name)
                .iter()
                .any(|given| value.matches(given.as_bytes())),
            Self::Hmac { .. } => false,
        }
    }

    fn signature_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        match self {
            Self::Hmac { header, .. } => headers.get(header),
            _ => None,
        }
    }

    fn signs(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let Self::Hmac { key, .. } = self else {
            return false;
        };
        let Some(signature) = self.signature_in(headers).and_then(digest_in) else {
            return false;
        };
        let mut hmac = (**key).clone();
        hmac.update(body);
        hmac.finalize().into_bytes().ct_eq(&signature).into()
    }
}

/// The 32 bytes of a signature written in hex or base64, with or without `sha256=`.
///
/// Genesys's Open Messaging sends base64 under the header in which GitHub sends hex, so the
/// form is recognised by the length: 64 characters of hex, 43 or 44 of base64.
fn digest_in(signature: &HeaderValue) -> Option<[u8; 32]> {
    let text = signature.to_str().ok()?.trim();
    let text = match text.split_at_checked(7) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("sha256=") => rest,
        _ => text,
    };
    let mut digest = [0; 32];
    if text.len() == 64 {
        hex::decode_to_slice(text, &mut digest).ok()?;
        return Some(digest);
    }
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok()?;
    decoded.try_into().ok()
}

/// The credentials of each `Authorization` header of `scheme` (lower case).
fn credentials<'a>(headers: &'a HeaderMap, scheme: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(move |value| {
            let (given, rest) = value.to_str().ok()?.trim().split_once(' ')?;
            given
                .eq_ignore_ascii_case(scheme)
                .then(|| rest.trim_start())
        })
}

fn header_name(name: &str) -> Result<HeaderName, AuthSetupError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|problem| AuthSetupError::Header {
        name: name.to_owned(),
        problem,
    })
}

/// A secret as the only thing that is needed of it here: its digest.
struct SecretDigest([u8; 32]);

impl From<&Secret> for SecretDigest {
    fn from(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }
}

impl SecretDigest {
    fn matches(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        let equal: Choice = self.0.ct_eq(&given);
        equal.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    const BODY: &[u8] = br#"{"id":"evt-1"}"#;

    fn signature() -> Vec<u8> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        hmac.update(BODY);
        hmac.finalize().into_bytes().to_vec()
    }

    fn authenticator() -> Authenticator {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let methods = [
            AuthMethod::Bearer {
                secret: Secret::new("token"),
            },
            AuthMethod::Basic {
                username: "genesys".to_owned(),
                secret: Secret::new("pass:word"),
            },
            AuthMethod::Header {
                name: "x-api-key".to_owned(),
                secret: Secret::new("key-1"),
            },
            AuthMethod::Header {
                name: "x-api-key".to_owned(),
                secret: Secret::new("key-2"),
            },
            AuthMethod::Hmac {
                header: "x-hub-signature-256".to_owned(),
                secret: Secret::new("key"),
            },
        ];
        Authenticator::new(&methods, &clock).unwrap()
    }

    async fn granted(name: &str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
        let authenticator = authenticator();
        match authenticator.by_headers(&headers).await {
            Verdict::Granted => true,
            Verdict::NeedsBody => authenticator.signed(&headers, BODY),
            Verdict::Denied | Verdict::Undecidable => false,
        }
    }

    #[tokio::test]
    async fn any_one_way_suffices() {
        let basic = format!("basic {}", BASE64.encode("genesys:pass:word"));
        for (name, value) in [
            ("authorization", "Bearer token"),
            ("authorization", "bearer   token"),
            ("authorization", basic.as_str()),
            ("x-api-key", "key-1"),
            ("x-api-key", "key-2"),
        ] {
            assert!(granted(name, value).await, "{name}: {value}");
        }
    }

    #[tokio::test]
    async fn nearly_right_is_wrong() {
        let basic = format!("Basic {}", BASE64.encode("genesys:pass"));
        for (name, value) in [
            ("authorization", "Bearer toke"),
            ("authorization", "Bearer tokenn"),
            ("authorization", "Bearer Token"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer "),
            ("authorization", "token"),
            ("authorization", "Basic token"),
            ("authorization", "Basic !!!"),
            ("authorization", basic.as_str()),
            ("x-api-key", ""),
            ("x-api-key", "key-3"),
            ("x-hub-signature-256", ""),
            ("x-hub-signature-256", "sha256="),
            ("x-other", "key-1"),
        ] {
            assert!(!granted(name, value).await, "{name}: {value}");
        }
    }

    #[tokio::test]
    async fn a_signature_counts_in_hex_and_in_base64_with_and_without_prefix() {
        let hex = hex::encode(signature());
        let base64 = BASE64.encode(signature());
        for value in [
            hex.clone(),
            hex.to_uppercase(),
            base64.clone(),
            base64.trim_end_matches('=').to_owned(),
        ] {
            for prefix in ["", "sha256=", "SHA256="] {
                let value = format!("{prefix}{value}");
                assert!(granted("x-hub-signature-256", &value).await, "{value}");
            }
        }
    }

    #[tokio::test]
    async fn a_signature_over_another_body_is_refused() {
        let mut wrong = signature();
        wrong[31] ^= 1;
        for value in [hex::encode(&wrong), BASE64.encode(&wrong)] {
            assert!(!granted("x-hub-signature-256", &value).await);
        }
    }

    #[test]
    fn a_401_names_the_schemes_that_exist() {
        let challenges = authenticator().challenges();
        assert_eq!(challenges.len(), 2);
        assert!(challenges[0].to_str().unwrap().starts_with("Bearer "));
        assert!(challenges[1].to_str().unwrap().starts_with("Basic "));
    }

    #[test]
    fn a_header_name_that_http_forbids_is_refused_at_start() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let methods = [AuthMethod::Header {
            name: "x api key".to_owned(),
            secret: Secret::new("key"),
        }];
        assert!(Authenticator::new(&methods, &clock).is_err());
    }
}
