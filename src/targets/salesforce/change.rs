//! Changing a ticket: comments, fields, its parent.
//!
//! What people did stays: a ticket that a person has closed is not opened again. Fields and a comment
//! are set together or not at all, so that a comment that is there proves both.

use std::time::Duration;

use serde_json::{Value, json};

use super::Salesforce;
use super::find::without_id;
use super::ids::RecordId;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::resolve::is_undone;
use super::soql;
use super::truncation::{case_comment, feed_entry, fitted};
use super::verdict;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{TicketChange, TicketFields};
use crate::domain::ticket_sync::{TicketDetails, TicketSnapshot};
use crate::targets::Applied;

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
    ) -> Result<Applied, Failure> {
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
        match self.comment_of(id, change) {
            // A person has closed the ticket, and nothing but its status was to be set.
            None if fields.is_empty() => return Ok(Applied::only_read(changed)),
            Some(comment) if !fields.is_empty() => {
                self.change_with_comment(id, change, fields, comment)
                    .await?;
            }
            _ => {
                self.set_fields(id, fields).await?;
                self.add_comment(id, change).await?;
            }
        }
        Ok(Applied::written(changed))
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
        let rows = self.api.rows(self.comments_on(id)).await?;
        Ok(self.is_among(&rows, marker))
    }

    pub(super) fn comments_on(&self, id: &RecordId) -> Request {
        let (object, text) = self.object.comments();
        Request::query(Call::Ask, soql::comments_of(object, text, id))
    }

    /// Whether a comment with `marker` is on this page of them.
    pub(super) fn carries(&self, page: &Value, marker: &str) -> bool {
        let rows = page.get("records").and_then(Value::as_array);
        rows.is_some_and(|rows| self.is_among(rows, marker))
    }

    fn is_among(&self, comments: &[Value], marker: &str) -> bool {
        let (_, text) = self.object.comments();
        let carries = |row: &Value| {
            let text = row.get(text).and_then(Value::as_str);
            text.is_some_and(|text| text.contains(marker))
        };
        !marker.is_empty() && comments.iter().any(carries)
    }

    /// Sets `fields` and adds the comment, all or nothing, in one call. A comment that is refused keeps
    /// no field from being set.
    async fn change_with_comment(
        &self,
        id: &RecordId,
        change: &TicketChange,
        fields: TicketFields,
        comment: Request,
    ) -> Result<(), Failure> {
        let parts = [self.change_of(id, fields.clone()), comment];
        let answers = match self.api.together(Call::Comment, &parts, true).await {
            Ok(answers) => answers,
            Err(rejection) => return self.commented_after_all(id, change, rejection).await,
        };
        let ([set, comment], [changed, commented]) = (&parts, answers.as_slice()) else {
            return Err(Failure::internal("two requests have two answers"));
        };
        let judge = |_, answer: &_, now| verdict::changed(answer, now);
        match self.api.judged(set, changed, judge) {
            Err(rejection) if !is_undone(&rejection) => return Err(of_ticket(id, rejection)),
            _ => {}
        }
        let Err(rejection) = self.api.judged(comment, commented, verdict::saved) else {
            return Ok(());
        };
        self.set_fields(id, fields).await?;
        Err(of_comment(rejection.into()))
    }

    async fn set_fields(&self, id: &RecordId, fields: TicketFields) -> Result<(), Failure> {
        if fields.is_empty() {
            return Ok(());
        }
        let outcome = self.api.change(&self.change_of(id, fields)).await;
        outcome.map_err(|rejection| of_ticket(id, rejection))
    }

    pub(super) fn change_of(&self, id: &RecordId, fields: TicketFields) -> Request {
        Request::change(self.object.name(), id, fields)
    }

    /// Adds the comment unless it is there.
    pub(super) async fn comment_once(
        &self,
        id: &RecordId,
        change: &TicketChange,
    ) -> Result<(), Failure> {
        if change.comment.is_none() || self.has_comment_with(id, &change.marker).await? {
            return Ok(());
        }
        self.add_comment(id, change).await
    }

    async fn add_comment(&self, id: &RecordId, change: &TicketChange) -> Result<(), Failure> {
        let Some(request) = self.comment_of(id, change) else {
            return Ok(());
        };
        match self.api.save(&request).await {
            Ok(_) => Ok(()),
            Err(rejection) => {
                let added = self.commented_after_all(id, change, rejection).await;
                added.map_err(of_comment)
            }
        }
    }

    /// The request that adds the comment of `change`.
    pub(super) fn comment_of(&self, id: &RecordId, change: &TicketChange) -> Option<Request> {
        let text = change.comment.as_ref()?;
        let (object, field) = self.object.comments();
        let body = match object {
            // Never published: an incident is no matter for the CRM's customers.
            "CaseComment" => json!({"ParentId": id.as_str(), "IsPublished": false,
                field: case_comment(text, &change.marker)}),
            _ => json!({"ParentId": id.as_str(), field: feed_entry(text, &change.marker)}),
        };
        let body = body.as_object().cloned().unwrap_or_default();
        Some(Request::comment(object, body))
    }

    /// A call that adds a comment, without a usable answer: often only the answer was lost.
    async fn commented_after_all(
        &self,
        id: &RecordId,
        change: &TicketChange,
        rejection: Rejection,
    ) -> Result<(), Failure> {
        let may_run = rejection.may_still_run();
        if may_run && self.has_comment_with(id, &change.marker).await == Ok(true) {
            return Ok(());
        }
        let mut failure = *rejection.failure;
        if may_run {
            failure.settle_after = COMMENT_SETTLES;
        }
        Err(failure)
    }

    pub(super) async fn existing(&self, id: &RecordId) -> Result<TicketSnapshot, Failure> {
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

pub(super) fn of_comment(mut failure: Failure) -> Failure {
    failure.message = format!("the comment: {}", failure.message);
    failure
}

pub(super) fn of_ticket(id: &RecordId, rejection: Rejection) -> Failure {
    match rejection.cause {
        Cause::Absent => gone(id),
        _ => *rejection.failure,
    }
}

/// A 404 hides whether the record was deleted, or only this user's right to it, or whether reads lag. A
/// poll finds that out: so it ends by itself.
pub(super) fn gone(id: &RecordId) -> Failure {
    let message = format!("the ticket {id} is gone, or this user may no longer read it");
    Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Time),
        message,
    )
    .with_status(404)
    .with_code("NOT_FOUND")
}
