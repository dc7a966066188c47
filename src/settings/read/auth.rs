//! `auth` of a source and of a target's callbacks: the ways a sender may prove itself.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::strength;
use super::values::{header_name, some, text, url};
use crate::rules::nearest;
use crate::settings::{AuthMethod, JwksLocation, Secret};

const METHODS: [&str; 5] = ["bearer", "hmac", "basic", "header", "jwt"];

/// The non-empty list `auth` of `section`.
pub(super) fn methods(section: &Section<'_>) -> Option<Vec<AuthMethod>> {
    let Some(entry) = section.entry("auth") else {
        return section.missing("auth");
    };
    let entries = match entry.list() {
        Ok(entries) if entries.is_empty() => {
            entry.fault("is empty, and would let nobody in; name at least one way".into());
            return None;
        }
        Ok(entries) => entries,
        Err(fault) => {
            entry.fault(fault);
            return None;
        }
    };
    let methods: Vec<Option<AuthMethod>> = entries.iter().map(one_method).collect();
    methods.into_iter().collect()
}

fn one_method(entry: &Entry<'_>) -> Option<AuthMethod> {
    let section = entry.section()?;
    let kind = section.required("type", method_type)?;
    let method = match kind.as_str() {
        "bearer" => shared_secret(&section).map(|secret| AuthMethod::Bearer { secret }),
        "hmac" => hmac(&section),
        "basic" => basic(&section),
        "header" => header(&section),
        _ => jwt(&section),
    };
    section.finish();
    method
}

fn method_type(entry: &Entry<'_>) -> Result<String, Fault> {
    let kind = entry.text()?;
    if METHODS.contains(&kind) {
        return Ok(kind.to_owned());
    }
    let reason = format!("`{kind}` is none of {}", METHODS.join(", "));
    Err(Fault::suggesting(reason, nearest(kind, METHODS)))
}

/// A secret that we and the sender know; whoever guesses it can send.
fn shared_secret(section: &Section<'_>) -> Option<Secret> {
    let secret = section.secret("secret")?;
    if strength::is_short(&secret) {
        section.warn("secret", strength::SHORT);
    }
    Some(secret)
}

fn hmac(section: &Section<'_>) -> Option<AuthMethod> {
    let header = section.or("header", "x-hub-signature-256", header_name);
    let secret = shared_secret(section);
    Some(AuthMethod::Hmac {
        header: header?,
        secret: secret?,
    })
}

fn basic(section: &Section<'_>) -> Option<AuthMethod> {
    let username = section.required("username", text);
    let secret = shared_secret(section);
    Some(AuthMethod::Basic {
        username: username?,
        secret: secret?,
    })
}

fn header(section: &Section<'_>) -> Option<AuthMethod> {
    let name = section.or("name", "x-api-key", header_name);
    let secret = shared_secret(section);
    Some(AuthMethod::Header {
        name: name?,
        secret: secret?,
    })
}

fn jwt(section: &Section<'_>) -> Option<AuthMethod> {
    let issuer = section.required("issuer", text);
    let audience = section.required("audience", text);
    let algorithms = section.or("algorithms", vec!["RS256"], some(algorithm));
    let keys = match (section.is_set("jwks_url"), section.is_set("jwks_file")) {
        (true, false) => section.required("jwks_url", url).map(JwksLocation::Url),
        (false, true) => section
            .required("jwks_file", key_file)
            .map(JwksLocation::File),
        (both, _) => {
            section.entry("jwks_url");
            section.entry("jwks_file");
            let reason = if both {
                "has both jwks_url and jwks_file; keep one"
            } else {
                "needs jwks_url or jwks_file: without keys no token can be checked"
            };
            section
                .walk
                .problem(&section.path, reason.into(), section.origin("type"));
            None
        }
    };
    Some(AuthMethod::Jwt {
        issuer: issuer?,
        audience: audience?,
        keys: keys?,
        algorithms: algorithms?,
    })
}

/// An algorithm whose keys can be public: with a symmetric one, whoever reads the keys signs.
fn algorithm(entry: &Entry<'_>) -> Result<Algorithm, Fault> {
    const ASYMMETRIC: [&str; 9] = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ];
    let name = entry.text()?;
    if name.to_ascii_uppercase().starts_with("HS") {
        return Err(
            format!("{name} is symmetric: whoever can check a token could forge one").into(),
        );
    }
    let unknown = || {
        let reason = format!("`{name}` is none of {}", ASYMMETRIC.join(", "));
        Fault::suggesting(reason, nearest(name, ASYMMETRIC))
    };
    name.parse().map_err(|_| unknown())
}

fn key_file(entry: &Entry<'_>) -> Result<PathBuf, Fault> {
    let path = entry.text()?;
    match std::fs::read(path) {
        Ok(_) => Ok(PathBuf::from(path)),
        Err(error) => Err(format!("{path} cannot be read: {error}").into()),
    }
}
