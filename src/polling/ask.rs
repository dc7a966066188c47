//! The events that an answer becomes. Pure.
//!
//! An answer of which nothing is new becomes no event, unless there is an incident about it: then it
//! also tells that the trouble lasts.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::event_id;
use super::messages::Message;
use super::observations::Observed;
use super::plan::{Plan, PolledSource};
use crate::domain::entity::{Entity, EntityState};
use crate::domain::polling::{Kind, POLL_SOURCE, POLLED_FOR};
use crate::domain::time::Timestamp;
use crate::normalise::{Format, Outcome, normalise};
use crate::store::NewEvent;

/// What was answered about one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PolledFact {
    Message(Message),
    Queue(Observed),
}

impl PolledFact {
    const fn kind(&self) -> Kind {
        match self {
            Self::Message(message) => message.kind,
            Self::Queue(_) => Kind::Queue,
        }
    }

    /// In lower case.
    fn id(&self) -> String {
        match self {
            Self::Message(message) => message.id.to_lowercase(),
            Self::Queue(queue) => queue.id.to_lowercase(),
        }
    }

    fn messages(&self, state: Option<&EntityState>, metrics: &[&str]) -> Vec<Message> {
        match self {
            Self::Message(message) => vec![message.clone()],
            Self::Queue(queue) => queue.clone().messages(state, metrics),
        }
    }
}

/// What is known while answers become events.
pub(super) struct Context<'c> {
    pub(super) plan: &'c Plan,
    /// By the keys of [`keys`].
    pub(super) states: &'c HashMap<String, EntityState>,
    /// Things with an incident: source, kind and id.
    pub(super) watched: &'c BTreeSet<(String, Kind, String)>,
    pub(super) asked_at: Timestamp,
    pub(super) now: Timestamp,
}

/// The events, and how many answers could not be read.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) new: Vec<NewEvent>,
    pub(super) unreadable: usize,
}

/// The keys of the states that the events depend on.
pub(super) fn keys(plan: &Plan, told: &[PolledFact]) -> Vec<String> {
    let keys = told.iter().flat_map(|one| {
        let sources = sources_of(plan, one.kind());
        sources.map(move |source| key_of(&source.name, one.kind(), &one.id()))
    });
    keys.collect()
}

fn sources_of(plan: &Plan, kind: Kind) -> impl Iterator<Item = &PolledSource> {
    let sources = plan.sources.iter();
    sources.filter(move |source| source.kinds.contains(&kind))
}

fn key_of(source: &str, kind: Kind, id: &str) -> String {
    let entity = Entity {
        kind: kind.as_str(),
        id,
        media: "",
    };
    entity.key(source)
}

