//! The targets that cannot be reached, and where their tickets go instead.

use std::collections::HashMap;

use crate::domain::failover::{Candidate, Failover, Unreachable, fail_over};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::settings::Settings;
use crate::store::TargetHealth;

/// The targets that cannot be reached, by name.
#[derive(Debug, Default)]
pub(in crate::decide) struct UnreachableTargets(HashMap<TargetName, Unreachable>);

impl UnreachableTargets {
    pub(in crate::decide) fn of(health: Vec<TargetHealth>) -> Self {
        let unreachable = health
            .into_iter()
            .filter_map(|one| Some((one.target, one.unreachable?)));
        Self(unreachable.collect())
    }

    pub(in crate::decide) fn contains(&self, target: &TargetName) -> bool {
        self.0.contains_key(target)
    }

    /// Whether a ticket that would be opened in `current` goes to another of `candidates` now.
    pub(in crate::decide) fn fail_over<'a>(
        &'a self,
        settings: &'a Settings,
        candidates: &'a [TargetName],
        current: &TargetName,
        now: Timestamp,
    ) -> Option<Failover<'a>> {
        let known = candidates.iter().filter_map(|name| {
            let target = settings.targets.get(name)?;
            Some(Candidate {
                name,
                unreachable: self.0.get(name),
                failover_after: target.failover_after,
            })
        });
        fail_over(&known.collect::<Vec<_>>(), current, now)
    }
}
