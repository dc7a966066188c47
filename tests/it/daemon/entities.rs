//! Rules over how an entity stands: what real senders send in several messages, late, in part, or
//! too late. The payloads are in `tests/cases/genesys`.

use serde_json::{Value, json};

use crate::support::world::{World, event};

const BACKLOG: &str = r#"
[rules.queue-backlog]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[oWaiting].count >= 20 && metrics[oOnQueueUsers].count < 3"
clear_for = "0s"
key = "{{ queue_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{% if metrics.oWaiting %}{{ metrics.oWaiting.count }} wait, {{ metrics.oOnQueueUsers.count }} agents{% endif %}"
"#;

const NOBODY_THERE: &str = r#"
[rules.nobody-there]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[oOnQueueUsers].count < 3"
key = "{{ queue_id }}"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "nobody is there"
"#;

const EDGE: &str = r#"
[rules.edge-offline]
events = ["v2.telephony.providers.edges.{id}"]
when = 'status == "OFFLINE"'
clear_for = "0s"
key = "{{ edge_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{{ status or '' }}"
"#;

fn case(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/tests/cases/genesys/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    match serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    }
}

pub(super) async fn started(more: &str) -> World {
    let mut world = World::unstarted(more).await;
    world.start().await;
    world
}

pub(super) async fn send(world: &World, events: &[Value]) {
    for event in events {
        world.accept(event).await;
    }
}

/// Waits until everything that was sent is decided.
pub(super) async fn decided(world: &World) {
    world
        .until("everything is decided", async || {
            let events = world.items("events?limit=500").await;
            !events.is_empty() && events.iter().all(|event| event["state"] != "received")
        })
        .await;
}

/// The outcomes of the decisions on the event `id`, by rule.
pub(super) async fn outcomes(world: &World, id: &str) -> Value {
    let events = world.items(&format!("events?event_id={id}")).await;
    let event = world
        .api(&format!("events/{}", events[0]["id"].as_str().unwrap()))
        .await;
    let decisions = event["decisions"].as_array().unwrap();
    let outcome = |one: &Value| {
        let rule = one["rule"].as_str().unwrap().to_owned();
        (rule, json!([one["outcome"], one["detail"]]))
    };
    Value::Object(decisions.iter().map(outcome).collect())
}

pub(super) async fn no_ticket(world: &World) {
    decided(world).await;
    let incidents = world.items("incidents").await;
    assert!(incidents.is_empty(), "{incidents:#?}");
}

/// An observation of the queue `queue`, so many seconds after a fixed time.
pub(super) fn observation(id: &str, seconds: i64, media: Option<&str>, metrics: Value) -> Value {
    let at = ringdown::domain::time::Timestamp::from_millis(1_795_442_400_000 + seconds * 1_000);
    let queue = "11111111-aaaa-4bbb-8ccc-000000000001";
    let mut group = json!({ "queueId": queue });
    if let Some(media) = media {
        group["mediaType"] = json!(media);
    }
    json!({
        "version": "0", "id": id, "detail-type": "v2.analytics.queues.{id}.observations",
        "source": "aws.partner/genesys.com/cloud/0a1b2c3d-1111-4222-8333-444455556666/bus",
        "time": at.to_string(),
        "detail": {
            "topicName": format!("v2.analytics.queues.{queue}.observations"), "version": "2",
            "eventBody": { "group": group, "data": [{ "metrics": metrics }] },
            "timestamp": at.to_string(),
        },
    })
}

pub(super) fn waiting(id: &str, seconds: i64, media: &str, count: u32) -> Value {
    let metrics = json!([{"metric": "oWaiting", "stats": {"count": count}}]);
    observation(id, seconds, Some(media), metrics)
}

pub(super) fn agents(id: &str, seconds: i64, idle: u32, interacting: u32) -> Value {
    let metrics = json!([
        {"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": {"count": idle}},
        {"metric": "oOnQueueUsers", "qualifier": "INTERACTING", "stats": {"count": interacting}}]);
    observation(id, seconds, None, metrics)
}

fn edge(id: &str, at: &str, status: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "v2.telephony.providers.edges.{id}",
        "source": "aws.partner/genesys.com/cloud/0a1b2c3d-1111-4222-8333-444455556666/bus",
        "time": at,
        "detail": {
            "topicName": "v2.telephony.providers.edges.99999999-aaaa-4bbb-8ccc-000000000001",
            "version": "2",
            "eventBody": {
                "id": "99999999-aaaa-4bbb-8ccc-000000000001", "onlineStatus": status },
            "timestamp": at,
        },
    })
}

