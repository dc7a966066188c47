//! Targets: the CRM clients behind one small trait.
//!
//! A third CRM is one more folder that implements [`Crm`] and one more arm in [`connect`].
//!
//! May import: `domain`, `settings`. Must not know: the store, sources, rules. What must be
//! durable (rotated refresh tokens) goes through [`TokenVault`], which the caller provides.

pub mod condition;
pub mod http;
pub mod inspect;
mod login;
mod oauth;
pub mod permit;
pub mod salesforce;
pub mod servicenow;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use inspect::Inspect;
pub use login::{Credential, Login, StaticLogin};
pub use oauth::Authenticator;

use crate::clock::Clock;
use crate::domain::failure::Failure;
pub use crate::domain::ticket::TicketChange;
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};
use crate::domain::ticket_change::Sighting;
use crate::domain::time::Timestamp;
use crate::outbound::Redactor;
use crate::settings::{CrmProfile, TargetSettings};

/// A CRM in which we own tickets.
///
/// Every method classifies its failures (see [`Failure`]): the caller decides from the
/// classification alone whether to look up, retry, pause or give up. No method retries by
/// itself, save one repetition after a renewed token, which costs the caller no attempt.
#[async_trait]
pub trait Crm: Send + Sync {
    /// Opens the ticket for `key`. Repeating it with the same key makes no second ticket
    /// wherever the CRM offers a way to refuse one.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`]; with `outcome_unknown` the ticket may exist.
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure>;

    /// Whether the CRM itself refuses a second record for one key, as far as is known. Where
    /// it does not, a request of somebody else must have ended before it can be looked for.
    fn refuses_a_second(&self) -> bool;

    /// The ticket for `key`, checked to be ours, whatever its state.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`]. "Not found" is `Ok(None)`, never an error.
    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure>;

    /// Reads a ticket again by its record id; `Ok(None)` when it is gone.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure>;

    /// Adds a comment and sets fields on an open ticket.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`]; with `outcome_unknown` ask [`Crm::has_comment`] first.
    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure>;

    /// Sets the ticket resolved with `change`, and checks that it is. A ticket that a person
    /// has already resolved or closed is left as it is.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure>;

    /// Whether a comment that carries `marker` is on the ticket.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure>;

    /// Hangs the ticket under `parent_id`.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure>;

    /// Tickets of ours that were changed at or after `since` by the CRM's clock, oldest change
    /// first, whoever changed them, with those deleted where the CRM tells. Bounded: when there
    /// are more, the next call from the newest version seen goes on.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn changed_since(&self, since: Timestamp) -> Result<Vec<Sighting>, Failure>;

    /// How these tickets stand now, in as few calls as the CRM allows.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn look_at(&self, ticket_ids: &[String]) -> Result<Look, Failure>;

    /// The cheapest authenticated call that proves the CRM answers again.
    ///
    /// # Errors
    ///
    /// A classified [`Failure`].
    async fn probe(&self) -> Result<(), Failure>;

    /// Age and expiry of the credential in use, for people to look at.
    fn token_status(&self) -> TokenStatus;
}

/// How tickets that were asked for by their ids stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Those that the CRM shows, also as deleted.
    pub seen: Vec<Sighting>,
    /// Ids of which the CRM shows nothing: deleted for good, or hidden from our user.
    pub missing: Vec<String>,
}

impl Look {
    /// What `asked` and `seen` make: ids of which nothing was seen are missing.
    pub(crate) fn take_in(&mut self, asked: &[String], seen: Vec<Sighting>) {
        let is_seen = |id: &str| seen.iter().any(|one| same_id(&one.ticket_id, id));
        let missing = asked.iter().filter(|id| !is_seen(id)).cloned();
        self.missing.extend(missing);
        self.seen.extend(seen);
    }
}

/// Salesforce writes one id with 15 or 18 characters.
fn same_id(a: &str, b: &str) -> bool {
    let long = |id: &str| id.len() == 18;
    match (long(a), long(b), a.len(), b.len()) {
        (true, false, _, 15) | (false, true, 15, _) => a.get(..15) == b.get(..15),
        _ => a == b,
    }
}

