//! What polling asks about: the things that incidents are about which are not over, and the queues
//! of which events have come.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::entity::keys_of_kind;
use crate::domain::incident::part;
use crate::domain::polling::{Kind, KnownQueue, Watched};
use crate::domain::time::Timestamp;
use crate::domain::{flood, outage};

/// Rows of one statement.
const ROWS: i64 = 1_000;
/// Most rows that are read of incidents, and of queues.
const MAX_ROWS: usize = 20_000;
/// Longest id that is asked about, in bytes; those of Genesys Cloud have 36.
const MAX_ID: usize = 200;

/// By the unique index on active keys, which only incidents have that are not closed.
const ACTIVE: &str = "select active_key, rule, source, life, context from incidents \
     where active_key > $1 order by active_key limit $2";

const QUEUES: &str = "select entity_key, heard_at from entities \
     where entity_key > $1 and entity_key < $2 order by entity_key limit $3";

/// The part of an incident's life that is needed here.
#[derive(Deserialize)]
struct Life {
    last_breach_at: Timestamp,
    parts: BTreeMap<String, IgnoredAny>,
}

/// The ids in an incident's context. A sender chose their types.
#[derive(Default, Deserialize)]
struct Ids {
    queue_id: Option<Value>,
    trunk_id: Option<Value>,
    edge_id: Option<Value>,
}

struct ActiveRow {
    key: String,
    rule: String,
    source: String,
    life: String,
    context: String,
}

impl ActiveRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.get("active_key")?,
            rule: row.get("rule")?,
            source: row.get("source")?,
            life: row.get("life")?,
            context: row.get("context")?,
        })
    }

    /// What the incident is about. Nothing where its values cannot be read: others are still polled.
    fn watched(&self) -> Vec<Watched> {
        let is_of_many = [outage::RULE_PREFIX, flood::RULE_PREFIX]
            .iter()
            .any(|prefix| self.rule.starts_with(prefix));
        let Ok(life) = serde_json::from_str::<Life>(&self.life) else {
            return Vec::new();
        };
        let ids: Ids = serde_json::from_str(&self.context).unwrap_or_default();
        let mut watched = Vec::new();
        let mut watch = |source: &str, kind: Kind, id: &str| {
            if !id.is_empty() && id.len() <= MAX_ID && !is_of_many {
                watched.push(Watched {
                    source: source.to_owned(),
                    kind,
                    id: id.to_lowercase(),
                    heard_at: life.last_breach_at,
                });
            }
        };
        let named = [
            (Kind::Queue, &ids.queue_id),
            (Kind::Trunk, &ids.trunk_id),
            // The Edge of a trunk is another thing.
            (
                Kind::Edge,
                ids.trunk_id.as_ref().map_or(&ids.edge_id, |_| &None),
            ),
        ];
        for (kind, id) in named {
            let Some(id) = id.as_ref().and_then(Value::as_str) else {
                continue;
            };
            watch(&self.source, kind, id);
            for name in life.parts.keys() {
                let source = part::source_of(name).unwrap_or(&self.source);
                // A logical trunk has one instance for each Edge, and each is a part.
                let id = match kind {
                    Kind::Trunk => part::own_name(name),
                    Kind::Edge | Kind::Queue => id,
                };
                watch(source, kind, id);
            }
        }
        watched
    }
}

impl Store {
    /// The queues, trunks and Edges that incidents are about which are not over.
    pub async fn watched_entities(&self) -> Result<Vec<Watched>, StoreError> {
        let (mut after, mut watched, mut read) = (String::new(), Vec::new(), 0);
        let mut tx = self.database.begin_read().await?;
        while read < MAX_ROWS {
            let select = Statement::new(ACTIVE).bind(after.as_str()).bind(ROWS);
            let rows = select.fetch(&mut tx, ActiveRow::read).await?;
            watched.extend(rows.iter().flat_map(ActiveRow::watched));
            read += rows.len();
            match rows.into_iter().next_back() {
                Some(last) => after = last.key,
                None => break,
            }
        }
        Ok(watched)
    }

    /// The queues of which events of `source` have come.
    pub async fn known_queues(&self, source: &str) -> Result<Vec<KnownQueue>, StoreError> {
        let (begin, end) = keys_of_kind(source, Kind::Queue.as_str());
        let (mut after, mut queues) = (begin.clone(), Vec::new());
        let mut tx = self.database.begin_read().await?;
        while queues.len() < MAX_ROWS {
            let select = Statement::new(QUEUES)
                .bind(after.as_str())
                .bind(end.as_str())
                .bind(ROWS);
            let key_and_time =
                |row: &Row| Ok((row.get::<String>("entity_key")?, row.get("heard_at")?));
            let rows = select.fetch(&mut tx, key_and_time).await?;
            let ids = rows.iter().filter_map(|(key, heard_at)| {
                let id = key.strip_prefix(&begin)?;
                (id.len() <= MAX_ID).then(|| KnownQueue {
                    id: id.to_owned(),
                    heard_at: *heard_at,
                })
            });
            queues.extend(ids);
            match rows.into_iter().next_back() {
                Some((last, _)) => after = last,
                None => break,
            }
        }
        Ok(queues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rule: &str, parts: &str, context: &str) -> ActiveRow {
        ActiveRow {
            key: "k".to_owned(),
            rule: rule.to_owned(),
            source: "genesys".to_owned(),
            life: format!("{{\"last_breach_at\":7,\"parts\":{{{parts}}}}}"),
            context: context.to_owned(),
        }
    }

    fn ids(row: &ActiveRow) -> Vec<(String, Kind, String)> {
        let watched = row.watched().into_iter();
        watched.map(|one| (one.source, one.kind, one.id)).collect()
    }

    #[test]
    fn an_incident_of_a_logical_trunk_is_about_each_of_its_instances() {
        let context = r#"{"trunk_id":"T2","edge_id":"e1","queue_id":5}"#;
        let row = row("trunk-down", r#""genesys\u001fT1":{},"t2":{}"#, context);
        let trunk = |id: &str| ("genesys".to_owned(), Kind::Trunk, id.to_owned());
        assert_eq!(ids(&row), [trunk("t2"), trunk("t1"), trunk("t2")]);
        assert_eq!(row.watched()[0].heard_at, Timestamp::from_millis(7));
    }

    #[test]
    fn media_types_of_a_queue_are_asked_about_together_for_each_source() {
        let parts = r#""other\u001fvoice":{},"other\u001fchat":{}"#;
        let row = row("queue-wait", parts, r#"{"queue_id":"q1"}"#);
        let queue = |source: &str| (source.to_owned(), Kind::Queue, "q1".to_owned());
        let expected = [queue("genesys"), queue("other"), queue("other")];
        assert_eq!(ids(&row), expected);
    }

    #[test]
    fn outages_and_values_that_cannot_be_read_are_about_nothing() {
        let context = r#"{"queue_id":"outage site of Berlin"}"#;
        assert_eq!(row("outage:site", "", context).watched(), []);
        assert_eq!(row("queue-wait", "", "no json").watched(), []);
    }

    #[tokio::test]
    async fn each_statement_reads_an_index_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_read().await.unwrap();
        let active = Statement::new(ACTIVE).bind("a").bind(ROWS);
        let queues = Statement::new(QUEUES).bind("a").bind("b").bind(ROWS);
        for statement in [active, queues] {
            let plan = statement.plan(&mut tx).await;
            assert!(plan.contains("SEARCH"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
