//! Tickets whose target cannot be reached are opened in the next one, and never in both.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::daemon::site::Site;
use crate::support::crm::{At, servicenow};
use crate::support::world::{World, event};

/// ServiceNow as the second target, for when Salesforce is away for `failover_after`.
fn settings(world: &World, failover_after: &str) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["salesforce", "servicenow"]
[targets.salesforce]
failover_after = "{failover_after}"
[targets.salesforce.retry]
base = "100ms"
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}} Critical Wait Time"
description = "Average wait {{{{ wait_time_avg }}}} s"
urgency = "1"
"#,
        servicenow(&world.simulator)
    )
}

pub(crate) async fn world(failover_after: &str) -> World {
    let mut world = World::unstarted("").await;
    let more = settings(&world, failover_after);
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    world
}

pub(crate) async fn in_servicenow(world: &World, count: usize) -> Vec<Value> {
    world
        .until(&format!("ServiceNow has {count} tickets"), async || {
            world.simulator.servicenow().tickets().len() >= count
        })
        .await;
    world.simulator.servicenow().tickets()
}

pub(crate) async fn until_salesforce_is(world: &World, state: &str) {
    world
        .until(&format!("Salesforce is {state}"), async || {
            world.items("targets").await[0]["state"] == state
        })
        .await;
}

async fn incident(world: &World, key: &str) -> Value {
    let path = format!("incidents?key={key}");
    world
        .until(&format!("{key} is an incident"), async || {
            !world.items(&path).await.is_empty()
        })
        .await;
    world.items(&path).await.remove(0)
}

/// Waits until the incident of `key` has a ticket, and answers that.
async fn ticket_of(world: &World, key: &str) -> Value {
    world
        .until(&format!("{key} has a ticket"), async || {
            incident(world, key).await["ticket"]["id"].is_string()
        })
        .await;
    incident(world, key).await["ticket"].clone()
}

