//! What the database holds, read beside the store: the invariants must not ask the code they
//! judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringdown::domain::failure::Failure;
use ringdown::domain::incident::{Incident, IncidentState};
use sqlx::SqliteConnection;

/// A delivery as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: i64,
    pub(crate) incident_id: String,
    pub(crate) target: String,
    pub(crate) operation: String,
    /// Of a link: the incident under whose ticket the ticket is hung.
    pub(crate) parent_id: Option<String>,
    pub(crate) state: String,
    pub(crate) mark: String,
    pub(crate) error_kind: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) resumptions: i64,
    /// When it is due: its next attempt, or the end of its lease.
    pub(crate) due_at: i64,
    pub(crate) in_doubt: bool,
    /// When it became unknown last whether an attempt had an effect.
    pub(crate) unknown_at: Option<i64>,
    /// What it waits for, besides its time.
    pub(crate) parked: Option<String>,
}

impl Delivery {
    /// Whether another target got it, because its own could not be reached.
    pub(crate) fn is_moved(&self) -> bool {
        let told = self.last_error.as_deref().unwrap_or_default();
        self.state == "discarded" && told.contains("never sent to")
    }

    /// Whether it waits until the CRM accepts such changes of tickets again.
    fn waits_for_operation(&self) -> bool {
        let is_change = matches!(self.operation.as_str(), "update" | "link");
        is_change && self.state == "waiting" && self.parked.as_deref() == Some("operation")
    }

    /// Whether the decider has to write its payload again before it can be sent.
    pub(crate) fn is_to_be_rendered(&self) -> bool {
        self.state == "waiting" && self.parked.as_deref() == Some("rendering")
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state.as_str(), "done" | "discarded")
    }

    /// The last failure, as it is stored.
    pub(crate) fn failure(&self) -> Option<Failure> {
        serde_json::from_str(self.last_error.as_deref()?).ok()
    }
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
    /// Whether another target may take its ticket over.
    pub(crate) has_candidates: bool,
    pub(crate) failed_over_from: Option<String>,
    /// Whether its ticket was created without a field that the CRM refused.
    pub(crate) is_incomplete: bool,
    text: String,
}

/// Everything that is looked at after a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// In the order of their beginning.
    pub(crate) incidents: Vec<Arc<Kept>>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) decided: Vec<Decided>,
    /// When incidents opened, by id.
    pub(crate) opened: BTreeMap<String, i64>,
    pub(crate) cursor: i64,
    pub(crate) last_event: i64,
    /// When time alone changes an incident next.
    pub(crate) due_at: Option<i64>,
    /// Targets that are said to be away, and since when.
    pub(crate) away: BTreeMap<String, i64>,
    /// Targets that are said to accept no writes, and the state that says so.
    pub(crate) conditions: BTreeMap<String, String>,
    /// Events that wait for a person.
    pub(crate) reviews: i64,
    history: i64,
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
    bool,
    Option<String>,
    Option<String>,
    Option<i64>,
);
type IncidentRow = (String, String, Option<String>, bool, Option<String>, bool);

const DELIVERIES: &str = "select id, incident_id, target, operation, state, \
      coalesce(json_extract(payload, '$.marker'), ''), error_kind, last_error, \
      resumptions, \
      case when state = 'sending' then lease_until else next_attempt_at end, \
      in_doubt <> 0, parent_id, parked, unknown_at \
     from deliveries order by id";
const INCIDENTS: &str = "select life, target, ticket_id, candidates is not null, \
      failed_over_from, ticket_incomplete is not null from incidents order by rowid";
const AWAY: &str = "select target, since from target_health where state <> 'up'";
const CONDITIONS: &str = "select target, state from target_conditions where until is null";
const NEWS: &str = "select 'decided' as kind, event_seq as number, 0 as at, rule, outcome, \
      incident_id from decisions where event_seq > $1 \
     union all select 'opened', id, at, '', '', incident_id from incident_history \
      where what = 'opened' and id > $2 \
     union all select 'journal', (select position from cursors where name = 'decide'), \
      (select coalesce(max(seq), 0) from events), '', '', null \
     union all select 'reviews', count(*), 0, '', '', null from review_items \
     union all select 'due', min(due_at), 0, '', '', null from incidents \
      having min(due_at) is not null \
     order by kind, number, rule";

type NewsRow = (String, i64, i64, String, String, Option<String>);

impl Snapshot {
    /// What there is now; of decisions and history only what has come since `before` is read.
    pub(crate) async fn take(connection: &mut SqliteConnection, before: &Self) -> Self {
        let incidents: Vec<IncidentRow> = sqlx::query_as(INCIDENTS)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let incidents = incidents
            .into_iter()
            .enumerate()
            .map(|(index, row)| kept(row, before.incidents.get(index)))
            .collect();
        let deliveries: Vec<DeliveryRow> = sqlx::query_as(DELIVERIES)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let away: Vec<(String, i64)> = sqlx::query_as(AWAY)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let conditions: Vec<(String, String)> = sqlx::query_as(CONDITIONS)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let mut now = Self {
            away: away.into_iter().collect(),
            conditions: conditions.into_iter().collect(),
            incidents,
            deliveries: deliveries.into_iter().map(delivery).collect(),
            decided: before.decided.clone(),
            opened: before.opened.clone(),
            due_at: None,
            ..*before
        };
        now.add_news(connection).await;
        now
    }

