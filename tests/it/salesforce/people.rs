//! Tickets that people and others work on at the same time, and the org's own rules.

use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketChange;
use ringdown::simulator::{CLIENT_SECRET, Fault, FaultKind, RecordedRequest, Trigger};
use serde_json::{Value, json};

use crate::salesforce::world::{CLIENT_CREDENTIALS, World, change, fields, key};

const ONCE: Trigger = Trigger::Next { count: 1 };

fn page(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        body: "<html>nothing here</html>".to_owned(),
        content_type: "text/html".to_owned(),
    }
}

fn refusal(code: &str, message: &str) -> FaultKind {
    FaultKind::ValidationRefusal {
        code: code.to_owned(),
        message: message.to_owned(),
        field: None,
    }
}

#[tokio::test]
async fn what_an_agent_changed_survives_a_create_whose_answer_was_lost() {
    let world = World::new().await;
    let client = world.client();
    let org = world.simulator.salesforce();
    org.add_fault(Fault::new(FaultKind::CutAfterCommit, ONCE).on_method("PATCH"));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    let id = org.tickets()[0]["Id"].as_str().unwrap().to_owned();
    world.edit(&id, &json!({"Status": "Working"})).await;
    let found = client.find(&key()).await.unwrap().unwrap();
    assert_eq!(found.state.as_deref(), Some("Working"));
    assert_eq!(org.tickets()[0]["Status"], "Working");
}

#[tokio::test]
async fn a_ticket_that_another_request_opened_first_is_adopted_as_it_is() {
    let world = World::new().await;
    let client = world.client();
    let org = world.simulator.salesforce();
    let first = client.create(&key(), &fields()).await.unwrap();
    world.edit(&first.id, &json!({"Status": "Working"})).await;
    let words = "duplicate value found: Ringdown_Id__c duplicates value on record with id: 5000";
    org.add_fault(Fault::new(refusal("DUPLICATE_VALUE", words), ONCE).on_method("PATCH"));
    let adopted = client.create(&key(), &fields()).await.unwrap();
    assert_eq!(adopted.id, first.id);
    assert_eq!(adopted.state.as_deref(), Some("Working"));
    assert!(adopted.was_there && !first.was_there);
}

#[tokio::test]
async fn a_duplicate_of_another_unique_field_is_a_refusal() {
    let world = World::new().await;
    let client = world.client();
    let words = "duplicate value found: Asset__c duplicates value on record with id: 5000";
    let fault = Fault::new(refusal("DUPLICATE_VALUE", words), ONCE).on_method("PATCH");
    world.simulator.salesforce().add_fault(fault);
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy(), Remedy::GiveUp);
}

#[tokio::test]
async fn a_closed_ticket_is_not_opened_again_by_an_update() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    world.edit(&ticket.id, &json!({"Status": "Closed"})).await;
    let update = change("ref 1", Some("Working"));
    assert!(client.update(&ticket.id, &update).await.unwrap().is_write);
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(stored["Status"], "Closed");
    assert_eq!(stored["CommentCount"], 1);
    let silent = TicketChange {
        fields: update.fields,
        ..TicketChange::default()
    };
    let applied = client.update(&ticket.id, &silent).await.unwrap();
    assert!(!applied.is_write, "nothing was left to send");
}

#[tokio::test]
async fn a_long_comment_is_found_again_by_its_mark() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let update = TicketChange {
        comment: Some(format!("{} [ref 7]", "Störung 😀 ".repeat(600))),
        marker: "ref 7".to_owned(),
        ..TicketChange::default()
    };
    client.update(&ticket.id, &update).await.unwrap();
    assert!(client.has_comment(&ticket.id, "ref 7").await.unwrap());
}

#[tokio::test]
async fn a_web_page_instead_of_a_ticket_does_not_mean_that_it_is_gone() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    org.add_fault(Fault::new(page(404), ONCE).on_method("GET"));
    let failure = client.read(&ticket.id).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    org.add_fault(Fault::new(page(404), ONCE).on_method("GET"));
    assert!(client.find(&key()).await.is_err());
}

#[tokio::test]
async fn a_deleted_ticket_is_gone() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    world.delete(&ticket.id).await;
    assert_eq!(client.read(&ticket.id).await.unwrap(), None);
    let failure = client
        .update(&ticket.id, &change("ref 1", Some("Working")))
        .await;
    // A poll finds out whether it was deleted.
    let failure = failure.unwrap_err();
    assert!(failure.is_not_found());
    assert_eq!(failure.remedy(), Remedy::Retry);
}

