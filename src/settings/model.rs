//! The final form of every setting of the contract's `ringdown.reference.toml`; those of
//! targets are in `target_model`.
//!
//! Plain values without behaviour; made by the loader only, which checks them all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::{Routing, Secret, TargetSettings};
use crate::domain::flood::FloodPolicy;
use crate::domain::incident::FlappingPolicy;
use crate::domain::severity::Severity;
use crate::domain::silence::Matcher;
use crate::normalise::Format;
use crate::rules::{Expression, Schedule, Template};

/// Everything the daemon is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public listener.
    pub server: ServerSettings,
    /// The admin listener.
    pub admin: AdminSettings,
    /// The database.
    pub store: StoreSettings,
    /// Log output.
    pub log: LogSettings,
    /// Who may send, by name.
    pub sources: BTreeMap<String, SourceSettings>,
    /// When is it an incident, in the order of configuration.
    pub rules: Vec<RuleSettings>,
    /// Where tickets go, by name.
    pub targets: BTreeMap<String, TargetSettings>,
    /// Many incidents with one cause, by name.
    pub outages: BTreeMap<String, OutageSettings>,
    /// Tickets about Ringdown itself; `None`: there are none. Their rule is the last of
    /// `rules`.
    pub own_trouble: Option<OwnTroubleSettings>,
    /// Where to ask for what events do not say; `None`: nowhere.
    pub enrichment: Option<EnrichmentSettings>,
    /// When no ticket is opened, by name.
    pub maintenance: BTreeMap<String, MaintenanceSettings>,
}

impl Settings {
    /// Whether any ticket may be opened in another target than the first of its list.
    pub fn fails_over(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.targets);
        let outages = self.outages.values().map(|outage| &outage.targets);
        rules.chain(outages).any(Routing::fails_over)
    }
}

/// `[server]`.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where webhooks are received.
    pub listen: SocketAddr,
    /// Longest accepted request body, in bytes.
    pub max_body_bytes: usize,
    /// Memory that all request bodies together may have, in bytes; two of the longest have
    /// room in any case.
    pub body_memory: usize,
    /// Longest time one request may take.
    pub request_timeout: Duration,
    /// Longest time that a body may take beyond a second for each MiB that has come.
    pub body_timeout: Duration,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests handled at once; beyond it 503 with Retry-After.
    pub max_in_flight: usize,
    /// Most connections at once, where the file descriptors allow so many.
    pub max_connections: usize,
    /// How long a stop may take after SIGTERM.
    pub drain_timeout: Duration,
}

/// `[admin]`.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Where metrics, API and dashboard are served.
    pub listen: SocketAddr,
    /// Names by which it may be addressed, besides addresses and names without a dot; with `*.`
    /// in front: all that end so.
    pub hosts: Vec<String>,
    /// Who may use the API, by name. Empty: loopback only.
    pub tokens: BTreeMap<String, AdminToken>,
}

/// `[admin.tokens.NAME]`.
#[derive(Debug, Clone)]
pub struct AdminToken {
    /// What the bearer may do.
    pub role: Role,
    /// The bearer token.
    pub secret: Secret,
}

/// What a bearer of an admin token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and changes.
    Operator,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://…`. May hold a password.
    pub url: Secret,
    /// How long settled events, incidents and deliveries are kept.
    pub retention: Duration,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// A level or a `tracing` filter directive.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// `[sources.NAME]`.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// How its events are read.
    pub format: Format,
    /// Networks it may send from; empty: any.
    pub allow: Vec<IpNet>,
    /// Ways to authenticate; any one suffices. Never empty.
    pub auth: Vec<AuthMethod>,
    /// Requests accepted per second and at once.
    pub rate_limit: Option<RateLimit>,
    /// How long it may be silent before that is trouble; `None`: as long as it likes.
    pub expect_every: Option<Duration>,
    /// Open review items that are kept of it; beyond it the oldest are dropped.
    pub max_review_items: u32,
    /// How fast it may begin incidents.
    pub max_new_incidents: FloodPolicy,
}

