//! Rules that need several matches, and messages that come late.

use serde_json::{Value, json};

use super::entities::{agents, decided, no_ticket, observation, outcomes, send, started, waiting};
use crate::support::world::World;

/// Two matches of `when` are needed.
fn two_of(when: &str, more: &str) -> String {
    format!(
        r#"
[rules.counted]
events = ["v2.analytics.queues.{{id}}.observations"]
when = "{when}"
at_least = 2
within = "10m"
key = "{{{{ queue_id }}}}"
targets = ["salesforce"]
{more}
[targets.salesforce.create]
Subject = "{{{{ key }}}}"
Description = "-"
"#
    )
}

fn idle(id: &str, seconds: i64, count: u32) -> Value {
    let metrics =
        json!([{"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": {"count": count}}]);
    observation(id, seconds, None, metrics)
}

async fn outcome(world: &World, id: &str) -> Value {
    outcomes(world, id).await["counted"][0].clone()
}

#[tokio::test]
async fn a_late_message_with_one_qualifier_is_not_counted_as_the_total() {
    let world = started(&two_of("metrics[oOnQueueUsers].count < 3", "")).await;
    let before = [agents("evt-1", 0, 5, 4), agents("evt-2", 50, 5, 4)];
    send(&world, &before).await;
    send(&world, &[idle("evt-3", 20, 0), idle("evt-4", 21, 0)]).await;
    no_ticket(&world).await;
    for late in ["evt-3", "evt-4"] {
        assert_eq!(outcome(&world, late).await, "out_of_order");
    }
    // A late message that tells all of them is counted.
    send(
        &world,
        &[agents("evt-5", 22, 0, 1), agents("evt-6", 23, 1, 1)],
    )
    .await;
    world.tickets(1).await;
    decided(&world).await;
    assert_eq!(outcome(&world, "evt-5").await, "counted");
}

#[tokio::test]
async fn a_late_breach_is_counted_as_long_as_it_is_fresh() {
    let rule = two_of("metrics[oWaiting].count >= 20", "fresh = \"1m\"");
    let world = started(&rule).await;
    send(&world, &[waiting("evt-1", 100, "voice", 3)]).await;
    let old = [
        waiting("evt-2", 0, "voice", 50),
        waiting("evt-3", 39, "voice", 50),
    ];
    send(&world, &old).await;
    no_ticket(&world).await;
    for late in ["evt-2", "evt-3"] {
        assert_eq!(outcome(&world, late).await, "out_of_order");
    }
    let late = [
        waiting("evt-4", 50, "voice", 50),
        waiting("evt-5", 60, "voice", 50),
    ];
    send(&world, &late).await;
    world.tickets(1).await;
    decided(&world).await;
    assert_eq!(outcome(&world, "evt-4").await, "counted");
}

#[tokio::test]
async fn a_late_breach_among_others_does_not_change_what_is_written_of_the_latest() {
    let more = "clear = \"metrics[oWaiting].count < 10\"\nclear_for = \"0s\"\non_recovery = \"resolve\"\n\
                [targets.salesforce.resolve]\nDescription = \"last {{ metrics.oWaiting.count or 'unknown' }}\"\n";
    let world = started(&two_of("metrics[oWaiting].count >= 20", more)).await;
    // All of them are decided together.
    let events = json!([
        waiting("evt-1", 0, "voice", 30),
        waiting("evt-2", 10, "voice", 31),
        waiting("evt-3", 20, "voice", 45),
        waiting("evt-4", 5, "voice", 99),
        waiting("evt-5", 30, "voice", 0),
    ]);
    world.accept(&events).await;
    world
        .until("the ticket is closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.first().is_some_and(|one| one["Status"] == "Closed")
        })
        .await;
    assert_eq!(outcome(&world, "evt-4").await, "out_of_order");
    let tickets = world.simulator.salesforce().tickets();
    assert_eq!(tickets[0]["Description"], "last 45");
}

#[tokio::test]
async fn a_reprocessed_event_is_new_only_to_the_rules_that_failed_on_it() {
    let slip = "100 / int(metrics[oOnQueueUsers].count) > 5 && ";
    let more = format!(
        r#"
[rules.bad]
events = ["v2.analytics.queues.{{id}}.observations"]
when = "{slip}metrics[oWaiting].count >= 20"
key = "bad"
targets = ["salesforce"]
[rules.good]
events = ["v2.analytics.queues.{{id}}.observations"]
when = "metrics[oWaiting].count >= 20"
key = "good"
targets = ["salesforce"]
"#
    );
    let rules = two_of("metrics[oWaiting].count >= 20", &more);
    let mut world = started(&rules).await;
    let metrics = json!([
        {"metric": "oWaiting", "stats": {"count": 50}},
        {"metric": "oOnQueueUsers", "stats": {"count": 0}}
    ]);
    send(&world, &[observation("evt-1", 0, None, metrics)]).await;
    decided(&world).await;
    // The rule is mended only at the second attempt.
    let reprocess = async |world: &World| {
        let items = world.items("review").await;
        let id = items[0]["id"].as_str().unwrap();
        world.act(&format!("review/{id}/reprocess")).await;
        decided(world).await;
    };
    reprocess(&world).await;
    world
        .until("it is in review again", async || {
            world.items("review").await.len() == 1
        })
        .await;
    world.daemon.terminate();
    world.configure(&rules.replace(slip, ""));
    world.start().await;
    reprocess(&world).await;
    world.tickets(2).await;
    let outcomes = outcomes(&world, "evt-1").await;
    let outcomes = ["bad", "counted", "good"].map(|rule| outcomes[rule][0].clone());
    assert_eq!(outcomes, ["opened", "decided_before", "decided_before"]);
    let incidents = world.items("incidents").await;
    let counted: Vec<(&Value, &Value)> = incidents
        .iter()
        .map(|one| (&one["rule"], &one["occurrences"]))
        .collect();
    assert_eq!(counted.len(), 2, "{incidents:#?}");
    assert!(
        counted
            .iter()
            .all(|(_, occurrences)| **occurrences == json!(1)),
        "{counted:?}"
    );
}
