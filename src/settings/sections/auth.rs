//! `auth` of a source and of a target's callbacks: the ways a sender may prove itself.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use serde_json::json;
use url::Url;

use crate::settings::declare::{
    Choice, Kind, Setting, Shape, choice, one_of_tables, section, some,
};
use crate::settings::kinds::{header_name, shared_secret, text, url};
use crate::settings::read::{Fault, Section};
use crate::settings::secret::Secret;

/// Algorithms whose keys can be public: with a symmetric one, whoever reads the keys signs.
const ASYMMETRIC: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

choice! {
    /// One entry of `auth`.
    pub enum AuthMethod by "type" {
        /// `Authorization: Bearer …`
        Bearer = "bearer" {
            /// the token
            secret: Secret = shared_secret().required(),
        },
        /// HMAC-SHA256 of the raw body, in hex or base64, with or without `sha256=`
        Hmac = "hmac" {
            /// the header with the HMAC-SHA256 of the raw body, in hex or base64
            header: String = header_name().default("x-hub-signature-256"),
            /// the key
            secret: Secret = shared_secret().required(),
        },
        /// HTTP Basic
        Basic = "basic" {
            /// the user name
            username: String = text().required(),
            /// the password
            secret: Secret = shared_secret().required(),
        },
        /// a secret in a header of its own
        Header = "header" {
            /// the header
            name: String = header_name().default("x-api-key"),
            /// the header's value
            secret: Secret = shared_secret().required(),
        },
        /// a signed token of an identity provider
        Jwt = "jwt" {
            /// the token's `iss`
            issuer: String = text().required(),
            /// the token's `aud`
            audience: String = text().required(),
            /// where the issuer's keys are
            keys: JwksLocation = Setting::of_keys(jwks_location),
            /// accepted signature algorithms; only asymmetric ones
            algorithms: Vec<Algorithm> =
                some("algorithms", algorithm()).default(vec!["RS256"]),
        },
    }
}

section! {
    struct JwksKeys {
        /// address of the issuer's keys
        jwks_url: Option<Url> = url().optional("this or `jwks_file`"),
        /// a file with the issuer's keys
        jwks_file: Option<PathBuf> = text().called("path").map(PathBuf::from).optional("this or `jwks_url`"),
    }
}

/// Where a JWKS is read.
#[derive(Debug, Clone)]
pub enum JwksLocation {
    Url(Url),
    File(PathBuf),
}

/// A non-empty list of ways, any one of which suffices.
pub(crate) fn methods() -> Kind<Vec<AuthMethod>> {
    let shape = Shape::List(Box::new(Shape::Tagged(
        AuthMethod::TAG,
        AuthMethod::variants,
    )));
    let method = one_of_tables(|_, _| Ok(()));
    Kind::composite("list of the tables below", shape, move |entry| {
        let entries = match entry.list() {
            Ok(entries) if entries.is_empty() => {
                entry.fault("is empty, and would let nobody in; name at least one way");
                return None;
            }
            Ok(entries) => entries,
            Err(fault) => {
                entry.fault(fault);
                return None;
            }
        };
        let methods: Vec<_> = entries.iter().map(|one| method.read(one)).collect();
        methods.into_iter().collect()
    })
}

fn jwks_location(section: &Section<'_>, keys: JwksKeys) -> Option<JwksLocation> {
    let reason = match (keys.jwks_url, keys.jwks_file) {
        (Some(url), None) => return Some(JwksLocation::Url(url)),
        (None, Some(file)) => match std::fs::read(&file) {
            Ok(_) => return Some(JwksLocation::File(file)),
            Err(_) if section.reading.is_offline => {
                let name = format!("file {}", file.display());
                section.reading.absent_secret(name);
                return Some(JwksLocation::File(file));
            }
            Err(error) => {
                let reason = format!("{} cannot be read: {error}", file.display());
                section.fault("jwks_file", reason);
                return None;
            }
        },
        (Some(_), Some(_)) => "has both jwks_url and jwks_file; keep one",
        (None, None) => "needs jwks_url or jwks_file: without keys no token can be checked",
    };
    let origin = section.origin("type");
    section
        .reading
        .problem(&section.path, reason.into(), origin);
    None
}

fn algorithm() -> Kind<Algorithm> {
    let schema = json!({ "enum": ASYMMETRIC });
    Kind::value("algorithm", schema, |entry| {
        let name = entry.text()?;
        if name.to_ascii_uppercase().starts_with("HS") {
            let reason = "is symmetric: whoever can check a token could forge one";
            return Err(format!("{name} {reason}").into());
        }
        name.parse().map_err(|_| Fault::none_of(name, &ASYMMETRIC))
    })
}
