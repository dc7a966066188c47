//! Whether the reply to an insert proves the ticket, and what the instance made of its fields.

use std::borrow::Cow;

use crate::domain::failure::{
    EarlierAttempts, Failure, FailureKind, FailureScope, ResolvedBy, class,
};
use crate::domain::ticket::{OmittedField, Ticket, TicketKey, text_of};

use super::ServiceNow;
use super::body;
use super::create::Insert;
use super::facts::{ChosenIds, KeylessTicket};
use super::find::is_key;
use super::ids::SysId;
use super::profile::KEY_FIELD;
use super::record::Record;
use super::rejection::{Call, Rejection};

impl ServiceNow {
    /// Success is a record id in the body of a 201, or our record under another success, and nothing
    /// less.
    /// `is_stated`: the status says that a record was created, too.
    pub(super) async fn confirm(
        &self,
        insert: &Insert<'_>,
        record: &Record,
        is_stated: bool,
    ) -> Result<Ticket, Failure> {
        let Some(id) = record.id() else {
            let status = if is_stated { 201 } else { 200 };
            let failure = Rejection::not_a_record(Call::Create).failure;
            let failure = failure.with_status(status);
            return match is_stated {
                true => self.without_record(insert, failure).await,
                false => Err(self.note_running_insert(insert.key, failure).await),
            };
        };
        if !is_stated && !self.is_proof(insert, &id, record).await {
            return Err(self.note_running_insert(insert.key, not_created()).await);
        }
        if is_key(&record.text("correlation_id")) && !record.carries(insert.key) {
            return Err(self.note_running_insert(insert.key, not_created()).await);
        }
        let mut is_keyless = false;
        match self.mark_of(insert, &id, record).await {
            Mark::Own => {}
            Mark::Another => {
                return Err(self.note_running_insert(insert.key, not_created()).await);
            }
            Mark::Missing => {
                self.note_keyless(insert.key, &id);
                is_keyless = true;
            }
        }
        // Only now: an answer that something in front of the CRM repeats shows nothing of these.
        self.compare_ids(insert, &id);
        self.facts.note_changes(&id, record.changes());
        let dropped = self.report_changes(insert, &id, record);
        let restored = self.restore_references(insert, &id, &dropped).await;
        let mut ticket = self.shape.ticket(&id, record);
        ticket.not_kept = not_kept(insert, record);
        ticket.not_kept.retain(|one| !restored.contains(&one.field));
        if is_keyless {
            ticket.not_kept.push(lacks_key(insert.key, record));
        }
        Ok(ticket)
    }

    /// The ticket exists, and its id is kept with the incident. But no other is opened: after a lost
    /// answer it could not be found.
    fn note_keyless(&self, key: &TicketKey, id: &SysId) {
        tracing::error!(
            target = %self.name, ticket = %id.as_str(), key = %key,
            "the instance did not keep our key in correlation_id; no further ticket is opened \
             until this user may write and read that field"
        );
        let (key, id) = (key.clone(), id.clone());
        self.facts
            .set_keyless_ticket(Some(KeylessTicket { key, id }));
    }

    fn compare_ids(&self, insert: &Insert<'_>, returned: &SysId) {
        match &insert.id {
            Some(chosen) if chosen == returned => self.facts.ids_are_honoured(),
            Some(_) => {
                let is_news = self.facts.ids_are_off();
                self.report_ids_off(is_news, "the instance gives records an id of its own");
            }
            None => {}
        }
    }

    /// Whether `record` is our new record although the status is not 201: something in front can
    /// rewrite a status, and it can answer somebody else's record.
    async fn is_proof(&self, insert: &Insert<'_>, id: &SysId, record: &Record) -> bool {
        if !record.carries(insert.key) || insert.id.as_ref() == Some(id) {
            return record.carries(insert.key);
        }
        self.is_stored_with(insert.key, id).await
    }

    async fn is_stored_with(&self, key: &TicketKey, id: &SysId) -> bool {
        matches!(self.record_of(id).await, Ok(Some(record)) if record.carries(key))
    }

