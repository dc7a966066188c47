//! Every open incident gets its ticket in the end, whatever the CRM answered meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::support::world::{World, event};

fn refusal(code: &str, field: Option<&str>) -> FaultKind {
    FaultKind::ValidationRefusal {
        code: code.into(),
        message: "bad value for restricted picklist field".into(),
        field: field.map(str::to_owned),
    }
}

/// Salesforce refuses creates whose body contains `part`, until the faults are cleared.
fn refuse_creates(world: &World, kind: FaultKind, part: &str) {
    let refused = Fault::new(kind, Trigger::Always).on_method("PATCH");
    world
        .simulator
        .salesforce()
        .add_fault(refused.on_body(part));
}

async fn incident(world: &World) -> Value {
    world.items("incidents").await.remove(0)
}

/// Waits for a dead letter. Returns its id.
async fn dead_letter(world: &World) -> String {
    world
        .until("there is a dead letter", async || {
            !world.items("dead-letters").await.is_empty()
        })
        .await;
    let id = world.items("dead-letters").await[0]["id"].clone();
    id.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refused_optional_field_costs_the_field_and_not_the_ticket() {
    let world = World::new().await;
    let unknown = refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Some("Priority"));
    refuse_creates(&world, unknown, "\"Priority\":");
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let ticket = world.tickets(1).await.remove(0);
    world.all_delivered().await;
    assert_ne!(ticket["Priority"], "High", "{ticket}");
    let description = ticket["Description"].as_str().unwrap();
    assert!(description.contains("Priority = High"), "{description}");
    let incomplete = &incident(&world).await["ticket"]["incomplete"][0];
    assert_eq!(incomplete["field"], "Priority");
    assert_eq!(incomplete["value"], "High");
    let reason = incomplete["reason"].as_str().unwrap();
    assert!(reason.contains("restricted picklist"), "{reason}");
    let counted = r#"ringdown_omitted_fields_total{target="salesforce",field="Priority"} 1"#;
    assert!(world.metrics().await.contains(counted));
}

