//! The final form of the settings of targets, `[targets.NAME]`.
//!
//! Plain values without behaviour; made by the loader only, which checks them all.

use std::time::Duration;

use url::Url;

use super::{AuthMethod, CrmProfile, CrmSettings, KeyField, Secret};
use crate::rules::Template;

/// `[targets.NAME]`.
#[derive(Debug, Clone)]
pub struct TargetSettings {
    pub kind: &'static CrmProfile,
    /// The keys that only this kind of CRM has.
    pub own: CrmSettings,
    /// The CRM's address, without a path.
    pub base_url: Url,
    /// How we log in.
    pub auth: TargetAuth,
    /// How long one call may take.
    pub timeout: Duration,
    /// Retries of a delivery.
    pub retry: RetrySettings,
    /// How fast and how many at once.
    pub limit: TargetLimit,
    /// Fields of a new ticket, in order.
    pub create: Vec<FieldTemplate>,
    /// Fields set by an update, besides the comment.
    pub update: Vec<FieldTemplate>,
    /// Fields that resolve the ticket; empty: a comment is all that can be done.
    pub resolve: Vec<FieldTemplate>,
    /// What flows back.
    pub sync: SyncSettings,
    /// How long it must have been away before tickets are opened in the next of a list.
    pub failover_after: Duration,
    /// Who may call `/callbacks/NAME`; empty: nobody.
    pub callback_auth: Vec<AuthMethod>,
}

impl TargetSettings {
    /// Where our key stands in a ticket of this target.
    pub fn key_field(&self) -> KeyField<'_> {
        (self.kind.key_field)(&self.own)
    }
}

/// One field of a ticket.
#[derive(Debug, Clone)]
pub struct FieldTemplate {
    /// The CRM's field name.
    pub name: String,
    /// Its value.
    pub value: FieldValue,
}

/// The value of a ticket's field.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// Rendered for each ticket.
    Template(Template),
    /// A number or truth value, sent as it is.
    Literal(serde_json::Value),
}

/// `[targets.NAME.auth]`.
#[derive(Debug, Clone)]
pub enum TargetAuth {
    /// OAuth 2.0, RFC 6749 section 4.4.
    ClientCredentials {
        /// Where tokens come from.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// Requested scope.
        scope: Option<String>,
    },
    /// OAuth 2.0, RFC 7523.
    JwtBearer {
        /// Where tokens come from.
        token_url: Url,
        /// `iss`: the consumer key.
        client_id: String,
        /// `sub`: the user.
        username: String,
        /// `aud`.
        audience: String,
        /// RSA private key, PEM.
        private_key: Secret,
    },
    /// OAuth 2.0, RFC 6749 section 6, with rotation.
    RefreshToken {
        /// Where tokens come from.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret, where it has one.
        client_secret: Option<Secret>,
        /// The first refresh token; later ones are kept in the store, sealed.
        refresh_token: Secret,
    },
    /// OAuth 2.0, RFC 6749 section 4.3.
    Password {
        /// Where tokens come from.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// The user.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// HTTP Basic.
    Basic {
        /// The user.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// A key in a header of its own.
    ApiKey {
        /// The header that carries it.
        header: String,
        /// The key.
        key: Secret,
    },
}

/// `[targets.NAME.retry]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrySettings {
    /// Retries after the first try.
    pub attempts: u32,
    /// Wait before the first retry.
    pub base: Duration,
    /// Each further wait is this many times longer.
    pub factor: f64,
    /// Share of each wait that is random, 0 to 1.
    pub jitter: f64,
}

/// `[targets.NAME.limit]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetLimit {
    /// Calls started per second; at least 1.
    pub per_second: u32,
    /// Calls under way at once; at least 1.
    pub concurrent: usize,
}

/// `[targets.NAME.sync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncSettings {
    /// How often open tickets are asked for.
    pub poll_every: Duration,
    /// What a ticket closed by a person does to our incident.
    pub on_ticket_closed: OnTicketClosed,
}

/// What a ticket closed by a person does to our incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTicketClosed {
    /// The incident closes and its lock is released.
    Close,
    /// Nothing.
    Ignore,
}
