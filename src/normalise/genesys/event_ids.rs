//! Which `id` of an item is the event's own, and which is that of a thing.
//!
//! Taken for the event's, the id of a trunk would make its recovery a repetition of its failure.

use serde_json::Value;

use super::super::placeholder::is_no_event_id;
use super::super::thing_ids::{is_of_a_content, is_of_a_reading, is_of_a_thing, scalar};
use super::Shape;

/// The id that the sender gave the event. Only an EventBridge envelope is sure to have one: in any
/// other shape `id` may as well be that of the thing that the event is about.
pub(super) fn given(shape: Shape, item: &Value) -> Option<String> {
    let names: &[&str] = match shape {
        // What is not understood is kept under the id that its sender knows.
        Shape::Envelope | Shape::Message | Shape::Guide | Shape::StatusPage | Shape::Unknown => {
            &["id"]
        }
        Shape::Flat => &["eventId", "event_id", "id"],
        Shape::Wrapped(_) | Shape::Content | Shape::Alert => return None,
    };
    let is_events = |name: &str, id: &str| match shape {
        // EventBridge gives each event an id of its own; an input transformer may write any.
        Shape::Envelope => item
            .get("detail")
            .is_none_or(|detail| !is_of_a_content(id, detail)),
        Shape::Guide => !is_of_a_thing(id, item) && !is_of_a_reading(id, item),
        // Without another id of its thing, `id` is that id.
        Shape::Flat if name == "id" => item.get("entityId").is_some() && !is_of_a_thing(id, item),
        _ => !is_of_a_thing(id, item),
    };
    names.iter().find_map(|name| {
        let id = scalar(item.get(*name)?)?;
        (!is_no_event_id(&id) && is_events(name, &id)).then(|| id.into_owned())
    })
}
