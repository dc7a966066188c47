//! Comments: those whose outcome is unknown, and those that are refused while the ticket can be
//! resolved.

use std::time::Duration;

use ringdown::domain::failure::{FailureScope, Remedy, ResolvedBy, class};
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;

use crate::salesforce::world::{World, change, fields, key};

const ONCE: Trigger = Trigger::Next { count: 1 };

fn on_comments(kind: FaultKind, trigger: Trigger) -> Fault {
    Fault::new(kind, trigger)
        .on_method("POST")
        .on_path("/CaseComment")
}

fn refusal(code: &str) -> FaultKind {
    FaultKind::ValidationRefusal {
        code: code.to_owned(),
        message: "no".to_owned(),
        field: None,
    }
}

fn page(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        body: "<html>nothing here</html>".to_owned(),
        content_type: "text/html".to_owned(),
    }
}

fn stored(world: &World) -> Value {
    world.simulator.salesforce().tickets().remove(0)
}

#[tokio::test]
async fn a_lost_comment_settles_before_it_is_repeated_unless_it_is_there_already() {
    let settles = Duration::from_secs(60);
    for (kind, is_there, settle_after) in [
        (FaultKind::CutAfterCommit, true, Duration::ZERO),
        (
            FaultKind::ErrorAfterCommit { status: 502 },
            true,
            Duration::ZERO,
        ),
        (FaultKind::LateCommit { milliseconds: 300 }, false, settles),
        (FaultKind::Down, false, settles),
        (page(503), false, settles),
        // It was not passed on, or the answer to it was not.
        (page(403), false, Duration::ZERO),
    ] {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        let org = world.simulator.salesforce();
        let update = change("ref 1", None);
        org.add_fault(on_comments(kind.clone(), ONCE));
        let updated = client.update(&ticket.id, &update).await;
        assert_eq!(updated.is_ok(), is_there, "{kind:?}");
        if let Err(failure) = updated {
            assert!(failure.outcome_unknown, "{kind:?}");
            assert_eq!(failure.settle_after, settle_after, "{kind:?}");
        }
        org.add_fault(on_comments(kind.clone(), ONCE));
        let resolution = change("ref 2", Some("Closed"));
        let resolved = client.resolve(&ticket.id, &resolution).await;
        assert_eq!(resolved.is_ok(), is_there, "{kind:?}");
        if let Err(failure) = resolved {
            assert!(failure.outcome_unknown, "{kind:?}");
            assert_eq!(failure.settle_after, settle_after, "{kind:?}");
            assert_eq!(stored(&world)["IsClosed"], false);
        } else {
            assert_eq!(stored(&world)["CommentCount"], 2, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_comment_that_is_refused_does_not_keep_a_ticket_open() {
    for code in [
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INVALID_TYPE",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
    ] {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        let org = world.simulator.salesforce();
        org.add_fault(on_comments(refusal(code), Trigger::Always));
        let resolution = change("ref 1", Some("Closed"));
        client.resolve(&ticket.id, &resolution).await.unwrap();
        assert_eq!(stored(&world)["IsClosed"], true, "{code}");
    }
}

#[tokio::test]
async fn a_comment_that_met_a_locked_row_is_written_after_the_status() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    org.add_fault(on_comments(refusal("UNABLE_TO_LOCK_ROW"), ONCE));
    let resolution = change("ref 1", Some("Closed"));
    client.resolve(&ticket.id, &resolution).await.unwrap();
    let ticket = stored(&world);
    assert_eq!(ticket["IsClosed"], true);
    assert_eq!(ticket["CommentCount"], 1);
}

#[tokio::test]
async fn what_refuses_the_status_too_is_the_failure_and_a_refused_comment_says_what_it_is() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    for method in ["POST", "PATCH"] {
        let locked = Fault::new(refusal("ENTITY_IS_LOCKED"), Trigger::Always);
        org.add_fault(locked.on_method(method).on_path("/sobjects/"));
    }
    let resolution = change("ref 1", Some("Closed"));
    let failure = client.resolve(&ticket.id, &resolution).await.unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("ENTITY_IS_LOCKED"));
    assert_eq!(failure.remedy(), Remedy::Park);
    org.clear_faults();
    org.add_fault(on_comments(refusal("STORAGE_LIMIT_EXCEEDED"), ONCE));
    let failure = client.resolve(&ticket.id, &resolution).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.message.starts_with("the comment: "), "{failure}");
    assert_eq!(stored(&world)["IsClosed"], false);
}

#[tokio::test]
async fn a_ticket_that_our_user_may_not_see_needs_a_person_from_the_second_time_on() {
    let world = World::new().await;
    let client = world.client();
    let words = "duplicate value found: Ringdown_Id__c duplicates value on record with id: 5005g";
    let duplicate = FaultKind::ValidationRefusal {
        code: "DUPLICATE_VALUE".to_owned(),
        message: words.to_owned(),
        field: None,
    };
    let org = world.simulator.salesforce();
    org.add_fault(Fault::new(duplicate, Trigger::Always).on_method("PATCH"));
    for resolved_by in [ResolvedBy::Time, ResolvedBy::PersonInCrm] {
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown);
        assert_eq!(failure.class, class(FailureScope::Ticket, resolved_by));
        assert!(failure.message.contains("5005g"), "{failure}");
    }
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.message.contains("let our user read"), "{failure}");
}
