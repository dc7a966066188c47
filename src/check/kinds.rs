//! The kinds of events that a rule can see: an event type from a source.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::sample::{self, Samples};
use crate::domain::signal::{COMMON_NAMES, Signal};
use crate::normalise::catalogue::{self, Subject, Topic};
use crate::normalise::{CustomMap, Format};
use crate::rules::Operand;
use crate::settings::{RuleSettings, Settings};

/// The event type of a custom source that gives none.
const UNTYPED: &str = "custom";

/// What is known of all events.
pub(super) struct Known<'s> {
    settings: &'s Settings,
    /// Signals of the catalogue's samples, made once.
    samples: RefCell<BTreeMap<&'static str, Rc<Samples>>>,
}

/// The events that one rule can see.
pub(super) struct Kinds<'s> {
    pub(super) all: Vec<Kind<'s>>,
    /// Event types that no source of the rule is known to send.
    pub(super) unknown: Vec<String>,
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

impl<'s> Known<'s> {
    pub(super) fn of(settings: &'s Settings) -> Self {
        Self {
            settings,
            samples: RefCell::default(),
        }
    }

    /// The events that `rule` names, from each of its sources.
    pub(super) fn kinds_of(&self, rule: &RuleSettings) -> Kinds<'s> {
        let mut kinds = Kinds {
            all: Vec::new(),
            unknown: Vec::new(),
            idle: Vec::new(),
        };
        let sources = self.settings.sources.iter();
        let sources: Vec<_> = sources
            .filter(|(name, _)| rule.sources.is_empty() || rule.sources.contains(name))
            .collect();
        let has_genesys = sources
            .iter()
            .any(|(_, source)| source.format == Format::Genesys);
        for event_type in &rule.events {
            let is_genesys = event_type.starts_with("v2.") || event_type.starts_with("telephony.");
            let mut is_sent = false;
            for (name, source) in &sources {
                is_sent |= match &source.format {
                    Format::Genesys => self.add_topics(event_type, name, &mut kinds),
                    Format::Custom(map) if can_be_sent(map, event_type) => {
                        let is_certain = !(is_genesys && has_genesys);
                        kinds
                            .all
                            .push(self.custom(event_type, name, map, is_certain));
                        is_certain
                    }
                    Format::Custom(_) => false,
                };
            }
            if !is_sent {
                kinds.unknown.push(event_type.clone());
            }
        }
        kinds
    }

    fn add_topics(&self, event_type: &str, source: &'s str, kinds: &mut Kinds<'s>) -> bool {
        if event_type == "*" {
            let topics = catalogue::topics().filter(|topic| topic.has_effect());
            for topic in topics {
                kinds.all.push(self.kind(topic.event_type, source, topic));
            }
            return true;
        }
        let Some(topic) = catalogue::topic(event_type) else {
            return false;
        };
        match topic.has_effect() {
            true => kinds.all.push(self.kind(event_type, source, topic)),
            false => kinds.idle.push(topic),
        }
        true
    }

    fn custom(
        &self,
        event_type: &str,
        source: &'s str,
        map: &'s CustomMap,
        is_certain: bool,
    ) -> Kind<'s> {
        Kind {
            event_type: event_type.to_owned(),
            source,
            sort: Sort::Custom(map),
            samples: Rc::new(Samples {
                whole: self.enriched(sample::mapped(event_type, map)),
                single: Vec::new(),
            }),
            is_certain,
        }
    }

    fn kind(&self, event_type: &str, source: &'s str, topic: &'static Topic) -> Kind<'s> {
        let mut known = self.samples.borrow_mut();
        let samples = known.entry(topic.event_type).or_insert_with(|| {
            let Samples { whole, single } = sample::of_topic(topic);
            let single = single.into_iter().map(|one| self.enriched(one));
            Rc::new(Samples {
                whole: self.enriched(whole),
                single: single.collect(),
            })
        });
        Kind {
            event_type: event_type.to_owned(),
            source,
            sort: Sort::Topic(topic),
            samples: Rc::clone(samples),
            is_certain: true,
        }
    }

    /// The signal with what the Platform API adds, if it is asked.
    fn enriched(&self, signal: Signal) -> Signal {
        match self.settings.enrichment {
            Some(_) => sample::enriched(signal),
            None => signal,
        }
    }
}

impl Kinds<'_> {
    /// Whether anything is known of the events.
    pub(super) fn are_understood(&self) -> bool {
        self.certain().next().is_some()
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

    /// Whether the value of a metric's statistic is a duration, in seconds.
    pub(super) fn is_duration(&self, metric: &str, statistic: &str) -> bool {
        self.all.iter().any(|kind| match kind.sort {
            Sort::Topic(topic) => {
                let unit = topic
                    .metric(metric)
                    .and_then(|metric| metric.unit(statistic));
                unit.is_some_and(|unit| unit.is_duration())
            }
            Sort::Custom(map) => map.is_duration(metric, statistic),
        })
    }
}

impl Kind<'_> {
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
                    .flat_map(|known| known.statistics.iter().map(|one| one.name))
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

/// Whether a source with this map can send the type.
fn can_be_sent(map: &CustomMap, event_type: &str) -> bool {
    let is_typed = !map.event_type.is_empty();
    is_typed || event_type == "*" || event_type == UNTYPED
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

fn reading(topic: &Topic, metric: &str, statistic: &str) -> Carried {
    let Some(known) = topic.metric(metric) else {
        return match topic.has_other_metrics {
            true => Carried::Perhaps,
            false => Carried::No,
        };
    };
    match (known.unit(statistic), known.qualifiers) {
        (Some(_), _) => Carried::Yes,
        (None, Some(_)) => Carried::Perhaps,
        (None, None) if topic.has_other_metrics => Carried::Perhaps,
        (None, None) => Carried::WithoutStatistic,
    }
}
