//! Changing a ticket: fields, resolution, its parent. `comment` looks for comments.
//!
//! What people did stays: a state that a person has set is never lowered, and a ticket that a
//! person has closed is not changed. There is no optimistic locking, so the ticket is read right
//! before its state is changed.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::TicketChange;
use crate::targets::Applied;

use super::ServiceNow;
use super::blame::blamed;
use super::body::{self, Body};
use super::comment::JOURNAL;
use super::create::is_refusal;
use super::facts::TRANSACTION_QUOTA;
use super::ids::SysId;
use super::record::Record;
use super::rejection::Cause;
use super::requests::Request;

impl ServiceNow {
    /// Adds the comment and sets the fields of `change`. Returns the ticket in the reply.
    pub(super) async fn update_ticket(
        &self,
        id: &SysId,
        change: &TicketChange,
    ) -> Result<Applied, Failure> {
        let mut named = body::of_change(change);
        if named.contains_key("state") && self.shape.is_resolved(&self.existing(id).await?) {
            named.remove("state");
        }
        if named.is_empty() {
            return Ok(Applied::only_read(None));
        }
        let Some(record) = self.write_once(id, &named, change).await? else {
            tracing::info!(
                target = %self.name, ticket = %id.as_str(),
                "the ticket takes no more changes; the update is left out"
            );
            return Ok(Applied::only_read(None));
        };
        self.confirm_comment(id, change, &record).await?;
        Ok(Applied::written(Some(self.raw_snapshot(id, &record))))
    }

    /// Resolves the ticket with `change`, unless a person has settled it. Returns the ticket as it
    /// is then.
    pub(super) async fn resolve_ticket(
        &self,
        id: &SysId,
        change: &TicketChange,
    ) -> Result<Applied, Failure> {
        let before = self.existing(id).await?;
        if self.shape.is_resolved(&before) {
            tracing::info!(
                target = %self.name, ticket = %id.as_str(),
                "the ticket is settled already; it stays as it is"
            );
            return Ok(Applied::only_read(Some(self.raw_snapshot(id, &before))));
        }
        let named = body::of_change(change);
        if named.is_empty() || self.says_so_already(id, &named, change).await? {
            return Ok(Applied::only_read(None));
        }
        match self.write_once(id, &named, change).await {
            Ok(Some(record)) => {
                let after = self.verify(id, &named, "state", record).await?;
                Ok(Applied::written(Some(self.raw_snapshot(id, &after))))
            }
            // It was refused, because a person has closed the ticket.
            Ok(None) => Ok(Applied::only_read(None)),
            Err(failure) => {
                let settled = self.unless_settled(id, failure).await?;
                Ok(Applied::only_read(Some(self.raw_snapshot(id, &settled))))
            }
        }
    }

    /// `failure` of a resolution, unless the ticket is settled all the same: a person may have been
    /// faster.
    async fn unless_settled(&self, id: &SysId, failure: Failure) -> Result<Record, Failure> {
        let is_refusal =
            failure.kind == FailureKind::IntegrationFailure && !failure.outcome_unknown;
        if !is_refusal {
            return Err(failure);
        }
        match self.record_of(id).await {
            Ok(Some(record)) if self.shape.is_resolved(&record) => Ok(record),
            _ => Err(failure),
        }
    }

    /// A resolution that only writes a comment leaves no state behind. A repetition recognises
    /// it by the comment.
    async fn says_so_already(
        &self,
        id: &SysId,
        body: &Body,
        change: &TicketChange,
    ) -> Result<bool, Failure> {
        if body.contains_key("state") || change.comment.is_none() {
            return Ok(false);
        }
        self.has_comment_with(id, &change.marker).await
    }

    /// Sets the ticket's parent.
    pub(super) async fn set_parent(&self, id: &SysId, parent: &SysId) -> Result<(), Failure> {
        // Incidents know their parent incident; other tasks know any task.
        let field = match self.table.as_str() {
            "incident" => "parent_incident",
            _ => "parent",
        };
        let mut body = Body::new();
        body.insert(field.to_owned(), parent.as_str().into());
        match self.patch(id, &body).await? {
            Some(record) => self.verify(id, &body, field, record).await.map(drop),
            None => Ok(()),
        }
    }

