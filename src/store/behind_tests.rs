//! Tests of the marks of deliveries that stand behind others.

use std::time::Duration;

use super::super::due;
use super::*;
use crate::domain::allowance::Shortage;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;
use crate::store::audit::ChangedBy;
use crate::store::{Claim, ClaimedDelivery, DeliveryResult, WaitsFor};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    (folder, store)
}

fn target() -> TargetName {
    TargetName::new("crm")
}

async fn run(store: &Store, statement: Statement<'_>) {
    let mut tx = store.database.begin_write().await.unwrap();
    statement.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// `count` incidents, each with deliveries of these operations and states; returns nothing: the
/// incident of each is `i` and its number, from `first` on.
async fn owe(store: &Store, first: u32, count: u32, deliveries: &[(&str, &'static str)]) {
    let mut tx = store.database.begin_write().await.unwrap();
    for number in first..first + count {
        for (operation, state) in deliveries {
            let insert = Statement::new(
                "insert into deliveries (incident_id, target, operation, state, payload, event_id, \
                  received_at, next_attempt_at, created_at, lane) \
                 values ($1, 'crm', $2, $3, '{}', 'e', 1, $4, 1, 'source/rule')",
            );
            insert
                .bind(format!("i{number}"))
                .bind(*operation)
                .bind(*state)
                .bind(i64::from(number))
                .execute(&mut tx)
                .await
                .unwrap();
        }
    }
    tx.commit().await.unwrap();
}

async fn claim(store: &Store, limit: u32) -> Vec<ClaimedDelivery> {
    let target = target();
    let claim = Claim {
        target: &target,
        owner: "me",
        limit,
        after_lane: "",
        operations: &crate::domain::ticket::Operation::ALL,
        shortage: Shortage::default(),
        runs_for: crate::domain::doubt::RunTimes::default(),
    };
    let lease = Duration::from_secs(10);
    store.claim(claim, NOW, lease).await.unwrap()
}

async fn unmarked(store: &Store) -> i64 {
    let mut tx = store.database.begin_read().await.unwrap();
    let select = Statement::new(
        "select count(*) as count from deliveries where state = 'waiting' and behind = 0",
    );
    let count = select.fetch_one(&mut tx, |row| row.get("count"));
    count.await.unwrap()
}

fn failure() -> Failure {
    let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
    Failure::new(FailureKind::IntegrationFailure, class, "refused")
}

fn delivered(ticket: &str) -> DeliveryResult {
    let ticket = Ticket {
        id: ticket.to_owned(),
        number: None,
        url: String::new(),
        state: None,
        closed: false,
        not_kept: Vec::new(),
        is_unread: false,
        was_there: false,
    };
    DeliveryResult::Delivered {
        ticket: Some(ticket),
        omitted: Vec::new(),
    }
}

async fn record(store: &Store, claimed: &ClaimedDelivery, result: &DeliveryResult) {
    let recorded = store.record_result(claimed, "me", result, NOW).await;
    assert!(recorded.unwrap());
}

#[tokio::test]
async fn a_look_reads_few_of_the_rows_that_stand_behind_others_however_many_they_are() {
    let (_folder, store) = store().await;
    owe(
        &store,
        0,
        3_000,
        &[("create", "dead"), ("update", "waiting")],
    )
    .await;
    owe(&store, 5_000, 1, &[("create", "waiting")]).await;
    store.mark_behind(&target()).await.unwrap();
    assert!(unmarked(&store).await <= 1 + i64::try_from(FEW).unwrap());
    // What is free is still found and claimed, and nothing else is.
    let next = store
        .next_delivery_at(&target(), &crate::domain::ticket::Operation::ALL)
        .await
        .unwrap();
    assert_eq!(next, Some(Timestamp::from_millis(5_000)));
    let claimed = claim(&store, 8).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].incident_id.as_str(), "i5000");
}

#[tokio::test]
async fn few_rows_behind_others_are_not_written() {
    let (_folder, store) = store().await;
    owe(
        &store,
        0,
        20,
        &[("create", "waiting"), ("update", "waiting")],
    )
    .await;
    assert_eq!(store.mark_behind(&target()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_stood_behind_a_create_is_claimed_as_soon_as_its_ticket_exists() {
    let (_folder, store) = store().await;
    owe(
        &store,
        0,
        60,
        &[("create", "waiting"), ("update", "waiting")],
    )
    .await;
    assert_eq!(store.mark_behind(&target()).await.unwrap(), 60);
    let creates = claim(&store, 60).await;
    assert_eq!(creates.len(), 60);
    assert!(claim(&store, 60).await.is_empty());
    record(&store, &creates[0], &delivered("T1")).await;
    let next = claim(&store, 60).await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].incident_id, creates[0].incident_id);
    assert_eq!(next[0].operation, Operation::Update);
}

#[tokio::test]
async fn what_stood_behind_a_change_is_claimed_when_that_is_given_up() {
    let (_folder, store) = store().await;
    owe(
        &store,
        0,
        60,
        &[("update", "waiting"), ("resolve", "waiting")],
    )
    .await;
    assert_eq!(store.mark_behind(&target()).await.unwrap(), 60);
    let updates = claim(&store, 2).await;
    let result = DeliveryResult::DeadLettered {
        at: NOW,
        failure: failure(),
    };
    record(&store, &updates[0], &result).await;
    // A resolution passes what the CRM accepts of no ticket.
    let result = DeliveryResult::Parked {
        waits_for: WaitsFor::Operation,
        at: NOW.plus(Duration::from_secs(300)),
        failure: failure(),
        counted: true,
    };
    record(&store, &updates[1], &result).await;
    let next = claim(&store, 60).await;
    let resolved: Vec<_> = next
        .iter()
        .filter(|one| one.operation == Operation::Resolve)
        .map(|one| one.incident_id.clone())
        .collect();
    let expected: Vec<_> = updates.iter().map(|one| one.incident_id.clone()).collect();
    assert_eq!(resolved, expected);
}

#[tokio::test]
async fn a_link_is_claimed_when_the_ticket_of_its_parent_exists() {
    let (_folder, store) = store().await;
    let incident = |id: &'static str| {
        Statement::new(
            "insert into incidents (id, key, active_key, rule, source, target, state, severity, \
              opened_at, occurrences, suppressed, life, context) \
             values ($1, $1, $1, 'r', 's', 'crm', 'open', 'high', 1, 1, 0, '{}', '{}')",
        )
        .bind(id)
    };
    run(&store, incident("outage")).await;
    owe(&store, 0, 60, &[("link", "waiting")]).await;
    run(
        &store,
        Statement::new("update deliveries set parent_id = 'outage'"),
    )
    .await;
    assert_eq!(store.mark_behind(&target()).await.unwrap(), 60);
    run(
        &store,
        Statement::new(
            "insert into deliveries (incident_id, target, operation, state, payload, event_id, \
              received_at, next_attempt_at, created_at, lane) \
             values ('outage', 'crm', 'create', 'waiting', '{}', 'e', 1, 1, 1, 'source/rule')",
        ),
    )
    .await;
    let create = claim(&store, 60).await;
    assert_eq!(create.len(), 1);
    record(&store, &create[0], &delivered("T1")).await;
    assert_eq!(claim(&store, 60).await.len(), 60);
}

#[tokio::test]
async fn a_dead_letter_that_is_replayed_lets_those_behind_it_follow() {
    let (_folder, store) = store().await;
    owe(&store, 0, 60, &[("create", "dead"), ("update", "waiting")]).await;
    assert_eq!(store.mark_behind(&target()).await.unwrap(), 60);
    let by = ChangedBy {
        actor: "ada",
        at: NOW,
    };
    store.replay_dead_letter("1", true, by).await.unwrap();
    let create = claim(&store, 60).await;
    assert_eq!(create.len(), 1);
    record(&store, &create[0], &delivered("T1")).await;
    let next = claim(&store, 60).await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].operation, Operation::Update);
}

