//! Claims serve the lanes of a target in turn, on both databases, and replicas that claim at
//! once neither wait for each other nor get the same delivery.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::failover::TicketRoute;
use ringdown::domain::identity::{IncidentId, IncidentKey, TargetName};
use ringdown::domain::incident::{Evaluation, Incident, Verdict};
use ringdown::domain::lanes::last_served;
use ringdown::domain::ticket::{Operation, Ticket};
use ringdown::domain::time::Timestamp;
use ringdown::store::{
    Abandoned, Claim, ClaimedDelivery, DecisionBatch, DeliveryResult, IncidentRecord, NewDelivery,
    Store,
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::replicas::database::{self, Database};

const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);
const LATER: Timestamp = Timestamp::from_millis(1_795_442_850_000 + 60_000);
const TARGET: &str = "salesforce";

/// An incident of `source` and `rule`, with a create and an update owed to its ticket.
fn owe(batch: &mut DecisionBatch, source: &str, rule: &str, number: usize) {
    let heard = Evaluation {
        received_at: NOW,
        occurred_at: NOW,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: [("metrics[queue.waitTime].avg".to_owned(), 412.5)].into(),
    };
    let id = format!("{source}-{rule}-{number}");
    let key = IncidentKey::new(rule, id.as_str());
    let id = IncidentId::new(id);
    let incident = Incident::begin(id.clone(), key, "high", &heard, NOW);
    batch.incidents.push(IncidentRecord {
        incident,
        source: source.to_owned(),
        target: TargetName::new(TARGET),
        route: TicketRoute::through([TargetName::new(TARGET)].into()),
        context: "{}".to_owned(),
    });
    for operation in [Operation::Create, Operation::Update] {
        batch.deliveries.push(NewDelivery {
            incident_id: id.clone(),
            target: TargetName::new(TARGET),
            operation,
            payload: "{\"fields\":{}}".to_owned(),
            event_id: "evt-1".to_owned(),
            received_at: NOW,
            parent_id: None,
        });
    }
}

/// Many tickets are owed for one source and rule, and after them few for others.
async fn fill(store: &Store) {
    let mut batch = DecisionBatch {
        decided_at: NOW,
        ..DecisionBatch::default()
    };
    for (source, rule, count) in [("a", "many", 40), ("a", "few", 2), ("b", "many", 1)] {
        for number in 0..count {
            owe(&mut batch, source, rule, number);
        }
    }
    let lease = store.acquire_lease("decide", "test", Duration::from_secs(60));
    let fence = lease.await.unwrap().unwrap();
    let deciding = store.begin_decisions(&fence).await.unwrap();
    deciding.commit(&batch, |_| Some(LATER)).await.unwrap();
}

/// The CRM may be at work on a create for so long.
const RUNS_FOR: RunTimes = RunTimes {
    create: Duration::from_secs(60),
    comment: Duration::ZERO,
};

async fn claim(store: &Store, limit: u32, after_lane: &str) -> Vec<ClaimedDelivery> {
    let claim = Claim {
        target: &TargetName::new(TARGET),
        owner: "test",
        limit,
        after_lane,
        operations: &ringdown::domain::ticket::Operation::ALL,
        shortage: Shortage::None,
        runs_for: RUNS_FOR,
    };
    let lasts = Duration::from_secs(30);
    store.claim(claim, LATER, lasts).await.unwrap()
}

/// Claims one delivery after the other, as a worker does, and names their incidents.
async fn one_by_one(store: &Store, count: usize) -> Vec<String> {
    let (mut last, mut named) = (String::new(), Vec::new());
    for _ in 0..count {
        let claimed = claim(store, 1, &last).await;
        assert_eq!(claimed.len(), 1);
        last = last_served([claimed[0].lane.as_str()], &last)
            .unwrap()
            .to_owned();
        named.push(claimed[0].incident_id.to_string());
    }
    named
}

async fn lanes_are_served_in_turn(store: &Store) {
    fill(store).await;
    assert_eq!(
        one_by_one(store, 6).await,
        [
            "a-few-0", "a-many-0", "b-many-0", "a-few-1", "a-many-1", "a-many-2"
        ],
        "each lane in turn, its oldest first, and no update before its create is done"
    );
    store.expire_claims_of_dead_process().await.unwrap();
}

/// Every lane gets its turn within one claim too.
async fn one_claim_takes_from_every_lane(store: &Store) {
    fill(store).await;
    let claimed = claim(store, 4, "a/few").await;
    let incidents: Vec<&str> = claimed.iter().map(|one| one.incident_id.as_str()).collect();
    assert_eq!(incidents, ["a-many-0", "a-many-1", "a-few-0", "b-many-0"]);
    let lanes = claimed.iter().map(|one| one.lane.as_str());
    assert_eq!(last_served(lanes, "a/few"), Some("a/many"));
    let creates = |one: &ClaimedDelivery| one.operation == Operation::Create;
    assert!(claimed.iter().all(creates));
}