#[tokio::test]
async fn a_strict_field_is_not_left_out() {
    let strict = "[targets.salesforce]\nstrict_fields = [\"Priority\"]";
    let mut world = World::unstarted(strict).await;
    world.start().await;
    let unknown = refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Some("Priority"));
    refuse_creates(&world, unknown, "\"Priority\":");
    world.accept(&event("evt-1", "q1", 400.0)).await;
    dead_letter(&world).await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    let missing = incident(&world).await["ticket"]["missing"].clone();
    let missing = missing.as_str().unwrap();
    assert!(
        missing.starts_with("a person is needed: dead letter"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_create_that_was_refused_is_rendered_again_after_the_configuration_was_corrected() {
    let mut world = World::unstarted("[targets.salesforce.create]\nSubject = \"Wrong\"").await;
    world.start().await;
    refuse_creates(
        &world,
        refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", None),
        "Wrong",
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    dead_letter(&world).await;
    world.daemon.kill();
    world.configure("[targets.salesforce.create]\nSubject = \"Right {{ queue_name }}\"");
    world.start().await;
    let ticket = world.tickets(1).await.remove(0);
    assert_eq!(ticket["Subject"], "Right Queue q1");
    world.all_delivered().await;
}

/// The title of the ticket after a replay with this query. It counts breaches: one when the create was
/// written, two when it is replayed.
async fn title_after_replay(query: &str) -> String {
    let counts = "[targets.salesforce.create]\nSubject = \"Breach {{ incident.occurrences }}\"";
    let mut world = World::unstarted(counts).await;
    world.start().await;
    let refused = refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", None);
    refuse_creates(&world, refused, "Subject");
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let id = dead_letter(&world).await;
    world.accept(&event("evt-2", "q1", 400.0)).await;
    world
        .until("the second breach is counted", async || {
            incident(&world).await["occurrences"] == 2
        })
        .await;
    world.simulator.salesforce().clear_faults();
    world.act(&format!("dead-letters/{id}/replay{query}")).await;
    let ticket = world.tickets(1).await.remove(0);
    world.all_delivered().await;
    ticket["Subject"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_replay_renders_the_ticket_again_unless_it_is_to_be_sent_as_stored() {
    assert_eq!(title_after_replay("").await, "Breach 2");
    assert_eq!(title_after_replay("?as_stored=true").await, "Breach 1");
}

#[tokio::test]
async fn after_a_discarded_create_the_next_breach_opens_a_new_incident() {
    let world = World::new().await;
    refuse_creates(
        &world,
        refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", None),
        "Subject",
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let id = dead_letter(&world).await;
    world.act(&format!("dead-letters/{id}/discard")).await;
    assert_eq!(incident(&world).await["state"], "closed");
    world.simulator.salesforce().clear_faults();
    world.accept(&event("evt-2", "q1", 400.0)).await;
    world.tickets(1).await;
    assert_eq!(incident(&world).await["state"], "open");
}

#[tokio::test]
async fn while_only_reads_succeed_one_delivery_is_tried_at_a_time_and_all_follow_the_first_write() {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    let read_only = FaultKind::Status {
        status: 400,
        body: json!([{"errorCode": "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
            "message": "Updates can't be made during maintenance.", "fields": []}])
        .to_string(),
        content_type: "application/json".into(),
    };
    salesforce.add_fault(Fault::new(read_only, Trigger::Always).on_method("PATCH"));
    for queue in 0..20 {
        world
            .accept(&event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
            .await;
    }
    let writes = || {
        let requests = salesforce.requests();
        requests.iter().filter(|one| one.method == "PATCH").count()
    };
    world
        .until("the first canary has failed", async || {
            let parked = world.items("deliveries?state=parked&limit=500").await;
            parked.len() == 20 && writes() > 1
        })
        .await;
    // Four may be in flight when the first is refused; each canary waits twice as long.
    assert!(writes() <= 8, "the CRM was hammered: {}", writes());
    let waiting = world.items("deliveries?state=parked&limit=500").await;
    assert_eq!(
        waiting[0]["waits_for"],
        "until salesforce accepts writes again"
    );
    assert!(world.items("dead-letters").await.is_empty());
    let missing = incident(&world).await["ticket"]["missing"].clone();
    assert_eq!(missing, "parked until salesforce accepts writes again");
    salesforce.clear_faults();
    world.tickets(20).await;
    world.all_delivered().await;
    let id = incident(&world).await["id"].clone();
    let timeline = world
        .items(&format!("incidents/{}/timeline", id.as_str().unwrap()))
        .await;
    let count = |what: &str| timeline.iter().filter(|one| one["what"] == what).count();
    assert_eq!(count("waits for salesforce"), 1, "{timeline:#?}");
    assert_eq!(count("salesforce accepts writes again"), 1, "{timeline:#?}");
}

#[tokio::test]
async fn a_ticket_that_was_only_read_does_not_end_the_wait_of_its_target() {
    let mut world = World::unstarted("[targets.salesforce.sync]\npoll_every = \"1h\"").await;
    world.start().await;
    let salesforce = world.simulator.salesforce();
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let ticket = world.tickets(1).await.remove(0);
    world.all_delivered().await;
    let full = Fault::new(refusal("STORAGE_LIMIT_EXCEEDED", None), Trigger::Always);
    salesforce.add_fault(full.on_method("PATCH"));
    world.accept(&event("evt-2", "q2", 400.0)).await;
    let target = async || world.items("targets").await.remove(0);
    world
        .until("the target is held", async || {
            target().await["state"] == "held"
        })
        .await;
    let since = target().await["since"].clone();
    assert!(salesforce.close_ticket(ticket["Id"].as_str().unwrap()));
    world.accept(&event("evt-3", "q1", 100.0)).await;
    world
        .until("the closed ticket was read", async || {
            world.pass(Duration::from_secs(5));
            let deliveries = world.items("deliveries").await;
            deliveries
                .iter()
                .any(|one| one["operation"] == "resolve" && one["state"] == "done")
        })
        .await;
    let held = target().await;
    assert_eq!((&held["state"], &held["since"]), (&json!("held"), &since));
    let log = world.log();
    assert!(
        !log.contains("deliveries that waited for it are sent"),
        "{log}"
    );
    salesforce.clear_faults();
    world
        .until("the other ticket is created", async || {
            world.pass(Duration::from_secs(5));
            salesforce.tickets().len() == 2
        })
        .await;
    world.all_delivered().await;
}

#[tokio::test]
async fn another_key_field_is_refused_at_the_start_while_a_create_is_in_doubt() {
    let mut world = World::new().await;
    let salesforce = world.simulator.salesforce();
    let lost = Fault::new(FaultKind::CutAfterCommit, Trigger::Always).on_method("PATCH");
    salesforce.add_fault(lost);
    salesforce.add_fault(Fault::new(FaultKind::Down, Trigger::Always).on_method("GET"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create is in doubt", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["in_doubt"] == true)
        })
        .await;
    world.daemon.kill();
    world.configure("[targets.salesforce]\nexternal_id_field = \"Other_Id__c\"");
    let mut serve = world.command(&["serve"]);
    let output = tokio::task::spawn_blocking(move || serve.output());
    let output = output.await.unwrap().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("in doubt"), "{said}");
}
