//! Finds the events in a JSON value: opens its wrappers from the outside in, then reads what is
//! inside by the format of the source.
//!
//! The first look at the members of a value decides: a plain event costs nothing more.

use serde_json::Value;

use super::around::Around;
use super::custom;
use super::custom_maps::CustomMaps;
use super::genesys::{self, Shape};
use super::json_cursor::JsonCursor;
use super::outcome::{Normalised, Outcome};
use super::wrappers::{self, Layer, Wrapper};
use super::{Format, identity};
use crate::domain::signal::SchemaMismatch;

/// As many wrappers around one event are refused. Real ways here have two or three.
pub(super) const TOO_DEEP: usize = 10;

/// The answer to Event Grid's handshake has this meaning for incidents.
pub(crate) const EVENT_GRID_HANDSHAKE: &str = "Event Grid asks whether its events are wanted";

const NO_EVENT: &str = "a wrapper without an event in it";

/// What a value holds.
pub(super) enum Found {
    Event(Normalised),
    /// Several events, each as JSON.
    Several(Vec<Value>),
}

pub(super) fn read(format: &Format, item: &JsonCursor<'_, '_>, around: &Around) -> Found {
    match format {
        Format::Genesys => read_genesys(format, item, around),
        Format::Custom(maps) => read_custom(format, maps, item, around),
    }
}

fn read_genesys(format: &Format, item: &JsonCursor<'_, '_>, around: &Around) -> Found {
    let shape = genesys::shape(item.value(), around.event_type.as_deref());
    let layer = match shape {
        Shape::Wrapped(wrapper) => match handshake(wrapper, item, around) {
            Some(found) => return found,
            None => Some(wrapper.open(item.value())),
        },
        Shape::Unknown => wrappers::member(item.value()),
        _ => None,
    };
    match layer {
        Some(layer) => inside(format, item, layer, around),
        None => Found::Event(genesys::read(shape, item, around)),
    }
}

/// A map may point at what is around an event, as it may at what is inside: the outside counts
/// first, and the inside where the map finds nothing there.
fn read_custom(
    format: &Format,
    maps: &CustomMaps,
    item: &JsonCursor<'_, '_>,
    around: &Around,
) -> Found {
    let wrapper = Wrapper::of(item.value());
    if let Some(found) = wrapper.and_then(|wrapper| handshake(wrapper, item, around)) {
        return found;
    }
    let outside = custom::read(maps, item, around);
    if !is_mismatch(&outside) {
        return Found::Event(outside);
    }
    let layer = wrapper.map(|wrapper| wrapper.open(item.value()));
    let Some(layer) = layer.or_else(|| wrappers::member(item.value())) else {
        return Found::Event(outside);
    };
    match inside(format, item, layer, around) {
        // A member may have one of those names in any event.
        Found::Event(inside) if wrapper.is_none() && is_mismatch(&inside) => Found::Event(outside),
        found => found,
    }
}

fn is_mismatch(read: &Normalised) -> bool {
    matches!(read.outcome, Outcome::Mismatch(_))
}

/// The events in the content of `layer`.
fn inside(format: &Format, item: &JsonCursor<'_, '_>, layer: Layer<'_>, around: &Around) -> Found {
    let around = around.within(&layer);
    if around.depth >= TOO_DEEP {
        let problem = format!("there are {TOO_DEEP} wrappers or more around the event");
        return whole(item, &around, Outcome::Mismatch(item.mismatch(problem)));
    }
    let content = match &layer.content {
        Ok(content) => content.as_ref(),
        Err(problem) => {
            let place = item.inside(layer.place, item.value());
            let mismatch = Outcome::Mismatch(place.mismatch(problem.as_str()));
            return whole(item, &around, mismatch);
        }
    };
    match content.as_array().map(Vec::as_slice) {
        None => read(format, &item.inside(layer.place, content), &around),
        Some([]) => whole(item, &around, Outcome::Nothing(NO_EVENT)),
        Some([only]) => {
            let place = format!("{}/0", layer.place);
            read(format, &item.inside(&place, only), &around)
        }
        Some(several) => Found::Several(several.to_vec()),
    }
}

/// What is not read any further.
fn whole(item: &JsonCursor<'_, '_>, around: &Around, outcome: Outcome) -> Found {
    let id = around.id.clone().map(identity::storable);
    Found::Event(Normalised {
        event_id: id.unwrap_or_else(|| identity::derived(&[item.value()])),
        outcome,
    })
}

/// What a handshake means here. Its answer is given where requests are answered.
fn handshake(wrapper: Wrapper, item: &JsonCursor<'_, '_>, around: &Around) -> Option<Found> {
    let outcome = match wrapper {
        Wrapper::EventGridHandshake => Outcome::Nothing(EVENT_GRID_HANDSHAKE),
        Wrapper::SnsHandshake => Outcome::Mismatch(sns_handshake(item)),
        _ => return None,
    };
    let around = around.within(&wrapper.open(item.value()));
    Some(whole(item, &around, outcome))
}

fn sns_handshake(item: &JsonCursor<'_, '_>) -> SchemaMismatch {
    let text = |name: &str| item.value().get(name).and_then(Value::as_str);
    let topic = text("TopicArn").unwrap_or_default();
    let problem = match text("Type") {
        Some("UnsubscribeConfirmation") => {
            format!("the subscription to the SNS topic {topic} has ended; its events come no more")
        }
        _ => format!(
            "SNS asks to confirm a subscription to {topic}; to have it confirmed, put this ARN \
             into `sns_topics` of the source and let SNS ask again"
        ),
    };
    item.mismatch(problem)
}

/// The shape of `item`, in words for people: from the inside out.
pub(super) fn describe(format: &Format, item: &Value, around: &Around) -> String {
    let shape = genesys::shape(item, around.event_type.as_deref());
    let is_handshake = matches!(
        shape,
        Shape::Wrapped(Wrapper::SnsHandshake | Wrapper::EventGridHandshake)
    );
    let layer = match (format, shape) {
        _ if is_handshake || around.depth >= TOO_DEEP => None,
        (_, Shape::Wrapped(wrapper)) => Some(wrapper.open(item)),
        (Format::Genesys, Shape::Unknown) => wrappers::member(item),
        _ => None,
    };
    let Some(layer) = layer else {
        return match (format, shape) {
            (_, Shape::Wrapped(_)) | (Format::Genesys, _) => shape.describe().to_owned(),
            (Format::Custom(_), _) => "whatever the source's map points at".to_owned(),
        };
    };
    let Ok(content) = &layer.content else {
        return layer.name.to_owned();
    };
    let first = content.as_array().and_then(|all| all.first());
    let inner = describe(format, first.unwrap_or(content), &around.within(&layer));
    format!("{inner} in {}", layer.name)
}