/// Age and expiry of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenStatus {
    /// When it was obtained; `None` before the first use, and for static credentials.
    pub obtained_at: Option<Timestamp>,
    /// When it expires, where the CRM says so.
    pub expires_at: Option<Timestamp>,
    /// Renewals that worked, since start.
    pub renewals: u64,
    /// Renewals that failed, since start.
    pub failed_renewals: u64,
}

/// Keeps rotated refresh tokens durably, and lets replicas take turns at rotating.
///
/// What passes through is sealed by the caller: the vault never sees a secret.
#[async_trait]
pub trait TokenVault: Send + Sync {
    /// The sealed token last kept for `target`.
    ///
    /// # Errors
    ///
    /// A text that says why the store could not be read.
    async fn load(&self, target: &str) -> Result<Option<Vec<u8>>, String>;

    /// Keeps `sealed` for `target`; durable when this returns.
    ///
    /// # Errors
    ///
    /// A text that says why it could not be kept. The old token then stays in force.
    async fn keep(&self, target: &str, sealed: &[u8]) -> Result<(), String>;

    /// Waits until no other process rotates the token of `target`, for at most `patience`.
    ///
    /// # Errors
    ///
    /// A text that says who holds it.
    async fn lock(&self, target: &str, patience: Duration) -> Result<Box<dyn Send>, String>;
}

/// A target that cannot be set up from its settings.
#[derive(Debug, thiserror::Error)]
pub enum TargetSetupError {
    /// The login cannot be made from the settings.
    #[error("auth: {0}")]
    Login(String),
    /// The client cannot be made.
    #[error("{0}")]
    Client(String),
}

/// The client of the target `name`. Nothing is sent yet. What comes back goes through `redactor`.
///
/// # Errors
///
/// [`TargetSetupError`] says which setting to mend.
pub fn connect(
    name: &str,
    settings: &TargetSettings,
    vault: Arc<dyn TokenVault>,
    redactor: &Redactor,
    clock: &Clock,
) -> Result<Arc<dyn Crm>, TargetSetupError> {
    inspector(name, settings, vault, redactor, clock).map(|client| client as Arc<dyn Crm>)
}

/// The same client, which can also be asked about the CRM itself.
///
/// # Errors
///
/// [`TargetSetupError`] says which setting to mend.
pub fn inspector(
    name: &str,
    settings: &TargetSettings,
    vault: Arc<dyn TokenVault>,
    redactor: &Redactor,
    clock: &Clock,
) -> Result<Arc<dyn Inspect>, TargetSetupError> {
    let login = login_of(name, settings, vault, redactor, clock)?;
    let unusable = |error: &dyn std::fmt::Display| TargetSetupError::Client(error.to_string());
    if settings.kind.name == salesforce::profile::PROFILE.name {
        let client = salesforce::Salesforce::new(name, settings, login, redactor, clock.clone());
        return Ok(Arc::new(client.map_err(|error| unusable(&error))?));
    }
    let client = servicenow::ServiceNow::new(name, settings, login, redactor);
    Ok(Arc::new(client.map_err(|error| unusable(&error))?))
}

/// What the settings must know of each CRM.
pub fn profiles() -> Vec<&'static CrmProfile> {
    vec![&salesforce::profile::PROFILE, &servicenow::profile::PROFILE]
}

/// How the target `name` logs in, by its settings.
fn login_of(
    name: &str,
    settings: &TargetSettings,
    vault: Arc<dyn TokenVault>,
    redactor: &Redactor,
    clock: &Clock,
) -> Result<Arc<dyn Login>, TargetSetupError> {
    if let Some(login) = StaticLogin::of(&settings.auth) {
        return Ok(Arc::new(login));
    }
    let client = http::Client::new(settings.timeout, redactor)
        .map_err(|error| TargetSetupError::Client(format!("HTTP cannot be set up: {error}")))?;
    Authenticator::new(name, settings, client, vault, clock.clone())
        .map(|login| Arc::new(login) as Arc<dyn Login>)
        .map_err(|error| TargetSetupError::Login(error.to_string()))
}
