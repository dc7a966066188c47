//! Floods: how fast sources begin incidents, what a flood holds, and what people decide about
//! it.

use std::collections::HashMap;

use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::{self, By};
use super::database::{Tx, on};
use super::decisions::{Deciding, KeptIncident, active_key};
use super::silences::hold_deciding;
use super::views::Select;
use super::{Store, StoreError};
use crate::domain::flood::{self, RULE_PREFIX, SourceRate};
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;

/// What a person decided about an incident that a flood holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloodVerdict {
    /// It gets its ticket; otherwise it is closed without one.
    pub release: bool,
    /// Who decided.
    pub by: String,
}

const RELEASE: &str = "release by ";
const DISCARD: &str = "discard by ";

impl FloodVerdict {
    /// A person has closed the flood's ticket.
    fn by_closing() -> Self {
        Self {
            release: false,
            by: "the closing of its ticket".to_owned(),
        }
    }

    fn text(&self) -> String {
        let verdict = if self.release { RELEASE } else { DISCARD };
        format!("{verdict}{}", self.by)
    }

    fn read(text: &str) -> Option<Self> {
        let release = text.strip_prefix(RELEASE);
        let by = release.or_else(|| text.strip_prefix(DISCARD))?;
        Some(Self {
            release: release.is_some(),
            by: by.to_owned(),
        })
    }
}

const UPSERT_RATE: &str = "insert into source_rates \
     (source, began_at, opened, pending, counted_at) values ($1, $2, $3, $4, $5) \
     on conflict (source) do update set began_at = excluded.began_at, \
      opened = excluded.opened, pending = excluded.pending, counted_at = excluded.counted_at";

pub(super) async fn upsert_rate(
    tx: &mut Tx,
    source: &str,
    rate: &SourceRate,
) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(UPSERT_RATE)
            .bind(source)
            .bind(rate.began_at.as_millis())
            .bind(i64::from(rate.opened))
            .bind(i64::try_from(rate.pending).unwrap_or(i64::MAX))
            .bind(rate.counted_at.as_millis())
            .execute(connection)
            .await?;
    });
    Ok(())
}

impl Deciding {
    /// How fast `source` begins incidents, if it ever began one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn source_rate(&mut self, source: &str) -> Result<Option<SourceRate>, StoreError> {
        type Row = (i64, i64, i64, i64);
        let row: Option<Row> = on!(&mut self.tx, connection => {
            sqlx::query_as(
                "select began_at, opened, pending, counted_at from source_rates where source = $1",
            )
            .bind(source)
            .fetch_optional(connection)
            .await?
        });
        Ok(
            row.map(|(began_at, opened, pending, counted_at)| SourceRate {
                began_at: Timestamp::from_millis(began_at),
                opened: u32::try_from(opened).unwrap_or(u32::MAX),
                pending: u64::try_from(pending).unwrap_or(0),
                counted_at: Timestamp::from_millis(counted_at),
            }),
        )
    }

    /// How many incidents of `source` have no ticket yet, counted up to `most`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn pending_of(&mut self, source: &str, most: u64) -> Result<u64, StoreError> {
        let (count,): (i64,) = on!(&mut self.tx, connection => {
            sqlx::query_as(
                "select count(*) from (select 1 from incidents \
                  where state = 'pending' and source = $1 limit $2) as pending",
            )
            .bind(source)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_one(connection)
            .await?
        });
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether a flood from `source` holds anything.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn holds_any(&mut self, source: &str) -> Result<bool, StoreError> {
        let row: Option<(i64,)> = on!(&mut self.tx, connection => {
            sqlx::query_as(
                "select cast(1 as bigint) from incidents \
                  where flood_source = $1 and state = 'pending' limit 1",
            )
            .bind(source)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.is_some())
    }

    /// Discards what floods hold whose tickets people have closed. The incident of such a flood
    /// was marked when it was closed, so that this is done however often a process dies between.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn end_floods(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let ended: Vec<(String,)> = on!(&mut self.tx, connection => {
            sqlx::query_as(
                "update incidents set flood_verdict = null \
                 where flood_verdict is not null and state = 'closed' returning rule",
            )
            .fetch_all(connection)
            .await?
        });
        for (rule,) in ended {
            if let Some(source) = flood::source_of(&rule) {
                give_verdict(&mut self.tx, source, &FloodVerdict::by_closing(), now).await?;
            }
        }
        Ok(())
    }

    /// What people decided about those of `due` that a flood holds, by id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn flood_verdicts(
        &mut self,
        due: &[KeptIncident],
    ) -> Result<HashMap<String, FloodVerdict>, StoreError> {
        let held = due.iter().filter(|one| one.incident.is_held_by_flood());
        let held: Vec<&str> = held.map(|one| one.incident.id.as_str()).collect();
        if held.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, String)> = on!(&mut self.tx, connection => {
            let mut query = QueryBuilder::new(
                "select id, flood_verdict from incidents where flood_verdict is not null and id in (",
            );
            let mut list = query.separated(", ");
            for id in held {
                list.push_bind(id.to_owned());
            }
            query.push(")");
            query.build_query_as().fetch_all(connection).await?
        });
        Ok(rows
            .into_iter()
            .filter_map(|(id, text)| Some((id, FloodVerdict::read(&text)?)))
            .collect())
    }
}

