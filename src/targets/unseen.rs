//! Tickets that exist and that our user cannot find.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::failure::{Failure, FailureScope, ResolvedBy, class};
use crate::domain::ticket::TicketKey;

/// When there are more, all are forgotten, and are met again.
const MAX_TICKETS: usize = 1_000;

/// Those that were met. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Unseen {
    met: Arc<Mutex<HashSet<TicketKey>>>,
    /// The record that an answer to a create has named last, of which nothing was read.
    named: Arc<Mutex<HashMap<TicketKey, String>>>,
}

impl Unseen {
    /// The failure to find the ticket of `key`. The first time it may not be committed yet; from the
    /// second time on a person must give us the right to read it.
    pub(super) fn met(&self, key: &TicketKey, mut failure: Failure) -> Failure {
        // One insertion: whole whatever happened while the lock was held.
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if met.len() >= MAX_TICKETS {
            met.clear();
        }
        let resolved_by = match met.insert(key.clone()) {
            true => ResolvedBy::Time,
            false => ResolvedBy::PersonInCrm,
        };
        if resolved_by == ResolvedBy::PersonInCrm {
            failure.message += "; let our user read every ticket that it opens";
        }
        failure
            .in_doubt()
            .with_class(class(FailureScope::Ticket, resolved_by))
    }

    /// Notes that an answer has named the record `id` for `key`, of which nothing was read. Returns
    /// whether the answer before has named the same one.
    pub(super) fn is_named_again(&self, key: &TicketKey, id: &str) -> bool {
        // One insertion: whole whatever happened while the lock was held.
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() >= MAX_TICKETS {
            named.clear();
        }
        let before = named.insert(key.clone(), id.to_owned());
        before.is_some_and(|before| before == id)
    }
}
