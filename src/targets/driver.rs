//! What a CRM's folder registers: its profile, its OAuth dialect, and how its client is made.

use std::sync::Arc;

use super::claim::ClaimCheck;
use super::crm::Crm;
use super::http;
use super::login::Login;
use super::oauth::OAuthDialect;
use crate::clock::Clock;
use crate::domain::identity::TargetName;
use crate::settings::{CrmProfile, TargetSettings};

/// One CRM. Every field is required, so the compiler names what a new CRM has to supply.
pub(super) struct CrmDriver {
    pub(super) profile: &'static CrmProfile,
    pub(super) oauth: &'static OAuthDialect,
    /// Makes the client of one target. Sends nothing.
    pub(super) connect: fn(Connection) -> Arc<dyn Crm>,
}

/// What a client is made of.
#[derive(Clone)]
pub struct Connection {
    /// The target's name.
    pub name: TargetName,
    pub settings: Arc<TargetSettings>,
    /// Sends requests, and redacts what comes back.
    pub http: http::Client,
    pub login: Arc<dyn Login>,
    pub clock: Clock,
}

impl Connection {
    /// The same connection, whose requests are sent only while `claim` allows it.
    #[must_use]
    pub fn for_claim(&self, claim: ClaimCheck) -> Self {
        Self {
            http: self.http.for_claim(claim),
            ..self.clone()
        }
    }
}
