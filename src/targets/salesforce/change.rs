//! Changing a ticket: comments, fields, resolution, its parent.
//!
//! What people did stays: a ticket that a person has closed is not opened again. Fields are set
//! before the comment is written, so that a comment that is there proves both.

use std::time::Duration;

use serde_json::{Value, json};

use super::Salesforce;
use super::find::without_id;
use super::ids::RecordId;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::soql;
use super::truncation::{case_comment, feed_entry, fitted};
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{TicketChange, TicketFields};
use crate::domain::ticket_sync::{TicketDetails, TicketSnapshot};

/// A comment whose answer was lost is repeated after so long. Salesforce would end the call after
/// ten minutes, but a resolution does not wait so long for fear of a sentence that stands there
/// twice.
pub(super) const COMMENT_SETTLES: Duration = Duration::from_secs(60);

impl Salesforce {
    /// Sets the fields and adds the comment of `change`. Returns the ticket with its new status,
    /// where one was set.
    pub(super) async fn update_ticket(
        &self,
        id: &RecordId,
        change: &TicketChange,
    ) -> Result<Option<TicketSnapshot>, Failure> {
        let mut fields = fitted(&change.fields);
        let mut changed = None;
        if let Some(status) = fields.get("Status") {
            let before = self.existing(id).await?;
            if before.details.closed {
                fields.remove("Status");
            } else {
                changed = Some(with_status(before, status));
            }
        }
        self.set_fields(id, fields).await?;
        self.add_comment(id, change).await?;
        Ok(changed)
    }

    /// Resolves the ticket with `change`, unless a person has closed it, and checks that it
    /// is resolved: Salesforce also stores a status that does not close a ticket.
    pub(super) async fn resolve_ticket(
        &self,
        id: &RecordId,
        change: &TicketChange,
    ) -> Result<Option<TicketSnapshot>, Failure> {
        let before = self.existing(id).await?;
        if before.details.closed {
            tracing::info!(
                target = self.name.as_str(), ticket = %id,
                "the ticket is closed already; it stays as it is"
            );
            return Ok(Some(before));
        }
        // The comment first: once the ticket is closed, a repetition leaves it alone.
        let is_commented = match self.comment_once(id, change).await {
            Ok(()) => true,
            // The state is worth more than the sentence.
            Err(failure) if is_refused_alone(&failure) => false,
            Err(failure) => return Err(failure),
        };
        let fields = fitted(&change.fields);
        let status = fields.get("Status").and_then(Value::as_str);
        let status = status.map(str::to_owned);
        self.set_fields(id, fields).await.map_err(resolving)?;
        if !is_commented && let Err(failure) = self.comment_once(id, change).await {
            tracing::warn!(
                target = self.name.as_str(), ticket = %id, error = %failure,
                "the ticket is resolved without its comment, which the CRM refuses"
            );
        }
        let Some(status) = status else {
            return Ok(None);
        };
        let after = self.existing(id).await?;
        check_closed(&after.details, &status)?;
        Ok(Some(after))
    }

    /// Sets the ticket's parent.
    pub(super) async fn set_parent(&self, id: &RecordId, parent: &RecordId) -> Result<(), Failure> {
        let mut fields = TicketFields::new();
        let field = self.object.parent_field();
        fields.insert(field.to_owned(), parent.as_str().into());
        let request = Request::change(self.object.name(), id, fields);
        let outcome = self.api.change(&request).await;
        outcome.map_err(|rejection| {
            let mut failure = of_ticket(id, rejection);
            failure.refuses_value = false;
            failure
        })
    }

    /// Whether a comment with `marker` is on the ticket. The text of a comment cannot be
    /// filtered by, so the rows are looked through.
    pub(super) async fn has_comment_with(
        &self,
        id: &RecordId,
        marker: &str,
    ) -> Result<bool, Failure> {
        let (object, text) = self.object.comments();
        let query = Request::query(Call::Ask, soql::comments_of(object, text, id));
        let rows = self.api.rows(query).await?;
        let carries = |row: &Value| {
            let text = row.get(text).and_then(Value::as_str);
            text.is_some_and(|text| text.contains(marker))
        };
        Ok(!marker.is_empty() && rows.iter().any(carries))
    }

