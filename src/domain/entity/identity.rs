//! Which thing a signal is about.

use crate::domain::signal::Signal;

/// Separates the parts of a key. Names of sources and texts of signals never contain it.
const SEPARATOR: char = '\u{1f}';

/// Kinds of things, each with the fields that identify one, the better first. The first kind of
/// which a signal has a field counts.
static KINDS: [(&str, &[&str]); 5] = [
    ("queue", &["queue_id", "queue_name"]),
    ("flow", &["flow_id"]),
    ("trunk", &["trunk_id", "trunk_name"]),
    ("edge", &["edge_id", "edge_name"]),
    ENTITY,
];

const ENTITY: (&str, &[&str]) = ("entity", &["entity_id", "entity_name"]);

/// The thing that a signal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entity<'s> {
    pub kind: &'static str,
    /// As the sender spells it.
    pub id: &'s str,
    /// The media type of a queue or flow that the signal is about; empty: all of it.
    pub media: &'s str,
}

impl<'s> Entity<'s> {
    /// The entity whose state `signal` tells; `None` when it tells no state: it names no entity, it
    /// has neither readings nor a status, or it is about a single conversation.
    pub fn of(signal: &'s Signal) -> Option<Self> {
        let tells = !signal.metrics.is_empty() || signal.text("status").is_some();
        if !tells || signal.fields.contains_key("conversation_id") {
            return None;
        }
        // Several alert rules may watch one queue: each alert has a state of its own.
        if signal.fields.contains_key("alert_id") {
            return Some(Self {
                kind: "alert",
                id: &signal.part,
                media: "",
            });
        }
        kinds_of(signal).iter().find_map(|(kind, fields)| {
            let id = fields.iter().find_map(|field| signal.text(field))?;
            let has_media = matches!(*kind, "queue" | "flow");
            let media = signal.text("media_type").filter(|_| has_media);
            Some(Self {
                kind,
                id,
                media: media.unwrap_or_default(),
            })
        })
    }

    /// The key of its state, as `source` tells it. Ids that differ in case only are one entity.
    pub fn key(&self, source: &str) -> String {
        let id = self.id.to_lowercase();
        format!("{source}{SEPARATOR}{}{SEPARATOR}{id}", self.kind)
    }
}

/// The kinds of things that `signal` can be about. A phone is no Edge, although its events name the
/// Edge at which it is registered.
fn kinds_of(signal: &Signal) -> &'static [(&'static str, &'static [&'static str])] {
    let is_of_its_own = |kind: &str| {
        let mut kinds = KINDS.iter();
        !kinds.any(|(name, _)| name.eq_ignore_ascii_case(kind))
    };
    let has_id = || ENTITY.1.iter().any(|field| signal.text(field).is_some());
    match signal.text("entity_type") {
        Some(kind) if is_of_its_own(kind) && has_id() => std::slice::from_ref(&ENTITY),
        _ => &KINDS,
    }
}

/// The bounds of the keys of entities of `kind` that `source` tells of, as those of [`keys_of`].
pub fn keys_of_kind(source: &str, kind: &str) -> (String, String) {
    let next = char::from(SEPARATOR as u8 + 1);
    let begin = format!("{source}{SEPARATOR}{kind}");
    (format!("{begin}{SEPARATOR}"), format!("{begin}{next}"))
}

/// The bounds of the keys of `source`: from the first one on, and before the second one.
pub fn keys_of(source: &str) -> (String, String) {
    let next = char::from(SEPARATOR as u8 + 1);
    (format!("{source}{SEPARATOR}"), format!("{source}{next}"))
}
