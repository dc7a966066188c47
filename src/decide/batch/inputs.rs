//! The inputs of a batch besides the keys themselves. They do not change within the batch.

use std::collections::HashMap;

use super::unreachable::UnreachableTargets;
use crate::decide::log_once::LogOnce;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::silence::Silence;
use crate::domain::time::Timestamp;
use crate::enrichment::Enrichment;
use crate::settings::{Settings, TargetSettings};
use crate::store::FloodDecision;

pub(in crate::decide) struct Inputs<'a> {
    pub(in crate::decide) settings: &'a Settings,
    /// Only its answers in memory are read.
    pub(in crate::decide) enrichment: &'a Enrichment,
    pub(in crate::decide) unreachable: UnreachableTargets,
    /// In force now or later.
    pub(in crate::decide) silences: Vec<Silence>,
    /// Decisions of people about incidents that a flood holds.
    pub(in crate::decide) flood_decisions: HashMap<IncidentId, FloodDecision>,
    pub(in crate::decide) log_once: &'a LogOnce,
    pub(in crate::decide) now: Timestamp,
}

impl<'a> Inputs<'a> {
    pub(super) fn target(&self, name: &TargetName) -> Result<&'a TargetSettings, String> {
        self.settings
            .targets
            .get(name)
            .ok_or_else(|| format!("target {name} is no longer configured"))
    }
}
