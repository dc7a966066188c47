//! OAuth as Salesforce does it: no `expires_in`, errors that are 400, rotation that kills the
//! old refresh token at once.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::wire::{Answer, Request};
use super::super::{CLIENT_ID, CLIENT_SECRET, PASSWORD, REFRESH_TOKEN, USERNAME};
use super::{Switches, error};

/// Tokens that are good.
pub(super) struct Tokens {
    access: Vec<String>,
    refresh: String,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access: Vec::new(),
            refresh: REFRESH_TOKEN.to_owned(),
        }
    }
}

fn refused(error: &str, description: &str) -> Answer {
    Answer::json(
        400,
        &json!({"error": error, "error_description": description}),
    )
    .with("cache-control", "no-store")
}

impl Tokens {
    pub(super) fn refresh_token(&self) -> &str {
        &self.refresh
    }

    pub(super) fn expire_all(&mut self) {
        self.access.clear();
    }

    /// The refusal of a data call without a good token.
    pub(super) fn check(&self, request: &Request) -> Option<Answer> {
        let token = request.header("authorization").and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or(value.strip_prefix("OAuth "))
        });
        let good = token.is_some_and(|token| self.access.iter().any(|good| good == token));
        (!good).then(|| error(401, "INVALID_SESSION_ID", "Session expired or invalid", &[]))
    }

    pub(super) fn route(
        &mut self,
        request: &Request,
        rest: &[&str],
        switches: &Switches,
    ) -> Answer {
        match (request.method.as_str(), rest) {
            ("POST", ["token"]) => self.token(request, switches),
            ("POST", ["revoke"]) => self.revoke(request),
            ("POST", ["introspect"]) => {
                let token = request.form().remove("token").unwrap_or_default();
                Answer::json(200, &json!({"active": self.access.contains(&token)}))
            }
            ("GET", ["userinfo"]) => self.check(request).unwrap_or_else(|| {
                Answer::json(
                    200,
                    &json!({"user_id": "005000000000001AAA", "organization_id": "00D000000000001EAA",
                            "preferred_username": USERNAME}),
                )
            }),
            _ => error(404, "NOT_FOUND", "The requested resource does not exist", &[]),
        }
    }

    fn revoke(&mut self, request: &Request) -> Answer {
        let token = request.form().remove("token").unwrap_or_default();
        self.access.retain(|good| *good != token);
        if token == self.refresh {
            self.refresh.clear();
        }
        Answer::empty(200)
    }

    fn token(&mut self, request: &Request, switches: &Switches) -> Answer {
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return refused("invalid_request", "must be form-encoded");
        }
        let mut form = request.form();
        take_basic(request, &mut form);
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" {
            return self.jwt(request, field("assertion"));
        }
        if field("client_id") != CLIENT_ID {
            return refused("invalid_client_id", "client identifier invalid");
        }
        if field("client_secret") != CLIENT_SECRET {
            return refused("invalid_client", "invalid client credentials");
        }
        match field("grant_type") {
            "client_credentials" => self.grant(request, None),
            "password" if field("username") == USERNAME && field("password") == PASSWORD => {
                self.grant(request, None)
            }
            "password" => refused("invalid_grant", "authentication failure"),
            "refresh_token" => self.refresh(request, field("refresh_token"), switches),
            _ => refused("unsupported_grant_type", "grant type not supported"),
        }
    }

    fn refresh(&mut self, request: &Request, given: &str, switches: &Switches) -> Answer {
        if given.is_empty() || given != self.refresh {
            return refused("invalid_grant", "expired access/refresh token");
        }
        if !switches.rotate_refresh_token {
            return self.grant(request, None);
        }
        self.refresh = format!("refresh-{}", Uuid::new_v4());
        let fresh = self.refresh.clone();
        self.grant(request, Some(&fresh))
    }

    /// The assertion's claims are checked; its signature is not: the simulator has no key.
    fn jwt(&mut self, request: &Request, assertion: &str) -> Answer {
        let part = |index: usize| -> Option<Value> {
            let part = assertion.split('.').nth(index)?;
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(part)
                .ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let (Some(header), Some(claims)) = (part(0), part(1)) else {
            return refused("invalid_grant", "invalid assertion");
        };
        let now = jiff::Timestamp::now().as_second();
        let expires = claims
            .get("exp")
            .and_then(|exp| exp.as_i64().or_else(|| exp.as_str()?.parse().ok()));
        if header.get("alg").and_then(Value::as_str) != Some("RS256")
            || claims.get("iss").and_then(Value::as_str) != Some(CLIENT_ID)
            || !expires.is_some_and(|exp| exp > now && exp <= now + 185)
        {
            return refused("invalid_grant", "invalid assertion");
        }
        if claims.get("sub").and_then(Value::as_str) != Some(USERNAME) {
            return refused("invalid_grant", "user hasn't approved this consumer");
        }
        self.grant(request, None)
    }

    fn grant(&mut self, request: &Request, refresh_token: Option<&str>) -> Answer {
        let access = format!("00D000000000001!{}", Uuid::new_v4().simple());
        self.access.push(access.clone());
        let mut body = json!({
            "access_token": access, "signature": "c2lnbmF0dXJl", "scope": "api",
            "instance_url": request.origin, "token_type": "Bearer",
            "id": format!("{}/id/00D000000000001EAA/005000000000001AAA", request.origin),
            "issued_at": jiff::Timestamp::now().as_millisecond().to_string(),
        });
        if let (Some(token), Some(body)) = (refresh_token, body.as_object_mut()) {
            body.insert("refresh_token".into(), json!(token));
        }
        Answer::json(200, &body)
    }
}

/// Client id and secret may come by HTTP Basic too.
fn take_basic(request: &Request, form: &mut BTreeMap<String, String>) {
    let decoded = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| base64::engine::general_purpose::STANDARD.decode(value).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((id, secret)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        form.insert("client_id".into(), id.to_owned());
        form.insert("client_secret".into(), secret.to_owned());
    }
}
