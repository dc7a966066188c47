//! What the results of other deliveries say about a failure.
//!
//! A response alone can mislead. A firewall may reject the text of one ticket with the response
//! that it gives during an outage; and a CRM may refuse every ticket with words that are about
//! one. Two comparisons tell:
//! - other deliveries with the same operation succeed between two failures of one delivery: the
//!   failure is about that ticket, whatever the response says;
//! - the creates of several tickets are refused for the same reason and nothing succeeds: the refusal
//!   is not about the ticket.

use std::collections::{HashMap, HashSet};

use super::refused_changes::TICKETS_OF_A_PATTERN;
use crate::domain::failure::{Failure, FailureClass, FailureScope, ResolvedBy, class};
use crate::domain::identity::IncidentId;
use crate::domain::ticket::Operation;
use crate::store::ClaimedDelivery;

/// Deliveries that are remembered. When more fail, all are forgotten: a pattern is then found
/// later.
const MAX_REMEMBERED: usize = 10_000;

/// The CRM's code for a refused create.
type Reason = Option<String>;

#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Number of successes by operation.
    successes: HashMap<Operation, u64>,
    /// By delivery: the number of successes of its operation at its last failure.
    failed: HashMap<i64, u64>,
    /// By reason: the incidents whose tickets were refused for it since the last success. Several
    /// operations on one ticket say no more than one.
    refused: HashMap<Reason, HashSet<IncidentId>>,
    /// Reasons that are about single tickets after all: others succeeded meanwhile.
    about_tickets: HashSet<Reason>,
}

impl Evidence {
    pub(super) fn record_success(&mut self, delivery: &ClaimedDelivery) {
        *self.successes.entry(delivery.operation).or_default() += 1;
        self.failed.remove(&delivery.id);
        // Also a success of another operation shows that the target takes writes.
        for (reason, incidents) in self.refused.drain() {
            if delivery.operation == Operation::Create && incidents.contains(&delivery.incident_id)
            {
                // What was refused is accepted now: the reason is gone.
                self.about_tickets.remove(&reason);
            } else if incidents.len() >= TICKETS_OF_A_PATTERN {
                self.about_tickets.insert(reason);
            }
        }
    }

    /// The class of `failure` of `delivery`, with what is known of others.
    pub(super) fn class(&mut self, delivery: &ClaimedDelivery, failure: &Failure) -> FailureClass {
        if self.failed.len() >= MAX_REMEMBERED {
            self.failed.clear();
            self.refused.clear();
            self.about_tickets.clear();
        }
        let successes = self.successes.get(&delivery.operation).copied();
        let successes = successes.unwrap_or_default();
        let before = self.failed.insert(delivery.id, successes);
        match (failure.class.scope, failure.class.resolved_by) {
            // A lock or an approval of one record says nothing about others.
            (FailureScope::Ticket, ResolvedBy::PersonInCrm) => return failure.class,
            // What is refused on tickets that exist says nothing about new ones: `refused_changes`.
            (FailureScope::Ticket, _) if delivery.operation != Operation::Create => {
                return failure.class;
            }
            (FailureScope::Ticket, _) => return self.class_of_refusal(delivery, failure),
            _ => {}
        }
        match before {
            Some(before) if before < successes => class(FailureScope::Ticket, ResolvedBy::Time),
            _ => failure.class,
        }
    }

    fn class_of_refusal(&mut self, delivery: &ClaimedDelivery, failure: &Failure) -> FailureClass {
        let reason = failure.code.clone();
        let incidents = self.refused.entry(reason.clone()).or_default();
        incidents.insert(delivery.incident_id.clone());
        let is_pattern = incidents.len() >= TICKETS_OF_A_PATTERN;
        if is_pattern && !self.about_tickets.contains(&reason) {
            let resolved_by = match failure.class.resolved_by {
                ResolvedBy::Nothing => ResolvedBy::PersonInCrm,
                by => by,
            };
            return class(FailureScope::Organisation, resolved_by);
        }
        failure.class
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::domain::time::Timestamp;
    use Operation::{Create, Update};

    const TICKET: FailureClass = class(FailureScope::Ticket, ResolvedBy::Time);
    const HELD: FailureClass = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);

