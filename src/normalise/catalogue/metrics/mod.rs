//! The metrics of events, and how they are written down here.

mod queues;
mod telephony;

pub(super) use queues::{
    CAMPAIGN, CONVERSATION, FLOW, FLOW_OUTCOME, GUIDE_QUEUE, QUEUE, QUEUE_ACTIVITY,
};
pub(in crate::normalise) use telephony::EDGE_LISTS;
pub(super) use telephony::{EDGE, PHONE, TRUNK};

use super::entry::MetricKind::{Interval, Now};
use super::entry::{MetricKind, Statistic, TopicMetric, Unit};

const fn statistic(name: &'static str, unit: Unit) -> Statistic {
    Statistic { name, unit }
}

const COUNT: &[Statistic] = &[statistic("count", Unit::Count)];
/// Of durations that Genesys adds up.
const DURATION: &[Statistic] = &[
    statistic("count", Unit::Count),
    statistic("sum", Unit::SecondsFromMilliseconds),
    statistic("min", Unit::SecondsFromMilliseconds),
    statistic("max", Unit::SecondsFromMilliseconds),
    statistic("avg", Unit::SecondsFromMilliseconds),
];

const fn metric(
    name: &'static str,
    kind: MetricKind,
    statistics: &'static [Statistic],
    meaning: &'static str,
) -> TopicMetric {
    TopicMetric {
        name,
        meaning,
        kind,
        statistics,
        qualifiers: None,
        row: None,
    }
}

/// A count of this moment.
const fn now(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Now, COUNT, meaning)
}

/// A count of the current interval.
const fn counted(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Interval, COUNT, meaning)
}

/// Durations of the current interval.
const fn lasted(name: &'static str, meaning: &'static str) -> TopicMetric {
    metric(name, Interval, DURATION, meaning)
}
