//! Resolving a ticket in two calls: what it is like, then the comment and the fields together.

use serde_json::Value;

use super::Salesforce;
use super::change::{COMMENT_SETTLES, of_comment, of_ticket};
use super::find::without_id;
use super::ids::RecordId;
use super::rejection::{Call, Cause, Rejection};
use super::requests::Request;
use super::soql;
use super::truncation::fitted;
use super::verdict;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{TicketChange, TicketFields};
use crate::domain::ticket_sync::{TicketDetails, TicketSnapshot};
use crate::targets::Applied;

/// Why a ticket was not closed.
enum NotClosed {
    /// Its comment was refused.
    Comment(Failure),
    Otherwise(Failure),
}

impl Salesforce {
    /// Resolves the ticket with `change`, unless a person has closed it, and checks that it
    /// is resolved: Salesforce also stores a status that does not close a ticket.
    pub(super) async fn resolve_ticket(
        &self,
        id: &RecordId,
        change: &TicketChange,
    ) -> Result<Applied, Failure> {
        let (before, is_commented) = self.before_resolution(id, change).await?;
        if before.details.closed {
            tracing::info!(
                target = self.name.as_str(), ticket = %id,
                "the ticket is closed already; it stays as it is"
            );
            return Ok(Applied::only_read(Some(before)));
        }
        let (comment, mut can_comment) = match is_commented {
            Ok(true) => (None, true),
            Ok(false) => (self.comment_of(id, change), true),
            // The state is worth more than the sentence.
            Err(failure) if is_refused_alone(&failure) => (None, false),
            Err(failure) => return Err(failure),
        };
        let fields = fitted(&change.fields);
        let closed = match self.close(id, comment, fields.clone()).await {
            Err(NotClosed::Comment(failure)) if is_refused_alone(&failure) => {
                can_comment = false;
                self.close(id, None, fields.clone()).await
            }
            closed => closed,
        };
        let closed = closed.map_err(|not| match not {
            NotClosed::Comment(failure) | NotClosed::Otherwise(failure) => failure,
        })?;
        if !can_comment && let Err(failure) = self.comment_once(id, change).await {
            tracing::warn!(
                target = self.name.as_str(), ticket = %id, error = %failure,
                "the ticket is resolved without its comment, which the CRM refuses"
            );
        }
        let Some(status) = fields.get("Status").and_then(Value::as_str) else {
            return Ok(Applied {
                seen: None,
                ..closed
            });
        };
        let Some(after) = closed.seen.as_ref() else {
            tracing::info!(
                target = self.name.as_str(), ticket = %id,
                "the ticket is resolved, and our user cannot read it any more"
            );
            return Ok(Applied {
                seen: Some(hidden_by_its_end(before, status)),
                ..closed
            });
        };
        check_closed(&after.details, status)?;
        Ok(closed)
    }

    /// The ticket, and whether the comment of `change` is on it or whether that cannot be told, in one
    /// call.
    async fn before_resolution(
        &self,
        id: &RecordId,
        change: &TicketChange,
    ) -> Result<(TicketSnapshot, Result<bool, Failure>), Failure> {
        if change.comment.is_none() || change.marker.is_empty() {
            return Ok((self.existing(id).await?, Ok(false)));
        }
        let parts = [self.read_of(id), self.comments_on(id)];
        let [read, comments] = &parts;
        let answers = self.api.together(Call::Read, &parts, false).await?;
        let [record, rows] = answers.as_slice() else {
            return Err(Failure::internal("two requests have two answers"));
        };
        let record = self.api.judged(read, record, verdict::body);
        let record = record.map_err(|rejection| of_ticket(id, rejection))?;
        let before = self.snapshot(&record).ok_or_else(without_id)?;
        let is_commented = match self.api.judged(comments, rows, verdict::body) {
            Err(rejection) => Err(rejection.into()),
            Ok(page) if self.carries(&page, &change.marker) => Ok(true),
            Ok(page) if page.get("done") == Some(&Value::Bool(false)) => {
                self.has_comment_with(id, &change.marker).await
            }
            Ok(_) => Ok(false),
        };
        Ok((before, is_commented))
    }

