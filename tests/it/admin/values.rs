//! The values that the filled store is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use ringdown::admin::{Judged, RuleBook, Threshold};
use ringdown::domain::decision::BurstLock;
use ringdown::domain::failover::TicketRoute;
use ringdown::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use ringdown::domain::identity::{IncidentId, IncidentKey, TargetName};
use ringdown::domain::incident::{Evaluation, Incident, IncidentState, Verdict};
use ringdown::domain::situation::{NumberRelation, RuleSight, Sight, Unmet};
use ringdown::domain::ticket::{Operation, Ticket};
use ringdown::domain::time::Timestamp;
use ringdown::store::{
    DecisionRecord, DeliveryResult, IncidentRecord, NewDelivery, NewEvent, ReadingEvent,
};
use serde_json::json;

use crate::admin::world::NOW;

pub(crate) const READING: &str = "metrics[queue.waitTime].avg";

/// The rule `queue-wait`: a breach above 300, clear below 240.
pub(crate) struct QueueWait;

impl RuleBook for QueueWait {
    fn thresholds(&self, rule: &str) -> Vec<Threshold> {
        let threshold = Threshold {
            reading: READING.to_owned(),
            breach: 300.0,
            is_above: true,
            clear: Some(240.0),
        };
        (rule == "queue-wait")
            .then_some(threshold)
            .into_iter()
            .collect()
    }

    fn readings(&self, _: &str, _: &str, event: &ReadingEvent) -> BTreeMap<String, f64> {
        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
        [(READING.to_owned(), body["avg"].as_f64().unwrap())].into()
    }

    fn is_duration(&self, reading: &str) -> bool {
        reading == READING
    }

    fn judge(&self, event: &ReadingEvent) -> Judged {
        let value = self.readings("queue-wait", "", event)[READING];
        let unmet = Unmet::Number {
            name: READING.to_owned(),
            value,
            relation: NumberRelation::Above,
            bound: 300.0,
            unit: "s",
        };
        let saw = match value > 300.0 {
            true => Sight::Breach,
            false => Sight::Unmet(vec![unmet]),
        };
        Judged {
            event_type: None,
            nothing: None,
            sights: vec![RuleSight {
                rule: "queue-wait".to_owned(),
                saw,
            }],
        }
    }
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - seconds * 1000)
}

pub(crate) fn event(source: &str, id: &str, received_at: Timestamp) -> NewEvent {
    NewEvent {
        source: source.into(),
        event_id: id.to_owned(),
        received_at,
        body: format!("{{\"id\":\"{id}\",\"avg\":412.50}}"),
        review: None,
        meaning: None,
    }
}

pub(crate) fn incident(id: &str, rule: &str, key: &str, at: Timestamp) -> Incident {
    let heard = Evaluation {
        received_at: at,
        occurred_at: at,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: [(READING.to_owned(), 412.5)].into(),
    };
    Incident::begin(
        IncidentId::new(id),
        IncidentKey::new(rule, key),
        "high",
        &heard,
        at,
    )
}

/// As it is once its ticket is owed.
pub(crate) fn opened(incident: &mut Incident) {
    incident.state = IncidentState::Open;
    incident.opens_at = None;
}

pub(crate) fn kept(incident: Incident, source: &str, target: &str) -> IncidentRecord {
    let context = json!({ "queue_id": format!("id-of-{}", incident.key), "queue_name": "Billing" });
    IncidentRecord {
        incident,
        source: source.to_owned(),
        target: TargetName::new(target),
        route: TicketRoute::through([TargetName::new(target)].into()),
        context: context.to_string(),
    }
}

pub(crate) fn decision(
    event_seq: i64,
    rule: &str,
    outcome: &'static str,
    incident: Option<&str>,
) -> DecisionRecord {
    DecisionRecord {
        event_seq,
        rule: rule.to_owned(),
        outcome,
        incident_id: incident.map(IncidentId::new),
        detail: None,
    }
}

pub(crate) fn lock(
    rule: &str,
    key: &str,
    incident: &str,
    taken_at: Timestamp,
) -> (IncidentKey, IncidentId, BurstLock) {
    let until = taken_at.plus(Duration::from_secs(60));
    let lock = BurstLock { taken_at, until };
    (IncidentKey::new(rule, key), IncidentId::new(incident), lock)
}

pub(crate) fn delivery(
    incident: &str,
    target: &str,
    operation: Operation,
    event: &str,
) -> NewDelivery {
    NewDelivery {
        incident_id: IncidentId::new(incident),
        target: TargetName::new(target),
        operation,
        payload: "{\"fields\":{\"urgency\":\"1\"}}".to_owned(),
        event_id: event.to_owned(),
        received_at: ago(300),
        parent_id: None,
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        id: "0123456789abcdef".into(),
        number: Some("INC0012345".into()),
        url: "https://crm.example/INC0012345".into(),
        state: Some("1".into()),
        closed: false,
        not_kept: Vec::new(),
        is_unread: false,
        was_there: false,
    }
}

pub(crate) fn refused() -> DeliveryResult {
    DeliveryResult::DeadLettered {
        at: NOW.plus(std::time::Duration::from_secs(60)),
        failure: Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Nothing),
            "Priority is required",
        )
        .with_status(400)
        .with_code("FIELD_CUSTOM_VALIDATION_EXCEPTION")
        .with_field("Priority")
        .in_doubt(),
    }
}
