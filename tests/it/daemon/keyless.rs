//! An instance that does not let our user write our key: it is known, also after a restart.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::crm::servicenow;
use crate::support::world::{World, event};

fn settings(world: &World) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
{}
[targets.servicenow.create]
short_description = "Wait of {{{{ queue_name }}}}"
"#,
        servicenow(&world.simulator)
    )
}

async fn ticket_of(world: &World, queue: &str) -> Value {
    let incidents = world.items(&format!("incidents?key={queue}")).await;
    incidents
        .first()
        .map_or(Value::Null, |one| one["ticket"].clone())
}

async fn open_without_key(world: &World) {
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the ticket lacks our key", async || {
            ticket_of(world, "q1").await["incomplete"][0]["field"] == "correlation_id"
        })
        .await;
}

async fn until_held(world: &World) {
    world
        .until("the target is held", async || {
            let targets = world.items("targets").await;
            targets
                .iter()
                .any(|one| one["name"] == "servicenow" && one["state"] == "held")
        })
        .await;
}

#[tokio::test]
async fn a_ticket_without_our_key_is_known_after_a_restart_and_gets_the_key_once_that_is_allowed() {
    let mut world = World::unstarted("").await;
    world.configure(&settings(&world));
    let instance = world.simulator.servicenow();
    let barred = json!({"unwritable_fields": ["correlation_id"], "sys_id_mode": "ignored"});
    instance.switch(&barred).unwrap();
    world.start().await;
    open_without_key(&world).await;
    world.daemon.kill();
    world.start().await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    until_held(&world).await;
    let instance = world.simulator.servicenow();
    assert_eq!(instance.tickets().len(), 1, "no further one is opened");
    let status = world.api("status").await;
    let task = &status["person"]["targets"][0];
    assert_eq!(task["target"], "servicenow");
    let said = task["message"].as_str().unwrap();
    assert!(said.contains("correlation_id"), "{said}");
    let what = task["task"].as_str().unwrap();
    assert!(what.contains("ringdown doctor servicenow"), "{what}");
    instance.switch(&json!({"unwritable_fields": []})).unwrap();
    world
        .until("both tickets carry our key, and lack nothing", async || {
            world.pass(Duration::from_secs(5));
            let tickets = instance.tickets();
            let with_key = tickets.iter().filter(|one| {
                let key = one["correlation_id"].as_str();
                key.is_some_and(|key| key.starts_with("rd-"))
            });
            with_key.count() == 2 && ticket_of(&world, "q1").await["incomplete"].is_null()
        })
        .await;
    assert_eq!(instance.tickets().len(), 2);
}

/// Nothing is sent before it is known which tickets lack our key.
#[tokio::test]
async fn a_ticket_without_our_key_is_known_although_the_database_failed_at_the_start() {
    let mut world = World::unstarted("").await;
    world.configure(&settings(&world));
    let barred = json!({"unwritable_fields": ["correlation_id"], "sys_id_mode": "ignored"});
    world.simulator.servicenow().switch(&barred).unwrap();
    world.start().await;
    open_without_key(&world).await;
    world.daemon.kill();
    let rename =
        |from: &str, to: &str| format!("alter table incidents rename column {from} to {to}");
    let database = SqliteConnectOptions::new().filename(world.folder.path().join("ringdown.db"));
    let mut database = SqliteConnection::connect_with(&database).await.unwrap();
    let hide = rename("ticket_incomplete", "hidden");
    database.execute(AssertSqlSafe(hide)).await.unwrap();
    world.spawn("");
    world
        .until("nothing can be sent", async || {
            world
                .log()
                .contains("deliveries cannot be claimed; retrying")
        })
        .await;
    let show = rename("hidden", "ticket_incomplete");
    database.execute(AssertSqlSafe(show)).await.unwrap();
    database.close().await.unwrap();
    world.until_ready().await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    until_held(&world).await;
    let tickets = world.simulator.servicenow().tickets();
    assert_eq!(tickets.len(), 1, "no further one is opened");
}