async fn on_sqlite<T>(test: impl AsyncFnOnce(&Store) -> T) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
    let store = Store::open(&url).await.unwrap();
    test(&store).await;
    store.close().await;
}

async fn on_postgres<T>(test: impl AsyncFnOnce(&Store) -> T) {
    let Some(server) = database::server() else {
        return;
    };
    let database = Database::create(&server).await;
    let store = Store::open(database.url.as_str()).await.unwrap();
    test(&store).await;
    store.close().await;
    database.remove().await;
}

fn delivered(ticket: &str) -> DeliveryResult {
    DeliveryResult::Delivered {
        ticket: Some(Ticket {
            id: ticket.to_owned(),
            number: None,
            url: String::new(),
            state: None,
            closed: false,
            not_kept: Vec::new(),
            is_unread: false,
            was_there: false,
        }),
        omitted: Vec::new(),
    }
}

/// A hundred tickets are owed, and an update of each.
async fn fill_with_updates(store: &Store) {
    let mut batch = DecisionBatch {
        decided_at: NOW,
        ..DecisionBatch::default()
    };
    for number in 0..100 {
        owe(&mut batch, "a", "many", number);
    }
    let lease = store.acquire_lease("decide", "test", Duration::from_secs(60));
    let fence = lease.await.unwrap().unwrap();
    let deciding = store.begin_decisions(&fence).await.unwrap();
    deciding.commit(&batch, |_| Some(LATER)).await.unwrap();
}

/// What stands behind a create is marked, and free as soon as the ticket exists.
async fn marks_follow_the_order(store: &Store) {
    fill_with_updates(store).await;
    let target = TargetName::new(TARGET);
    assert_eq!(store.mark_behind(&target).await.unwrap(), 100);
    assert_eq!(store.mark_behind(&target).await.unwrap(), 0);
    let creates = claim(store, 100, "").await;
    assert_eq!(creates.len(), 100);
    assert!(claim(store, 100, "").await.is_empty());
    let done = delivered("T1");
    let recorded = store.record_result(&creates[3], "test", &done, LATER);
    assert!(recorded.await.unwrap());
    let next = claim(store, 100, "").await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].incident_id, creates[3].incident_id);
    assert_eq!(next[0].operation, Operation::Update);
}

#[tokio::test]
async fn what_stands_behind_others_is_marked_and_follows_them_on_sqlite() {
    on_sqlite(marks_follow_the_order).await;
}

#[tokio::test]
async fn what_stands_behind_others_is_marked_and_follows_them_on_postgres() {
    on_postgres(marks_follow_the_order).await;
}

/// Another replica is just storing that a create is done: what stands behind it must not be marked, as
/// that replica does not see the mark and takes none away.
#[tokio::test]
async fn what_is_just_being_finished_keeps_nothing_behind_it() {
    let Some(server) = database::server() else {
        return;
    };
    let database = Database::create(&server).await;
    let store = Store::open(database.url.as_str()).await.unwrap();
    fill_with_updates(&store).await;
    let mut other = PgConnection::connect(database.url.as_str()).await.unwrap();
    let finish = "begin; update deliveries set state = 'done' \
         where operation = 'create' and incident_id = 'a-many-7'";
    other.execute(finish).await.unwrap();
    let target = TargetName::new(TARGET);
    assert_eq!(store.mark_behind(&target).await.unwrap(), 99);
    other.execute("commit").await.unwrap();
    let claimed = claim(&store, 200, "").await;
    let updates: Vec<_> = claimed
        .iter()
        .filter(|one| one.operation == Operation::Update)
        .map(|one| one.incident_id.as_str())
        .collect();
    assert_eq!(updates, ["a-many-7"]);
    store.close().await;
    database.remove().await;
}

#[tokio::test]
async fn what_one_source_owes_keeps_no_other_waiting_on_sqlite() {
    on_sqlite(lanes_are_served_in_turn).await;
    on_sqlite(one_claim_takes_from_every_lane).await;
}

#[tokio::test]
async fn what_one_source_owes_keeps_no_other_waiting_on_postgres() {
    on_postgres(lanes_are_served_in_turn).await;
    on_postgres(one_claim_takes_from_every_lane).await;
}

