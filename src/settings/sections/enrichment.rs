//! `[enrichment]`: the Genesys Cloud Platform API, which is asked for what events do not carry.

use std::time::Duration;

use url::Url;

use crate::settings::declare::{Kind, section};
use crate::settings::kinds::{parsed, positive_duration, secret, text, url};
use crate::settings::read::{Fault, Section};
use crate::settings::secret::Secret;
use crate::settings::value::ValueKind;

section! {
    /// `[enrichment]`.
    pub struct EnrichmentSettings {
        /// such as `mypurecloud.de` or `usw2.pure.cloud`
        region: Option<String> = region().optional("required, unless both URLs are set"),
        /// address of the login, instead of `region`
        login_url: Url = url()
            .called("URL without a path")
            .default_from("`https://login.REGION`", |section| in_region(section, "login")),
        /// address of the API, instead of `region`
        api_url: Url = url()
            .called("URL without a path")
            .default_from("`https://api.REGION`", |section| in_region(section, "api")),
        /// id of an OAuth client with the grant *Client Credentials*
        client_id: String = text().required(),
        /// its secret
        client_secret: Secret = secret().required(),
        /// time between two reads of all names
        names_every: Duration = positive_duration().default("15m"),
        /// how long an answer about a queue may be used
        fresh_for: Duration = positive_duration().default("30s"),
        /// longest time for one call
        timeout: Duration = positive_duration().default("5s"),
    }
}

/// The address of `service` in the region. Notes the problem once when there is no region.
fn in_region(section: &Section<'_>, service: &str) -> Option<ValueKind> {
    let Some(entry) = section.peek("region") else {
        let first = service == "login" || section.is_set("login_url");
        if first {
            section.fault("region", "required, but not set, unless both URLs are set");
        }
        return None;
    };
    let region = region().peek(&entry)?;
    Some(format!("https://{service}.{region}").into())
}

fn region() -> Kind<String> {
    parsed("domain", parse_region)
}

/// A region's domain, such as `mypurecloud.de` or `usw2.pure.cloud`.
fn parse_region(text: &str) -> Result<String, Fault> {
    let region = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_domain = region.contains('.') && region.chars().all(plain);
    if !is_domain || Url::parse(&format!("https://login.{region}")).is_err() {
        let reason = format!("`{region}` is not a region's domain such as mypurecloud.de");
        return Err(reason.into());
    }
    Ok(region.to_owned())
}
