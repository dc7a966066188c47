//! What a rule sees: the signal, with what else is known of its entity.

use std::sync::Arc;
use std::time::Duration;

use super::entities::SignalInContext;
use super::rule_reads::{expressions, metrics_of, verdict_expressions};
use crate::domain::entity::{EntityState, Freshness, View};
use crate::domain::signal::{Field, Signal};
use crate::normalise::WAIT_TIME;
use crate::settings::RuleSettings;

/// How old a reading may be where the rule does not say it. Queues and Edges report every few
/// seconds to a minute.
const FRESH: Duration = Duration::from_secs(300);

/// What a signal means to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// It tells something that the rule reads.
    Now,
    /// Nothing that it tells is known better, and it tells no reading that the rule asks for.
    Alone,
    /// What it tells is known newer, or too old.
    Late,
}

/// Whether the verdict of `rule` can change by the signal.
pub(super) fn trigger(rule: &RuleSettings, in_context: &SignalInContext<'_>) -> Trigger {
    let signal = &in_context.signal;
    let reads_status = || verdict_expressions(rule).any(|one| one.reads().status());
    let metrics = verdict_expressions(rule).flat_map(metrics_of);
    // Whether any of the readings that it carries is the newest; `None`: it carries none.
    let newest = metrics
        .filter(|metric| signal.metrics.contains_key(*metric))
        .map(|metric| !in_context.applied.supersedes(metric))
        .reduce(|one, other| one || other);
    if newest == Some(false) || (in_context.applied.supersedes_status() && reads_status()) {
        return Trigger::Late;
    }
    let tells_status = signal.text("status").is_some() && reads_status();
    // It was too old for the rule when it came. A status has a limit only where the rule gives one.
    let is_limited = newest == Some(true) || (tells_status && rule.fresh.is_some());
    if is_limited && !is_fresh(rule, in_context) {
        return Trigger::Late;
    }
    match newest == Some(true) || tells_status {
        true => Trigger::Now,
        false => Trigger::Alone,
    }
}

/// Whether the readings of the signal are young enough, beside the newest message about its entity.
fn is_fresh(rule: &RuleSettings, in_context: &SignalInContext<'_>) -> bool {
    let (Some(state), Some(stamp)) = (in_context.state.as_deref(), in_context.applied.stamp) else {
        return true;
    };
    state.view("", freshness(rule)).is_fresh(stamp)
}

/// The signal as `rule` sees it: once, or once for each media type that it has an effect on.
pub(super) fn views(
    rule: &RuleSettings,
    in_context: &SignalInContext<'_>,
    trigger: Trigger,
) -> Vec<Arc<Signal>> {
    let Some(state) = in_context
        .state
        .as_deref()
        .filter(|_| trigger == Trigger::Now)
    else {
        return vec![Arc::clone(&in_context.signal)];
    };
    let own = in_context.media();
    let mut views = vec![seen(rule, in_context, state, own)];
    if own.is_empty() {
        let affected = state.media_types();
        let affected = affected.filter(|media| is_affected(rule, in_context, state, media));
        views.extend(affected.map(|media| seen(rule, in_context, state, media)));
    }
    views
}

/// Whether the rule reads something of this media type together with what the signal tells of the
/// whole: callers that wait in `voice`, and agents of all media types.
fn is_affected(
    rule: &RuleSettings,
    in_context: &SignalInContext<'_>,
    state: &EntityState,
    media: &str,
) -> bool {
    let metrics = || verdict_expressions(rule).flat_map(metrics_of);
    let is_told = |metric: &str| {
        in_context.signal.metrics.contains_key(metric) && !in_context.applied.supersedes(metric)
    };
    metrics().any(|metric| state.tells(media, metric))
        && metrics().any(|metric| is_told(metric) && !state.tells(media, metric))
}

fn seen(
    rule: &RuleSettings,
    in_context: &SignalInContext<'_>,
    state: &EntityState,
    media: &str,
) -> Arc<Signal> {
    let view = state.view(media, freshness(rule));
    let mut seen = Arc::clone(&in_context.signal);
    if in_context.media() != media {
        let signal = Arc::make_mut(&mut seen);
        signal.fields.insert("media_type", Field::from(media));
        media.clone_into(&mut signal.part);
    }
    for metric in expressions(rule).flat_map(metrics_of) {
        add_reading(&mut seen, &view, metric);
    }
    let reads_status = expressions(rule).any(|one| one.reads().status());
    if reads_status
        && seen.text("status").is_none()
        && let Some((status, _)) = view.status()
    {
        let signal = Arc::make_mut(&mut seen);
        signal.fields.insert("status", Field::from(status));
    }
    seen
}

/// Sets `metric` as the view has it: the signal may tell an older reading, or a part only.
fn add_reading(seen: &mut Arc<Signal>, view: &View<'_>, metric: &str) {
    let reading = view.reading(metric).map(|(reading, _)| reading);
    if seen.metrics.get(metric) == reading.as_deref() {
        return;
    }
    let signal = Arc::make_mut(seen);
    let average = reading.as_deref().and_then(|one| one.get("avg")).copied();
    match reading {
        Some(reading) => signal
            .metrics
            .insert(metric.to_owned(), reading.into_owned()),
        None => signal.metrics.remove(metric),
    };
    if metric == WAIT_TIME {
        match average {
            Some(average) => signal.fields.insert("wait_time_avg", average.into()),
            None => signal.fields.remove("wait_time_avg"),
        };
    }
}

fn freshness(rule: &RuleSettings) -> Freshness {
    Freshness {
        readings: rule.fresh.unwrap_or(FRESH),
        status: rule.fresh,
    }
}
