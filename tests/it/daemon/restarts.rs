//! A process ends while creates are under way, and the next one takes them up.
#![cfg(feature = "fault-points")]

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::{At, servicenow};
use crate::support::world::{World, event};

/// A CRM that does not refuse a second record, and more configuration.
async fn lenient(at: At, more: &str) -> World {
    let world = World::unstarted("").await;
    match at {
        At::Salesforce => {
            let file = world.folder.path().join("ringdown.toml");
            let settings = std::fs::read_to_string(&file).unwrap();
            let without = settings.replace("external_id_field = \"Ringdown_Id__c\"\n", "");
            std::fs::write(&file, without).unwrap();
            world.configure(more);
        }
        At::ServiceNow => {
            let instance = world.simulator.servicenow();
            instance.switch(&json!({"sys_id_mode": "ignored"})).unwrap();
            world.configure(&format!("{}{more}", in_servicenow(&world)));
        }
    }
    world
}

fn in_servicenow(world: &World) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}}"
"#,
        servicenow(&world.simulator)
    )
}

fn tickets(world: &World, at: At) -> Vec<Value> {
    match at {
        At::Salesforce => world.simulator.salesforce().tickets(),
        At::ServiceNow => world.simulator.servicenow().tickets(),
    }
}

const fn path(at: At) -> &'static str {
    match at {
        At::Salesforce => "sobjects/Case",
        At::ServiceNow => "table/incident",
    }
}

fn add_fault(world: &World, at: At, kind: FaultKind) {
    let fault = Fault::new(kind, Trigger::Always).on_method("POST");
    let fault = fault.on_path(path(at));
    match at {
        At::Salesforce => world.simulator.salesforce().add_fault(fault),
        At::ServiceNow => world.simulator.servicenow().add_fault(fault),
    }
}

fn clear_faults(world: &World) {
    world.simulator.salesforce().clear_faults();
    world.simulator.servicenow().clear_faults();
}

fn creates(world: &World, at: At) -> usize {
    let requests = match at {
        At::Salesforce => world.simulator.salesforce().requests(),
        At::ServiceNow => world.simulator.servicenow().requests(),
    };
    let creates = requests.iter();
    creates
        .filter(|one| one.method == "POST" && one.path.contains(path(at)))
        .count()
}

