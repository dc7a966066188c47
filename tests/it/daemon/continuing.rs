//! What waits, or was given up, continues by itself once the obstacle is gone; and ends once nothing
//! would come of it.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::world::{World, event};

fn refusal() -> FaultKind {
    FaultKind::ValidationRefusal {
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
        message: "Say which site".into(),
        field: None,
    }
}

/// Salesforce answers every write whose body contains `part` with `kind`.
fn answer_writes(world: &World, kind: FaultKind, part: &str, trigger: Trigger) {
    let fault = Fault::new(kind, trigger).on_method("PATCH");
    world.simulator.salesforce().add_fault(fault.on_body(part));
}

async fn until_dead(world: &World, operation: &str) {
    world
        .until(&format!("the {operation} is a dead letter"), async || {
            let dead = world.items("dead-letters").await;
            dead.iter().any(|one| one["operation"] == operation)
        })
        .await;
}

async fn until_resolved(world: &World, count: usize) {
    let salesforce = world.simulator.salesforce();
    world
        .until(&format!("{count} tickets are resolved"), async || {
            let tickets = salesforce.tickets();
            tickets.iter().filter(|one| one["IsClosed"] == true).count() == count
        })
        .await;
}

async fn incident(world: &World) -> Value {
    world.items("incidents").await.remove(0)
}

async fn until_complete(world: &World) {
    world
        .until("the ticket lacks nothing", async || {
            let ticket = incident(world).await["ticket"].clone();
            ticket["id"].is_string() && ticket["incomplete"].as_array().is_none_or(Vec::is_empty)
        })
        .await;
}

async fn connect(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.folder.path().join("ringdown.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_create_that_was_in_doubt_and_is_refused_for_certain_is_rendered_again() {
    let mut world = World::unstarted("[targets.salesforce.create]\nSubject = \"Wrong\"").await;
    world.start().await;
    let unknown = FaultKind::Status {
        status: 502,
        body: "<html>bad gateway</html>".into(),
        content_type: "text/html".into(),
    };
    answer_writes(&world, unknown, "Subject", Trigger::Next { count: 1 });
    answer_writes(&world, refusal(), "Wrong", Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_dead(&world, "create").await;
    world.daemon.kill();
    world.configure("[targets.salesforce.create]\nSubject = \"Right\"");
    world.start().await;
    let ticket = world.tickets(1).await.remove(0);
    assert_eq!(ticket["Subject"], "Right");
    world.all_delivered().await;
}

#[tokio::test]
async fn one_incident_that_cannot_be_read_keeps_no_other_from_being_rendered_again() {
    let mut world = World::unstarted("[targets.salesforce.create]\nSubject = \"Wrong\"").await;
    world.start().await;
    answer_writes(&world, refusal(), "Wrong", Trigger::Always);
    for queue in ["q1", "q2"] {
        world.accept(&event(queue, queue, 400.0)).await;
    }
    world
        .until("both creates are dead letters", async || {
            world.items("dead-letters").await.len() == 2
        })
        .await;
    world.daemon.kill();
    let mut database = connect(&world).await;
    let damage = "update incidents set candidates = '{' where key = 'q1'";
    sqlx::query(damage).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    world.configure("[targets.salesforce.create]\nSubject = \"Right\"");
    world.start().await;
    let ticket = world.tickets(1).await.remove(0);
    assert_eq!(ticket["Subject"], "Right");
}

#[tokio::test]
async fn a_request_that_cannot_be_carried_out_stops_no_timer() {
    let mut world = World::unstarted("[rules.queue-wait]\nquiet_after = \"5m\"").await;
    world.start().await;
    for queue in ["q1", "q2"] {
        world.accept(&event(queue, queue, 400.0)).await;
    }
    world.tickets(2).await;
    world.all_delivered().await;
    world.daemon.kill();
    let mut database = connect(&world).await;
    for damage in [
        "update incidents set life = '{', due_at = null where key = 'q1'",
        "insert into incident_requests \
          (incident_id, action, words, requested_by, requested_at, request_id, state) \
         select id, 'close', 'a test', 'ops', 0, 'r-1', 'waiting' from incidents where key = 'q1'",
    ] {
        sqlx::query(damage).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
    world.start().await;
    world.pass(Duration::from_secs(301));
    world
        .until("the quiet incident is over", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.iter().any(|one| one["Status"] == "Closed")
        })
        .await;
    assert!(world.log().contains("deciding failed"), "it was tried");
}

#[tokio::test]
async fn a_flow_that_fails_for_every_ticket_for_a_quarter_of_an_hour_needs_a_person() {
    let world = World::new().await;
    let failing = FaultKind::ValidationRefusal {
        code: "CANNOT_EXECUTE_FLOW_TRIGGER".into(),
        message: "the flow Route_Incident failed".into(),
        field: None,
    };
    answer_writes(&world, failing, "Subject", Trigger::Always);
    for queue in 0..4 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
    }
    let until_in = async |state: &str| {
        world
            .until(&format!("the target is {state}"), async || {
                world.items("targets").await[0]["state"] == state
            })
            .await;
    };
    until_in("paused").await;
    world.pass(Duration::from_secs(901));
    until_in("held").await;
    let target = world.items("targets").await.remove(0);
    let said = target["last_error"]["message"].as_str().unwrap();
    assert!(
        said.contains("Route_Incident failed; refused for several"),
        "{said}"
    );
    let waits = "parked until a person has removed the obstacle in salesforce";
    world
        .until("the incident says that a person is needed", async || {
            incident(&world).await["ticket"]["missing"] == waits
        })
        .await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(61));
    world.tickets(4).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_flow_that_fails_for_one_ticket_for_long_needs_a_person_too() {
    let world = World::new().await;
    let failing = FaultKind::ValidationRefusal {
        code: "CANNOT_EXECUTE_FLOW_TRIGGER".into(),
        message: "the flow Route_Incident failed".into(),
        field: None,
    };
    answer_writes(&world, failing, "Queue q1", Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let waits = |who: &str| format!("until salesforce accepts this one{who}");
    let until_waits = async |who: &str| {
        let waits = waits(who);
        world
            .until(&format!("it waits {waits}"), async || {
                let deliveries = world.items("deliveries").await;
                deliveries.iter().any(|one| one["waits_for"] == waits)
            })
            .await;
    };
    until_waits("; it is tried rarely").await;
    for (number, seconds) in [(1, 61), (2, 301), (3, 901)] {
        world.pass(Duration::from_secs(seconds));
        world
            .until(&format!("rare try {number}"), async || {
                let failed = world.log().matches("delivery failed; it is parked").count();
                failed > number
            })
            .await;
    }
    until_waits(": a person must act").await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(3601));
    world.tickets(1).await;
}

/// A world whose only ticket lacks its priority; the incident is over, and the resolution, which was
/// decided before the ticket existed, is refused.
async fn with_a_dead_resolution() -> World {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    salesforce.refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the resolution is owed", async || {
            world.items("deliveries").await.len() == 2
        })
        .await;
    let value = FaultKind::ValidationRefusal {
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into(),
        message: "bad value for restricted picklist field".into(),
        field: Some("Priority".into()),
    };
    answer_writes(&world, value, "\"Priority\":", Trigger::Always);
    answer_writes(&world, refusal(), "\"Status\":\"Closed\"", Trigger::Always);
    salesforce.refuse_connections(false);
    until_dead(&world, "resolve").await;
    let incomplete = incident(&world).await["ticket"]["incomplete"].clone();
    assert_eq!(incomplete[0]["field"], "Priority");
    world
}