#[tokio::test]
async fn a_mark_that_was_left_where_nothing_stands_before_is_taken_away() {
    let (_folder, store) = store().await;
    owe(&store, 0, 2, &[("create", "waiting")]).await;
    run(&store, Statement::new("update deliveries set behind = 1")).await;
    assert!(claim(&store, 8).await.is_empty());
    assert_eq!(store.release_behind(&target()).await.unwrap(), 2);
    assert_eq!(claim(&store, 8).await.len(), 2);
}

/// Neither looking, claiming, marking nor releasing reads all that waits, or sorts it.
#[tokio::test]
async fn the_outbox_is_read_by_its_indexes() {
    let (_folder, store) = store().await;
    let crm = target();
    let next = due::NEXT.bind(&crm);
    let claim = due::CLAIM
        .bind("me")
        .bind(1_i64)
        .bind(&crm)
        .bind(NOW)
        .bind(8_i64)
        .bind("")
        .bind(8_i64)
        .bind("create");
    let blocked = BLOCKED.bind(&crm).bind(WINDOW);
    let free = FREE.bind(&crm);
    let [of_incident, of_parent] = STEP_UP.map(|text| Statement::new(text).bind("i1"));
    for (select, index) in [
        (
            next,
            "SEARCH d USING INDEX deliveries_lanes (target=? AND lane=?",
        ),
        (
            claim,
            "SEARCH d USING INDEX deliveries_lanes (target=? AND lane=?",
        ),
        (
            blocked,
            "COVERING INDEX deliveries_lanes (target=? AND lane=?",
        ),
        (free, "INDEX deliveries_behind (target=?)"),
        (of_incident, "INDEX deliveries_by_incident (incident_id=?)"),
        (of_parent, "INDEX deliveries_by_parent (parent_id=?)"),
    ] {
        let mut tx = store.database.begin_read().await.unwrap();
        let plan = select.plan(&mut tx).await;
        assert!(plan.contains(index), "{index}\n{plan}");
        assert!(!plan.contains("deliveries_due"), "{plan}");
        let scans = |step: &str| step.trim_start().starts_with("SCAN d");
        assert!(!plan.lines().any(scans), "{plan}");
    }
}
