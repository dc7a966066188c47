//! Tests of deliveries that wait for a target or an operation, and of those that rest or wait rarely.

use std::time::Duration;

use super::*;
use crate::domain::allowance::Shortage;
use crate::domain::doubt::RunTimes;
use crate::store::{Claim, completion};

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let url = format!("sqlite:{}", path.display());
    (folder, Store::open(&url).await.unwrap())
}

fn target() -> TargetName {
    TargetName::new("crm")
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn run(store: &Store, statement: Statement<'_>) {
    let mut tx = store.database.begin_write().await.unwrap();
    statement.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// An open incident.
async fn open(store: &Store, id: &str) {
    let insert = Statement::new(
        "insert into incidents (id, key, active_key, rule, source, target, state, severity, \
          opened_at, occurrences, suppressed, life, context) \
         values ($1, $1, $1, 'r', 's', 'crm', 'open', 'high', 1, 1, 0, '{}', '{}')",
    );
    run(store, insert.bind(id)).await;
}

/// A delivery of an incident, due at `at`.
async fn owe(
    store: &Store,
    (incident, operation): (&str, &str),
    (state, parked): (&str, Option<&str>),
    at: Timestamp,
) {
    let insert = Statement::new(
        "insert into deliveries (incident_id, target, operation, state, parked, payload, event_id, \
          received_at, next_attempt_at, created_at, lane) \
         values ($1, 'crm', $2, $3, $4, '{}', 'e', 1, $5, 1, 'source/rule')",
    );
    let insert = insert.bind(incident).bind(operation).bind(state);
    run(store, insert.bind(parked).bind(at)).await;
}

/// State, what it waits for, and time of each delivery, by their order.
async fn all(store: &Store) -> Vec<(String, Option<String>, Timestamp)> {
    let mut tx = store.database.begin_read().await.unwrap();
    let select =
        Statement::new("select state, parked, next_attempt_at from deliveries order by id");
    let read = |row: &crate::store::row::Row| {
        Ok((
            row.get("state")?,
            row.get_optional("parked")?,
            row.get("next_attempt_at")?,
        ))
    };
    select.fetch(&mut tx, read).await.unwrap()
}

fn state(state: &str, parked: Option<&str>, at: Timestamp) -> (String, Option<String>, Timestamp) {
    (state.to_owned(), parked.map(str::to_owned), at)
}

#[tokio::test]
async fn creates_that_were_refused_like_others_join_them_once_their_results_are_stored() {
    let (_folder, store) = store().await;
    for id in ["a", "b"] {
        open(&store, id).await;
    }
    owe(&store, ("a", "create"), ("dead", None), after(60)).await;
    owe(&store, ("b", "create"), ("sending", None), NOW).await;
    let incidents = ["a", "b"].map(IncidentId::new);
    let join = async || {
        let target = target();
        let sending = store.join_refused_creates(&target, &incidents, NOW);
        sending.await.unwrap()
    };
    assert_eq!(
        join().await,
        [IncidentId::new("b")],
        "it is asked for again"
    );
    let joined = state("waiting", Some("target"), NOW);
    assert_eq!(
        all(&store).await,
        [joined.clone(), state("sending", None, NOW)]
    );
    run(
        &store,
        Statement::new("update deliveries set state = 'dead' where incident_id = 'b'"),
    )
    .await;
    assert!(join().await.is_empty());
    assert_eq!(all(&store).await, [joined.clone(), joined]);
}

#[tokio::test]
async fn the_first_that_waits_for_an_operation_is_tried_unless_one_is_on_its_way() {
    let (_folder, store) = store().await;
    let waiting = ("waiting", Some("operation"));
    // A resolution has passed this one, so it is not sent.
    owe(&store, ("a", "update"), waiting, after(1)).await;
    owe(&store, ("a", "resolve"), ("done", None), NOW).await;
    owe(&store, ("b", "update"), waiting, after(3_000)).await;
    owe(&store, ("c", "update"), waiting, after(2_000)).await;
    let times = async || {
        let all = all(&store).await;
        [2, 3].map(|index: usize| all[index].2)
    };
    let try_one = async || {
        let target = target();
        let tried = store.try_one_refused(&target, Operation::Update, NOW);
        tried.await.unwrap()
    };
    run(
        &store,
        Statement::new("update deliveries set state = 'sending' where incident_id = 'b'"),
    )
    .await;
    assert_eq!(try_one().await, 0);
    run(
        &store,
        Statement::new("update deliveries set state = 'waiting' where incident_id = 'b'"),
    )
    .await;
    assert_eq!(try_one().await, 1);
    assert_eq!(times().await, [after(3_000), NOW]);
    assert_eq!(try_one().await, 0, "it is due");
    assert_eq!(times().await, [after(3_000), NOW]);
}

#[tokio::test]
async fn what_stands_behind_a_completion_that_rests_is_free() {
    let (_folder, store) = store().await;
    open(&store, "a").await;
    owe(&store, ("a", "update"), ("waiting", Some("rendering")), NOW).await;
    run(
        &store,
        Statement::new("update deliveries set completes = 1"),
    )
    .await;
    owe(&store, ("a", "resolve"), ("waiting", None), NOW).await;
    run(
        &store,
        Statement::new("update deliveries set behind = 1 where operation = 'resolve'"),
    )
    .await;
    let mut tx = store.database.begin_read().await.unwrap();
    let plan = Statement::new(completion::WAITING)
        .bind(&target())
        .plan(&mut tx)
        .await;
    drop(tx);
    assert!(plan.contains("INDEX deliveries_completing"), "{plan}");
    store.rest_completions(&target(), NOW).await.unwrap();
    assert_eq!(all(&store).await[0], state("discarded", None, after(60)));
    let target = target();
    let claim = Claim {
        target: &target,
        owner: "me",
        limit: 8,
        after_lane: "",
        shortage: Shortage::Reserve,
        operations: &Operation::ALL,
        runs_for: RunTimes::default(),
    };
    let claimed = store.claim(claim, NOW, Duration::from_secs(10)).await;
    let claimed: Vec<Operation> = claimed.unwrap().iter().map(|one| one.operation).collect();
    assert_eq!(claimed, [Operation::Resolve]);
}

#[tokio::test]
async fn a_start_shortens_the_waits_of_retries_and_not_those_of_rare_tries() {
    let (_folder, store) = store().await;
    for (incident, parked, at) in [
        ("a", None, after(3_000)),
        ("b", Some("target"), after(3_000)),
        ("c", Some("ticket"), after(3_000)),
        ("d", Some("operation"), after(3_000)),
        // The clock was set back by a day meanwhile.
        ("e", Some("ticket"), after(90_000)),
    ] {
        owe(&store, (incident, "resolve"), ("waiting", parked), at).await;
    }
    let latest = after(4);
    store
        .cap_waits(&target(), latest, false, NOW)
        .await
        .unwrap();
    let times: Vec<Timestamp> = all(&store).await.into_iter().map(|one| one.2).collect();
    let longest = after(3_600 + 600);
    assert_eq!(times, [latest, latest, after(3_000), after(3_000), longest]);
}
