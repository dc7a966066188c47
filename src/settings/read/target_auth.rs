//! `[targets.NAME.auth]`: how we log in to a CRM.

use url::Url;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::targets::{Crm, none_of};
use super::values::{header_name, text, url};
use crate::rsa_key;
use crate::settings::{Secret, TargetAuth};

const SALESFORCE: [&str; 4] = [
    "client_credentials",
    "jwt_bearer",
    "refresh_token",
    "password",
];
const SERVICENOW: [&str; 5] = [
    "client_credentials",
    "password",
    "refresh_token",
    "basic",
    "api_key",
];

/// Reads `auth` of a target of the kind `crm`, whose address is `base_url`.
pub(super) fn target_auth(
    crm: Crm,
    base_url: Option<&Url>,
    target: &Section<'_>,
) -> Option<TargetAuth> {
    if !target.is_set("auth") {
        target.entry("auth");
        return target.missing("auth");
    }
    let section = target.child("auth")?;
    let flow = section.required("flow", |entry| flow(crm, entry))?;
    let login = Login {
        crm,
        base_url,
        section: &section,
    };
    let auth = match flow {
        "client_credentials" => login.client_credentials(),
        "jwt_bearer" => login.jwt_bearer(),
        "refresh_token" => login.refresh_token(),
        "password" => login.password(),
        "basic" => login.basic(),
        _ => login.api_key(),
    };
    section.finish();
    auth
}

fn flow(crm: Crm, entry: &Entry<'_>) -> Result<&'static str, Fault> {
    let flows: &[&'static str] = match crm {
        Crm::Salesforce => &SALESFORCE,
        Crm::ServiceNow => &SERVICENOW,
    };
    let word = entry.text()?;
    let found = flows.iter().find(|flow| **flow == word);
    found.copied().ok_or_else(|| none_of(word, flows))
}

struct Login<'s, 'a> {
    crm: Crm,
    base_url: Option<&'s Url>,
    section: &'s Section<'a>,
}

impl Login<'_, '_> {
    /// The token endpoint: the CRM's own one, where nothing else is said.
    fn token_url(&self, parse: fn(&Entry<'_>) -> Result<Url, Fault>) -> Option<Url> {
        let path = match self.crm {
            Crm::Salesforce => "/services/oauth2/token",
            Crm::ServiceNow => "/oauth_token.do",
        };
        match self.base_url.and_then(|base| base.join(path).ok()) {
            Some(default) => self.section.or("token_url", default.as_str(), parse),
            None => self.section.optional("token_url", parse).flatten(),
        }
    }

    fn client_credentials(&self) -> Option<TargetAuth> {
        let token_url = self.token_url(client_credentials_url);
        let client_id = self.section.required("client_id", text);
        let client_secret = self.section.secret("client_secret");
        let scope = self.section.optional("scope", text);
        Some(TargetAuth::ClientCredentials {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            scope: scope?,
        })
    }

    fn jwt_bearer(&self) -> Option<TargetAuth> {
        let token_url = self.token_url(url);
        let client_id = self.section.required("client_id", text);
        let username = self.section.required("username", text);
        let audience = self
            .section
            .or("audience", "https://login.salesforce.com", text);
        let private_key = self.private_key();
        Some(TargetAuth::JwtBearer {
            token_url: token_url?,
            client_id: client_id?,
            username: username?,
            audience: audience?,
            private_key: private_key?,
        })
    }

    fn private_key(&self) -> Option<Secret> {
        let key = self.section.secret("private_key")?;
        if rsa_key::from_pem(key.expose()).is_none() {
            self.section
                .fault("private_key", "is not an RSA private key in PEM");
            return None;
        }
        Some(key)
    }

    fn refresh_token(&self) -> Option<TargetAuth> {
        let token_url = self.token_url(url);
        let client_id = self.section.required("client_id", text);
        let client_secret = self.section.optional_secret("client_secret");
        let refresh_token = self.section.secret("refresh_token");
        Some(TargetAuth::RefreshToken {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            refresh_token: refresh_token?,
        })
    }

    fn password(&self) -> Option<TargetAuth> {
        if self.crm == Crm::Salesforce {
            let reason = "Salesforce discourages this flow and blocks it in new orgs; client_credentials needs no password";
            self.section.warn("flow", reason);
        }
        let token_url = self.token_url(url);
        let client_id = self.section.required("client_id", text);
        let client_secret = self.section.secret("client_secret");
        let username = self.section.required("username", text);
        let password = self.section.secret("password");
        Some(TargetAuth::Password {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            username: username?,
            password: password?,
        })
    }

    fn basic(&self) -> Option<TargetAuth> {
        let username = self.section.required("username", text);
        let password = self.section.secret("password");
        Some(TargetAuth::Basic {
            username: username?,
            password: password?,
        })
    }

    fn api_key(&self) -> Option<TargetAuth> {
        let header = self.section.or("header", "x-sn-apikey", header_name);
        let key = self.section.secret("key");
        Some(TargetAuth::ApiKey {
            header: header?,
            key: key?,
        })
    }
}

/// Salesforce grants client credentials on an org's own domain only.
fn client_credentials_url(entry: &Entry<'_>) -> Result<Url, Fault> {
    let url = url(entry)?;
    match url.host_str() {
        Some(host @ ("login.salesforce.com" | "test.salesforce.com")) => Err(format!(
            "{host} does not grant client_credentials; use https://NAME.my.salesforce.com/services/oauth2/token"
        )
        .into()),
        _ => Ok(url),
    }
}
