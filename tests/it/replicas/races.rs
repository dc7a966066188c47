//! Two transactions at the same rows: what the second one waited for is asked again.

use std::time::Duration;

use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::failover::TicketRoute;
use ringdown::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use ringdown::domain::identity::{IncidentId, IncidentKey, TargetName};
use ringdown::domain::incident::{Evaluation, Incident, IncidentState, Verdict};
use ringdown::domain::ticket::{Operation, Ticket};
use ringdown::domain::ticket_sync::{
    ChangeEffect, Presence, TicketDetails, TicketSnapshot, TicketVersion,
};
use ringdown::domain::time::Timestamp;
use ringdown::store::{
    ChangedBy, Claim, ClaimedDelivery, DecisionBatch, DeliveryResult, IncidentRecord, NewDelivery,
    Store,
};
use sqlx::{Connection, PgConnection};

use crate::replicas::database::{self, Database};

const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);
const LATER: Timestamp = Timestamp::from_millis(1_795_442_850_000 + 60_000);
const TARGET: &str = "salesforce";
const OUTAGE: &str = "00000000-0000-7000-8000-000000000001";
const MEMBER: &str = "00000000-0000-7000-8000-000000000002";

/// An outage with its create owed, and a member of it that waits.
struct Race {
    database: Database,
    store: Store,
    other: PgConnection,
}

fn incident(id: &str, rule: &str, state: IncidentState) -> Incident {
    let heard = Evaluation {
        received_at: NOW,
        occurred_at: NOW,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: [("metrics[queue.waitTime].avg".to_owned(), 412.5)].into(),
    };
    let mut incident = Incident::begin(
        IncidentId::new(id),
        IncidentKey::new(rule, "all"),
        "high",
        &heard,
        NOW,
    );
    incident.state = state;
    incident
}

fn kept(incident: Incident) -> IncidentRecord {
    IncidentRecord {
        incident,
        source: "genesys".to_owned(),
        target: TargetName::new(TARGET),
        route: TicketRoute::through([TargetName::new(TARGET)].into()),
        context: "{}".to_owned(),
    }
}

fn owed(operation: Operation) -> NewDelivery {
    NewDelivery {
        incident_id: IncidentId::new(OUTAGE),
        target: TargetName::new(TARGET),
        operation,
        payload: "{\"fields\":{}}".to_owned(),
        event_id: "evt-1".to_owned(),
        received_at: NOW,
        parent_id: None,
    }
}

fn ticket(closed: bool) -> Ticket {
    Ticket {
        id: "500000000000001AAA".into(),
        number: Some("00001001".into()),
        url: "https://crm.example/1".into(),
        state: Some(if closed { "Closed" } else { "New" }.into()),
        closed,
        not_kept: Vec::new(),
        is_unread: false,
        was_there: false,
    }
}

fn closed_by_a_person() -> TicketSnapshot {
    TicketSnapshot {
        ticket_id: ticket(true).id,
        incident_id: None,
        version: Some(TicketVersion {
            changes: 0,
            changed_at: NOW,
        }),
        changed_by: Some("a person".into()),
        presence: Presence::Here,
        details: TicketDetails {
            state: Some("Closed".into()),
            closed: true,
            ..TicketDetails::default()
        },
    }
}

fn delivered() -> DeliveryResult {
    DeliveryResult::Delivered {
        ticket: Some(ticket(false)),
        omitted: Vec::new(),
    }
}

fn refusal() -> Failure {
    let kind = FailureKind::IntegrationFailure;
    Failure::new(
        kind,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        "Priority is required",
    )
}

impl Race {
    async fn begin() -> Option<Self> {
        let database = Database::create(&database::server()?).await;
        let store = Store::open(database.url.as_str()).await.unwrap();
        let other = PgConnection::connect(database.url.as_str()).await.unwrap();
        let mut member = incident(MEMBER, "queue-wait", IncidentState::Pending);
        member.outage_id = Some(IncidentId::new(OUTAGE));
        let outage = incident(OUTAGE, "outage:site", IncidentState::Open);
        let batch = DecisionBatch {
            decided_at: NOW,
            incidents: vec![kept(outage), kept(member)],
            deliveries: vec![owed(Operation::Create), owed(Operation::Update)],
            ..DecisionBatch::default()
        };
        let lease = store.acquire_lease("decide", "test", Duration::from_secs(60));
        let fence = lease.await.unwrap().unwrap();
        let deciding = store.begin_decisions(&fence).await.unwrap();
        deciding.commit(&batch, |_| Some(LATER)).await.unwrap();
        Some(Self {
            database,
            store,
            other,
        })
    }

    async fn claim(&self) -> ClaimedDelivery {
        let claim = Claim {
            target: &TargetName::new(TARGET),
            owner: "test",
            limit: 1,
            after_lane: "",
            operations: &ringdown::domain::ticket::Operation::ALL,
            shortage: Shortage::None,
            runs_for: RunTimes::default(),
        };
        let lasts = Duration::from_secs(30);
        let claimed = self.store.claim(claim, LATER, lasts).await.unwrap();
        claimed.into_iter().next().unwrap()
    }

