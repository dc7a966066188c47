//! The mark of deliveries that stand behind another one, so that looking for the next delivery does not
//! read them: 30,000 updates whose creates wait cost what none cost.
//!
//! The mark only saves reading. A claim always asks for the order itself (`due::is_free`). So a row
//! without a mark costs time, and a row with a needless mark would wait. Therefore rows are marked only
//! here, by the worker that looks, and every change after which a row may be free takes the mark away from
//! all rows that it may concern, without asking whether they are free:
//!
//! | change | what follows |
//! |---|---|
//! | queued | the new row has no mark |
//! | claimed | only a row without a mark is claimed. Those behind it stay marked |
//! | the result of an attempt: done, retried, parked, dead letter, not sent | `step_up` of the incident: also links to its ticket |
//! | put back, its worker having died | it was not marked, and those behind it wait as before |
//! | discarded: by a person, by a decision, as needless, at a failover | `step_up` of the incident |
//! | replayed, resumed, looked up again, rendered again | the row itself loses its mark |
//! | the CRM accepts an operation again | the rows that are woken lose theirs |
//! | the ticket is seen in the CRM, or its incident is closed with it | `step_up` of the incident |
//!
//! A change that was forgotten, or made by a replica of an older version, is made good by
//! `release_behind`, which asks for the order.

use super::database::Tx;
use super::due::{comes_after, has_passed, is_free, lanes, may_be_passed};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::{IncidentId, TargetName};

/// How many of each lane are looked at, from its first.
const WINDOW: i64 = 500;
/// Fewer are left as they are: reading them costs less than writing a mark.
const FEW: usize = 50;

/// The rows among the first `$2` of each lane that stand behind others.
macro_rules! blocked {
    ($by_lane:literal, $first_of_lane:expr) => {
        concat!(
            "with recursive ",
            lanes!("$1", $by_lane),
            " select d.id as id from lanes l ",
            $first_of_lane,
            " where l.lane is not null and not (",
            is_free!(),
            ")"
        )
    };
}
macro_rules! first_of_lane {
    ($by_lane:literal) => {
        concat!(
            "(select w.id from deliveries w",
            $by_lane,
            " where w.target = $1 and w.state = 'waiting' and w.behind = 0 and w.lane = l.lane \
               order by w.next_attempt_at, w.id limit $2)"
        )
    };
}
/// SQLite has no lateral join.
const BLOCKED: Statement<'static> = Statement::either(
    blocked!(
        " indexed by deliveries_lanes",
        concat!(
            "cross join deliveries d on d.id in ",
            first_of_lane!(" indexed by deliveries_lanes")
        )
    ),
    blocked!(
        "",
        concat!(
            "cross join lateral ",
            first_of_lane!(""),
            " head join deliveries d on d.id = head.id"
        )
    ),
);

/// Marks rows of a list, to which `$rest` is added. What keeps them waiting is locked: whoever ends that
/// has either ended it before, or takes the mark away afterwards. Nobody is waited for: a transaction
/// that has one of the rows may want another one.
macro_rules! mark {
    ($join:expr) => {
        concat!(
            "with behind (id) as materialized (select d.id from deliveries d ",
            $join,
            " where d.state = 'waiting' and d.behind = 0 and d.id in "
        )
    };
}
const MARK: [(&str, &str); 3] = [
    (
        mark!(concat!("join deliveries older on ", comes_after!())),
        " for update of d skip locked for share of older skip locked",
    ),
    (
        mark!(concat!(
            "join deliveries later on ",
            may_be_passed!(),
            " and ",
            has_passed!()
        )),
        " for update of d skip locked for share of later skip locked",
    ),
    (
        mark!("join incidents p on p.id = d.parent_id and p.ticket_id is null"),
        " for update of d skip locked for share of p skip locked",
    ),
];
const MARKED: &str = ") update deliveries set behind = 1 where id in (select id from behind)";

/// The marked rows of the target `$1` that stand behind nothing.
macro_rules! free {
    ($by_target:literal) => {
        concat!(
            "select d.id as id from deliveries d",
            $by_target,
            " where d.target = $1 and d.behind = 1 and d.state = 'waiting' and ",
            is_free!()
        )
    };
}
const FREE: Statement<'static> =
    Statement::either(free!(" indexed by deliveries_behind"), free!(""));

/// The marks that go when something of the incident `$1` is over, or its ticket exists.
const STEP_UP: [&str; 2] = [
    "update deliveries set behind = 0 where incident_id = $1 and behind = 1",
    "update deliveries set behind = 0 where parent_id = $1 and behind = 1",
];

impl Store {
    /// Marks the deliveries to `target` that would be read in vain, where they are many. Returns how
    /// many.
    pub async fn mark_behind(&self, target: &TargetName) -> Result<u64, StoreError> {
        let mut marked = 0;
        loop {
            let mut tx = self.database.begin_read().await?;
            let select = BLOCKED.bind(target).bind(WINDOW);
            let blocked: Vec<i64> = select.fetch(&mut tx, |row| row.get("id")).await?;
            drop(tx);
            if blocked.len() < FEW {
                return Ok(marked);
            }
            let mut tx = self.database.begin_write().await?;
            let mut now = 0;
            for (text, lock) in MARK {
                let mut mark = Statement::new(text);
                mark.push_list("", blocked.iter().copied());
                if matches!(tx, Tx::Postgres(_)) {
                    mark.push(lock, []);
                }
                mark.push(MARKED, []);
                now += mark.execute(&mut tx).await?;
            }
            tx.commit().await?;
            marked += now;
            if now == 0 {
                // Others are at work on them.
                return Ok(marked);
            }
        }
    }

    /// Takes the mark away from deliveries to `target` that stand behind nothing any more. Returns how
    /// many.
    pub async fn release_behind(&self, target: &TargetName) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = FREE.bind(target);
        let free: Vec<i64> = select.fetch(&mut tx, |row| row.get("id")).await?;
        drop(tx);
        let mut released = 0;
        for ids in free.chunks(500) {
            let mut update =
                Statement::new("update deliveries set behind = 0 where behind = 1 and id in ");
            update.push_list("", ids.iter().copied());
            released += self.update_alone(update).await?;
        }
        Ok(released)
    }
}

/// Something of the incident is over, or its ticket exists: what stood behind that may be free.
pub(super) async fn step_up(tx: &mut Tx, incident_id: &IncidentId) -> Result<(), StoreError> {
    for text in STEP_UP {
        Statement::new(text).bind(incident_id).execute(tx).await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "behind_tests.rs"]
mod tests;