#[tokio::test]
async fn a_ticket_whose_first_target_is_down_is_opened_in_the_second_and_stays_there() {
    let world = world("1s").await;
    let (salesforce, servicenow) = (world.simulator.salesforce(), world.simulator.servicenow());
    salesforce.refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = in_servicenow(&world, 1).await;
    let description = tickets[0]["description"].as_str().unwrap();
    assert!(
        description.contains("Opened in servicenow, because salesforce cannot be reached since"),
        "{description}"
    );
    let ticket = ticket_of(&world, "q1").await;
    assert_eq!(ticket["target"], "servicenow");
    assert_eq!(ticket["failed_over_from"], "salesforce");
    let id = incident(&world, "q1").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let story = world.api(&format!("incidents/{id}")).await;
    assert!(
        story["history"].to_string().contains("failed over"),
        "{story}"
    );
    let discarded = &story["deliveries"][1];
    assert_eq!(discarded["state"], "discarded");
    let why = discarded["last_error"]["message"].as_str().unwrap();
    assert!(why.starts_with("never sent to salesforce"), "{why}");
    let target = &world.items("targets").await[0];
    assert_eq!(target["state"], "circuit_open");
    assert!(target["since"].is_string(), "{target}");

    // One that begins now is not even owed to the first.
    world.accept(&event("evt-2", "q2", 400.0)).await;
    in_servicenow(&world, 2).await;
    let second = incident(&world, "q2").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let story = world.api(&format!("incidents/{second}")).await;
    assert_eq!(story["deliveries"].as_array().unwrap().len(), 1, "{story}");
    let counted = r#"ringdown_failovers_total{from="salesforce",to="servicenow"} 2"#;
    assert!(world.metrics().await.contains(counted));
    assert!(
        world
            .log()
            .contains("the ticket is opened in another target")
    );

    // The first is back: nobody sent it anything, and still that is noticed.
    salesforce.refuse_connections(false);
    until_salesforce_is(&world, "up").await;
    world.accept(&event("evt-3", "q3", 400.0)).await;
    assert_eq!(ticket_of(&world, "q3").await["target"], "salesforce");
    world.accept(&event("evt-4", "q1", 100.0)).await;
    world
        .until("the ticket in ServiceNow is resolved", async || {
            let tickets = servicenow.tickets();
            tickets.iter().filter(|one| one["state"] == "6").count() == 1
        })
        .await;
    assert_eq!(salesforce.tickets().len(), 1);
    assert_eq!(servicenow.tickets().len(), 2);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_stays_with_its_target() {
    let world = world("0s").await;
    let (salesforce, servicenow) = (world.simulator.salesforce(), world.simulator.servicenow());
    let cut = Fault::new(FaultKind::CutAfterCommit, Trigger::Next { count: 1 });
    salesforce.add_fault(cut.on_method("PATCH"));
    // Whatever follows the cut fails too, until the port is closed.
    let down = Fault::new(FaultKind::Down, Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    salesforce.add_fault(down);
    salesforce.refuse_connections(true);
    until_salesforce_is(&world, "circuit_open").await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    in_servicenow(&world, 1).await;
    let in_doubt = incident(&world, "q1").await;
    assert_eq!(in_doubt["ticket"]["target"], "salesforce", "{in_doubt}");
    salesforce.clear_faults();
    salesforce.refuse_connections(false);
    assert_eq!(ticket_of(&world, "q1").await["target"], "salesforce");
    assert_eq!(ticket_of(&world, "q2").await["target"], "servicenow");
    assert_eq!(salesforce.tickets().len(), 1);
    assert_eq!(servicenow.tickets().len(), 1);
}

/// What gives such an answer may pass the request on later.
#[tokio::test]
async fn a_create_that_was_answered_without_a_record_is_moved_only_when_it_has_certainly_ended() {
    let world = world("0s").await;
    let salesforce = world.simulator.salesforce();
    let page = FaultKind::Status {
        status: 200,
        body: "<html>Please log in</html>".into(),
        content_type: "text/html".into(),
    };
    salesforce.add_fault(Fault::new(page, Trigger::Always).on_method("PATCH"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create is parked alone", async || {
            let deliveries = world.items("deliveries?state=parked").await;
            let code = |one: &Value| one["last_error"]["error_code"].clone();
            deliveries.iter().any(|one| code(one) == "NOTHING_CREATED")
        })
        .await;
    salesforce.refuse_connections(true);
    salesforce.clear_faults();
    salesforce.add_fault(Fault::new(FaultKind::Down, Trigger::Always));
    world.accept(&event("evt-2", "q2", 400.0)).await;
    in_servicenow(&world, 1).await;
    assert_eq!(ticket_of(&world, "q2").await["target"], "servicenow");
    world.accept(&event("evt-3", "q3", 400.0)).await;
    in_servicenow(&world, 2).await;
    assert_eq!(
        incident(&world, "q1").await["ticket"]["target"],
        "salesforce"
    );
    world.pass(Duration::from_secs(601));
    assert_eq!(ticket_of(&world, "q1").await["target"], "servicenow");
}

#[tokio::test]
async fn a_change_in_doubt_of_a_ticket_that_does_not_exist_stops_no_failover() {
    let mut world = world("60s").await;
    world.simulator.salesforce().refuse_connections(true);
    for queue in ["q1", "q2"] {
        world.accept(&event(queue, queue, 400.0)).await;
    }
    let id = incident(&world, "q1").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    until_salesforce_is(&world, "circuit_open").await;
    world.daemon.terminate();
    // As after a timeout of a change to the record that a wrong answer had named.
    let options = SqliteConnectOptions::new().filename(world.folder.path().join("ringdown.db"));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let change = "insert into deliveries (incident_id, target, operation, state, payload, event_id, \
           received_at, next_attempt_at, created_at, lane, in_doubt) \
         select incident_id, target, 'update', 'waiting', '{\"comment\":\"c\",\"marker\":\"ref 1\"}', \
           event_id, received_at, next_attempt_at, created_at, lane, 1 from deliveries \
         where incident_id = $1 and operation = 'create'";
    let change = sqlx::query(change).bind(&id);
    assert_eq!(
        change.execute(&mut database).await.unwrap().rows_affected(),
        1
    );
    database.close().await.unwrap();
    world.start().await;
    until_salesforce_is(&world, "circuit_open").await;
    world.pass(Duration::from_secs(61));
    in_servicenow(&world, 2).await;
    for queue in ["q1", "q2"] {
        assert_eq!(ticket_of(&world, queue).await["target"], "servicenow");
    }
}

#[tokio::test]
async fn a_target_that_refuses_our_credentials_is_left_too() {
    let world = world("1s").await;
    let refusal = FaultKind::Status {
        status: 400,
        body: r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#
            .into(),
        content_type: "application/json".into(),
    };
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(Fault::new(refusal, Trigger::Always).on_path("/oauth2/token"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = in_servicenow(&world, 1).await;
    let description = tickets[0]["description"].as_str().unwrap();
    assert!(description.contains("auth_failure"), "{description}");
    salesforce.clear_faults();
    until_salesforce_is(&world, "up").await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    assert_eq!(ticket_of(&world, "q2").await["target"], "salesforce");
    assert_eq!(salesforce.tickets().len(), 1);
}

#[tokio::test]
async fn what_is_known_of_a_target_outlives_the_process() {
    let mut world = world("1s").await;
    world.simulator.salesforce().refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    in_servicenow(&world, 1).await;
    world.daemon.kill();
    world.start().await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    in_servicenow(&world, 2).await;
    let id = incident(&world, "q2").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let story = world.api(&format!("incidents/{id}")).await;
    assert_eq!(story["deliveries"].as_array().unwrap().len(), 1, "{story}");
    world.simulator.salesforce().refuse_connections(false);
    until_salesforce_is(&world, "up").await;
    world.accept(&event("evt-3", "q3", 400.0)).await;
    assert_eq!(ticket_of(&world, "q3").await["target"], "salesforce");
}

#[tokio::test]
async fn what_came_after_a_waiting_create_is_moved_with_it() {
    let world = world("2s").await;
    world.simulator.salesforce().refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    in_servicenow(&world, 1).await;
    world
        .until("it is resolved in ServiceNow", async || {
            world.simulator.servicenow().tickets()[0]["state"] == "6"
        })
        .await;
    world.simulator.salesforce().refuse_connections(false);
    until_salesforce_is(&world, "up").await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    assert!(world.items("dead-letters").await.is_empty());
}

const OUTAGE: &str = r#"
[outages.site]
group_by = "all"
rules = ["queue-wait"]
at_least = 5
within = "2m"
hold = "1s"
targets = [{ when = "labels.site == 'FRA'", to = ["salesforce"] }, "salesforce", "servicenow"]
"#;

#[tokio::test]
async fn an_outage_fails_over_and_its_members_ticket_in_the_first_is_told_of_it() {
    let mut world = World::unstarted("").await;
    let more = settings(&world, "0s") + OUTAGE;
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let salesforce = world.simulator.salesforce();
    salesforce.refuse_connections(true);
    for queue in 1..8 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
    }
    let ticket = in_servicenow(&world, 1).await.remove(0);
    let title = ticket["short_description"].as_str().unwrap();
    assert!(title.contains("outage site"), "{title}");
    salesforce.refuse_connections(false);
    world
        .until("nothing is owed any more", async || {
            let deliveries = world.items("deliveries?limit=500").await;
            let settled = |one: &Value| one["state"] == "done" || one["state"] == "discarded";
            deliveries.iter().all(settled)
        })
        .await;
    let number = ticket["number"].as_str().unwrap();
    let told = salesforce
        .requests()
        .iter()
        .any(|request| request.body.contains(number));
    assert!(told, "the member's ticket does not name {number}");
    assert_eq!(salesforce.tickets().len(), 1);
    assert_eq!(world.simulator.servicenow().tickets().len(), 1);
}

#[tokio::test]
async fn lists_that_lead_in_a_circle_open_each_ticket_once_in_the_first_that_is_back() {
    let mut world = World::unstarted("").await;
    let circle = r#"
[rules.queue-too]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
key = "too-{{ queue_id }}"
targets = ["servicenow", "salesforce"]
"#;
    let settings =
        settings(&world, "0s") + circle + "[targets.servicenow.retry]\nbase = \"100ms\"\n";
    let settings = settings.replace("base_url = \"", "failover_after = \"0s\"\nbase_url = \"");
    std::fs::write(world.folder.path().join("more.toml"), settings).unwrap();
    world.start().await;
    let (salesforce, servicenow) = (world.simulator.salesforce(), world.simulator.servicenow());
    salesforce.refuse_connections(true);
    servicenow.refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("both targets are away", async || {
            let targets = world.items("targets").await;
            targets.iter().all(|one| one["state"] == "circuit_open")
        })
        .await;
    servicenow.refuse_connections(false);
    for key in ["q1", "too-q1"] {
        assert_eq!(
            ticket_of(&world, key).await["target"],
            "servicenow",
            "{key}"
        );
    }
    salesforce.refuse_connections(false);
    until_salesforce_is(&world, "up").await;
    world.accept(&event("evt-2", "q1", 410.0)).await;
    world
        .until("the second breach counts for both", async || {
            let incidents = world.items("incidents").await;
            incidents.iter().all(|one| one["occurrences"] == 2)
        })
        .await;
    assert!(salesforce.tickets().is_empty());
    assert_eq!(servicenow.tickets().len(), 2);
    assert!(world.items("dead-letters").await.is_empty());
}

#[tokio::test]
async fn an_outage_that_begins_in_the_second_target_goes_on_and_ends_there() {
    let second = At::ServiceNow;
    let mut site = Site::unstarted(second, At::Salesforce, "").await;
    site.edit(
        r#"targets = ["salesforce"]"#,
        r#"targets = ["salesforce", "servicenow"]"#,
    );
    site.edit(
        "[targets.salesforce.sync]",
        "[targets.salesforce]\nfailover_after = \"0s\"\n[targets.salesforce.sync]",
    );
    site.world.start().await;
    site.world.simulator.salesforce().refuse_connections(true);
    // The create of the first outage waits for Salesforce, and is moved.
    site.breach("A", 0..6).await;
    site.until_outages(second, 1).await;
    // By now Salesforce is known to be away: the second outage is never owed to it.
    site.breach("B", 0..6).await;
    site.until_outages(second, 2).await;
    for key in ["A", "B"] {
        let ticket = &site.incident(key).await["ticket"];
        assert_eq!(ticket["target"], "servicenow", "{key}: {ticket}");
        assert_eq!(ticket["failed_over_from"], "salesforce", "{key}: {ticket}");
    }
    site.recover("A", 0..6).await;
    site.recover("B", 0..6).await;
    site.until_all_is_over(second).await;
}

fn limited_for(seconds: u64) -> Fault {
    let limited = FaultKind::TooManyRequests {
        retry_after: Some(seconds),
    };
    Fault::new(limited, Trigger::Always).on_method("PATCH")
}

#[tokio::test]
async fn a_target_that_asks_to_wait_for_long_is_left_until_its_time_is_over() {
    let world = world("1s").await;
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(limited_for(3000));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = in_servicenow(&world, 1).await;
    let description = tickets[0]["description"].as_str().unwrap();
    let why = "Opened in servicenow, because salesforce has accepted no tickets since";
    assert!(description.contains(why), "{description}");
    let target = &world.items("targets").await[0];
    assert_eq!(target["state"], "paused");
    assert!(target["since"].is_string(), "{target}");
    // One that begins now is not even owed to the first.
    world.accept(&event("evt-2", "q2", 400.0)).await;
    assert_eq!(ticket_of(&world, "q2").await["target"], "servicenow");

    salesforce.clear_faults();
    world.pass(std::time::Duration::from_secs(3001));
    until_salesforce_is(&world, "up").await;
    world
        .until("that is shared", async || {
            world
                .log()
                .contains("nothing waits for the target; the next ticket")
        })
        .await;
    world.accept(&event("evt-3", "q3", 400.0)).await;
    assert_eq!(ticket_of(&world, "q3").await["target"], "salesforce");
    assert_eq!(salesforce.tickets().len(), 1);
}

#[tokio::test]
async fn a_maintenance_that_names_no_end_is_long_once_no_write_has_succeeded_for_long() {
    let world = world("1s").await;
    let salesforce = world.simulator.salesforce();
    let maintenance = FaultKind::Status {
        status: 400,
        body: r#"[{"errorCode":"INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE","message":"Updates can't be made during maintenance.","fields":[]}]"#.into(),
        content_type: "application/json".into(),
    };
    salesforce.add_fault(Fault::new(maintenance, Trigger::Always).on_method("PATCH"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_salesforce_is(&world, "paused").await;
    world.pass(std::time::Duration::from_secs(40));
    assert_eq!(ticket_of(&world, "q1").await["target"], "servicenow");
    assert!(salesforce.tickets().is_empty());
}

#[tokio::test]
async fn a_short_limit_of_the_rate_moves_no_ticket() {
    let world = world("0s").await;
    let salesforce = world.simulator.salesforce();
    let limited = limited_for(2);
    salesforce.add_fault(Fault {
        trigger: Trigger::Next { count: 2 },
        ..limited
    });
    world.accept(&event("evt-1", "q1", 400.0)).await;
    assert_eq!(ticket_of(&world, "q1").await["target"], "salesforce");
    assert!(world.simulator.servicenow().tickets().is_empty());
}

#[tokio::test]
async fn the_tickets_that_show_that_every_ticket_is_refused_are_opened_elsewhere_like_the_others() {
    let world = world("1s").await;
    let salesforce = world.simulator.salesforce();
    let kind = FaultKind::ValidationRefusal {
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned(),
        message: "Bad words".to_owned(),
        field: None,
    };
    salesforce.add_fault(Fault::new(kind, Trigger::Always).on_method("PATCH"));
    for queue in 1..=2 {
        let event = event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0);
        world.accept(&event).await;
        world
            .until("the ticket is taken for refused alone", async || {
                world.items("dead-letters").await.len() == queue
            })
            .await;
    }
    world.accept(&event("evt-3", "q3", 400.0)).await;
    // Long before the dead letters would have been tried again by themselves.
    in_servicenow(&world, 3).await;
    assert!(world.items("dead-letters").await.is_empty());
    assert!(salesforce.tickets().is_empty());
}
