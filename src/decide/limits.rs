//! The limits on sources, as the decider loads them for a batch: which sources it concerns, how
//! fast they are, and whether they hold anything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::batch::Batch;
use super::evaluate::Evaluated;
use super::flood::{Floods, key_of};
use super::policy::flood_policy;
use super::worker::{DecideError, Decider};
use crate::domain::flood;
use crate::domain::incident::IncidentState;
use crate::store::{Deciding, JournalEvent, KeptIncident, active_key};

/// How long the number of a source's incidents without a ticket is only added to before it is
/// counted anew.
const COUNT_PENDING_EVERY: Duration = Duration::from_secs(1);

impl Decider {
    /// Loads what the limits let `keys`, of which those of `breaches` breach, do.
    pub(super) async fn load_limits(
        &self,
        deciding: &mut Deciding,
        batch: &mut Batch<'_>,
        keys: &[String],
        breaches: BTreeSet<(String, String)>,
    ) -> Result<(), DecideError> {
        let sources = batch.limited_sources(keys, breaches);
        // The floods of the sources of `breaches` are loaded already.
        let floods = flood_keys(sources.keys()).into_iter();
        let missing: Vec<String> = floods.filter(|key| !keys.contains(key)).collect();
        batch.take_known(deciding.known(&missing).await?);
        batch.floods = self.load_floods(deciding, sources).await?;
        Ok(())
    }

    /// Loads what the limits on `sources` let them do. Whether a source holds anything is looked
    /// for where its flag says so.
    pub(super) async fn load_floods(
        &self,
        deciding: &mut Deciding,
        sources: BTreeMap<String, bool>,
    ) -> Result<Floods, DecideError> {
        let (mut floods, now) = (Floods::default(), self.clock().now());
        for (source, look) in sources {
            if !look && !self.settings().sources.contains_key(&source) {
                continue;
            }
            let policy = flood_policy(self.settings(), &source);
            let mut rate = deciding.source_rate(&source).await?.unwrap_or_default();
            let age = now.since(rate.counted_at) + rate.counted_at.since(now);
            let is_stale = age >= COUNT_PENDING_EVERY;
            if is_stale {
                rate.pending = deciding.pending_of(&source, policy.max_pending()).await?;
                rate.counted_at = now;
            }
            let any_held = match look {
                true => Some(deciding.holds_any(&source).await?),
                false => None,
            };
            floods.add(source, policy, (rate, is_stale), any_held);
        }
        Ok(floods)
    }

    /// The sources and active keys of breaches.
    pub(super) fn breaches_in(
        &self,
        evaluated: &[(JournalEvent, Evaluated)],
    ) -> BTreeSet<(String, String)> {
        let mut breaches = BTreeSet::new();
        for (event, evaluated) in evaluated {
            let Evaluated::Findings { findings, .. } = evaluated else {
                continue;
            };
            for finding in findings.iter().filter(|one| one.breach.is_some()) {
                if let Some(rule) = self.settings().rules.get(finding.rule) {
                    let key = active_key(&rule.name, &finding.key);
                    breaches.insert((event.source.to_string(), key));
                }
            }
        }
        breaches
    }
}

/// The sources whose limits concern incidents that are `due`. Those of floods are flagged.
pub(super) fn limited_in(due: &[KeptIncident]) -> BTreeMap<String, bool> {
    let mut sources = BTreeMap::new();
    for kept in due {
        match flood::source_of(&kept.incident.rule) {
            Some(source) => {
                sources.insert(source.to_owned(), true);
            }
            None if kept.incident.state == IncidentState::Pending => {
                sources.entry(kept.source.clone()).or_insert(false);
            }
            None => {}
        }
    }
    sources
}

/// The active keys of the floods of `sources`, each once.
pub(super) fn flood_keys<'s>(sources: impl Iterator<Item = &'s String>) -> BTreeSet<String> {
    sources.map(|source| key_of(source)).collect()
}
