//! A CRM that takes new tickets and refuses every change of them; and one that answers success
//! without a record.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::servicenow;
use crate::support::world::{World, event};

async fn in_servicenow() -> World {
    in_servicenow_with("").await
}

async fn in_servicenow_with(more: &str) -> World {
    let mut world = World::unstarted("").await;
    let settings = format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}}"
urgency = "1"
{more}
"#,
        servicenow(&world.simulator)
    );
    world.configure(&settings);
    world.start().await;
    world
}

async fn until_opened(world: &World, count: usize) {
    world
        .until(&format!("there are {count} tickets"), async || {
            world.simulator.servicenow().tickets().len() >= count
        })
        .await;
}

/// Four queues have tickets and recover; our user may not change these any more.
async fn four_recover_in_vain(world: &World) {
    for queue in 0..4 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
    }
    until_opened(world, 4).await;
    world.all_delivered().await;
    let denied = json!({"may_write": false});
    world.simulator.servicenow().switch(&denied).unwrap();
    for queue in 0..4 {
        let event = event(&format!("calm-{queue}"), &format!("q{queue}"), 100.0);
        world.accept(&event).await;
    }
}

/// The target `servicenow`, as people see it.
async fn target(world: &World) -> Value {
    let targets = world.items("targets").await;
    let mut targets = targets.into_iter();
    targets.find(|one| one["name"] == "servicenow").unwrap()
}

#[tokio::test]
async fn a_user_who_may_create_and_not_change_holds_no_create_and_is_named() {
    let world = in_servicenow().await;
    let instance = world.simulator.servicenow();
    four_recover_in_vain(&world).await;
    world
        .until("the operation is known to be refused", async || {
            !target(&world).await["refused_operations"][0].is_null()
        })
        .await;
    let target_now = target(&world).await;
    assert_eq!(target_now["state"], "up", "{target_now}");
    let refused = &target_now["refused_operations"][0];
    assert_eq!(refused["operation"], "resolve");
    let said = refused["last_error"]["message"].as_str().unwrap();
    assert!(said.contains("let our user resolve tickets"), "{said}");
    world
        .until("the resolutions are parked", async || {
            let parked = world.items("deliveries?state=parked&limit=500").await;
            parked.len() == 4
        })
        .await;
    let parked = world.items("deliveries?state=parked&limit=500").await;
    let waits = "until servicenow accepts a resolve again: a person must act";
    assert!(
        parked.iter().any(|one| one["waits_for"] == waits),
        "{parked:#?}"
    );
    assert!(world.log().contains("for every ticket; a person must act"));
    assert!(world.items("dead-letters").await.is_empty());

    world.accept(&event("evt-9", "q9", 400.0)).await;
    until_opened(&world, 5).await;

    instance.switch(&json!({"may_write": true})).unwrap();
    world.pass(Duration::from_secs(301));
    world
        .until(
            "every ticket of a recovered queue is resolved",
            async || {
                let tickets = instance.tickets();
                tickets.iter().filter(|one| one["state"] == "6").count() == 4
            },
        )
        .await;
    world.all_delivered().await;
    let target_now = target(&world).await;
    assert_eq!(target_now["refused_operations"], json!([]));
    assert!(target_now["last_error"].is_null(), "{target_now}");
}

#[tokio::test]
async fn nobody_must_act_for_an_operation_that_nothing_waits_for_any_more() {
    let world = in_servicenow_with("[targets.servicenow.sync]\npoll_every = \"200ms\"").await;
    let instance = world.simulator.servicenow();
    four_recover_in_vain(&world).await;
    world
        .until("the operation is known to be refused", async || {
            let waits = world.items("deliveries?state=parked&limit=500").await;
            waits.len() == 4 && !target(&world).await["refused_operations"][0].is_null()
        })
        .await;
    // One is still open, so changes are looked for. People do what was owed.
    world.accept(&event("evt-9", "q9", 400.0)).await;
    until_opened(&world, 5).await;
    for ticket in instance.tickets() {
        assert!(instance.close_ticket(ticket["sys_id"].as_str().unwrap()));
    }
    world
        .until("nobody is asked to act", async || {
            target(&world).await["refused_operations"] == json!([])
        })
        .await;
    let target_now = target(&world).await;
    assert!(target_now["last_error"].is_null(), "{target_now}");
}

