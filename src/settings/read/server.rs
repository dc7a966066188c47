//! `[server]`, `[admin]`, `[store]` and `[log]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use url::Url;

use super::entry::{Entry, Fault};
use super::section::{BUILT_IN, Section};
use super::values::{list, network, one_of, positive_duration, socket_address, text, whole};
use super::{entry, origin_within, strength};
use crate::rules::nearest;
use crate::settings::{
    AdminSettings, AdminToken, LogFormat, LogSettings, Role, Secret, ServerSettings, Settings,
    StoreSettings,
};

/// The longest wait of the sender on Genesys's main road, an EventBridge API destination.
const SENDERS_PATIENCE: Duration = Duration::from_secs(5);
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn server(root: &Section<'_>) -> Option<ServerSettings> {
    let section = root.child("server")?;
    let listen = section.or("listen", "0.0.0.0:8080", socket_address);
    let max_body_bytes = section.or("max_body_bytes", 262_144_i64, whole(1, 1 << 30));
    let body_memory = section.or("body_memory", 67_108_864_i64, whole(1, u32::MAX));
    let request_timeout = section.or("request_timeout", "5s", positive_duration);
    let body_timeout = section.or("body_timeout", "3s", positive_duration);
    let trusted_proxies = section.or("trusted_proxies", Vec::<String>::new(), list(network));
    let max_in_flight = section.or("max_in_flight", 1024_i64, whole(1, 1_000_000));
    let max_connections = section.or("max_connections", 2048_i64, whole(1, 1_000_000));
    let drain_timeout = section.or("drain_timeout", "20s", positive_duration);
    if request_timeout.is_some_and(|timeout| timeout > SENDERS_PATIENCE) {
        section.warn(
            "request_timeout",
            "EventBridge gives up after 5s and sends the event again",
        );
    }
    section.finish();
    Some(ServerSettings {
        listen: listen?,
        max_body_bytes: max_body_bytes?,
        body_memory: body_memory?,
        request_timeout: request_timeout?,
        body_timeout: body_timeout?,
        trusted_proxies: trusted_proxies?,
        max_in_flight: max_in_flight?,
        max_connections: max_connections?,
        drain_timeout: drain_timeout?,
    })
}

pub(super) fn admin(root: &Section<'_>) -> Option<AdminSettings> {
    let section = root.child("admin")?;
    let listen = section.or("listen", "127.0.0.1:9090", socket_address);
    let hosts = section.or("hosts", Vec::<String>::new(), list(host_name));
    let children = section.named_children("tokens")?;
    let configured = children.len();
    let tokens: BTreeMap<String, AdminToken> = children
        .into_iter()
        .filter_map(|(name, child)| Some((name, admin_token(&child)?)))
        .collect();
    if configured == 0 && listen.is_some_and(|listen| !listen.ip().is_loopback()) {
        section.fault(
            "listen",
            "an address that others can reach needs a token in admin.tokens; without one only a loopback address such as 127.0.0.1:9090 is allowed",
        );
    }
    section.finish();
    (tokens.len() == configured).then_some(AdminSettings {
        listen: listen?,
        hosts: hosts?,
        tokens,
    })
}

/// A name without scheme and port, or `*.` before one.
fn host_name(entry: &Entry<'_>) -> Result<String, Fault> {
    let name = entry.text()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let mut labels = name.strip_prefix("*.").unwrap_or(name).split('.');
    if labels.all(|label| !label.is_empty() && label.bytes().all(plain)) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "`{name}` is not a name such as ringdown.example.com or *.svc.cluster.local, without \
         scheme and port"
    )
    .into())
}

fn admin_token(section: &Section<'_>) -> Option<AdminToken> {
    const ROLES: &[(&str, Role)] = &[("viewer", Role::Viewer), ("operator", Role::Operator)];
    let role = section.required("role", one_of(ROLES));
    let secret = section.secret("secret");
    if let Some(weakness) = secret.as_ref().and_then(strength::of_admin_token) {
        section.fault("secret", weakness);
        return None;
    }
    section.finish();
    Some(AdminToken {
        role: role?,
        secret: secret?,
    })
}

pub(super) fn store(root: &Section<'_>) -> Option<StoreSettings> {
    let section = root.child("store")?;
    let url = match section.entry("url") {
        Some(entry) => store_url(&entry),
        None => section
            .or("url", "sqlite:data/ringdown.db", text)
            .map(Secret::new),
    };
    let retention = section.or("retention", "30d", positive_duration);
    section.finish();
    Some(StoreSettings {
        url: url?,
        retention: retention?,
    })
}

/// A URL that may hold a password: shown without it, and warned about when it stands there.
fn store_url(entry: &Entry<'_>) -> Option<Secret> {
    let checked = entry.find_secret().and_then(|found| {
        let shown = check_store_url(found.secret.expose())?;
        Ok((found, shown))
    });
    match checked {
        Ok((found, (without_password, has_password))) => {
            let origin = origin_within(&entry.value);
            if has_password && found.literal {
                let reason = "the URL holds a password; write url = { env = \"NAME\" }";
                entry.walk.warn(&entry.path, reason, origin);
            }
            let plain = found.literal || entry.variable().is_some();
            let shown = if plain { without_password } else { found.shown };
            let layer = origin.unwrap_or(BUILT_IN);
            entry.walk.in_effect(&entry.path, shown, layer);
            Some(found.secret)
        }
        Err(fault) => {
            entry.fault(fault);
            None
        }
    }
}

/// The URL as it can be shown, and whether it holds a password.
fn check_store_url(url: &str) -> Result<(String, bool), Fault> {
    let shown = |text: &str| entry::show(&text.into());
    if let Some(path) = url.strip_prefix("sqlite:") {
        if path.trim_start_matches('/').is_empty() {
            return Err("names no file; write sqlite:data/ringdown.db".into());
        }
        if path.contains(":memory:") {
            return Err("a database in memory loses every event at a restart; name a file".into());
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

pub(super) fn log(root: &Section<'_>) -> Option<LogSettings> {
    const FORMATS: &[(&str, LogFormat)] =
        &[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let section = root.child("log")?;
    let format = section.or("format", "json", one_of(FORMATS));
    let level = section.or("level", "info", log_level);
    section.finish();
    Some(LogSettings {
        format: format?,
        level: level?,
    })
}

/// A level, or directives such as `info,ringdown::deliver=debug`.
fn log_level(entry: &Entry<'_>) -> Result<String, Fault> {
    let level = entry.text()?;
    let directives = level.contains(['=', ',', '[']);
    if !directives && !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
        let reason = format!("`{level}` is none of {}", LEVELS.join(", "));
        return Err(Fault::suggesting(reason, nearest(level, LEVELS)));
    }
    match EnvFilter::try_new(level) {
        Ok(_) => Ok(level.to_owned()),
        Err(error) => Err(format!("`{level}` is not a filter: {error}").into()),
    }
}

/// Two listeners cannot share a port.
pub(super) fn check_listeners(root: &Section<'_>, settings: &Settings) {
    let (server, admin) = (settings.server.listen, settings.admin.listen);
    if collide(server, admin) {
        let path = "admin.listen";
        let reason = format!("{admin} is taken by server.listen ({server})");
        root.walk.problem(path, reason.into(), None);
    }
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && overlap
}