/// A claim whose process died is claimed again, in the lane that it was in.
#[tokio::test]
async fn a_claim_whose_lease_ran_out_has_its_turn_too() {
    on_sqlite(async |store: &Store| {
        fill(store).await;
        let before = claim(store, 3, "").await;
        store.expire_claims_of_dead_process().await.unwrap();
        let expired = Abandoned::Expired { sending: &[] };
        let target = TargetName::new(TARGET);
        // The process that sent it knew how long it may run. The next one need not know that.
        let unknown = RunTimes::default();
        let put_back = store.put_back(&target, expired, unknown, LATER).await;
        assert_eq!(put_back.unwrap(), 3);
        let again = claim(store, 3, "").await;
        let ids = |claimed: &[ClaimedDelivery]| -> Vec<i64> {
            claimed.iter().map(|one| one.id).collect()
        };
        assert_eq!(ids(&again), ids(&before), "the oldest of each lane");
        assert!(again.iter().all(|one| one.in_doubt));
        let least = LATER.plus(Duration::from_secs(50));
        assert!(again.iter().all(|one| one.earlier.look_up_from > least));
    })
    .await;
}

/// What another replica is about to claim is passed by: the next ones are claimed at once.
#[tokio::test]
async fn replicas_that_claim_at_once_pass_each_other_by() {
    let Some(server) = database::server() else {
        return;
    };
    let database = Database::create(&server).await;
    let store = Store::open(database.url.as_str()).await.unwrap();
    fill(&store).await;
    let mut other = PgConnection::connect(database.url.as_str()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let locking = "select id from deliveries where operation = 'create' \
         order by id limit 4 for update";
    let locked: Vec<(i64,)> = sqlx::query_as(locking).fetch_all(&mut *held).await.unwrap();
    let claimed = claim(&store, 4, "b/many").await;
    let incidents: Vec<&str> = claimed.iter().map(|one| one.incident_id.as_str()).collect();
    assert_eq!(incidents, ["a-many-4", "a-few-0", "a-few-1", "b-many-0"]);
    assert!(claimed.iter().all(|one| !locked.contains(&(one.id,))));
    held.commit().await.unwrap();
    other.close().await.unwrap();
    store.close().await;
    database.remove().await;
}

/// Several replicas claim everything, each as much as it asks for and nothing twice.
#[tokio::test]
async fn replicas_share_the_deliveries_of_all_lanes() {
    on_postgres(async |store: &Store| {
        fill(store).await;
        let replicas = (0..4).map(|_| async {
            let (mut last, mut ids) = (String::new(), Vec::new());
            loop {
                let claimed = claim(store, 3, &last).await;
                let lanes = claimed.iter().map(|one| one.lane.as_str());
                match last_served(lanes, &last) {
                    Some(lane) => last = lane.to_owned(),
                    None => return ids,
                }
                assert!(claimed.len() <= 3, "no more than asked");
                ids.extend(claimed.iter().map(|one| one.id));
            }
        });
        let shares = futures::future::join_all(replicas).await;
        let all: Vec<i64> = shares.into_iter().flatten().collect();
        let different: BTreeSet<i64> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len(), "none is claimed twice");
        // What was locked by another at the last look is claimed by that one.
        assert_eq!(
            all.len(),
            43,
            "every create, and nothing that waits for one"
        );
    })
    .await;
}

/// So many more creates are owed for one source and rule.
const MORE: &str = "insert into deliveries (incident_id, target, operation, state, payload, \
     event_id, received_at, next_attempt_at, created_at, lane) \
     with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 40000) \
     select 'more-' || n, 'salesforce', 'create', 'waiting', '{}', 'evt-1', 1795442850000, \
       1795442850000, 1795442850000, 'a/many' from numbers";

/// The shortest of some times that the question before a claim took.
async fn time_of_asking(store: &Store) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        let next = store
            .next_delivery_at(
                &TargetName::new(TARGET),
                &ringdown::domain::ticket::Operation::ALL,
            )
            .await
            .unwrap();
        shortest = shortest.min(began.elapsed());
        assert_eq!(next, Some(NOW));
    }
    shortest
}

fn cost_about_the_same(few: Duration, many: Duration) {
    let most = few * 5 + Duration::from_millis(2);
    assert!(many <= most, "{few:?} before, {many:?} with much owed");
}

#[tokio::test]
async fn to_ask_what_is_due_costs_no_more_when_much_is_owed_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
    let store = Store::open(&url).await.unwrap();
    fill(&store).await;
    let few = time_of_asking(&store).await;
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute(MORE).await.unwrap();
    other.close().await.unwrap();
    cost_about_the_same(few, time_of_asking(&store).await);
    store.close().await;
}

#[tokio::test]
async fn to_ask_what_is_due_costs_no_more_when_much_is_owed_on_postgres() {
    let Some(server) = database::server() else {
        return;
    };
    let database = Database::create(&server).await;
    let store = Store::open(database.url.as_str()).await.unwrap();
    fill(&store).await;
    let few = time_of_asking(&store).await;
    let mut other = PgConnection::connect(database.url.as_str()).await.unwrap();
    other.execute(MORE).await.unwrap();
    other.execute("analyze deliveries").await.unwrap();
    other.close().await.unwrap();
    cost_about_the_same(few, time_of_asking(&store).await);
    store.close().await;
    database.remove().await;
}