    /// Writes `named`, which is `change`. Where the answer is lost, the comment tells whether it is
    /// done.
    async fn write_once(
        &self,
        id: &SysId,
        named: &Body,
        change: &TicketChange,
    ) -> Result<Option<Record>, Failure> {
        let lost = match self.write(id, named).await {
            Err(failure) if !failure.settle_after.is_zero() => failure,
            outcome => return outcome,
        };
        let is_done = !change.marker.is_empty()
            && self.has_comment_with(id, &change.marker).await == Ok(true);
        match is_done {
            true => self.existing(id).await.map(Some).map_err(Failure::in_doubt),
            false => Err(lost),
        }
    }

    /// Writes `named` with ids in place of names; `None` when the ticket takes no more changes.
    async fn write(&self, id: &SysId, named: &Body) -> Result<Option<Record>, Failure> {
        let mut body = self.resolved(named).await?;
        let written = match self.patch(id, &body).await {
            Err(failure) if failure.refuses_value => {
                let Some(resolved) = self.resolved_again(named, &body).await? else {
                    return Err(failure);
                };
                body = resolved;
                self.patch(id, &body).await?
            }
            outcome => outcome?,
        };
        if let Some(record) = &written {
            self.report_dropped(id, &body, record);
        }
        Ok(written)
    }

    /// Changes the record; `None` when it takes no more changes because it is closed.
    async fn patch(&self, id: &SysId, body: &Body) -> Result<Option<Record>, Failure> {
        let request = Request::change(&self.table, id, body.clone());
        match self.api.record(&request).await {
            Ok(record) => Ok(Some(record)),
            Err(rejection) if rejection.cause == Cause::Absent => Err(gone(id)),
            Err(rejection) if is_refusal(rejection.cause) => match self.record_of(id).await {
                Ok(Some(record)) if self.shape.is_final(&record) => Ok(None),
                _ => Err(blamed(rejection.failure, body)),
            },
            Err(rejection) => {
                let may_run = matches!(rejection.cause, Cause::StillRunning | Cause::TooLong);
                let mut failure = rejection.failure;
                // A comment that is repeated would stand there twice.
                if may_run && failure.outcome_unknown && body.contains_key(JOURNAL) {
                    failure.settle_after = TRANSACTION_QUOTA;
                }
                Err(failure)
            }
        }
    }

    async fn existing(&self, id: &SysId) -> Result<Record, Failure> {
        self.record_of(id).await?.ok_or_else(|| gone(id))
    }

    /// The record, if its `field` has the value that `body` gave it: a dropped value comes with a
    /// success. What the reply shows may be older than what is stored, so it is read again.
    async fn verify(
        &self,
        id: &SysId,
        body: &Body,
        field: &str,
        reply: Record,
    ) -> Result<Record, Failure> {
        self.facts.note_changes(id, reply.changes());
        let Some(sent) = body.get(field).and_then(serde_json::Value::as_str) else {
            return Ok(reply);
        };
        // A rule of the instance may close a resolved ticket at once.
        let is_kept = |record: &Record| {
            record.text(field) == sent || (field == "state" && self.shape.is_resolved(record))
        };
        if is_kept(&reply) {
            return Ok(reply);
        }
        let Some(stored) = self.record_of(id).await? else {
            // The change was accepted, and hides the record from our user.
            return Ok(reply);
        };
        if is_kept(&stored) {
            return Ok(stored);
        }
        let kept = stored.text(field);
        let message = format!(
            "the instance answered success but kept {field} at {kept:?} instead of {sent:?}: \
             the value is unknown to it, or this user may not write the field"
        );
        Err(Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::PersonInConfiguration),
            message,
        )
        .with_field(field))
    }

    fn report_dropped(&self, id: &SysId, body: &Body, record: &Record) {
        let dropped = body::dropped(body, record);
        if !dropped.is_empty() {
            tracing::warn!(
                target = %self.name, ticket = %id.as_str(), ?dropped,
                "the instance dropped fields of a change"
            );
        }
    }
}

/// A 404 hides whether the record was deleted, or only this user's right to it, or whether reads lag. A
/// poll finds that out: so it ends by itself.
pub(super) fn gone(id: &SysId) -> Failure {
    let message = format!(
        "the ticket {} is gone, or this user may no longer read it",
        id.as_str()
    );
    Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Time),
        message,
    )
    .with_status(404)
    .with_code("No Record found")
}
