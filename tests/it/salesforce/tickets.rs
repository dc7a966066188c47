//! Tickets: one per key, whatever happens to the answers.

use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::json;

use crate::salesforce::world::{CLIENT_CREDENTIALS, World, change, fields, key};

const ONCE: Trigger = Trigger::Next { count: 1 };

#[tokio::test]
async fn g6_a_ticket_is_created_with_its_fields_and_its_number_is_read() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let read = client.read(&ticket.id).await.unwrap().unwrap();
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(stored["Subject"], "Telephony Incident: Billing");
    assert_eq!(stored["Ringdown_Id__c"], key().as_str());
    assert_eq!(stored["Id"], json!(ticket.id));
    assert_eq!(read.number.as_deref(), stored["CaseNumber"].as_str());
    assert!(
        ticket
            .url
            .ends_with(&format!("/lightning/r/Case/{}/view", ticket.id))
    );
}

#[tokio::test]
async fn a_repeated_create_makes_no_second_ticket() {
    let world = World::new().await;
    let client = world.client();
    let first = client.create(&key(), &fields()).await.unwrap();
    let again = client.create(&key(), &fields()).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_look_up() {
    for kind in [
        FaultKind::CutAfterCommit,
        FaultKind::ErrorAfterCommit { status: 502 },
        FaultKind::ErrorAfterCommit { status: 503 },
    ] {
        let world = World::new().await;
        let client = world.client();
        world
            .simulator
            .salesforce()
            .add_fault(Fault::new(kind.clone(), ONCE).on_method("PATCH"));
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown, "{kind:?}");
        let found = client.find(&key()).await.unwrap().unwrap();
        assert_eq!(
            world.simulator.salesforce().tickets()[0]["Id"],
            json!(found.id)
        );
    }
}

#[tokio::test]
async fn a_ticket_that_was_never_made_is_not_found() {
    let world = World::new().await;
    let client = world.client();
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(FaultKind::Down, ONCE).on_method("PATCH"));
    client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(client.find(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn g16_answers_that_created_nothing_are_not_taken_for_success() {
    for kind in [
        FaultKind::OkWithoutId,
        FaultKind::SuccessFalse,
        FaultKind::HtmlWith200,
        FaultKind::Garbage,
        FaultKind::HugeBody { bytes: 10_000_000 },
    ] {
        let world = World::new().await;
        let client = world.client();
        world
            .simulator
            .salesforce()
            .add_fault(Fault::new(kind.clone(), ONCE).on_method("PATCH"));
        assert!(client.create(&key(), &fields()).await.is_err(), "{kind:?}");
        assert_eq!(world.simulator.salesforce().tickets().len(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn g15_a_validation_rules_refusal_names_code_message_and_field() {
    let world = World::new().await;
    let client = world.client();
    world.simulator.salesforce().add_fault(
        Fault::new(
            FaultKind::ValidationRefusal {
                code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
                message: "Queue must be known".into(),
                field: Some("Subject".into()),
            },
            ONCE,
        )
        .on_method("PATCH"),
    );
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert_eq!(
        failure.code.as_deref(),
        Some("FIELD_CUSTOM_VALIDATION_EXCEPTION")
    );
    assert_eq!(failure.message, "Queue must be known");
    assert_eq!(failure.field.as_deref(), Some("Subject"));
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_before_it_is_refused() {
    let world = World::new().await;
    let client = world.client();
    let mut long = fields();
    long.insert("Subject".into(), "ü".repeat(400).into());
    client.create(&key(), &long).await.unwrap();
    let subject = world.simulator.salesforce().tickets()[0]["Subject"].clone();
    assert!(subject.as_str().unwrap().ends_with("(cut)"));
}

#[tokio::test]
async fn a_ticket_is_commented_on_and_resolved_and_a_repetition_is_recognised() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    client
        .update(&ticket.id, &change("ref 1a", None))
        .await
        .unwrap();
    assert!(client.has_comment(&ticket.id, "ref 1a").await.unwrap());
    assert!(!client.has_comment(&ticket.id, "ref 2b").await.unwrap());
    client
        .resolve(&ticket.id, &change("ref 3c", Some("Closed")))
        .await
        .unwrap();
    client
        .resolve(&ticket.id, &change("ref 3c", Some("Closed")))
        .await
        .unwrap();
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(stored["IsClosed"], true);
    assert_eq!(stored["CommentCount"], 2);
}

#[tokio::test]
async fn a_resolution_that_leaves_the_ticket_open_is_a_failure() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let failure = client
        .resolve(&ticket.id, &change("ref 1a", Some("Done")))
        .await
        .unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("STILL_OPEN"));
}

#[tokio::test]
async fn a_status_that_an_agent_has_set_survives_our_comments() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    reqwest::Client::new()
        .post(format!("{}/_sim/tickets/{}", org.base_url(), ticket.id))
        .json(&json!({"Status": "Working"}))
        .send()
        .await
        .unwrap();
    client
        .update(&ticket.id, &change("ref 1a", None))
        .await
        .unwrap();
    assert_eq!(org.tickets()[0]["Status"], "Working");
}

#[tokio::test]
async fn several_records_with_our_key_are_reported_and_none_is_touched() {
    let world = World::new().await;
    world.simulator.salesforce().crm().configure(|switches| {
        switches.external_id_unique = false;
    });
    let client = world.client();
    client.create(&key(), &fields()).await.unwrap();
    let base = world.simulator.salesforce().base_url();
    let token = world
        .simulator
        .salesforce()
        .requests()
        .into_iter()
        .rev()
        .find_map(|request| {
            request
                .headers
                .into_iter()
                .find(|(name, value)| name == "authorization" && value.starts_with("Bearer"))
        });
    reqwest::Client::new()
        .post(format!("{base}/services/data/v64.0/sobjects/Case"))
        .header("authorization", token.unwrap().1)
        .json(&json!({"Subject": "copy", "Ringdown_Id__c": key().as_str()}))
        .send()
        .await
        .unwrap();
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("DUPLICATE_KEY"));
}

#[tokio::test]
async fn without_an_external_id_field_the_key_in_the_subject_finds_the_ticket() {
    let world = World::new().await;
    let client = world.client_with("", CLIENT_CREDENTIALS, "simulator-secret");
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(FaultKind::CutAfterCommit, ONCE).on_path("/sobjects/Case"));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert!(failure.settle_after.as_secs() >= 60, "no quick second POST");
    let found = client.find(&key()).await.unwrap().unwrap();
    assert_eq!(
        world.simulator.salesforce().tickets()[0]["Id"],
        json!(found.id)
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let world = World::new().await;
    let client = world.client();
    let elsewhere = world.simulator.servicenow();
    let location = format!("{}/lightning", elsewhere.base_url());
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(FaultKind::Redirect { location }, ONCE).on_method("PATCH"));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(elsewhere.requests().is_empty());
}
