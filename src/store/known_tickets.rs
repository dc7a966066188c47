//! Tickets that a poll reads again: nothing is to be done about most of them, and so nothing is
//! written or locked.

use std::collections::{HashMap, HashSet};

use super::late_tickets::lost_create;
use super::row::Row;
use super::statement::Statement;
use super::ticket_changes::read_ticket;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::ticket_sync::{ChangeEffect, StoredTicket, TicketSnapshot, known_already};

/// Tickets asked about in one statement.
const MAX_TICKETS: usize = 256;

/// What is to be done about a snapshot of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// No incident owns the ticket.
    NotOurs,
    /// It is known.
    Known(ChangeEffect),
    /// It may change something.
    New,
}

impl Store {
    /// What is to be done about `seen`, snapshots of tickets of `target`, in their order. `closes`
    /// is as in [`Store::apply_snapshot`].
    pub async fn recognise(
        &self,
        target: &TargetName,
        seen: &[TicketSnapshot],
        closes: bool,
    ) -> Result<Vec<Recognised>, StoreError> {
        let mut recognised = Vec::with_capacity(seen.len());
        for chunk in seen.chunks(MAX_TICKETS) {
            let known = self.known_tickets(target, chunk).await?;
            let without_ticket = self.without_ticket(target, chunk, &known).await?;
            recognised.extend(chunk.iter().map(|one| {
                match known.get(&one.ticket_id) {
                    Some((ticket, is_over)) => known_already(ticket, *is_over, one, closes)
                        .map_or(Recognised::New, Recognised::Known),
                    None => match &one.incident_id {
                        Some(id) if without_ticket.contains(id.as_str()) => Recognised::New,
                        _ => Recognised::NotOurs,
                    },
                }
            }));
        }
        Ok(recognised)
    }

    /// The stored tickets, and whether their incidents are closed, by the record id.
    async fn known_tickets(
        &self,
        target: &TargetName,
        seen: &[TicketSnapshot],
    ) -> Result<HashMap<String, (StoredTicket, bool)>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(
            "select i.ticket_id, i.state, i.ticket_number, i.ticket_url, i.ticket_state, \
              i.ticket_closed, i.ticket_priority, i.ticket_assignee, i.ticket_changed_at, \
              i.ticket_changes, i.ticket_fate \
             from incidents i where i.target = $1 and i.ticket_id in ",
        )
        .bind(target);
        select.push_list("", seen.iter().map(|one| one.ticket_id.as_str()));
        let ticket = |row: &Row| {
            let is_over = row.get::<String>("state")? == "closed";
            Ok((row.get("ticket_id")?, (read_ticket(row)?, is_over)))
        };
        let tickets = select.fetch(&mut tx, ticket).await?;
        Ok(tickets.into_iter().collect())
    }

    /// Those incidents of the snapshots with no `known` ticket that have none yet, or lost theirs: a
    /// create may be in doubt.
    async fn without_ticket(
        &self,
        target: &TargetName,
        seen: &[TicketSnapshot],
        known: &HashMap<String, (StoredTicket, bool)>,
    ) -> Result<HashSet<String>, StoreError> {
        let unknown = seen
            .iter()
            .filter(|one| !known.contains_key(&one.ticket_id));
        let ids: Vec<&str> = unknown
            .filter_map(|one| Some(one.incident_id.as_ref()?.as_str()))
            .collect();
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(concat!(
            "select i.id from incidents i where i.target = $1 and (i.ticket_id is null or ",
            lost_create!("i"),
            ") and i.id in "
        ))
        .bind(target);
        select.push_list("", ids);
        let found = select.fetch(&mut tx, |row| row.get("id")).await?;
        Ok(found.into_iter().collect())
    }
}
