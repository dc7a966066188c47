//! What stands in front of a CRM refuses writes: those of one ticket, or all while reads pass.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;

use crate::daemon::failover::{in_servicenow, until_salesforce_is, world as with_failover};
use crate::support::world::{World, event};

fn page() -> FaultKind {
    FaultKind::Status {
        status: 403,
        body: "<html>Rejected by policy</html>".to_owned(),
        content_type: "text/html".to_owned(),
    }
}

/// Something in front of Salesforce answers every write that contains `part` with `kind`.
fn bar_writes(world: &World, kind: FaultKind, part: &str) {
    let barred = Fault::new(kind, Trigger::Always).on_method("PATCH");
    world.simulator.salesforce().add_fault(barred.on_body(part));
}

async fn breach(world: &World, queue: &str) {
    let id = format!("evt-{queue}");
    world.accept(&event(&id, queue, 400.0)).await;
}

async fn incident(world: &World, queue: &str) -> Value {
    world
        .items(&format!("incidents?key={queue}"))
        .await
        .remove(0)
}

async fn salesforce(world: &World) -> Value {
    world.items("targets").await.remove(0)
}

#[tokio::test]
async fn while_only_reads_pass_the_target_is_away_since_its_first_refusal_and_tickets_move() {
    let world = with_failover("2m").await;
    bar_writes(&world, page(), "Subject");
    breach(&world, "q1").await;
    breach(&world, "q2").await;
    until_salesforce_is(&world, "circuit_open").await;
    let since = salesforce(&world).await["since"].clone();
    assert!(since.is_string());
    let reads = || world.log().matches("target answers again").count();
    world
        .until(
            "both are in doubt, and reads are answered again and again",
            async || {
                world.pass(Duration::from_millis(500));
                let target = salesforce(&world).await;
                assert_eq!(target["state"], "circuit_open", "{target}");
                assert_eq!(target["since"], since, "a read says nothing about writes");
                let deliveries = world.items("deliveries").await;
                deliveries
                    .iter()
                    .filter(|one| one["in_doubt"] == true)
                    .count()
                    == 2
                    && reads() > 4
            },
        )
        .await;
    assert!(
        world
            .metrics()
            .await
            .contains(r#"ringdown_target_up{target="salesforce"} 0"#)
    );
    assert!(!world.log().contains("the target takes tickets again"));
    world.pass(Duration::from_secs(120));
    for queue in ["q3", "q4", "q5"] {
        breach(&world, queue).await;
    }
    in_servicenow(&world, 3).await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    for queue in ["q1", "q2"] {
        let ticket = incident(&world, queue).await["ticket"].clone();
        assert_eq!(
            ticket["target"], "salesforce",
            "its ticket may exist: {ticket}"
        );
    }
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(15));
    world.tickets(2).await;
    until_salesforce_is(&world, "up").await;
    assert!(world.log().contains("the target takes tickets again"));
    assert_eq!(world.simulator.servicenow().tickets().len(), 3);
}

/// One ticket is answered with `kind`; others come one by one, as slowly as the waits let them.
async fn one_is_parked_while_others_pass(kind: FaultKind) -> World {
    let world = World::new().await;
    bar_writes(&world, kind, "offensive");
    breach(&world, "offensive").await;
    let mut number = 0;
    world
        .until("the one ticket is parked alone", async || {
            number += 1;
            breach(&world, &format!("q{number}")).await;
            world
                .until("another ticket is opened", async || {
                    world.pass(Duration::from_secs(2));
                    world.simulator.salesforce().tickets().len() >= number
                })
                .await;
            let person = world.api("status").await["person"].clone();
            person["refused_alone"][0]["key"] == "offensive"
        })
        .await;
    // The third failure comes after the second of the others at the latest.
    assert!(number <= 5, "{number} others came before");
    until_salesforce_is(&world, "up").await;
    world
}

