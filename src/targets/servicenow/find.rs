//! Looking a ticket up by our key.
//!
//! The instance ignores conditions on fields it does not know, and then answers other people's
//! records; so each row is compared with the key here.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Ticket, TicketKey};

use super::ServiceNow;
use super::facts::ChosenIds;
use super::ids::SysId;
use super::query::{Literal, Query};
use super::record::Record;
use super::requests::{Request, TICKET_FIELDS};

/// More rows than one key can have, unless something has gone wrong.
const LOOK_UP_LIMIT: u16 = 10;

impl ServiceNow {
    /// The ticket of `key`: by the id we chose for it, then by the key it carries.
    pub(super) async fn find_by_key(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        if let Some(ticket) = self.by_id(key).await? {
            return Ok(Some(ticket));
        }
        self.by_key(key).await
    }

    async fn by_id(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let keyless = self
            .facts
            .keyless_ticket()
            .filter(|ticket| ticket.key == *key);
        let is_known = keyless.is_some();
        let chosen = SysId::chosen_for(&self.name, key);
        let id = keyless.map_or_else(|| chosen.clone(), |ticket| ticket.id);
        let Some(record) = self.record_of(&id).await? else {
            return Ok(None);
        };
        if id == chosen {
            self.facts.ids_are_honoured();
        }
        if record.carries(key) {
            return Ok(Some(self.shape.ticket(&id, &record)));
        }
        let carried = record.text("correlation_id");
        tracing::warn!(
            target = %self.name, ticket = %id.as_str(), key = %key, %carried,
            "the ticket does not carry our key in correlation_id"
        );
        // Without any key the id proves by itself that the record is ours; with another's
        // key somebody has made it theirs, unless it came so at the insert.
        let is_ours = carried.is_empty() || (is_known && !is_key(&carried));
        Ok(is_ours.then(|| self.shape.ticket(&id, &record)))
    }

    async fn by_key(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let query =
            Query::equals("correlation_id", &Literal::from(key)).newest_first("sys_created_on");
        let request = Request::rows(&self.table, Some(&query), TICKET_FIELDS, LOOK_UP_LIMIT);
        let rows = self.api.rows(&request).await?;
        let answered = rows.len();
        let ours: Vec<Record> = rows.into_iter().filter(|row| row.carries(key)).collect();
        if ours.len() < answered {
            tracing::warn!(
                target = %self.name, key = %key, strangers = answered - ours.len(),
                "instance ignores the correlation_id condition"
            );
        }
        match self.oldest(key, ours) {
            None if answered > 0 && self.facts.chosen_ids() != ChosenIds::Honoured => {
                Err(cannot_look_up())
            }
            ticket => Ok(ticket),
        }
    }

    /// The oldest of several tickets for one key: people have seen it first.
    fn oldest(&self, key: &TicketKey, ours: Vec<Record>) -> Option<Ticket> {
        let found = ours.len();
        let age = |row: &Record| {
            let created = row.text("sys_created_on").into_owned();
            (created, row.text("number").into_owned())
        };
        let (id, record) = ours
            .into_iter()
            .filter_map(|row| Some((row.id()?, row)))
            .min_by_key(|(_, row)| age(row))?;
        if found > 1 {
            tracing::warn!(
                target = %self.name, key = %key, found, ticket = %id.as_str(),
                "several tickets carry one key; the oldest is taken"
            );
        }
        Some(self.shape.ticket(&id, &record))
    }

    /// The record `id`, when there is one that this user may read.
    pub(super) async fn record_of(&self, id: &SysId) -> Result<Option<Record>, Failure> {
        let request = Request::read(&self.table, id, TICKET_FIELDS);
        let Some(record) = self.api.read(&request).await? else {
            return Ok(None);
        };
        if record.id().as_ref() == Some(id) {
            return Ok(Some(record));
        }
        let failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            format!("asked for the record {} and got another", id.as_str()),
        );
        Err(failure.with_field("sys_id"))
    }
}

/// Whether `text` is a key of Ringdown's.
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with("rd-")
}

/// Neither the id nor the key can tell whether the ticket exists.
fn cannot_look_up() -> Failure {
    Failure::new(
        FailureKind::IntegrationFailure,
        class(
            FailureScope::Configuration,
            ResolvedBy::PersonInConfiguration,
        ),
        "the instance ignores the condition on correlation_id, so no ticket can be looked up: \
         check that the table has the field and that this user may read it",
    )
    .with_field("correlation_id")
}
