//! `[targets.NAME.auth]`: how we log in to a CRM.

use jsonwebtoken::EncodingKey;
use url::Url;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::targets::none_of;
use super::values::{header_name, text, url};
use crate::settings::{CrmProfile, LoginFlow, LoginProfile, Secret, TargetAuth};

/// Reads `auth` of a target of the kind `crm`, whose address is `base_url`.
pub(super) fn target_auth(
    crm: &CrmProfile,
    base_url: Option<&Url>,
    target: &Section<'_>,
) -> Option<TargetAuth> {
    if !target.is_set("auth") {
        target.entry("auth");
        return target.missing("auth");
    }
    let section = target.child("auth")?;
    let flow = section.required("flow", |entry| flow(&crm.login, entry))?;
    let login = Login {
        profile: &crm.login,
        flow,
        base_url,
        section: &section,
    };
    if let Some((_, reason)) = crm.login.discouraged.iter().find(|(one, _)| *one == flow) {
        section.warn("flow", *reason);
    }
    let auth = match flow {
        LoginFlow::ClientCredentials => login.client_credentials(),
        LoginFlow::JwtBearer => login.jwt_bearer(),
        LoginFlow::RefreshToken => login.refresh_token(),
        LoginFlow::Password => login.password(),
        LoginFlow::Basic => login.basic(),
        LoginFlow::ApiKey => login.api_key(),
    };
    section.finish();
    auth
}

fn flow(login: &LoginProfile, entry: &Entry<'_>) -> Result<LoginFlow, Fault> {
    let word = entry.text()?;
    let found = login.flows.iter().find(|flow| flow.as_str() == word);
    let names: Vec<&'static str> = login.flows.iter().map(|flow| flow.as_str()).collect();
    found.copied().ok_or_else(|| none_of(word, &names))
}

struct Login<'s, 'a> {
    profile: &'s LoginProfile,
    flow: LoginFlow,
    base_url: Option<&'s Url>,
    section: &'s Section<'a>,
}

impl Login<'_, '_> {
    /// The token endpoint: the CRM's own one, where nothing else is said.
    fn token_url(&self) -> Option<Url> {
        let parse = |entry: &Entry<'_>| {
            let url = url(entry)?;
            (self.profile.check_token_url)(self.flow, &url)?;
            Ok(url)
        };
        let path = self.profile.token_path;
        match self.base_url.and_then(|base| base.join(path).ok()) {
            Some(default) => self.section.or("token_url", default.as_str(), parse),
            None => self.section.optional("token_url", parse).flatten(),
        }
    }

    fn client_credentials(&self) -> Option<TargetAuth> {
        let token_url = self.token_url();
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
        let token_url = self.token_url();
        let client_id = self.section.required("client_id", text);
        let username = self.section.required("username", text);
        let audience = self.section.or("audience", self.profile.audience, text);
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
        if EncodingKey::from_rsa_pem(key.expose().as_bytes()).is_err() {
            self.section
                .fault("private_key", "is not an RSA private key in PEM");
            return None;
        }
        Some(key)
    }

    fn refresh_token(&self) -> Option<TargetAuth> {
        let token_url = self.token_url();
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
        let token_url = self.token_url();
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
        let header = self
            .section
            .or("header", self.profile.key_header, header_name);
        let key = self.section.secret("key");
        Some(TargetAuth::ApiKey {
            header: header?,
            key: key?,
        })
    }
}
