//! Opening a ticket, so that it is confirmed, in doubt or refused, and never twice.
//!
//! May import: `domain`. `docs/servicenow.md` explains the two ways ids work.

use std::time::Instant;

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};

use super::ServiceNow;
use super::body::{self, Body};
use super::facts::{ChosenIds, KeylessTicket, TRANSACTION_QUOTA};
use super::ids::SysId;
use super::record::Record;
use super::rejection::{Cause, Rejection};
use super::requests::Request;

/// One insert: the key of its ticket, the chosen id, and the body.
struct Insert<'create> {
    key: &'create TicketKey,
    id: Option<SysId>,
    body: Body,
}

impl ServiceNow {
    /// Opens the ticket of `key`.
    pub(super) async fn open_ticket(
        &self,
        key: &TicketKey,
        fields: &TicketFields,
    ) -> Result<Ticket, Failure> {
        if let Some(ticket) = self.restore_key(key).await? {
            return Ok(ticket);
        }
        self.wait_for_earlier_insert(key)?;
        let fields = self.resolved(body::of_fields(fields)).await?;
        let id = match self.facts.chosen_ids() {
            ChosenIds::Off => None,
            ChosenIds::Untold | ChosenIds::Honoured => Some(SysId::chosen_for(&self.name, key)),
        };
        let insert = Insert::new(key, id, &fields);
        match self.insert(&insert).await {
            Err(rejection) if rejection.cause == Cause::Denied && insert.id.is_some() => {
                self.insert_denied(&insert, &fields).await
            }
            outcome => self.conclude(&insert, outcome).await,
        }
    }

    async fn insert(&self, insert: &Insert<'_>) -> Result<Record, Rejection> {
        let request = Request::insert(&self.table, insert.body.clone());
        self.api.record(&request).await
    }

    /// The result of an insert. After a refusal the ticket is looked up, because some instances
    /// answer 403 to an insert that they have committed.
    async fn conclude(
        &self,
        insert: &Insert<'_>,
        outcome: Result<Record, Rejection>,
    ) -> Result<Ticket, Failure> {
        let rejection = match outcome {
            Ok(record) => return self.confirm(insert, &record).await,
            Err(rejection) => rejection,
        };
        match rejection.cause {
            Cause::DuplicateId => self.adopt(insert).await,
            Cause::Denied | Cause::Refused => match self.find_in_doubt(insert.key).await? {
                Some(ticket) => Ok(ticket),
                None => Err(rejection.failure),
            },
            Cause::StillRunning => Err(self.note_running_insert(insert.key, rejection.failure)),
            Cause::Absent | Cause::Unauthenticated | Cause::Other => Err(rejection.failure),
        }
    }

    /// An access control has refused an insert that carried our id: because of the id, or
    /// because this user may create nothing, or after all behind a committed insert.
    ///
    /// Repeating the insert shows which, without risk: after a committed one it is a
    /// duplicate. Only one that is refused again goes out without the id.
    async fn insert_denied(&self, insert: &Insert<'_>, fields: &Body) -> Result<Ticket, Failure> {
        if let Some(ticket) = self.find_in_doubt(insert.key).await? {
            return Ok(ticket);
        }
        match self.insert(insert).await {
            Err(again) if again.cause == Cause::Denied => {}
            outcome => return self.conclude(insert, outcome).await,
        }
        let without = Insert::new(insert.key, None, fields);
        let outcome = self.insert(&without).await;
        if outcome.is_ok() {
            self.ids_are_off("the instance refuses records with an id chosen by us");
        }
        self.conclude(&without, outcome).await
    }

    async fn find_in_doubt(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.find_by_key(key).await.map_err(Failure::in_doubt)
    }

