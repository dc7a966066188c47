//! When signals matched lately, for rules that need several of them.

use std::collections::HashMap;

use super::StoreError;
use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::row::Row;
use super::statement::Statement;
use crate::domain::identity::IncidentKey;
use crate::domain::match_count::MatchCount;
use crate::domain::time::Timestamp;

/// Keys asked about in one statement.
const MAX_KEYS: usize = 256;

impl DecisionTransaction {
    /// The matches of `keys`.
    pub async fn load_match_counts(
        &mut self,
        keys: &[IncidentKey],
    ) -> Result<HashMap<IncidentKey, MatchCount>, StoreError> {
        let mut counts = HashMap::new();
        for chunk in keys.chunks(MAX_KEYS) {
            let mut select =
                Statement::new("select count_key, matches from match_counts where count_key in ");
            select.push_list("", chunk.iter().map(IncidentKey::encode));
            let rows = select.fetch(&mut self.tx, read).await?;
            counts.extend(rows.into_iter().flatten());
        }
        Ok(counts)
    }
}

/// Damaged, it is as if nothing had matched.
fn read(row: &Row) -> Result<Option<(IncidentKey, MatchCount)>, StoreError> {
    let key = IncidentKey::try_from(row.get::<String>("count_key")?);
    let matches = serde_json::from_str(&row.get::<String>("matches")?);
    Ok(key.ok().zip(matches.ok()))
}

pub(super) async fn write_match_count(
    tx: &mut Tx,
    key: &IncidentKey,
    count: &MatchCount,
    at: Timestamp,
) -> Result<(), StoreError> {
    Statement::new(
        "insert into match_counts (count_key, heard_at, matches) values ($1, $2, $3) \
         on conflict (count_key) do update set heard_at = excluded.heard_at, \
          matches = excluded.matches",
    )
    .bind(key.encode())
    .bind(at)
    // A list of numbers always serialises.
    .bind(serde_json::to_string(count).unwrap_or_default())
    .execute(tx)
    .await?;
    Ok(())
}
