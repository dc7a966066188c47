//! What a rule sees: the signal, with what else is known of its entity.

use std::collections::BTreeSet;
use std::rc::Rc;
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
    /// What it tells is known newer, and it tells by itself how its entity stood at that time.
    Past,
    /// What it tells is too old, or known newer and only a part.
    Late,
}

/// What decides what a rule sees. Rules that agree in it see the same, so that it is made once for all
/// of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    /// The event types that it names; `None`: all.
    events: Option<BTreeSet<String>>,
    /// Metrics that its `when` and `clear` read.
    verdict_metrics: BTreeSet<String>,
    /// Metrics that any of its expressions reads.
    metrics: BTreeSet<String>,
    /// Whether `when` or `clear` reads the status.
    pub(super) verdict_status: bool,
    /// Whether any of its expressions does.
    status: bool,
    fresh: Option<Duration>,
}

/// What the rules with one [`Look`] see of a signal.
pub(super) struct Seen {
    pub(super) trigger: Trigger,
    /// The signal as they see it: once, or once for each media type that it has an effect on.
    pub(super) views: Rc<[Arc<Signal>]>,
}

impl Look {
    pub(super) fn of(rule: &RuleSettings) -> Self {
        let names = |metrics: &mut dyn Iterator<Item = &str>| metrics.map(str::to_owned).collect();
        let is_of_all = rule.looks_at_type("*");
        Self {
            events: (!is_of_all).then(|| rule.events.iter().cloned().collect()),
            verdict_metrics: names(&mut verdict_expressions(rule).flat_map(metrics_of)),
            metrics: names(&mut expressions(rule).flat_map(metrics_of)),
            verdict_status: verdict_expressions(rule).any(|one| one.reads().status()),
            status: expressions(rule).any(|one| one.reads().status()),
            fresh: rule.fresh,
        }
    }

    pub(super) fn at(&self, in_context: &SignalInContext<'_>) -> Seen {
        let trigger = self.trigger(in_context);
        let views = self.views(in_context, trigger).into();
        Seen { trigger, views }
    }

    /// Whether the verdict can change by the signal.
    fn trigger(&self, in_context: &SignalInContext<'_>) -> Trigger {
        let signal = &in_context.signal;
        let reads_status = self.verdict_status;
        // Whether any of the readings that it carries is the newest; `None`: it carries none.
        let metrics = self.verdict_metrics.iter();
        let newest = metrics
            .filter(|metric| signal.metrics.contains_key(metric.as_str()))
            .map(|metric| !in_context.applied.supersedes(metric))
            .reduce(|one, other| one || other);
        let tells_status = reads_status && signal.text("status").is_some();
        // It was too old for the rule when it came. A status has a limit only where the rule gives
        // one.
        let is_limited = newest.is_some() || (tells_status && self.fresh.is_some());
        if is_limited && !self.is_fresh(in_context) {
            return Trigger::Late;
        }
        if newest == Some(false) || (reads_status && in_context.applied.supersedes_status()) {
            return match self.is_whole(in_context) {
                true => Trigger::Past,
                false => Trigger::Late,
            };
        }
        match newest == Some(true) || tells_status {
            true => Trigger::Now,
            false => Trigger::Alone,
        }
    }

    /// Whether the readings of the signal are young enough, beside the newest message about its
    /// entity that the rule looks at.
    fn is_fresh(&self, in_context: &SignalInContext<'_>) -> bool {
        let (Some(state), Some(stamp)) = (in_context.state.as_deref(), in_context.applied.stamp)
        else {
            return true;
        };
        self.view_of(state, "").is_fresh(stamp)
    }

    /// Whether the totals that the signal carries are those of its entity, and not of a part.
    fn is_whole(&self, in_context: &SignalInContext<'_>) -> bool {
        let (Some(state), media) = (in_context.state.as_deref(), in_context.media()) else {
            return true;
        };
        let mut metrics = self.verdict_metrics.iter();
        metrics.all(|metric| state.is_whole_in(&in_context.signal, media, metric))
    }

    fn views(&self, in_context: &SignalInContext<'_>, trigger: Trigger) -> Vec<Arc<Signal>> {
        let Some(state) = in_context
            .state
            .as_deref()
            .filter(|_| trigger == Trigger::Now)
        else {
            return vec![Arc::clone(&in_context.signal)];
        };
        let own = in_context.media();
        let mut views = vec![self.seen(in_context, state, own)];
        if own.is_empty() {
            let affected = state.media_types();
            let affected = affected.filter(|media| self.is_affected(in_context, state, media));
            views.extend(affected.map(|media| self.seen(in_context, state, media)));
        }
        views
    }

    /// Whether something of this media type is read together with what the signal tells of the
    /// whole: callers that wait in `voice`, and agents of all media types.
    fn is_affected(
        &self,
        in_context: &SignalInContext<'_>,
        state: &EntityState,
        media: &str,
    ) -> bool {
        let metrics = || self.verdict_metrics.iter();
        let is_told = |metric: &str| {
            in_context.signal.metrics.contains_key(metric) && !in_context.applied.supersedes(metric)
        };
        metrics().any(|metric| state.tells(media, metric))
            && metrics().any(|metric| is_told(metric) && !state.tells(media, metric))
    }

    fn seen(
        &self,
        in_context: &SignalInContext<'_>,
        state: &EntityState,
        media: &str,
    ) -> Arc<Signal> {
        let view = self.view_of(state, media);
        let mut seen = Arc::clone(&in_context.signal);
        if in_context.media() != media {
            let signal = Arc::make_mut(&mut seen);
            signal.fields.insert("media_type", Field::from(media));
            media.clone_into(&mut signal.part);
        }
        for metric in &self.metrics {
            add_reading(&mut seen, &view, metric);
        }
        if self.status
            && seen.text("status").is_none()
            && let Some((status, _)) = view.status()
        {
            let signal = Arc::make_mut(&mut seen);
            signal.fields.insert("status", Field::from(status));
        }
        seen
    }

    fn view_of<'s>(&self, state: &'s EntityState, media: &'s str) -> View<'s> {
        let freshness = Freshness {
            readings: self.fresh.unwrap_or(FRESH),
            status: self.fresh,
        };
        let events = self.events.as_ref();
        let is_named = |name: &str| events.is_none_or(|events| events.contains(name));
        state.view_by(media, freshness, is_named)
    }
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
