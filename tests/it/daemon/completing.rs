//! Fields that a ticket lacks, because the CRM refused or dropped them: they are shown, and set later.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::servicenow;
use crate::support::world::{World, event};

/// Longer than the wait before the first try, and before the second.
const FIRST: Duration = Duration::from_secs(61);
const SECOND: Duration = Duration::from_secs(301);

/// Salesforce refuses every write that sets `field`.
fn refuse(world: &World, field: &str) {
    let refusal = FaultKind::ValidationRefusal {
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into(),
        message: "bad value for restricted picklist field".into(),
        field: Some(field.into()),
    };
    let fault = Fault::new(refusal, Trigger::Always).on_method("PATCH");
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(fault.on_body(&format!("\"{field}\":")));
}

/// The one incident, once it is there.
async fn incident(world: &World) -> Value {
    let incidents = world.items("incidents").await;
    incidents.into_iter().next_back().unwrap_or_default()
}

/// What the ticket lacks.
async fn incomplete(world: &World) -> Vec<Value> {
    let incident = incident(world).await;
    let incomplete = incident["ticket"]["incomplete"].as_array();
    incomplete.cloned().unwrap_or_default()
}

async fn until_incomplete(world: &World, count: usize) -> Vec<Value> {
    world
        .until(&format!("the ticket lacks {count} fields"), async || {
            let incident = incident(world).await;
            incident["ticket"]["id"].is_string() && incomplete(world).await.len() == count
        })
        .await;
    incomplete(world).await
}

/// The causes of the entries of the timeline about fields that were completed.
async fn completed(world: &World) -> Vec<String> {
    let id = incident(world).await["id"].as_str().unwrap().to_owned();
    let timeline = world.items(&format!("incidents/{id}/timeline")).await;
    let entries = timeline
        .iter()
        .filter(|one| one["what"] == "fields completed");
    let causes = entries.map(|one| one["cause"].as_str().unwrap().to_owned());
    causes.collect()
}

/// Tries of the priority alone.
fn tries(world: &World) -> usize {
    let requests = world.simulator.salesforce().requests();
    let is_try = |body: &str| body == r#"{"Priority":"High"}"#;
    requests.iter().filter(|one| is_try(&one.body)).count()
}

async fn until_tried(world: &World, count: usize) {
    world
        .until(&format!("it was tried {count} times"), async || {
            tries(world) >= count
        })
        .await;
}

/// A world whose one ticket lacks its priority.
async fn lacking_priority() -> World {
    let world = World::new().await;
    refuse(&world, "Priority");
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_incomplete(&world, 1).await;
    world.all_delivered().await;
    world
}

#[tokio::test]
async fn a_refused_field_is_set_once_the_crm_accepts_it() {
    let world = lacking_priority().await;
    world.pass(FIRST);
    until_tried(&world, 1).await;
    world
        .until("the try is over", async || {
            world.log().contains("were tried again")
        })
        .await;
    assert_eq!(incomplete(&world).await.len(), 1, "still refused");
    assert!(world.items("dead-letters").await.is_empty());
    world.all_delivered().await;
    world.simulator.salesforce().clear_faults();
    world.pass(SECOND);
    until_incomplete(&world, 0).await;
    assert_eq!(
        world.simulator.salesforce().tickets()[0]["Priority"],
        "High"
    );
    assert_eq!(completed(&world).await, ["Priority: set"]);
    world.all_delivered().await;
    assert_eq!(tries(&world), 2);
}

const WORSE: &str = r#"
[rules.queue-wait]
severity = { critical = "metrics[queue.waitTime].avg > 900", default = "high" }
[targets.salesforce.create]
Priority = "{{ {'critical': 'Critical'}[severity] or 'High' }}"
[targets.salesforce.resolve]
Reason = "Feedback"
"#;

#[tokio::test]
async fn an_update_and_a_resolution_are_sent_without_a_refused_field_and_the_comment_names_it() {
    let mut world = World::unstarted(WORSE).await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    refuse(&world, "Priority");
    refuse(&world, "Reason");
    world.accept(&event("evt-2", "q1", 950.0)).await;
    let salesforce = world.simulator.salesforce();
    world
        .until("the refused priority is in a comment", async || {
            let comments = salesforce.tickets()[0]["CommentList"].to_string();
            comments.contains("Not set, because the CRM refused it: Priority = Critical")
        })
        .await;
    world.accept(&event("evt-3", "q1", 100.0)).await;
    world
        .until("the ticket is resolved", async || {
            salesforce.tickets()[0]["IsClosed"] == true
        })
        .await;
    world.all_delivered().await;
    let ticket = salesforce.tickets().remove(0);
    assert_eq!(
        (&ticket["Priority"], &ticket["Reason"]),
        (&json!("High"), &Value::Null)
    );
    let comments = ticket["CommentList"].to_string();
    let note = "Not set, because the CRM refused it: Reason = Feedback";
    assert_eq!(comments.matches(note).count(), 1, "{comments}");
    assert_eq!(comments.matches("ecovered").count(), 1, "{comments}");
    assert!(world.items("dead-letters").await.is_empty());
}

#[tokio::test]
async fn a_resolution_whose_ticket_is_locked_without_the_refused_field_waits_for_the_lock() {
    let mut world = World::unstarted(WORSE).await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    refuse(&world, "Reason");
    let locked = FaultKind::ValidationRefusal {
        code: "ENTITY_IS_LOCKED".into(),
        message: "the entity is locked for editing".into(),
        field: None,
    };
    let locked = Fault::new(locked, Trigger::Always).on_method("PATCH");
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(locked.on_body("\"Status\":"));
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the resolution is parked", async || {
            let parked = world.items("deliveries?state=parked").await;
            let error = |one: &Value| one["last_error"].to_string();
            parked
                .iter()
                .any(|one| error(one).contains("locked for editing"))
        })
        .await;
    assert!(world.items("dead-letters").await.is_empty());
}