/// Starts a process that dies with the answer to its first create.
async fn die_with_a_create(world: &mut World, id: &str) {
    world.spawn("before-settle");
    world.until_ready().await;
    world.accept(&event(id, id, 400.0)).await;
    let began = std::time::Instant::now();
    while !world.daemon.is_dead() {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_put_back(world: &World) {
    world
        .until("the create waits, in doubt", async || {
            let deliveries = world.items("deliveries").await;
            let create = deliveries.iter().find(|one| one["operation"] == "create");
            create.is_some_and(|one| one["in_doubt"] == true && one["state"] == "waiting")
        })
        .await;
}

#[tokio::test]
async fn what_was_under_way_when_the_process_died_is_not_sent_again_before_it_has_ended() {
    for (at, runs_for) in [(At::ServiceNow, 60), (At::Salesforce, 600)] {
        let mut world = lenient(at, "").await;
        add_fault(
            &world,
            at,
            FaultKind::LateCommit {
                milliseconds: 4_000,
            },
        );
        die_with_a_create(&mut world, "q1").await;
        clear_faults(&world);
        assert!(
            tickets(&world, at).is_empty(),
            "{at:?}: committed too early"
        );
        world.start().await;
        until_put_back(&world).await;
        world
            .until("the earlier create is committed", async || {
                tickets(&world, at).len() == 1
            })
            .await;
        world.pass(Duration::from_secs(runs_for - 40));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(creates(&world, at), 1, "{at:?}: sent again too early");
        world.pass(Duration::from_secs(41));
        world.all_delivered().await;
        assert_eq!(creates(&world, at), 1, "{at:?}: the ticket was there");
        assert_eq!(tickets(&world, at).len(), 1, "{at:?}");
    }
}

/// The create is put off for ten minutes, until its lost request has certainly ended. The poll shows
/// its ticket long before, and no clock moves here.
#[tokio::test]
async fn a_ticket_that_the_poll_has_seen_ends_the_wait_of_its_create() {
    let at = At::Salesforce;
    let mut world = lenient(at, "[targets.salesforce.sync]\npoll_every = \"1s\"\n").await;
    world.start().await;
    // The poll begins with the first ticket.
    world.accept(&event("q0", "q0", 400.0)).await;
    world.all_delivered().await;
    let late = FaultKind::LateCommit {
        milliseconds: 4_000,
    };
    add_fault(&world, at, late);
    world.accept(&event("q1", "q1", 400.0)).await;
    until_put_back(&world).await;
    clear_faults(&world);
    world
        .until("the create knows its ticket", async || {
            let deliveries = world.items("deliveries").await;
            tickets(&world, at).len() == 2 && deliveries.iter().all(|one| one["state"] == "done")
        })
        .await;
    assert_eq!(creates(&world, at), 2, "none was sent again");
}

#[tokio::test]
async fn what_never_reached_the_crm_is_sent_when_it_would_have_ended() {
    for (at, runs_for) in [(At::ServiceNow, 60), (At::Salesforce, 600)] {
        let mut world = lenient(at, "").await;
        add_fault(&world, at, FaultKind::Down);
        die_with_a_create(&mut world, "q1").await;
        clear_faults(&world);
        world.start().await;
        until_put_back(&world).await;
        world.pass(Duration::from_secs(runs_for - 20));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(creates(&world, at), 1, "{at:?}: sent again too early");
        world.pass(Duration::from_secs(21));
        world.all_delivered().await;
        assert_eq!(tickets(&world, at).len(), 1, "{at:?}");
    }
}

#[tokio::test]
async fn an_instance_that_honours_our_ids_is_known_after_a_restart_and_nothing_waits() {
    let at = At::ServiceNow;
    let mut world = World::unstarted("").await;
    world.configure(&in_servicenow(&world));
    world.start().await;
    world.accept(&event("q0", "q0", 400.0)).await;
    world.all_delivered().await;
    // A step of the worker stores it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.daemon.kill();
    add_fault(&world, at, FaultKind::Down);
    die_with_a_create(&mut world, "q1").await;
    clear_faults(&world);
    world.start().await;
    world.all_delivered().await;
    assert_eq!(tickets(&world, at).len(), 2);
}

#[tokio::test]
async fn a_stop_that_has_no_time_to_finish_a_create_leaves_it_in_doubt() {
    for (at, runs_for) in [(At::ServiceNow, 60), (At::Salesforce, 600)] {
        let drain = "[server]\ndrain_timeout = \"1s\"\n[targets.salesforce]\ntimeout = \"30s\"\n";
        let mut world = lenient(at, drain).await;
        let more = std::fs::read_to_string(world.folder.path().join("more.toml")).unwrap();
        world.configure(&more.replace("timeout = \"2s\"", "timeout = \"30s\""));
        world.start().await;
        let slow = FaultKind::Slow {
            milliseconds: 30_000,
        };
        add_fault(&world, at, slow);
        world.accept(&event("evt-1", "q1", 400.0)).await;
        world
            .until("the create is under way", async || {
                tickets(&world, at).len() == 1
            })
            .await;
        assert!(world.daemon.terminate());
        assert!(world.log().contains("were not finished"), "{}", world.log());
        // As if the CRM had not committed it yet.
        let id = match at {
            At::Salesforce => tickets(&world, at)[0]["Id"].clone(),
            At::ServiceNow => tickets(&world, at)[0]["sys_id"].clone(),
        };
        let id = id.as_str().unwrap();
        assert!(match at {
            At::Salesforce => world.simulator.salesforce().delete_ticket(id),
            At::ServiceNow => world.simulator.servicenow().delete_ticket(id),
        });
        clear_faults(&world);
        let before = creates(&world, at);
        world.start().await;
        until_put_back(&world).await;
        world.pass(Duration::from_secs(runs_for - 30));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(creates(&world, at), before, "{at:?}: sent again too early");
        world.pass(Duration::from_secs(41));
        world.all_delivered().await;
        assert_eq!(creates(&world, at), before + 1, "{at:?}");
    }
}

fn in_front(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        body: "<html>Request blocked</html>".into(),
        content_type: "text/html".into(),
    }
}

const FIRST: &str = "[targets.salesforce.create]\nSubject = \"poison {{ queue_name }}\"";
const SECOND: &str = "[targets.salesforce.create]\nSubject = \"harmless {{ queue_name }}\"";

#[tokio::test]
async fn what_is_refused_in_doubt_is_rendered_again_when_a_look_up_does_not_find_it() {
    let mut world = World::unstarted(FIRST).await;
    world.start().await;
    let poisoned = Fault::new(in_front(403), Trigger::Always).on_method("PATCH");
    let poisoned = poisoned.on_body("poison");
    world.simulator.salesforce().add_fault(poisoned);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("it is in doubt", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["in_doubt"] == true)
        })
        .await;
    world.daemon.kill();
    world.configure(SECOND);
    world.start().await;
    let ticket = world.tickets(1).await.remove(0);
    assert_eq!(ticket["Subject"], "harmless Queue q1");
    world.all_delivered().await;
}

#[tokio::test]
async fn where_a_second_record_is_possible_it_is_rendered_only_when_the_first_request_has_ended() {
    let at = At::Salesforce;
    let mut world = lenient(at, FIRST).await;
    world.start().await;
    let poisoned = Fault::new(in_front(502), Trigger::Always).on_method("POST");
    let poisoned = poisoned.on_path(path(at)).on_body("poison");
    world.simulator.salesforce().add_fault(poisoned);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("it is in doubt", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["in_doubt"] == true)
        })
        .await;
    world.daemon.kill();
    let before = creates(&world, at);
    world.configure(SECOND);
    world.start().await;
    world.pass(Duration::from_secs(570));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(creates(&world, at), before, "sent again too early");
    world.pass(Duration::from_secs(40));
    let ticket = world.tickets(1).await.remove(0);
    let subject = ticket["Subject"].as_str().unwrap();
    assert!(subject.starts_with("harmless Queue q1"), "{subject}");
}
