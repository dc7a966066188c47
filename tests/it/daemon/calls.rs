//! How many calls of the CRM a ticket costs, and which go first when few are left.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, RecordedRequest, Trigger};
use serde_json::{Value, json};

use crate::support::world::{World, event};

/// No poll, so that what the test counts is caused by tickets.
const NO_POLL: &str = "[targets.salesforce.sync]\npoll_every = \"1h\"\n";

/// The calls that count against the limit of the day.
fn data_calls(world: &World) -> Vec<RecordedRequest> {
    let mut requests = world.simulator.salesforce().requests();
    requests.retain(|one| one.path.starts_with("/services/data/v"));
    requests
}

/// Breaches of the queues `from` to `to`, in one request.
async fn storm(world: &World, from: usize, to: usize) {
    let events: Vec<Value> = (from..to)
        .map(|queue| event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
        .collect();
    world.accept(&Value::Array(events)).await;
}

async fn numbered(world: &World, count: usize) {
    world
        .until("every incident shows its number", async || {
            let incidents = world.items("incidents?limit=500").await;
            let is_numbered = |one: &Value| one["ticket"]["number"].is_string();
            incidents.len() == count && incidents.iter().all(is_numbered)
        })
        .await;
}

#[tokio::test]
async fn the_tickets_of_a_storm_cost_one_call_each_and_three_for_all_numbers() {
    const STORM: usize = 500;
    let mut world = World::unstarted(NO_POLL).await;
    world.start().await;
    for from in (0..STORM).step_by(25) {
        storm(&world, from, from + 25).await;
    }
    world.tickets(STORM).await;
    numbered(&world, STORM).await;
    let calls = data_calls(&world);
    let creates = calls.iter().filter(|one| one.method == "PATCH").count();
    assert_eq!(creates, STORM);
    let others: Vec<&str> = calls
        .iter()
        .filter(|one| one.method != "PATCH")
        .map(|one| one.path.as_str())
        .collect();
    assert!(others.len() <= 4, "{others:#?}");
    assert!(others.iter().all(|path| path.ends_with("/queryAll")));
}

#[tokio::test]
async fn when_few_calls_of_the_day_are_left_new_tickets_get_them_and_updates_wait() {
    const MANY: usize = 150;
    let update_often = "[rules.queue-wait]\nupdate_every = \"1ms\"\n";
    let mut world = World::unstarted(&format!("{NO_POLL}{update_often}")).await;
    world.start().await;
    storm(&world, 0, MANY).await;
    numbered(&world, MANY).await;
    let salesforce = world.simulator.salesforce();
    let used = data_calls(&world).len();
    let switch = json!({"daily_requests": used + 6});
    salesforce.switch(&switch).unwrap();
    // The answer to this create says how few calls are left.
    storm(&world, MANY, MANY + 1).await;
    world.tickets(MANY + 1).await;
    numbered(&world, MANY + 1).await;
    world.accept(&event("evt-update", "q0", 401.0)).await;
    world
        .until("the update is owed", async || {
            let waiting = world.items("deliveries?state=waiting").await;
            waiting.iter().any(|one| one["operation"] == "update")
        })
        .await;
    storm(&world, MANY + 1, MANY + 2).await;
    world.tickets(MANY + 2).await;
    let waiting = world.items("deliveries?state=waiting").await;
    assert_eq!(waiting.len(), 1, "{waiting:#?}");
    assert_eq!(waiting[0]["operation"], "update");
    assert!(world.log().contains("everything but new tickets waits"));

    let switch = json!({"daily_requests": 100_000});
    salesforce.switch(&switch).unwrap();
    storm(&world, MANY + 2, MANY + 3).await;
    world.all_delivered().await;
    assert!(world.log().contains("the CRM allows enough calls again"));
}

/// A field that is set later may use none of the few calls that are left, and the resolution of its ticket may.
#[tokio::test]
async fn when_few_calls_are_left_no_resolution_waits_for_a_field_that_is_set_later() {
    const MANY: usize = 300;
    let mut world = World::unstarted(NO_POLL).await;
    world.start().await;
    storm(&world, 0, MANY).await;
    numbered(&world, MANY).await;
    let salesforce = world.simulator.salesforce();
    let refusal = FaultKind::ValidationRefusal {
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into(),
        message: "bad value for restricted picklist field".into(),
        field: Some("Priority".into()),
    };
    let once = Fault::new(refusal, Trigger::Next { count: 1 });
    salesforce.add_fault(once.on_method("PATCH"));
    storm(&world, MANY, MANY + 1).await;
    world.tickets(MANY + 1).await;
    numbered(&world, MANY + 1).await;
    // The answer to the next create says that 9 of 100 calls are left.
    let few = data_calls(&world).len() * 100 / 91;
    salesforce.switch(&json!({"daily_requests": few})).unwrap();
    storm(&world, MANY + 1, MANY + 2).await;
    world
        .until("few calls are left", async || {
            world.log().contains("updates and links wait")
        })
        .await;
    // The field would be tried now. The next create shows that the worker has looked.
    world.pass(Duration::from_secs(61));
    storm(&world, MANY + 2, MANY + 3).await;
    world.tickets(MANY + 3).await;
    let calm = event("calm", &format!("q{MANY}"), 100.0);
    world.accept(&calm).await;
    world
        .until("the ticket is resolved", async || {
            let tickets = salesforce.tickets();
            tickets.iter().any(|one| one["IsClosed"] == true)
        })
        .await;
}

/// Look-ups, comments and log-ins count like creates: a storm that ends is many calls.
#[tokio::test]
async fn no_second_has_more_calls_than_the_limit_whatever_they_are_for() {
    const MANY: usize = 20;
    const PER_SECOND: usize = 10;
    let limit = format!(
        "[targets.salesforce.sync]\npoll_every = \"1s\"\n\
         [targets.salesforce.limit]\nper_second = {PER_SECOND}\n\
         [rules.queue-wait]\nclear_for = \"0s\"\non_recovery = \"resolve\"\n"
    );
    let mut world = World::unstarted(&limit).await;
    world.start().await;
    storm(&world, 0, MANY).await;
    world.tickets(MANY).await;
    world.all_delivered().await;
    let calm: Vec<Value> = (0..MANY)
        .map(|queue| event(&format!("calm-{queue}"), &format!("q{queue}"), 100.0))
        .collect();
    world.accept(&Value::Array(calm)).await;
    world
        .until("every ticket is resolved", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.iter().all(|one| one["Status"] == "Closed")
        })
        .await;
    world.all_delivered().await;
    let calls: Vec<i64> = world
        .simulator
        .salesforce()
        .requests()
        .iter()
        .map(|one| one.at_ms)
        .collect();
    for (first, from) in calls.iter().enumerate() {
        for (last, until) in calls.iter().enumerate().skip(first) {
            let seconds = f64::from(i32::try_from(until - from).unwrap()) / 1000.0;
            // The burst, and what the limit allows in the time; an answer may be late.
            let most = PER_SECOND as f64 * (1.0 + seconds + 0.5);
            let made = last - first + 1;
            assert!(made as f64 <= most, "{made} calls in {seconds} s");
        }
    }
}

