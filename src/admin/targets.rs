//! How targets fare, as people see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::deliver::{RefusedOperation, TargetStatus, Troubled};
use crate::domain::identity::{IncidentId, TargetName};
use crate::store::{DisplayTime, RowId, StoredFailure, TargetPause};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetView {
    pub name: TargetName,
    /// `salesforce` or `servicenow`.
    pub kind: String,
    /// `up`, `paused`, `held`, `circuit_open`, or `paused_by_person`.
    pub state: &'static str,
    /// Set while a person has paused it.
    pub pause: Option<PauseView>,
    /// Since when it accepts no tickets: held, its circuit open, or paused.
    pub since: Option<DisplayTime>,
    /// Whether it answers reads meanwhile, as its last probe says.
    pub answers_reads: bool,
    /// The only delivery that was tried since then: the trouble may be about its ticket alone.
    pub only_tried: Option<OnlyTriedView>,
    /// When the pause ends or the next probe is due.
    pub until: Option<DisplayTime>,
    /// Changes of tickets that the CRM refuses for every ticket: a person must act.
    pub refused_operations: Vec<RefusedOperationView>,
    pub last_error: Option<StoredFailure>,
    pub last_error_at: Option<DisplayTime>,
    pub token: TokenView,
}

/// The only delivery that a target was sent since it accepts no tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OnlyTriedView {
    pub delivery_id: RowId,
    pub incident_id: IncidentId,
    pub operation: &'static str,
}

impl OnlyTriedView {
    fn of(one: &Troubled) -> Self {
        Self {
            delivery_id: RowId(one.delivery_id),
            incident_id: one.incident_id.clone(),
            operation: one.operation.as_str(),
        }
    }
}

/// A person has paused the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PauseView {
    /// The name of the admin token, or `local`.
    pub by: String,
    pub reason: String,
    pub since: DisplayTime,
    /// When it ends by itself; `None`: only a person ends it.
    pub until: Option<DisplayTime>,
}

/// An operation that the CRM refuses for every ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenView {
    /// When it was obtained; `None` before the first use, and for static credentials.
    pub obtained_at: Option<DisplayTime>,
    /// When it expires, where the CRM says so.
    pub expires_at: Option<DisplayTime>,
}

impl TargetView {
    /// The same, with the pause among `pauses` that is its own.
    pub(super) fn with_pause(mut self, pauses: &[TargetPause]) -> Self {
        let Some(pause) = pauses.iter().find(|one| one.target == self.name) else {
            return self;
        };
        self.state = "paused_by_person";
        self.since = Some(pause.since.into());
        self.until = pause.until.map(DisplayTime::from);
        self.pause = Some(PauseView {
            by: pause.by.clone(),
            reason: pause.reason.clone(),
            since: pause.since.into(),
            until: pause.until.map(DisplayTime::from),
        });
        self
    }

    /// The view of a target of `kind` whose worker says `status`.
    pub fn of(kind: &str, status: &TargetStatus) -> Self {
        Self {
            name: status.name.clone(),
            kind: kind.to_owned(),
            state: status.state.as_str(),
            pause: None,
            since: status.since.map(DisplayTime::from),
            answers_reads: status.answers_reads,
            only_tried: status.only_tried.as_ref().map(OnlyTriedView::of),
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
