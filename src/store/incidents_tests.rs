//! Tests of what the columns of an incident say beside its state.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::incident::{Evaluation, Readings, Verdict};
use crate::store::{DecisionBatch, Store};

const FILL_QUEUES: &str = include_str!("../../migrations/sqlite/0022_incident_queue.sql");

fn incident(id: &str, context: &str) -> IncidentRecord {
    let now = Timestamp::from_millis(1_795_442_850_000);
    let heard = Evaluation {
        received_at: now,
        occurred_at: now,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    IncidentRecord {
        incident: Incident::begin(
            IncidentId::new(id),
            IncidentKey::new("trunk-down", id),
            "high",
            &heard,
            now,
        ),
        source: "genesys".to_owned(),
        target: TargetName::new("salesforce"),
        route: TicketRoute::through(Arc::from([TargetName::new("salesforce")])),
        context: context.to_owned(),
    }
}

async fn store_with(folder: &tempfile::TempDir, incidents: Vec<IncidentRecord>) -> Store {
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let minute = Duration::from_secs(60);
    let fence = store.acquire_lease("decide", "a", minute).await.unwrap();
    let batch = DecisionBatch {
        incidents,
        ..DecisionBatch::default()
    };
    let deciding = store.begin_decisions(&fence.unwrap()).await.unwrap();
    deciding.commit(&batch, |_| None).await.unwrap();
    store
}

async fn execute(store: &Store, text: &'static str) {
    let mut tx = store.database.begin_write().await.unwrap();
    Statement::new(text).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn found(store: &Store, queue: &str) -> Option<String> {
    let incident = store.incident_of_queue(queue).await;
    incident.ok().map(|incident| incident.id.to_string())
}

#[test]
fn a_queue_is_read_from_a_context_when_it_is_a_text() {
    let context = r#"{"labels":{"queue_id":"other"},"queue_id":"q\"1","source":"genesys"}"#;
    assert_eq!(queue_in(context).as_deref(), Some("q\"1"));
    for other in [
        r#"{"queue_id":7}"#,
        r#"{"queue_id":"a\u0000b"}"#,
        r#"{"labels":{"queue_id":"q"}}"#,
        "{",
        "",
    ] {
        assert_eq!(queue_in(other), None, "{other}");
    }
}

#[tokio::test]
async fn an_incident_that_an_older_version_wrote_is_found_by_its_queue() {
    let folder = tempfile::tempdir().unwrap();
    let contexts = [
        ("at-q1", r#"{"queue_id":"q1"}"#),
        ("nowhere", "{}"),
        ("damaged", r#"{"queue_id":"q2""#),
    ];
    let incidents = contexts.map(|(id, context)| incident(id, context)).into();
    let store = store_with(&folder, incidents).await;
    assert_eq!(found(&store, "q1").await.as_deref(), Some("at-q1"));
    // As a replica of an older version writes it, beside this one.
    execute(&store, "update incidents set queue_id = null").await;
    assert_eq!(found(&store, "q1").await.as_deref(), Some("at-q1"));
    assert_eq!(found(&store, "q2").await, None);
    // As the migration fills the rows from before it; then the values are not read again.
    let fill = FILL_QUEUES.split(';').find(|text| text.contains("update"));
    execute(&store, fill.unwrap()).await;
    execute(&store, "update incidents set context = '{}'").await;
    assert_eq!(found(&store, "q1").await.as_deref(), Some("at-q1"));
    assert_eq!(found(&store, "q2").await, None);
    store.close().await;
}

#[test]
fn damaged_values_are_an_error_that_names_the_incident() {
    let error = incident("i-7", "{\"queue_id\":").context_values();
    assert!(matches!(error, Err(StoreError::Damaged { row, .. }) if row == "i-7"));
    assert!(incident("i-7", "{}").context_values().is_ok());
}

#[test]
fn the_values_of_a_metric_with_a_private_name_of_the_parser_are_read() {
    let name = "$serde_json::private::RawValue";
    let context = format!(r#"{{"metrics":{{"{name}":{{"avg":412.5}}}}}}"#);
    let values = incident("i-7", &context).context_values().unwrap();
    assert_eq!(values["metrics"][name]["avg"], 412.5);
}

/// Rows of earlier versions have these names, and a replica of an earlier version reads them.
#[test]
fn the_stored_state_of_an_incident_keeps_the_names_of_its_fields() {
    let mut incident = incident("i-1", "{}").incident;
    let at = Timestamp::from_millis(1_795_442_900_000);
    incident.opens_at = Some(at);
    incident.silenced_until = Some(at);
    incident.group = Some(IncidentKey::new("outage:site", "FRA"));
    incident.outage_id = Some(IncidentId::new("o-1"));
    incident.unreported = 1;
    incident.ungrouped = true;
    incident.held_by_flood = true;
    incident.released = true;
    let stored = serde_json::to_value(&incident).unwrap();
    let names: Vec<&str> = stored
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = "alone clear_since closed_at group held_by_flood id key last_breach_at occurrences \
        opened_at opens_at outage_id parts readings recovered_at relapses released rule severity \
        silenced_until state suppressed told_at told_before told_occurrences untold";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(
        serde_json::from_value::<Incident>(stored).unwrap(),
        incident
    );
}

#[tokio::test]
async fn of_many_keys_those_that_an_incident_has_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(&folder, vec![incident("a", "{}"), incident("b", "{}")]).await;
    let minute = Duration::from_secs(60);
    let fence = store.acquire_lease("decide", "a", minute).await.unwrap();
    let mut deciding = store.begin_decisions(&fence.unwrap()).await.unwrap();
    let key = |name: &str| IncidentKey::new("trunk-down", name);
    let mut many: Vec<IncidentKey> = (0..300).map(|one| key(&one.to_string())).collect();
    many.push(key("a"));
    assert_eq!(deciding.with_incidents(many).await.unwrap(), [key("a")]);
    let few = vec![key("7"), key("b")];
    assert_eq!(deciding.with_incidents(few.clone()).await.unwrap(), few);
}

async fn write(store: &Store, record: &IncidentRecord, due_at: i64) {
    let mut tx = store.database.begin_write().await.unwrap();
    let due_at = Some(Timestamp::from_millis(due_at));
    write_incident(&mut tx, record, due_at, None).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_breach_that_repeats_writes_the_row_of_its_incident_and_one_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(&folder, Vec::new()).await;
    let mut record = incident("i-1", r#"{"queue_id":"q1"}"#);
    write(&store, &record, 7).await;
    let log = folder.path().join("ringdown.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let before = length();
    record.incident.occurrences += 1;
    write(&store, &record, 8).await;
    let pages = (length() - before) / 4096;
    assert!(pages <= 4, "{pages} pages");
    // A reading that has moved also changes its place among the worst, in one more index.
    let before = length();
    record.incident.occurrences += 1;
    record.incident.excess = 2.0;
    write(&store, &record, 8).await;
    let pages = (length() - before) / 4096;
    assert!(pages <= 6, "{pages} pages");
    // What is searched for changes with all its columns.
    record.incident.state = IncidentState::Closed;
    record.incident.occurrences += 1;
    write(&store, &record, 9).await;
    let mut tx = store.database.begin_read().await.unwrap();
    let select = Statement::new("select state, active_key, occurrences, badness from incidents");
    let row = select.fetch_one(&mut tx, |row| {
        let key: Option<String> = row.get_optional("active_key")?;
        Ok((
            row.get::<String>("state")?,
            key,
            row.get::<i64>("occurrences")?,
            row.get::<i64>("badness")?,
        ))
    });
    assert_eq!(row.await.unwrap(), ("closed".to_owned(), None, 4, 20_000));
}
