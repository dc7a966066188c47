//! What the results of other deliveries say about a failure.
//!
//! A response alone can mislead. A firewall may reject the text of one ticket with the response
//! that it gives during an outage; and a CRM may refuse every ticket with words that are about
//! one. Two comparisons tell:
//! - other deliveries with the same operation succeed between the failures of one delivery: the
//!   failure is about that ticket, whatever the response says;
//! - the creates of several tickets are refused for the same reason and nothing succeeds: the refusal
//!   is not about the ticket.

use std::collections::HashMap;
use std::time::Duration;

use super::refusals::{Refusals, TICKETS_OF_A_PATTERN};
use crate::domain::failure::{Failure, FailureClass, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::ClaimedDelivery;

/// Deliveries, or reasons, that are remembered. When there are more, all are forgotten: what they
/// tell is then found later.
const MAX_REMEMBERED: usize = 10_000;
const MAX_REASONS: usize = 1_000;
/// A success longer ago says nothing about a failure now.
const RECENT: Duration = Duration::from_secs(60);
/// So often others must have succeeded between two failures of a delivery: once may be chance.
const TURNS: u32 = 2;

/// So many tickets refused with the same code and different words are a pattern too.
const ALIKE: usize = 4 * TICKETS_OF_A_PATTERN;
/// What ends by itself ends within this time.
const BY_ITSELF: Duration = Duration::from_secs(15 * 60);
/// What a person must do about a refusal of every ticket.
const FOR_ALL: &str = "refused for several tickets, so it is not about one: an administrator of the \
     CRM must look at the rule, flow or trigger that the message names";

#[derive(Debug, Default)]
pub(super) struct Evidence {
    successes: HashMap<Operation, Successes>,
    /// By delivery, its last failure that was not about its ticket by itself.
    failed: HashMap<i64, FailedDelivery>,
    /// Refused creates by the code and words of the CRM.
    refused: HashMap<String, Refusals>,
    /// And by its code alone: the words may name the ticket.
    refused_with_code: HashMap<Option<String>, Refusals>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Successes {
    count: u64,
    last: Timestamp,
}

#[derive(Debug)]
struct FailedDelivery {
    answer: Answer,
    /// The number of successes of its operation then.
    successes: u64,
    /// How often others succeeded between two of its failures with this answer.
    turns: u32,
}

/// What failures of one cause have in common.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    class: FailureClass,
    status: Option<u16>,
    code: Option<String>,
}

impl Evidence {
    /// Returns whether the CRM accepts now what it had refused for several tickets.
    pub(super) fn record_success(&mut self, delivery: &ClaimedDelivery, now: Timestamp) -> bool {
        let successes = self.successes.entry(delivery.operation).or_default();
        successes.count += 1;
        successes.last = now;
        self.failed.remove(&delivery.id);
        let is_create = delivery.operation == Operation::Create;
        let mut several = false;
        let mut record = |refusals: &mut Refusals| {
            // Also a success of another operation shows that the target takes writes.
            let is_gone = refusals.record_success(&delivery.incident_id, is_create);
            several |= is_gone && refusals.count() >= TICKETS_OF_A_PATTERN;
            !is_gone
        };
        self.refused.retain(|_, refusals| record(refusals));
        self.refused_with_code
            .retain(|_, refusals| record(refusals));
        several
    }

    /// Corrects the class of `failure` of `delivery` with what is known of others. A person reads why.
    pub(super) fn judge(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &mut Failure,
        now: Timestamp,
    ) {
        let said = failure.class.scope;
        failure.class = self.class(delivery, failure, now);
        failure.is_pattern = said == FailureScope::Ticket && failure.class.scope != said;
        if failure.is_pattern && failure.class.resolved_by == ResolvedBy::PersonInCrm {
            failure.message = format!("{}; {FOR_ALL}", failure.message);
        }
    }

    fn class(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &Failure,
        now: Timestamp,
    ) -> FailureClass {
        match (failure.class.scope, failure.class.resolved_by) {
            // A lock or an approval of one record says nothing about others.
            (FailureScope::Ticket, ResolvedBy::PersonInCrm) => failure.class,
            // What is refused on tickets that exist says nothing about new ones: `refused_changes`.
            (FailureScope::Ticket, _) if delivery.operation != Operation::Create => failure.class,
            (FailureScope::Ticket, _) => self.class_of_refusal(delivery, failure, now),
            _ if self.is_about_ticket(delivery, failure, now) => {
                class(FailureScope::Ticket, ResolvedBy::Time)
            }
            _ => failure.class,
        }
    }

    /// Whether others succeed while this one fails with the same answer again and again.
    fn is_about_ticket(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &Failure,
        now: Timestamp,
    ) -> bool {
        // These are about all calls, whoever makes them.
        let is_limit = failure.kind == FailureKind::RateLimited
            || failure.class.scope == FailureScope::Organisation && failure.wait.is_some();
        if is_limit || failure.may_lock_user {
            return false;
        }
        if self.failed.len() >= MAX_REMEMBERED {
            self.failed.clear();
        }
        let answer = Answer {
            class: failure.class,
            status: failure.status,
            code: failure.code.clone(),
        };
        let successes = self.successes.get(&delivery.operation).copied();
        let Successes { count, last } = successes.unwrap_or_default();
        let before = self.failed.remove(&delivery.id);
        let before = before.filter(|one| one.answer == answer);
        let others_since = before.as_ref().is_some_and(|one| one.successes < count);
        let turns = before.map_or(0, |one| one.turns);
        let is_recent = now.since(last) <= RECENT;
        let turns = turns + u32::from(others_since && is_recent && turns < TURNS);
        let failed = FailedDelivery {
            answer,
            successes: count,
            turns,
        };
        self.failed.insert(delivery.id, failed);
        others_since && turns >= TURNS
    }

    fn class_of_refusal(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &Failure,
        now: Timestamp,
    ) -> FailureClass {
        if self.refused.len().max(self.refused_with_code.len()) >= MAX_REASONS {
            self.refused.clear();
            self.refused_with_code.clear();
        }
        let incident = &delivery.incident_id;
        let same = self.refused.entry(reason_of(failure)).or_default();
        let same = same.record_refusal(incident, now);
        let alike = self.refused_with_code.entry(failure.code.clone());
        let alike = alike.or_insert_with(|| Refusals::needing(ALIKE));
        let alike = alike.record_refusal(incident, now);
        let Some(since) = same.or(alike) else {
            return failure.class;
        };
        let resolved_by = match failure.class.resolved_by {
            ResolvedBy::Nothing => ResolvedBy::PersonInCrm,
            // No lock lasts for so long. A flow or a trigger that fails does.
            ResolvedBy::Time if now.since(since) >= BY_ITSELF => ResolvedBy::PersonInCrm,
            by => by,
        };
        class(FailureScope::Organisation, resolved_by)
    }
}

/// What refusals for one reason have in common: the code, and the words without what may name one
/// ticket: quoted parts, and words with digits.
fn reason_of(failure: &Failure) -> String {
    let code = failure.code.as_deref().unwrap_or_default();
    let unquoted = failure.message.split(['"', '\'']).step_by(2);
    let words = unquoted.flat_map(str::split_whitespace);
    let words = words.filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    std::iter::once(code)
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
pub(super) mod tests;