/// A ticket that a person has closed is only read: that shows nothing about what our user may do.
#[tokio::test]
async fn tickets_that_a_person_has_closed_do_not_end_the_refusal_of_an_operation() {
    let world = in_servicenow_with("[targets.servicenow.sync]\npoll_every = \"1h\"").await;
    let instance = world.simulator.servicenow();
    four_recover_in_vain(&world).await;
    let parked = async || world.items("deliveries?state=parked&limit=500").await;
    world
        .until("the operation is known to be refused", async || {
            parked().await.len() == 4 && !target(&world).await["refused_operations"][0].is_null()
        })
        .await;
    // All but the one that is tried last are closed by hand.
    let mut waiting = parked().await;
    waiting.sort_by_key(|one| one["next_attempt_at"].as_str().unwrap().to_owned());
    let last = waiting.pop().unwrap()["incident_id"].clone();
    let incident = world
        .api(&format!("incidents/{}", last.as_str().unwrap()))
        .await;
    for ticket in instance.tickets() {
        if ticket["sys_id"] != incident["ticket"]["id"] {
            assert!(instance.close_ticket(ticket["sys_id"].as_str().unwrap()));
        }
    }
    world.pass(Duration::from_secs(301));
    // The last one does not wait for an hour until it is tried in the place of the others.
    world
        .until("the last one was tried again and refused", async || {
            let parked = parked().await;
            parked.len() == 1 && parked[0]["attempts"].as_u64() > Some(1)
        })
        .await;
    let log = world.log();
    assert!(
        !log.contains("deliveries that waited for it are sent"),
        "{log}"
    );
    let refused = target(&world).await["refused_operations"][0].clone();
    assert_eq!(refused["operation"], "resolve", "{refused}");
    instance.switch(&json!({"may_write": true})).unwrap();
    world.pass(Duration::from_secs(301));
    world.all_delivered().await;
    assert_eq!(target(&world).await["refused_operations"], json!([]));
}

#[tokio::test]
async fn comments_that_were_refused_are_written_in_order_once_our_user_may() {
    let world = in_servicenow().await;
    let instance = world.simulator.servicenow();
    for queue in 0..3 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
    }
    until_opened(&world, 3).await;
    world.all_delivered().await;
    instance.switch(&json!({"may_write": false})).unwrap();
    for queue in 0..3 {
        let calm = event(&format!("calm-{queue}"), &format!("q{queue}"), 100.0);
        world.accept(&calm).await;
    }
    world
        .until("all three wait", async || {
            world.items("deliveries?state=parked").await.len() == 3
        })
        .await;
    instance.switch(&json!({"may_write": true})).unwrap();
    world.pass(Duration::from_secs(301));
    world.all_delivered().await;
    for ticket in instance.tickets() {
        assert_eq!(ticket["state"], "6", "{ticket}");
        assert_eq!(ticket["work_notes_list"].as_array().unwrap().len(), 1);
    }
}

fn answer(status: u16, body: &str, content_type: &str) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        content_type: content_type.into(),
    }
}

/// Successes without a record, with this status.
fn empty_successes(status: u16) -> Vec<FaultKind> {
    vec![
        answer(status, "", "application/json"),
        answer(status, "[]", "application/json"),
        answer(status, "{}", "application/json"),
        answer(status, "<html>Please log in</html>", "text/html"),
        answer(status, "\u{1}\u{2}", "application/octet-stream"),
    ]
}

/// Waits until the last failure of the create is of this kind, and answers the create.
async fn until_failed_as(world: &World, kind: &str, what: &FaultKind) -> Value {
    world
        .until(&format!("{what:?} is a {kind}"), async || {
            let deliveries = world.items("deliveries").await;
            deliveries
                .iter()
                .any(|one| one["last_error"]["kind"] == kind)
        })
        .await;
    world.items("deliveries").await.remove(0)
}

/// Without an external id field nothing but a look-up tells whether a ticket was created.
#[tokio::test]
async fn a_success_without_a_record_is_no_network_failure_once_a_look_up_found_nothing() {
    for what in empty_successes(200) {
        let mut world = World::unstarted("").await;
        let file = world.folder.path().join("ringdown.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        let without = settings.replace("external_id_field = \"Ringdown_Id__c\"\n", "");
        std::fs::write(&file, without).unwrap();
        world.start().await;
        let salesforce = world.simulator.salesforce();
        let fault = Fault::new(what.clone(), Trigger::Always).on_method("POST");
        salesforce.add_fault(fault.on_path("/sobjects/Case"));
        world.accept(&event("evt-1", "q1", 400.0)).await;
        let create = until_failed_as(&world, "network_failure", &what).await;
        assert_eq!(create["in_doubt"], true, "{what:?}");
        // The call may be under way for ten minutes.
        world.pass(Duration::from_secs(601));
        until_failed_as(&world, "integration_failure", &what).await;
        salesforce.clear_faults();
        world.pass(Duration::from_secs(601));
        world.tickets(1).await;
        world.all_delivered().await;
        assert_eq!(salesforce.tickets().len(), 1, "{what:?}");
    }
}

#[tokio::test]
async fn so_it_is_with_servicenow() {
    for status in [200, 201] {
        for what in empty_successes(status) {
            let world = in_servicenow().await;
            world.accept(&event("evt-0", "q0", 400.0)).await;
            until_opened(&world, 1).await;
            world.all_delivered().await;
            let instance = world.simulator.servicenow();
            let fault = Fault::new(what.clone(), Trigger::Always).on_method("POST");
            instance.add_fault(fault.on_path("/table/incident"));
            world.accept(&event("evt-1", "q1", 400.0)).await;
            until_failed_as(&world, "integration_failure", &what).await;
            instance.clear_faults();
            world.pass(Duration::from_secs(61));
            until_opened(&world, 2).await;
            world.all_delivered().await;
            assert_eq!(instance.tickets().len(), 2, "{status} {what:?}");
        }
    }
}
