//! Flapping: trouble that comes and goes too often for each time to be told.
//!
//! Owns what counts as coming, and when a key flaps. Pure. May import: `domain` only.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::incident::{Incident, IncidentState, LifePolicy};
use super::time::Timestamp;

/// When a key flaps, and when it is calm again; from the rule's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlappingPolicy {
    /// Trouble that begins more often than this …
    pub times: u32,
    /// … within this time is held open …
    pub within: Duration,
    /// … until nothing has breached for so long.
    pub calm: Duration,
}

/// When a key's trouble began, lately: each time a ticket was opened for it or a recovered
/// incident breached again. What never had a ticket does not count. It outlives the incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Onsets(Vec<Timestamp>);

impl Onsets {
    /// Notes that trouble begins at `now`; answers whether the key flaps. No more is kept than
    /// it takes to answer.
    pub fn note(&mut self, policy: &FlappingPolicy, now: Timestamp) -> bool {
        let most = usize::try_from(policy.times).unwrap_or(usize::MAX);
        for at in &mut self.0 {
            // From the future, as the clock was set back: it ages from now on.
            *at = (*at).min(now);
        }
        self.0.retain(|at| now.since(*at) <= policy.within);
        self.0.push(now);
        let flaps = self.0.len() > most;
        if flaps {
            self.0.drain(..self.0.len() - most - 1);
        }
        flaps
    }

    /// The last one was no coming and going: a person ended it.
    pub fn withdraw_last(&mut self) {
        self.0.pop();
    }

    /// Forgets all: the next trouble is judged afresh.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that is kept.
    pub fn first(&self) -> Option<Timestamp> {
        self.0.first().copied()
    }
}

/// That an incident flaps, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// When it was seen to flap.
    pub since: Timestamp,
    /// When the trouble began that was counted first.
    pub first_at: Timestamp,
    /// How often trouble has begun since then.
    pub times: u32,
    /// When it was calm again; `None` while it flaps.
    pub calm_at: Option<Timestamp>,
}

impl Flapping {
    /// A key that flaps since `now`, by its `onsets`.
    pub fn begin(onsets: &Onsets, now: Timestamp) -> Self {
        Self {
            since: now,
            first_at: onsets.first().unwrap_or(now),
            times: u32::try_from(onsets.len()).unwrap_or(u32::MAX),
            calm_at: None,
        }
    }
}

/// What flapping does to an incident.
impl Incident {
    /// While it flaps, a breach after a clear is one more coming.
    pub(super) fn count_return(&mut self) {
        if self.is_flapping()
            && self.clear_since.is_some()
            && let Some(flapping) = &mut self.flapping
        {
            flapping.times = flapping.times.saturating_add(1);
        }
    }

    /// How long a recovery must last, and how long no breach may be heard, before it counts.
    pub(super) fn patience(&self, policy: &LifePolicy) -> (Duration, Duration) {
        match policy.flapping.filter(|_| self.is_flapping()) {
            Some(flapping) => (
                policy.clear_for.max(flapping.calm),
                policy.quiet_after.max(flapping.calm),
            ),
            None => (policy.clear_for, policy.quiet_after),
        }
    }

    /// Whether it comes and goes, and is held open until it is calm.
    pub fn is_flapping(&self) -> bool {
        let flaps = |flapping: Flapping| flapping.calm_at.is_none();
        self.state == IncidentState::Open && self.flapping.is_some_and(flaps)
    }

    /// The key's trouble begins; answers whether it flaps.
    pub(super) fn note_onset(&mut self, policy: &LifePolicy, now: Timestamp) -> bool {
        let Some(flapping) = &policy.flapping else {
            self.onsets.clear();
            return false;
        };
        let flaps = self.onsets.note(flapping, now);
        if flaps {
            self.flapping = Some(Flapping::begin(&self.onsets, now));
        }
        flaps
    }

    /// It flapped, and does not any more: what comes next is judged afresh.
    pub(super) fn be_calm(&mut self, now: Timestamp) {
        if let Some(flapping) = &mut self.flapping {
            flapping.calm_at = Some(now);
        }
        self.onsets.clear();
    }

    /// Closes the incident because people are done with it. Had it not recovered, it did not
    /// go by itself: that does not count as coming and going.
    pub fn close_by_people(&mut self, now: Timestamp) {
        if self.state == IncidentState::Open {
            self.onsets.withdraw_last();
        }
        self.close(now);
    }
}

#[cfg(test)]
#[path = "flapping_tests.rs"]
mod tests;
