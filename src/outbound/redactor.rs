//! Takes our secrets out of what others answer.
//!
//! The settings' secrets are known from the start; what is obtained or sent later (tokens,
//! assertions) is remembered when it is sent.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::form_urlencoded;

use super::finder::Finder;
use super::pattern::MIN_LENGTH;
use super::proxy;
use super::request::Request;
use crate::settings::{AuthMethod, Secret, Settings, TargetAuth};

/// Stands where a secret stood.
const REDACTED: &str = "[secret]";
/// Tokens and the like that are remembered; of more, the one that was used the longest ago goes.
const MAX_REMEMBERED: usize = 64;
/// Names that are longer need not be the CRM's own.
const MAX_OWN_NAME_LENGTH: usize = 32;
/// Fields of a form that hold secrets.
const SECRET_FIELDS: [&str; 5] = [
    "assertion",
    "client_assertion",
    "client_secret",
    "password",
    "refresh_token",
];

/// Knows every secret in use. Cheap to clone; clones know the same secrets.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Shared>);

#[derive(Default)]
struct Shared {
    known: Mutex<Known>,
    /// Finds all that is known. Locked only to be cloned or replaced, so that no text, however
    /// long it takes to search, keeps others waiting.
    finder: RwLock<Arc<Finder>>,
}

#[derive(Default)]
struct Known {
    fixed: Vec<Secret>,
    /// The one that was used last is last.
    remembered: Vec<Secret>,
}

impl Redactor {
    /// Knows the secrets of `settings`, and those of the proxies in the environment.
    pub fn of(settings: &Settings) -> Self {
        let mut fixed = secrets_of(settings);
        fixed.extend(proxy::secrets());
        let redactor = Self::default();
        redactor.known().fixed = fixed;
        redactor.find_all(&redactor.known());
        redactor
    }

    /// Remembers `secret`, among the last that were used.
    pub fn remember(&self, secret: &Secret) {
        if secret.expose().len() < MIN_LENGTH {
            return;
        }
        let mut known = self.known();
        if known.use_again(secret) {
            return;
        }
        if known.remembered.len() >= MAX_REMEMBERED {
            known.remembered.remove(0);
        }
        known.remembered.push(secret.clone());
        self.find_all(&known);
    }

    /// Remembers the credentials that `request` carries in its headers and its form.
    pub fn remember_sent(&self, request: &Request) {
        let headers = request.headers.values();
        for value in headers.filter(|value| value.is_sensitive()) {
            let text = String::from_utf8_lossy(value.as_bytes());
            // Behind `Bearer` or `Basic`.
            let secret = text.rsplit(' ').next().unwrap_or_default();
            self.remember(&Secret::new(secret));
        }
        if !is_form(request) {
            return;
        }
        for (name, value) in form_urlencoded::parse(&request.body) {
            if SECRET_FIELDS.contains(&name.as_ref()) {
                self.remember(&Secret::new(value));
            }
        }
    }

    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        redacted_text(&self.finder(), text)
    }

    /// `bytes` without secrets; `None` when there are none in them.
    pub fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        redacted(&self.finder(), bytes)
    }

    /// Takes secrets out of every value and name in `json`. Names of short words stay: they are
    /// the CRM's own, and an answer could not be read without them.
    pub fn json(&self, json: &mut Value) {
        redact_json(&self.finder(), json);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finder(&self) -> Arc<Finder> {
        let finder = self.0.finder.read();
        finder.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Builds the finder of what is `known`.
    fn find_all(&self, known: &Known) {
        let secrets = known.fixed.iter().chain(&known.remembered);
        let built = Arc::new(Finder::of(secrets.map(Secret::expose)));
        let mut finder = self
            .0
            .finder
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *finder = built;
    }
}

impl Known {
    /// Whether `secret` is known; it is then the one that was used last.
    fn use_again(&mut self, secret: &Secret) -> bool {
        let is_it = |one: &Secret| one.expose() == secret.expose();
        if let Some(place) = self.remembered.iter().position(is_it) {
            self.remembered[place..].rotate_left(1);
            return true;
        }
        self.fixed.iter().any(is_it)
    }
}

fn redacted(finder: &Finder, bytes: &[u8]) -> Option<Vec<u8>> {
    let found = finder.find(bytes);
    if found.is_empty() {
        return None;
    }
    let mut redacted = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for range in found {
        redacted.extend_from_slice(&bytes[copied..range.start]);
        redacted.extend_from_slice(REDACTED.as_bytes());
        copied = range.end;
    }
    redacted.extend_from_slice(&bytes[copied..]);
    Some(redacted)
}

fn redacted_text<'t>(finder: &Finder, text: &'t str) -> Cow<'t, str> {
    match redacted(finder, text.as_bytes()) {
        Some(redacted) => Cow::Owned(String::from_utf8_lossy(&redacted).into_owned()),
        None => Cow::Borrowed(text),
    }
}

