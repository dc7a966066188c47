//! Which events a rule can see: the types that it names, from each of its sources.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::kinds::{Kind, Kinds, Sort};
use super::sample::{self, Samples};
use crate::domain::polling::{STATUS_EVENT, STATUS_SOURCE};
use crate::domain::signal::Signal;
use crate::normalise::catalogue::{self, Topic};
use crate::normalise::{CustomMap, CustomMaps, Format};
use crate::settings::{RuleSettings, Settings};

/// The event type of a custom source that gives none.
pub(super) const UNTYPED: &str = "custom";

/// What is known of all events.
pub(super) struct Known<'s> {
    settings: &'s Settings,
    /// Signals of the catalogue's samples, made once.
    samples: RefCell<BTreeMap<&'static str, Rc<Samples>>>,
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
            unset: Vec::new(),
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
            if event_type == STATUS_EVENT {
                self.add_status_page(rule, &mut kinds);
                continue;
            }
            let maps = sources
                .iter()
                .filter_map(|(_, source)| match &source.format {
                    Format::Custom(maps) => Some(maps),
                    Format::Genesys => None,
                });
            let senders = maps.flat_map(CustomMaps::all);
            let senders = senders.filter(|map| can_be_sent(map, event_type)).count();
            let is_genesys = event_type.starts_with("v2.") || event_type.starts_with("telephony.");
            let mut is_sent = false;
            for (name, source) in &sources {
                is_sent |= match &source.format {
                    Format::Genesys => self.add_topics(event_type, name, &mut kinds),
                    Format::Custom(maps) => {
                        // Of several maps any one may give events of the type.
                        let is_certain = senders == 1 && !(is_genesys && has_genesys);
                        let maps = maps.all().filter(|map| can_be_sent(map, event_type));
                        let before = kinds.all.len();
                        let of_maps =
                            maps.map(|map| self.custom(event_type, name, map, is_certain));
                        kinds.all.extend(of_maps);
                        kinds.all.len() > before && !(is_genesys && has_genesys)
                    }
                };
            }
            if !is_sent {
                kinds.unknown.push(event_type.clone());
            }
        }
        kinds
    }

    /// What the status page says comes from no source that is configured.
    fn add_status_page(&self, rule: &RuleSettings, kinds: &mut Kinds<'s>) {
        let enrichment = self.settings.enrichment.as_ref();
        let is_read = enrichment.is_some_and(|enrichment| enrichment.status_page.is_some());
        match catalogue::topic(STATUS_EVENT) {
            Some(topic) if is_read && rule.looks_at(STATUS_SOURCE, STATUS_EVENT) => {
                kinds
                    .all
                    .push(self.kind(STATUS_EVENT, STATUS_SOURCE, topic));
            }
            _ => kinds.unset.push(STATUS_EVENT.to_owned()),
        }
    }

    fn add_topics(&self, event_type: &str, source: &'s str, kinds: &mut Kinds<'s>) -> bool {
        if event_type == "*" {
            let topics = catalogue::topics()
                .filter(|topic| topic.has_effect() && topic.event_type != STATUS_EVENT);
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

/// Whether a source with this map can send the type.
fn can_be_sent(map: &CustomMap, event_type: &str) -> bool {
    let is_typed = !map.event_type.is_empty();
    is_typed || event_type == "*" || event_type == UNTYPED
}
