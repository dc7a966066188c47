//! Failover: which target a ticket is opened in when the first one of its list is unreachable.
//!
//! Three decisions: when a ticket goes to another target, and to which; whether a create that is
//! enqueued already may be moved; and the action of a process when replicas disagree about a
//! target. A create that may have had an effect never changes its target, so a ticket is never
//! opened in two.

use std::sync::Arc;
use std::time::Duration;

use super::circuit_breaker::BreakerState;
use super::doubt::ENDS_WITHIN;
use super::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use super::identity::TargetName;
use super::time::Timestamp;

/// The targets that an incident's ticket may be opened in, and whether the first was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRoute {
    /// In order of preference. With one there is no failover.
    pub candidates: Arc<[TargetName]>,
    /// The first candidate, when the ticket is opened in another because that one was unreachable.
    pub failed_over_from: Option<TargetName>,
}

impl TicketRoute {
    pub fn through(candidates: Arc<[TargetName]>) -> Self {
        Self {
            candidates,
            failed_over_from: None,
        }
    }
}

/// The health of a target that is unreachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Held, its circuit is open, or paused for long.
    pub state: BreakerState,
    pub since: Timestamp,
    /// The last failure.
    pub reason: String,
}

/// One target of a list, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub name: &'a TargetName,
    /// `None`: it is reachable.
    pub unreachable: Option<&'a Unreachable>,
    /// How long it must have been unreachable before its tickets are opened in another target.
    pub failover_after: Duration,
}

/// A ticket goes to another target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover<'a> {
    pub from: &'a TargetName,
    /// Why it does not stay in `from`.
    pub unreachable: &'a Unreachable,
    pub to: &'a TargetName,
}

/// Where a ticket goes that does not exist yet and would be opened in `current`: to the first
/// reachable one of `candidates`, when `current` has been unreachable for long enough. `None`: it
/// stays where it is.
pub fn fail_over<'a>(
    candidates: &[Candidate<'a>],
    current: &TargetName,
    now: Timestamp,
) -> Option<Failover<'a>> {
    let left = candidates.iter().find(|one| one.name == current)?;
    let unreachable = left.unreachable?;
    if now.since(unreachable.since) < left.failover_after {
        return None;
    }
    let next = candidates
        .iter()
        .find(|one| one.name != current && one.unreachable.is_none())?;
    Some(Failover {
        from: left.name,
        unreachable,
        to: next.name,
    })
}

impl Failover<'_> {
    /// For people; the ticket shows it too.
    pub fn note(&self) -> String {
        let Self {
            from,
            unreachable,
            to,
        } = self;
        let why = match unreachable.state {
            BreakerState::Paused => "has accepted no tickets since",
            _ => "cannot be reached since",
        };
        format!(
            "Opened in {to}, because {from} {why} {} ({}).",
            unreachable.since,
            unreachable.reason.trim_end_matches('.')
        )
    }

    /// Why the deliveries enqueued for `from` are not sent there.
    pub fn reason(&self) -> Failure {
        let kind = match self.unreachable.state {
            BreakerState::Held => FailureKind::AuthFailure,
            BreakerState::Paused => FailureKind::IntegrationFailure,
            _ => FailureKind::NetworkFailure,
        };
        Failure::new(
            kind,
            class(FailureScope::Ticket, ResolvedBy::Nothing),
            format!("never sent to {}. {}", self.from, self.note()),
        )
    }
}

/// The state of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateState {
    /// It waits for its turn or for its next attempt.
    Waiting,
    /// A worker has claimed it; its effect is not known yet.
    Sending,
    /// A dead letter with this kind of failure.
    Dead(FailureKind),
    /// Done or discarded.
    Ended,
}

/// Whether a create may be moved to another target. `unknown_for`: how long ago the outcome of an
/// attempt was unknown last. A look-up finds no ticket while such a request still runs.
pub fn may_be_moved(state: CreateState, in_doubt: bool, unknown_for: Option<Duration>) -> bool {
    // It certainly had no effect in its target, and no person has to correct anything first.
    let idle = match state {
        CreateState::Waiting | CreateState::Dead(FailureKind::NetworkFailure) => true,
        CreateState::Dead(
            FailureKind::RateLimited
            | FailureKind::AuthFailure
            | FailureKind::IntegrationFailure
            | FailureKind::SchemaMismatch,
        )
        | CreateState::Sending
        | CreateState::Ended => false,
    };
    idle && !in_doubt && unknown_for.is_none_or(|span| span >= ENDS_WITHIN)
}

/// The action of a process after a comparison of its own view of a target with the stored one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthAction {
    /// Nothing: both agree.
    InSync,
    /// Store its own view.
    Publish,
    /// Another replica says that the target is unreachable: probe it before sending anything.
    Verify,
    /// Another replica has reached the target: probe it at once.
    ProbeNow,
}

/// The stored view of a target, as a process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredView {
    Reachable {
        /// Another replica has reached it a moment ago.
        by_other_just_now: bool,
    },
    Unreachable {
        /// This process has reached it since then.
        is_disproved: bool,
    },
}

/// How long a replica that cannot reach a target lets another one's word stand that has reached it.
/// While two do not agree, neither disturbs the other more often.
pub const DISAGREES_FOR: Duration = Duration::from_secs(60);

/// Compares its own view of a target with the stored one. `changed_by_other`: another replica has
/// stored its view since this process last looked, so its own view may be older.
pub const fn health_action(
    unreachable: bool,
    stored: StoredView,
    changed_by_other: bool,
) -> HealthAction {
    use HealthAction::{InSync, ProbeNow, Publish, Verify};
    match (unreachable, stored) {
        (true, StoredView::Unreachable { .. }) | (false, StoredView::Reachable { .. }) => InSync,
        (false, StoredView::Unreachable { is_disproved }) => match changed_by_other {
            true if !is_disproved => Verify,
            _ => Publish,
        },
        (true, StoredView::Reachable { by_other_just_now }) => match changed_by_other {
            true => ProbeNow,
            // Its probe has failed. The other one can deliver.
            false if by_other_just_now => InSync,
            false => Publish,
        },
    }
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;
