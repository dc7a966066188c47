//! Targets whose configuration has changed between two starts, and what of a target must outlive a
//! start.

use std::collections::BTreeSet;
use std::time::Duration;

use super::abandoned::sent_until;
use super::database::{Database, Tx, postgres_now, sqlite_now};
use super::record_result::failure_json;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// Within this time every replica has a new configuration.
const ROLLED_OUT_WITHIN: Duration = Duration::from_secs(3600);
/// No delivery waits for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(366 * 24 * 3600);

/// A target whose tickets are in other records than it is configured for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetChange {
    /// The records of before.
    pub before: String,
    /// How many tickets in them are open.
    pub open_tickets: i64,
}

impl Store {
    /// Stores in which `records` of the CRM the tickets of `target` are, and by which `key_field` they
    /// are found. Answers what is in other records.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when that has changed while deliveries are in doubt: their tickets
    /// may exist, and would not be found any more.
    pub async fn register_target(
        &self,
        target: &TargetName,
        (records, key_field): (&str, &str),
        now: Timestamp,
    ) -> Result<Option<TargetChange>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let found_by = format!("{records}, found by {key_field}");
        let select = Statement::new("select records from rendered_targets where target = $1");
        let before = select
            .bind(target)
            .fetch_optional(&mut tx, |row| row.get::<String>("records"));
        let before = before.await?.filter(|before| !before.is_empty());
        if let Some(before) = before.filter(|before| *before != found_by) {
            refuse_in_doubt(&mut tx, target, &before, now).await?;
            mark_tickets(&mut tx, target, records_in(&before), records).await?;
            // What was not sent because its ticket is elsewhere may be sent now.
            let retry = Statement::new(
                "update deliveries set next_attempt_at = $1 where target = $2 and state = 'dead'",
            );
            retry.bind(now).bind(target).execute(&mut tx).await?;
        }
        let upsert = Statement::new(
            "insert into rendered_targets (target, records) values ($1, $2) \
             on conflict (target) do update set records = excluded.records",
        );
        upsert.bind(target).bind(found_by).execute(&mut tx).await?;
        let elsewhere = Statement::new(
            "select ticket_records, count(*) as count from incidents \
             where target = $1 and ticket_records is not null and ticket_closed = 0 and ticket_fate is null \
              and (state <> 'closed' or exists (select 1 from deliveries d \
                where d.incident_id = incidents.id and d.state in ('waiting', 'sending', 'dead'))) \
             group by ticket_records order by count(*) desc limit 1",
        );
        let elsewhere = elsewhere.bind(target);
        let change = elsewhere.fetch_optional(&mut tx, |row| {
            Ok(TargetChange {
                before: row.get("ticket_records")?,
                open_tickets: row.get("count")?,
            })
        });
        let change = change.await?;
        tx.commit().await?;
        Ok(change)
    }

    /// What the client of `target` had learnt when it was last stored.
    pub async fn learnt_of_target(
        &self,
        target: &TargetName,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new("select learnt from rendered_targets where target = $1");
        let learnt = select
            .bind(target)
            .fetch_optional(&mut tx, |row| row.get_optional("learnt"));
        Ok(learnt.await?.flatten())
    }

    /// Stores what the client of `target` has learnt. When it trusts nothing any more, the CRM may be at
    /// work on a create for `runs_for`: no create whose outcome is unknown is sent again before.
    pub async fn keep_learnt(
        &self,
        target: &TargetName,
        learnt: Option<&str>,
        runs_for: Duration,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let upsert = Statement::new(
            "insert into rendered_targets (target, records, learnt) values ($1, '', $2) \
             on conflict (target) do update set learnt = excluded.learnt",
        );
        upsert.bind(target).bind(learnt).execute(&mut tx).await?;
        if learnt.is_none() {
            let wait = Statement::new(
                "update deliveries set look_up_from = unknown_at + $1 \
                 where target = $2 and operation = 'create' and in_doubt = 1 \
                  and state in ('waiting', 'dead') and look_up_from < unknown_at + $1",
            );
            wait.bind(runs_for).bind(target).execute(&mut tx).await?;
            let sending = Statement::new(
                "update deliveries set runs_for = $1 \
                 where target = $2 and operation = 'create' and state = 'sending' and runs_for < $1",
            );
            sending.bind(runs_for).bind(target).execute(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Gives up what is owed to targets that are not `configured` any more: nobody would ever send it.
    /// Answers how many deliveries of which target.
    pub async fn give_up_unconfigured(
        &self,
        configured: &BTreeSet<TargetName>,
        now: Timestamp,
    ) -> Result<Vec<(TargetName, u64)>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select distinct target from deliveries where state in ('waiting', 'sending')",
        );
        let owed: Vec<TargetName> = select.fetch(&mut tx, |row| row.get("target")).await?;
        drop(tx);
        // Other replicas may have the target configured while a new configuration is rolled out: what
        // they send was due only just now.
        let last_try = match &self.database {
            Database::Postgres { .. } => now.minus(ROLLED_OUT_WITHIN),
            Database::Sqlite { .. } => now.plus(LONGEST_WAIT),
        };
        let mut given_up = Vec::new();
        for target in owed.into_iter().filter(|one| !configured.contains(one)) {
            let failure = not_configured(&target);
            let give_up = GIVE_UP
                .bind(now)
                .bind(failure_json(&failure))
                .bind(failure.kind.as_str())
                .bind(ENDS_WITHIN)
                .bind(&target)
                .bind(last_try);
            let count = self.update_alone(give_up).await?;
            if count > 0 {
                given_up.push((target, count));
            }
        }
        Ok(given_up)
    }
}

