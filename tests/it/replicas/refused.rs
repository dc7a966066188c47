//! What PostgreSQL cannot keep: it holds nobody up but whom it comes from.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::json;

use crate::replicas::cluster::Cluster;
use crate::replicas::storm::{Storm, event, post};

/// So many characters of three bytes that compress badly.
fn noise(length: usize) -> String {
    let mut random = 0x9e37_79b9_u32;
    let next = |_| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        char::from_u32(0x4e00 + random % 0x5000).unwrap()
    };
    (0..length).map(next).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_too_long_for_an_index_gets_its_ticket_and_holds_nobody_up() {
    let Some(cluster) = Cluster::of(1).await else {
        return;
    };
    let public = &cluster.replicas[0].public;
    let long = noise(1_000);
    for id in ["long", "again"] {
        assert!(post(&cluster, public, &event(id, &long)).await);
    }
    let mut storm = Storm::default();
    storm.blow(&cluster, 3, 3).await;
    cluster
        .until("each queue has its ticket", async || {
            cluster.simulator.salesforce().tickets().len() == 4
        })
        .await;
    let incidents = cluster.items("incidents").await;
    let of_long = incidents
        .iter()
        .find(|one| one["key"].as_str().unwrap().starts_with(&long[..300]))
        .unwrap();
    cluster
        .until("both breaches are its", async || {
            let id = of_long["id"].as_str().unwrap();
            let mut incidents = cluster.items("incidents").await.into_iter();
            incidents.any(|one| one["id"] == id && one["occurrences"] == 2)
        })
        .await;
    cluster.end().await;
}

#[cfg(feature = "fault-points")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_decision_the_database_refuses_goes_to_review_and_holds_nobody_up() {
    let Some(cluster) = Cluster::of(1).await else {
        return;
    };
    for statement in [
        "create function refuse() returns trigger language plpgsql as \
         'begin raise exception ''no such thing'' using errcode = ''22023''; end'",
        "create trigger refuse before insert on incidents for each row \
         when (new.key = 'poison') execute function refuse()",
    ] {
        cluster.database.execute(statement, &[]).await;
    }
    let public = &cluster.replicas[0].public;
    let events: Vec<_> = (0..40)
        .map(|number| match number {
            20 => event("evt-poison", "poison"),
            _ => event(&format!("evt-{number}"), &format!("q{number}")),
        })
        .collect();
    assert!(post(&cluster, public, &json!(events)).await);
    cluster
        .until("every other queue has its ticket", async || {
            cluster.simulator.salesforce().tickets().len() == 39
        })
        .await;
    let review = cluster.items("review").await;
    assert_eq!(review.len(), 1);
    assert_eq!(review[0]["event_id"], "evt-poison");
    let reason = review[0]["reason"].as_str().unwrap();
    assert!(reason.contains("no such thing"), "{reason}");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_a_nul_in_it_is_a_failure_like_others() {
    let Some(cluster) = Cluster::of(1).await else {
        return;
    };
    let page = FaultKind::Status {
        status: 403,
        body: "<html>\0b\0l\0o\0c\0k\0e\0d</html>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    let salesforce = cluster.simulator.salesforce();
    salesforce.add_fault(Fault::new(page, Trigger::Always).on_method("PATCH"));
    let mut storm = Storm::default();
    storm.blow(&cluster, 3, 3).await;
    cluster
        .until("the target is known to be away", async || {
            cluster.database.health_keeper().await.is_some()
        })
        .await;
    let refusal = FaultKind::Status {
        status: 400,
        body: json!([{"errorCode": "UNKNOWN\u{0}", "message": "a\u{0}b"}]).to_string(),
        content_type: "application/json".to_owned(),
    };
    salesforce.clear_faults();
    salesforce.add_fault(Fault::new(refusal, Trigger::Next { count: 3 }).on_method("PATCH"));
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}