#[tokio::test]
async fn what_a_person_has_put_in_is_not_overwritten() {
    let world = lacking_priority().await;
    let salesforce = world.simulator.salesforce();
    let id = salesforce.tickets()[0]["Id"].as_str().unwrap().to_owned();
    assert!(salesforce.edit_ticket(&id, &json!({"Priority": "Low"})));
    salesforce.clear_faults();
    world.pass(FIRST);
    until_incomplete(&world, 0).await;
    assert_eq!(salesforce.tickets()[0]["Priority"], "Low");
    assert_eq!(
        completed(&world).await,
        ["Priority: has a value of somebody else"]
    );
    assert_eq!(tries(&world), 0);
}

#[tokio::test]
async fn a_ticket_that_is_resolved_is_left_and_its_resolution_does_not_wait() {
    let world = lacking_priority().await;
    world.pass(FIRST);
    until_tried(&world, 1).await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the ticket is resolved", async || {
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    world.all_delivered().await;
    world.simulator.salesforce().clear_faults();
    world.pass(Duration::from_secs(3601));
    // Something else is delivered meanwhile.
    world.accept(&event("evt-3", "q2", 400.0)).await;
    world.tickets(2).await;
    world.pass(Duration::from_secs(3601));
    world.accept(&event("evt-4", "q3", 400.0)).await;
    world.tickets(3).await;
    assert_eq!(tries(&world), 1);
}

#[tokio::test]
async fn a_field_left_out_is_shown_when_the_answer_was_lost() {
    let world = World::new().await;
    refuse(&world, "Source__c");
    let lost = Fault::new(FaultKind::CutAfterCommit, Trigger::Next { count: 1 });
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(lost.on_body("Not set, because the CRM refused it"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let lacks = until_incomplete(&world, 1).await.remove(0);
    assert_eq!(lacks["field"], "Source__c");
    assert_eq!(lacks["value"], "Genesys Cloud Telephony");
    let reason = lacks["reason"].as_str().unwrap();
    assert!(reason.contains("restricted picklist"), "{reason}");
    world.all_delivered().await;
    assert_eq!(salesforce.tickets().len(), 1);
    salesforce.clear_faults();
    world.pass(FIRST);
    until_incomplete(&world, 0).await;
    assert_eq!(
        salesforce.tickets()[0]["Source__c"],
        "Genesys Cloud Telephony"
    );
}

/// A world whose tickets go to ServiceNow, with this field among others.
async fn in_servicenow(field: &str) -> World {
    let world = World::unstarted("").await;
    world.configure(&settings(&world, field));
    world
}

fn settings(world: &World, field: &str) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}}"
description = "Average wait {{{{ wait_time_avg }}}} s"
urgency = "1"
{field}
"#,
        servicenow(&world.simulator)
    )
}

#[tokio::test]
async fn a_value_that_the_crm_drops_without_a_word_is_shown_and_set_once_it_is_kept() {
    let mut world = in_servicenow("category = \"telephony\"").await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let lacks = until_incomplete(&world, 1).await.remove(0);
    assert_eq!(lacks["field"], "category");
    assert_eq!(lacks["value"], "telephony");
    assert_eq!(lacks["kept"], "inquiry", "the default");
    assert_eq!(lacks["reason"], "the instance has another value");
    let instance = world.simulator.servicenow();
    let description = instance.tickets()[0]["description"].clone();
    let description = description.as_str().unwrap();
    assert!(
        description.contains("category = telephony"),
        "{description}"
    );
    world.pass(FIRST);
    world
        .until("it was tried in vain", async || {
            world.log().contains("did not keep the value")
        })
        .await;
    assert_eq!(incomplete(&world).await.len(), 1);
    instance
        .switch(&json!({"allow_unknown_choices": true}))
        .unwrap();
    world.pass(SECOND);
    until_incomplete(&world, 0).await;
    assert_eq!(instance.tickets()[0]["category"], "telephony");
}

#[tokio::test]
async fn a_field_that_our_user_may_not_write_is_shown_with_its_reason() {
    let mut world = in_servicenow("contact_type = \"phone\"").await;
    let instance = world.simulator.servicenow();
    instance
        .switch(&json!({"unwritable_fields": ["contact_type"]}))
        .unwrap();
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let lacks = until_incomplete(&world, 1).await.remove(0);
    assert_eq!(lacks["field"], "contact_type");
    assert_eq!(lacks["kept"], "");
    let reason = lacks["reason"].as_str().unwrap();
    assert!(reason.contains("may not write the field"), "{reason}");
    let counted = r#"ringdown_omitted_fields_total{target="servicenow",field="contact_type"} 1"#;
    assert!(world.metrics().await.contains(counted));
}

#[tokio::test]
async fn a_corrected_configuration_sets_the_field_at_once() {
    let mut world = in_servicenow("assignment_group = \"No Such Group\"").await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let lacks = until_incomplete(&world, 1).await.remove(0);
    assert_eq!(lacks["field"], "assignment_group");
    world.all_delivered().await;
    world.daemon.kill();
    world.configure(&settings(
        &world,
        "assignment_group = \"Telephony Operations\"",
    ));
    world.start().await;
    until_incomplete(&world, 0).await;
    let ticket = world.simulator.servicenow().tickets().remove(0);
    assert_ne!(ticket["assignment_group"], "");
    assert_eq!(completed(&world).await, ["assignment_group: set"]);
    assert_eq!(world.simulator.servicenow().tickets().len(), 1);
}
