//! Signed tokens of an identity provider: issuer, audience and algorithms are pinned.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::jwks::{JwksSetupError, Keyring, Lookup};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::settings::JwksLocation;

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY_SECONDS: f64 = 60.0;

/// The result of checking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JwtVerdict {
    /// Signed by the provider, for us, in force.
    Granted,
    /// Anything else.
    Denied,
    /// The provider's keys cannot be had.
    Undecidable,
}

/// Judges tokens of one issuer for one audience.
pub(super) struct JwtVerifier {
    /// One per accepted algorithm: the verification demands that all accepted algorithms
    /// fit the key, and a provider may have keys of several families.
    validations: Vec<(Algorithm, Validation)>,
    keyring: Keyring,
    clock: Clock,
}

#[derive(Deserialize)]
struct Times {
    exp: f64,
    nbf: Option<f64>,
}

impl JwtVerifier {
    pub(super) fn new(
        issuer: &str,
        audience: &str,
        algorithms: &[Algorithm],
        keys: &JwksLocation,
        clock: &Clock,
    ) -> Result<Self, JwksSetupError> {
        let validations = algorithms
            .iter()
            .map(|algorithm| (*algorithm, validation(issuer, audience, *algorithm)))
            .collect();
        Ok(Self {
            validations,
            keyring: Keyring::new(keys, clock)?,
            clock: clock.clone(),
        })
    }

    pub(super) async fn verify(&self, token: &str) -> JwtVerdict {
        let Ok(header) = decode_header(token) else {
            return JwtVerdict::Denied;
        };
        let pinned = self.validations.iter().find(|(one, _)| *one == header.alg);
        // `crit` names extensions that must be understood; none is (RFC 7515, 4.1.11).
        let (Some((algorithm, validation)), None) = (pinned, header.crit) else {
            return JwtVerdict::Denied;
        };
        match self.keyring.find(header.kid.as_deref(), *algorithm).await {
            Lookup::Keys(keys) if self.good_under_any(token, &keys, validation) => {
                JwtVerdict::Granted
            }
            Lookup::Keys(_) | Lookup::Unknown => JwtVerdict::Denied,
            Lookup::Unavailable => JwtVerdict::Undecidable,
        }
    }

    fn good_under_any(
        &self,
        token: &str,
        keys: &[std::sync::Arc<DecodingKey>],
        validation: &Validation,
    ) -> bool {
        let now = self.clock.now();
        keys.iter().any(|key| {
            decode::<Times>(token, key, validation).is_ok_and(|token| token.claims.in_force_at(now))
        })
    }
}

impl Times {
    fn in_force_at(&self, now: Timestamp) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 stay below 2^53 for 280,000 years"
        )]
        let now = now.as_millis() as f64 / 1000.0;
        now < self.exp + LEEWAY_SECONDS && self.nbf.is_none_or(|from| now >= from - LEEWAY_SECONDS)
    }
}

/// Times are left to [`Times::in_force_at`], because the library reads a clock of its own.
fn validation(issuer: &str, audience: &str, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}
