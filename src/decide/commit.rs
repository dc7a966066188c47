//! Stores a batch. Its effects outside the store follow after the commit.

use super::batch::{Effects, Moved};
use super::error::DecideError;
use super::policy::{due_at, excess};
use super::resources::Resources;
use crate::settings::Settings;
use crate::store::{DecisionBatch, DecisionTransaction};
use crate::telemetry::Metrics;

/// Stores `rows` and commits, then carries out `effects`.
pub(super) async fn commit(
    resources: &Resources,
    deciding: DecisionTransaction,
    (rows, effects): (DecisionBatch, Effects),
) -> Result<(), DecideError> {
    // Asked before the commit: the sooner the answer comes, the more creates can show it.
    for queue in &effects.wanted_standings {
        resources.enrichment.want(queue);
    }
    store(resources, deciding, rows).await?;
    count(&resources.metrics, &resources.settings, &effects);
    resources.awaiting.add(effects.awaiting_standing);
    report_moved(&resources.metrics, &effects.moved);
    Ok(())
}

/// Stores `rows` and commits.
pub(super) async fn store(
    resources: &Resources,
    deciding: DecisionTransaction,
    mut rows: DecisionBatch,
) -> Result<(), DecideError> {
    let settings = &resources.settings;
    for record in &mut rows.incidents {
        record.incident.excess = excess(settings, &record.incident);
    }
    deciding
        .commit(&rows, |incident| {
            due_at(settings, incident, rows.decided_at)
        })
        .await?;
    if !rows.deliveries.is_empty() {
        resources.enqueued.send_modify(|count| *count += 1);
    }
    Ok(())
}

fn count(metrics: &Metrics, settings: &Settings, effects: &Effects) {
    for ((rule, verdict), count) in &effects.signals {
        if let Some(rule) = settings.rules.get(*rule) {
            metrics.signals(&rule.name, verdict, *count);
        }
    }
    for ((rule, reason), count) in &effects.suppressed {
        metrics.suppressed(rule, reason, *count);
    }
    for (source, count) in &effects.reviews {
        metrics.events(source, "review", *count);
    }
}

/// Counts and logs tickets that are opened in another target than their first.
pub(super) fn report_moved(metrics: &Metrics, moved: &[Moved]) {
    for one in moved {
        metrics.failover(&one.from, &one.to);
        tracing::warn!(
            incident_id = one.incident_id.as_str(),
            rule = &*one.key.rule,
            key = &*one.key.key,
            failed_over_from = one.from.as_str(),
            target = one.to.as_str(),
            reason = one.note,
            "the ticket is opened in another target"
        );
    }
}