impl Context<'_> {
    /// What `told` becomes.
    pub(super) fn events(&self, told: &[PolledFact]) -> Events {
        let mut events = Events::default();
        for one in told {
            for source in self.owners(one) {
                self.add(one, &source.name, &mut events);
            }
        }
        events
    }

    /// The sources whose entity it is: those that have told of it, or the first when none has.
    fn owners(&self, told: &PolledFact) -> Vec<&PolledSource> {
        let (kind, id) = (told.kind(), told.id());
        let has_told = |source: &&PolledSource| {
            self.is_watched(&source.name, kind, &id)
                || self.states.contains_key(&key_of(&source.name, kind, &id))
        };
        let owners: Vec<_> = sources_of(self.plan, kind).filter(has_told).collect();
        match owners.is_empty() {
            true => sources_of(self.plan, kind).take(1).collect(),
            false => owners,
        }
    }

    fn is_watched(&self, source: &str, kind: Kind, id: &str) -> bool {
        let thing = (source.to_owned(), kind, id.to_owned());
        self.watched.contains(&thing)
    }

    fn add(&self, told: &PolledFact, source: &str, events: &mut Events) {
        let (kind, id) = (told.kind(), told.id());
        let state = self.states.get(&key_of(source, kind, &id));
        let is_watched = self.is_watched(source, kind, &id);
        for message in told.messages(state, &self.plan.metrics) {
            let (event_id, body) = self.event(source, &message);
            let Outcome::Signals(signals) = normalise(&Format::Genesys, &body, self.now).outcome
            else {
                events.unreadable += 1;
                continue;
            };
            let is_known = signals.iter().all(|signal| {
                let entity = Entity::of(signal);
                let known = entity.zip(state);
                known.is_some_and(|(entity, state)| state.agrees_with(&entity, signal))
            });
            if is_watched || !is_known {
                events.new.push(NewEvent {
                    source: POLL_SOURCE.into(),
                    event_id,
                    received_at: self.now,
                    body: body.to_string(),
                    review: None,
                    meaning: None,
                });
            }
        }
    }

    /// The id and the body of an event: a notification, which says for which source it is.
    fn event(&self, source: &str, message: &Message) -> (String, Value) {
        let mut subject = format!("{}:{}", message.kind.as_str(), message.id);
        if !message.media.is_empty() {
            subject = format!("{subject}:{}", message.media);
        }
        let content = format!("{source} {}", message.body);
        let id = event_id(POLL_SOURCE, &subject, self.asked_at, &content);
        let body = json!({
            "id": id, POLLED_FOR: source, "topicName": message.topic(),
            "eventBody": message.body, "timestamp": self.asked_at.to_string(),
        });
        (id, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polling::messages::of_edges;

    fn plan(sources: &[&str]) -> Plan {
        let sources = sources.iter().map(|name| PolledSource {
            name: (*name).to_owned(),
            kinds: Kind::ALL.into(),
        });
        Plan {
            sources: sources.collect(),
            metrics: vec!["oWaiting"],
        }
    }

    fn edge(status: &str) -> Vec<PolledFact> {
        let edges = [json!({"id": "e1", "onlineStatus": status})];
        of_edges(&edges)
            .into_iter()
            .map(PolledFact::Message)
            .collect()
    }

    /// What the events about an Edge say, where each source with a status knows the Edge.
    fn events(known: &[(&str, &str)], watched: &[&str], told: &[PolledFact]) -> Vec<NewEvent> {
        let plan = plan(&["first", "second"]);
        let at = Timestamp::from_millis(1_795_442_400_000);
        let states = known.iter().map(|(source, status)| {
            let signal = serde_json::from_value::<Value>(
                json!({"topicName": "v2.telephony.providers.edges.e1",
                "eventBody": {"id": "e1", "onlineStatus": status}, "timestamp": at.to_string()}),
            );
            let Outcome::Signals(signals) =
                normalise(&Format::Genesys, &signal.unwrap(), at).outcome
            else {
                panic!("not understood");
            };
            let entity = Entity::of(&signals[0]).unwrap();
            let mut state = EntityState::of(&entity);
            state.apply(&entity, &signals[0], at, |_| true);
            (key_of(source, Kind::Edge, "e1"), state)
        });
        let watched = watched.iter();
        let watched = watched.map(|source| ((*source).to_owned(), Kind::Edge, "e1".to_owned()));
        let context = Context {
            plan: &plan,
            states: &states.collect(),
            watched: &watched.collect(),
            asked_at: at,
            now: at,
        };
        context.events(told).new
    }

    fn sources(events: &[NewEvent]) -> Vec<String> {
        let bodies = events
            .iter()
            .map(|event| serde_json::from_str::<Value>(&event.body).unwrap());
        bodies
            .map(|body| body[POLLED_FOR].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_is_known_is_told_only_while_there_is_an_incident_about_it() {
        let offline = edge("OFFLINE");
        let known = [("second", "OFFLINE")];
        assert_eq!(events(&known, &[], &offline).len(), 0);
        assert_eq!(sources(&events(&known, &["second"], &offline)), ["second"]);
        assert_eq!(sources(&events(&known, &[], &edge("ONLINE"))), ["second"]);
    }

    #[test]
    fn a_thing_is_that_of_each_source_that_has_told_of_it_or_of_the_first() {
        let offline = edge("OFFLINE");
        assert_eq!(sources(&events(&[], &[], &offline)), ["first"]);
        let both = [("first", "ONLINE"), ("second", "ONLINE")];
        let told = events(&both, &[], &offline);
        assert_eq!(sources(&told), ["first", "second"]);
        assert_ne!(told[0].event_id, told[1].event_id);
    }

    #[test]
    fn the_same_answer_of_the_same_time_is_the_same_event() {
        let ids = |status| {
            let told = events(&[], &[], &edge(status));
            told.into_iter().map(|one| one.event_id).collect::<Vec<_>>()
        };
        assert_eq!(ids("OFFLINE"), ids("OFFLINE"));
        assert_ne!(ids("OFFLINE"), ids("ONLINE"));
        assert!(ids("OFFLINE")[0].starts_with("genesys-poll:edge:e1:1795442400000:"));
    }
}
