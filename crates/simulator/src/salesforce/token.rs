//! Salesforce's OAuth endpoints: tokens by four flows, revocation, introspection, and the
//! sessions they make.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::call::{Call, find, text};
use super::clock;
use super::org::{ORG_ID, USER_ID};
use super::state::State;
use super::switches::Switches;
use crate::credentials::{CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};
use crate::wire::Answer;

/// The furthest expiry a JWT assertion may have, in seconds from now.
const ASSERTION_SECONDS: i64 = 180;

/// An OAuth error: its name and description.
struct Denied(&'static str, &'static str);

impl Denied {
    fn reply(&self) -> Answer {
        let body = json!({"error": self.0, "error_description": self.1});
        Answer::json(400, &body).with("cache-control", "no-store")
    }
}

const BAD_GRANT: &str = "invalid_grant";

/// `POST /services/oauth2/token`.
pub(super) fn token(state: &mut State, base_url: &str, call: &Call) -> Answer {
    if !call.is_form() {
        return Denied("invalid_request", "must use HTTP POST with a form").reply();
    }
    if state
        .sessions
        .too_many_logins(state.switches.logins_per_hour)
    {
        return Denied(BAD_GRANT, "login rate exceeded").reply();
    }
    let form = call.form();
    let granted = match find(&form, "grant_type").unwrap_or_default() {
        "client_credentials" => client_credentials(&state.switches, call, &form).map(|()| None),
        "password" => password(call, &form).map(|()| None),
        "refresh_token" => refresh(state, call, &form),
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            assertion(&state.switches, base_url, &form).map(|()| None)
        }
        _ => Err(Denied("unsupported_grant_type", "grant type not supported")),
    };
    match granted {
        Ok(refresh_token) => granted_reply(state, base_url, refresh_token),
        Err(denied) => denied.reply(),
    }
}

fn granted_reply(state: &mut State, base_url: &str, refresh_token: Option<String>) -> Answer {
    let mut body = json!({
        "access_token": state.sessions.issue(),
        "scope": "api refresh_token",
        "instance_url": state.instance_url(base_url),
        "id": format!("{base_url}/id/{ORG_ID}/{USER_ID}"),
        "token_type": "Bearer",
    });
    if !state.switches.minimal_token_answer {
        body["issued_at"] = clock::now_ms().to_string().into();
        body["signature"] = "0CmxinZir53Yex7nE0TD+zMpvIWYGb/bdJh6XfOH6EQ=".into();
    }
    if let Some(refresh_token) = refresh_token {
        body["refresh_token"] = refresh_token.into();
    }
    Answer::json(200, &body).with("cache-control", "no-store")
}

/// The client's id and secret: in the form, or as HTTP Basic.
fn client(call: &Call, form: &[(String, String)]) -> (String, String) {
    call.basic().unwrap_or_else(|| {
        let value = |name| find(form, name).unwrap_or_default().to_owned();
        (value("client_id"), value("client_secret"))
    })
}

fn known_client((id, secret): &(String, String)) -> Result<(), Denied> {
    if id != CLIENT_ID {
        return Err(Denied("invalid_client_id", "client identifier invalid"));
    }
    if secret != CLIENT_SECRET {
        return Err(Denied("invalid_client", "invalid client credentials"));
    }
    Ok(())
}

fn client_credentials(
    switches: &Switches,
    call: &Call,
    form: &[(String, String)],
) -> Result<(), Denied> {
    if switches.login_host {
        let reason = "request not supported on this domain";
        return Err(Denied(BAD_GRANT, reason));
    }
    known_client(&client(call, form))?;
    if !switches.run_as_user {
        return Err(Denied(BAD_GRANT, "no client credentials user enabled"));
    }
    Ok(())
}

fn password(call: &Call, form: &[(String, String)]) -> Result<(), Denied> {
    known_client(&client(call, form))?;
    let right =
        find(form, "username") == Some(USERNAME) && find(form, "password") == Some(PASSWORD);
    if right {
        Ok(())
    } else {
        Err(Denied(BAD_GRANT, "authentication failure"))
    }
}

/// Refreshes; with rotation the token used dies at once and a new one comes back.
fn refresh(
    state: &mut State,
    call: &Call,
    form: &[(String, String)],
) -> Result<Option<String>, Denied> {
    let (id, secret) = client(call, form);
    // An app may be set up not to require its secret for refreshing.
    let secret = if secret.is_empty() {
        CLIENT_SECRET.to_owned()
    } else {
        secret
    };
    known_client(&(id, secret))?;
    let used = find(form, "refresh_token").unwrap_or_default();
    if used.is_empty() || used != state.sessions.refresh_token() {
        return Err(Denied(BAD_GRANT, "expired access/refresh token"));
    }
    let rotate = state.switches.rotate_refresh_token;
    Ok(rotate.then(|| state.sessions.issue_refresh()))
}

