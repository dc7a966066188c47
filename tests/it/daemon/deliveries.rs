//! Deliveries when the CRM is down, limited, refusing or lying.

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::support::world::{World, event};

const ONCE: Trigger = Trigger::Next { count: 1 };

/// The CRM is down, and the create of one ticket has used up its retries; it stays down.
async fn park_for_want_of_an_answer(world: &World) {
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(Fault::new(FaultKind::Down, Trigger::Always));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the delivery has used up its retries", async || {
            world
                .items("deliveries?state=parked")
                .await
                .iter()
                .any(|one| one["attempts"] == 4)
        })
        .await;
}

#[tokio::test]
async fn g11_g12_what_a_dead_crm_does_not_answer_is_parked_and_continues_by_itself() {
    let world = World::new().await;
    park_for_want_of_an_answer(&world).await;
    let salesforce = world.simulator.salesforce();
    let parked = &world.items("deliveries").await[0];
    assert_eq!(parked["last_error"]["kind"], "network_failure");
    assert_eq!(parked["event_id"], "evt-1");
    assert_eq!(parked["attempts"], 4, "one try and three retries");
    // The worker notes the state of the target a moment after the result of the attempt.
    world
        .until("the delivery says what it waits for", async || {
            world.items("deliveries").await[0]["waits_for"] == "until salesforce answers again"
        })
        .await;
    assert!(
        world.items("dead-letters").await.is_empty(),
        "no person is needed"
    );
    salesforce.clear_faults();
    assert_eq!(world.tickets(1).await.len(), 1);
    world.all_delivered().await;
    assert!(world.items("dead-letters").await.is_empty());
}

#[tokio::test]
async fn a_parked_delivery_continues_though_the_first_answer_of_the_crm_is_to_wait() {
    let world = World::new().await;
    park_for_want_of_an_answer(&world).await;
    let salesforce = world.simulator.salesforce();
    salesforce.clear_faults();
    let limited = FaultKind::TooManyRequests {
        retry_after: Some(1),
    };
    salesforce.add_fault(Fault::new(limited, Trigger::Next { count: 1 }));
    assert_eq!(world.tickets(1).await.len(), 1);
    world.all_delivered().await;
}

#[tokio::test]
async fn a_ticket_that_a_firewall_takes_offence_at_does_not_keep_the_others_waiting() {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    let page = FaultKind::Status {
        status: 403,
        body: "<html>Request blocked</html>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    let blocked = Fault::new(page, Trigger::Always).on_method("PATCH");
    salesforce.add_fault(blocked.on_body("offensive"));
    let queue = |number: usize| format!("q{number}");
    world.accept(&event("evt-0", "offensive", 400.0)).await;
    let mut number = 0;
    world
        .until("the one ticket is parked alone", async || {
            number += 1;
            world
                .accept(&event(&format!("evt-{number}"), &queue(number), 400.0))
                .await;
            world.tickets(number).await;
            let parked = world.items("deliveries?state=parked").await;
            let until_taken = "until what stands in front of salesforce lets it pass: who runs the \
                               proxy or the firewall must act";
            parked
                .iter()
                .any(|one| one["event_id"] == "evt-0" && one["waits_for"] == until_taken)
        })
        .await;
    assert!(world.items("dead-letters").await.is_empty());
    assert_eq!(world.simulator.salesforce().tickets().len(), number);
}

#[tokio::test]
async fn g10_g15_a_refusal_waits_for_a_person_who_mends_it_and_replays() {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(
        Fault::new(
            FaultKind::ValidationRefusal {
                code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
                message: "Queue must be known".into(),
                field: Some("Subject".into()),
            },
            Trigger::Always,
        )
        .on_method("PATCH"),
    );
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("it is refused", async || {
            !world.items("dead-letters").await.is_empty()
        })
        .await;
    let dead = &world.items("dead-letters").await[0];
    assert_eq!(dead["kind"], "integration_failure");
    assert_eq!(dead["error_code"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(dead["message"], "Queue must be known");
    assert_eq!(dead["attempts"], 1, "a refusal is not retried");
    let line = world
        .log()
        .lines()
        .find(|line| line.contains("dead letter"))
        .unwrap()
        .to_owned();
    assert!(line.contains("evt-1") && line.contains("Queue must be known"));
    salesforce.clear_faults();
    let id = dead["id"].as_str().unwrap();
    world.act(&format!("dead-letters/{id}/replay")).await;
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn g16_lost_and_lying_answers_end_in_exactly_one_ticket() {
    for kind in [
        FaultKind::CutAfterCommit,
        FaultKind::ErrorAfterCommit { status: 502 },
        FaultKind::OkWithoutId,
        FaultKind::HtmlWith200,
        FaultKind::Garbage,
        FaultKind::Asynchronous,
    ] {
        let world = World::new().await;
        let salesforce = world.simulator.salesforce();
        salesforce.add_fault(Fault::new(kind.clone(), ONCE).on_method("PATCH"));
        world.accept(&event("evt-1", "q1", 400.0)).await;
        world.all_delivered().await;
        assert_eq!(salesforce.tickets().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn g18_a_429_pauses_the_whole_target_and_costs_no_attempt() {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    let limited = FaultKind::TooManyRequests {
        retry_after: Some(3),
    };
    salesforce.add_fault(Fault::new(limited, Trigger::Next { count: 4 }).on_method("PATCH"));
    for queue in 0..20 {
        world
            .accept(&event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
            .await;
    }
    world.tickets(20).await;
    world.all_delivered().await;
    let refused = salesforce
        .requests()
        .iter()
        .filter(|request| request.status == 429)
        .count();
    assert!(refused <= 4, "the CRM was hammered: {refused}");
    let attempts = world.items("deliveries?limit=500").await;
    assert!(attempts.iter().all(|one| one["attempts"] == 1));
}

#[tokio::test]
async fn g21_an_expired_token_is_renewed_without_a_failure() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.all_delivered().await;
    let url = format!(
        "{}/_sim/expire-tokens",
        world.simulator.salesforce().base_url()
    );
    world.client.post(url).send().await.unwrap();
    world.accept(&event("evt-2", "q2", 400.0)).await;
    world.tickets(2).await;
    world.all_delivered().await;
    let deliveries = world.items("deliveries").await;
    assert!(deliveries.iter().all(|one| one["attempts"] == 1));
}

#[tokio::test]
async fn g9_g21_refused_credentials_hold_the_target_and_lose_nothing() {
    let world = World::new().await;
    let salesforce = world.simulator.salesforce();
    let refusal = FaultKind::Status {
        status: 400,
        body: r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#
            .into(),
        content_type: "application/json".into(),
    };
    salesforce.add_fault(Fault::new(refusal, Trigger::Always).on_path("/oauth2/token"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the target is held", async || {
            world.items("targets").await[0]["state"] == "held"
        })
        .await;
    let outcome = r#"outcome="auth_failure""#;
    assert!(world.metrics().await.contains(outcome));
    assert!(world.items("dead-letters").await.is_empty());
    salesforce.clear_faults();
    world.tickets(1).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn a_slow_crm_does_not_slow_the_receiver() {
    let world = World::new().await;
    let slow = FaultKind::Slow {
        milliseconds: 1_500,
    };
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(slow, Trigger::Always));
    let begin = std::time::Instant::now();
    for queue in 0..30 {
        world
            .accept(&event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
            .await;
    }
    assert!(
        begin.elapsed() < std::time::Duration::from_millis(1_500),
        "thirty answers took longer than one call to the CRM"
    );
}
