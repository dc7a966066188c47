//! How far the changes in the CRM have been read, and which tickets are to be read next.

use std::time::Duration;

use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::change_feed::ChangeMark;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// So many tickets show whether our user may read any.
const WITNESSES: u32 = 5;

const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// How far a target's changes have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncProgress {
    /// The newest change seen, by the CRM's own clock.
    pub changed_at: Option<Timestamp>,
    /// Where the next poll begins.
    pub resume: Option<ChangeMark>,
    /// When the target was last asked, by ours.
    pub polled_at: Timestamp,
}

/// A ticket that a callback said had changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedTicket {
    /// The CRM's record id.
    pub ticket_id: String,
    /// How often a callback named it, as of reading.
    count: i64,
}

/// Of incidents that are not closed and own a ticket in `$1`, in the records that it is configured for.
macro_rules! select_open_tickets {
    ($columns:literal, $order:literal) => {
        concat!(
            "select ",
            $columns,
            " from incidents where target = $1 and state <> 'closed' and ticket_id is not null \
               and ticket_records is null",
            $order
        )
    };
}

impl Store {
    /// Tickets of `target` whose incidents are not closed: the first `limit` record ids after the id
    /// `after`, in order.
    pub async fn open_tickets(
        &self,
        target: &TargetName,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = select_open_tickets!(
            "ticket_id",
            " and ticket_id > $2 order by ticket_id limit $3"
        );
        let select = Statement::new(select).bind(target).bind(after).bind(limit);
        select.fetch(&mut tx, |row| row.get("ticket_id")).await
    }

    /// When the oldest incident of `target` that owns a ticket and is not closed was opened.
    pub async fn oldest_open_ticket(
        &self,
        target: &TargetName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = select_open_tickets!("min(opened_at) as opened_at", "");
        let select = Statement::new(select).bind(target);
        let opened_at = |row: &Row| row.get_optional("opened_at");
        select.fetch_one(&mut tx, opened_at).await
    }

