//! What an operator does about a target and an incident, from the admin API to the CRM.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::world::{ADMIN_TOKEN, World, event};

async fn post(world: &World, path: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/{path}", world.admin);
    let request = world.client.post(url).bearer_auth(ADMIN_TOKEN).json(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

/// What must be done at once.
async fn done(world: &World, path: &str, body: &Value) -> Value {
    let (status, answer) = post(world, path, body).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer
}

async fn only_incident(world: &World, query: &str) -> Value {
    let incidents = world.items(&format!("incidents?{query}")).await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    incidents[0].clone()
}

fn opened(world: &World) -> usize {
    world.simulator.salesforce().tickets().len()
}

async fn silence(world: &World, matcher: &str) {
    let body = json!({"match": [matcher], "for": "2h", "reason": "a test"});
    assert_eq!(post(world, "silences", &body).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_paused_target_gets_nothing_until_a_person_resumes_it_also_after_a_restart() {
    let mut world = World::new().await;
    let why = json!({"reason": "release weekend"});
    let paused = done(&world, "targets/salesforce/pause", &why).await;
    assert_eq!(paused["state"], "paused_by_person");
    assert_eq!(paused["pause"]["reason"], "release weekend");
    let (status, twice) = post(&world, "targets/salesforce/pause", &why).await;
    assert_eq!(status, StatusCode::CONFLICT, "{twice}");
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world
        .until("the create is parked", async || {
            let deliveries = world.items("deliveries?state=parked").await;
            deliveries.len() == 1
        })
        .await;
    let parked = &world.items("deliveries?state=waiting,parked").await[0];
    let waits = parked["waits_for"].as_str().unwrap();
    assert_eq!(
        waits,
        "until a person resumes salesforce, which is paused by ops: release weekend"
    );
    world.daemon.kill();
    world.start().await;
    world
        .until("the metrics say it", async || {
            let metrics = world.metrics().await;
            metrics.contains(r#"ringdown_target_paused{target="salesforce"} 1"#)
                && metrics.contains(r#"ringdown_target_up{target="salesforce"} 0"#)
        })
        .await;
    let situation = world.api("status").await;
    let sentence = situation["sentence"].as_str().unwrap();
    assert!(sentence.contains("salesforce paused by ops"), "{sentence}");
    assert_eq!(opened(&world), 0);
    done(&world, "targets/salesforce/resume", &json!({})).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let incident = only_incident(&world, "").await;
    let id = incident["id"].as_str().unwrap();
    let timeline = world.items(&format!("incidents/{id}/timeline")).await;
    let what: Vec<&str> = timeline
        .iter()
        .filter_map(|one| one["what"].as_str())
        .collect();
    assert!(what.contains(&"waits for salesforce"), "{what:?}");
    assert!(
        what.contains(&"salesforce accepts writes again"),
        "{what:?}"
    );
    let (status, _) = post(&world, "targets/salesforce/resume", &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let audit = world.items("audit").await;
    let actions: Vec<&str> = audit
        .iter()
        .filter_map(|one| one["action"].as_str())
        .collect();
    assert_eq!(actions, ["target.resume", "target.pause"]);
}

#[tokio::test]
async fn a_pause_with_an_end_ends_by_itself() {
    let world = World::new().await;
    let why = json!({"reason": "a short one", "for": "2s"});
    done(&world, "targets/salesforce/pause", &why).await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world.tickets(1).await;
    world
        .until("it is up", async || {
            world.api("targets/salesforce").await["state"] == "up"
        })
        .await;
}

#[tokio::test]
async fn a_target_is_tested_without_writing_and_the_test_is_in_the_audit_log() {
    let world = World::new().await;
    let report = done(&world, "targets/salesforce/test", &json!({})).await;
    assert_eq!(report["target"], "salesforce");
    let checks = report["checks"].as_array().unwrap();
    let login = checks.iter().find(|one| one["check"] == "login").unwrap();
    assert_eq!(login["result"], "ok", "{report}");
    assert_eq!(opened(&world), 0);
    assert_eq!(world.items("audit").await[0]["action"], "target.test");
    let (status, _) = post(&world, "targets/nosuch/test", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_person_opens_the_ticket_of_a_silenced_incident_once() {
    let world = World::new().await;
    silence(&world, "rule=queue-wait").await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world
        .until("it is pending", async || {
            !world.items("incidents?state=pending").await.is_empty()
        })
        .await;
    let id = only_incident(&world, "").await["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let why = json!({"reason": "customers call", "request_id": "mine-1"});
    // The beginning of an id is enough.
    let short = format!("incidents/{}/open-ticket", &id[..13]);
    let answer = done(&world, &short, &why).await;
    assert_eq!(answer["state"], "done");
    world.tickets(1).await;
    // The same request again is carried out already; another finds a ticket.
    done(&world, &short, &why).await;
    let (status, refused) = post(&world, &short, &json!({"reason": "again"})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    world.all_delivered().await;
    assert_eq!(opened(&world), 1);
    let opened = only_incident(&world, "state=open").await;
    assert!(opened["ticket"]["id"].is_string(), "{opened}");
    let timeline = world.items(&format!("incidents/{id}/timeline")).await;
    let ordered = timeline.iter().find(|one| one["what"] == "ticket ordered");
    assert_eq!(ordered.unwrap()["cause"], "by ops: customers call");
}

#[tokio::test]
async fn closing_here_resolves_the_ticket_and_frees_the_key() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    world
        .until("the number of the ticket is read", async || {
            only_incident(&world, "").await["ticket"]["number"].is_string()
        })
        .await;
    let incident = only_incident(&world, "").await;
    let number = incident["ticket"]["number"].as_str().unwrap().to_owned();
    let note = json!({"text": "The carrier is informed", "request_id": "n-1"});
    done(&world, &format!("incidents/{number}/note"), &note).await;
    done(&world, &format!("incidents/{number}/note"), &note).await;
    let why = json!({"reason": "a test call"});
    let closed = done(&world, &format!("incidents/{number}/close"), &why).await;
    assert_eq!(closed["incident"]["state"], "closed");
    world.all_delivered().await;
    let ticket = world.simulator.salesforce().tickets()[0].clone();
    assert_eq!(ticket["Status"], "Closed", "{ticket}");
    let said = ticket.to_string();
    let notes = said.matches("Note by ops: The carrier is informed").count();
    assert_eq!(notes, 1, "{said}");
    assert!(
        said.contains("Closed in Ringdown by ops: a test call"),
        "{said}"
    );
    let (status, _) = post(&world, &format!("incidents/{number}/close"), &why).await;
    assert_eq!(status, StatusCode::CONFLICT);
    world.accept(&event("evt-2", "q1", 430.0)).await;
    world.tickets(2).await;
    let audit = world.items("audit").await;
    let actions: Vec<&str> = audit
        .iter()
        .filter_map(|one| one["action"].as_str())
        .collect();
    assert_eq!(actions, ["incident.close", "incident.note"]);
}

#[tokio::test]
async fn closing_before_the_ticket_exists_creates_none() {
    let world = World::new().await;
    let pause = json!({"reason": "a test"});
    done(&world, "targets/salesforce/pause", &pause).await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world
        .until("the create waits", async || {
            world.items("deliveries?state=parked").await.len() == 1
        })
        .await;
    let id = only_incident(&world, "").await["id"].clone();
    let path = format!("incidents/{}/close", id.as_str().unwrap());
    done(&world, &path, &json!({"reason": "a test call"})).await;
    done(&world, "targets/salesforce/resume", &json!({})).await;
    // A second queue's ticket comes after whatever the first one would have sent.
    world.accept(&event("evt-2", "q2", 412.0)).await;
    world.tickets(1).await;
    world
        .until("nothing is owed", async || {
            let owed = world.items("deliveries?state=waiting,parked,sending").await;
            owed.is_empty()
        })
        .await;
    assert_eq!(opened(&world), 1);
    assert_eq!(world.items("deliveries?state=discarded").await.len(), 1);
}

#[tokio::test]
async fn what_looks_wrong_in_the_configuration_is_shown_while_it_is_in_force() {
    let more = "[rules.queue-wait]\nclear = \"metrics[queue.waitTime].avg < 400\"\n";
    let mut world = World::unstarted(more).await;
    world.start().await;
    let warnings = async || world.api("config").await["warnings"].to_string();
    world
        .until("the rules are tried", async || warnings().await.len() > 2)
        .await;
    let warnings = warnings().await;
    assert!(warnings.contains("rules.queue-wait.clear"), "{warnings}");
    assert!(warnings.contains("more.toml"), "{warnings}");
    let session = world
        .client
        .get(format!("{}/ui/configuration", world.admin));
    let page = session.send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("What looks wrong"), "nobody has signed in");
}
