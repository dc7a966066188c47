//! The limits on new incidents of sources, within a batch: the permissions of a key, and the
//! numbers of held and only counted breaches.

use std::collections::{BTreeMap, BTreeSet};

use super::key_state::{KeyState, TicketContext};
use crate::domain::decision::{Decision, SignalOutcome, Suppression};
use crate::domain::flood::{Allowance, FloodPolicy, SourceRate};
use crate::domain::identity::IncidentKey;
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::time::Timestamp;

/// The limits that concern a batch, by source.
#[derive(Debug, Default)]
pub(in crate::decide) struct SourceLimits(BTreeMap<String, SourceLimit>);

/// The limit on one source, and the changes of its keys in the batch.
#[derive(Debug)]
pub(super) struct SourceLimit {
    pub(super) policy: FloodPolicy,
    pub(super) rate: SourceRate,
    /// The rate differs from the stored one.
    pub(super) changed: bool,
    /// Whether any incident of the source is held; `None` if none was looked for.
    pub(super) any_held: Option<bool>,
    /// Keys that are held since this batch.
    pub(super) newly_held: BTreeSet<IncidentKey>,
    pub(super) counted: u64,
    /// A key that was held before breached again.
    pub(super) held_breached: bool,
    /// The context of the first key beyond the limit: the flood's ticket is written from it.
    pub(super) first: Option<TicketContext>,
}

/// A key before a decision on it. Compared with the key after the decision it tells what counts
/// against the limit on its source: a ticket that was opened, an incident that is now without one.
#[derive(Debug)]
pub(super) struct BeforeDecision {
    source: String,
    /// When the breach was received, or the ticket was due.
    at: Timestamp,
    /// The time of the decision.
    now: Timestamp,
    was_pending: bool,
    was_held: bool,
    was_released: bool,
}

impl BeforeDecision {
    /// `source` began the incident of the key, or begins it now.
    pub(super) fn of(state: &KeyState, source: String, at: Timestamp, now: Timestamp) -> Self {
        let incident = state.incident();
        Self {
            source,
            at,
            now,
            was_pending: state.is_pending(),
            was_held: incident.is_some_and(Incident::is_held_by_flood),
            was_released: incident.is_some_and(|one| one.released),
        }
    }
}

impl SourceLimits {
    /// `is_stale`: the rate was counted again. `any_held`: whether any incident of the source is
    /// held, if that was looked for.
    pub(in crate::decide) fn add(
        &mut self,
        source: String,
        policy: FloodPolicy,
        (rate, is_stale): (SourceRate, bool),
        any_held: Option<bool>,
    ) {
        let limit = SourceLimit {
            policy,
            rate,
            changed: is_stale,
            any_held,
            newly_held: BTreeSet::new(),
            counted: 0,
            held_breached: false,
            first: None,
        };
        self.0.insert(source, limit);
    }

    /// The permissions of the key. Without a limit on its source, everything is allowed.
    pub(super) fn allowance(&self, before: &BeforeDecision) -> Allowance {
        let limit = self.0.get(&before.source);
        limit.map_or_else(Allowance::default, |limit| {
            limit.rate.allowance(&limit.policy, before.at, before.now)
        })
    }

    /// Counts the effect of `decision` on the key. `candidate` is the context of a breach that began no
    /// incident.
    pub(super) fn record(
        &mut self,
        before: BeforeDecision,
        state: &KeyState,
        decision: &Decision,
        candidate: Option<TicketContext>,
    ) {
        let Some(limit) = self.0.get_mut(&before.source) else {
            return;
        };
        let rate = &mut limit.rate;
        limit.changed |= rate.record_pending(before.was_pending, state.is_pending());
        if decision.actions.contains(&TicketAction::Create) {
            // An incident that a person released was counted when it was held.
            if !before.was_released {
                rate.record_opened(before.at, before.now);
                limit.changed = true;
            }
            return;
        }
        let is_flooded = decision.outcome == SignalOutcome::Suppressed(Suppression::Flood);
        let Some(active) = &state.active else {
            // So many incidents wait for a ticket already that this one did not even begin.
            if is_flooded {
                limit.counted += 1;
                limit.first = limit.first.take().or(candidate);
            }
            return;
        };
        if !active.incident.is_held_by_flood() {
            return;
        }
        // A breach of a key that was held before does not enlarge the flood, but continues it.
        if before.was_held {
            limit.held_breached |= is_flooded;
        } else {
            limit.newly_held.insert(active.incident.incident_key());
        }
        limit.first.get_or_insert_with(|| active.context.clone());
    }

    /// The limits, by source. None is left.
    pub(super) fn take(&mut self) -> BTreeMap<String, SourceLimit> {
        std::mem::take(&mut self.0)
    }
}

impl SourceLimit {
    /// Whether the batch says nothing about a flood of the source.
    pub(super) fn is_untouched(&self) -> bool {
        let grows = self.counted > 0 || !self.newly_held.is_empty();
        !grows && !self.held_breached && self.any_held.is_none()
    }
}
