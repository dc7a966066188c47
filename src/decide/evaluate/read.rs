//! Reads an event: from its body, or as it was normalised when it was received.

use std::mem;

use serde_json::Value;

use super::correlation_key::limit_key;
use crate::domain::enrichment::Names;
use crate::domain::entity::Entity;
use crate::domain::polling::{POLL_SOURCE, POLLED_FOR, STATUS_SOURCE};
use crate::domain::signal::{Meaning, Signal};
use crate::domain::trouble::OWN_SOURCE;
use crate::normalise::{self, Format, Outcome, normalise};
use crate::settings::Settings;
use crate::store::{Content, JournalEvent};

/// An event, read.
#[derive(Debug)]
pub(crate) enum ReadEvent {
    Signals(Vec<ReadSignal>),
    /// It has no meaning for an incident; the text says why.
    Nothing(&'static str),
    /// It goes to a person, for this reason.
    Review(String),
}

/// A signal, and the key of the state of its entity.
#[derive(Debug)]
pub(crate) struct ReadSignal {
    pub(crate) signal: Signal,
    /// `None`: the signal tells no state, or no rule looks at signals of its type.
    pub(crate) entity: Option<String>,
}

impl ReadEvent {
    /// The keys of the entities that it tells of.
    pub(crate) fn entities(&self) -> impl Iterator<Item = &String> {
        let signals = match self {
            Self::Signals(signals) => signals.as_slice(),
            Self::Nothing(_) | Self::Review(_) => &[],
        };
        signals.iter().filter_map(|read| read.entity.as_ref())
    }
}

pub(super) fn read(settings: &Settings, names: &Names, event: &mut JournalEvent) -> ReadEvent {
    let content = mem::replace(&mut event.content, Content::InReview);
    let content = match &*event.source == POLL_SOURCE {
        true => polled(settings, content, event),
        false => content,
    };
    let signals = match (content, format_of(settings, &event.source)) {
        (Content::InReview, _) => return ReadEvent::Nothing("it waits for a person"),
        (_, None) => {
            let source = &event.source;
            return ReadEvent::Review(format!("source {source} is no longer configured"));
        }
        // It was normalised when it was received, and is not read again.
        (Content::Meaning(Meaning::Nothing(why)), _) => return ReadEvent::Nothing(why),
        (Content::Meaning(Meaning::Signals(signals)), _) => signals,
        (Content::Body(body), Some(format)) => match read_body(format, event, &body) {
            Ok(signals) => signals,
            Err(read) => return read,
        },
    };
    let with_entity = |signal: Signal| {
        let signal = match names.is_empty() {
            true => signal,
            false => names.fill(&signal).into_owned(),
        };
        let entity = entity_key(settings, &event.source, &signal);
        ReadSignal { signal, entity }
    };
    ReadEvent::Signals(signals.into_iter().map(with_entity).collect())
}

/// The content of an event that polling wrote. It counts as an event of the source whose entity it
/// is about: for a rule it does not matter by which way the state of a trunk became known.
fn polled(settings: &Settings, content: Content, event: &mut JournalEvent) -> Content {
    let Content::Body(body) = &content else {
        return content;
    };
    let item = normalise::parse(body).unwrap_or_default();
    let source = item.get(POLLED_FOR).and_then(Value::as_str);
    match source.filter(|source| settings.sources.contains_key(*source)) {
        Some(source) => {
            event.source = source.into();
            content
        }
        None => Content::Meaning(Meaning::Nothing(
            "the source that it was polled for is not configured",
        )),
    }
}

fn format_of<'a>(settings: &'a Settings, source: &str) -> Option<&'a Format> {
    let configured = settings.sources.get(source).map(|source| &source.format);
    let own = match source {
        OWN_SOURCE => settings.own_trouble.as_ref().map(|own| &own.format),
        STATUS_SOURCE => settings.enrichment.as_ref().map(|one| &one.status_format),
        _ => None,
    };
    configured.or(own)
}

fn read_body(format: &Format, event: &JournalEvent, body: &str) -> Result<Vec<Signal>, ReadEvent> {
    let item =
        normalise::parse(body).map_err(|error| ReadEvent::Review(format!("not JSON: {error}")))?;
    match normalise(format, &item, event.received_at).outcome {
        Outcome::Signals(signals) => Ok(signals),
        Outcome::Nothing(why) => Err(ReadEvent::Nothing(why)),
        Outcome::Mismatch(mismatch) => Err(ReadEvent::Review(mismatch.to_string())),
    }
}

fn entity_key(settings: &Settings, source: &str, signal: &Signal) -> Option<String> {
    let entity = Entity::of(signal)?;
    let mut rules = settings.rules.iter();
    rules
        .any(|rule| rule.looks_at(source, &signal.event_type))
        .then(|| limit_key(&entity.key(source)))
}
