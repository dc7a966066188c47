//! What the results of other deliveries say about a failure.
//!
//! A response alone can mislead. A firewall may reject the text of one ticket with the response
//! that it gives during an outage; and a CRM may refuse every ticket with words that are about
//! one. Two comparisons tell:
//! - other deliveries with the same operation succeed between the failures of one delivery: the
//!   failure is about that ticket, whatever the response says (`alone`);
//! - the creates of several tickets are refused for the same reason and nothing succeeds: the refusal
//!   is not about the ticket (`refusals`).

use std::collections::HashMap;
use std::time::Duration;

use super::alone::{Alone, Refused};
use super::refusals::{Refusals, TICKETS_OF_A_PATTERN};
use crate::domain::failure::{Failure, FailureClass, FailureScope, ResolvedBy, class};
use crate::domain::identity::IncidentId;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::ClaimedDelivery;

/// Reasons that are remembered. When there are more, all are forgotten: what they tell is then found
/// later.
const MAX_REASONS: usize = 1_000;

/// So many tickets refused with the same code and different words are a pattern too.
const ALIKE: usize = 4 * TICKETS_OF_A_PATTERN;
/// What ends by itself ends within this time.
const BY_ITSELF: Duration = Duration::from_secs(15 * 60);
/// What a person must do about a refusal of every ticket.
const FOR_ALL: &str = "refused for several tickets, so it is not about one: an administrator of the \
     CRM must look at the rule, flow or trigger that the message names";
/// Who must act on a refusal of one ticket by something in front of the CRM.
const IN_FRONT: &str = "something in front of the CRM refuses this ticket and lets others pass; who \
     runs the proxy or the firewall must look at it";
const IN_FRONT_LONE: &str = "something in front of the CRM refuses this ticket, and no other was \
     tried; who runs the proxy or the firewall must look at it";

#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Deliveries whose failures were not about their tickets by themselves.
    pub(super) alone: Alone,
    /// Refused creates by the code and words of the CRM.
    refused: HashMap<String, Refusals>,
    /// And by its code alone: the words may name the ticket.
    refused_with_code: HashMap<Option<String>, Refusals>,
    /// The tickets that have shown that every ticket is refused: they were taken for refused alone.
    pub(super) refused_before: Vec<IncidentId>,
}

impl Evidence {
    /// Returns whether the CRM accepts now what it had refused for several tickets.
    pub(super) fn record_success(&mut self, delivery: &ClaimedDelivery) -> bool {
        self.alone.record_success(delivery);
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
        match (said, failure.class.resolved_by) {
            // A lock or an approval of one record says nothing about others.
            (FailureScope::Ticket, ResolvedBy::PersonInCrm) => {}
            // What is refused on tickets that exist says nothing about new ones: `refused_changes`.
            (FailureScope::Ticket, _) if delivery.operation != Operation::Create => {}
            (FailureScope::Ticket, _) => {
                failure.class = self.class_of_refusal(delivery, failure, now);
            }
            _ => self.judge_alone(delivery, failure),
        }
        failure.is_pattern = said == FailureScope::Ticket && failure.class.scope != said;
        if failure.is_pattern && failure.class.resolved_by == ResolvedBy::PersonInCrm {
            failure.message = format!("{}; {}", failure.message, for_all(failure));
        }
    }

    fn judge_alone(&mut self, delivery: &ClaimedDelivery, failure: &mut Failure) {
        let Some(refused) = self.alone.record_failure(delivery, failure) else {
            return;
        };
        failure.in_front = failure.class.scope == FailureScope::Network;
        failure.class = class(FailureScope::Ticket, ResolvedBy::Time);
        if failure.in_front {
            failure.class.resolved_by = ResolvedBy::PersonInCrm;
            let why = match refused {
                Refused::OthersPass => IN_FRONT,
                Refused::NoOther => IN_FRONT_LONE,
            };
            failure.message = format!("{why}: {}", failure.message);
        }
    }

    fn class_of_refusal(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &mut Failure,
        now: Timestamp,
    ) -> FailureClass {
        if self.refused.len().max(self.refused_with_code.len()) >= MAX_REASONS {
            self.refused.clear();
            self.refused_with_code.clear();
        }
        let incident = &delivery.incident_id;
        let same = self.refused.entry(reason_of(failure)).or_default();
        let since = same.record_refusal(incident, now);
        let alike = self.refused_with_code.entry(failure.code.clone());
        let alike = alike.or_insert_with(|| Refusals::needing(ALIKE));
        let since = since.or(alike.record_refusal(incident, now));
        let Some(since) = since else {
            return failure.class;
        };
        self.refused_before.extend(same.take_first());
        self.refused_before.extend(alike.take_first());
        let seconds = now.since(since).as_secs();
        failure.pattern_seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        let resolved_by = match failure.class.resolved_by {
            ResolvedBy::Nothing => ResolvedBy::PersonInCrm,
            // No lock lasts for so long. A flow or a trigger that fails does.
            ResolvedBy::Time if now.since(since) >= BY_ITSELF => ResolvedBy::PersonInCrm,
            by => by,
        };
        class(FailureScope::Organisation, resolved_by)
    }
}

/// What a person must do about `failure` of every ticket. A value comes from a template.
fn for_all(failure: &Failure) -> String {
    match failure.field.as_deref().filter(|_| failure.refuses_value) {
        Some(field) => format!(
            "refused for several tickets, so it is not about one: correct the template of `{field}` in \
             the configuration of this target (shorten it where it is too long), or let the CRM accept \
             the value"
        ),
        None => FOR_ALL.to_owned(),
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
