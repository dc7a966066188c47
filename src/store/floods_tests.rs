//! Tests of what a flood holds.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::failover::TicketRoute;
use crate::domain::identity::{IncidentKey, TargetName};
use crate::domain::incident::{Evaluation, Readings, Verdict};
use crate::store::DecisionBatch;

const SOURCE: &str = "genesys";

/// What a flood holds, as deciding keeps it.
fn held(now: Timestamp) -> DecisionBatch {
    let heard = Evaluation {
        received_at: now,
        occurred_at: now,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    let mut incident = Incident::begin(
        IncidentId::new("id"),
        IncidentKey::new("queue-wait", "q1"),
        "high",
        &heard,
        now,
    );
    incident.held_by_flood = true;
    let kept = IncidentRecord {
        incident,
        source: SOURCE.to_owned(),
        target: TargetName::new("salesforce"),
        route: TicketRoute::through(Arc::from([TargetName::new("salesforce")])),
        context: "{}".to_owned(),
    };
    DecisionBatch {
        decided_at: now,
        incidents: vec![kept],
        rates: vec![(SOURCE.to_owned(), SourceRate::default())],
        ..DecisionBatch::default()
    }
}

/// What an older version, which does not know what holds an incident, writes of it.
async fn set_state_only(store: &Store, state: &str) -> Result<(), StoreError> {
    let mut tx = store.database.begin_write().await?;
    let update = Statement::new("update incidents set state = $1").bind(state);
    update.execute(&mut tx).await?;
    tx.commit().await
}

#[tokio::test]
async fn what_an_older_replica_has_closed_or_opened_is_held_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let fence = store
        .acquire_lease("decide", "a", Duration::from_secs(60))
        .await;
    let fence = fence.unwrap().unwrap();
    let now = Timestamp::from_millis(1_795_442_850_000);
    let deciding = store.begin_decisions(&fence).await.unwrap();
    deciding.commit(&held(now), |_| None).await.unwrap();
    let mut deciding = store.begin_decisions(&fence).await.unwrap();
    assert!(deciding.holds_incidents(SOURCE).await.unwrap());
    drop(deciding);
    assert_eq!(store.floods().await.unwrap().items[0].held, 1);
    for state in ["closed", "open"] {
        set_state_only(&store, state).await.unwrap();
        let mut deciding = store.begin_decisions(&fence).await.unwrap();
        assert!(!deciding.holds_incidents(SOURCE).await.unwrap());
        drop(deciding);
        assert!(store.floods().await.unwrap().items.is_empty());
    }
}

#[test]
fn a_verdict_is_read_as_it_was_written() {
    for release in [true, false] {
        let verdict = FloodDecision {
            release,
            by: "ops by night".to_owned(),
        };
        assert_eq!(FloodDecision::read(&verdict.text()), Some(verdict));
    }
}
