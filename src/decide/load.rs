//! Loads the state that a batch is decided on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::batch::{Batch, Effects, Inputs, Loaded, SourceLimits, UnreachableTargets};
use super::error::DecideError;
use super::outage_key::group_of;
use super::policy::flood_policy;
use super::resources::Resources;
use crate::domain::flood;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::IncidentState;
use crate::domain::time::Timestamp;
use crate::settings::Settings;
use crate::store::{DecisionBatch, DecisionTransaction, IncidentRecord, KeyRecord};

/// How long the number of a source's incidents without a ticket is only added to before it is
/// counted again.
const COUNT_PENDING_EVERY: Duration = Duration::from_secs(1);

/// The keys, groups and sources that a batch concerns.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) keys: Vec<IncidentKey>,
    /// Keys of findings that change nothing where no incident has them.
    pub(super) quiet: Vec<IncidentKey>,
    /// Keys of outages, besides those of the keys' incidents.
    pub(super) groups: BTreeSet<IncidentKey>,
    /// Sources and keys of breaches.
    pub(super) breaches: BTreeSet<(String, IncidentKey)>,
    /// Keys of findings whose rule needs several matches.
    pub(super) counted: Vec<IncidentKey>,
    /// Sources whose limits concern incidents that are due, and whether their held incidents are
    /// looked for.
    pub(super) due_sources: BTreeMap<String, bool>,
}

/// Loads everything that is known about `scope`.
pub(super) async fn load(
    resources: &Resources,
    deciding: &mut DecisionTransaction,
    scope: Scope,
    now: Timestamp,
) -> Result<Loaded, DecideError> {
    let settings = &resources.settings;
    let mut keys: BTreeSet<IncidentKey> = scope.keys.into_iter().collect();
    let mut quiet = scope.quiet;
    quiet.retain(|key| !keys.contains(key));
    keys.extend(deciding.with_incidents(quiet).await?);
    let keys: Vec<IncidentKey> = keys.into_iter().collect();
    let mut records = deciding.load_keys(&keys).await?;
    let mut groups = scope.groups;
    groups.extend(open_incidents(&records).filter_map(|record| group_of(&record.incident)));
    let groups: Vec<IncidentKey> = groups.into_iter().collect();
    let mut sources = limited_sources(&records, &keys, scope.breaches);
    sources.extend(scope.due_sources);
    let mut missing = groups.clone();
    missing.extend(flood_keys(sources.keys()));
    missing.retain(|key| !records.contains_key(key));
    records.extend(deciding.load_keys(&missing).await?);
    let is_active = |key: &IncidentKey| records.get(key).is_some_and(|one| one.active.is_some());
    let over: Vec<IncidentKey> = groups
        .iter()
        .filter(|key| !is_active(key))
        .cloned()
        .collect();
    Ok(Loaded {
        left: deciding.load_left(&over).await?,
        others_live: outages_with_others(deciding, &records, &groups).await?,
        records,
        groups,
        match_counts: deciding.load_match_counts(&scope.counted).await?,
        limits: load_limits(settings, deciding, sources, now).await?,
    })
}

/// Ends the batch: only now it is known which outages need all incidents of their group.
pub(super) async fn finish(
    deciding: &mut DecisionTransaction,
    mut batch: Batch<'_>,
    decided_to: Option<i64>,
) -> Result<(DecisionBatch, Effects), DecideError> {
    let outage_keys = batch.reconcile_outages();
    let all = deciding.load_members(&outage_keys).await?;
    Ok(batch.finish((&outage_keys, all), decided_to))
}

/// The outages among `groups` with a member that has not recovered and is not among `records`.
async fn outages_with_others(
    deciding: &mut DecisionTransaction,
    records: &HashMap<IncidentKey, KeyRecord>,
    groups: &[IncidentKey],
) -> Result<HashSet<IncidentId>, DecideError> {
    let mut loaded: HashMap<&IncidentId, HashSet<&IncidentId>> = HashMap::new();
    for IncidentRecord { incident, .. } in open_incidents(records) {
        if let Some(outage_id) = &incident.outage_id {
            loaded.entry(outage_id).or_default().insert(&incident.id);
        }
    }
    let mut with_others = HashSet::new();
    let active = groups
        .iter()
        .filter_map(|key| records.get(key)?.active.as_ref());
    for outage in active.map(|record| &record.incident.id) {
        let known = loaded.get(outage).cloned().unwrap_or_default();
        // One more than are known: if all are known, there is no other.
        let live = deciding.live_members(outage, known.len() + 1).await?;
        if live.iter().any(|id| !known.contains(id)) {
            with_others.insert(outage.clone());
        }
    }
    Ok(with_others)
}

