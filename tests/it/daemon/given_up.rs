//! Deliveries that a person takes in hand, or that nothing could come of.

use std::time::Duration;

use reqwest::StatusCode;
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::{At, servicenow};
use crate::support::world::{ADMIN_TOKEN, World, event};

async fn post(world: &World, path: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/{path}", world.admin);
    let request = world.client.post(url).bearer_auth(ADMIN_TOKEN).json(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn incident(world: &World) -> Value {
    world.items("incidents").await.remove(0)
}

async fn dead_letter(world: &World) -> Value {
    world
        .until("there is a dead letter", async || {
            !world.items("dead-letters").await.is_empty()
        })
        .await;
    world.items("dead-letters").await.remove(0)
}

/// Every answer to a create.
fn on_creates(world: &World, kind: FaultKind, trigger: Trigger) {
    let fault = Fault::new(kind, trigger).on_method("PATCH");
    world.simulator.salesforce().add_fault(fault);
}

fn refusal(code: &str) -> FaultKind {
    FaultKind::ValidationRefusal {
        code: code.into(),
        message: "refused".into(),
        field: None,
    }
}

/// A create that is parked alone, because the record is locked; the CRM accepts it now.
async fn parked_alone() -> (World, String) {
    let world = World::new().await;
    on_creates(&world, refusal("ENTITY_IS_LOCKED"), Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create is parked", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["state"] == "parked")
        })
        .await;
    let id = world.items("deliveries").await[0]["id"].clone();
    world.simulator.salesforce().clear_faults();
    (world, id.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_person_sends_a_parked_delivery_at_once() {
    let (world, id) = parked_alone().await;
    world.act(&format!("dead-letters/{id}/replay")).await;
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_replay_of_all_takes_what_is_parked_alone() {
    let (world, id) = parked_alone().await;
    let (status, answer) = post(&world, "dead-letters/replay?all=true&ids=true", &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["ids"], json!([id]));
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_person_opens_the_ticket_of_an_incident_whose_create_is_parked() {
    let (world, _) = parked_alone().await;
    let id = incident(&world).await["id"].as_str().unwrap().to_owned();
    let why = json!({"reason": "unlocked"});
    let (status, answer) = post(&world, &format!("incidents/{id}/open-ticket"), &why).await;
    assert!(status.is_success(), "{answer}");
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_test_that_finds_the_target_in_order_leads_to_the_next_try_at_once() {
    let (world, _) = parked_alone().await;
    let (status, report) = post(&world, "targets/salesforce/test", &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(report["ok"], true, "{report}");
    world.tickets(1).await;
    world.all_delivered().await;
}

/// A create whose first answer was lost, and which is refused for certain afterwards.
async fn lost_then_refused() -> (World, String) {
    let world = World::new().await;
    let lost = FaultKind::LateCommit {
        milliseconds: 9_000,
    };
    on_creates(&world, lost, Trigger::Next { count: 1 });
    on_creates(
        &world,
        refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        Trigger::Always,
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let id = dead_letter(&world).await["id"].clone();
    (world, id.as_str().unwrap().to_owned())
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_create_is_not_discarded_while_a_lost_request_may_still_create_its_ticket() {
    let (world, id) = lost_then_refused().await;
    let path = format!("dead-letters/{id}/discard");
    let (status, answer) = post(&world, &path, &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert!(answer.to_string().contains("until"), "{answer}");
    let (_, answer) = post(&world, "dead-letters/discard?all=true", &json!({})).await;
    assert_eq!(answer["discarded"], 0, "{answer}");
    let left_out = &answer["left_out"];
    assert_eq!(left_out["count"], 1, "{answer}");
    assert!(left_out["until"].is_string() && left_out["why"].is_string());
    assert_eq!(incident(&world).await["state"], "open");
    world.tickets(1).await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(601));
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_create_in_doubt_is_looked_up_before_it_is_discarded() {
    for is_bulk in [false, true] {
        let (world, id) = lost_then_refused().await;
        let why = json!({"reason": "a release"});
        post(&world, "targets/salesforce/pause", &why).await;
        world.tickets(1).await;
        world.simulator.salesforce().clear_faults();
        world.pass(Duration::from_secs(601));
        let path = match is_bulk {
            true => "dead-letters/discard?all=true".to_owned(),
            false => format!("dead-letters/{id}/discard"),
        };
        let (status, answer) = post(&world, &path, &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        match is_bulk {
            true => assert_eq!(answer, json!({"discarded": 0, "looked_up_first": 1})),
            false => assert_ne!(answer["state"], "discarded", "{answer}"),
        }
        post(&world, "targets/salesforce/resume", &json!({})).await;
        world.all_delivered().await;
        let incident = incident(&world).await;
        assert_eq!(incident["state"], "open");
        let ticket = &world.simulator.salesforce().tickets()[0];
        assert_eq!(incident["ticket"]["id"], ticket["Id"]);
    }
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_discarded_create_that_is_not_found_is_given_up() {
    let world = World::new().await;
    on_creates(&world, FaultKind::Down, Trigger::Next { count: 1 });
    on_creates(
        &world,
        refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        Trigger::Always,
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let id = dead_letter(&world).await["id"].clone();
    world.pass(Duration::from_secs(601));
    let path = format!("dead-letters/{}/discard", id.as_str().unwrap());
    // Its rare try may just be under way.
    world
        .until("it is discarded", async || {
            post(&world, &path, &json!({})).await.0.is_success()
        })
        .await;
    world
        .until("the incident is closed", async || {
            incident(&world).await["state"] == "closed"
        })
        .await;
    assert!(world.simulator.salesforce().tickets().is_empty());
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_ticket_that_comes_late_is_resolved_although_its_incident_was_closed_meanwhile() {
    let (world, _) = lost_then_refused().await;
    let id = incident(&world).await["id"].as_str().unwrap().to_owned();
    let why = json!({"reason": "a drill"});
    let (status, answer) = post(&world, &format!("incidents/{id}/close"), &why).await;
    assert!(status.is_success(), "{answer}");
    world.simulator.salesforce().clear_faults();
    world.tickets(1).await;
    world.pass(Duration::from_secs(601));
    world
        .until("the ticket is resolved", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
    world.all_delivered().await;
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn no_ticket_is_created_for_an_incident_that_a_person_closed_while_its_create_was_in_doubt() {
    let world = World::new().await;
    on_creates(&world, FaultKind::Down, Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create is in doubt", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["in_doubt"] == true)
        })
        .await;
    let id = incident(&world).await["id"].as_str().unwrap().to_owned();
    let why = json!({"reason": "a drill"});
    let (status, answer) = post(&world, &format!("incidents/{id}/close"), &why).await;
    assert!(status.is_success(), "{answer}");
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(601));
    world
        .until("nothing is owed any more", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().all(|one| one["state"] == "discarded")
        })
        .await;
    assert!(world.simulator.salesforce().tickets().is_empty());
}

/// Waits until looks have missed all these tickets. Nobody has to act until they count as deleted.
async fn until_missed(world: &World, ids: &[String]) {
    world
        .until("looks miss the tickets", async || {
            let log = world.log();
            let missed = "the CRM does not show these tickets";
            let told: String = log.lines().filter(|line| line.contains(missed)).collect();
            ids.iter().all(|id| told.contains(id.as_str()))
        })
        .await;
    let dead = world.items("dead-letters").await;
    assert!(dead.is_empty(), "{dead:?}");
}

/// A daemon that polls often, with tickets for the queues `q1` to `q4`.
async fn with_four_tickets(at: At) -> World {
    let mut world = World::unstarted("").await;
    let polls = "poll_every = \"500ms\"";
    let more = match at {
        At::Salesforce => format!("[targets.salesforce.sync]\n{polls}\n"),
        At::ServiceNow => format!(
            "[rules.queue-wait]\ntargets = [\"servicenow\"]\n{}\n\
             [targets.servicenow.create]\nshort_description = \"{{{{ queue_name }}}}\"\n\
             [targets.servicenow.sync]\n{polls}\n",
            servicenow(&world.simulator)
        ),
    };
    world.configure(&more);
    world.start().await;
    for queue in ["q1", "q2", "q3", "q4"] {
        world.accept(&event(queue, queue, 400.0)).await;
    }
    world
        .until("every incident has its ticket", async || {
            let incidents = world.items("incidents").await;
            incidents.len() == 4 && incidents.iter().all(|one| one["ticket"]["id"].is_string())
        })
        .await;
    world
}

#[tokio::test]
async fn what_is_owed_to_a_ticket_that_was_deleted_before_its_resolution_is_discarded() {
    for at in At::BOTH {
        let world = with_four_tickets(at).await;
        let incidents = world.items("incidents").await;
        let deleted = incidents.iter().filter(|one| one["key"] != "q4");
        let ids: Vec<String> = deleted
            .map(|one| one["ticket"]["id"].as_str().unwrap().to_owned())
            .collect();
        for id in &ids {
            assert!(match at {
                At::Salesforce => world.simulator.salesforce().delete_ticket(id),
                At::ServiceNow => world.simulator.servicenow().delete_ticket(id),
            });
        }
        for queue in ["q1", "q2", "q3"] {
            world
                .accept(&event(&format!("calm-{queue}"), queue, 100.0))
                .await;
        }
        let fate = match at {
            At::Salesforce => "deleted",
            At::ServiceNow => {
                until_missed(&world, &ids).await;
                world.pass(Duration::from_secs(601));
                "not shown any more"
            }
        };
        world
            .until("every incident of a deleted ticket says so", async || {
                let incidents = world.items("incidents").await;
                let of_deleted = incidents.iter().filter(|one| one["key"] != "q4");
                let mut of_deleted =
                    of_deleted.map(|one| one["state"] == "closed" && one["ticket"]["fate"] == fate);
                of_deleted.all(|is_so| is_so)
            })
            .await;
        world
            .until("nothing is owed any more", async || {
                let deliveries = world.items("deliveries").await;
                let is_over = |one: &Value| one["state"] == "done" || one["state"] == "discarded";
                deliveries.iter().all(is_over)
            })
            .await;
        assert!(world.items("dead-letters").await.is_empty(), "{at:?}");
    }
}

/// The configuration with the target under another name.
fn rename_target(world: &World, from: &str, to: &str) {
    let file = world.folder.path().join("ringdown.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let renamed = settings.replace(&format!("targets.{from}"), &format!("targets.{to}"));
    let renamed = renamed.replace(&format!("[\"{from}\"]"), &format!("[\"{to}\"]"));
    std::fs::write(&file, renamed).unwrap();
}

#[tokio::test]
async fn what_is_owed_to_a_target_that_was_renamed_is_said_and_sent_when_it_is_back() {
    let mut world = World::new().await;
    on_creates(&world, FaultKind::Down, Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create has been tried", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["last_error"].is_object())
        })
        .await;
    world.daemon.kill();
    world.simulator.salesforce().clear_faults();
    rename_target(&world, "salesforce", "elsewhere");
    world.start().await;
    let dead = dead_letter(&world).await;
    let message = dead["message"].as_str().unwrap();
    assert!(
        message.contains("salesforce is not configured any more"),
        "{message}"
    );
    assert!(world.log().contains("dead-letters discard --all --target"));
    let missing = incident(&world).await["ticket"]["missing"].clone();
    let missing = missing.as_str().unwrap();
    assert!(missing.contains("dead letter"), "{missing}");
    world.daemon.kill();
    rename_target(&world, "elsewhere", "salesforce");
    world.start().await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

/// The external id refuses a second record, so the create of the process that died can be sent at once.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_target_that_was_renamed_for_a_while_waits_no_longer_than_a_lost_create_may_run() {
    let mut world = World::unstarted("").await;
    on_creates(&world, FaultKind::Down, Trigger::Always);
    world.spawn("before-settle");
    world.until_ready().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let began = std::time::Instant::now();
    while !world.daemon.is_dead() {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.simulator.salesforce().clear_faults();
    rename_target(&world, "salesforce", "elsewhere");
    world.start().await;
    dead_letter(&world).await;
    world.daemon.kill();
    rename_target(&world, "elsewhere", "salesforce");
    world.start().await;
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn open_tickets_in_other_records_than_the_configured_ones_are_named() {
    let mut world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    world.daemon.kill();
    world.configure("[targets.salesforce]\nobject = \"Incident\"");
    world.start().await;
    let log = world.log();
    let warned = log.lines().find(|line| line.contains("in other records"));
    assert!(warned.is_some_and(|line| line.contains("Case")), "{log}");
    world.accept(&event("calm", "q1", 100.0)).await;
    let message = dead_letter(&world).await["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.contains("is a record of"), "{message}");
    assert!(message.contains("Case"), "{message}");
    world.daemon.kill();
    world.configure("");
    world.start().await;
    world
        .until("the ticket is resolved", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_discard_says_what_became_of_the_incident() {
    let world = World::new().await;
    on_creates(
        &world,
        refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        Trigger::Always,
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let id = dead_letter(&world).await["id"].as_str().unwrap().to_owned();
    let mut command = world.command(&["dead-letters", "discard", &id]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("its key is released"), "{said}");
}
