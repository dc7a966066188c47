//! Counters by hour: one row for each hour and kind, so that a day is read in a few hundred rows
//! however much has happened.

use std::collections::BTreeMap;

use super::StoreError;
use super::database::Tx;
use super::statement::Statement;
use crate::domain::activity::{Activity, hour_of};
use crate::domain::time::Timestamp;

/// What happened, by hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourCounts(BTreeMap<(i64, &'static str), u64>);

impl HourCounts {
    /// It happened once, in the hour of `at`.
    pub fn add(&mut self, at: Timestamp, what: Activity) {
        *self.0.entry((hour_of(at), what.as_str())).or_default() += 1;
    }
}

const ADD: &str = "insert into activity_hours (hour, kind, count) values ($1, $2, $3) \
     on conflict (hour, kind) do update set count = activity_hours.count + excluded.count";

/// Adds `counts`. It comes last in a transaction: several replicas add to the same rows.
pub(super) async fn add(tx: &mut Tx, counts: &HourCounts) -> Result<(), StoreError> {
    for ((hour, kind), count) in &counts.0 {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        let add = Statement::new(ADD).bind(*hour).bind(*kind).bind(count);
        add.execute(tx).await?;
    }
    Ok(())
}
