//! Deliveries whose worker ended while it was sending them: its process died, was stopped before the
//! answer came, or could not renew its claim.
//!
//! They wait again, in doubt. Something may have been sent until the end of the lease, and the CRM may
//! still be at work on it afterwards. So a look-up that does not find the ticket means nothing before
//! that time.

use super::database::{Database, postgres_now, sqlite_now};
use super::history::{HistoryEntry, Reference, insert_history};
use super::outbox::read_operation;
use super::record_result::failure_json;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::RunTimes;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::TargetName;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::time::Timestamp;

/// Whose deliveries are put back.
#[derive(Debug, Clone, Copy)]
pub enum Abandoned<'a> {
    /// Those whose lease has run out, save those that this process is still sending.
    Expired { sending: &'a [i64] },
    /// Those of this process, which sends nothing any more.
    Of { owner: &'a str },
}

/// Until when something may have been sent, by the caller's clock, which says `$1`.
macro_rules! sent_until {
    ($now:expr) => {
        concat!("($1 - (", $now, " - lease_until))")
    };
}
pub(super) use sent_until;
macro_rules! put_back {
    ($now:expr) => {
        concat!(
            "update deliveries set state = 'waiting', in_doubt = 1, \
              unknown_at = ",
            sent_until!($now),
            ", look_up_from = ",
            sent_until!($now),
            " + coalesce(runs_for, \
               case operation when 'create' then $2 when 'resolve' then 0 else $3 end), \
              next_attempt_at = case when next_attempt_at > $1 then $1 else next_attempt_at end, \
              last_error = $4, error_kind = $5, lease_owner = null, lease_until = null \
             where target = $6 and state = 'sending' \
              and (lease_owner = $7 or ($7 = '' and lease_until <= ",
            $now,
            ")) and id not in "
        )
    };
}
const PUT_BACK: Statement<'static> =
    Statement::either(put_back!(sqlite_now!()), put_back!(postgres_now!()));

macro_rules! expired {
    ($now:expr) => {
        concat!(
            "select id from deliveries where target = $1 and state = 'sending' \
              and lease_until <= ",
            $now,
            " limit 1"
        )
    };
}
const EXPIRED: Statement<'static> =
    Statement::either(expired!(sqlite_now!()), expired!(postgres_now!()));

impl Store {
    /// Ends the claims of a process that died, at the start of its successor. A SQLite file has one
    /// process at a time, so every claim in it belongs to a dead process. In PostgreSQL other
    /// replicas may live, and leases run out by themselves.
    pub async fn expire_claims_of_dead_process(&self) -> Result<(), StoreError> {
        if matches!(self.database, Database::Postgres { .. }) {
            return Ok(());
        }
        let mut tx = self.database.begin_write().await?;
        for text in [
            concat!(
                "update deliveries set lease_until = ",
                sqlite_now!(),
                " where state = 'sending' and lease_until > ",
                sqlite_now!()
            ),
            "update leases set until = 0",
        ] {
            Statement::new(text).execute(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Puts deliveries to `target` back that nobody is sending any more. Returns how many. `times` are for
    /// those of an earlier version, which did not store them with its claim.
    pub async fn put_back(
        &self,
        target: &TargetName,
        abandoned: Abandoned<'_>,
        times: RunTimes,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let (owner, sending) = match abandoned {
            Abandoned::Expired { sending } => ("", sending),
            Abandoned::Of { owner } => (owner, [].as_slice()),
        };
        if owner.is_empty() && !self.has_expired(target).await? {
            return Ok(0);
        }
        let failure = unknown_outcome();
        let mut tx = self.database.begin_write().await?;
        let mut update = PUT_BACK
            .bind(now)
            .bind(times.create)
            .bind(times.comment)
            .bind(failure_json(&failure))
            .bind(failure.kind.as_str())
            .bind(target)
            .bind(owner);
        // No delivery has this number: a list is never empty.
        let sending = sending.iter().copied().chain([-1]);
        update
            .push_list("", sending)
            .push(" returning id, incident_id, operation, tries, event_id", []);
        let entries = update.fetch(&mut tx, |row| entry(row, &failure, now));
        let entries = entries.await?;
        for entry in &entries {
            insert_history(&mut tx, entry).await?;
        }
        tx.commit().await?;
        Ok(entries.len())
    }

    /// Asked often: it waits for no other writer.
    async fn has_expired(&self, target: &TargetName) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = EXPIRED.bind(target);
        let found = select.fetch_optional(&mut tx, |row| row.get::<i64>("id"));
        Ok(found.await?.is_some())
    }
}

fn unknown_outcome() -> Failure {
    let class = class(FailureScope::Ticket, ResolvedBy::Time);
    let message = "the process that was sending it has ended; it is not known what came of it";
    Failure::new(FailureKind::NetworkFailure, class, message).in_doubt()
}

fn entry(row: &Row, failure: &Failure, now: Timestamp) -> Result<HistoryEntry, StoreError> {
    let tries: u64 = row.get("tries")?;
    Ok(HistoryEntry {
        incident_id: row.get("incident_id")?,
        at: now,
        event: IncidentEvent::AttemptFailed {
            operation: read_operation(row)?,
            attempt: u32::try_from(tries).unwrap_or(u32::MAX).saturating_add(1),
            failure: failure.to_string(),
            outcome_unknown: true,
            retry_at: Some(now),
        },
        refers: Reference {
            event_id: Some(row.get("event_id")?),
            delivery_id: Some(row.get("id")?),
        },
    })
}
