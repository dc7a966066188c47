//! The grants, as the forms that are posted for them. Pure.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use url::Url;

use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::time::Timestamp;
use crate::settings::{Secret, TargetAuth};

/// How long an assertion is good; Salesforce refuses more than three minutes.
const ASSERTION_SECONDS: i64 = 120;

/// A grant with what it needs.
pub(super) enum Flow {
    /// RFC 6749, section 4.4.
    ClientCredentials {
        client_id: String,
        client_secret: Secret,
        scope: Option<String>,
    },
    /// RFC 7523.
    JwtBearer {
        client_id: String,
        username: String,
        audience: String,
        key: EncodingKey,
    },
    /// RFC 6749, section 6.
    RefreshToken {
        client_id: String,
        client_secret: Option<Secret>,
        configured: Secret,
    },
    /// RFC 6749, section 4.3.
    Password {
        client_id: String,
        client_secret: Secret,
        username: String,
        password: Secret,
    },
}

fn rsa_key(pem: &Secret) -> Result<EncodingKey, String> {
    EncodingKey::from_rsa_pem(pem.expose().as_bytes())
        .map_err(|_| "private_key is not an RSA key in PEM form".to_owned())
}

impl Flow {
    /// The flow that `auth` describes, and where its tokens come from.
    pub(super) fn of(auth: &TargetAuth) -> Result<(Self, Url), String> {
        Ok(match auth.clone() {
            TargetAuth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scope,
            } => (
                Self::ClientCredentials {
                    client_id,
                    client_secret,
                    scope,
                },
                token_url,
            ),
            TargetAuth::JwtBearer {
                token_url,
                client_id,
                username,
                audience,
                private_key,
            } => (
                Self::JwtBearer {
                    client_id,
                    username,
                    audience,
                    key: rsa_key(&private_key)?,
                },
                token_url,
            ),
            TargetAuth::RefreshToken {
                token_url,
                client_id,
                client_secret,
                refresh_token,
            } => (
                Self::RefreshToken {
                    client_id,
                    client_secret,
                    configured: refresh_token,
                },
                token_url,
            ),
            TargetAuth::Password {
                token_url,
                client_id,
                client_secret,
                username,
                password,
            } => (
                Self::Password {
                    client_id,
                    client_secret,
                    username,
                    password,
                },
                token_url,
            ),
            _ => return Err("this login needs no token".to_owned()),
        })
    }

    /// The form to post. `refresh_token` is the one in force, for the flow that uses it.
    pub(super) fn form(
        &self,
        refresh_token: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(match self {
            Self::ClientCredentials {
                client_id,
                client_secret,
                scope,
            } => {
                let mut form = vec![
                    ("grant_type", "client_credentials".to_owned()),
                    ("client_id", client_id.clone()),
                    ("client_secret", client_secret.expose().to_owned()),
                ];
                form.extend(scope.clone().map(|scope| ("scope", scope)));
                form
            }
            Self::JwtBearer { .. } => vec![
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
                ),
                ("assertion", self.assertion(now)?),
            ],
            Self::RefreshToken {
                client_id,
                client_secret,
                configured,
            } => {
                let token = refresh_token.unwrap_or(configured).expose().to_owned();
                let mut form = vec![
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", client_id.clone()),
                    ("refresh_token", token),
                ];
                form.extend(
                    client_secret
                        .iter()
                        .map(|secret| ("client_secret", secret.expose().to_owned())),
                );
                form
            }
            Self::Password {
                client_id,
                client_secret,
                username,
                password,
            } => vec![
                ("grant_type", "password".to_owned()),
                ("client_id", client_id.clone()),
                ("client_secret", client_secret.expose().to_owned()),
                ("username", username.clone()),
                ("password", password.expose().to_owned()),
            ],
        })
    }

    fn assertion(&self, now: Timestamp) -> Result<String, Failure> {
        let Self::JwtBearer {
            client_id,
            username,
            audience,
            key,
        } = self
        else {
            return Ok(String::new());
        };
        let seconds = now.as_millis() / 1000;
        let claims = json!({"iss": client_id, "sub": username, "aud": audience,
            "iat": seconds, "exp": seconds + ASSERTION_SECONDS});
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key).map_err(|_| {
            Failure::new(
                FailureKind::AuthFailure,
                Remedy::HoldTarget,
                "the assertion cannot be signed with auth.private_key",
            )
        })
    }
}