    async fn settle(&self, settlement: DeliveryResult) {
        let claimed = self.claim().await;
        let settled = self
            .store
            .record_result(&claimed, "test", &settlement, NOW)
            .await;
        assert!(settled.unwrap());
    }

    /// What another transaction does and does not commit before `work` has come so far that
    /// it waits for it; `work` may also end without waiting.
    async fn meanwhile<T: Send + 'static>(
        &mut self,
        statements: &[&'static str],
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let mut held = self.other.begin().await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut *held).await.unwrap();
        }
        let working = tokio::spawn(work);
        while !working.is_finished() && !self.database.somebody_waits().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        held.commit().await.unwrap();
        working.await.unwrap()
    }

    async fn text(&mut self, query: &'static str) -> Option<String> {
        let row = sqlx::query_as(query).fetch_one(&mut self.other).await;
        let (text,): (Option<String>,) = row.unwrap();
        text
    }

    async fn end(self) {
        self.store.close().await;
        self.other.close().await.unwrap();
        self.database.remove().await;
    }
}

#[tokio::test]
async fn a_member_that_deciding_has_just_closed_is_not_due_again() {
    let Some(mut race) = Race::begin().await else {
        return;
    };
    race.settle(delivered()).await;
    let store = race.store.clone();
    let closing = async move {
        let seen = closed_by_a_person();
        store
            .apply_snapshot(&TargetName::new(TARGET), &seen, true, NOW)
            .await
    };
    let released = "update incidents set state = 'closed', active_key = null, due_at = null \
         where id = '00000000-0000-7000-8000-000000000002'";
    let applied = race.meanwhile(&[released], closing).await.unwrap();
    assert!(applied.is_some());
    let due = "select cast(due_at as text) from incidents \
         where id = '00000000-0000-7000-8000-000000000002'";
    assert_eq!(race.text(due).await, None);
    race.end().await;
}

#[tokio::test]
async fn a_link_that_deciding_has_just_owed_goes_with_the_outage_that_gets_no_ticket() {
    let Some(mut race) = Race::begin().await else {
        return;
    };
    let failure = refusal();
    race.settle(DeliveryResult::DeadLettered { at: LATER, failure })
        .await;
    let dead = "select cast(id as text) from deliveries where state = 'dead'";
    let id = race.text(dead).await.unwrap();
    let store = race.store.clone();
    let discarding = async move {
        let by = ChangedBy {
            actor: "ops",
            at: NOW,
        };
        store.discard_dead_letter(&id, by).await
    };
    let linking = [
        "select 1 from incidents where id = '00000000-0000-7000-8000-000000000001' for update",
        "insert into deliveries (incident_id, target, operation, state, payload, event_id, \
          received_at, next_attempt_at, created_at, parent_id) \
         values ('00000000-0000-7000-8000-000000000002', 'salesforce', 'link', 'waiting', '{}', \
          'evt-2', 1, 1, 1, '00000000-0000-7000-8000-000000000001')",
    ];
    race.meanwhile(&linking, discarding).await.unwrap();
    let link = "select state from deliveries where operation = 'link'";
    assert_eq!(race.text(link).await.unwrap(), "discarded");
    race.end().await;
}

#[tokio::test]
async fn what_failed_while_a_person_closed_the_ticket_is_not_tried_again() {
    let Some(mut race) = Race::begin().await else {
        return;
    };
    race.settle(delivered()).await;
    let claimed = race.claim().await;
    assert_eq!(claimed.operation, Operation::Update);
    let store = race.store.clone();
    let failing = async move {
        let again = DeliveryResult::RetryAt {
            at: LATER,
            failure: refusal(),
        };
        store.record_result(&claimed, "test", &again, NOW).await
    };
    let closing = "update incidents set state = 'closed', active_key = null, due_at = null, \
          ticket_closed = 1 where id = '00000000-0000-7000-8000-000000000001'";
    assert!(race.meanwhile(&[closing], failing).await.unwrap());
    let update = "select state from deliveries where operation = 'update'";
    assert_eq!(race.text(update).await.unwrap(), "discarded");
    race.end().await;
}

#[tokio::test]
async fn a_state_that_was_read_late_does_not_undo_what_was_seen_since() {
    let Some(mut race) = Race::begin().await else {
        return;
    };
    race.settle(delivered()).await;
    let seen = closed_by_a_person();
    let applied = race
        .store
        .apply_snapshot(&TargetName::new(TARGET), &seen, true, NOW)
        .await;
    assert!(applied.unwrap().is_some());
    let late = TicketSnapshot {
        version: Some(TicketVersion::default()),
        ..TicketSnapshot::of(ticket(false))
    };
    let target = TargetName::new(TARGET);
    let applied = race.store.apply_snapshot(&target, &late, true, NOW).await;
    assert_eq!(applied.unwrap().unwrap().effect, ChangeEffect::Older);
    let state = "select ticket_state || ' ' || ticket_closed || ' ' || ticket_number \
         from incidents where id = '00000000-0000-7000-8000-000000000001'";
    assert_eq!(race.text(state).await.unwrap(), "Closed 1 00001001");
    race.end().await;
}
