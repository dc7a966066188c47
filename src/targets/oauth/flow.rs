//! The grants, and the form that each sends to the token endpoint.
//!
//! Sends nothing itself.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use url::{Url, form_urlencoded};

use super::dialect::ClientAuth;
use super::error::SetupError;
use crate::domain::time::Timestamp;
use crate::rsa_key;
use crate::settings::{Secret, TargetAuth};

/// How long an assertion is good for, in seconds. Salesforce refuses more than three minutes;
/// less leaves no room for clocks that differ.
const ASSERTION_SECONDS: i64 = 120;

/// One way to obtain a token, ready for use.
pub(super) struct Flow {
    pub(super) token_url: Url,
    grant: Grant,
}

enum Grant {
    ClientCredentials {
        client: Client,
        scope: Option<String>,
    },
    JwtBearer {
        issuer: String,
        subject: String,
        audience: String,
        key: EncodingKey,
    },
    RefreshToken {
        client: Client,
    },
    Password {
        client: Client,
        username: String,
        password: Secret,
    },
}

struct Client {
    id: String,
    secret: Option<Secret>,
}

pub(super) type Form = Vec<(&'static str, String)>;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

impl Flow {
    pub(super) fn of(auth: &TargetAuth) -> Result<Self, SetupError> {
        let (token_url, grant) = match auth {
            TargetAuth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scope,
            } => {
                let client = Client::new(client_id, Some(client_secret));
                let scope = scope.clone();
                (token_url, Grant::ClientCredentials { client, scope })
            }
            TargetAuth::JwtBearer {
                token_url,
                client_id,
                username,
                audience,
                private_key,
            } => {
                let grant = Grant::JwtBearer {
                    issuer: client_id.clone(),
                    subject: username.clone(),
                    audience: audience.clone(),
                    key: signing_key(private_key)?,
                };
                (token_url, grant)
            }
            TargetAuth::RefreshToken {
                token_url,
                client_id,
                client_secret,
                ..
            } => {
                let client = Client::new(client_id, client_secret.as_ref());
                (token_url, Grant::RefreshToken { client })
            }
            TargetAuth::Password {
                token_url,
                client_id,
                client_secret,
                username,
                password,
            } => {
                let grant = Grant::Password {
                    client: Client::new(client_id, Some(client_secret)),
                    username: username.clone(),
                    password: password.clone(),
                };
                (token_url, grant)
            }
            TargetAuth::Basic { .. } | TargetAuth::ApiKey { .. } => {
                return Err(SetupError::NoTokens);
            }
        };
        Ok(Self {
            token_url: token_url.clone(),
            grant,
        })
    }

    /// What is sent at `now`; `refresh_token` is the one in force, for the flow that has one.
    pub(super) fn form(
        &self,
        client_auth: ClientAuth,
        refresh_token: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Form, jsonwebtoken::errors::Error> {
        let mut form = Form::new();
        match &self.grant {
            Grant::ClientCredentials { client, scope } => {
                form.push(("grant_type", "client_credentials".to_owned()));
                client.identify(client_auth, &mut form);
                form.extend(scope.clone().map(|scope| ("scope", scope)));
            }
            Grant::JwtBearer { .. } => {
                let kind = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                form.push(("grant_type", kind.to_owned()));
                form.extend(self.assertion(now)?.map(|jwt| ("assertion", jwt)));
            }
            // No `scope`: Salesforce refuses a refresh that names one.
            Grant::RefreshToken { client } => {
                form.push(("grant_type", "refresh_token".to_owned()));
                client.identify(client_auth, &mut form);
                form.extend(refresh_token.map(|token| ("refresh_token", token.expose().into())));
            }
            Grant::Password {
                client,
                username,
                password,
            } => {
                form.push(("grant_type", "password".to_owned()));
                client.identify(client_auth, &mut form);
                form.push(("username", username.clone()));
                form.push(("password", password.expose().to_owned()));
            }
        }
        Ok(form)
    }

    /// Whether a login sends a user's password.
    pub(super) const fn sends_password(&self) -> bool {
        matches!(self.grant, Grant::Password { .. })
    }

    /// The client's id and secret for the header, where the CRM wants them there.
    pub(super) fn basic_auth(&self, client_auth: ClientAuth) -> Option<(String, String)> {
        let (Grant::ClientCredentials { client, .. }
        | Grant::RefreshToken { client }
        | Grant::Password { client, .. }) = &self.grant
        else {
            return None;
        };
        let secret = client.secret.as_ref()?;
        let pair = (form_encoded(&client.id), form_encoded(secret.expose()));
        (client_auth == ClientAuth::BasicHeader).then_some(pair)
    }

    fn assertion(&self, now: Timestamp) -> Result<Option<String>, jsonwebtoken::errors::Error> {
        let Grant::JwtBearer {
            issuer,
            subject,
            audience,
            key,
        } = &self.grant
        else {
            return Ok(None);
        };
        let claims = Claims {
            iss: issuer,
            sub: subject,
            aud: audience,
            exp: now.as_millis() / 1000 + ASSERTION_SECONDS,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key).map(Some)
    }
}

fn signing_key(private_key: &Secret) -> Result<EncodingKey, SetupError> {
    rsa_key::from_pem(private_key.expose()).ok_or(SetupError::PrivateKey)
}

impl Client {
    fn new(id: &str, secret: Option<&Secret>) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.cloned(),
        }
    }

    fn identify(&self, client_auth: ClientAuth, form: &mut Form) {
        if client_auth == ClientAuth::BasicHeader && self.secret.is_some() {
            return;
        }
        form.push(("client_id", self.id.clone()));
        if let Some(secret) = &self.secret {
            form.push(("client_secret", secret.expose().to_owned()));
        }
    }
}

/// RFC 6749, section 2.3.1: id and secret are encoded as in a form before Basic encodes them.
fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
