//! From breach to ticket to recovery.

use crate::support::world::{World, event};

#[tokio::test]
async fn g1_g6_g7_a_breach_becomes_one_ticket_with_everything_in_it() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 412.5)).await;
    let tickets = world.tickets(1).await;
    assert_eq!(
        tickets[0]["Subject"],
        "Telephony Incident: Queue q1 Critical Wait Time"
    );
    assert_eq!(tickets[0]["Status"], "New");
    assert_eq!(tickets[0]["Priority"], "High");
    assert_eq!(tickets[0]["Source__c"], "Genesys Cloud Telephony");
    let description = tickets[0]["Description"].as_str().unwrap();
    assert!(description.contains("412.5 s") && description.contains("event evt-1"));
    world.all_delivered().await;
    world
        .until("the ticket's number is known", async || {
            let incident = &world.items("incidents").await[0];
            incident["ticket"]["number"] == tickets[0]["CaseNumber"]
        })
        .await;
}

#[tokio::test]
async fn g2_what_is_below_the_threshold_opens_nothing() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 300.0)).await;
    world.accept(&event("evt-2", "q2", 301.0)).await;
    let tickets = world.tickets(1).await;
    assert_eq!(tickets.len(), 1);
    assert_eq!(world.items("incidents").await.len(), 1);
}

#[tokio::test]
async fn g5_further_breaches_of_an_open_incident_make_no_second_ticket_and_are_counted() {
    let world = World::new().await;
    for number in 0..50 {
        world
            .accept(&event(&format!("evt-{number}"), "q1", 400.0))
            .await;
    }
    world
        .until("all are decided", async || {
            let incidents = world.items("incidents").await;
            incidents.len() == 1 && incidents[0]["occurrences"] == 50
        })
        .await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
    assert_eq!(world.items("incidents").await[0]["suppressed"], 49);
    let metrics = world.metrics().await;
    assert!(
        metrics.contains(
            r#"ringdown_suppressed_total{rule="queue-wait",reason="active_incident"} 49"#
        )
    );
}

#[tokio::test]
async fn a_repeated_event_is_counted_and_not_processed_twice() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let (_, answer) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
    assert_eq!(answer["duplicates"], 1);
    world.all_delivered().await;
    assert_eq!(world.items("incidents").await[0]["occurrences"], 1);
}

#[tokio::test]
async fn a_recovery_resolves_the_ticket_and_the_next_breach_is_a_new_incident() {
    let mut world = World::unstarted("[rules.queue-wait]\nburst_lock = \"1s\"\n").await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    world.accept(&event("evt-3", "q1", 400.0)).await;
    assert_eq!(world.tickets(2).await.len(), 2);
}

#[tokio::test]
async fn g17_a_breach_inside_the_burst_lock_is_logged_with_the_locks_end_and_opened_at_it() {
    let mut world = World::unstarted("[rules.queue-wait]\nburst_lock = \"3s\"\n").await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world.accept(&event("evt-3", "q1", 400.0)).await;
    world
        .until("the breach is held back", async || {
            world.log().lines().any(|line| {
                line.contains("evt-3")
                    && line.contains("burst_lock")
                    && line.contains("locked_until")
            })
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
    assert_eq!(world.items("locks").await.len(), 1);
    assert_eq!(world.tickets(2).await.len(), 2, "held back, not lost");
}

#[tokio::test]
async fn g23_event_incident_and_ticket_lead_to_each_other() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.all_delivered().await;
    let found = world.items("events?event_id=evt-1").await;
    let id = found[0]["id"].as_str().unwrap();
    let shown = world.api(&format!("events/{id}")).await;
    assert_eq!(shown["decisions"][0]["outcome"], "opened");
    let incident_id = shown["incident_id"].as_str().unwrap();
    let incident = world.api(&format!("incidents/{incident_id}")).await;
    assert_eq!(
        incident["ticket"]["id"],
        world.simulator.salesforce().tickets()[0]["Id"]
    );
    let by_queue = world.api("queues/q1/incident").await;
    assert_eq!(by_queue["id"], incident_id);
}
