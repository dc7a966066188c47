//! `[targets.NAME.auth]`: how Ringdown logs in to a CRM.

use url::Url;

use crate::rsa_key;
use crate::settings::crm::LoginFlow;
use crate::settings::declare::{Kind, Setting, choice, one_of_tables};
use crate::settings::kinds::{base_url, header_name, secret, text, url};
use crate::settings::read::{Entry, Fault};
use crate::settings::secret::Secret;

choice! {
    /// `[targets.NAME.auth]`.
    pub enum TargetAuth by "flow" {
        /// OAuth 2.0, RFC 6749 section 4.4
        ClientCredentials = "client_credentials" {
            /// address of the token endpoint; Salesforce accepts this flow only on the My Domain
            /// address
            token_url: Url = token_url(LoginFlow::ClientCredentials),
            /// the OAuth client; in Salesforce the consumer key
            client_id: String = text().required(),
            /// the client's secret
            client_secret: Secret = secret().required(),
            /// the requested scope
            scope: Option<String> = text().optional("none"),
        },
        /// OAuth 2.0, RFC 7523
        JwtBearer = "jwt_bearer" {
            /// address of the token endpoint
            token_url: Url = token_url(LoginFlow::JwtBearer),
            /// `iss` of the assertion: the consumer key
            client_id: String = text().required(),
            /// `sub` of the assertion: the user
            username: String = text().required(),
            /// `aud` of the assertion; `https://test.salesforce.com` for a sandbox
            audience: String = text().default_of_crm(|crm| crm.login.audience),
            /// RSA private key in PEM form
            private_key: Secret = secret().check(is_private_key).required(),
        },
        /// OAuth 2.0, RFC 6749 section 6, with rotation
        RefreshToken = "refresh_token" {
            /// address of the token endpoint
            token_url: Url = token_url(LoginFlow::RefreshToken),
            /// the OAuth client; in Salesforce the consumer key
            client_id: String = text().required(),
            /// the client's secret, where it has one
            client_secret: Option<Secret> = secret().optional("none"),
            /// the first refresh token; when the CRM rotates it, the new one is kept in the store,
            /// encrypted
            refresh_token: Secret = secret().required(),
        },
        /// OAuth 2.0, RFC 6749 section 4.3; Salesforce advises against it
        Password = "password" {
            /// address of the token endpoint
            token_url: Url = token_url(LoginFlow::Password),
            /// the OAuth client; in Salesforce the consumer key
            client_id: String = text().required(),
            /// the client's secret
            client_secret: Secret = secret().required(),
            /// the user
            username: String = text().required(),
            /// the user's password
            password: Secret = secret().required(),
        },
        /// HTTP Basic
        Basic = "basic" {
            /// the user
            username: String = text().required(),
            /// the user's password
            password: Secret = secret().required(),
        },
        /// an API key in a header
        ApiKey = "api_key" {
            /// the header that carries the API key
            header: String = header_name().default_of_crm(|crm| crm.login.key_header),
            /// the API key
            key: Secret = secret().required(),
        },
    }
}

/// The flows that the target's CRM accepts.
pub(crate) fn login() -> Kind<TargetAuth> {
    one_of_tables(|entry, flow| {
        let Some(crm) = entry.reading.crm_at(&entry.path) else {
            return Ok(());
        };
        let flows: Vec<&str> = crm.login.flows.iter().map(|flow| flow.as_str()).collect();
        if !flows.contains(&flow) {
            return Err(Fault::none_of(flow, &flows));
        }
        let mut discouraged = crm.login.discouraged.iter();
        if let Some((_, reason)) = discouraged.find(|(one, _)| one.as_str() == flow) {
            entry.warn(*reason);
        }
        Ok(())
    })
}

/// The token endpoint; by default the CRM's own one.
fn token_url(flow: LoginFlow) -> Setting<Url> {
    url()
        .check(move |entry, url| match entry.reading.crm_at(&entry.path) {
            Some(crm) => Ok((crm.login.check_token_url)(flow, url)?),
            None => Ok(()),
        })
        .default_from("the CRM's own endpoint under `base_url`", |section| {
            let crm = section.reading.crm_at(&section.path)?;
            let target = section
                .path
                .strip_suffix(".auth")?
                .strip_prefix("targets.")?;
            let path = format!("targets.{target}.base_url");
            let base = section.reading.value_at(&["targets", target, "base_url"])?;
            let base = base_url().peek(&Entry::new(section.reading, path, base.clone()))?;
            let url = base.join(crm.login.token_path).ok()?;
            Some(url.as_str().into())
        })
}

fn is_private_key(_: &Entry<'_>, key: &Secret) -> Result<(), Fault> {
    match rsa_key::from_pem(key.expose()) {
        _ if key.is_stand_in() => Ok(()),
        Some(_) => Ok(()),
        None => Err("is not an RSA private key in PEM".into()),
    }
}
