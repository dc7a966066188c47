//! The readings of a queue in an answer of the Platform API. Pure.
//!
//! Unlike a notification, an answer is complete: a metric that comes once for each qualifier is the
//! whole, and where a queue has no conversation of a kind, nothing waits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::messages::Message;
use super::plan::CONVERSATION_METRICS;
use crate::domain::entity::EntityState;
use crate::domain::polling::Kind;

/// Statistics by name.
type Statistics = Map<String, Value>;

/// The readings of one queue, by media type (empty: of the whole) and metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Observed {
    /// As the API spells it.
    pub(super) id: String,
    media: BTreeMap<String, BTreeMap<String, Statistics>>,
}

/// The queues in the items of an answer, by their id in lower case.
pub(super) fn by_queue(items: &[Value]) -> BTreeMap<String, Observed> {
    let mut queues = BTreeMap::new();
    for item in items {
        let group = &item["group"];
        let Some(id) = group["queueId"].as_str() else {
            continue;
        };
        let queue = queues
            .entry(id.to_lowercase())
            .or_insert_with(|| Observed::nothing(id));
        let media = group["mediaType"].as_str().unwrap_or_default();
        let metrics = queue.media.entry(media.to_lowercase()).or_default();
        let told = item["data"].as_array().into_iter().flatten();
        for entry in told {
            if let (Some(metric), Some(told)) =
                (entry["metric"].as_str(), entry["stats"].as_object())
            {
                let statistics = metrics.entry(metric.to_owned()).or_default();
                add(statistics, entry["qualifier"].as_str(), told);
            }
        }
    }
    queues
}

/// Adds what an entry tells. Entries with a qualifier are added up, and each keeps its own count
/// under the name of the qualifier.
fn add(statistics: &mut Statistics, qualifier: Option<&str>, told: &Statistics) {
    let Some(qualifier) = qualifier else {
        statistics.extend(told.clone());
        return;
    };
    let Some(count) = told.get("count").and_then(Value::as_f64) else {
        return;
    };
    let so_far = statistics.get("count").and_then(Value::as_f64);
    statistics.insert(
        "count".to_owned(),
        json!(so_far.unwrap_or_default() + count),
    );
    if qualifier != "count" {
        statistics.insert(qualifier.to_owned(), json!(count));
    }
}

impl Observed {
    /// A queue in which nothing happens.
    pub(super) fn nothing(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            media: BTreeMap::new(),
        }
    }

    /// Its messages. A conversation metric of `metrics` that `state` knows and the answer does not
    /// tell is zero.
    pub(super) fn messages(
        mut self,
        state: Option<&EntityState>,
        metrics: &[&str],
    ) -> Vec<Message> {
        for (media, metric) in known(state, metrics) {
            let readings = self.media.entry(media.to_owned()).or_default();
            readings
                .entry(metric.to_owned())
                .or_insert_with(|| zero(metric));
        }
        let id = self.id;
        let told = self.media.into_iter().filter(|(_, told)| !told.is_empty());
        told.map(|(media, metrics)| message(&id, media, metrics))
            .collect()
    }
}

/// The conversation metrics of `metrics` that `state` knows, with their media types.
fn known<'a>(
    state: Option<&'a EntityState>,
    metrics: &'a [&'a str],
) -> BTreeSet<(&'a str, &'a str)> {
    let of_conversations = metrics
        .iter()
        .filter(|metric| CONVERSATION_METRICS.contains(metric));
    let states = of_conversations.flat_map(|metric| state.map(|state| (state, *metric)));
    let known = states.flat_map(|(state, metric)| {
        let media = state.media_types().chain([""]);
        media
            .filter(move |media| state.tells(media, metric))
            .map(move |media| (media, metric))
    });
    known.collect()
}

fn zero(metric: &str) -> Statistics {
    // A longest wait of zero milliseconds.
    let name = match metric.starts_with("oLongest") {
        true => "calculatedMetricValue",
        false => "count",
    };
    Map::from_iter([(name.to_owned(), json!(0))])
}

fn message(id: &str, media: String, metrics: BTreeMap<String, Statistics>) -> Message {
    let mut group = json!({ "queueId": id });
    if !media.is_empty() {
        group["mediaType"] = json!(media);
    }
    let metrics = metrics.into_iter();
    let metrics: Vec<Value> = metrics
        .map(|(metric, stats)| json!({ "metric": metric, "stats": stats }))
        .collect();
    Message {
        kind: Kind::Queue,
        id: id.to_owned(),
        media,
        body: json!({ "group": group, "data": [{ "metrics": metrics }] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entity::Entity;
    use crate::domain::signal::{Reading, Signal};
    use crate::domain::time::Timestamp;

    /// A queue of which `voice` was told to have 25 waiting.
    fn busy() -> EntityState {
        let mut signal = Signal::new("e", Kind::Queue.topic(), Timestamp::from_millis(0));
        signal.fields.insert("queue_id", "q1".into());
        signal.fields.insert("media_type", "voice".into());
        let waiting = Reading::from([("count".to_owned(), 25.0)]);
        signal.metrics.insert("oWaiting".to_owned(), waiting);
        let entity = Entity::of(&signal).unwrap();
        let mut state = EntityState::of(&entity);
        state.apply(&entity, &signal, signal.occurred_at, |_| true);
        state
    }

    fn body(message: &Message) -> &Value {
        &message.body["data"][0]["metrics"]
    }

    #[test]
    fn qualifiers_of_an_answer_are_the_whole() {
        let items = [json!({"group": {"queueId": "Q1"}, "data": [
            {"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": {"count": 1}},
            {"metric": "oOnQueueUsers", "qualifier": "INTERACTING", "stats": {"count": 2}},
        ]})];
        let mut queues = by_queue(&items);
        let messages = queues
            .remove("q1")
            .unwrap()
            .messages(None, &["oOnQueueUsers"]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].topic(), "v2.analytics.queues.Q1.observations");
        let stats = json!({"count": 3.0, "IDLE": 1.0, "INTERACTING": 2.0});
        assert_eq!(
            body(&messages[0]),
            &json!([{"metric": "oOnQueueUsers", "stats": stats}])
        );
    }

    #[test]
    fn what_is_known_and_not_in_the_answer_is_zero_for_conversations_only() {
        let metrics = ["oWaiting", "oLongestWaiting", "oOnQueueUsers"];
        let state = busy();
        let messages = Observed::nothing("q1").messages(Some(&state), &metrics);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].media, "voice");
        let zero = json!([{"metric": "oWaiting", "stats": {"count": 0}}]);
        assert_eq!(body(&messages[0]), &zero);
        assert_eq!(Observed::nothing("q1").messages(None, &metrics), []);
    }

    #[test]
    fn what_the_answer_tells_stands() {
        let items = [json!({"group": {"queueId": "q1", "mediaType": "voice"},
            "data": [{"metric": "oWaiting", "stats": {"count": 4}}]})];
        let state = busy();
        let queue = by_queue(&items).remove("q1").unwrap();
        let messages = queue.messages(Some(&state), &["oWaiting"]);
        let told = json!([{"metric": "oWaiting", "stats": {"count": 4}}]);
        assert_eq!(body(&messages[0]), &told);
    }
}