fn assertion(switches: &Switches, base_url: &str, form: &[(String, String)]) -> Result<(), Denied> {
    let denied = || Denied(BAD_GRANT, "invalid assertion");
    let text = find(form, "assertion").unwrap_or_default();
    let claims = claims(text, switches.jwt_public_key_pem.as_deref()).ok_or_else(denied)?;
    if claims["iss"] != CLIENT_ID {
        return Err(Denied("invalid_client_id", "client identifier invalid"));
    }
    let audience = claims["aud"].as_str().unwrap_or_default();
    if audience != base_url && !switches.jwt_audiences.iter().any(|one| one == audience) {
        return Err(Denied(BAD_GRANT, "Audience validation failed"));
    }
    let until = claims["exp"]
        .as_i64()
        .or_else(|| claims["exp"].as_str()?.parse().ok());
    let left = until.unwrap_or_default() - clock::now_ms() / 1000;
    if !(0..=ASSERTION_SECONDS).contains(&left) {
        return Err(Denied(BAD_GRANT, "expired authorization code"));
    }
    if claims["sub"] != USERNAME {
        return Err(Denied(BAD_GRANT, "user hasn't approved this consumer"));
    }
    Ok(())
}

/// The claims of an RS256 assertion; its signature is checked when there is a key.
fn claims(assertion: &str, pem: Option<&str>) -> Option<Value> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decoded = |part| URL_SAFE_NO_PAD.decode(part).ok();
    let json = |part| serde_json::from_slice::<Value>(&decoded(part)?).ok();
    if json(header)?["alg"] != "RS256" {
        return None;
    }
    if let Some(pem) = pem {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der_of(pem)?);
        key.verify(signed.as_bytes(), &decoded(signature)?).ok()?;
    }
    json(claims)
}

fn der_of(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).ok()
}

/// `POST /services/oauth2/revoke`.
pub(super) fn revoke(state: &mut State, call: &Call) -> Answer {
    let form = call.form();
    let token = find(&form, "token")
        .or_else(|| call.param("token"))
        .unwrap_or_default();
    let sessions = &mut state.sessions;
    if sessions.end(token) {
        return Answer::empty(200);
    }
    if !token.is_empty() && token == sessions.refresh_token() {
        sessions.revoke_refresh();
        return Answer::empty(200);
    }
    let body = "error=unsupported_token_type&error_description=this+token+type+is+not+supported";
    text(400, "application/x-www-form-urlencoded", body)
}

/// `POST /services/oauth2/introspect`.
pub(super) fn introspect(state: &State, call: &Call) -> Answer {
    let form = call.form();
    if known_client(&client(call, &form)).is_err() {
        return Denied("invalid_client", "invalid client credentials").reply();
    }
    let token = find(&form, "token").unwrap_or_default();
    if !state.sessions.valid(token, &state.switches) {
        return Answer::json(200, &json!({"active": false}));
    }
    let issued = state.sessions.issued_at(token).unwrap_or_default() / 1000;
    let body = json!({
        "active": true,
        "scope": "api refresh_token",
        "client_id": CLIENT_ID,
        "username": USERNAME,
        "sub": format!("https://login.salesforce.com/id/{ORG_ID}/{USER_ID}"),
        "token_type": "access_token",
        "exp": issued + state.switches.session_seconds,
        "iat": issued,
        "nbf": issued,
    });
    Answer::json(200, &body)
}

/// `GET /services/oauth2/userinfo` and `GET /id/{org}/{user}`.
pub(super) fn identity(state: &State, base_url: &str) -> Answer {
    let instance = state.instance_url(base_url);
    let body = json!({
        "sub": format!("{base_url}/id/{ORG_ID}/{USER_ID}"),
        "id": format!("{base_url}/id/{ORG_ID}/{USER_ID}"),
        "user_id": USER_ID,
        "organization_id": ORG_ID,
        "preferred_username": USERNAME,
        "username": USERNAME,
        "name": "Ringdown Integration",
        "active": true,
        "urls": {
            "rest": format!("{instance}/services/data/v{{version}}/"),
            "query": format!("{instance}/services/data/v{{version}}/query/"),
            "sobjects": format!("{instance}/services/data/v{{version}}/sobjects/"),
        },
    });
    Answer::json(200, &body)
}
