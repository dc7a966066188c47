//! What the database holds, read beside the store: the invariants must not ask the code they
//! judge.

use std::collections::BTreeMap;

use ringdown::domain::incident::{Incident, IncidentState};
use sqlx::SqliteConnection;

/// A delivery as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: i64,
    pub(crate) incident_id: String,
    pub(crate) target: String,
    pub(crate) operation: String,
    pub(crate) state: String,
    pub(crate) mark: String,
    pub(crate) error_kind: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) resumptions: i64,
    pub(crate) created_at: i64,
}

/// What one rule made of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) event_seq: i64,
    pub(crate) rule: String,
    pub(crate) outcome: String,
    pub(crate) incident_id: Option<String>,
}

/// An incident, and the ticket it owns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) life: Incident,
    pub(crate) target: String,
    pub(crate) ticket_id: Option<String>,
}

/// Everything that is looked at after a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// By id; iterated in the order of their beginning only.
    pub(crate) incidents: Vec<Kept>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) decided: Vec<Decided>,
    /// When incidents opened, by id.
    pub(crate) opened: BTreeMap<String, i64>,
    pub(crate) cursor: i64,
    pub(crate) last_event: i64,
}

type DeliveryRow = (
    i64,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    i64,
    i64,
);

impl Snapshot {
    pub(crate) async fn take(connection: &mut SqliteConnection) -> Self {
        let incidents: Vec<(String, String, Option<String>)> =
            sqlx::query_as("select life, target, ticket_id from incidents order by rowid")
                .fetch_all(&mut *connection)
                .await
                .unwrap();
        let deliveries: Vec<DeliveryRow> = sqlx::query_as(
            "select id, incident_id, target, operation, state, \
              coalesce(json_extract(payload, '$.marker'), ''), error_kind, last_error, \
              resumptions, created_at from deliveries order by id",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let decided: Vec<(i64, String, String, Option<String>)> = sqlx::query_as(
            "select event_seq, rule, outcome, incident_id from decisions order by event_seq, rule",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let opened: Vec<(String, i64)> = sqlx::query_as(
            "select incident_id, at from incident_history where what = 'opened' order by id",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let (cursor, last_event): (i64, i64) = sqlx::query_as(
            "select (select position from cursors where name = 'decide'), \
              (select coalesce(max(seq), 0) from events)",
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        Self {
            incidents: incidents.into_iter().map(kept).collect(),
            deliveries: deliveries.into_iter().map(delivery).collect(),
            decided: decided.into_iter().map(decision).collect(),
            opened: opened.into_iter().collect(),
            cursor,
            last_event,
        }
    }

    pub(crate) fn of_incident<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Delivery> {
        self.deliveries
            .iter()
            .filter(move |delivery| delivery.incident_id == id)
    }

    pub(crate) fn incident(&self, id: &str) -> Option<&Kept> {
        self.incidents.iter().find(|kept| kept.life.id == id)
    }

    pub(crate) fn dead(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.state == "dead")
    }

    /// The state of the incident of `rule` and `key` that is not closed.
    pub(crate) fn state_of(&self, rule: &str, key: &str) -> Option<IncidentState> {
        self.incidents
            .iter()
            .map(|kept| &kept.life)
            .find(|life| {
                life.rule == rule && life.key == key && life.state != IncidentState::Closed
            })
            .map(|life| life.state)
    }
}

fn kept((life, target, ticket_id): (String, String, Option<String>)) -> Kept {
    Kept {
        life: serde_json::from_str(&life).unwrap(),
        target,
        ticket_id,
    }
}

fn decision(row: (i64, String, String, Option<String>)) -> Decided {
    let (event_seq, rule, outcome, incident_id) = row;
    Decided {
        event_seq,
        rule,
        outcome,
        incident_id,
    }
}

fn delivery(row: DeliveryRow) -> Delivery {
    let (id, incident_id, target, operation, state, mark, error_kind, last_error, resumptions, at) =
        row;
    Delivery {
        id,
        incident_id,
        target,
        operation,
        state,
        mark,
        error_kind,
        last_error,
        resumptions,
        created_at: at,
    }
}
