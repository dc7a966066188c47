//! Opening a ticket, so that it is confirmed, in doubt or refused, and never twice.
//!
//! `docs/servicenow.md` explains the two ways ids work.

use std::time::Instant;

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};

use super::ServiceNow;
use super::blame::blamed;
use super::body::{self, Body};
use super::facts::{ChosenIds, TRANSACTION_QUOTA};
use super::ids::SysId;
use super::record::Record;
use super::refusal::violated_index;
use super::rejection::{Cause, Rejection};
use super::requests::Request;

/// One insert: the key of its ticket, the chosen id, and the body.
pub(super) struct Insert<'create> {
    pub(super) key: &'create TicketKey,
    pub(super) id: Option<SysId>,
    /// The configured fields, with names where the body has ids.
    pub(super) named: &'create Body,
    pub(super) body: Body,
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
        let named = body::of_fields(fields);
        let resolved = self.resolved(&named).await?;
        match self.open_with(key, &named, &resolved).await {
            Err(failure) if failure.refuses_value => {
                match self.resolved_again(&named, &resolved).await? {
                    Some(resolved) => self.open_with(key, &named, &resolved).await,
                    None => Err(failure),
                }
            }
            outcome => outcome,
        }
    }

    async fn open_with(
        &self,
        key: &TicketKey,
        named: &Body,
        resolved: &Body,
    ) -> Result<Ticket, Failure> {
        self.facts.forget_old_denial(self.api.clock.now());
        let id = match self.facts.chosen_ids() {
            ChosenIds::Off => None,
            ChosenIds::Untold | ChosenIds::Honoured => Some(SysId::chosen_for(&self.name, key)),
        };
        let insert = Insert::new(key, id, named, resolved);
        match self.insert(&insert).await {
            Err(rejection) if rejection.cause == Cause::Denied && insert.id.is_some() => {
                self.insert_denied(&insert, resolved).await
            }
            outcome => self.conclude(&insert, outcome).await,
        }
    }

    async fn insert(&self, insert: &Insert<'_>) -> Result<(Record, bool), Rejection> {
        let request = Request::insert(&self.table, insert.body.clone());
        self.api.created(&request).await
    }

    /// The result of an insert. After a refusal the ticket is looked up, because some instances
    /// answer 403 to an insert that they have committed.
    async fn conclude(
        &self,
        insert: &Insert<'_>,
        outcome: Result<(Record, bool), Rejection>,
    ) -> Result<Ticket, Failure> {
        let rejection = match outcome {
            Ok((record, is_stated)) => return self.confirm(insert, &record, is_stated).await,
            Err(rejection) => rejection,
        };
        match rejection.cause {
            Cause::UniqueViolation if insert.is_own_twin(&rejection.failure.message) => {
                self.adopt(insert).await
            }
            cause @ (Cause::UniqueViolation | Cause::Denied | Cause::Refused) => {
                match self.find_in_doubt(insert.key).await? {
                    Some(ticket) => Ok(Ticket {
                        was_there: cause == Cause::UniqueViolation,
                        ..ticket
                    }),
                    None => Err(blamed(rejection.failure, &insert.body)),
                }
            }
            // The instance says that it is done, and not what.
            Cause::Other if rejection.failure.status == Some(201) => {
                self.without_record(insert, rejection.failure).await
            }
            Cause::StillRunning | Cause::TooLong => Err(self
                .note_running_insert(insert.key, rejection.failure)
                .await),
            Cause::Absent | Cause::Unauthenticated | Cause::ApiForbidden | Cause::Other => {
                Err(rejection.failure)
            }
        }
    }

    /// An access control has refused an insert that carried our id: because of the id, or
    /// because this user may create nothing, or after all behind a committed insert.
    ///
    /// Repeating the insert shows which, without risk: after a committed one it is a
    /// duplicate. Only one that is refused again goes out without the id.
    async fn insert_denied(&self, insert: &Insert<'_>, resolved: &Body) -> Result<Ticket, Failure> {
        if let Some(ticket) = self.find_in_doubt(insert.key).await? {
            return Ok(ticket);
        }
        match self.insert(insert).await {
            // That it may accept a second record is stored before it gets one without the id.
            Err(again) if again.cause == Cause::Denied && self.facts.ids_are_doubtful() => {
                let class = class(FailureScope::Ticket, ResolvedBy::Time);
                return Err(again.failure.with_class(class));
            }
            Err(again) if again.cause == Cause::Denied => {}
            outcome => return self.conclude(insert, outcome).await,
        }
        let without = Insert::new(insert.key, None, insert.named, resolved);
        let outcome = self.insert(&without).await;
        if outcome.is_ok() {
            let now = self.api.clock.now();
            let is_news = self.facts.id_was_denied(now);
            self.report_ids_off(
                is_news,
                "the instance refuses records with an id chosen by us",
            );
        }
        self.conclude(&without, outcome).await
    }

    pub(super) async fn find_in_doubt(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.find_by_key(key).await.map_err(Failure::in_doubt)
    }

    /// A record with our id exists, so it is the ticket of an earlier try.
    async fn adopt(&self, insert: &Insert<'_>) -> Result<Ticket, Failure> {
        self.facts.ids_are_honoured();
        if let Some(ticket) = self.find_in_doubt(insert.key).await? {
            return Ok(Ticket {
                was_there: true,
                ..ticket
            });
        }
        let id = insert.id.as_ref().map_or("", SysId::as_str);
        let failure = Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
            format!("the record {id} exists already, but this user cannot read it as ours"),
        );
        Err(self.unseen.met(insert.key, failure.with_field("sys_id")))
    }

    pub(super) fn report_ids_off(&self, is_news: bool, why: &str) {
        if is_news {
            tracing::warn!(target = %self.name, "{why}; tickets are found by key only");
        }
    }

    /// Where the instance cannot be relied on to refuse a second insert, an insert whose
    /// answer was lost must have ended before the next.
    fn wait_for_earlier_insert(&self, key: &TicketKey) -> Result<(), Failure> {
        let Some(wait) = self.facts.wait_for_running(key, Instant::now()) else {
            return Ok(());
        };
        // The instance was not asked.
        let mut failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Ticket, ResolvedBy::Time),
            "an earlier insert may still be under way in the instance; it is not repeated yet",
        )
        .in_doubt();
        failure.settle_after = wait;
        Err(failure)
    }

    /// Where the instance cannot be relied on to refuse a second insert, the time until the next
    /// one goes with the failure: another process may make it.
    pub(super) async fn note_running_insert(
        &self,
        key: &TicketKey,
        mut failure: Failure,
    ) -> Failure {
        self.facts.note_running(key, Instant::now());
        let is_settled = match self.facts.chosen_ids() {
            ChosenIds::Honoured => true,
            ChosenIds::Off => false,
            // A ticket that is there already also shows how ids work.
            ChosenIds::Untold => matches!(self.find_by_key(key).await, Ok(Some(_))),
        };
        if !is_settled {
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
        match self.api.record(&request).await {
            Ok(record) if record.carries(&keyless.key) => {
                self.facts.set_keyless_ticket(None);
                let mended = Some(record).filter(|_| keyless.key == *key);
                Ok(mended.map(|record| self.shape.ticket(&keyless.id, &record)))
            }
            Err(rejection) if rejection.cause == Cause::Absent => {
                self.facts.set_keyless_ticket(None);
                Ok(None)
            }
            Err(rejection) if !is_refusal(rejection.cause) => {
                // Nothing was sent for this ticket.
                let mut failure = rejection.failure;
                failure.outcome_unknown = false;
                Err(failure)
            }
            // The ticket itself is there, with or without its key.
            Ok(_) | Err(_) if keyless.key == *key => {
                let found = self.find_by_key(key).await?;
                Ok(found.map(|ticket| Ticket {
                    was_there: true,
                    ..ticket
                }))
            }
            Ok(_) | Err(_) => Err(unfindable(&keyless.id)),
        }
    }
}

impl<'create> Insert<'create> {
    fn new(
        key: &'create TicketKey,
        id: Option<SysId>,
        named: &'create Body,
        resolved: &Body,
    ) -> Self {
        let body = body::of_create(key, id.as_ref(), resolved);
        Self {
            key,
            id,
            named,
            body,
        }
    }

    /// Whether a unique violation can be of our own earlier record. Other columns can be unique,
    /// too; where the words name no index, the record may be ours.
    fn is_own_twin(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        let holds = |own: &str| words.contains(own);
        holds(self.key.as_str())
            || self.id.as_ref().is_some_and(|id| holds(id.as_str()))
            || violated_index(&words).is_none_or(|index| {
                let own = ["primary", "pkey", "sys_id", "correlation_id"];
                own.iter().any(|name| index.contains(name))
            })
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
}
