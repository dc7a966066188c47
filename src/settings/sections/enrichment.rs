//! `[enrichment]`: the Genesys Cloud Platform API, which is asked for what events do not carry, and
//! Genesys's status page.

use std::time::Duration;

use url::Url;

use super::server::NONE;
use crate::normalise::{CustomMap, CustomMaps, Format};
use crate::settings::declare::{Kind, Setting, list, no_keys, read_part, section};
use crate::settings::kinds::{
    duration, name_of, parsed, positive_duration, secret, text, url, whole,
};
use crate::settings::read::{Fault, Section};
use crate::settings::secret::Secret;
use crate::settings::value::ValueKind;

/// Where the values are in the events about the status page.
const STATUS_MAP: &str = r#"
event_id = "/id"
event_type = "/type"
timestamp = "/timestamp"
entity_id = "/entity"
entity_name = "/name"
status = "/status"
status_detail = "/detail"
"#;

section! {
    /// `[enrichment]`.
    pub struct EnrichmentSettings checked by check_status_page {
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
        /// time between two questions about the state of the same queue, trunk or Edge, while it
        /// has an incident; `0s`: no state is asked for
        poll_every: Duration = duration().default("5m"),
        /// when a source sends nothing for so long, the state of all its queues, trunks and Edges
        /// is asked for
        poll_after_gap: Duration = positive_duration().default("5m"),
        /// most calls in a minute for these questions
        poll_calls_per_minute: u32 = whole(1, 300).default(60_i64),
        /// sources of events of this organization; empty: every source with `format = "genesys"`
        poll_sources: Vec<String> = list("sources", name_of("sources", "source")).default(NONE),
        /// address of a status page, such as `https://status.mypurecloud.com`
        status_page: Option<Url> = url().called("URL without a path").optional("not read"),
        /// names of its components, or of groups of them, that count
        status_components: Vec<String> = list("names", text()).default(NONE),
        /// time between two reads of the status page
        status_every: Duration = positive_duration().default("2m"),
        /// how the events about the status page are read
        status_format: Format = Setting::special(status_format, no_keys),
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

/// Without names, trouble of any region would count as trouble of ours.
fn check_status_page(section: &Section<'_>, settings: &EnrichmentSettings) -> Option<()> {
    if settings.status_page.is_none() || !settings.status_components.is_empty() {
        return Some(());
    }
    section.fault(
        "status_components",
        "required with `status_page`: the names of your region's components, as the page shows them",
    );
    None
}

fn status_format(section: &Section<'_>) -> Option<Format> {
    match read_part::<CustomMap>("map", STATUS_MAP) {
        Ok(map) => Some(Format::Custom(CustomMaps::one(map))),
        Err(error) => {
            section.fault("status_page", error.to_string());
            None
        }
    }
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