#[tokio::test]
async fn waiting_calls_and_missing_agents_that_come_in_two_messages_open_one_ticket() {
    for reversed in [false, true] {
        let world = started(BACKLOG).await;
        let mut events = case("queue-backlog-two-groups");
        if reversed {
            events.reverse();
        }
        send(&world, &events).await;
        let tickets = world.tickets(1).await;
        assert_eq!(tickets[0]["Description"], "25 wait, 0 agents");
    }
}

#[tokio::test]
async fn the_ticket_is_resolved_by_the_message_that_tells_either_half_of_the_recovery() {
    for recovery in [agents("evt-3", 20, 2, 3), waiting("evt-3", 20, "voice", 4)] {
        let world = started(BACKLOG).await;
        let events = [
            waiting("evt-1", 0, "voice", 25),
            agents("evt-2", 1, 0, 0),
            // Nobody waits for an e-mail, and that is not the whole queue.
            waiting("evt-mail", 2, "email", 0),
        ];
        send(&world, &events).await;
        world.tickets(1).await;
        decided(&world).await;
        assert_eq!(world.items("incidents").await[0]["state"], "open");
        send(&world, &[recovery]).await;
        world
            .until("the ticket is closed", async || {
                world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
            })
            .await;
    }
}

#[tokio::test]
async fn readings_that_lie_too_far_apart_are_not_combined() {
    let world = started(BACKLOG).await;
    send(
        &world,
        &[waiting("evt-1", 0, "voice", 25), agents("evt-2", 301, 0, 0)],
    )
    .await;
    no_ticket(&world).await;
    let longer = BACKLOG.replace("clear_for", "fresh = \"10m\"\nclear_for");
    let world = started(&longer).await;
    send(
        &world,
        &[waiting("evt-1", 0, "voice", 25), agents("evt-2", 301, 0, 0)],
    )
    .await;
    world.tickets(1).await;
}

#[tokio::test]
async fn how_an_entity_stands_survives_a_restart() {
    let mut world = started(BACKLOG).await;
    send(&world, &[waiting("evt-1", 0, "voice", 25)]).await;
    decided(&world).await;
    world.daemon.terminate();
    world.start().await;
    send(&world, &[agents("evt-2", 1, 0, 0)]).await;
    world.tickets(1).await;
}

#[tokio::test]
async fn one_qualifiers_zero_is_not_the_total() {
    let world = started(NOBODY_THERE).await;
    send(&world, &case("partial-qualifiers")).await;
    no_ticket(&world).await;
    // Nor is it where nothing else is known.
    let world = started(NOBODY_THERE).await;
    send(&world, &case("partial-qualifiers")[1..]).await;
    no_ticket(&world).await;
}

#[tokio::test]
async fn a_late_down_opens_nothing_although_there_was_no_incident_before() {
    let world = started(EDGE).await;
    send(&world, &case("late-down-before-any-incident")).await;
    no_ticket(&world).await;
    let outcome = outcomes(&world, "o2").await;
    assert_eq!(outcome["edge-offline"][0], "out_of_order");
}

#[tokio::test]
async fn a_clock_far_ahead_in_one_message_does_not_silence_the_next_ones() {
    let world = started(EDGE).await;
    let down = edge("evt-1", "2033-01-01T00:00:00Z", "OFFLINE");
    send(&world, &[down]).await;
    world.tickets(1).await;
    send(&world, &[edge("evt-2", "2026-11-29T15:40:00Z", "ONLINE")]).await;
    world
        .until("the ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
}

#[tokio::test]
async fn an_id_that_changes_its_case_is_the_same_entity() {
    let world = started(
        "[rules.queue-wait]\nkey = \"{{ queue_name }}\"\n[targets.salesforce.create]\nSubject = \"{{ queue_name }}\"\n",
    )
    .await;
    let named = |id: &str, queue: &str| {
        let mut event = event(id, "q", 400.0);
        event["queue"] = json!({ "id": queue });
        event["metrics"][0]["name"] = json!("queue.waitTime");
        event
    };
    send(
        &world,
        &[named("evt-1", "Queue-A"), named("evt-2", "QUEUE-a")],
    )
    .await;
    decided(&world).await;
    let incidents = world.items("incidents").await;
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0]["occurrences"], 2);
}

#[tokio::test]
async fn beyond_the_limit_on_entities_every_message_is_evaluated_alone_and_it_is_said() {
    let world = started("[entities]\nmax_per_source = 2\n").await;
    for number in 0..4 {
        let (id, queue) = (format!("evt-{number}"), format!("q{number}"));
        world.accept(&event(&id, &queue, 400.0)).await;
        decided(&world).await;
    }
    world.tickets(4).await;
    assert_eq!(world.log().matches("entities.max_per_source").count(), 1);
}

