//! The kinds of events that a rule can see, and what these can contain.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::sample::Samples;
use crate::domain::signal::COMMON_NAMES;
use crate::normalise::catalogue::{self, Subject, Topic, TopicMetric, Unit};
use crate::normalise::{CustomMap, Unit as MapUnit};
use crate::rules::{Comparisons, Operand};

/// The events that one rule can see.
pub(super) struct Kinds<'s> {
    pub(super) all: Vec<Kind<'s>>,
    /// Event types that no source of the rule is known to send.
    pub(super) unknown: Vec<String>,
    /// Event types that come only with a setting that is not set.
    pub(super) unset: Vec<String>,
    /// Topics that are read, and have no effect.
    pub(super) idle: Vec<&'static Topic>,
}

/// One type of events from one source.
pub(super) struct Kind<'s> {
    pub(super) event_type: String,
    pub(super) source: &'s str,
    pub(super) sort: Sort<'s>,
    pub(super) samples: Rc<Samples>,
    /// Whether such events come. A map of one's own might find the types of Genesys Cloud, too.
    pub(super) is_certain: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Sort<'s> {
    Topic(&'static Topic),
    Custom(&'s CustomMap),
}

/// Whether events can contain what an expression reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carried {
    No,
    /// The metric, without this statistic.
    WithoutStatistic,
    /// Nothing is known of it; the sender may give it.
    Perhaps,
    Yes,
}

impl Kinds<'_> {
    /// Whether anything is known of the events.
    pub(super) fn are_understood(&self) -> bool {
        !self.alternatives().is_empty()
    }

    /// The events that come. Of several maps of custom sources it is not known which gives an event:
    /// they are alternatives, and wrong is only what is wrong for all of them.
    pub(super) fn alternatives(&self) -> Vec<Vec<&Kind<'_>>> {
        let mut each: Vec<Vec<&Kind<'_>>> = self.certain().map(|kind| vec![kind]).collect();
        let mut perhaps: BTreeMap<&str, Vec<&Kind<'_>>> = BTreeMap::new();
        for kind in self.all.iter().filter(|kind| !kind.is_certain) {
            let event_type = kind.event_type.as_str();
            if !self.certain().any(|one| one.event_type == event_type) {
                perhaps.entry(event_type).or_default().push(kind);
            }
        }
        each.extend(perhaps.into_values());
        each
    }

    pub(super) fn certain(&self) -> impl Iterator<Item = &Kind<'_>> {
        self.all.iter().filter(|kind| kind.is_certain)
    }

    /// Whether the state of what the events are about can contain `operand`.
    pub(super) fn carry(&self, operand: &Operand) -> Carried {
        let kinds = self.all.iter();
        kinds
            .map(|kind| kind.carries(operand))
            .max()
            .unwrap_or(Carried::No)
    }

    /// Whether any of the events itself can contain `operand`, so that it is evaluated anew.
    pub(super) fn tell(&self, operand: &Operand) -> bool {
        self.all.iter().any(|kind| match (kind.sort, operand) {
            (Sort::Topic(topic), Operand::Reading(metric, statistic)) => {
                reading(topic, metric, statistic) >= Carried::Perhaps
            }
            (Sort::Topic(topic), Operand::Name(name)) => {
                name == "status" && !topic.statuses.is_empty()
            }
            (Sort::Topic(_), Operand::Label(_)) => false,
            (Sort::Custom(_), operand) => kind.carries(operand) == Carried::Yes,
        })
    }

    /// Whether the metric comes once for each of some qualifiers that are known.
    pub(super) fn has_qualifiers(&self, metric: &str) -> bool {
        let known = self.topics().flat_map(related);
        let mut known = known.filter_map(|topic| topic.metric(metric));
        known.any(|known| known.qualifiers.is_some_and(|words| !words.is_empty()))
    }

    /// Whether a map of a custom source gives the metric in milliseconds.
    pub(super) fn is_mapped_from_milliseconds(&self, metric: &str) -> bool {
        self.all.iter().any(|kind| match kind.sort {
            Sort::Custom(map) => {
                let metric = map.metrics.get(metric);
                metric.is_some_and(|one| one.unit == MapUnit::Milliseconds)
            }
            Sort::Topic(_) => false,
        })
    }

    /// Every name of a metric that the events can contain.
    pub(super) fn metrics(&self) -> BTreeSet<&str> {
        self.all.iter().flat_map(Kind::metrics).collect()
    }

    /// The topics of the events.
    pub(super) fn topics(&self) -> impl Iterator<Item = &'static Topic> {
        self.all.iter().filter_map(|kind| match kind.sort {
            Sort::Topic(topic) => Some(topic),
            Sort::Custom(_) => None,
        })
    }

    /// The unit of a metric's statistic, where all events that have it have it in the same.
    pub(super) fn unit(&self, metric: &str, statistic: &str) -> Option<Unit> {
        let reading = Operand::Reading(metric.to_owned(), statistic.to_owned());
        let has_it = self
            .all
            .iter()
            .filter(|kind| kind.carries(&reading) == Carried::Yes);
        let mut units = has_it.map(|kind| kind.unit(metric, statistic));
        let first = units.next()??;
        units.all(|unit| unit == Some(first)).then_some(first)
    }

    /// Whether the value of a metric's statistic is a duration, in seconds.
    pub(super) fn is_duration(&self, metric: &str, statistic: &str) -> bool {
        self.all.iter().any(|kind| match kind.sort {
            Sort::Topic(topic) => {
                let known = topic.metric(metric);
                let unit = known.and_then(|known| unit_of(known, metric, statistic));
                unit.is_some_and(Unit::is_duration)
            }
            Sort::Custom(map) => map.is_duration(metric, statistic),
        })
    }
}