    /// Adds the `comment` and sets `fields`, all or nothing, and reads the ticket, in one call.
    async fn close(
        &self,
        id: &RecordId,
        comment: Option<Request>,
        fields: TicketFields,
    ) -> Result<Applied, NotClosed> {
        let call = match comment {
            Some(_) => Call::Comment,
            None => Call::Change,
        };
        let mut parts: Vec<Request> = comment.into_iter().collect();
        if !fields.is_empty() {
            parts.push(self.change_of(id, fields));
        }
        // A query and no read: a ticket that this change hides from our user must not undo it.
        let query = soql::tickets_with(
            self.object.name(),
            &self.object.fields(),
            std::slice::from_ref(id),
        );
        parts.push(Request::query(Call::Read, query));
        match self.api.together(call, &parts, true).await {
            Ok(answers) => self.closed(id, &parts, &answers),
            Err(rejection) => self.closed_after_all(id, rejection).await,
        }
    }

    /// What the answers to the parts of a closing say. Of those that were undone one names the cause.
    fn closed(
        &self,
        id: &RecordId,
        parts: &[Request],
        answers: &[crate::targets::http::Answer],
    ) -> Result<Applied, NotClosed> {
        let (mut after, mut undone) = (None, None);
        for (part, answer) in parts.iter().zip(answers) {
            let outcome = match part.call {
                Call::Comment => self.api.judged(part, answer, verdict::saved).map(drop),
                Call::Change => self
                    .api
                    .judged(part, answer, |_, answer, now| verdict::changed(answer, now)),
                _ => self.api.judged(part, answer, verdict::body).map(|page| {
                    let row = page.pointer("/records/0");
                    after = row.and_then(|row| self.snapshot(row));
                }),
            };
            match outcome {
                Ok(()) => {}
                Err(rejection) if is_undone(&rejection) => undone = Some(rejection),
                Err(rejection) if part.call == Call::Comment => {
                    return Err(NotClosed::Comment(of_comment(rejection.into())));
                }
                Err(rejection) => {
                    return Err(NotClosed::Otherwise(resolving(of_ticket(id, rejection))));
                }
            }
        }
        match undone {
            None => Ok(Applied {
                seen: after,
                // Of a comment that is there already, and with no field to set, nothing was sent.
                is_write: parts.iter().any(|part| part.call != Call::Read),
            }),
            Some(rejection) => Err(NotClosed::Otherwise(rejection.into())),
        }
    }

    /// A closing without a usable answer: often only the answer was lost. But a person may have closed the
    /// ticket a moment ago.
    async fn closed_after_all(
        &self,
        id: &RecordId,
        rejection: Rejection,
    ) -> Result<Applied, NotClosed> {
        let may_run = rejection.may_still_run();
        if may_run
            && let Ok(now) = self.existing(id).await
            && now.details.closed
        {
            return Ok(Applied::only_read(Some(now)));
        }
        let mut failure = *rejection.failure;
        if may_run {
            failure.settle_after = COMMENT_SETTLES;
        }
        Err(NotClosed::Otherwise(failure))
    }
}

/// Whether a part had no effect because another one was refused.
pub(super) fn is_undone(rejection: &Rejection) -> bool {
    rejection.failure.code.as_deref() == Some("PROCESSING_HALTED")
}

/// The ticket after a change that was accepted, and that hides it from our user. It keeps its version,
/// which is older than the new one.
fn hidden_by_its_end(before: TicketSnapshot, status: &str) -> TicketSnapshot {
    TicketSnapshot {
        details: TicketDetails {
            state: Some(status.to_owned()),
            closed: true,
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