/// The calls of Salesforce and of ServiceNow, logins and the query for the numbers of many tickets aside.
fn calls_of_both(world: &World) -> [Vec<String>; 2] {
    let calls = |requests: Vec<RecordedRequest>, base: &str| {
        let counts =
            |one: &&RecordedRequest| one.path.starts_with(base) && !one.path.ends_with("/queryAll");
        let requests = requests.iter().filter(counts);
        requests
            .map(|one| format!("{} {}", one.method, one.path))
            .collect()
    };
    [
        calls(world.simulator.salesforce().requests(), "/services/data/v"),
        calls(world.simulator.servicenow().requests(), "/api/now/"),
    ]
}

/// Waits until `count` deliveries with `operation` are done.
async fn delivered(world: &World, operation: &str, count: usize) {
    world
        .until(operation, async || {
            let done = world.items("deliveries?state=done&limit=50").await;
            let is = |one: &&Value| one["operation"] == operation;
            done.iter().filter(is).count() == count
        })
        .await;
}

#[tokio::test]
async fn every_step_of_a_ticket_costs_few_calls() {
    let mut world = World::unstarted("").await;
    let servicenow = world.simulator.servicenow().base_url();
    let more = format!(
        "{NO_POLL}{STEPS}\n[targets.servicenow]\nkind = \"servicenow\"\nbase_url = \"{servicenow}\"\n{SERVICENOW}"
    );
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    let mut before = calls_of_both(&world);
    for (average, operation, done, most) in [
        (400.0, "create", 2, 1),
        // It gets worse.
        (950.0, "update", 2, 1),
        // It lasts: a comment.
        (960.0, "update", 4, 1),
        (100.0, "resolve", 2, 2),
    ] {
        let id = format!("evt-{average}");
        world.accept(&event(&id, "q1", average)).await;
        delivered(&world, operation, done).await;
        let after = calls_of_both(&world);
        for (before, after) in before.iter().zip(&after) {
            let count = after.len() - before.len();
            assert!(count <= most, "{operation}: {count} calls: {after:#?}");
        }
        before = after;
    }
    let ticket = &world.simulator.salesforce().tickets()[0];
    assert_eq!(ticket["Status"], "Closed");
    assert_eq!(ticket["Priority"], "Critical");
    assert_eq!(world.simulator.servicenow().tickets()[0]["state"], "6");
    shows_stages(&world, 2, 4).await;
}

/// The metrics show the stages of `tickets` tickets and of `webhooks` requests.
async fn shows_stages(world: &World, tickets: usize, webhooks: usize) {
    let metrics = world.metrics().await;
    for (stage, count) in [
        ("durable", webhooks),
        ("decided", tickets),
        ("claimed", tickets),
        ("answered", tickets),
        ("confirmed", tickets),
    ] {
        let line = format!("ringdown_ticket_stage_seconds_count{{stage=\"{stage}\"}} {count}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

const STEPS: &str = r#"
[rules.queue-wait]
severity = { critical = "metrics[queue.waitTime].avg > 900", default = "high" }
update_every = "1ms"
[rules.queue-wait-too]
events = ["telephony.queue.waiting", "v2.analytics.queues.{id}.observations"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{ queue_id or queue_name }}"
on_recovery = "resolve"
severity = { critical = "metrics[queue.waitTime].avg > 900", default = "high" }
update_every = "1ms"
targets = ["servicenow"]
[targets.salesforce.create]
Priority = "{{ {'critical': 'Critical'}[severity] or 'High' }}"
"#;

const SERVICENOW: &str = r#"
[targets.servicenow.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = { env = "CRM_SECRET" }
[targets.servicenow.sync]
poll_every = "1h"
[targets.servicenow.create]
short_description = "{{ queue_name }} waits too long"
urgency = "{{ {'critical': 1}[severity] or 3 }}"
[targets.servicenow.resolve]
state = "6"
close_code = "Resolved by caller"
close_notes = "It is calm again."
"#;