impl Kind<'_> {
    /// Whether its events contain everything that `comparisons` read.
    pub(super) fn carries_all(&self, comparisons: &Comparisons) -> bool {
        let operands = comparisons.operands.iter();
        operands
            .map(|operand| self.carries(operand))
            .all(|carried| carried == Carried::Yes)
    }

    /// Whether such an event itself can contain `operand`.
    pub(super) fn contains(&self, operand: &Operand) -> bool {
        match (self.sort, operand) {
            (Sort::Topic(topic), Operand::Reading(metric, statistic)) => {
                reading(topic, metric, statistic) >= Carried::Perhaps
            }
            _ => self.carries(operand) == Carried::Yes,
        }
    }

    /// Whether the state of what these events are about can contain `operand`.
    pub(super) fn carries(&self, operand: &Operand) -> Carried {
        match operand {
            Operand::Name(name) => {
                let is_common = COMMON_NAMES.contains(&name.as_str());
                let is_field = self.samples.whole.fields.contains_key(name.as_str());
                yes(is_common || is_field)
            }
            Operand::Label(label) => yes(self.samples.whole.labels.contains_key(label)),
            Operand::Reading(metric, statistic) => match self.sort {
                Sort::Custom(map) => match map.metrics.get(metric) {
                    None => Carried::No,
                    Some(known) => {
                        let has = |name: &str| known.statistics.contains_key(name);
                        let is_derived = statistic == "avg" && has("sum") && has("count");
                        match has(statistic) || is_derived {
                            true => Carried::Yes,
                            false => Carried::WithoutStatistic,
                        }
                    }
                },
                Sort::Topic(topic) => {
                    // Metrics of one's own come only in the events that may have them.
                    let of_state = related(topic).filter(|other| {
                        other.event_type == topic.event_type || other.metric(metric).is_some()
                    });
                    let carried = of_state.map(|one| reading(one, metric, statistic));
                    carried.max().unwrap_or(Carried::No)
                }
            },
        }
    }

    /// The unit of a metric's statistic.
    pub(super) fn unit(&self, metric: &str, statistic: &str) -> Option<Unit> {
        let Sort::Topic(topic) = self.sort else {
            return None;
        };
        let mut known = related(topic).filter_map(|topic| topic.metric(metric));
        let unit = known.find_map(|known| unit_of(known, metric, statistic))?;
        Some(match unit {
            Unit::SecondsFromMilliseconds => Unit::Seconds,
            other => other,
        })
    }

    /// The statistics of `metric`.
    pub(super) fn statistics(&self, metric: &str) -> Vec<&str> {
        match self.sort {
            Sort::Custom(map) => {
                let known = map.metrics.get(metric).into_iter();
                known
                    .flat_map(|known| known.statistics.keys().map(String::as_str))
                    .collect()
            }
            Sort::Topic(topic) => {
                let known = related(topic).filter_map(|topic| topic.metric(metric));
                known
                    .flat_map(|known| match is_row(known, metric) {
                        true => vec![OF_ROW],
                        false => {
                            let names = known.statistics.iter().map(|one| one.name);
                            let qualifiers = known.qualifiers.unwrap_or_default().iter().copied();
                            names.chain(qualifiers).collect()
                        }
                    })
                    .collect()
            }
        }
    }

    fn metrics(&self) -> Vec<&str> {
        match self.sort {
            Sort::Custom(map) => map.metrics.keys().map(String::as_str).collect(),
            Sort::Topic(topic) => related(topic)
                .flat_map(|topic| topic.metrics.iter().map(|metric| metric.name))
                .collect(),
        }
    }
}

const fn yes(holds: bool) -> Carried {
    match holds {
        true => Carried::Yes,
        false => Carried::No,
    }
}

/// The topics about the same thing, whose readings are in its state: `topic` and others.
fn related(topic: &'static Topic) -> impl Iterator<Item = &'static Topic> {
    let has_state = !matches!(
        topic.subject,
        Subject::Conversation | Subject::Alert | Subject::Entity | Subject::Nothing
    );
    let others = catalogue::topics()
        .filter(move |other| has_state && other.subject == topic.subject)
        .filter(move |other| other.event_type != topic.event_type);
    std::iter::once(topic).chain(others)
}

/// The only statistic of one row.
const OF_ROW: &str = "value";

/// Whether `metric` is the name of one row of `known`.
fn is_row(known: &TopicMetric, metric: &str) -> bool {
    known.row.is_some() && known.name != metric
}

/// The unit of a statistic: one row has a value, and what is taken over all rows has the others.
fn unit_of(known: &TopicMetric, metric: &str, statistic: &str) -> Option<Unit> {
    let is_there = known.row.is_none() || is_row(known, metric) == (statistic == OF_ROW);
    is_there.then(|| known.unit(statistic)).flatten()
}

fn reading(topic: &Topic, metric: &str, statistic: &str) -> Carried {
    let Some(known) = topic.metric(metric) else {
        return match topic.has_other_metrics {
            true => Carried::Perhaps,
            false => Carried::No,
        };
    };
    match (unit_of(known, metric, statistic), known.qualifiers) {
        (Some(_), _) => Carried::Yes,
        (None, Some(_)) => Carried::Perhaps,
        (None, None) if topic.has_other_metrics => Carried::Perhaps,
        (None, None) => Carried::WithoutStatistic,
    }
}