/// One entry of a source's `auth`.
#[derive(Debug, Clone)]
pub enum AuthMethod {
    /// `Authorization: Bearer SECRET`.
    Bearer {
        /// The token.
        secret: Secret,
    },
    /// HMAC-SHA256 over the raw body, hex or base64, with or without `sha256=`.
    Hmac {
        /// The header that carries the signature, lower case.
        header: String,
        /// The key.
        secret: Secret,
    },
    /// HTTP Basic.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        secret: Secret,
    },
    /// A secret in a header of its own.
    Header {
        /// The header's name, lower case.
        name: String,
        /// Its value.
        secret: Secret,
    },
    /// A signed token from an identity provider.
    Jwt {
        /// Required `iss`.
        issuer: String,
        /// Required `aud`.
        audience: String,
        /// Where its keys are.
        keys: JwksLocation,
        /// Accepted algorithms; asymmetric ones only.
        algorithms: Vec<jsonwebtoken::Algorithm>,
    },
}

/// Where a JWKS is read.
#[derive(Debug, Clone)]
pub enum JwksLocation {
    /// `jwks_url`.
    Url(Url),
    /// `jwks_file`.
    File(PathBuf),
}

/// `rate_limit` of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Sustained events per second; at least 1.
    pub per_second: u32,
    /// Events at once; at least 1.
    pub burst: u32,
}

/// `[rules.NAME]`.
#[derive(Debug, Clone)]
pub struct RuleSettings {
    /// The rule's name.
    pub name: String,
    /// Event types it looks at.
    pub events: Vec<String>,
    /// Sources it looks at; empty: all.
    pub sources: Vec<String>,
    /// Breach when this holds.
    pub when: Expression,
    /// Clear when this holds; absent: when `when` does not.
    pub clear: Option<Expression>,
    /// How long the breach must last before a ticket is opened.
    pub hold_for: Duration,
    /// How long the recovery must last.
    pub clear_for: Duration,
    /// No breach heard for so long counts as recovered.
    pub quiet_after: Duration,
    /// The correlation key.
    pub key: Template,
    /// No new ticket for a key within this time of its last one.
    pub burst_lock: Duration,
    /// A comment on the open ticket at most this often; zero: none.
    pub update_every: Duration,
    /// Severity of its incidents, when no level's expression holds.
    pub severity: String,
    /// Levels whose expression gives the severity, the worst first; empty: always `severity`.
    pub severity_levels: Vec<(Severity, Expression)>,
    /// What happens on the ticket at recovery.
    pub on_recovery: OnRecovery,
    /// When a key comes and goes too often; `None`: it is told each time.
    pub flapping: Option<FlappingPolicy>,
    /// Where its tickets go.
    pub targets: Routing,
}

/// What happens on the ticket when its incident has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRecovery {
    /// A comment says so.
    Comment,
    /// The ticket is resolved.
    Resolve,
    /// Nothing.
    None,
}

/// `[outages.NAME]`.
#[derive(Debug, Clone)]
pub struct OutageSettings {
    /// What members have in common.
    pub group_by: Template,
    /// Rules whose incidents can be members.
    pub rules: Vec<String>,
    /// Distinct keys that make an outage.
    pub at_least: u32,
    /// The window in which they must breach.
    pub within: Duration,
    /// How long a member's ticket waits for an outage to form.
    pub hold: Duration,
    /// Rules of which one breaching incident explains the others of its group.
    pub causes: Vec<String>,
    /// No new ticket for a group within this time of its last one.
    pub burst_lock: Duration,
    /// A comment on the outage's ticket about its members at most this often; zero: none.
    pub update_every: Duration,
    /// What happens on the tickets when all members have recovered.
    pub on_recovery: OnRecovery,
    /// The outage's severity.
    pub severity: String,
    /// Where its ticket goes.
    pub targets: Routing,
}

/// `[own_trouble]`: tickets about Ringdown itself.
#[derive(Debug, Clone)]
pub struct OwnTroubleSettings {
    /// How the events about it are read.
    pub format: Format,
    /// Where the tickets may be opened, in order of preference.
    pub targets: Vec<String>,
}

/// `[enrichment]`: the Genesys Cloud Platform API.
#[derive(Debug, Clone)]
pub struct EnrichmentSettings {
    /// Where tokens come from, without a path.
    pub login_url: Url,
    /// The API, without a path.
    pub api_url: Url,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// How often all names are read.
    pub names_every: Duration,
    /// How long an answer about a queue is good.
    pub fresh_for: Duration,
    /// How long one call may take.
    pub timeout: Duration,
}

/// `[maintenance.NAME]`.
#[derive(Debug, Clone)]
pub struct MaintenanceSettings {
    /// All of them must hold of a breach; never empty.
    pub matchers: Vec<Matcher>,
    /// When it is in force.
    pub schedule: Schedule,
    /// Why.
    pub reason: Option<String>,
}