/// As dead letters people see them, and may discard them. Where the target is configured again, they
/// are sent at once.
macro_rules! give_up {
    ($now:expr) => {
        concat!(
            "update deliveries set settled_at = $1, last_error = $2, error_kind = $3, \
              next_attempt_at = $1, parked = null, lease_owner = null, lease_until = null, \
              in_doubt = case when state = 'sending' then 1 else in_doubt end, \
              unknown_at = case when state = 'sending' then ",
            sent_until!($now),
            " else unknown_at end, \
              look_up_from = case when state = 'sending' then ",
            sent_until!($now),
            " + coalesce(runs_for, $4) else look_up_from end, \
              state = 'dead' \
             where target = $5 and (state = 'waiting' \
               or (state = 'sending' and lease_until <= ",
            $now,
            ")) and next_attempt_at <= $6"
        )
    };
}
const GIVE_UP: Statement<'static> =
    Statement::either(give_up!(sqlite_now!()), give_up!(postgres_now!()));

fn not_configured(target: &TargetName) -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        class(
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
        ),
        format!(
            "the target {target} is not configured any more: configure it again and start \
             Ringdown, or discard this dead letter"
        ),
    )
    .with_code("NOT_CONFIGURED")
}

/// The tickets of `target` are in the records of `before`, except those that are in `present` ones.
async fn mark_tickets(
    tx: &mut Tx,
    target: &TargetName,
    before: &str,
    present: &str,
) -> Result<(), StoreError> {
    let mark = Statement::new(
        "update incidents set ticket_records = $1 \
         where target = $2 and ticket_id is not null and ticket_records is null",
    );
    mark.bind(before).bind(target).execute(tx).await?;
    let unmark = Statement::new(
        "update incidents set ticket_records = null where target = $1 and ticket_records = $2",
    );
    unmark.bind(target).bind(present).execute(tx).await?;
    Ok(())
}

/// `Case` of `Case, found by Ringdown_Id__c`.
fn records_in(found_by: &str) -> &str {
    found_by.split(", found by ").next().unwrap_or(found_by)
}

async fn refuse_in_doubt(
    tx: &mut Tx,
    target: &TargetName,
    before: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let select = Statement::new(
        "select count(*) as count from deliveries \
         where target = $1 and state in ('waiting', 'sending', 'dead') \
          and (in_doubt = 1 or state = 'sending' \
            or (operation = 'create' and unknown_at > $2))",
    );
    let select = select.bind(target).bind(now.minus(ENDS_WITHIN));
    let in_doubt: i64 = select.fetch_one(tx, |row| row.get("count")).await?;
    if in_doubt == 0 {
        return Ok(());
    }
    Err(StoreError::Conflict {
        what: "target",
        id: target.to_string(),
        state: format!("configured as {before}"),
        problem: IN_DOUBT,
    })
}

const IN_DOUBT: &str = "the object, table or key field was changed while deliveries are in doubt: \
     their tickets may exist, and would not be found any more. Start with the settings of before, \
     and wait until no entry of `GET /api/v1/deliveries?target=NAME` has `in_doubt`, and for ten \
     minutes after the last lost answer; replay or discard those that are dead letters with \
     `ringdown dead-letters`";