impl Store {
    /// Releases or discards everything that a flood from `source` holds; answers how many
    /// incidents that concerns. Deciding carries it out.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when no incident of such a source was ever begun; others when
    /// the database cannot be written.
    pub async fn settle_flood(
        &self,
        source: &str,
        release: bool,
        by: By<'_>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        hold_deciding(&mut tx).await?;
        let mut find = Select::new("select source from source_rates");
        find.push(" where source = ?", [source.into()]);
        let known: Option<(String,)> = find.fetch_optional(&mut tx).await?;
        if known.is_none() {
            return Err(StoreError::NotFound {
                what: "source that has begun an incident",
                id: source.chars().take(64).collect(),
            });
        }
        let verdict = FloodVerdict {
            release,
            by: by.actor.to_owned(),
        };
        let settled = give_verdict(&mut tx, source, &verdict, by.at).await?;
        let action = if release {
            "flood.release"
        } else {
            "flood.discard"
        };
        let detail = json!({ "source": source, "count": settled });
        let subject = format!("floods/{source}");
        audit::note(&mut tx, by, action, &subject, &detail).await?;
        tx.commit().await?;
        Ok(settled)
    }
}

/// The mark that `incident`, which a person closes with its ticket, needs if it is a flood's.
pub(super) fn mark_of_closed(incident: &Incident) -> Option<String> {
    flood::source_of(&incident.rule).map(|_| FloodVerdict::by_closing().text())
}

/// Marks what is held, and has deciding look at it and at the flood at once. The caller holds
/// deciding.
async fn give_verdict(
    tx: &mut Tx,
    source: &str,
    verdict: &FloodVerdict,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let settled = on!(tx, connection => {
        sqlx::query(
            "update incidents set flood_verdict = $1, due_at = $2 \
             where flood_source = $3 and state = 'pending'",
        )
        .bind(verdict.text())
        .bind(now.as_millis())
        .bind(source)
        .execute(connection)
        .await?
        .rows_affected()
    });
    on!(tx, connection => {
        sqlx::query("update incidents set due_at = $1 where active_key = $2 and due_at > $1")
            .bind(now.as_millis())
            .bind(active_key(&format!("{RULE_PREFIX}{source}"), source))
            .execute(connection)
            .await?;
    });
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::domain::failover::TicketRoute;
    use crate::domain::incident::{Heard, Readings, Verdict};
    use crate::store::DecisionBatch;

    const SOURCE: &str = "genesys";

    /// What a flood holds, as deciding keeps it.
    fn held(now: Timestamp) -> DecisionBatch {
        let heard = Heard {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: Readings::new(),
        };
        let mut incident = Incident::begin("id".into(), "queue-wait", "q1", "high", &heard, now);
        incident.held_by_flood = true;
        let kept = KeptIncident {
            incident,
            source: SOURCE.to_owned(),
            target: "salesforce".to_owned(),
            route: TicketRoute::through(Arc::from(["salesforce".to_owned()])),
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
        on!(&mut tx, connection => {
            sqlx::query("update incidents set state = $1")
                .bind(state)
                .execute(connection)
                .await?;
        });
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
            .take_lease("decide", "a", Duration::from_secs(60))
            .await;
        let fence = fence.unwrap().unwrap();
        let now = Timestamp::from_millis(1_795_442_850_000);
        let deciding = store.begin_deciding(&fence).await.unwrap();
        deciding.keep(&held(now), |_| None).await.unwrap();
        let mut deciding = store.begin_deciding(&fence).await.unwrap();
        assert!(deciding.holds_any(SOURCE).await.unwrap());
        drop(deciding);
        assert_eq!(store.floods().await.unwrap().items[0].held, 1);
        for state in ["closed", "open"] {
            set_state_only(&store, state).await.unwrap();
            let mut deciding = store.begin_deciding(&fence).await.unwrap();
            assert!(!deciding.holds_any(SOURCE).await.unwrap());
            drop(deciding);
            assert!(store.floods().await.unwrap().items.is_empty());
        }
    }

    #[test]
    fn a_verdict_is_read_as_it_was_written() {
        for release in [true, false] {
            let verdict = FloodVerdict {
                release,
                by: "ops by night".to_owned(),
            };
            assert_eq!(FloodVerdict::read(&verdict.text()), Some(verdict));
        }
    }
}
