//! The integration guide's event, bare or under `body`.
//!
//! Its four variables are `id`, `metrics[0].name`, `metrics[0].avg` (seconds) and
//! `timestamp`; a queue's name or average that is missing sends the event to review (G19).

use serde_json::{Map, Value};

use super::super::json::{expected, missing_key, number, text, time};
use super::super::{Read, Reading, identity};
use super::name_by_id;
use crate::domain::signal::{Reading as MetricReading, SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

const QUEUE_WAITING: &str = "telephony.queue.waiting";
const TRUNK_STATUS: &str = "telephony.trunk.status";

/// Reads the guide's event.
pub(super) fn read(
    item: &Value,
    object: &Map<String, Value>,
    received_at: Timestamp,
) -> (String, Read) {
    let (path, body) = match object.get("body").and_then(Value::as_object) {
        Some(body) if !object.contains_key("metrics") => ("/body", body),
        _ => ("", object),
    };
    let event_id = text(body.get("id"))
        .or_else(|| text(object.get("id")))
        .unwrap_or_else(|| identity::of_content(&[item]));
    let guide = Guide {
        path,
        body,
        event_id: &event_id,
    };
    let read = guide
        .signal(received_at)
        .map(|signal| Reading::Signals(vec![signal]));
    (event_id, read)
}

struct Guide<'a> {
    path: &'static str,
    body: &'a Map<String, Value>,
    event_id: &'a str,
}

impl Guide<'_> {
    fn at(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    /// The first of `pointers` that leads to text.
    fn find(&self, pointers: &[&[&str]]) -> Option<String> {
        pointers.iter().find_map(|keys| {
            let (first, rest) = keys.split_first()?;
            let mut value = self.body.get(*first)?;
            for key in rest {
                value = value.get(key)?;
            }
            text(Some(value))
        })
    }

    fn signal(&self, received_at: Timestamp) -> Result<Signal, SchemaMismatch> {
        let event_type = self.event_type()?;
        let at = time(|| self.at("/timestamp"), self.body.get("timestamp"))?.unwrap_or(received_at);
        let mut signal = Signal::new(self.event_id, &*event_type, at);
        self.labels(&mut signal);
        if let Some(status) = self.find(&[&["status"], &["trunk", "status"]]) {
            signal.fields.insert("status", status.to_uppercase().into());
        }
        if event_type == TRUNK_STATUS {
            self.trunk(&mut signal)?;
        } else {
            self.queue(&mut signal)?;
        }
        name_by_id(&mut signal);
        Ok(signal)
    }

    fn event_type(&self) -> Result<String, SchemaMismatch> {
        let named = self.find(&[&["type"], &["eventType"], &["event_type"], &["topic"]]);
        if let Some(named) = named {
            return Ok(named);
        }
        if self.body.contains_key("trunk") && self.body.contains_key("status") {
            return Ok(TRUNK_STATUS.to_owned());
        }
        if self.body.contains_key("metrics") {
            return Ok(QUEUE_WAITING.to_owned());
        }
        let mismatch = missing_key(self.at("/type"), self.body);
        Err(SchemaMismatch::new(
            mismatch.path,
            format!(
                "none of the shapes that Genesys sends: {}",
                mismatch.problem
            ),
        ))
    }

    fn queue(&self, signal: &mut Signal) -> Result<(), SchemaMismatch> {
        let metric = self.first_metric()?;
        if let Some(id) = self.find(&[&["queue", "id"], &["queueId"]]) {
            signal.fields.insert("queue_id", id.into());
        }
        let name =
            text(metric.get("name")).or_else(|| self.find(&[&["queue", "name"], &["queueName"]]));
        match name {
            Some(name) => {
                signal.fields.insert("queue_name", name.into());
            }
            None if signal.fields.contains_key("queue_id") => {}
            None => {
                return Err(expected(
                    self.at("/metrics/0/name"),
                    "the queue's name",
                    metric.get("name"),
                ));
            }
        }
        let average = match metric.get("avg") {
            Some(value) => number(|| self.at("/metrics/0/avg"), value)?,
            None => return Err(missing_key(self.at("/metrics/0/avg"), metric)),
        };
        signal.fields.insert("wait_time_avg", average.into());
        let reading = numbers(metric);
        signal.metrics.insert("queue.waitTime".to_owned(), reading);
        if let Some(media) = self.find(&[&["mediaType"], &["queue", "mediaType"]]) {
            signal.part = media.to_lowercase();
            signal
                .fields
                .insert("media_type", signal.part.clone().into());
        }
        Ok(())
    }

    fn first_metric(&self) -> Result<&Map<String, Value>, SchemaMismatch> {
        match self.body.get("metrics") {
            None => Err(missing_key(self.at("/metrics"), self.body)),
            Some(Value::Array(metrics)) => match metrics.first() {
                Some(Value::Object(metric)) => Ok(metric),
                other => Err(expected(self.at("/metrics/0"), "an object", other)),
            },
            other => Err(expected(self.at("/metrics"), "a list", other)),
        }
    }

    fn trunk(&self, signal: &mut Signal) -> Result<(), SchemaMismatch> {
        let id = self.find(&[&["trunk", "id"], &["trunkId"]]);
        let name = self.find(&[&["trunk", "name"], &["trunkName"]]);
        if id.is_none() && name.is_none() {
            return Err(expected(
                self.at("/trunk/id"),
                "the trunk's id",
                self.body.get("trunk"),
            ));
        }
        if !signal.fields.contains_key("status") {
            return Err(expected(
                self.at("/status"),
                "the trunk's status",
                self.body.get("status"),
            ));
        }
        // A trunk known by its name only is keyed by it.
        let id = id.or_else(|| name.clone()).unwrap_or_default();
        signal.fields.insert("trunk_id", id.into());
        if let Some(name) = name {
            signal.fields.insert("trunk_name", name.into());
        }
        Ok(())
    }

    /// `labels` is not the guide's, but relays add it: `{"site": "FRA"}`.
    fn labels(&self, signal: &mut Signal) {
        let labels = self.body.get("labels").and_then(Value::as_object);
        for (name, value) in labels.into_iter().flatten().take(32) {
            if let Some(value) = text(Some(value)) {
                signal.labels.insert(name.clone(), value);
            }
        }
    }
}

/// Every finite number in `metric`, by its name.
fn numbers(metric: &Map<String, Value>) -> MetricReading {
    metric
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_f64().filter(|n| n.is_finite())?)))
        .collect()
}
