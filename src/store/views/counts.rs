//! Numbers of rows, for gauges and overviews.

use crate::domain::identity::TargetName;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Numbers of rows. An entry of 0 is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Incidents by state.
    pub incidents: Vec<(String, i64)>,
    /// Incidents that are held open because they flap.
    pub flapping: i64,
    /// Deliveries that are not done, by target; a target may be there with 0.
    pub owed: Vec<(TargetName, i64)>,
    /// Dead letters by target and failure kind.
    pub dead_letters: Vec<(TargetName, String, i64)>,
    /// Tickets that are not closed and lack fields, by target.
    pub incomplete: Vec<(TargetName, i64)>,
    /// Open review items by source.
    pub review_items: Vec<(String, i64)>,
}

pub(super) const INCIDENTS_BY_STATE: &str =
    "select state, count(*) as count from incidents group by state order by state";

pub(super) const FLAPPING: &str = "select count(*) as count from incidents where flapping = 1";

/// The targets are found by stepping through the index from one name to the next: most
/// deliveries are done, and need not be looked at.
pub(super) const OWED_BY_TARGET: &str = "with recursive names(target) as ( \
       select min(d.target) from deliveries d \
       union all \
       select (select min(d.target) from deliveries d where d.target > names.target) \
       from names where names.target is not null) \
     select names.target, (select count(*) from deliveries d where d.target = names.target \
        and d.state in ('waiting', 'sending')) as count \
     from names where names.target is not null";

/// Grouped by an expression: grouped by the column, SQLite would walk every delivery in the
/// order of targets instead of the few dead ones.
pub(super) const DEAD_LETTERS_BY_KIND: &str = "select target || '' as name, coalesce(error_kind, 'unknown') as kind, count(*) as count \
     from deliveries where state = 'dead' group by target || '', coalesce(error_kind, 'unknown')";

pub(super) const INCOMPLETE_BY_TARGET: &str = "select i.target, count(*) as count from incidents i \
     where i.ticket_incomplete is not null and i.ticket_closed = 0 and i.ticket_fate is null \
     group by i.target";

pub(super) const REVIEW_ITEMS_BY_SOURCE: &str =
    "select source, count(*) as count from review_items where state = 'open' group by source";

impl Store {
    /// How many deliveries wait for `target` or are being sent.
    pub async fn pending_count(&self, target: &TargetName) -> Result<i64, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select count(*) as count from deliveries \
             where target = $1 and state in ('waiting', 'sending')",
        );
        let select = select.bind(target);
        select.fetch_one(&mut tx, |row| row.get("count")).await
    }

    /// Counts everything.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let count = |name: &'static str| {
            move |row: &Row| Ok((row.get::<String>(name)?, row.get::<i64>("count")?))
        };
        let owed = |row: &Row| Ok((row.get("target")?, row.get("count")?));
        let dead = |row: &Row| Ok((row.get("name")?, row.get("kind")?, row.get("count")?));
        let tx = &mut tx;
        Ok(Counts {
            flapping: Statement::new(FLAPPING)
                .fetch_one(tx, |row| row.get("count"))
                .await?,
            incidents: Statement::new(INCIDENTS_BY_STATE)
                .fetch(tx, count("state"))
                .await?,
            owed: Statement::new(OWED_BY_TARGET).fetch(tx, owed).await?,
            dead_letters: Statement::new(DEAD_LETTERS_BY_KIND).fetch(tx, dead).await?,
            incomplete: Statement::new(INCOMPLETE_BY_TARGET).fetch(tx, owed).await?,
            review_items: Statement::new(REVIEW_ITEMS_BY_SOURCE)
                .fetch(tx, count("source"))
                .await?,
        })
    }
}