#[tokio::test]
async fn a_recovery_is_not_late_because_another_rule_looks_at_other_events_of_the_edge() {
    let edge_rule = EDGE.replace("clear_for", "fresh = \"30s\"\nclear_for");
    let world = started(&format!(
        r#"{edge_rule}
[rules.other]
events = ["v2.telephony.providers.edges.{{id}}.metrics"]
when = "metrics[processors.activeTimePct].max > 95"
key = "other-{{{{ edge_id }}}}"
targets = ["salesforce"]
"#
    ))
    .await;
    let id = "99999999-aaaa-4bbb-8ccc-000000000001";
    let cpu = json!({
        "id": "evt-2", "topicName": format!("v2.telephony.providers.edges.{id}.metrics"),
        "timestamp": "2026-11-29T15:41:40Z", "version": "2",
        "eventBody": { "edge": { "id": id }, "processors": [{ "cpuId": "_Total", "activeTimePct": 5.0 }] },
    });
    send(
        &world,
        &[edge("evt-1", "2026-11-29T15:40:00Z", "OFFLINE"), cpu],
    )
    .await;
    world.tickets(1).await;
    send(&world, &[edge("evt-3", "2026-11-29T15:41:00Z", "ONLINE")]).await;
    world
        .until("the ticket is closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.first().is_some_and(|one| one["Status"] == "Closed")
        })
        .await;
}

#[tokio::test]
async fn a_slip_in_one_rule_is_that_rules_alone() {
    let world = started(
        r#"
[rules.sl-percent]
events = ["v2.analytics.queues.{id}.observations"]
when = "100 / int(metrics[oServiceLevel].ratio) < 80"
key = "slp-{{ queue_id }}"
targets = ["salesforce"]
[rules.abandon-rate]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[nOffered].count >= 10 && metrics[tAbandon].count / metrics[nOffered].count > 0.1"
key = "ab-{{ queue_id }}"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{{ rule }}"
"#,
    )
    .await;
    let first = case("one-rule-error-silences-all").remove(0);
    let mut second = first.clone();
    second["id"] = json!("r2");
    send(&world, &[first, second]).await;
    let tickets = world.tickets(1).await;
    assert_eq!(tickets[0]["Description"], "abandon-rate");
    decided(&world).await;
    let items = world.items("review").await;
    assert_eq!(items.len(), 2, "{items:#?}");
    let reason = items[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("configuration error: rules.sl-percent.when: "),
        "{reason}"
    );
    assert!(!world.log().contains("Schema Mismatch"));
    let said = "a rule cannot be evaluated";
    assert_eq!(world.log().matches(said).count(), 1, "{}", world.log());
    let errors = "ringdown_signals_total{rule=\"sl-percent\",outcome=\"error\"} 2";
    assert!(world.metrics().await.contains(errors));
}

#[tokio::test]
async fn a_slip_in_the_severity_or_in_a_route_does_not_cost_the_ticket() {
    let world = started(
        r#"
[rules.abandon-rate]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[nOffered].count >= 10"
severity = { critical = "100 / int(metrics[oServiceLevel].ratio) < 80", default = "low" }
key = "ab-{{ queue_id }}"
targets = [{ when = "100 / int(metrics[oServiceLevel].ratio) < 80", to = ["salesforce"] }, "salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{{ severity }}"
"#,
    )
    .await;
    send(&world, &case("one-rule-error-silences-all")).await;
    let tickets = world.tickets(1).await;
    assert_eq!(tickets[0]["Description"], "low");
    decided(&world).await;
    let items = world.items("review").await;
    let reason = items[0]["reason"].as_str().unwrap();
    for place in [
        "rules.abandon-rate.severity.critical",
        "rules.abandon-rate.targets[0].when",
    ] {
        assert!(reason.contains(place), "{reason}");
    }
    let errors = "ringdown_signals_total{rule=\"abandon-rate\",outcome=\"error\"} 2";
    assert!(
        world.metrics().await.contains(errors),
        "{}",
        world.metrics().await
    );
}

#[tokio::test]
async fn a_placeholder_is_no_value() {
    let world = started(
        r#"
[rules.edge-event]
events = ["v2.operations.events.{id}"]
when = 'status == "OFFLINE"'
key = "{{ entity_id }}"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ entity_name or key }}"
Description = "{{ status or '' }}"
"#,
    )
    .await;
    send(&world, &case("velocity-null-id")).await;
    no_ticket(&world).await;
    let items = world.items("review").await;
    let reason = items[0]["reason"].as_str().unwrap();
    assert!(reason.contains("the placeholder"), "{reason}");
}

