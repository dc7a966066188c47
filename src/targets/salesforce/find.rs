//! Looking a ticket up: by its id, by our key in the external id field, or by our key in the
//! subject.
//!
//! The key of every record in an answer is compared with the requested one.

use serde_json::Value;

use super::Salesforce;
use super::ids::RecordId;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::soql;
use super::truncation::key_mark;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Ticket, TicketKey};

impl Salesforce {
    pub(super) async fn find_by_key(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        match &self.external_id_field {
            Some(field) => self.by_external_id(field, key).await,
            None => self.by_subject(key).await,
        }
    }

    async fn by_external_id(
        &self,
        field: &str,
        key: &TicketKey,
    ) -> Result<Option<Ticket>, Failure> {
        let mut fields = self.object.fields();
        fields.push(field.to_owned());
        let request = Request::find(self.object.name(), field, key, &fields);
        let Some(record) = present(self.api.object(&request).await)? else {
            return Ok(None);
        };
        let carried = record.get(field).and_then(Value::as_str);
        // Fields that treat case as insignificant may have been written by somebody else.
        if !carried.is_some_and(|carried| carried.eq_ignore_ascii_case(key.as_str())) {
            let message = format!("asked for the record with {field} {key} and got another");
            return Err(Failure::new(
                FailureKind::NetworkFailure,
                class(FailureScope::Network, ResolvedBy::Time),
                message,
            )
            .with_field(field));
        }
        self.ticket_in(&record).map(Some)
    }

    /// The oldest of the tickets whose subject carries the key: people have seen it first.
    async fn by_subject(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let query = soql::tickets_marked(self.object.name(), &self.object.fields(), key);
        let rows = self.api.rows(Request::query(Call::LookUp, query)).await?;
        let mark = key_mark(key);
        let ours: Vec<&Value> = rows
            .iter()
            .filter(|row| {
                let subject = row.get("Subject").and_then(Value::as_str);
                subject.is_some_and(|subject| subject.contains(&mark))
            })
            .collect();
        if ours.len() > 1 {
            tracing::warn!(
                target = self.name.as_str(), key = %key, found = ours.len(),
                "several tickets carry one key; the oldest is taken"
            );
        }
        match ours.first() {
            Some(record) => self.ticket_in(record).map(Some),
            None => Ok(None),
        }
    }

    /// The ticket `id` in its present state; `None` when it is gone or hidden from this user.
    pub(super) async fn find_by_id(&self, id: &RecordId) -> Result<Option<Ticket>, Failure> {
        match self.record_of(id).await? {
            Some(record) => self.ticket_in(&record).map(Some),
            None => Ok(None),
        }
    }

    /// The fields of the ticket `id`; `None` when it is gone or hidden from this user.
    pub(super) async fn record_of(&self, id: &RecordId) -> Result<Option<Value>, Failure> {
        present(self.api.object(&self.read_of(id)).await)
    }

    pub(super) fn read_of(&self, id: &RecordId) -> Request {
        Request::read(self.object.name(), id, &self.object.fields())
    }

    fn ticket_in(&self, record: &Value) -> Result<Ticket, Failure> {
        let id = record.get("Id").and_then(Value::as_str);
        let id = id.and_then(RecordId::parse).ok_or_else(without_id)?;
        Ok(self.object.ticket(&self.api.site(), &id, record))
    }
}

/// `None` for a record that is not there.
fn present(outcome: Result<Value, Rejection>) -> Result<Option<Value>, Failure> {
    match outcome {
        Err(rejection) if rejection.cause == Cause::Absent => Ok(None),
        outcome => Ok(outcome.map(Some)?),
    }
}

pub(super) fn without_id() -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        "a record without an id",
    )
}
