//! Answers from the field, each by the name of its case: what they are about, what ends them, and
//! that work goes on once they have ended.

use std::sync::Arc;

use ringdown::domain::failure::{
    Failure, FailureClass, FailureKind, FailureScope, Remedy, ResolvedBy, class,
};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::simulator::{Fault, FaultKind, Trigger};
use ringdown::targets::Crm;

use crate::salesforce::world::{World, change, fields, key};

const WAITS: FailureClass = class(FailureScope::Organisation, ResolvedBy::Time);
const IN_FRONT: FailureClass = class(FailureScope::Network, ResolvedBy::Time);
const OF_USER: FailureClass = class(FailureScope::User, ResolvedBy::PersonInCrm);

fn arm(world: &World, case: &str) {
    let org = world.simulator.salesforce();
    org.clear_faults();
    org.add_fault(Fault::case(case, Trigger::Always));
}

fn end(world: &World) {
    world.simulator.salesforce().clear_faults();
}

fn other_key() -> TicketKey {
    TicketKey::of_incident(&IncidentId::new("0195f1c2-0000-7000-8000-000000000002"))
}

/// The failure of a create during `case`; none of it has an effect.
async fn refused(world: &World, client: &Arc<dyn Crm>, case: &str) -> Failure {
    let tickets = world.simulator.salesforce().tickets().len();
    arm(world, case);
    let failure = client.create(&other_key(), &fields()).await.unwrap_err();
    assert_eq!(world.simulator.salesforce().tickets().len(), tickets);
    failure
}

/// Whether the same create is accepted once the case has ended.
async fn is_accepted_afterwards(world: &World, client: &Arc<dyn Crm>) {
    end(world);
    client.create(&other_key(), &fields()).await.unwrap();
}

#[tokio::test]
async fn sf_stale_instance_a_host_that_the_org_has_left_is_forgotten_with_its_token() {
    for case in [
        "sf-stale-instance-301",
        "sf-stale-instance-404-html",
        "sf-stale-instance-410",
        "sf-stale-instance-gone",
        "sf-stale-instance-url-not-reset",
    ] {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        let failure = refused(&world, &client, case).await;
        assert_eq!(failure.kind, FailureKind::NetworkFailure, "{case}");
        assert!(failure.doubts_login(), "{case}");
        assert!(client.probe().await.unwrap_err().doubts_login(), "{case}");
        client.forget_login();
        client.probe().await.unwrap();
        let moved = client.create(&other_key(), &fields()).await.unwrap();
        assert!(moved.url.starts_with("http://localhost:"), "{}", moved.url);
        let known = client.read(&ticket.id).await.unwrap().unwrap();
        assert!(known.url.starts_with("http://localhost:"), "{}", known.url);
    }
}

#[tokio::test]
async fn sf_stale_instance_an_org_may_move_again_also_back() {
    let world = World::new().await;
    let client = world.client();
    client.create(&key(), &fields()).await.unwrap();
    refused(&world, &client, "sf-stale-instance-404-html").await;
    client.forget_login();
    client.probe().await.unwrap();
    arm(&world, "sf-stale-second-instance-404-html");
    assert!(client.probe().await.unwrap_err().doubts_login());
    client.forget_login();
    let back = client.create(&other_key(), &fields()).await.unwrap();
    assert!(back.url.starts_with("http://127.0.0.1:"), "{}", back.url);
}

#[tokio::test]
async fn sf_read_only_maintenance_pauses_the_target_and_a_read_does_not_tell_its_end() {
    for case in ["sf-read-only-maintenance", "sf-read-only-maintenance-503"] {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        let failure = refused(&world, &client, case).await;
        assert_eq!((failure.class, failure.outcome_unknown), (WAITS, false));
        assert_eq!(failure.remedy(), Remedy::PauseTarget(None), "{case}");
        assert!(!failure.doubts_login());
        client.probe().await.unwrap();
        let resolution = change("ref 1", Some("Closed"));
        for failure in [
            client.update(&ticket.id, &resolution).await.unwrap_err(),
            client.resolve(&ticket.id, &resolution).await.unwrap_err(),
            client.link(&ticket.id, &ticket.id).await.unwrap_err(),
        ] {
            assert_eq!((failure.class, failure.outcome_unknown), (WAITS, false));
        }
        is_accepted_afterwards(&world, &client).await;
        client.resolve(&ticket.id, &resolution).await.unwrap();
    }
}

#[tokio::test]
async fn sf_storage_limit_holds_the_target_until_an_administrator_frees_storage() {
    let world = World::new().await;
    let client = world.client();
    let failure = refused(&world, &client, "sf-storage-limit").await;
    let full = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);
    assert_eq!((failure.class, failure.outcome_unknown), (full, false));
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.code.as_deref(), Some("STORAGE_LIMIT_EXCEEDED"));
    is_accepted_afterwards(&world, &client).await;
}

#[tokio::test]
async fn sf_lock_row_minutes_is_about_the_ticket_and_passes() {
    let world = World::new().await;
    let client = world.client();
    let failure = refused(&world, &client, "sf-lock-row-minutes").await;
    let passes = class(FailureScope::Ticket, ResolvedBy::Time);
    assert_eq!((failure.class, failure.outcome_unknown), (passes, false));
    is_accepted_afterwards(&world, &client).await;
}

#[tokio::test]
async fn sf_entity_locked_is_parked_and_resolved_after_the_approval() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    arm(&world, "sf-entity-locked");
    let resolution = change("ref 1", Some("Closed"));
    for _ in 0..2 {
        let failure = client.resolve(&ticket.id, &resolution).await.unwrap_err();
        let locked = class(FailureScope::Ticket, ResolvedBy::PersonInCrm);
        assert_eq!((failure.class, failure.outcome_unknown), (locked, false));
        assert_eq!(failure.remedy(), Remedy::Park);
    }
    client.create(&other_key(), &fields()).await.unwrap();
    end(&world);
    client.resolve(&ticket.id, &resolution).await.unwrap();
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(
        (&stored["IsClosed"], &stored["CommentCount"]),
        (&true.into(), &1.into())
    );
}

