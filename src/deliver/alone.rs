//! Deliveries that fail alone: others succeed between their failures, or nothing else was tried.
//!
//! What is compared are counts, never times: others may come every second or once an hour.

use std::collections::HashMap;

use crate::domain::failure::{Failure, FailureClass, FailureKind, FailureScope};
use crate::domain::identity::IncidentId;
use crate::domain::ticket::Operation;
use crate::store::ClaimedDelivery;

/// Deliveries, or answers, that are remembered. When there are more, all are forgotten: what they
/// tell is then found later.
const MAX_REMEMBERED: usize = 10_000;
/// So often a delivery must have failed in the same way.
const FAILURES: u32 = 3;
/// So many others must have succeeded since its first failure: one may be chance.
const OTHERS: u64 = 2;
/// So often it must have failed in the same way where no other was tried.
const FAILURES_OF_A_LONE_ONE: u32 = 8;
/// And so often reads must have been answered meanwhile.
const READS: u64 = 3;
/// Of deliveries that have failed since the last success so many are remembered.
const MAX_TROUBLED: usize = 2;

/// Why a failure is about its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    OthersPass,
    /// No other was tried, and reads are answered.
    NoOther,
}

#[derive(Debug, Default)]
pub(super) struct Alone {
    /// By operation.
    successes: HashMap<Operation, u64>,
    /// Probes that were answered.
    reads: u64,
    /// Failures of all deliveries, by their answer.
    answers: HashMap<Answer, u64>,
    /// By delivery.
    failed: HashMap<i64, FailedDelivery>,
    /// Those that have failed since the last success of any.
    troubled: Vec<Troubled>,
}

/// A delivery that has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubled {
    pub delivery_id: i64,
    pub incident_id: IncidentId,
    pub operation: Operation,
    /// Reads that were answered before its first failure.
    reads: u64,
}

/// What failures of one cause have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Answer {
    class: FailureClass,
    status: Option<u16>,
    code: Option<String>,
}

/// The failures of one delivery with one answer, with no success and no other answer between them.
#[derive(Debug)]
struct FailedDelivery {
    answer: Answer,
    count: u32,
    /// What there was at the first of them: successes of its operation, ...
    successes: u64,
    /// ... failures of others with this answer, ...
    alike: u64,
    /// ... and reads that were answered.
    reads: u64,
}

impl Alone {
    pub(super) fn record_success(&mut self, delivery: &ClaimedDelivery) {
        *self.successes.entry(delivery.operation).or_default() += 1;
        self.failed.remove(&delivery.id);
        self.troubled.clear();
    }

    /// `delivery` is over, and no write of it was accepted.
    pub(super) fn forget(&mut self, delivery: &ClaimedDelivery) {
        self.failed.remove(&delivery.id);
        self.troubled.retain(|one| one.delivery_id != delivery.id);
    }

    /// The CRM has answered a read.
    pub(super) const fn record_read(&mut self) {
        self.reads += 1;
    }

    /// The only delivery that was tried since the last success, if it is one and reads are answered.
    pub(super) fn only_one(&self) -> Option<&Troubled> {
        match self.troubled.as_slice() {
            [one] if self.reads > one.reads => Some(one),
            _ => None,
        }
    }

    /// Whether only `delivery` has failed since the last success.
    pub(super) fn is_only(&self, delivery: &ClaimedDelivery) -> bool {
        matches!(self.troubled.as_slice(), [one] if one.delivery_id == delivery.id)
    }

    /// `delivery` has failed with something that is not about its ticket by itself. Returns why it is
    /// about the ticket all the same, if it is.
    pub(super) fn record_failure(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &Failure,
    ) -> Option<Refused> {
        self.note_troubled(delivery);
        let is_in_front = failure.class.scope == FailureScope::Network;
        // The CRM's own limits are about all calls, whoever makes them.
        let is_limit = failure.kind == FailureKind::RateLimited;
        let is_of_all = !is_in_front
            && (is_limit
                || failure.class.scope == FailureScope::Organisation && failure.wait.is_some());
        if is_of_all || failure.may_lock_user {
            return None;
        }
        if self.failed.len().max(self.answers.len()) >= MAX_REMEMBERED {
            self.failed.clear();
            self.answers.clear();
        }
        let answer = Answer {
            class: failure.class,
            status: failure.status,
            code: failure.code.clone(),
        };
        let alike = self.answers.entry(answer.clone()).or_default();
        let before = *alike;
        *alike += 1;
        let successes = self.successes.get(&delivery.operation).copied();
        let successes = successes.unwrap_or_default();
        let first = || FailedDelivery {
            answer: answer.clone(),
            count: 0,
            successes,
            alike: before,
            reads: self.reads,
        };
        let one = self.failed.entry(delivery.id).or_insert_with(first);
        if one.answer != answer {
            *one = first();
        }
        one.count = one.count.saturating_add(1);
        let met_by_others = before + 1 > one.alike + u64::from(one.count);
        let others_pass = one.count >= FAILURES && successes >= one.successes + OTHERS;
        // A limit of something in front may be about all calls too.
        if others_pass && !(is_limit && met_by_others) {
            return Some(Refused::OthersPass);
        }
        let is_answered = self.reads >= one.reads + READS;
        let is_lone = is_in_front && one.count >= FAILURES_OF_A_LONE_ONE && !met_by_others;
        (is_lone && is_answered).then_some(Refused::NoOther)
    }

    fn note_troubled(&mut self, delivery: &ClaimedDelivery) {
        let is_known = |one: &Troubled| one.incident_id == delivery.incident_id;
        if self.troubled.len() >= MAX_TROUBLED || self.troubled.iter().any(is_known) {
            return;
        }
        self.troubled.push(Troubled {
            delivery_id: delivery.id,
            incident_id: delivery.incident_id.clone(),
            operation: delivery.operation,
            reads: self.reads,
        });
    }
}

#[cfg(test)]
#[path = "alone_tests.rs"]
mod tests;
