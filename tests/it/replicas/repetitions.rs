//! A repetition is recognised for three days on both databases, also after retention has deleted
//! its event.

use ringdown::domain::time::Timestamp;
use ringdown::store::{Appended, NewEvent, Store};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::replicas::database::{self, Database};

const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);
const LATER: Timestamp = Timestamp::from_millis(1_795_442_850_000 + 60_000);
const DECIDE_ALL: &str = "update cursors set position = 1000 where name = 'decide'";

async fn append(store: &Store, id: &str) -> Appended {
    let (journal, writer) = store.journal();
    tokio::spawn(writer.run());
    let event = NewEvent {
        source: "genesys".into(),
        event_id: id.to_owned(),
        received_at: NOW,
        body: "{}".to_owned(),
        review: None,
        meaning: None,
    };
    journal.append(vec![event]).await.unwrap()[0]
}

async fn is_known_when_retention_has_deleted_it(store: &Store) {
    let forgotten = store.delete_expired(0, LATER, 100).await.unwrap();
    assert_eq!(forgotten.events, 1);
    assert_eq!(append(store, "a").await, Appended::Duplicate);
}

#[tokio::test]
async fn a_deleted_event_is_still_known_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
    let store = Store::open(&url).await.unwrap();
    assert_eq!(append(&store, "a").await, Appended::Accepted);
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.execute(DECIDE_ALL).await.unwrap();
    is_known_when_retention_has_deleted_it(&store).await;
    store.close().await;
}

#[tokio::test]
async fn an_event_is_known_for_three_days_on_postgres() {
    let Some(server) = database::server() else {
        return;
    };
    let database = Database::create(&server).await;
    let store = Store::open(database.url.as_str()).await.unwrap();
    assert_eq!(append(&store, "a").await, Appended::Accepted);
    let mut connection = PgConnection::connect(database.url.as_str()).await.unwrap();
    connection.execute(DECIDE_ALL).await.unwrap();
    is_known_when_retention_has_deleted_it(&store).await;

    let aged = "update event_keys set added_at = now() - interval '71 hours 59 minutes'";
    connection.execute(aged).await.unwrap();
    assert_eq!(append(&store, "b").await, Appended::Accepted);
    assert_eq!(store.delete_expired_keys(100).await.unwrap(), 0);
    assert_eq!(append(&store, "a").await, Appended::Duplicate);

    let older = "update event_keys set added_at = added_at - interval '2 minutes'";
    connection.execute(older).await.unwrap();
    assert_eq!(store.delete_expired_keys(100).await.unwrap(), 1);
    assert_eq!(append(&store, "a").await, Appended::Accepted);
    assert_eq!(append(&store, "b").await, Appended::Duplicate);
    connection.close().await.unwrap();
    store.close().await;
    database.remove().await;
}