/// The inputs of a batch besides its keys. `due` are incidents that people may have released or
/// discarded while a flood held them.
pub(super) async fn load_inputs<'a>(
    resources: &'a Resources,
    deciding: &mut DecisionTransaction,
    due: &[IncidentRecord],
    now: Timestamp,
) -> Result<Inputs<'a>, DecideError> {
    let unreachable = match resources.settings.fails_over() {
        true => UnreachableTargets::of(deciding.targets_health().await?),
        false => UnreachableTargets::default(),
    };
    Ok(Inputs {
        settings: &resources.settings,
        enrichment: &resources.enrichment,
        unreachable,
        silences: deciding.silences(now).await?,
        flood_decisions: deciding.flood_decisions(due).await?,
        log_once: &resources.log_once,
        now,
    })
}

fn open_incidents(
    records: &HashMap<IncidentKey, KeyRecord>,
) -> impl Iterator<Item = &IncidentRecord> {
    records.values().filter_map(|record| record.active.as_ref())
}

/// The sources whose limits concern `keys`: those that began their incidents, where these have no
/// ticket yet, and those of `breaches` that may begin an incident or open one's ticket.
fn limited_sources(
    records: &HashMap<IncidentKey, KeyRecord>,
    keys: &[IncidentKey],
    breaches: BTreeSet<(String, IncidentKey)>,
) -> BTreeMap<String, bool> {
    let active = |key: &IncidentKey| records.get(key)?.active.as_ref();
    let is_pending = |record: &&IncidentRecord| record.incident.state == IncidentState::Pending;
    let pending = keys.iter().filter_map(active).filter(is_pending);
    let began = pending.map(|record| record.source.clone());
    let may_open = |key: &IncidentKey| active(key).is_none_or(|record| is_pending(&record));
    let breaching = breaches.into_iter().filter(|(_, key)| may_open(key));
    let sources = began.chain(breaching.map(|(source, _)| source));
    sources.map(|source| (source, false)).collect()
}

/// The sources whose limits concern incidents that are `due`. The held incidents of a source are
/// looked for when its flood is due.
pub(super) fn due_sources(due: &[IncidentRecord]) -> BTreeMap<String, bool> {
    let mut sources = BTreeMap::new();
    for record in due {
        match flood::source_of(&record.incident.rule) {
            Some(source) => {
                sources.insert(source.to_owned(), true);
            }
            None if record.incident.state == IncidentState::Pending => {
                sources.entry(record.source.clone()).or_insert(false);
            }
            None => {}
        }
    }
    sources
}

/// The keys of the floods of `sources`, each once.
pub(super) fn flood_keys<'s>(sources: impl Iterator<Item = &'s String>) -> BTreeSet<IncidentKey> {
    sources.map(|source| flood::key_of(source)).collect()
}

async fn load_limits(
    settings: &Settings,
    deciding: &mut DecisionTransaction,
    sources: BTreeMap<String, bool>,
    now: Timestamp,
) -> Result<SourceLimits, DecideError> {
    let mut limits = SourceLimits::default();
    for (source, is_flood_due) in sources {
        // Without its source, a flood can still end; but nothing begins any more.
        if !is_flood_due && !settings.sources.contains_key(&source) {
            continue;
        }
        let policy = flood_policy(settings, &source);
        let mut rate = deciding.source_rate(&source).await?.unwrap_or_default();
        // The clock may have been set back since.
        let age = now.since(rate.counted_at) + rate.counted_at.since(now);
        let is_stale = age >= COUNT_PENDING_EVERY;
        if is_stale {
            rate.pending = deciding
                .count_pending(&source, policy.max_pending())
                .await?;
            rate.counted_at = now;
        }
        let any_held = match is_flood_due {
            true => Some(deciding.holds_incidents(&source).await?),
            false => None,
        };
        limits.add(source, policy, (rate, is_stale), any_held);
    }
    Ok(limits)
}
