//! A topic's message, without the envelope around it.

use super::super::fill::{self, clean};
use super::super::json_cursor::{JsonCursor, Read};
use crate::domain::signal::Signal;
use crate::domain::time::Timestamp;
use crate::normalise::catalogue::{self, Topic};

/// A message, unwrapped.
pub(super) struct Message<'v, 'p> {
    pub(super) event_id: &'p str,
    pub(super) topic: &'static Topic,
    /// The topic's name as it came.
    pub(super) name: &'v str,
    pub(super) body: JsonCursor<'v, 'p>,
    /// When, by the wrapping.
    pub(super) time: Option<Timestamp>,
    pub(super) organization: Option<&'v str>,
    pub(super) received_at: Timestamp,
}

impl<'v> Message<'v, '_> {
    /// A signal of this message; `own_time` is the content's own time, which counts when the
    /// wrapping gives none.
    pub(super) fn signal(&self, own_time: Option<Timestamp>) -> Signal {
        let occurred_at = self.time.or(own_time).unwrap_or(self.received_at);
        let mut signal = Signal::new(self.event_id, self.topic.event_type, occurred_at);
        signal.topic = Some(clean(self.name));
        fill::set_text(&mut signal, "organization_id", self.organization);
        signal
    }

    /// Sets the id `field`: the one at `own_id`, else the one in the topic's name.
    pub(super) fn identify(
        &self,
        signal: &mut Signal,
        field: &'static str,
        own_id: &JsonCursor<'_, '_>,
    ) -> Read<()> {
        match own_id.id()? {
            Some(id) => fill::set_text(signal, field, Some(id)),
            None => fill::set_text(signal, field, self.topic_id()),
        }
        if !signal.fields.contains_key(field) {
            return Err(own_id.expected("an id"));
        }
        Ok(())
    }

    /// The id in the topic's name.
    fn topic_id(&self) -> Option<&'v str> {
        catalogue::id_in(self.topic.event_type, self.name)
    }
}