    /// A record with our id exists, so it is the ticket of an earlier try.
    async fn adopt(&self, insert: &Insert<'_>) -> Result<Ticket, Failure> {
        self.facts.ids_are_honoured();
        if let Some(ticket) = self.find_in_doubt(insert.key).await? {
            return Ok(ticket);
        }
        let id = insert.id.as_ref().map_or("", SysId::as_str);
        Err(Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
            format!("the record {id} exists already, but this user cannot read it as ours"),
        )
        .with_field("sys_id")
        .in_doubt())
    }

    /// Success is a record id in the body and our key on the record, and nothing less.
    async fn confirm(&self, insert: &Insert<'_>, record: &Record) -> Result<Ticket, Failure> {
        let Some(id) = record.id() else {
            return Err(Rejection::not_a_record(super::rejection::Call::Create).failure);
        };
        self.compare_ids(insert, &id);
        if self.is_marked(insert, &id, record).await? {
            self.report_changes(insert, &id, record);
            return Ok(self.shape.ticket(&id, record));
        }
        self.facts.set_keyless_ticket(Some(KeylessTicket {
            key: insert.key.clone(),
            id: id.clone(),
        }));
        Err(unfindable(&id))
    }

    fn compare_ids(&self, insert: &Insert<'_>, returned: &SysId) {
        match &insert.id {
            Some(chosen) if chosen == returned => self.facts.ids_are_honoured(),
            Some(_) => self.ids_are_off("the instance gives records an id of its own"),
            None => {}
        }
    }

    fn ids_are_off(&self, why: &str) {
        if self.facts.ids_are_off() {
            tracing::warn!(target = %self.name, "{why}; tickets are found by key only");
        }
    }

    /// Whether the new record carries our key. A reply without the field proves it by the
    /// chosen id, or is read again.
    async fn is_marked(
        &self,
        insert: &Insert<'_>,
        id: &SysId,
        record: &Record,
    ) -> Result<bool, Failure> {
        if record.get("correlation_id").is_some() {
            return Ok(record.carries(insert.key));
        }
        if insert.id.as_ref() == Some(id) {
            return Ok(true);
        }
        let read_back = self.record_of(id).await.map_err(Failure::in_doubt)?;
        Ok(read_back.is_some_and(|record| record.carries(insert.key)))
    }

    fn report_changes(&self, insert: &Insert<'_>, id: &SysId, record: &Record) {
        let dropped = body::dropped(&insert.body, record);
        if !dropped.is_empty() {
            tracing::warn!(
                target = %self.name, ticket = %id.as_str(), key = %insert.key, ?dropped,
                "the instance dropped fields of the new ticket"
            );
            self.references.forget();
        }
        let altered = body::altered(&insert.body, record);
        if !altered.is_empty() {
            tracing::info!(
                target = %self.name, ticket = %id.as_str(), key = %insert.key, ?altered,
                "the instance changed fields of the new ticket"
            );
        }
    }

    /// Where the instance cannot be relied on to refuse a second insert, an insert whose
    /// answer was lost must have ended before the next.
    fn wait_for_earlier_insert(&self, key: &TicketKey) -> Result<(), Failure> {
        let Some(wait) = self.facts.wait_for_running(key, Instant::now()) else {
            return Ok(());
        };
        let mut failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            "an earlier insert may still be under way in the instance; it is not repeated yet",
        )
        .in_doubt();
        failure.settle_after = wait;
        Err(failure)
    }

    fn note_running_insert(&self, key: &TicketKey, mut failure: Failure) -> Failure {
        self.facts.note_running(key, Instant::now());
        if self.facts.chosen_ids() == ChosenIds::Off {
            failure.settle_after = TRANSACTION_QUOTA;
        }
        failure
    }

    /// As long as a ticket lacks our key, no other is opened: it would lack it too, and a
    /// lost answer would then make a second ticket.
    async fn restore_key(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let Some(keyless) = self.facts.keyless_ticket() else {
            return Ok(None);
        };
        let mut body = Body::new();
        body.insert("correlation_id".to_owned(), keyless.key.as_str().into());
        let request = Request::change(&self.table, &keyless.id, body);
        let record = match self.api.record(&request).await {
            Err(rejection) if rejection.cause == Cause::Absent => None,
            Err(rejection) if is_refusal(rejection.cause) => return Err(unfindable(&keyless.id)),
            outcome => Some(outcome?),
        };
        match record {
            Some(record) if !record.carries(&keyless.key) => Err(unfindable(&keyless.id)),
            record => {
                self.facts.set_keyless_ticket(None);
                let mended = record.filter(|_| keyless.key == *key);
                Ok(mended.map(|record| self.shape.ticket(&keyless.id, &record)))
            }
        }
    }
}

impl<'create> Insert<'create> {
    fn new(key: &'create TicketKey, id: Option<SysId>, fields: &Body) -> Self {
        let body = body::of_create(key, id.as_ref(), fields);
        Self { key, id, body }
    }
}

/// Whether a 403 was the instance's own decision about the record.
pub(super) fn is_refusal(cause: Cause) -> bool {
    matches!(cause, Cause::Denied | Cause::Refused)
}

fn unfindable(id: &SysId) -> Failure {
    let message = format!(
        "the ticket {} exists, but the instance did not keep our key in correlation_id; without \
         it no ticket can be found again: let this user write and read that field",
        id.as_str()
    );
    Failure::new(
        FailureKind::IntegrationFailure,
        class(
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
        ),
        message,
    )
    .with_field("correlation_id")
    .in_doubt()
}
