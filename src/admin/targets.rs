//! How targets fare, as people see it.

use serde::Serialize;

use crate::deliver::TargetStatus;
use crate::domain::identity::TargetName;
use crate::store::{KeptFailure, Moment};

/// Tells how every configured target fares.
pub trait TargetOverview: Send + Sync {
    /// Every configured target, in the order of names.
    fn targets(&self) -> Vec<TargetView>;
}

impl<F: Fn() -> Vec<TargetView> + Send + Sync> TargetOverview for F {
    fn targets(&self) -> Vec<TargetView> {
        self()
    }
}

/// One target. What is owed to it is counted by the listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetView {
    pub name: TargetName,
    /// `salesforce` or `servicenow`.
    pub kind: String,
    /// `up`, `paused`, `held`, `circuit_open`.
    pub state: &'static str,
    /// Since when it cannot be reached: held, or its circuit open.
    pub since: Option<Moment>,
    /// When the pause ends or the next probe is due.
    pub until: Option<Moment>,
    pub last_error: Option<KeptFailure>,
    pub last_error_at: Option<Moment>,
    pub token: TokenView,
}

/// Age and expiry of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// When it was obtained; `None` before the first use, and for static credentials.
    pub obtained_at: Option<Moment>,
    /// When it expires, where the CRM says so.
    pub expires_at: Option<Moment>,
}

impl TargetView {
    /// The view of a target of `kind` whose worker says `status`.
    pub fn of(kind: &str, status: &TargetStatus) -> Self {
        Self {
            name: status.name.clone(),
            kind: kind.to_owned(),
            state: status.state.as_str(),
            since: status.away_since.map(Moment::from),
            until: status.until.map(Moment::from),
            last_error: status.last_error.as_ref().map(KeptFailure::from),
            last_error_at: status.last_error_at.map(Moment::from),
            token: TokenView {
                obtained_at: status.token.obtained_at.map(Moment::from),
                expires_at: status.token.expires_at.map(Moment::from),
            },
        }
    }
}
