//! `[enrichment]`: the Genesys Cloud Platform API, asked for what events do not say.

use url::Url;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::values::{positive_duration, text, url};
use crate::settings::EnrichmentSettings;

/// Inner `None`: nobody is asked.
#[expect(
    clippy::option_option,
    reason = "outer: was it understood; inner: was it set"
)]
pub(super) fn enrichment(root: &Section<'_>) -> Option<Option<EnrichmentSettings>> {
    let Some(entry) = root.entry("enrichment") else {
        root.unset("enrichment");
        return Some(None);
    };
    let section = entry.section()?;
    let region = section.optional("region", region);
    let (login_url, api_url) = match &region {
        Some(Some(region)) => (
            section.or("login_url", format!("https://login.{region}"), url),
            section.or("api_url", format!("https://api.{region}"), url),
        ),
        Some(None) if !section.is_set("login_url") && !section.is_set("api_url") => {
            section.entry("login_url");
            section.entry("api_url");
            (section.missing("region"), None)
        }
        Some(None) => (
            section.required("login_url", url),
            section.required("api_url", url),
        ),
        None => {
            section.entry("login_url");
            section.entry("api_url");
            (None, None)
        }
    };
    let client_id = section.required("client_id", text);
    let client_secret = section.secret("client_secret");
    let names_every = section.or("names_every", "15m", positive_duration);
    let fresh_for = section.or("fresh_for", "30s", positive_duration);
    let timeout = section.or("timeout", "5s", positive_duration);
    section.finish();
    region?;
    Some(Some(EnrichmentSettings {
        login_url: login_url?,
        api_url: api_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        names_every: names_every?,
        fresh_for: fresh_for?,
        timeout: timeout?,
    }))
}

/// A region's domain, such as `mypurecloud.de` or `usw2.pure.cloud`.
fn region(entry: &Entry<'_>) -> Result<String, Fault> {
    let region = entry.text()?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_domain = region.contains('.') && region.chars().all(plain);
    let fits = is_domain && Url::parse(&format!("https://login.{region}")).is_ok();
    if !fits {
        let reason = format!("`{region}` is not a region's domain such as mypurecloud.de");
        return Err(reason.into());
    }
    Ok(region.to_owned())
}
