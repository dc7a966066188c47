//! Tickets that are known from the answer to their create alone, and that the CRM does not show.
//!
//! Something in front of the CRM may have given that answer, or the record was rolled back after it.
//! So it is not known what came of the create: it is in doubt. A ticket of which something was read
//! once, and that is gone, was deleted by a person instead.

use std::time::Duration;

use super::database::Tx;
use super::history::{HistoryEntry, Reference, insert_history};
use super::record_result::failure_json;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::AfterLookUp;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::retry::rare_wait;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// An incident whose ticket has not been read yet.
struct Unread {
    incident_id: IncidentId,
    ticket_id: String,
    is_over: bool,
}

/// Its create.
struct Create {
    id: i64,
    tries: u64,
    /// How often its answer has named a ticket that the CRM does not show.
    not_shown: u32,
    event_id: String,
    answered_at: Option<Timestamp>,
}

impl Store {
    /// Tickets of `target` of which nothing has been read yet, at most `limit`.
    pub async fn unread_tickets(
        &self,
        target: &TargetName,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select ticket_id from incidents where target = $1 and ticket_unread <> 0 \
              and ticket_id is not null and ticket_records is null order by ticket_id limit $2",
        );
        let select = select.bind(target).bind(limit);
        select.fetch(&mut tx, |row| row.get("ticket_id")).await
    }

    /// Whether nothing has been read yet of the ticket `ticket_id` of `target`.
    pub async fn is_unread(
        &self,
        target: &TargetName,
        ticket_id: &str,
    ) -> Result<bool, StoreError> {
        let ids = [ticket_id.to_owned()];
        Ok(!self.unread_among(target, &ids).await?.is_empty())
    }

    /// Whether the ticket of the incident is `ticket_id`.
    pub async fn has_ticket(
        &self,
        incident_id: &IncidentId,
        ticket_id: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new("select id from incidents where id = $1 and ticket_id = $2");
        let select = select.bind(incident_id).bind(ticket_id);
        let found = select.fetch_optional(&mut tx, |row| row.get::<String>("id"));
        Ok(found.await?.is_some())
    }

    /// Of the tickets of `target` that the CRM does not show, takes those away from their incidents of
    /// which nothing was ever read: their creates are in doubt again. `runs_for` is how long the CRM may
    /// be at work on a create where it does not refuse a second one: then a create is tried again once
    /// only. Answers the ids of those tickets.
    pub async fn doubt_unread(
        &self,
        target: &TargetName,
        not_shown: &[String],
        runs_for: Duration,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut doubted = Vec::new();
        for unread in self.unread_among(target, not_shown).await? {
            let mut tx = self.database.begin_write().await?;
            let Some(create) = lock_create(&mut tx, &unread).await? else {
                continue;
            };
            if !runs_for.is_zero() && create.not_shown > 0 {
                continue;
            }
            put_back(&mut tx, &unread, create, runs_for, now).await?;
            tx.commit().await?;
            doubted.push(unread.ticket_id);
        }
        Ok(doubted)
    }

    async fn unread_among(
        &self,
        target: &TargetName,
        ticket_ids: &[String],
    ) -> Result<Vec<Unread>, StoreError> {
        if ticket_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(
            "select id, ticket_id, state from incidents \
             where target = $1 and ticket_unread <> 0 and ticket_id in ",
        )
        .bind(target);
        select.push_list("", ticket_ids.iter().map(String::as_str));
        let unread = |row: &Row| {
            Ok(Unread {
                incident_id: row.get("id")?,
                ticket_id: row.get("ticket_id")?,
                is_over: row.get::<String>("state")? == "closed",
            })
        };
        select.fetch(&mut tx, unread).await
    }
}

/// The create of the ticket, locked; `None` when something was read of the ticket meanwhile.
async fn lock_create(tx: &mut Tx, unread: &Unread) -> Result<Option<Create>, StoreError> {
    let select = Statement::new(
        "select id, tries, not_shown, event_id, settled_at from deliveries \
         where incident_id = $1 and operation = 'create' and state = 'done' \
          and exists (select 1 from incidents i where i.id = deliveries.incident_id \
            and i.ticket_id = $2 and i.ticket_unread <> 0) \
         order by id desc limit 1",
    );
    let create = |row: &Row| {
        Ok(Create {
            id: row.get("id")?,
            tries: row.get("tries")?,
            not_shown: u32::try_from(row.get::<u64>("not_shown")?).unwrap_or(u32::MAX),
            event_id: row.get("event_id")?,
            answered_at: row.get_optional("settled_at")?,
        })
    };
    let select = select.bind(&unread.incident_id).bind(&unread.ticket_id);
    select.for_update().fetch_optional(tx, create).await
}

async fn put_back(
    tx: &mut Tx,
    unread: &Unread,
    create: Create,
    runs_for: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What gives such answers may go on doing so.
    let at = match create.not_shown.checked_sub(1) {
        None => now,
        Some(before) => now.plus(rare_wait(before)),
    };
    // Whoever answered, the request was sent before that.
    let sent_until = create.answered_at.unwrap_or(now).min(now);
    let failure = not_shown(&unread.ticket_id);
    let update = Statement::new(
        "update deliveries set state = 'waiting', behind = 0, in_doubt = 1, settled_at = null, attempts = 0, \
          unknown_at = $1, look_up_from = $2, next_attempt_at = $3, \
          not_shown = not_shown + 1, after_look_up = $4, last_error = $5, error_kind = $6 \
         where id = $7",
    );
    let not_wanted = unread.is_over.then(|| AfterLookUp::Discard.as_str());
    let update = update
        .bind(sent_until)
        .bind(sent_until.plus(runs_for))
        .bind(at)
        .bind(not_wanted)
        .bind(failure_json(&failure))
        .bind(failure.kind.as_str())
        .bind(create.id);
    update.execute(tx).await?;
    let forget = Statement::new(
        "update incidents set ticket_id = null, ticket_url = null, ticket_incomplete = null, \
          ticket_unread = 0 where id = $1",
    );
    forget.bind(&unread.incident_id).execute(tx).await?;
    // What was to be set later is set by the next create.
    let complete = Statement::new(
        "update deliveries set completes = 0 \
         where incident_id = $1 and completes = 1 and state = 'discarded'",
    );
    complete.bind(&unread.incident_id).execute(tx).await?;
    let entry = HistoryEntry {
        incident_id: unread.incident_id.clone(),
        at: now,
        event: IncidentEvent::AttemptFailed {
            operation: Operation::Create,
            attempt: u32::try_from(create.tries).unwrap_or(u32::MAX),
            failure: failure.to_string(),
            outcome_unknown: true,
            retry_at: Some(at),
        },
        refers: Reference {
            event_id: Some(create.event_id),
            delivery_id: Some(create.id),
        },
    };
    insert_history(tx, &entry).await
}

fn not_shown(ticket_id: &str) -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Ticket, ResolvedBy::Time),
        format!(
            "the create was answered with {ticket_id}, and the CRM shows no such record: the ticket \
             is looked up by our key"
        ),
    )
    .in_doubt()
}
