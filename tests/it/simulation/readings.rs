//! The events that the simulated sender sends, and what each says to each rule.

use ringdown::domain::incident::Verdict;
use ringdown::domain::time::Timestamp;
use ringdown::store::NewEvent;
use serde_json::json;

use crate::simulation::dice::Dice;

/// Queues that are heard of.
pub(crate) const QUEUES: [&str; 2] = [
    "7b0f5a52-6d0e-4f3b-9a3c-2f8e61d4c9b1",
    "7b0f5a52-6d0e-4f3b-9a3c-2f8e61d4c9b2",
];
/// How many wait: above, between and below the thresholds of `ringdown.toml`.
const WAITING: [u32; 7] = [1, 3, 7, 12, 17, 25, 30];

/// One reading of one queue.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) id: String,
    source: &'static str,
    pub(crate) queue: &'static str,
    waiting: u32,
    media: &'static str,
    occurred_at: Timestamp,
    well_formed: bool,
}

impl Reading {
    /// A reading that breaches every rule.
    pub(crate) fn breach(id: &str, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            source: "genesys",
            queue: QUEUES[0],
            waiting: 30,
            media: "voice",
            occurred_at: now,
            well_formed: true,
        }
    }

    /// The same of another queue.
    pub(crate) fn breach_elsewhere(id: &str, now: Timestamp) -> Self {
        Self::breach_of(QUEUES[1], id, now)
    }

    /// The same of the queue `queue`.
    pub(crate) fn breach_of(queue: &'static str, id: &str, now: Timestamp) -> Self {
        Self {
            queue,
            ..Self::breach(id, now)
        }
    }

    /// A reading of the queue `queue` that clears what breached.
    pub(crate) fn clear_of(queue: &'static str, id: &str, now: Timestamp) -> Self {
        Self {
            waiting: 1,
            ..Self::breach_of(queue, id, now)
        }
    }

    /// A breach of the same queue, which another source tells of.
    pub(crate) fn breach_by(source: &'static str, id: &str, now: Timestamp) -> Self {
        Self {
            source,
            ..Self::breach(id, now)
        }
    }

    /// A reading that clears, of another media type than the breach.
    pub(crate) fn clear_of_another_part(id: &str, now: Timestamp) -> Self {
        Self {
            waiting: 1,
            media: "email",
            ..Self::breach(id, now)
        }
    }

    /// A reading at about `now`: some are late, so that they come out of order.
    pub(crate) fn roll(dice: &mut Dice, number: usize, now: Timestamp) -> Self {
        let lateness = match dice.below(10) {
            0..=7 => std::time::Duration::ZERO,
            _ => dice.seconds(&[5, 30, 90]),
        };
        Self {
            id: format!("event-{number}"),
            source: "genesys",
            queue: QUEUES[usize::from(dice.chance(30))],
            waiting: *dice.pick(&WAITING),
            media: if dice.chance(20) { "email" } else { "voice" },
            occurred_at: now.minus(lateness),
            well_formed: !dice.chance(3),
        }
    }

    /// Readings of one queue that go up and down, `now` and in order; the first is a breach.
    pub(crate) fn swing(dice: &mut Dice, number: usize, now: Timestamp) -> Vec<Self> {
        let queue = QUEUES[usize::from(dice.chance(30))];
        let count = 1 + dice.below(6);
        let reading = |index: usize| Self {
            id: format!("swing-{number}-{index}"),
            queue,
            waiting: if index.is_multiple_of(2) { 30 } else { 1 },
            ..Self::breach("", now)
        };
        (0..count).map(reading).collect()
    }

    /// What it says to `rule`, by the thresholds of `ringdown.toml`; `None` when it cannot be
    /// understood.
    pub(crate) fn verdict(&self, rule: &str) -> Option<Verdict> {
        let (above, below) = match rule {
            "wide" => (10, 5),
            "plain" => (10, 11),
            _ => (20, 15),
        };
        let verdict = match self.waiting {
            waiting if waiting > above => Verdict::Breach,
            waiting if waiting < below => Verdict::Clear,
            _ => Verdict::InHysteresis,
        };
        self.well_formed.then_some(verdict)
    }

    /// The event in which it comes.
    pub(crate) fn event(&self, received_at: Timestamp) -> NewEvent {
        let count = if self.well_formed {
            json!(self.waiting)
        } else {
            json!({ "n": self.waiting })
        };
        let body = json!({
            "version": "0",
            "id": self.id,
            "detail-type": "v2.analytics.queues.{id}.observations",
            "source": "aws.partner/genesys.com/cloud/3f1c2b6e-8d40-4a51-9c77-1e5a0b92d6f4/ops",
            "time": self.occurred_at.to_string(),
            "detail": {
                "topicName": format!("v2.analytics.queues.{}.observations", self.queue),
                "version": "2",
                "eventBody": {
                    "group": { "queueId": self.queue, "mediaType": self.media },
                    "data": [{ "metrics": [{ "metric": "oWaiting", "stats": { "count": count } }] }],
                },
                "timestamp": self.occurred_at.to_string(),
            },
        });
        NewEvent {
            source: self.source.into(),
            event_id: self.id.clone(),
            received_at,
            body: body.to_string(),
            review: None,
            meaning: None,
        }
    }
}
