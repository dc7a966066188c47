//! Something lets new tickets pass and stops every change of one; and the reverse.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::servicenow;
use crate::support::world::{World, event};

async fn in_servicenow() -> World {
    let mut world = World::unstarted("").await;
    let settings = format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}}"
"#,
        servicenow(&world.simulator)
    );
    world.configure(&settings);
    world.start().await;
    world
}

/// A new ticket comes within this time, on a slow machine too. What waits for the canaries of others
/// takes longer.
const SOON: Duration = Duration::from_secs(8);

async fn breach(world: &World, queue: &str) {
    let id = format!("evt-{queue}");
    world.accept(&event(&id, queue, 400.0)).await;
}

async fn recover(world: &World, queue: &str) {
    let id = format!("calm-{queue}");
    world.accept(&event(&id, queue, 100.0)).await;
}

async fn until_opened(world: &World, count: usize) {
    world
        .until(&format!("there are {count} tickets"), async || {
            world.simulator.servicenow().tickets().len() >= count
        })
        .await;
}

/// Opens tickets for six queues.
async fn six_open(world: &World) {
    for number in 0..6 {
        breach(world, &format!("q{number}")).await;
    }
    until_opened(world, 6).await;
    world.all_delivered().await;
}

fn resolved(world: &World) -> usize {
    let tickets = world.simulator.servicenow().tickets();
    tickets.iter().filter(|one| one["state"] == "6").count()
}

/// The target `servicenow`, as people see it.
async fn target(world: &World) -> Value {
    let targets = world.items("targets").await;
    let mut targets = targets.into_iter();
    targets.find(|one| one["name"] == "servicenow").unwrap()
}

fn stop(world: &World, kind: FaultKind, method: &str) {
    let fault = Fault::new(kind, Trigger::Always).on_method(method);
    let fault = fault.on_path("/table/incident");
    world.simulator.servicenow().add_fault(fault);
}

fn answer(status: u16, body: &str, content_type: &str) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.into(),
        content_type: content_type.into(),
    }
}

fn page() -> FaultKind {
    answer(403, "<html>Request blocked</html>", "text/html")
}

/// Breaches of one queue after the other, whose tickets come soon.
async fn others_are_opened_soon(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        breach(world, &format!("q{number}")).await;
        let opened = until_opened(world, number + 1);
        let opened = tokio::time::timeout(SOON, opened).await;
        assert!(
            opened.is_ok(),
            "the ticket of q{number} is late; the log:\n{}",
            world.log()
        );
        world.pass(Duration::from_secs(3));
    }
}

async fn until_everything_is_resolved(world: &World, count: usize) {
    world
        .until("the recovered are resolved", async || {
            world.pass(Duration::from_secs(1));
            resolved(world) == count
        })
        .await;
    world.all_delivered().await;
    assert_eq!(target(world).await["refused_operations"], json!([]));
}

/// The six queues recover, and their resolutions meet `kind`.
async fn stop_changes(world: &World, kind: FaultKind) {
    stop(world, kind, "PATCH");
    for number in 0..6 {
        recover(world, &format!("q{number}")).await;
    }
    world
        .until("the obstacle is met", async || {
            target(world).await["state"] != "up"
        })
        .await;
}

#[tokio::test]
async fn what_stops_every_change_of_a_ticket_delays_no_new_ticket() {
    let own = json!({"error": {"message": "User Not Authorized",
        "detail": "Failed API level ACL Validation"}, "status": "failure"});
    let busy = FaultKind::Unavailable {
        retry_after: Some(120),
    };
    for kind in [
        page(),
        FaultKind::Down,
        answer(403, &own.to_string(), "application/json"),
        busy,
    ] {
        let world = in_servicenow().await;
        six_open(&world).await;
        stop_changes(&world, kind.clone()).await;
        others_are_opened_soon(&world, 6..14).await;
        let now = target(&world).await;
        assert_eq!(now["state"], "up", "{kind:?}: {now}");
        let refused = &now["refused_operations"];
        assert_eq!(refused[0]["operation"], "resolve", "{kind:?}: {now}");
        let said = refused[0]["last_error"]["message"].as_str().unwrap();
        assert!(
            said.contains("new tickets pass and this does not"),
            "{said}"
        );
        world
            .until("all wait for the operation", async || {
                let parked = world.items("deliveries?state=parked&limit=500").await;
                let waits = "until servicenow accepts a resolve again";
                parked.len() == 6 && parked.iter().all(|one| one["waits_for"] == waits)
            })
            .await;
        assert_eq!(resolved(&world), 0);
        world.simulator.servicenow().clear_faults();
        world.pass(Duration::from_secs(301));
        until_everything_is_resolved(&world, 6).await;
    }
}

/// What waits is tried one by one: at a rate that does not grow with what is owed.
#[tokio::test]
async fn changes_that_are_stopped_are_tried_at_the_rate_of_one_wait_after_the_other() {
    let world = in_servicenow().await;
    six_open(&world).await;
    stop_changes(&world, page()).await;
    others_are_opened_soon(&world, 6..7).await;
    let tried = || {
        let requests = world.simulator.servicenow().requests();
        requests.iter().filter(|one| one.method == "PATCH").count()
    };
    let before = tried();
    others_are_opened_soon(&world, 7..17).await;
    // In 30 s and some more: after 1, 2, 4, 8, and 15 s.
    let tries = tried() - before;
    assert!((1..=8).contains(&tries), "{tries} tries");
}

#[tokio::test]
async fn after_a_restart_new_tickets_still_pass_what_stops_changes() {
    let mut world = in_servicenow().await;
    six_open(&world).await;
    stop_changes(&world, page()).await;
    others_are_opened_soon(&world, 6..8).await;
    world.daemon.kill();
    world.start().await;
    others_are_opened_soon(&world, 8..12).await;
    assert_eq!(target(&world).await["state"], "up");
    world.simulator.servicenow().clear_faults();
    until_everything_is_resolved(&world, 6).await;
}

#[tokio::test]
async fn what_stops_new_tickets_lets_changes_go_on() {
    let world = in_servicenow().await;
    six_open(&world).await;
    stop(&world, page(), "POST");
    breach(&world, "q6").await;
    world
        .until("the obstacle is met", async || {
            world.pass(Duration::from_secs(1));
            target(&world).await["state"] != "up"
        })
        .await;
    for number in 0..6 {
        recover(&world, &format!("q{number}")).await;
        world
            .until("the recovered is resolved", async || {
                world.pass(Duration::from_secs(1));
                resolved(&world) == number + 1
            })
            .await;
    }
    world.simulator.servicenow().clear_faults();
    world.pass(Duration::from_secs(61));
    until_opened(&world, 7).await;
    world.all_delivered().await;
}
