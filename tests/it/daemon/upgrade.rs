//! A database of an earlier version, in the middle of its work: the new version finishes it.
#![cfg(feature = "fault-points")]

use jiff::{SignedDuration, Timestamp};
use ringdown::simulator;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::world::{World, set_clock_off_by};

/// The database when the earlier version was killed: 14 migrations, and eight events. One is not
/// decided, one create waits, one is under way, and one is a dead letter.
const EARLIER: &str = include_str!("../../fixtures/upgrade/earlier_version.sql");
/// Its last event was received then.
const KILLED_AT: &str = "2026-11-30T13:45:19Z";
/// The incidents that had a ticket, in the order of their tickets.
const TICKETED: [&str; 2] = [
    "01a22cb3-c61e-77a2-96b9-68dec691dcad",
    "01a22cb3-d3f5-74c9-8d4d-c268ac0bb95f",
];
const PENDING_RULE: &str = r#"
[rules.long-wait]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 900"
clear = "metrics[queue.waitTime].avg < 800"
clear_for = "0s"
for = "10m"
key = "{{ queue_id or queue_name }}"
on_recovery = "resolve"
targets = ["salesforce"]
"#;

fn set_clock(world: &World, after_the_kill: SignedDuration) {
    let killed_at: Timestamp = KILLED_AT.parse().unwrap();
    let offset = (killed_at + after_the_kill).duration_since(Timestamp::now());
    let offset = i64::try_from(offset.as_millis()).unwrap();
    set_clock_off_by(&world.clock_offset_file(), offset);
}

fn sent(id: &str, queue: &str, average: f64) -> Value {
    json!({
        "id": id, "type": "telephony.queue.waiting", "timestamp": "2026-11-30T13:45:30Z",
        "queue": {"id": queue}, "metrics": [{"name": format!("Queue {queue}"), "avg": average}],
    })
}

/// The simulated Salesforce numbers its records, so that the earlier tickets get their ids again.
async fn create_earlier_tickets(world: &World) {
    let base = world.simulator.salesforce().base_url();
    let login = [
        ("grant_type", "client_credentials"),
        ("client_id", "ringdown"),
        ("client_secret", simulator::CLIENT_SECRET),
    ];
    let token = world
        .client
        .post(format!("{base}/services/oauth2/token"))
        .form(&login);
    let token: Value = token.send().await.unwrap().json().await.unwrap();
    for (number, incident) in TICKETED.iter().enumerate() {
        let place = format!("sobjects/Case/Ringdown_Id__c/rd-{incident}");
        let answer = world
            .client
            .patch(format!("{base}/services/data/v64.0/{place}"))
            .bearer_auth(token["access_token"].as_str().unwrap())
            .json(&json!({"Subject": "Telephony Incident", "Status": "New"}));
        let record: Value = answer.send().await.unwrap().json().await.unwrap();
        let id = format!("5005g00000000{:02}AAA", number + 1);
        assert_eq!(record["id"], id, "{record}");
        assert!(EARLIER.contains(&id));
    }
}

async fn of_an_earlier_version() -> World {
    let mut world = World::unstarted(PENDING_RULE).await;
    create_earlier_tickets(&world).await;
    let options = SqliteConnectOptions::new()
        .filename(world.folder.path().join("ringdown.db"))
        .foreign_keys(false)
        .create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(EARLIER).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    set_clock(&world, SignedDuration::from_secs(20));
    world.start().await;
    world
}

/// How many tickets there are of `queue`, and the status of the last.
fn tickets_of(world: &World, queue: &str) -> (usize, Option<String>) {
    let tickets = world.simulator.salesforce().tickets();
    let subject = format!("Queue {queue} ");
    let mut of_queue = tickets
        .iter()
        .filter(|ticket| ticket["Subject"].as_str().unwrap().contains(&subject));
    let count = of_queue.clone().count();
    let last = of_queue.next_back();
    let status = last.and_then(|ticket| ticket["Status"].as_str().map(str::to_owned));
    (count, status)
}

async fn until_ticketed(world: &World, queue: &str) {
    world
        .until(&format!("{queue} has its ticket"), async || {
            tickets_of(world, queue).0 == 1
        })
        .await;
}

#[tokio::test]
async fn what_an_earlier_version_left_unfinished_is_finished_once() {
    let world = of_an_earlier_version().await;
    for queue in ["waiting", "last"] {
        until_ticketed(&world, queue).await;
    }
    // The earlier events are known by the index of that version.
    let (_, answer) = world
        .post(sent("evt-waiting", "waiting", 400.0).to_string())
        .await;
    assert_eq!(answer["duplicates"], 1, "{answer}");
    // An open ticket is resolved by the recovery.
    world.accept(&sent("evt-clear", "ticketed", 100.0)).await;
    world
        .until("the earlier ticket is closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets
                .iter()
                .any(|ticket| ticket["Id"] == "5005g0000000001AAA" && ticket["Status"] == "Closed")
        })
        .await;
    // The silence is in force, and `for` is not over.
    assert_eq!(tickets_of(&world, "silenced").0, 0);
    assert_eq!(tickets_of(&world, "pending").0, 0);
    world.act("silences/1/expire").await;
    until_ticketed(&world, "silenced").await;
    world.act("dead-letters/2/replay").await;
    until_ticketed(&world, "dead").await;
    set_clock(&world, SignedDuration::from_mins(11));
    until_ticketed(&world, "pending").await;
    world
        .until("nothing waits", async || {
            world
                .items("deliveries?state=waiting,sending,dead&limit=500")
                .await
                .is_empty()
        })
        .await;
    for queue in ["waiting", "last", "dead", "pending", "silenced"] {
        assert_eq!(tickets_of(&world, queue).0, 1, "{queue}");
    }
    // It was over before it had a ticket.
    let (count, status) = tickets_of(&world, "over");
    assert!(
        count == 0 || status.as_deref() == Some("Closed"),
        "{count} {status:?}"
    );
}