#[tokio::test]
async fn sf_expired_password_holds_the_target_and_does_not_log_in_again_and_again() {
    for case in ["sf-expired-password-403", "sf-expired-password-401"] {
        let world = World::new().await;
        let client = world.client();
        let failure = refused(&world, &client, case).await;
        assert_eq!(failure.kind, FailureKind::AuthFailure, "{case}");
        assert_eq!((failure.class, failure.outcome_unknown), (OF_USER, false));
        assert!(
            failure.message.contains("SetPassword"),
            "{}",
            failure.message
        );
        assert_eq!(client.probe().await.unwrap_err().class, OF_USER);
        assert_eq!(world.simulator.salesforce().token_calls(), 1, "{case}");
        is_accepted_afterwards(&world, &client).await;
    }
}

#[tokio::test]
async fn sf_refusal_gzip_unasked_and_latin1_keep_their_code_and_their_words() {
    for (case, words) in [
        ("sf-refusal-gzip-unasked", "The queue must be known"),
        ("sf-refusal-latin1", "ungültig"),
    ] {
        let world = World::new().await;
        let client = world.client();
        let failure = refused(&world, &client, case).await;
        assert_eq!(failure.kind, FailureKind::IntegrationFailure, "{case}");
        let refusal = class(FailureScope::Ticket, ResolvedBy::Nothing);
        assert_eq!((failure.class, failure.outcome_unknown), (refusal, false));
        let code = failure.code.as_deref();
        assert_eq!(code, Some("FIELD_CUSTOM_VALIDATION_EXCEPTION"));
        assert_eq!(failure.message, words);
        let requests = world.simulator.salesforce().requests();
        let accepted = ("accept-encoding".to_owned(), "gzip, deflate".to_owned());
        assert!(
            requests
                .iter()
                .all(|request| request.headers.contains(&accepted))
        );
    }
}

#[tokio::test]
async fn a_success_after_a_byte_order_mark_is_a_success() {
    let world = World::new().await;
    let client = world.client();
    let id = "5005g00000SiMuLAAV";
    let kind = FaultKind::Status {
        status: 201,
        body: format!("\u{feff}{{\"id\":\"{id}\",\"success\":true,\"errors\":[]}}"),
        content_type: "application/json".to_owned(),
    };
    let org = world.simulator.salesforce();
    org.add_fault(Fault::new(kind, Trigger::Always).on_method("PATCH"));
    assert_eq!(client.create(&key(), &fields()).await.unwrap().id, id);
}

#[tokio::test]
async fn sf_token_400_in_xml_or_as_a_form_is_a_refused_login_with_its_words() {
    for (case, words) in [
        ("sf-token-400-xml-or-form", "authentication failure"),
        ("sf-token-400-form", "invalid client credentials"),
    ] {
        let world = World::new().await;
        let client = world.client();
        let failure = refused(&world, &client, case).await;
        assert_eq!(failure.kind, FailureKind::AuthFailure, "{case}");
        assert_eq!((failure.class, failure.outcome_unknown), (OF_USER, false));
        assert!(failure.message.contains(words), "{}", failure.message);
        is_accepted_afterwards(&world, &client).await;
    }
}

#[tokio::test]
async fn sf_doctor_redirect_is_told_with_its_location() {
    let world = World::new().await;
    let client = world.client();
    arm(&world, "sf-doctor-redirect");
    let failure = client.inspect().unwrap().api().await.unwrap_err();
    assert_eq!(failure.status, Some(301));
    assert!(
        failure.message.contains("https://NEW.my.salesforce.com/"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn what_is_in_front_of_the_org_is_no_refusal_of_the_ticket() {
    for case in ["sf-in-front-403-json", "sf-in-front-407-html"] {
        let world = World::new().await;
        let client = world.client();
        let failure = refused(&world, &client, case).await;
        assert_eq!(failure.kind, FailureKind::NetworkFailure, "{case}");
        assert_eq!(failure.class, IN_FRONT, "{case}");
        is_accepted_afterwards(&world, &client).await;
    }
}

#[tokio::test]
async fn a_missing_right_to_the_object_holds_the_target_and_one_to_the_record_parks_it() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce().crm();
    org.configure(|switches| switches.may_write = false);
    let failure = client.create(&other_key(), &fields()).await.unwrap_err();
    assert_eq!(failure.class, OF_USER);
    let update = change("ref 1", Some("Working"));
    let failure = client.update(&ticket.id, &update).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::Park);
    org.configure(|switches| switches.may_write = true);
    client.create(&other_key(), &fields()).await.unwrap();
}

#[tokio::test]
async fn a_success_without_a_record_is_a_failure_of_the_ticket_once_nothing_is_found() {
    for kind in [
        FaultKind::OkWithoutId,
        FaultKind::HtmlWith200,
        FaultKind::Garbage,
    ] {
        let world = World::new().await;
        let client = world.client();
        let org = world.simulator.salesforce();
        let fault = Fault::new(kind, Trigger::Always);
        org.add_fault(fault.clone().on_method("PATCH"));
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::IntegrationFailure);
        let passes = class(FailureScope::Ticket, ResolvedBy::Time);
        assert_eq!((failure.class, failure.outcome_unknown), (passes, false));
        org.add_fault(fault.on_method("GET"));
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert_eq!((failure.class, failure.outcome_unknown), (IN_FRONT, true));
    }
}
