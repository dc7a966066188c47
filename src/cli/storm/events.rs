//! What a storm sends. Each body follows from the seed and its number alone, so that it does
//! not matter which connection sends it.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::args::{Shape, StormArgs};
use crate::domain::time::Timestamp;

/// Keeps the random numbers of one seed apart from those of the next.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A request of a storm.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) body: String,
    /// How many events are in it.
    pub(super) events: u64,
    /// Whether it is sent a second time.
    pub(super) twice: bool,
}

/// The request that begins with event `first`.
pub(super) fn load(args: &StormArgs, first: u64, now: Timestamp) -> Load {
    let mut random = SmallRng::seed_from_u64(args.seed.wrapping_mul(STRIDE).wrapping_add(first));
    let last = (first + args.batch).min(args.events);
    let twice = random.random_bool(args.duplicates / 100.0);
    let events: Vec<Value> = (first..last)
        .map(|number| event(args, number, now, &mut random))
        .collect();
    let body = match events.as_slice() {
        [single] => single.to_string(),
        _ => Value::Array(events).to_string(),
    };
    Load {
        body,
        events: last - first,
        twice,
    }
}

fn event(args: &StormArgs, number: u64, now: Timestamp, random: &mut SmallRng) -> Value {
    let queue = number % args.queues;
    let average = if random.random_bool(args.breaching / 100.0) {
        random.random_range(301..900)
    } else {
        random.random_range(5..200)
    };
    let id = format!("{}-{}-{number}", args.prefix, args.seed);
    let queue_id = format!("{}-{queue:04}", args.prefix.to_lowercase());
    match args.shape {
        Shape::Guide => json!({
            "id": id,
            "type": "telephony.queue.waiting",
            "timestamp": now.to_string(),
            "queue": {"id": queue_id},
            "metrics": [{"name": format!("{} {queue:04}", args.prefix), "avg": average}],
        }),
        Shape::Observation => observation(&id, &queue_id, average, now),
    }
}

/// Waits are milliseconds: a sum over the calls that waited, and their count.
fn observation(id: &str, queue_id: &str, average: u64, now: Timestamp) -> Value {
    let calls = 4;
    json!({
        "version": "0",
        "id": id,
        "detail-type": "v2.analytics.queues.{id}.observations",
        "source": "aws.partner/genesys.com/cloud/00000000-0000-4000-8000-000000000000/storm",
        "account": "000000000000",
        "time": now.to_string(),
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "topicName": format!("v2.analytics.queues.{queue_id}.observations"),
            "version": "3",
            "eventBody": {
                "group": {"queueId": queue_id, "mediaType": "voice"},
                "data": [{
                    "interval": format!("{now}/{now}"),
                    "metrics": [
                        {"metric": "oWaiting", "stats": {"count": calls}},
                        {"metric": "tWait", "stats": {"count": calls, "sum": average * 1000 * calls}},
                    ],
                }],
            },
            "metadata": {"CorrelationId": id},
            "timestamp": now.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::args::Rate;
    use super::*;
    use crate::normalise::{Format, Outcome, normalise};

    const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

    fn args(shape: Shape, breaching: f64) -> StormArgs {
        StormArgs {
            url: String::new(),
            authorization: None,
            events: 95,
            queues: 10,
            duplicates: 50.0,
            breaching,
            rate: Rate::Max,
            connections: 1,
            new_connections: false,
            repeat_refused: false,
            batch: 10,
            shape,
            prefix: "Storm".to_owned(),
            seed: 3,
            i_own_this_host: false,
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_storm_and_another_seed_another_one() {
        let first = args(Shape::Guide, 50.0);
        assert_eq!(load(&first, 40, NOW), load(&first, 40, NOW));
        let second = StormArgs {
            seed: 4,
            ..first.clone()
        };
        assert_ne!(load(&first, 40, NOW).body, load(&second, 40, NOW).body);
    }

    #[test]
    fn the_last_request_holds_what_is_left_over() {
        let args = args(Shape::Guide, 50.0);
        assert_eq!(load(&args, 80, NOW).events, 10);
        assert_eq!(load(&args, 90, NOW).events, 5);
    }

    #[test]
    fn every_shape_is_read_with_the_average_that_was_asked_for() {
        for shape in [Shape::Guide, Shape::Observation] {
            for (breaching, expected) in [(100.0, true), (0.0, false)] {
                let body = load(&args(shape, breaching), 0, NOW).body;
                let items: Vec<Value> = serde_json::from_str(&body).unwrap();
                for item in &items {
                    let Outcome::Signals(signals) = normalise(&Format::Genesys, item, NOW).outcome
                    else {
                        panic!("not a signal: {item}");
                    };
                    let average = signals[0].metrics["queue.waitTime"]["avg"];
                    assert_eq!(average > 300.0, expected, "{shape:?} {average}");
                }
            }
        }
    }
}