    async fn set_fields(&self, id: &RecordId, fields: TicketFields) -> Result<(), Failure> {
        if fields.is_empty() {
            return Ok(());
        }
        let request = Request::change(self.object.name(), id, fields);
        let outcome = self.api.change(&request).await;
        outcome.map_err(|rejection| of_ticket(id, rejection))
    }

    /// Adds the comment unless it is there.
    async fn comment_once(&self, id: &RecordId, change: &TicketChange) -> Result<(), Failure> {
        if change.comment.is_none() || self.has_comment_with(id, &change.marker).await? {
            return Ok(());
        }
        self.add_comment(id, change).await
    }

    async fn add_comment(&self, id: &RecordId, change: &TicketChange) -> Result<(), Failure> {
        let Some(text) = &change.comment else {
            return Ok(());
        };
        let (object, field) = self.object.comments();
        let body = match object {
            // Never published: an incident is no matter for the CRM's customers.
            "CaseComment" => json!({"ParentId": id.as_str(), "IsPublished": false,
                field: case_comment(text, &change.marker)}),
            _ => json!({"ParentId": id.as_str(), field: feed_entry(text, &change.marker)}),
        };
        let body = body.as_object().cloned().unwrap_or_default();
        let request = Request::comment(object, body);
        let Err(rejection) = self.api.save(&request).await else {
            return Ok(());
        };
        let may_run = rejection.may_still_run();
        // Often only the answer was lost.
        if may_run && self.has_comment_with(id, &change.marker).await == Ok(true) {
            return Ok(());
        }
        let mut failure = *rejection.failure;
        failure.message = format!("the comment: {}", failure.message);
        if may_run {
            failure.settle_after = COMMENT_SETTLES;
        }
        Err(failure)
    }

    async fn existing(&self, id: &RecordId) -> Result<TicketSnapshot, Failure> {
        let record = self.record_of(id).await?.ok_or_else(|| gone(id))?;
        self.snapshot(&record).ok_or_else(without_id)
    }
}

/// The ticket after its status was set. It keeps its version, which is older than the new one: what
/// a poll has seen since stays.
fn with_status(before: TicketSnapshot, status: &Value) -> TicketSnapshot {
    TicketSnapshot {
        details: TicketDetails {
            state: status.as_str().map(str::to_owned),
            ..before.details
        },
        ..before
    }
}

/// Whether the ticket has the status that was set, and counts as closed with it.
fn check_closed(ticket: &TicketDetails, status: &str) -> Result<(), Failure> {
    let kept = ticket.state.as_deref().unwrap_or_default();
    if ticket.closed {
        return Ok(());
    }
    let message = if kept == status {
        format!("the status {status:?} was stored, but it is not one that closes a ticket here")
    } else {
        format!("the status was set to {status:?} without an error, but is {kept:?}")
    };
    Err(Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        message,
    )
    .with_code("STILL_OPEN")
    .with_field("Status"))
}

/// Whether a comment is refused for certain, by something that may leave the rest of the ticket
/// alone: a missing right to comments, an org without feeds, a rule, a locked row.
fn is_refused_alone(failure: &Failure) -> bool {
    failure.class.scope == FailureScope::Ticket && !failure.outcome_unknown
}

/// Without its status a ticket is not resolved.
fn resolving(failure: Failure) -> Failure {
    Rejection::new(Cause::Other, failure)
        .needing("Status")
        .into()
}

fn of_ticket(id: &RecordId, rejection: Rejection) -> Failure {
    match rejection.cause {
        Cause::Absent => gone(id),
        _ => *rejection.failure,
    }
}

/// A 404 hides whether the record was deleted or only this user's right to it.
fn gone(id: &RecordId) -> Failure {
    let message = format!("the ticket {id} is gone, or this user may no longer read it");
    Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        message,
    )
    .with_status(404)
    .with_code("NOT_FOUND")
}
