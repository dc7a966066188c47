//! The tickets that were refused for one reason, and whether every ticket is refused for it.
//!
//! Several tickets that are refused with no success between them are a pattern: the reason is not
//! about one ticket. A ticket that is refused again after others were accepted is refused alone,
//! and says nothing about the others. A success ends a pattern. When the same reason comes back for
//! every ticket, it is found again.

use std::collections::HashMap;

use crate::domain::identity::IncidentId;
use crate::domain::time::Timestamp;

/// So many different tickets, refused for one reason with no success between them, are a pattern.
pub(super) const TICKETS_OF_A_PATTERN: usize = 3;
/// After a pattern that was none, so many times as many are needed for the next.
const MORE: usize = 4;
/// Tickets that are remembered for one reason. When more are refused, all are forgotten: a pattern is
/// then found later.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Debug)]
pub(super) struct Refusals {
    tickets: HashMap<IncidentId, RefusedTicket>,
    /// Successes of the same operation on other tickets.
    others: u64,
    /// Grows with every success.
    row: u64,
    /// Tickets that were refused since the last success, without those that are refused alone.
    in_a_row: usize,
    /// When the first of them was refused.
    row_since: Option<Timestamp>,
    /// So many in a row are a pattern.
    needed: usize,
    /// Whether every ticket is refused.
    is_pattern: bool,
    /// Whether that is new: [`Refusals::take_first`] has not told it yet.
    is_new: bool,
    /// Whether a pattern was found that has not been confirmed since.
    is_unconfirmed: bool,
}

#[derive(Debug, Clone, Copy)]
struct RefusedTicket {
    others: u64,
    row: u64,
    is_alone: bool,
}

impl Default for Refusals {
    fn default() -> Self {
        Self::needing(TICKETS_OF_A_PATTERN)
    }
}

impl Refusals {
    /// A pattern needs so many tickets in a row.
    pub(super) fn needing(needed: usize) -> Self {
        Self {
            tickets: HashMap::new(),
            others: 0,
            row: 0,
            in_a_row: 0,
            needed,
            row_since: None,
            is_pattern: false,
            is_new: false,
            is_unconfirmed: false,
        }
    }

    /// The ticket of `incident` was refused. Returns since when every ticket has been; `None`: this
    /// refusal is about the ticket, as far as is known.
    pub(super) fn record_refusal(
        &mut self,
        incident: &IncidentId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.tickets.len() >= MAX_REMEMBERED {
            self.tickets.clear();
            self.end_row();
        }
        let before = self.tickets.get(incident).copied();
        // While every ticket is refused, this one may be refused for that alone.
        let is_alone =
            !self.is_pattern && before.is_some_and(|one| one.is_alone || one.others < self.others);
        if is_alone {
            if std::mem::take(&mut self.is_unconfirmed) {
                self.needed = self.needed.saturating_mul(MORE);
            }
        } else if before.is_none_or(|one| one.is_alone || one.row < self.row) {
            self.in_a_row += 1;
            self.row_since.get_or_insert(now);
        }
        let ticket = RefusedTicket {
            others: self.others,
            row: self.row,
            is_alone,
        };
        self.tickets.insert(incident.clone(), ticket);
        if self.in_a_row < self.needed {
            return None;
        }
        self.is_unconfirmed = true;
        self.is_new |= !self.is_pattern;
        self.is_pattern = true;
        // A time in the future means that the clock was set back.
        self.row_since = self.row_since.map(|since| since.min(now));
        self.row_since
    }

    fn end_row(&mut self) {
        self.in_a_row = 0;
        self.row_since = None;
        self.is_pattern = false;
        self.is_new = false;
    }

    /// The target accepted something: the same operation as those that were refused (`is_same`), or
    /// another. Returns whether the reason is gone, because a ticket was accepted that had been
    /// refused for it.
    pub(super) fn record_success(&mut self, incident: &IncidentId, is_same: bool) -> bool {
        if is_same && self.tickets.contains_key(incident) {
            return true;
        }
        self.row += 1;
        self.end_row();
        if is_same {
            self.others += 1;
        }
        false
    }

    /// The tickets that have shown that every ticket is refused, once.
    pub(super) fn take_first(&mut self) -> Vec<IncidentId> {
        if !std::mem::take(&mut self.is_new) {
            return Vec::new();
        }
        let first = self.tickets.iter();
        let first = first.filter(|(_, one)| !one.is_alone && one.row == self.row);
        first.map(|(id, _)| id.clone()).collect()
    }

    /// How many tickets were refused.
    pub(super) fn count(&self) -> usize {
        self.tickets.len()
    }
}
