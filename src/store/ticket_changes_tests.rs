//! Tests of changes that are applied together.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::failover::TicketRoute;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::{Evaluation, Readings, Verdict};
use crate::domain::ticket_sync::Presence;
use crate::store::DecisionBatch;

const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);
const TICKETS: usize = 512;

fn target() -> TargetName {
    TargetName::new("crm")
}

/// An open incident with the ticket `T` and its number.
fn incident(number: usize) -> IncidentRecord {
    let heard = Evaluation {
        received_at: NOW,
        occurred_at: NOW,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    let id = format!("i{number}");
    let key = IncidentKey::new("queue-wait", id.as_str());
    IncidentRecord {
        incident: Incident::begin(IncidentId::new(id), key, "high", &heard, NOW),
        source: "genesys".to_owned(),
        target: target(),
        route: TicketRoute::through(Arc::from([target()])),
        context: "{}".to_owned(),
    }
}

async fn store_with_tickets(folder: &tempfile::TempDir) -> Store {
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let minute = Duration::from_secs(60);
    let fence = store.acquire_lease("decide", "a", minute).await.unwrap();
    let batch = DecisionBatch {
        incidents: (0..TICKETS).map(incident).collect(),
        ..DecisionBatch::default()
    };
    let deciding = store.begin_decisions(&fence.unwrap()).await.unwrap();
    deciding.commit(&batch, |_| None).await.unwrap();
    let mut tx = store.database.begin_write().await.unwrap();
    let tickets = Statement::new("update incidents set ticket_id = 'T' || substr(id, 2)");
    tickets.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    store
}

fn snapshot(number: usize, closed: bool) -> TicketSnapshot {
    TicketSnapshot {
        ticket_id: format!("T{number}"),
        incident_id: None,
        version: Some(TicketVersion {
            changes: 0,
            changed_at: NOW.plus(Duration::from_secs(1)),
        }),
        changed_by: Some("ada".to_owned()),
        presence: Presence::Here,
        details: TicketDetails {
            state: Some("Working".to_owned()),
            closed,
            ..TicketDetails::default()
        },
    }
}

/// A commit for each would write some pages of the database each time.
#[tokio::test]
async fn thousands_of_changes_are_stored_in_few_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_tickets(&folder).await;
    let log = folder.path().join("ringdown.db-wal");
    let before = std::fs::metadata(&log).unwrap().len();
    let seen: Vec<_> = (0..TICKETS).map(|number| snapshot(number, false)).collect();
    let seen: Vec<_> = seen.iter().collect();
    for some in seen.chunks(64) {
        let applied = store.apply_snapshots(&target(), some, true, NOW).await;
        let applied = applied.unwrap();
        let noted = |one: &Option<AppliedSnapshot>| {
            one.as_ref()
                .is_some_and(|one| one.effect == ChangeEffect::Noted)
        };
        assert!(applied.iter().all(noted), "{applied:?}");
    }
    let written = std::fs::metadata(&log).unwrap().len() - before;
    let most = 8 * 1024 * TICKETS as u64;
    assert!(written <= most, "{written} bytes for {TICKETS} changes");
}

#[tokio::test]
async fn a_close_among_other_changes_closes_its_incident_and_a_ticket_of_nobody_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_tickets(&folder).await;
    let mut of_nobody = snapshot(0, false);
    of_nobody.ticket_id = "X".to_owned();
    let seen = [snapshot(1, false), snapshot(2, true), of_nobody];
    let seen: Vec<_> = seen.iter().collect();
    let applied = store.apply_snapshots(&target(), &seen, true, NOW).await;
    let effects: Vec<_> = applied
        .unwrap()
        .into_iter()
        .map(|one| one.map(|one| one.effect))
        .collect();
    let (noted, closed) = (Some(ChangeEffect::Noted), Some(ChangeEffect::Closed));
    assert_eq!(effects, [noted, closed, None]);
    let mut tx = store.database.begin_read().await.unwrap();
    let select = Statement::new("select id from incidents where state = 'closed'");
    let closed = select.fetch(&mut tx, |row| row.get::<String>("id")).await;
    assert_eq!(closed.unwrap(), ["i2"]);
}
