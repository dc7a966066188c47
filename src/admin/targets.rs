//! How targets fare, as people see it.

use serde::Serialize;

use crate::deliver::{RefusedOperation, TargetStatus};
use crate::domain::identity::TargetName;
use crate::store::{DisplayTime, StoredFailure};

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
    /// Since when it accepts no tickets: held, its circuit open, or paused for long.
    pub since: Option<DisplayTime>,
    /// When the pause ends or the next probe is due.
    pub until: Option<DisplayTime>,
    /// Changes of tickets that the CRM refuses for every ticket: a person must act.
    pub refused_operations: Vec<RefusedOperationView>,
    pub last_error: Option<StoredFailure>,
    pub last_error_at: Option<DisplayTime>,
    pub token: TokenView,
}

/// An operation that the CRM refuses for every ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedOperationView {
    pub operation: &'static str,
    pub since: DisplayTime,
    /// Its message says what a person must do.
    pub last_error: StoredFailure,
}

impl RefusedOperationView {
    fn of(refused: &RefusedOperation) -> Self {
        Self {
            operation: refused.operation.as_str(),
            since: refused.since.into(),
            last_error: StoredFailure::from(&refused.last_error),
        }
    }
}

/// Age and expiry of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// When it was obtained; `None` before the first use, and for static credentials.
    pub obtained_at: Option<DisplayTime>,
    /// When it expires, where the CRM says so.
    pub expires_at: Option<DisplayTime>,
}

impl TargetView {
    /// The view of a target of `kind` whose worker says `status`.
    pub fn of(kind: &str, status: &TargetStatus) -> Self {
        Self {
            name: status.name.clone(),
            kind: kind.to_owned(),
            state: status.state.as_str(),
            since: status.unreachable_since.map(DisplayTime::from),
            until: status.until.map(DisplayTime::from),
            refused_operations: status
                .refused_operations
                .iter()
                .map(RefusedOperationView::of)
                .collect(),
            last_error: status.last_error.as_ref().map(StoredFailure::from),
            last_error_at: status.last_error_at.map(DisplayTime::from),
            token: TokenView {
                obtained_at: status.token.obtained_at.map(DisplayTime::from),
                expires_at: status.token.expires_at.map(DisplayTime::from),
            },
        }
    }
}