    async fn add_news(&mut self, connection: &mut SqliteConnection) {
        let rows: Vec<NewsRow> = sqlx::query_as(NEWS)
            .bind(self.cursor)
            .bind(self.history)
            .fetch_all(connection)
            .await
            .unwrap();
        for (kind, number, at, rule, outcome, incident_id) in rows {
            match kind.as_str() {
                "decided" => self.decided.push(Decided {
                    event_seq: number,
                    rule,
                    outcome,
                    incident_id,
                }),
                "opened" => {
                    self.history = number;
                    self.opened.insert(incident_id.unwrap(), at);
                }
                "reviews" => self.reviews = number,
                "due" => self.due_at = Some(number),
                _ => (self.cursor, self.last_event) = (number, at),
            }
        }
    }

    pub(crate) fn of_incident<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Delivery> {
        self.deliveries
            .iter()
            .filter(move |delivery| delivery.incident_id == id)
    }

    /// Whether `delivery` must wait for an older one of its incident, or for the ticket that it
    /// links to.
    pub(crate) fn is_blocked(&self, delivery: &Delivery) -> bool {
        let by_older = self
            .of_incident(&delivery.incident_id)
            .take_while(|older| older.id < delivery.id)
            .any(|older| match older.state.as_str() {
                "waiting" | "sending" => {
                    let is_passed = older.waits_for_operation() && delivery.operation == "resolve";
                    !self.waits_for_parent(older) && !is_passed
                }
                "dead" => older.operation == "create",
                _ => false,
            });
        let is_passed = delivery.waits_for_operation()
            && self.of_incident(&delivery.incident_id).any(|later| {
                let is_owed = matches!(later.state.as_str(), "waiting" | "sending" | "done");
                later.id > delivery.id && later.operation == "resolve" && is_owed
            });
        by_older || is_passed || self.waits_for_parent(delivery)
    }

    /// Whether it is a link to a ticket that is not there yet.
    pub(crate) fn waits_for_parent(&self, delivery: &Delivery) -> bool {
        let parent = delivery.parent_id.as_ref();
        parent.is_some_and(|id| {
            self.incident(id.as_str())
                .is_none_or(|one| one.ticket_id.is_none())
        })
    }

    /// When something is due for `target` next.
    pub(crate) fn next_delivery_at(&self, target: &str) -> Option<i64> {
        self.next_delivery_from(target, None)
    }

    /// The same, where changes of tickets wait until `changes`.
    pub(crate) fn next_delivery_from(&self, target: &str, changes: Option<i64>) -> Option<i64> {
        self.deliveries
            .iter()
            .filter(|delivery| {
                delivery.target == target
                    && matches!(delivery.state.as_str(), "waiting" | "sending")
                    && !delivery.is_to_be_rendered()
                    && !self.is_blocked(delivery)
            })
            .map(|delivery| match delivery.operation.as_str() {
                "create" => delivery.due_at,
                _ => changes.map_or(delivery.due_at, |at| at.max(delivery.due_at)),
            })
            .min()
    }

    pub(crate) fn incident(&self, id: &str) -> Option<&Kept> {
        self.incidents
            .iter()
            .find(|kept| kept.life.id.as_str() == id)
            .map(|kept| &**kept)
    }

    pub(crate) fn dead(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.state == "dead")
    }

    /// The incident of `rule` and `key` that is not closed.
    pub(crate) fn life_of(&self, rule: &str, key: &str) -> Option<&Incident> {
        self.incidents.iter().map(|kept| &kept.life).find(|life| {
            *life.rule == *rule && *life.key == *key && life.state != IncidentState::Closed
        })
    }
}

fn kept(row: IncidentRow, before: Option<&Arc<Kept>>) -> Arc<Kept> {
    let (life, target, ticket_id, has_candidates, failed_over_from, is_incomplete) = row;
    let is_same = |kept: &&Arc<Kept>| {
        kept.text == life && kept.target == target && kept.ticket_id == ticket_id
    };
    if let Some(before) = before.filter(is_same) {
        return Arc::clone(before);
    }
    Arc::new(Kept {
        life: serde_json::from_str(&life).unwrap(),
        target,
        ticket_id,
        has_candidates,
        failed_over_from,
        is_incomplete,
        text: life,
    })
}

fn delivery(row: DeliveryRow) -> Delivery {
    Delivery {
        id: row.0,
        incident_id: row.1,
        target: row.2,
        operation: row.3,
        state: row.4,
        mark: row.5,
        error_kind: row.6,
        last_error: row.7,
        resumptions: row.8,
        due_at: row.9,
        in_doubt: row.10,
        parent_id: row.11,
        parked: row.12,
        unknown_at: row.13,
    }
}
