//! In which target a ticket is opened, when the first one of its list cannot be reached.
//!
//! Owns three decisions: when a ticket goes to another target and to which, whether a create
//! that is owed already may go with it, and whose word on a target counts among replicas. A
//! create that may have had an effect never changes its target, so a ticket is never opened in
//! two. Pure. May import: `domain` only.

use std::sync::Arc;
use std::time::Duration;

use super::failure::{Failure, FailureKind, Remedy};
use super::gate::GateState;
use super::time::Timestamp;

/// The targets that an incident's ticket may be opened in, and whether the first was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRoute {
    /// In order of preference. With one there is no failover.
    pub candidates: Arc<[String]>,
    /// The first of them, when the ticket is opened in another because that one was away.
    pub failed_over_from: Option<String>,
}

impl TicketRoute {
    /// The route of a ticket that may be opened in `candidates`.
    pub fn through(candidates: Arc<[String]>) -> Self {
        Self {
            candidates,
            failed_over_from: None,
        }
    }
}

/// A target that cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Held, or its circuit is open.
    pub state: GateState,
    /// Since when.
    pub since: Timestamp,
    /// The failure that showed it last.
    pub reason: String,
}

/// One target of a list, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it cannot be reached.
    pub away: Option<&'a Away>,
    /// How long it must have been away before its tickets are opened in another.
    pub failover_after: Duration,
}

/// A ticket goes to another target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover<'a> {
    /// The target that is left.
    pub from: &'a str,
    /// Why it is left.
    pub away: &'a Away,
    /// The target that takes over.
    pub to: &'a str,
}

/// Whether a ticket that does not exist yet and would be opened in `current` goes to another of
/// `candidates`: when that one has been away for long enough, to the first of the others that
/// can be reached. When none can, the ticket stays where it is.
pub fn fail_over<'a>(
    candidates: &[Candidate<'a>],
    current: &str,
    now: Timestamp,
) -> Option<Failover<'a>> {
    let left = candidates.iter().find(|one| one.name == current)?;
    let away = left.away?;
    if now.since(away.since) < left.failover_after {
        return None;
    }
    let next = candidates
        .iter()
        .find(|one| one.name != current && one.away.is_none())?;
    Some(Failover {
        from: left.name,
        away,
        to: next.name,
    })
}

impl Failover<'_> {
    /// What people are told, on the ticket too.
    pub fn note(&self) -> String {
        let Self { from, away, to } = self;
        format!(
            "Opened in {to}, because {from} cannot be reached since {} ({}).",
            away.since,
            away.reason.trim_end_matches('.')
        )
    }

    /// Why what was owed to the target that is left is not sent there.
    pub fn reason(&self) -> Failure {
        let kind = match self.away.state {
            GateState::Held => FailureKind::AuthFailure,
            _ => FailureKind::NetworkFailure,
        };
        Failure::new(
            kind,
            Remedy::GiveUp,
            format!("never sent to {}. {}", self.from, self.note()),
        )
    }
}

/// Where a create that is owed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateState {
    /// It waits for its turn, or for its next attempt.
    Waiting,
    /// A worker has it; what it does there is not known.
    Sending,
    /// Given up, for a failure of this kind.
    Dead(FailureKind),
    /// Done or discarded.
    Settled,
}

/// Whether a create may be taken from its target: it is certain that it had no effect there,
/// and it is nothing that a person has to mend first.
pub fn may_be_moved(state: CreateState, in_doubt: bool) -> bool {
    let idle = matches!(
        state,
        CreateState::Waiting | CreateState::Dead(FailureKind::NetworkFailure)
    );
    idle && !in_doubt
}

/// What a process does about what it knows of a target and what is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing: they agree.
    Agree,
    /// It keeps what it knows.
    Say,
    /// Others say that the target is away: it looks for itself before it sends anything.
    Doubt,
    /// Others have reached the target: it tries again at once.
    TryAgain,
}

/// What to do when a process finds the target away or not and what is kept says the same or
/// not. `is_news`: somebody else has kept it since the process looked last, so that what it
/// knows itself may be older.
pub const fn word_on(away: bool, kept_away: bool, is_news: bool) -> Word {
    match (away, kept_away, is_news) {
        (true, true, _) | (false, false, _) => Word::Agree,
        (_, _, false) => Word::Say,
        (false, true, true) => Word::Doubt,
        (true, false, true) => Word::TryAgain,
    }
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;