    fn barred() -> Failure {
        let class = class(FailureScope::Network, ResolvedBy::PersonInConfiguration);
        Failure::new(FailureKind::NetworkFailure, class, "rejected")
    }

    fn refused(code: &str) -> Failure {
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        Failure::new(FailureKind::IntegrationFailure, class, "no").with_code(code)
    }

    /// The delivery `id`, of an incident of its own.
    pub(in crate::deliver) fn delivery(id: i64, operation: Operation) -> ClaimedDelivery {
        ClaimedDelivery {
            id,
            incident_id: IncidentId::new(id.to_string()),
            operation,
            payload: String::new(),
            event_id: String::new(),
            received_at: Timestamp::default(),
            attempts: 0,
            resumptions: 0,
            in_doubt: false,
            ticket_id: None,
            parent: None,
            lane: String::new(),
            completes: false,
            omitted: Vec::new(),
            had_empty_success: false,
        }
    }

    #[test]
    fn several_operations_on_one_ticket_are_no_pattern() {
        let mut evidence = Evidence::default();
        let a = refused("A");
        for id in 1..=5 {
            let of_one_ticket = ClaimedDelivery {
                incident_id: IncidentId::new("one"),
                ..delivery(id, Update)
            };
            assert_eq!(evidence.class(&of_one_ticket, &a), a.class);
        }
    }

    #[test]
    fn a_failure_is_about_the_ticket_when_others_like_it_succeed_between_two_of_them() {
        let mut evidence = Evidence::default();
        let barred = barred();
        let about_target = barred.class;
        assert_eq!(
            evidence.class(&delivery(1, Create), &barred),
            about_target,
            "nobody knows yet"
        );
        assert_eq!(
            evidence.class(&delivery(1, Create), &barred),
            about_target,
            "nothing succeeds"
        );
        evidence.record_success(&delivery(2, Update));
        assert_eq!(
            evidence.class(&delivery(1, Create), &barred),
            about_target,
            "only updates do"
        );
        evidence.record_success(&delivery(3, Create));
        assert_eq!(evidence.class(&delivery(1, Create), &barred), TICKET);
        assert_eq!(
            evidence.class(&delivery(1, Create), &barred),
            about_target,
            "and nothing since"
        );
    }

    #[test]
    fn a_refusal_of_three_tickets_for_one_reason_is_not_about_the_ticket() {
        let mut evidence = Evidence::default();
        let (a, b) = (refused("A"), refused("B"));
        assert_eq!(evidence.class(&delivery(1, Create), &a), a.class);
        assert_eq!(
            evidence.class(&delivery(1, Create), &a),
            a.class,
            "one ticket twice"
        );
        assert_eq!(evidence.class(&delivery(2, Create), &a), a.class);
        assert_eq!(
            evidence.class(&delivery(3, Create), &b),
            b.class,
            "another reason"
        );
        assert_eq!(
            evidence.class(&delivery(3, Update), &a),
            a.class,
            "another operation"
        );
        assert_eq!(evidence.class(&delivery(4, Create), &a), HELD);
    }

    #[test]
    fn where_others_succeed_meanwhile_each_refused_ticket_is_refused_alone() {
        let mut evidence = Evidence::default();
        let a = refused("A");
        for id in 1..=3 {
            evidence.class(&delivery(id, Create), &a);
        }
        evidence.record_success(&delivery(9, Create));
        for id in 11..=15 {
            assert_eq!(evidence.class(&delivery(id, Create), &a), a.class);
        }
        evidence.record_success(&delivery(11, Create));
        for id in 21..=22 {
            assert_eq!(evidence.class(&delivery(id, Create), &a), a.class);
        }
        assert_eq!(
            evidence.class(&delivery(23, Create), &a),
            HELD,
            "the reason came back"
        );
    }
}
