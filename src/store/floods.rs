//! Floods: how fast sources begin incidents, the incidents that a flood holds, and the decisions of
//! people about them.

use std::collections::HashMap;

use serde_json::json;

use super::audit::{self, ChangedBy};
use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::fencing::hold_deciding;
use super::incidents::IncidentRecord;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::flood::{self, SourceRate};
use crate::domain::identity::IncidentId;
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;

/// The decision of a person about an incident that a flood holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloodDecision {
    /// It gets its ticket; otherwise it is closed without one.
    pub release: bool,
    /// The person.
    pub by: String,
}

const RELEASE: &str = "release by ";
const DISCARD: &str = "discard by ";

impl FloodDecision {
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
    Statement::new(UPSERT_RATE)
        .bind(source)
        .bind(rate.began_at)
        .bind(rate.opened)
        .bind(rate.pending)
        .bind(rate.counted_at)
        .execute(tx)
        .await?;
    Ok(())
}

fn read_rate(row: &Row) -> Result<SourceRate, StoreError> {
    Ok(SourceRate {
        began_at: row.get("began_at")?,
        opened: u32::try_from(row.get::<u64>("opened")?).unwrap_or(u32::MAX),
        pending: row.get("pending")?,
        counted_at: row.get("counted_at")?,
    })
}

impl DecisionTransaction {
    /// How fast `source` begins incidents, if it ever began one.
    pub async fn source_rate(&mut self, source: &str) -> Result<Option<SourceRate>, StoreError> {
        let select = Statement::new(
            "select began_at, opened, pending, counted_at from source_rates where source = $1",
        );
        let select = select.bind(source);
        select.fetch_optional(&mut self.tx, read_rate).await
    }

    /// How many incidents of `source` have no ticket yet, counted up to `most`.
    pub async fn count_pending(&mut self, source: &str, most: u64) -> Result<u64, StoreError> {
        let count = Statement::new(
            "select count(*) as pending from (select 1 from incidents \
              where state = 'pending' and source = $1 limit $2) as pending",
        );
        let count = count.bind(source).bind(most);
        count
            .fetch_one(&mut self.tx, |row| row.get("pending"))
            .await
    }

    /// Whether a flood from `source` holds anything.
    pub async fn holds_incidents(&mut self, source: &str) -> Result<bool, StoreError> {
        let select = Statement::new(
            "select id from incidents where flood_source = $1 and state = 'pending' limit 1",
        );
        let found = select.bind(source);
        let found = found.fetch_optional(&mut self.tx, |row| row.get::<String>("id"));
        Ok(found.await?.is_some())
    }

    /// Discards the held incidents of floods whose tickets people have closed. The incident of such
    /// a flood was marked when it was closed, so that this is done after a crash too.
    pub async fn end_floods(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let update = Statement::new(
            "update incidents set flood_verdict = null \
             where flood_verdict is not null and state = 'closed' returning rule",
        );
        let ended = update.fetch(&mut self.tx, |row| row.get::<String>("rule"));
        for rule in ended.await? {
            if let Some(source) = flood::source_of(&rule) {
                give_verdict(&mut self.tx, source, &FloodDecision::by_closing(), now).await?;
            }
        }
        Ok(())
    }

    /// The decisions of people about those of `due` that a flood holds, by id.
    pub async fn flood_decisions(
        &mut self,
        due: &[IncidentRecord],
    ) -> Result<HashMap<IncidentId, FloodDecision>, StoreError> {
        let held = due.iter().filter(|one| one.incident.is_held_by_flood());
        let held: Vec<&IncidentId> = held.map(|one| &one.incident.id).collect();
        if held.is_empty() {
            return Ok(HashMap::new());
        }
        let mut select = Statement::new(
            "select id, flood_verdict from incidents where flood_verdict is not null and id in ",
        );
        select.push_list("", held);
        let verdict = |row: &Row| {
            let text: String = row.get("flood_verdict")?;
            Ok((row.get("id")?, FloodDecision::read(&text)))
        };
        let verdicts = select.fetch(&mut self.tx, verdict).await?.into_iter();
        Ok(verdicts
            .filter_map(|(id, verdict)| Some((id, verdict?)))
            .collect())
    }
}

impl Store {
    /// Releases or discards everything that a flood from `source` holds; answers how many
    /// incidents that concerns. Deciding carries it out.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when no incident of such a source was ever begun.
    pub async fn decide_flood(
        &self,
        source: &str,
        release: bool,
        by: ChangedBy<'_>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        hold_deciding(&mut tx).await?;
        let find = Statement::new("select source from source_rates where source = $1");
        let known = find.bind(source);
        let known = known.fetch_optional(&mut tx, |row| row.get::<String>("source"));
        if known.await?.is_none() {
            return Err(StoreError::NotFound {
                what: "source that has begun an incident",
                id: source.chars().take(64).collect(),
            });
        }
        let verdict = FloodDecision {
            release,
            by: by.actor.to_owned(),
        };
        let count = give_verdict(&mut tx, source, &verdict, by.at).await?;
        let action = if release {
            "flood.release"
        } else {
            "flood.discard"
        };
        let detail = json!({ "source": source, "count": count });
        let subject = format!("floods/{source}");
        audit::record(&mut tx, by, action, &subject, &detail).await?;
        tx.commit().await?;
        Ok(count)
    }
}

/// The mark that `incident`, which a person closes with its ticket, needs if it is a flood's.
pub(super) fn mark_of_closed(incident: &Incident) -> Option<String> {
    flood::source_of(&incident.rule).map(|_| FloodDecision::by_closing().text())
}

/// Marks the held incidents, and makes them and the flood due at once. The caller has stopped
/// deciding with `fencing::hold_deciding`.
async fn give_verdict(
    tx: &mut Tx,
    source: &str,
    verdict: &FloodDecision,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let held = Statement::new(
        "update incidents set flood_verdict = $1, due_at = $2 \
         where flood_source = $3 and state = 'pending'",
    );
    let held = held.bind(verdict.text()).bind(now).bind(source);
    let count = held.execute(tx).await?;
    let flood =
        Statement::new("update incidents set due_at = $1 where active_key = $2 and due_at > $1");
    let flood = flood.bind(now).bind(flood::key_of(source).encode());
    flood.execute(tx).await?;
    Ok(count)
}

#[cfg(test)]
#[path = "floods_tests.rs"]
mod tests;