fn redact_json(finder: &Finder, json: &mut Value) {
    match json {
        Value::String(text) => {
            if let Cow::Owned(redacted) = redacted_text(finder, text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_json(finder, item)),
        Value::Object(fields) => {
            let redacted = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                redact_json(finder, &mut value);
                match is_own_name(&name) {
                    true => (name, value),
                    false => (redacted_text(finder, &name).into_owned(), value),
                }
            });
            *fields = redacted.collect();
        }
        Value::Number(number) => {
            if let Cow::Owned(redacted) = redacted_text(finder, &number.to_string()) {
                *json = Value::String(redacted);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Whether `name` is one that CRMs give: words, with `_` and `.` between them.
fn is_own_name(name: &str) -> bool {
    let is_in_names = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
    name.len() <= MAX_OWN_NAME_LENGTH && name.bytes().all(is_in_names)
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redactor")
    }
}

fn is_form(request: &Request) -> bool {
    let kind = request.headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    })
}

/// Every secret in `settings` but the private keys, which never leave this process.
fn secrets_of(settings: &Settings) -> Vec<Secret> {
    let admin = settings.admin.tokens.values().map(|token| &token.secret);
    let mut secrets: Vec<Secret> = admin.cloned().collect();
    for source in settings.sources.values() {
        secrets.extend(source.auth.iter().filter_map(secret_of_method));
    }
    for target in settings.targets.values() {
        secrets.extend(target.callback_auth.iter().filter_map(secret_of_method));
        secrets.extend(secrets_of_login(&target.auth));
    }
    if let Some(enrichment) = &settings.enrichment {
        secrets.push(enrichment.client_secret.clone());
        secrets.push(basic(&enrichment.client_id, &enrichment.client_secret));
    }
    if let Ok(store) = url::Url::parse(settings.store.url.expose()) {
        secrets.extend(secrets_in_address(&store));
    }
    secrets
}

fn secret_of_method(method: &AuthMethod) -> Option<Secret> {
    match method {
        AuthMethod::Bearer { secret }
        | AuthMethod::Hmac { secret, .. }
        | AuthMethod::Basic { secret, .. }
        | AuthMethod::Header { secret, .. } => Some(secret.clone()),
        AuthMethod::Jwt { .. } => None,
    }
}

fn secrets_of_login(auth: &TargetAuth) -> Vec<Secret> {
    match auth {
        TargetAuth::ClientCredentials { client_secret, .. } => vec![client_secret.clone()],
        TargetAuth::JwtBearer { .. } => Vec::new(),
        TargetAuth::RefreshToken {
            client_secret,
            refresh_token,
            ..
        } => {
            let client_secret = client_secret.iter().cloned();
            client_secret.chain([refresh_token.clone()]).collect()
        }
        TargetAuth::Password {
            client_secret,
            password,
            ..
        } => vec![client_secret.clone(), password.clone()],
        TargetAuth::Basic { username, password } => {
            vec![password.clone(), basic(username, password)]
        }
        TargetAuth::ApiKey { key, .. } => vec![key.clone()],
    }
}

/// As HTTP Basic sends it.
fn basic(username: &str, password: &Secret) -> Secret {
    Secret::new(STANDARD.encode(format!("{username}:{}", password.expose())))
}

/// The password in an address, and what HTTP Basic makes of it.
fn secrets_in_address(address: &url::Url) -> Vec<Secret> {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let Some(password) = address.password() else {
        return Vec::new();
    };
    let password = Secret::new(plain(password));
    let pair = basic(&plain(address.username()), &password);
    vec![password, pair]
}

#[cfg(test)]
#[path = "redactor_tests.rs"]
mod tests;
