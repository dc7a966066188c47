//! Whether a comment is on the ticket.
//!
//! Comments are entries of the journal, which reads back as `""`. Most users may not read the
//! journal's own table; they can read the whole text of the ticket's journal, however long it is.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::TicketChange;

use super::ServiceNow;
use super::change::gone;
use super::ids::SysId;
use super::query::{Literal, Query};
use super::record::Record;
use super::rejection::Cause;
use super::requests::Request;

/// Our comments go here: `comments` would be mailed to the caller.
pub(super) const JOURNAL: &str = "work_notes";
/// Journal entries read at once, and how often. Each may be long, and a comment in doubt is one of
/// the newest.
const PAGE: u16 = 20;
const MAX_PAGES: usize = 5;

impl ServiceNow {
    /// Whether a comment with `marker` is on the ticket.
    pub(super) async fn has_comment_with(&self, id: &SysId, marker: &str) -> Result<bool, Failure> {
        if let Some(is_there) = self.search_journal(id, marker).await? {
            return Ok(is_there);
        }
        let request = Request::read_as_shown(&self.table, id, "sys_id,work_notes");
        match self.api.read(&request).await {
            Ok(Some(record)) => Ok(record.text(JOURNAL).contains(marker)),
            Ok(None) => Err(gone(id)),
            Err(rejection) if rejection.cause == Cause::TooLong => Err(cannot_tell(id)),
            Err(rejection) => Err(rejection.failure),
        }
    }

    /// Whether an entry of the journal has `marker`, newest first; `None` where it cannot be told.
    async fn search_journal(&self, id: &SysId, marker: &str) -> Result<Option<bool>, Failure> {
        let query = Query::equals("element_id", &Literal::from(id))
            .and_equals("element", JOURNAL)
            .newest_first("sys_created_on");
        let fields = "element_id,element,value";
        for page in 0..MAX_PAGES {
            let offset = page * usize::from(PAGE);
            let request = Request::rows("sys_journal_field", Some(&query), fields, PAGE);
            let (rows, total) = match self.api.counted_rows(&request.starting_at(offset)).await {
                Ok(answered) => answered,
                Err(rejection) if rejection.is_unreadable() => return Ok(None),
                Err(rejection) if rejection.cause == Cause::TooLong => return Ok(None),
                Err(rejection) => return Err(rejection.failure),
            };
            let is_ours = |row: &&Record| row.text("element_id") == id.as_str();
            let ours: Vec<&Record> = rows.iter().filter(is_ours).collect();
            if ours.iter().any(|row| row.text("value").contains(marker)) {
                return Ok(Some(true));
            }
            // Entries of strangers, or fewer than asked for: the answer is not the whole journal,
            // unless the instance counts no more.
            let end = offset + rows.len();
            let is_whole = !rows.is_empty() && total == Some(end);
            if is_whole && ours.len() == rows.len() {
                return Ok(Some(false));
            }
            if ours.len() < usize::from(PAGE) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether the comment of `change` was kept, going by the `reply` to it. A record that a rule
    /// or an access control has kept from changing comes with a success, too.
    pub(super) async fn confirm_comment(
        &self,
        id: &SysId,
        change: &TicketChange,
        reply: &Record,
    ) -> Result<(), Failure> {
        let changes = reply.changes();
        let before = self.facts.note_changes(id, changes);
        let is_changed = before.is_some() && before < changes;
        if change.comment.is_none() || changes.is_none() || is_changed {
            return Ok(());
        }
        // After a start the number of changes is not known, and then only the journal tells.
        match (self.has_comment_with(id, &change.marker).await, before) {
            (Ok(true), _) => Ok(()),
            (Ok(false), _) => Err(not_kept(id)),
            (Err(failure), Some(_)) => Err(failure.in_doubt()),
            (Err(failure), None) => {
                tracing::warn!(
                    target = %self.name, ticket = %id.as_str(), error = %failure,
                    "whether the instance kept a comment cannot be told"
                );
                Ok(())
            }
        }
    }
}

/// Ends the delivery: asking again would read as much again, and not more.
fn cannot_tell(id: &SysId) -> Failure {
    let message = format!(
        "whether the comment is on the ticket {} cannot be told: its journal is longer than what \
         is read, and this user may not read sys_journal_field",
        id.as_str()
    );
    let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
    Failure::new(FailureKind::IntegrationFailure, class, message)
        .with_code("Journal too long")
        .with_field(JOURNAL)
        .in_doubt()
}

fn not_kept(id: &SysId) -> Failure {
    let message = format!(
        "the instance answered success but did not keep the comment on the ticket {}: check that \
         this user may write work_notes, and that no rule of the instance clears it",
        id.as_str()
    );
    let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
    Failure::new(FailureKind::IntegrationFailure, class, message)
        .with_status(200)
        .with_code("Comment not kept")
        .with_field(JOURNAL)
        // A replica of the database can lag behind: the journal is asked again before a repetition.
        .in_doubt()
}