    /// When the oldest incident of `target` was opened that is over and lost its ticket, while a create
    /// whose answer was lost after `since` may still bring another; or whose create was discarded since,
    /// after its answer was lost within a day.
    pub async fn oldest_lost_create(
        &self,
        target: &TargetName,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select min(i.opened_at) as opened_at from deliveries d \
              join incidents i on i.id = d.incident_id \
             where d.target = $1 and d.unknown_at > $3 and d.operation = 'create' \
              and i.state = 'closed' \
              and ((i.ticket_fate is not null and d.unknown_at > $2) \
                or (i.ticket_id is null and d.state = 'discarded' and d.settled_at > $2))",
        );
        let select = select.bind(target).bind(since).bind(since.minus(A_DAY));
        let opened_at = |row: &Row| row.get_optional("opened_at");
        select.fetch_one(&mut tx, opened_at).await
    }

    /// Tickets of `target` of which the CRM said that they are not there, when something was to be
    /// written to them that is still owed; at most `limit`.
    pub async fn doubted_tickets(
        &self,
        target: &TargetName,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select distinct i.ticket_id from deliveries d join incidents i on i.id = d.incident_id \
             where d.target = $1 and (d.state = 'dead' \
               or (d.state = 'waiting' and d.parked in ('ticket', 'operation'))) \
              and d.operation <> 'create' and d.last_error like '%\"status\":404%' \
              and i.ticket_id is not null and i.ticket_fate is null and i.ticket_records is null \
             limit $2",
        );
        let select = select.bind(target).bind(limit);
        select.fetch(&mut tx, |row| row.get("ticket_id")).await
    }

    /// Tickets of `target` that counted as deleted because it did not show them, and whose incidents were
    /// closed after `since`: the newest, at most `limit`.
    pub async fn not_shown_tickets(
        &self,
        target: &TargetName,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select ticket_id from incidents where target = $1 and closed_at > $2 \
              and ticket_fate = 'not shown any more' and ticket_id is not null \
              and ticket_records is null order by closed_at desc limit $3",
        );
        let select = select.bind(target).bind(since).bind(limit);
        select.fetch(&mut tx, |row| row.get("ticket_id")).await
    }

    /// The newest tickets of `target` to which nothing is owed that the CRM refuses: they are read to see
    /// whether our user may read tickets at all.
    pub async fn witness_tickets(&self, target: &TargetName) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select ticket_id from incidents where target = $1 and ticket_id is not null \
              and ticket_fate is null and ticket_records is null and not exists (select 1 from deliveries d \
                where d.incident_id = incidents.id and d.state in ('waiting', 'dead')) \
             order by opened_at desc, id desc limit $2",
        );
        let select = select.bind(target).bind(WITNESSES);
        select.fetch(&mut tx, |row| row.get("ticket_id")).await
    }

    /// How far the changes of `target` have been read.
    pub async fn sync_progress(
        &self,
        target: &TargetName,
    ) -> Result<Option<SyncProgress>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select changed_at, polled_at, resume_at, resume_id from sync_progress \
             where target = $1",
        );
        let progress = |row: &Row| {
            let at: Option<Timestamp> = row.get_optional("resume_at")?;
            let id = row.get_optional("resume_id")?;
            Ok(SyncProgress {
                changed_at: row.get_optional("changed_at")?,
                resume: at.map(|at| ChangeMark { at, id }),
                polled_at: row.get("polled_at")?,
            })
        };
        select.bind(target).fetch_optional(&mut tx, progress).await
    }

    /// Stores that `target` was polled at `progress.polled_at`. The newest change moves forward and
    /// never back. Without a place the next poll begins where this one did.
    pub async fn save_sync_progress(
        &self,
        target: &TargetName,
        progress: &SyncProgress,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let upsert = Statement::new(
            "insert into sync_progress (target, changed_at, polled_at, resume_at, resume_id) \
             values ($1, $2, $3, $4, $5) \
             on conflict (target) do update set polled_at = excluded.polled_at, \
              resume_id = case when excluded.resume_at is null then sync_progress.resume_id \
                else excluded.resume_id end, \
              resume_at = coalesce(excluded.resume_at, sync_progress.resume_at), \
              changed_at = case when sync_progress.changed_at > excluded.changed_at \
                then sync_progress.changed_at \
                else coalesce(excluded.changed_at, sync_progress.changed_at) end",
        );
        let upsert = upsert.bind(target);
        let upsert = upsert.bind(progress.changed_at).bind(progress.polled_at);
        let resume = progress.resume.as_ref();
        let upsert = upsert.bind(resume.map(|resume| resume.at));
        let upsert = upsert.bind(resume.and_then(|resume| resume.id.as_deref()));
        upsert.execute(&mut tx).await?;
        tx.commit().await
    }

    /// Keeps that these tickets of `target` changed, as far as incidents own them; durable when
    /// this returns. Answers how many are owned.
    pub async fn mark_tickets_changed(
        &self,
        target: &TargetName,
        ticket_ids: &[String],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut owned = 0;
        for ticket_id in ticket_ids {
            let upsert = Statement::new(
                "insert into ticket_hints (target, ticket_id, told, told_at) \
                 select $1, ticket_id, 1, $3 from incidents \
                  where target = $1 and ticket_id = $2 limit 1 \
                 on conflict (target, ticket_id) do update set \
                  told = ticket_hints.told + 1, told_at = excluded.told_at",
            );
            let upsert = upsert.bind(target).bind(ticket_id).bind(now);
            owned += usize::from(upsert.execute(&mut tx).await? > 0);
        }
        tx.commit().await?;
        Ok(owned)
    }

    /// Tickets of `target` that callbacks named and that have not been read since, the ones
    /// waiting longest first, at most `limit`.
    pub async fn changed_tickets(
        &self,
        target: &TargetName,
        limit: u32,
    ) -> Result<Vec<ChangedTicket>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select ticket_id, told from ticket_hints where target = $1 \
             order by told_at, ticket_id limit $2",
        );
        let hint = |row: &Row| {
            Ok(ChangedTicket {
                ticket_id: row.get("ticket_id")?,
                count: row.get("told")?,
            })
        };
        let select = select.bind(target).bind(limit);
        select.fetch(&mut tx, hint).await
    }

    /// Forgets `hints` of `target` that were not repeated since they were read.
    pub async fn clear_changed_tickets(
        &self,
        target: &TargetName,
        hints: &[ChangedTicket],
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        for hint in hints {
            let delete = Statement::new(
                "delete from ticket_hints where target = $1 and ticket_id = $2 and told = $3",
            );
            let delete = delete.bind(target).bind(&hint.ticket_id).bind(hint.count);
            delete.execute(&mut tx).await?;
        }
        tx.commit().await
    }
}