#[tokio::test]
async fn one_ticket_that_is_told_to_wait_by_something_in_front_is_parked_alone() {
    for kind in [
        FaultKind::Unavailable {
            retry_after: Some(300),
        },
        FaultKind::TooManyRequests {
            retry_after: Some(3600),
        },
        page(),
    ] {
        let world = one_is_parked_while_others_pass(kind.clone()).await;
        let status = world.api("status").await;
        let sentence = status["sentence"].as_str().unwrap();
        assert!(
            sentence.contains("1 refused ticket waits for a person"),
            "{sentence}"
        );
        let alone = &status["person"]["refused_alone"][0];
        let said = alone["message"].as_str().unwrap();
        assert!(
            said.contains("who runs the proxy or the firewall must"),
            "{said}"
        );
        assert!(alone["next_attempt_at"].is_string());
        let missing = incident(&world, "offensive").await["ticket"]["missing"].clone();
        let missing = missing.as_str().unwrap();
        assert!(
            missing.contains("what stands in front of salesforce"),
            "{missing}"
        );
        assert!(missing.contains("; next try at 20"), "{missing}");
        let why = world.api("why?q=offensive").await["answer"].clone();
        assert!(
            why.as_str().unwrap().contains("the proxy or the firewall"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn where_one_refused_ticket_is_all_there_is_that_is_said_and_the_next_one_is_taken() {
    let world = World::new().await;
    bar_writes(&world, page(), "offensive");
    breach(&world, "offensive").await;
    let only = "only the ticket of Queue offensive was tried";
    world
        .until("the situation names the one ticket", async || {
            world.pass(Duration::from_millis(200));
            let status = world.api("status").await;
            let sentence = status["sentence"].as_str().unwrap();
            sentence.contains("salesforce answers reads and takes no writes")
                && sentence.contains(only)
        })
        .await;
    world
        .until(
            "it is parked alone, and the target takes the next ticket",
            async || {
                world.pass(Duration::from_millis(500));
                let parked = world.items("deliveries?state=parked").await;
                let waits = parked.first().map(|one| one["waits_for"].to_string());
                waits.is_some_and(|waits| waits.contains("the proxy or the firewall"))
                    && salesforce(&world).await["state"] == "up"
            },
        )
        .await;
    let tries = world.items("deliveries").await[0]["attempts"].as_u64();
    assert!(
        tries >= Some(8),
        "cycles do not begin again at 1: {tries:?}"
    );
    breach(&world, "q1").await;
    world.tickets(1).await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(301));
    world.tickets(2).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn an_answer_that_names_the_ticket_of_another_incident_is_no_success() {
    let world = World::new().await;
    breach(&world, "q1").await;
    world.tickets(1).await;
    world.all_delivered().await;
    let first = incident(&world, "q1").await["ticket"]["id"].clone();
    let repeated = FaultKind::Status {
        status: 201,
        body: serde_json::json!({"id": first, "success": true, "errors": [], "created": true})
            .to_string(),
        content_type: "application/json".to_owned(),
    };
    let repeated = Fault::new(repeated, Trigger::Next { count: 3 }).on_method("PATCH");
    world
        .simulator
        .salesforce()
        .add_fault(repeated.on_body("Queue q2"));
    breach(&world, "q2").await;
    world.tickets(2).await;
    world.all_delivered().await;
    let second = incident(&world, "q2").await["ticket"]["id"].clone();
    assert_ne!(first, second);
}

#[tokio::test]
async fn good_tickets_come_within_two_minutes_though_forty_bad_ones_wait_before_them() {
    let world = World::new().await;
    let refusal = FaultKind::ValidationRefusal {
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
        message: "Say which site".into(),
        field: None,
    };
    bar_writes(&world, refusal, "poison");
    for number in 0..40 {
        breach(&world, &format!("poison{number}")).await;
    }
    until_salesforce_is(&world, "held").await;
    for number in 0..5 {
        breach(&world, &format!("q{number}")).await;
    }
    let are_there = || world.simulator.salesforce().tickets().len() == 5;
    let mut waited = 0;
    while !are_there() {
        assert!(waited < 120, "the good tickets wait for too long");
        world.pass(Duration::from_secs(5));
        waited += 5;
        // The canaries of a wait that is over have gone before the clock moves on.
        world
            .until("the target waits", async || {
                let until = salesforce(&world).await["until"].clone();
                let until = until.as_str().and_then(|at| at.parse().ok());
                are_there() || until.is_some_and(|at: jiff::Timestamp| at > world.now())
            })
            .await;
    }
}
