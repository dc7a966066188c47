//! Refusals that are about one field: which field it is, and whether the ticket may do without it.

use ringdown::domain::failure::{Failure, FailureScope, Remedy, ResolvedBy, class};
use ringdown::simulator::salesforce::{CustomField, Switches};
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::salesforce::world::{World, change, fields, key};

/// The failure of a create with `more` fields in an org with these switches.
async fn refused(configure: impl FnOnce(&mut Switches), more: Value) -> Failure {
    let world = World::new().await;
    world.simulator.salesforce().crm().configure(configure);
    let mut wanted = fields();
    wanted.extend(more.as_object().unwrap().clone());
    let client = world.client();
    let failure = client.create(&key(), &wanted).await.unwrap_err();
    assert!(world.simulator.salesforce().tickets().is_empty());
    assert!(!failure.outcome_unknown);
    failure
}

fn assert_refuses_value_of(failure: &Failure, field: &str) {
    assert!(failure.refuses_value, "{failure}");
    assert_eq!(failure.field.as_deref(), Some(field), "{failure}");
    let refused = class(FailureScope::Ticket, ResolvedBy::Nothing);
    assert_eq!(failure.class, refused, "{failure}");
}

#[tokio::test]
async fn a_refused_value_names_the_field_that_the_ticket_can_do_without() {
    let picklist = |switches: &mut Switches| switches.restricted_picklists = true;
    let failure = refused(picklist, json!({"Priority": "Extreme"})).await;
    assert_refuses_value_of(&failure, "Priority");

    let failure = refused(|_| {}, json!({"Nowhere__c": "x"})).await;
    assert_refuses_value_of(&failure, "Nowhere__c");

    let hidden = |switches: &mut Switches| switches.hidden_fields = vec!["Queue__c".to_owned()];
    let failure = refused(hidden, json!({"Queue__c": "Billing"})).await;
    assert_refuses_value_of(&failure, "Queue__c");

    let barred = |switches: &mut Switches| switches.read_only_fields = vec!["Queue__c".to_owned()];
    let failure = refused(barred, json!({"Queue__c": "Billing"})).await;
    assert_refuses_value_of(&failure, "Queue__c");

    let short = |switches: &mut Switches| {
        let name = "Note__c".to_owned();
        switches.custom_fields.push(CustomField { name, length: 5 });
    };
    let failure = refused(short, json!({"Note__c": "longer than five"})).await;
    assert_refuses_value_of(&failure, "Note__c");

    let failure = refused(|_| {}, json!({"OwnerId": "no id at all"})).await;
    assert_refuses_value_of(&failure, "OwnerId");
}

#[tokio::test]
async fn a_field_that_must_be_there_is_named_and_waits_for_a_person() {
    let required = |switches: &mut Switches| switches.required_fields = vec!["Site__c".to_owned()];
    let failure = refused(required, json!({})).await;
    assert_eq!(failure.field.as_deref(), Some("Site__c"));
    assert!(!failure.refuses_value);
    let waits = class(FailureScope::Ticket, ResolvedBy::PersonInConfiguration);
    assert_eq!(failure.class, waits);
}

#[tokio::test]
async fn a_refusal_that_names_a_field_we_did_not_send_refuses_no_value_of_ours() {
    let world = World::new().await;
    let kind = FaultKind::ValidationRefusal {
        code: "STRING_TOO_LONG".to_owned(),
        message: "Log: data value too large".to_owned(),
        field: Some("Log__c".to_owned()),
    };
    let org = world.simulator.salesforce();
    org.add_fault(Fault::new(kind, Trigger::Always).on_method("PATCH"));
    let failure = world.client().create(&key(), &fields()).await.unwrap_err();
    assert!(!failure.refuses_value);
    assert_eq!(failure.field.as_deref(), Some("Log__c"));
}

#[tokio::test]
async fn a_key_field_that_is_too_short_is_about_every_ticket() {
    let short = |switches: &mut Switches| switches.external_id_length = 10;
    let failure = refused(short, json!({})).await;
    assert!(!failure.refuses_value);
    assert_eq!(
        failure.class.scope,
        FailureScope::Configuration,
        "{failure}"
    );
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
}

#[tokio::test]
async fn a_resolution_does_not_go_without_its_status() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce().crm();
    org.configure(|switches| switches.restricted_picklists = true);
    let unknown = change("ref 1", Some("Erledigt"));
    let failure = client.resolve(&ticket.id, &unknown).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("Status"), "{failure}");
    assert!(!failure.refuses_value);
    let failure = client.update(&ticket.id, &unknown).await.unwrap_err();
    assert!(failure.refuses_value, "an update does");
}