    /// A success without a record. Where the instance refuses a second record with our id, a
    /// look-up tells that nothing was created so far, and a repetition makes no second ticket.
    pub(super) async fn without_record(
        &self,
        insert: &Insert<'_>,
        mut failure: Failure,
    ) -> Result<Ticket, Failure> {
        if self.facts.chosen_ids() != ChosenIds::Honoured {
            return Err(failure);
        }
        if let Some(ticket) = self.find_in_doubt(insert.key).await? {
            return Ok(ticket);
        }
        failure.kind = FailureKind::IntegrationFailure;
        failure.class = class(FailureScope::Ticket, ResolvedBy::Time);
        failure.outcome_unknown = false;
        failure.earlier = EarlierAttempts::MayComeLate;
        Err(failure)
    }

    /// The key that the new record carries. A reply without the field proves it by the chosen id, or
    /// is read again.
    async fn mark_of(&self, insert: &Insert<'_>, id: &SysId, record: &Record) -> Mark {
        if record.get("correlation_id").is_some() {
            return Mark::on(record, insert.key);
        }
        if insert.id.as_ref() == Some(id) {
            return Mark::Own;
        }
        match self.record_of(id).await {
            Ok(Some(stored)) => Mark::on(&stored, insert.key),
            Ok(None) | Err(_) => Mark::Missing,
        }
    }

    /// Logs what the instance made of the fields; returns those that it dropped.
    fn report_changes(&self, insert: &Insert<'_>, id: &SysId, record: &Record) -> Vec<String> {
        let dropped = body::dropped(&insert.body, record);
        if !dropped.is_empty() {
            tracing::warn!(
                target = %self.name, ticket = %id.as_str(), key = %insert.key, ?dropped,
                "the instance dropped fields of the new ticket"
            );
        }
        let altered = body::altered(&insert.body, record);
        if !altered.is_empty() {
            tracing::info!(
                target = %self.name, ticket = %id.as_str(), key = %insert.key, ?altered,
                "the instance changed fields of the new ticket"
            );
        }
        dropped
    }
}

/// The key that a record carries.
enum Mark {
    Own,
    /// That of another ticket of ours.
    Another,
    Missing,
}

impl Mark {
    fn on(record: &Record, key: &TicketKey) -> Self {
        match record.carries(key) {
            true => Self::Own,
            false if is_key(&record.text("correlation_id")) => Self::Another,
            false => Self::Missing,
        }
    }
}

/// Our key is set later, like a field that the CRM did not keep. Until then it is known, also after a
/// restart, that this user cannot write it.
fn lacks_key(key: &TicketKey, record: &Record) -> OmittedField {
    OmittedField {
        field: KEY_FIELD.to_owned(),
        value: key.as_str().to_owned(),
        reason:
            "the instance did not keep our key; without it no ticket can be found again: let this \
                 user write and read the field"
                .to_owned(),
        kept: record.get(KEY_FIELD).map(Cow::into_owned),
        is_chosen: false,
    }
}

/// The configured fields that the record lacks, or has with another value.
fn not_kept(insert: &Insert<'_>, record: &Record) -> Vec<OmittedField> {
    let missing = body::missing(&insert.body, record).into_iter();
    let missing = missing.filter(|field| insert.named.contains_key(field));
    let not_kept = missing.map(|field| {
        let kept = record.get(&field).map(Cow::into_owned);
        let reason = match kept.as_deref() {
            None => {
                "the instance does not show the field: it has no such field, or this user may not \
                 read it"
            }
            Some("") => {
                "the instance did not keep the value: it does not know it, or this user may not \
                 write the field"
            }
            Some(_) => "the instance has another value",
        };
        OmittedField {
            value: insert.named.get(&field).map(text_of).unwrap_or_default(),
            reason: reason.to_owned(),
            // Another record was put in by a rule, such as an assignment rule.
            is_chosen: kept
                .as_deref()
                .is_some_and(|kept| SysId::parse(kept).is_some()),
            kept,
            field,
        }
    });
    not_kept.collect()
}

fn not_created() -> Failure {
    Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        "the insert was answered with another record than ours",
    )
    .with_status(200)
    .in_doubt()
}
