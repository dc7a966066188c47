//! The rows that deciding reads within its transaction: the incidents that are not closed and the
//! burst locks of the keys of the batch; members of outages; incidents that are due.

use std::collections::{HashMap, HashSet};

use super::StoreError;
use super::burst_locks::locks_of;
use super::decision_transaction::DecisionTransaction;
use super::incidents::{IncidentRecord, select_incidents};
use super::row::Row;
use super::statement::Statement;
use crate::domain::decision::BurstLock;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::BreachStarts;
use crate::domain::time::Timestamp;

/// Keys asked about in one statement.
const MAX_KEYS: usize = 256;

/// The rows of one key.
#[derive(Debug, Default)]
pub struct KeyRecord {
    /// Its incident that is not closed.
    pub active: Option<IncidentRecord>,
    pub lock: Option<BurstLock>,
    /// When its trouble began, lately, beyond the life of an incident.
    pub breach_starts: BreachStarts,
}

impl DecisionTransaction {
    /// The records of `keys`. A key without any rows is absent.
    pub async fn load_keys(
        &mut self,
        keys: &[IncidentKey],
    ) -> Result<HashMap<IncidentKey, KeyRecord>, StoreError> {
        let mut records: HashMap<IncidentKey, KeyRecord> = HashMap::new();
        for chunk in keys.chunks(MAX_KEYS) {
            for record in self.active_incidents(chunk).await? {
                let key = record.incident.incident_key();
                records.entry(key).or_default().active = Some(record);
            }
            for row in locks_of(&mut self.tx, chunk).await? {
                let record = records.entry(row.key).or_default();
                record.lock = Some(row.lock);
                record.breach_starts = row.breach_starts;
            }
        }
        Ok(records)
    }

    /// Those of `keys` that an incident has which is not closed; perhaps more of them.
    pub async fn with_incidents(
        &mut self,
        keys: Vec<IncidentKey>,
    ) -> Result<Vec<IncidentKey>, StoreError> {
        if keys.len() <= MAX_KEYS {
            return Ok(keys);
        }
        // One look at all incidents that are not closed, unless they are more than the keys.
        let limit = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        let select = Statement::new(
            "select active_key from incidents where active_key is not null limit $1",
        );
        let select = select.bind(limit);
        let active = select.fetch(&mut self.tx, |row| row.get("active_key"));
        let active: HashSet<String> = active.await?.into_iter().collect();
        if active.len() >= keys.len() {
            return Ok(keys);
        }
        let keys = keys.into_iter();
        Ok(keys.filter(|key| active.contains(&key.encode())).collect())
    }

    async fn active_incidents(
        &mut self,
        keys: &[IncidentKey],
    ) -> Result<Vec<IncidentRecord>, StoreError> {
        let mut select = Statement::new(select_incidents!("i.active_key in "));
        select.push_list("", keys.iter().map(IncidentKey::encode));
        // Locked, so that a ticket's change seen meanwhile is not written over.
        let select = select.for_update();
        select.fetch(&mut self.tx, IncidentRecord::read).await
    }

    /// Incidents that are not closed of the groups whose outages have the keys `outages`, oldest
    /// first.
    pub async fn load_members(
        &mut self,
        outages: &[IncidentKey],
    ) -> Result<Vec<IncidentRecord>, StoreError> {
        let mut members = Vec::new();
        for chunk in outages.chunks(MAX_KEYS) {
            let mut select = Statement::new(select_incidents!("i.outage_key in "));
            select.push_list("", chunk.iter().map(IncidentKey::encode));
            select.push(" order by i.opened_at, i.id", []);
            let select = select.for_update();
            members.extend(select.fetch(&mut self.tx, IncidentRecord::read).await?);
        }
        Ok(members)
    }

    /// Incidents that are not closed and still members, of groups with the keys `outages` whose
    /// outage is over.
    pub async fn load_left(
        &mut self,
        outages: &[IncidentKey],
    ) -> Result<Vec<IncidentRecord>, StoreError> {
        let mut left = Vec::new();
        for chunk in outages.chunks(MAX_KEYS) {
            let mut select = Statement::new(select_incidents!(
                "i.outage_id is not null and i.outage_key in "
            ));
            select.push_list("", chunk.iter().map(IncidentKey::encode));
            select.push(" order by i.opened_at, i.id", []);
            let select = select.for_update();
            left.extend(select.fetch(&mut self.tx, IncidentRecord::read).await?);
        }
        Ok(left)
    }

    /// Members of `outage` that have not recovered, at most `limit`. They are not locked: an outage
    /// is looked at again when a person closes the ticket of a member.
    pub async fn live_members(
        &mut self,
        outage: &IncidentId,
        limit: usize,
    ) -> Result<Vec<IncidentId>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let select = Statement::new(
            "select id from incidents where outage_id = $1 and state in ('pending', 'open') \
             limit $2",
        );
        let select = select.bind(outage).bind(limit);
        select.fetch(&mut self.tx, |row| row.get("id")).await
    }

    /// Incidents that time alone changes by `now`, earliest first, at most `limit`.
    pub async fn load_due(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<IncidentRecord>, StoreError> {
        let select = Statement::new(select_incidents!(
            "i.due_at is not null and i.due_at <= $1 and i.state <> 'closed' \
             order by i.due_at limit $2"
        ));
        let select = select.bind(now).bind(limit);
        select.fetch(&mut self.tx, IncidentRecord::read).await
    }
}

impl super::Store {
    /// When time alone will next change an incident. The held incidents of a flood whose ticket a
    /// person has closed are due at once, even when deciding is behind.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let due_at = |row: &Row| row.get_optional("due_at");
        Statement::new(NEXT_DUE).fetch_one(&mut tx, due_at).await
    }
}

const NEXT_DUE: &str = "select min(due_at) as due_at from \
      (select min(due_at) as due_at from incidents \
        where due_at is not null and state <> 'closed' \
       union all select cast(0 as bigint) from incidents \
        where flood_verdict is not null and state = 'closed') as due";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn what_is_due_is_found_however_many_incidents_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_read().await.unwrap();
        let plan = Statement::new(NEXT_DUE).plan(&mut tx).await;
        for index in ["INDEX incidents_due", "INDEX incidents_floods_to_end"] {
            assert!(plan.contains(index), "{index}\n{plan}");
        }
    }
}
