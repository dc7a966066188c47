//! Changing a ticket: comments, fields, resolution, its parent.
//!
//! People win: a state that a person has set is never lowered, and a ticket they have closed
//! is left alone. There is no optimistic locking, so the ticket is read right before its
//! state is changed. May import: `domain`.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::TicketChange;

use super::ServiceNow;
use super::body::{self, Body};
use super::create::is_refusal;
use super::ids::SysId;
use super::query::{Literal, Query};
use super::record::Record;
use super::rejection::Cause;
use super::requests::Request;

/// Journal entries read at once; older ones are found in the ticket's own text.
const JOURNAL_LIMIT: u16 = 100;

impl ServiceNow {
    /// Adds the comment and sets the fields of `change`.
    pub(super) async fn update_ticket(
        &self,
        id: &SysId,
        change: &TicketChange,
    ) -> Result<(), Failure> {
        let mut body = self.resolved(body::of_change(change)).await?;
        if body.contains_key("state") && self.shape.is_resolved(&self.existing(id).await?) {
            body.remove("state");
        }
        if body.is_empty() {
            return Ok(());
        }
        match self.patch(id, &body).await? {
            Some(record) => self.report_dropped(id, &body, &record),
            None => tracing::info!(
                target = %self.name, ticket = %id.as_str(),
                "the ticket takes no more changes; the update is left out"
            ),
        }
        Ok(())
    }

    /// Resolves the ticket with `change`, unless a person has settled it.
    pub(super) async fn resolve_ticket(
        &self,
        id: &SysId,
        change: &TicketChange,
    ) -> Result<(), Failure> {
        if self.shape.is_resolved(&self.existing(id).await?) {
            tracing::info!(
                target = %self.name, ticket = %id.as_str(),
                "the ticket is settled already; it stays as it is"
            );
            return Ok(());
        }
        let body = self.resolved(body::of_change(change)).await?;
        if body.is_empty() || self.says_so_already(id, &body, change).await? {
            return Ok(());
        }
        let Some(record) = self.patch(id, &body).await? else {
            return Ok(());
        };
        self.report_dropped(id, &body, &record);
        self.verify(id, &body, "state", record).await
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
            Some(record) => self.verify(id, &body, field, record).await,
            None => Ok(()),
        }
    }

    /// Whether a comment with `marker` is on the ticket.
    pub(super) async fn has_comment_with(&self, id: &SysId, marker: &str) -> Result<bool, Failure> {
        if self.is_in_journal(id, marker).await? {
            return Ok(true);
        }
        // Most users may not read the journal's own table, which then looks empty.
        let request = Request::read_as_shown(&self.table, id, "sys_id,work_notes,comments");
        let Some(record) = self.api.read(&request).await? else {
            return Err(gone(id));
        };
        let mut texts = ["work_notes", "comments"].iter();
        Ok(texts.any(|field| record.text(field).contains(marker)))
    }

    async fn is_in_journal(&self, id: &SysId, marker: &str) -> Result<bool, Failure> {
        let query = Query::equals("element_id", &Literal::from(id))
            .and_equals("element", "work_notes")
            .newest_first("sys_created_on");
        let request = Request::rows(
            "sys_journal_field",
            Some(&query),
            "element_id,element,value",
            JOURNAL_LIMIT,
        );
        match self.api.rows(&request).await {
            Ok(rows) => Ok(rows.iter().any(|row| {
                row.text("element_id") == id.as_str() && row.text("value").contains(marker)
            })),
            Err(rejection) if rejection.failure.kind == FailureKind::IntegrationFailure => {
                Ok(false)
            }
            Err(rejection) => Err(rejection.failure),
        }
    }

    /// Changes the record; `None` when it takes no more changes because it is closed.
    async fn patch(&self, id: &SysId, body: &Body) -> Result<Option<Record>, Failure> {
        let request = Request::change(&self.table, id, body.clone());
        match self.api.record(&request).await {
            Ok(record) => Ok(Some(record)),
            Err(rejection) if rejection.cause == Cause::Absent => Err(gone(id)),
            Err(rejection) if is_refusal(rejection.cause) => match self.record_of(id).await {
                Ok(Some(record)) if self.shape.is_final(&record) => Ok(None),
                _ => Err(rejection.failure),
            },
            Err(rejection) => Err(rejection.failure),
        }
    }

    async fn existing(&self, id: &SysId) -> Result<Record, Failure> {
        self.record_of(id).await?.ok_or_else(|| gone(id))
    }

    /// Whether `field` has the value that `body` gave it: a dropped value comes with a success.
    async fn verify(
        &self,
        id: &SysId,
        body: &Body,
        field: &str,
        reply: Record,
    ) -> Result<(), Failure> {
        let Some(sent) = body.get(field).and_then(serde_json::Value::as_str) else {
            return Ok(());
        };
        let record = match reply.get(field) {
            Some(_) => reply,
            None => self.existing(id).await?,
        };
        let kept = record.text(field);
        if kept == sent {
            return Ok(());
        }
        let message = format!(
            "the instance answered success but kept {field} at {kept:?} instead of {sent:?}: \
             the value is unknown to it, or this user may not write the field"
        );
        Err(Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Nothing),
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

/// A 404 hides whether the record was deleted or only this user's right to it.
fn gone(id: &SysId) -> Failure {
    let message = format!(
        "the ticket {} is gone, or this user may no longer read it",
        id.as_str()
    );
    Failure::new(
        FailureKind::IntegrationFailure,
        class(FailureScope::Ticket, ResolvedBy::Nothing),
        message,
    )
    .with_status(404)
    .with_code("No Record found")
}