/// What a request, or the requests inside it, say about assignment rules at each change of a ticket.
fn said_about_assignment(request: &RecordedRequest) -> Vec<String> {
    let own = request.headers.iter();
    let own = own.filter(|(name, _)| request.method == "PATCH" && name == "sforce-auto-assign");
    let mut said: Vec<String> = own.map(|(_, value)| value.clone()).collect();
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let parts = body["compositeRequest"].as_array().into_iter().flatten();
    let changes = parts.filter(|part| part["method"] == "PATCH");
    said.extend(changes.map(|part| {
        let value = &part["httpHeaders"]["sforce-auto-assign"];
        value.as_str().unwrap_or("nothing").to_owned()
    }));
    said
}

#[tokio::test]
async fn assignment_rules_run_at_the_opening_and_never_again() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let update = change("ref 1", Some("Working"));
    client.update(&ticket.id, &update).await.unwrap();
    let assigned: Vec<String> = world
        .simulator
        .salesforce()
        .requests()
        .iter()
        .flat_map(said_about_assignment)
        .collect();
    assert_eq!(assigned, ["TRUE", "FALSE"]);
}

#[tokio::test]
async fn g18_both_limits_pause_the_target_and_cost_no_attempt() {
    for (daily, seconds) in [(true, 900), (false, 30)] {
        let world = World::new().await;
        let client = world.client();
        let limit = FaultKind::RequestLimitExceeded { daily };
        let fault = Fault::new(limit, ONCE).on_method("PATCH");
        world.simulator.salesforce().add_fault(fault);
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::RateLimited);
        let pause = std::time::Duration::from_secs(seconds);
        assert_eq!(failure.remedy(), Remedy::PauseTarget(Some(pause)));
        assert!(!failure.outcome_unknown);
    }
}

#[tokio::test]
async fn a_key_field_that_is_not_there_holds_the_target_and_opens_nothing() {
    let world = World::new().await;
    let unknown = "external_id_field = \"Nowhere__c\"";
    let client = world.client_with(unknown, CLIENT_CREDENTIALS, CLIENT_SECRET);
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert!(failure.message.contains("Nowhere__c"));
    assert!(world.simulator.salesforce().tickets().is_empty());
}

#[tokio::test]
async fn without_a_key_field_the_ticket_is_found_after_an_agent_has_added_to_its_subject() {
    let world = World::new().await;
    let client = world.client_with("", CLIENT_CREDENTIALS, CLIENT_SECRET);
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    let subject = org.tickets()[0]["Subject"].as_str().unwrap().to_owned();
    let longer = format!("{subject} - with the carrier");
    world.edit(&ticket.id, &json!({ "Subject": longer })).await;
    assert_eq!(client.find(&key()).await.unwrap().unwrap().id, ticket.id);
}

#[tokio::test]
async fn a_ticket_hangs_under_its_parent() {
    for (object, field) in [("Case", "ParentId"), ("Incident", "ParentIncidentId")] {
        let world = World::new().await;
        let client = world.client_of(object);
        let parent = client.create(&key(), &fields()).await.unwrap();
        let other = ringdown::domain::ticket::TicketKey::of_incident(&IncidentId::new("0195-2"));
        let child = client.create(&other, &fields()).await.unwrap();
        client.link(&child.id, &parent.id).await.unwrap();
        assert_eq!(world.simulator.salesforce().tickets()[1][field], parent.id);
    }
}

#[tokio::test]
async fn an_incident_is_commented_on_in_its_feed_and_is_closed_by_its_status() {
    let world = World::new().await;
    let client = world.client_of("Incident");
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let update = change("ref 1", None);
    client.update(&ticket.id, &update).await.unwrap();
    assert!(client.has_comment(&ticket.id, "ref 1").await.unwrap());
    world
        .edit(&ticket.id, &json!({"Status": "Completed"}))
        .await;
    let read = client.read(&ticket.id).await.unwrap().unwrap();
    assert!(read.closed && read.number.is_some());
    let resolution = change("ref 2", Some("Closed"));
    let applied = client.resolve(&ticket.id, &resolution).await.unwrap();
    assert!(!applied.is_write);
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(stored["Status"], "Completed", "people win");
}

#[tokio::test]
async fn an_id_that_is_none_is_never_put_into_a_path() {
    let world = World::new().await;
    let client = world.client();
    for id in ["", "../limits", "500'--", "5000000000000010"] {
        assert_eq!(client.read(id).await.unwrap_err().remedy(), Remedy::GiveUp);
    }
    assert!(world.simulator.salesforce().requests().is_empty());
}
