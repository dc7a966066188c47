//! `[store]`.

use std::time::Duration;

use serde_json::json;
use url::Url;

use crate::settings::declare::{Kind, Shape, section};
use crate::settings::kinds::{find_secret, positive_duration, secret_schema};
use crate::settings::read::{BUILT_IN, Entry, Fault, show};
use crate::settings::secret::Secret;

section! {
    /// `[store]`: the database.
    pub struct StoreSettings {
        /// the database; a password in the text gives a warning and is never shown
        url: Secret = store_url().default("sqlite:data/ringdown.db"),
        /// how long finished events, incidents and deliveries are kept; open review items are kept
        /// four times as long
        retention: Duration = positive_duration().default("30d"),
    }
}

fn store_url() -> Kind<Secret> {
    let mut schema = secret_schema();
    schema["anyOf"][1] = json!({ "type": "string", "pattern": "^(sqlite:|postgres(ql)?://)" });
    let type_name = "`sqlite:PATH`, `postgres://…`, or a secret";
    Kind::composite(type_name, Shape::Value(schema), |entry| {
        read_store_url(entry)
            .map_err(|fault| entry.fault(fault))
            .ok()
    })
}

/// A URL that may hold a password: shown without it, and warned about when it stands there.
fn read_store_url(entry: &Entry<'_>) -> Result<Secret, Fault> {
    let found = find_secret(entry)?;
    if found.secret.is_stand_in() {
        let layer = entry.value.origin().unwrap_or(BUILT_IN);
        entry.reading.in_effect(&entry.path, found.shown, layer);
        return Ok(found.secret);
    }
    let (without_password, has_password) = check_store_url(found.secret.expose())?;
    if has_password && found.literal {
        entry.warn("the URL holds a password; write url = { env = \"NAME\" }");
    }
    let plain = found.literal || entry.variable().is_some();
    let shown = if plain { without_password } else { found.shown };
    let layer = entry.value.origin().unwrap_or(BUILT_IN);
    entry.reading.in_effect(&entry.path, shown, layer);
    Ok(found.secret)
}

/// The URL as it can be shown, and whether it holds a password.
fn check_store_url(url: &str) -> Result<(String, bool), Fault> {
    let shown = |text: &str| show(&text.into());
    if let Some(path) = url.strip_prefix("sqlite:") {
        if path.trim_start_matches('/').is_empty() {
            return Err("names no file; write sqlite:data/ringdown.db".into());
        }
        if path.contains(":memory:") {
            return Err("a database in memory loses every event at a restart; name a file".into());
        }
        let query = path.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name == "mode" && !matches!(&*value, "rw" | "rwc") {
                return Err(format!("has the mode `{value}`; write mode=rwc, or no mode").into());
            }
        }
        return Ok((shown(url), false));
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("must begin with sqlite: or postgres://".into());
    }
    let mut parsed =
        Url::parse(url).map_err(|error| Fault::from(format!("is not a URL: {error}")))?;
    let in_query = parsed.query_pairs().any(|(key, _)| key == "password");
    if in_query {
        parsed.set_query(Some("[secret]"));
    }
    let has_password = in_query || parsed.password().is_some();
    if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
        return Err("has a password but no host".into());
    }
    Ok((shown(parsed.as_str()), has_password))
}