#[tokio::test]
async fn a_field_that_is_set_later_overtakes_no_dead_resolution() {
    let world = with_a_dead_resolution().await;
    world.simulator.salesforce().clear_faults();
    answer_writes(&world, refusal(), "\"Status\":\"Closed\"", Trigger::Always);
    world.pass(Duration::from_secs(61));
    until_complete(&world).await;
    until_dead(&world, "resolve").await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(3601));
    until_resolved(&world, 1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_field_is_tried_again_though_nothing_has_proved_that_a_pause_is_over() {
    let world = World::new().await;
    let value = FaultKind::ValidationRefusal {
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into(),
        message: "bad value for restricted picklist field".into(),
        field: Some("Priority".into()),
    };
    answer_writes(&world, value, "\"Priority\":", Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let salesforce = world.simulator.salesforce();
    salesforce.clear_faults();
    let limited = FaultKind::TooManyRequests {
        retry_after: Some(1),
    };
    answer_writes(&world, limited, "Priority", Trigger::Next { count: 1 });
    world.pass(Duration::from_secs(61));
    world
        .until("the try is put off", async || {
            world.log().contains("could not be tried again")
        })
        .await;
    world.pass(Duration::from_secs(301));
    until_complete(&world).await;
    assert_eq!(salesforce.tickets()[0]["Priority"], "High");
}

const WORSE: &str = r#"
[rules.queue-wait]
severity = { critical = "metrics[queue.waitTime].avg > 900", default = "high" }
[targets.salesforce.create]
Priority = "{{ {'critical': 'Critical'}[severity] or 'High' }}"
"#;

#[tokio::test]
async fn comments_that_the_crm_refuses_for_every_ticket_keep_no_resolution_waiting() {
    let mut world = World::unstarted(WORSE).await;
    world.start().await;
    for queue in 0..4 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
    }
    world.tickets(4).await;
    world.all_delivered().await;
    answer_writes(&world, refusal(), "Critical", Trigger::Always);
    for queue in 0..4 {
        let event = event(&format!("worse-{queue}"), &format!("q{queue}"), 950.0);
        world.accept(&event).await;
    }
    world
        .until("updates are known to be refused", async || {
            !world.items("targets").await[0]["refused_operations"][0].is_null()
        })
        .await;
    for queue in 0..4 {
        let event = event(&format!("calm-{queue}"), &format!("q{queue}"), 100.0);
        world.accept(&event).await;
    }
    until_resolved(&world, 4).await;
    // A comment that would come after the resolution is not owed any more.
    world
        .until("nothing is owed", async || {
            let deliveries = world.items("deliveries?limit=500").await;
            let settled = |one: &Value| one["state"] == "done" || one["state"] == "discarded";
            deliveries.len() == 12 && deliveries.iter().all(settled)
        })
        .await;
    assert!(world.items("dead-letters").await.is_empty());
}

#[tokio::test]
async fn a_refused_create_whose_incident_is_over_needs_nobody() {
    let world = World::new().await;
    answer_writes(&world, refusal(), "Subject", Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_dead(&world, "create").await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the incident is closed", async || {
            incident(&world).await["state"] == "closed"
        })
        .await;
    world.pass(Duration::from_secs(61));
    world
        .until("nothing is owed", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().all(|one| one["state"] == "discarded")
        })
        .await;
    assert!(world.items("dead-letters").await.is_empty());
    assert!(world.simulator.salesforce().tickets().is_empty());
}
