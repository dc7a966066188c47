//! Who may come in: the token endpoint, Basic, bearer tokens and the API key.
//!
//! Imports the simulator's credentials and nothing else of ours.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::row::new_id;
use super::switches::Switches;
use crate::credentials::{API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD, REFRESH_TOKEN, USERNAME};
use crate::wire::{Answer, Request};

/// Length of an access token.
const TOKEN_LENGTH: usize = 86;

/// An access token.
#[derive(Debug)]
struct Token {
    text: String,
    expires: Instant,
}

/// The one token of the one user.
#[derive(Debug, Default)]
pub(super) struct Access {
    token: Option<Token>,
}

impl Access {
    /// Makes the access token bad.
    pub(super) fn expire(&mut self) {
        self.token = None;
    }

    /// `POST /oauth_token.do`.
    pub(super) fn grant(&mut self, request: &Request, switches: &Switches) -> Answer {
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Answer::json(
                400,
                &json!({"error_description": "unspecified error", "error": "server_error"}),
            );
        }
        let form = request.form();
        if !is_granted(&form, switches) {
            return denied();
        }
        let with_refresh = given(&form, "grant_type") != "client_credentials";
        self.answer(with_refresh, switches.token_lifetime_seconds)
    }

    /// A token that is still good is given again, with a new expiry.
    fn answer(&mut self, with_refresh: bool, lifetime: u64) -> Answer {
        let now = Instant::now();
        let text = match self.token.take() {
            Some(token) if token.expires > now => token.text,
            _ => new_token(),
        };
        let mut body = json!({
            "access_token": text, "scope": "useraccount", "token_type": "Bearer",
            "expires_in": lifetime,
        });
        if with_refresh {
            body["refresh_token"] = Value::from(REFRESH_TOKEN);
        }
        self.token = Some(Token {
            text,
            expires: now + Duration::from_secs(lifetime),
        });
        Answer::json(200, &body)
    }

    /// Whether `request` carries good credentials.
    pub(super) fn admits(&self, request: &Request, switches: &Switches) -> bool {
        let api_key = request
            .header("x-sn-apikey")
            .or_else(|| request.query.get("x-sn-apikey").map(String::as_str));
        if let Some(api_key) = api_key {
            return api_key == API_KEY;
        }
        let Some((scheme, credential)) = request
            .header("authorization")
            .and_then(|header| header.split_once(' '))
        else {
            return false;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => switches.basic_auth && is_our_user(credential),
            "bearer" => self.is_good(credential),
            _ => false,
        }
    }

    fn is_good(&self, credential: &str) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.text == credential && token.expires > Instant::now())
    }
}

fn is_granted(form: &BTreeMap<String, String>, switches: &Switches) -> bool {
    let is_our_client =
        given(form, "client_id") == CLIENT_ID && given(form, "client_secret") == CLIENT_SECRET;
    is_our_client
        && match given(form, "grant_type") {
            "client_credentials" => switches.client_credentials_grant,
            "password" => {
                switches.password_grant
                    && given(form, "username") == USERNAME
                    && given(form, "password") == PASSWORD
            }
            "refresh_token" => given(form, "refresh_token") == REFRESH_TOKEN,
            _ => false,
        }
}

/// A wrong secret, user or grant: the answer is always the same.
pub(super) fn denied() -> Answer {
    Answer::json(
        401,
        &json!({"error_description": "access_denied", "error": "server_error"}),
    )
}

fn given<'form>(form: &'form BTreeMap<String, String>, name: &str) -> &'form str {
    form.get(name).map_or("", String::as_str)
}

fn is_our_user(credential: &str) -> bool {
    STANDARD
        .decode(credential)
        .is_ok_and(|decoded| decoded == format!("{USERNAME}:{PASSWORD}").into_bytes())
}

fn new_token() -> String {
    let mut token = [new_id(), new_id(), new_id()].concat();
    token.truncate(TOKEN_LENGTH);
    token
}
