//! `[server]`, `[admin]` and `[log]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use crate::settings::declare::{Names, list, named, read_from_toml, section, table};
use crate::settings::kinds::{
    admin_token, host_name, network, one_of, positive_duration, socket_address, text_called, whole,
};
use crate::settings::read::{Fault, Section};
use crate::settings::secret::Secret;
use crate::settings::value::ValueKind;

/// EventBridge API destinations wait this long for an answer.
const SENDER_TIMEOUT: Duration = Duration::from_secs(5);
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

section! {
    /// `[server]`: the public listener.
    pub struct ServerSettings {
        /// address that receives webhooks
        listen: SocketAddr = socket_address().default("0.0.0.0:8080"),
        /// a longer body is answered with 413
        max_body_bytes: usize = whole(1, 1 << 30)
            .called("bytes, 1 to 1073741824")
            .default(262_144_i64),
        /// memory for all request bodies in hand; at least two of `max_body_bytes`
        body_memory: usize = whole(1, u32::MAX)
            .called("bytes, 1 to 4294967295")
            .default(67_108_864_i64),
        /// longest time for one request; EventBridge gives up after 5 s
        request_timeout: Duration = positive_duration()
            .warn(|timeout| {
                let late = *timeout > SENDER_TIMEOUT;
                late.then_some("EventBridge gives up after 5s and sends the event again")
            })
            .default("5s"),
        /// longest time for a body to arrive, plus one second per received MiB; then 503 with
        /// Retry-After
        body_timeout: Duration = positive_duration().default("3s"),
        /// load balancers and proxies whose `X-Forwarded-For` or `Forwarded` header is used
        trusted_proxies: Vec<IpNet> = list("networks", network()).default(NONE),
        /// requests in progress at the same time; at the limit the slowest request, or the new
        /// one, is answered with 503 and Retry-After; see below
        max_in_flight: usize = whole(1, 1_000_000).default(1024_i64),
        /// connections at once; beyond it the longest idle are closed
        max_connections: usize = whole(1, 1_000_000).default(2048_i64),
        /// longest time from SIGTERM to the end of the process
        drain_timeout: Duration = positive_duration().default("20s"),
    }
}

read_from_toml!(ServerSettings);

section! {
    /// `[admin]`: metrics and API.
    pub struct AdminSettings checked by needs_token {
        /// an address that is not loopback requires a token
        listen: SocketAddr = socket_address().default("127.0.0.1:9090"),
        /// names by which it may be addressed, `*.example.com` for all that end so; see below
        hosts: Vec<String> = list("names", host_name()).default(NONE),
        /// who may use the API; empty: any client, from loopback only
        tokens: BTreeMap<String, AdminToken> = named(Names::Plain, table())
            .map(BTreeMap::from_iter)
            .or_empty(),
    }
}

section! {
    /// `[admin.tokens.NAME]`.
    pub struct AdminToken {
        /// `viewer` can read; `operator` can also change
        role: Role = one_of(&[("viewer", Role::Viewer), ("operator", Role::Operator)]).required(),
        /// the bearer token, at least 16 characters: `openssl rand -hex 32`
        secret: Secret = admin_token().required(),
    }
}

/// What the bearer of an admin token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Operator,
}

section! {
    /// `[log]`.
    pub struct LogSettings {
        /// one JSON object per line, or lines for people
        format: LogFormat =
            one_of(&[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)]).default("json"),
        /// `off`, `error`, `warn`, `info`, `debug`, `trace`, or
        /// `info,ringdown::receive=debug`
        level: String = text_called("level or directives", check_level).default("info"),
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    /// For people.
    Pretty,
}

/// The default of a list.
pub(crate) const NONE: ValueKind = ValueKind::Array(Vec::new());

fn needs_token(section: &Section<'_>, admin: &AdminSettings) -> Option<()> {
    if admin.tokens.is_empty() && !admin.listen.ip().is_loopback() {
        section.fault(
            "listen",
            "an address that others can reach needs a token in admin.tokens; without one only a \
             loopback address such as 127.0.0.1:9090 is allowed",
        );
        return None;
    }
    Some(())
}

/// A level, or directives such as `info,ringdown::deliver=debug`.
fn check_level(level: &str) -> Result<(), Fault> {
    let directives = level.contains(['=', ',', '[']);
    if !directives && !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
        return Err(Fault::none_of(level, &LEVELS));
    }
    match EnvFilter::try_new(level) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`{level}` is not a filter: {error}").into()),
    }
}
