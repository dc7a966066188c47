//! Opening a ticket, so that it is confirmed, in doubt or refused, and never twice.
//!
//! `docs/salesforce.md` explains the two ways.

use std::time::Duration;

use serde_json::Value;

use super::Salesforce;
use super::rejection::{Cause, Rejection};
use super::requests::Request;
use super::truncation::{fitted, marked_subject};
use super::verdict::Saved;
use crate::domain::failure::{
    EarlierAttempts, Failure, FailureKind, FailureScope, ResolvedBy, class,
};
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};

/// Salesforce ends every call after ten minutes. A write that is not committed by then never
/// will be.
pub(super) const MAX_CALL_TIME: Duration = Duration::from_secs(600);

impl Salesforce {
    /// Opens the ticket of `key`.
    pub(super) async fn open_ticket(
        &self,
        key: &TicketKey,
        fields: &TicketFields,
    ) -> Result<Ticket, Failure> {
        match &self.external_id_field {
            Some(field) => self.upsert(field, key, fields).await,
            None => self.insert(key, fields).await,
        }
    }

    /// With a unique external id Salesforce itself refuses a second record.
    async fn upsert(
        &self,
        field: &str,
        key: &TicketKey,
        fields: &TicketFields,
    ) -> Result<Ticket, Failure> {
        let request = Request::upsert(self.object.name(), field, key, fitted(fields));
        match self.api.save(&request).await {
            Ok(saved) if saved.existed => self.adopted(key, &saved).await,
            Ok(saved) => {
                self.unseen.is_named_again(key, saved.id.as_str());
                Ok(self.opened(&saved))
            }
            Err(rejection) if is_duplicate_of(&rejection, field) => {
                self.adopt(key, rejection).await
            }
            Err(rejection) if rejection.cause == Cause::Unconfirmed => {
                self.look_up(key, *rejection.failure).await
            }
            Err(rejection) if rejection.is_about(field) => Err(of_key_field(rejection)),
            Err(rejection) => Err(*rejection.failure),
        }
    }

    /// Without one, only the key in the subject shows that the ticket exists. So an insert with
    /// an unknown outcome must have ended before the ticket is looked up.
    async fn insert(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        let mut fields = fitted(fields);
        let subject = fields.get("Subject").and_then(Value::as_str);
        let subject = marked_subject(subject.unwrap_or_default(), key);
        fields.insert("Subject".to_owned(), subject.into());
        let request = Request::insert(self.object.name(), fields);
        match self.api.save(&request).await {
            Ok(saved) => Ok(self.opened(&saved)),
            Err(rejection) => {
                // The subject carries the key.
                let mut rejection = rejection.needing("Subject");
                if rejection.may_still_run() {
                    rejection.failure.settle_after = MAX_CALL_TIME;
                }
                Err(*rejection.failure)
            }
        }
    }

    /// A ticket of which nothing was read. Its number and state are read later.
    fn opened(&self, saved: &Saved) -> Ticket {
        Ticket {
            is_unread: true,
            ..self.named(saved)
        }
    }

    fn named(&self, saved: &Saved) -> Ticket {
        self.object
            .ticket(&self.api.site(), &saved.id, &Value::Null)
    }

    /// The upsert found the ticket of an earlier try: its state may be any.
    async fn adopted(&self, key: &TicketKey, saved: &Saved) -> Result<Ticket, Failure> {
        tracing::warn!(
            target = self.name.as_str(), key = %key, ticket = %saved.id,
            "the ticket was there already; its fields were set again"
        );
        if let Ok(Some(ticket)) = self.find_by_id(&saved.id).await {
            return Ok(ticket);
        }
        if let Ok(Some(ticket)) = self.find_by_key(key).await {
            return Ok(ticket);
        }
        // Something in front of Salesforce may have given the answer. But where our user may not read
        // tickets, Salesforce names the same one each time that it finds our key: it is confirmed.
        match self.unseen.is_named_again(key, saved.id.as_str()) {
            true => {
                tracing::warn!(
                    target = self.name.as_str(), key = %key, ticket = %saved.id,
                    "two answers have named this ticket, and our user cannot read it: it counts as \
                     confirmed. Let our user read every ticket that it opens; if there is no such \
                     ticket, look at what stands in front of Salesforce"
                );
                Ok(self.named(saved))
            }
            false => Ok(self.opened(saved)),
        }
    }

    /// After a success without a record a look-up shows whether the ticket exists. If it does not,
    /// something in front of Salesforce gave the answer. It may pass the request on later: that makes no
    /// second ticket here, because of the external id, but it would beside one in another CRM.
    async fn look_up(&self, key: &TicketKey, unconfirmed: Failure) -> Result<Ticket, Failure> {
        match self.find_by_key(key).await {
            Ok(Some(ticket)) => Ok(ticket),
            Ok(None) => {
                let mut failure = unconfirmed.with_code("NOTHING_CREATED");
                failure.kind = FailureKind::IntegrationFailure;
                failure.class = class(FailureScope::Ticket, ResolvedBy::Time);
                failure.outcome_unknown = false;
                failure.earlier = EarlierAttempts::MayComeLate;
                Err(failure)
            }
            Err(_) => Err(unconfirmed),
        }
    }

    /// Another request with our key was faster.
    async fn adopt(&self, key: &TicketKey, rejection: Rejection) -> Result<Ticket, Failure> {
        if let Some(ticket) = self.find_by_key(key).await.map_err(Failure::in_doubt)? {
            return Ok(Ticket {
                was_there: true,
                ..ticket
            });
        }
        // It has not been committed yet, or this user cannot see it.
        let mut failure = self.unseen.met(key, *rejection.failure);
        failure.refuses_value = false;
        Err(failure)
    }
}

/// The field of our key refuses it, such as one that is too short: so it does for every ticket.
fn of_key_field(rejection: Rejection) -> Failure {
    let mut failure = *rejection.failure;
    failure.refuses_value = false;
    failure.with_class(class(FailureScope::Configuration, ResolvedBy::PersonInCrm))
}

/// Whether the value that is there already is our key: other unique fields are refusals.
fn is_duplicate_of(rejection: &Rejection, field: &str) -> bool {
    let failure = &rejection.failure;
    let named = |text: &str| {
        text.to_ascii_lowercase()
            .contains(&field.to_ascii_lowercase())
    };
    rejection.cause == Cause::Duplicate
        && (named(&failure.message) || failure.field.as_deref().is_some_and(named))
}
