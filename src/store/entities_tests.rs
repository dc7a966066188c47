use super::*;
use crate::domain::entity::Entity;
use crate::domain::signal::Signal;
use crate::store::FencingToken;

async fn store() -> (tempfile::TempDir, Store, FencingToken) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let lease = store.acquire_lease("decide", "test", std::time::Duration::from_secs(60));
    let fence = lease.await.unwrap().unwrap();
    (folder, store, fence)
}

fn record(source: &str, edge: &str, heard_at: i64) -> EntityRecord {
    let heard_at = Timestamp::from_millis(heard_at);
    let mut signal = Signal::new("e", "v2.telephony.providers.edges.{id}", heard_at);
    signal.fields.insert("edge_id", edge.into());
    signal.fields.insert("status", "ONLINE".into());
    let entity = Entity::of(&signal).unwrap();
    let mut state = EntityState::of(&entity);
    state.apply(&entity, &signal, heard_at, |_| true);
    EntityRecord {
        key: entity.key(source),
        heard_at,
        state,
    }
}

async fn write(store: &Store, fence: &FencingToken, entities: Vec<EntityRecord>) {
    let deciding = store.begin_decisions(fence).await.unwrap();
    let batch = crate::store::DecisionBatch {
        entities,
        ..Default::default()
    };
    deciding.commit(&batch, |_| None).await.unwrap();
}

#[tokio::test]
async fn states_are_written_in_a_batch_and_found_by_their_keys() {
    let (_folder, store, fence) = store().await;
    let records: Vec<_> = (0..150)
        .map(|number| record("genesys", &format!("e{number}"), number))
        .collect();
    write(&store, &fence, records.clone()).await;
    let again = record("genesys", "e7", 9_000);
    write(&store, &fence, vec![again.clone()]).await;

    let keys: Vec<&str> = records.iter().map(|one| one.key.as_str()).collect();
    let loaded = store.load_entities(&keys).await.unwrap().states;
    assert_eq!(loaded.len(), 150);
    assert_eq!(loaded[&records[3].key], records[3].state);
    assert_eq!(loaded[&again.key], again.state);
    let none = store.load_entities(&["nobody"]).await.unwrap().states;
    assert!(none.is_empty());
}

#[tokio::test]
async fn the_entities_of_a_source_are_counted_up_to_a_limit() {
    let (_folder, store, fence) = store().await;
    let of = |source: &str, count: i64| -> Vec<EntityRecord> {
        (0..count)
            .map(|number| record(source, &format!("e{number}"), 0))
            .collect()
    };
    write(&store, &fence, of("genesys", 5)).await;
    write(&store, &fence, of("genesys-2", 3)).await;
    assert_eq!(store.count_entities("genesys", 100).await.unwrap(), 5);
    assert_eq!(store.count_entities("genesys-2", 100).await.unwrap(), 3);
    assert_eq!(store.count_entities("genesys", 2).await.unwrap(), 2);
    assert_eq!(store.count_entities("gene", 100).await.unwrap(), 0);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_as_if_nothing_was_known() {
    for damage in [
        "update entities set state = '{\"of\": \"another version\"}' where entity_key = $1",
        "update entities set state = x'00ff10' where entity_key = $1",
        "update entities set state = 'not JSON' where entity_key = $1",
    ] {
        cannot_be_read(damage).await;
    }
}

/// Asserts that the state that this statement damages is dropped, and that nothing else is.
async fn cannot_be_read(damage: &'static str) {
    let (_folder, store, fence) = store().await;
    let (good, bad) = (record("genesys", "e1", 0), record("genesys", "e2", 0));
    write(&store, &fence, vec![good.clone(), bad.clone()]).await;
    let mut tx = store.database.begin_write().await.unwrap();
    Statement::new(damage)
        .bind(&bad.key)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let keys = [good.key.as_str(), bad.key.as_str()];
    let loaded = store.load_entities(&keys).await.unwrap();
    assert_eq!(loaded.states.into_keys().collect::<Vec<_>>(), [good.key]);
    assert_eq!(loaded.damaged.len(), 1);
    assert!(loaded.damaged.contains(&bad.key));
    write(&store, &fence, vec![bad.clone()]).await;
    let loaded = store.load_entities(&[&bad.key]).await.unwrap().states;
    assert_eq!(loaded[&bad.key], bad.state, "it begins anew");
}

#[tokio::test]
async fn entities_that_are_not_heard_of_are_forgotten_step_by_step() {
    let (_folder, store, fence) = store().await;
    let records = (0..10)
        .map(|number| record("genesys", &format!("e{number}"), number))
        .collect();
    write(&store, &fence, records).await;
    let (mut after, mut steps, mut entities) = (Some(String::new()), 0, 0);
    while let Some(key) = after.take() {
        let cutoff = Timestamp::from_millis(6);
        let step = store.forget_entities(&key, cutoff, 4).await.unwrap();
        after = step.next_after;
        entities += step.entities;
        steps += 1;
    }
    assert_eq!((steps, entities), (3, 6));
    assert_eq!(store.count_entities("genesys", 100).await.unwrap(), 4);
}

#[tokio::test]
async fn every_statement_uses_the_key() {
    let (_folder, store, _fence) = store().await;
    let mut tx = store.database.begin_read().await.unwrap();
    let count = Statement::new(COUNT).bind("a").bind("b").bind(5_i64);
    let walk = Statement::new(WALK).bind("a").bind(5_i64);
    let mut load = Statement::new(LOAD);
    load.push_list("", ["a", "b"]);
    for statement in [count, walk, load] {
        let plan = statement.plan(&mut tx).await;
        assert!(plan.contains("SEARCH entities USING PRIMARY KEY"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
