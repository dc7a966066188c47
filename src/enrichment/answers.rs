//! What answers of the Platform API say: names, and how a queue stands. Pure.

use serde_json::Value;

use crate::domain::enrichment::{Edge, Queue, Standing, Trunk};
use crate::domain::time::Timestamp;

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

pub(super) fn queue(entity: &Value) -> Option<(String, Queue)> {
    let queue = Queue {
        name: text(&entity["name"])?,
        division_id: text(&entity["division"]["id"]),
        division: text(&entity["division"]["name"]),
    };
    Some((text(&entity["id"])?, queue))
}

pub(super) fn trunk(entity: &Value) -> Option<(String, Trunk)> {
    let trunk = Trunk {
        name: text(&entity["name"])?,
        edge_id: text(&entity["edge"]["id"]),
    };
    Some((text(&entity["id"])?, trunk))
}

pub(super) fn edge(entity: &Value) -> Option<(String, Edge)> {
    let edge = Edge {
        name: text(&entity["name"])?,
        site: text(&entity["site"]["name"]),
    };
    Some((text(&entity["id"])?, edge))
}

/// The standing of one queue out of all results. Waiting conversations are counted by media
/// type; agents once for the queue as a whole, or, where that is not given, by the media type
/// that has most, because one agent can be on several.
pub(super) fn standing(queue_id: &str, results: &[Value], asked_at: Timestamp) -> Standing {
    let of_queue = || {
        results
            .iter()
            .filter(|result| result["group"]["queueId"] == queue_id)
    };
    let waiting = of_queue().filter_map(|result| count(result, "oWaiting"));
    let whole = of_queue()
        .filter(|result| result["group"]["mediaType"].is_null())
        .find_map(|result| count(result, "oOnQueueUsers"));
    let by_media = of_queue().filter_map(|result| count(result, "oOnQueueUsers"));
    Standing {
        waiting: Some(waiting.sum()),
        agents: whole.or_else(|| by_media.max()),
        asked_at,
    }
}

/// The sum of `metric` over its qualifiers, when it is there.
fn count(result: &Value, metric: &str) -> Option<u64> {
    let data = result["data"].as_array()?;
    let counts: Vec<u64> = data
        .iter()
        .filter(|entry| entry["metric"] == metric)
        .filter_map(|entry| entry["stats"]["count"].as_u64())
        .collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}
