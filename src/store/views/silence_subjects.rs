//! What a silence could match: incidents that go on, and those that began lately.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::named::entity_and_name;
use crate::domain::identity::IncidentId;
use crate::domain::silence::Subject;
use crate::domain::time::Timestamp;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// An incident as a silence sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceSubject {
    pub id: IncidentId,
    pub rule: String,
    pub key: String,
    pub source: String,
    /// None of an outage or a flood.
    pub labels: Option<BTreeMap<String, String>>,
    pub name: String,
    pub state: String,
    pub ticket_number: Option<String>,
    pub has_ticket: bool,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    labels: BTreeMap<String, Value>,
}

impl SilenceSubject {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (rule, key): (String, String) = (row.get("rule")?, row.get("key")?);
        let context: String = row.get("context")?;
        let (_, name) = entity_and_name(&rule, &key, &context);
        // Rules have no colon in their names: these are an outage's and a flood's.
        let labels = (!rule.contains(':')).then(|| labels_in(&context));
        Ok(Self {
            id: row.get("id")?,
            source: row.get("source")?,
            labels,
            name,
            state: row.get("state")?,
            ticket_number: row.get_optional("ticket_number")?,
            has_ticket: row.get_optional::<String>("ticket_id")?.is_some(),
            rule,
            key,
        })
    }

    /// Whether it goes on.
    pub fn is_ongoing(&self) -> bool {
        self.state != "closed"
    }

    /// The same for matchers.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            source: self.labels.is_some().then_some(self.source.as_str()),
            rule: &self.rule,
            key: &self.key,
            labels: self.labels.as_ref().map(|labels| {
                let labels = labels.iter();
                labels
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect()
            }),
        }
    }
}

fn labels_in(context: &str) -> BTreeMap<String, String> {
    let found: Option<Labels> = serde_json::from_str(context).ok();
    let labels = found.map(|found| found.labels).unwrap_or_default();
    labels
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
        .collect()
}

macro_rules! subjects {
    ($condition:literal) => {
        concat!(
            "select i.id, i.rule, i.key, i.source, i.state, i.ticket_id, i.ticket_number, i.context \
             from incidents i where ",
            $condition,
            " order by i.opened_at desc, i.id desc limit $1"
        )
    };
}

impl Store {
    /// The newest `limit` incidents that go on, and the newest `limit` that began after `since`,
    /// where that is given; each once.
    pub async fn silence_subjects(
        &self,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<SilenceSubject>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let ongoing = Statement::new(subjects!("i.state in ('pending', 'open', 'recovered')"));
        let ongoing = ongoing.bind(limit);
        let mut found = ongoing.fetch(&mut tx, SilenceSubject::read).await?;
        let Some(since) = since else {
            return Ok(found);
        };
        let known: HashSet<IncidentId> = found.iter().map(|one| one.id.clone()).collect();
        let lately = Statement::new(subjects!("i.opened_at >= $2"));
        let lately = lately.bind(limit).bind(since);
        let lately = lately.fetch(&mut tx, SilenceSubject::read).await?;
        found.extend(lately.into_iter().filter(|one| !known.contains(&one.id)));
        Ok(found)
    }
}