#[tokio::test]
async fn a_status_that_nobody_knows_ends_no_incident() {
    let world = started(
        r#"
[rules.trunk-down]
events = ["telephony.trunk.status"]
when = 'status in ["DOWN", "OUT_OF_SERVICE", "DEGRADED"]'
clear_for = "0s"
key = "{{ trunk_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ trunk_name or key }}"
Description = "{{ status or '' }}"
"#,
    )
    .await;
    let mut events = case("unknown-status-resolves");
    send(&world, &events).await;
    world.tickets(1).await;
    decided(&world).await;
    assert_eq!(world.items("incidents").await[0]["state"], "open");
    assert!(world.log().contains("NOT CONNECTED"));
    // A word that is known ends it.
    let mut up = events.remove(1);
    up["status"] = json!("In_Service");
    send(&world, &[up]).await;
    world
        .until("the ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
}

#[tokio::test]
async fn an_event_that_is_too_old_opens_nothing_and_is_counted() {
    let max_age = "[sources.genesys]\nmax_age = \"12h\"\n";
    let world = started(&format!("{EDGE}{max_age}")).await;
    send(&world, &case("stale-backlog")).await;
    no_ticket(&world).await;
    assert_eq!(outcomes(&world, "s1").await["edge-offline"][0], "stale");
    let stale = "ringdown_suppressed_total{rule=\"edge-offline\",reason=\"stale\"} 1";
    assert!(world.metrics().await.contains(stale));
    // What is heard in time still opens one.
    let now = ringdown::clock::Clock::System.now().to_string();
    send(&world, &[edge("evt-now", &now, "OFFLINE")]).await;
    world.tickets(1).await;
}

const ABANDONED: &str = r#"
[rules.abandoned]
events = ["v2.detail.events.conversation.{id}.acd.end"]
when = 'acd_outcome == "ABANDON"'
at_least = 3
within = "10m"
key = "{{ queue_id }}"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "calls are abandoned"
"#;

fn end_of_call(id: &str, minute: u32, outcome: &str) -> Value {
    json!({
        "id": id, "topicName": format!("v2.detail.events.conversation.call-{id}.acd.end"),
        "timestamp": format!("2026-11-29T15:{minute:02}:00Z"), "version": "2",
        "eventBody": { "conversationId": format!("call-{id}"),
            "queueId": "11111111-aaaa-4bbb-8ccc-000000000001",
            "acdOutcome": outcome, "mediaType": "VOICE" },
    })
}

#[tokio::test]
async fn only_so_many_matches_within_a_span_are_a_breach() {
    let mut world = started(ABANDONED).await;
    send(
        &world,
        &[
            end_of_call("c1", 0, "ABANDON"),
            end_of_call("c2", 8, "ABANDON"),
            end_of_call("c3", 9, "ANSWERED"),
            // The first is too long ago by now.
            end_of_call("c4", 11, "ABANDON"),
        ],
    )
    .await;
    no_ticket(&world).await;
    let second = outcomes(&world, "c4").await;
    assert_eq!(second["abandoned"], json!(["counted", "2 of 3 within 10m"]));
    world.daemon.terminate();
    world.start().await;
    send(&world, &[end_of_call("c5", 12, "ABANDON")]).await;
    world.tickets(1).await;
}

#[tokio::test]
async fn of_many_rules_about_one_queue_each_decides_by_its_own_threshold() {
    let rule = |least: u32| {
        format!(
            "[rules.waiting-{least}]\nevents = [\"v2.analytics.queues.{{id}}.observations\"]\n\
             when = \"metrics[oWaiting].count > {least}\"\nclear_for = \"0s\"\n\
             key = \"{{{{ queue_id }}}}\"\non_recovery = \"resolve\"\ntargets = [\"salesforce\"]\n"
        )
    };
    let rules: String = (0..300).map(rule).collect();
    let fields = "[targets.salesforce.create]\nSubject = \"{{ rule }}\"\nDescription = \"-\"\n";
    let world = started(&format!("{rules}{fields}")).await;
    send(&world, &[waiting("evt-1", 0, "voice", 3)]).await;
    let mut subjects: Vec<String> = world.tickets(3).await.iter().map(subject).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["waiting-0", "waiting-1", "waiting-2"]);
    decided(&world).await;
    send(&world, &[waiting("evt-2", 20, "voice", 1)]).await;
    world
        .until("two of the tickets are closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            let closed = tickets.iter().filter(|one| one["Status"] == "Closed");
            let mut closed: Vec<String> = closed.map(subject).collect();
            closed.sort_unstable();
            closed == ["waiting-1", "waiting-2"]
        })
        .await;
}

fn subject(ticket: &Value) -> String {
    ticket["Subject"].as_str().unwrap_or_default().to_owned()
}
