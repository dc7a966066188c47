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

/// What ends by itself ends within this time.
const BY_ITSELF: Duration = Duration::from_secs(15 * 60);
/// What a person must do about a refusal of every ticket.
const FOR_ALL: &str = "refused for several tickets, so it is not about one: an administrator of the \
     CRM must look at the rule, flow or trigger that the message names";

/// The CRM's code for a refused create.
type Reason = Option<String>;

#[derive(Debug, Default)]
pub(super) struct Evidence {
    successes: HashMap<Operation, Successes>,
    /// By delivery, its last failure that was not about its ticket by itself.
    failed: HashMap<i64, FailedDelivery>,
    refused: HashMap<Reason, Refusals>,
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
        self.refused.retain(|_, refusals| {
            // Also a success of another operation shows that the target takes writes.
            let is_gone = refusals.record_success(&delivery.incident_id, is_create);
            several |= is_gone && refusals.count() >= TICKETS_OF_A_PATTERN;
            !is_gone
        });
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
        if self.refused.len() >= MAX_REASONS {
            self.refused.clear();
        }
        let refusals = self.refused.entry(failure.code.clone()).or_default();
        let Some(since) = refusals.record_refusal(&delivery.incident_id, now) else {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;
    use Operation::{Create, Update};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
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
            assert_eq!(evidence.class(&of_one_ticket, &a, NOW), a.class);
        }
    }

    /// Fails twice more, after others have succeeded each time, the last time at `seconds` after them.
    fn class_after_two_turns(failure: &Failure, seconds: u64) -> FailureClass {
        let mut evidence = Evidence::default();
        for _ in 0..2 {
            evidence.class(&delivery(1, Create), failure, NOW);
            evidence.record_success(&delivery(3, Create), NOW);
        }
        let later = NOW.plus(Duration::from_secs(seconds));
        evidence.class(&delivery(1, Create), failure, later)
    }

    #[test]
    fn a_failure_is_about_the_ticket_when_others_like_it_succeed_twice_between_those_of_it() {
        let mut evidence = Evidence::default();
        let barred = barred();
        let about_target = barred.class;
        let class = |evidence: &mut Evidence| evidence.class(&delivery(1, Create), &barred, NOW);
        assert_eq!(class(&mut evidence), about_target, "nobody knows yet");
        assert_eq!(class(&mut evidence), about_target, "nothing succeeds");
        evidence.record_success(&delivery(2, Update), NOW);
        assert_eq!(class(&mut evidence), about_target, "only updates do");
        evidence.record_success(&delivery(3, Create), NOW);
        assert_eq!(class(&mut evidence), about_target, "once may be chance");
        evidence.record_success(&delivery(3, Create), NOW);
        assert_eq!(class(&mut evidence), TICKET);
        assert_eq!(class(&mut evidence), about_target, "and nothing since");
        evidence.record_success(&delivery(3, Create), NOW);
        assert_eq!(class(&mut evidence), TICKET, "it is known");
    }

    #[test]
    fn what_succeeded_long_ago_says_nothing() {
        assert_eq!(class_after_two_turns(&barred(), 60), TICKET);
        assert_eq!(class_after_two_turns(&barred(), 61), barred().class);
    }

    #[test]
    fn another_answer_than_before_is_another_failure() {
        let mut evidence = Evidence::default();
        for status in [403, 403, 503] {
            let barred = barred().with_status(status);
            let class = evidence.class(&delivery(1, Create), &barred, NOW);
            assert_eq!(class, barred.class);
            evidence.record_success(&delivery(3, Create), NOW);
        }
    }

    #[test]
    fn a_limit_of_the_rate_and_a_refused_password_are_about_no_ticket() {
        let mut limited = barred();
        limited.kind = FailureKind::RateLimited;
        let mut refused = barred();
        refused.may_lock_user = true;
        let mut full = barred().with_wait(Some(Duration::from_secs(900)));
        full.class = class(FailureScope::Organisation, ResolvedBy::Time);
        for failure in [limited, refused, full] {
            assert_eq!(class_after_two_turns(&failure, 0), failure.class);
        }
    }

    #[test]
    fn a_refusal_of_three_tickets_for_one_reason_is_not_about_the_ticket() {
        let mut evidence = Evidence::default();
        let (a, b) = (refused("A"), refused("B"));
        assert_eq!(evidence.class(&delivery(1, Create), &a, NOW), a.class);
        assert_eq!(
            evidence.class(&delivery(1, Create), &a, NOW),
            a.class,
            "one ticket twice"
        );
        assert_eq!(evidence.class(&delivery(2, Create), &a, NOW), a.class);
        assert_eq!(
            evidence.class(&delivery(3, Create), &b, NOW),
            b.class,
            "another reason"
        );
        assert_eq!(
            evidence.class(&delivery(3, Update), &a, NOW),
            a.class,
            "another operation"
        );
        assert_eq!(evidence.class(&delivery(4, Create), &a, NOW), HELD);
    }

    #[test]
    fn a_reason_that_ended_and_came_back_for_every_ticket_is_recognised_again() {
        let mut evidence = Evidence::default();
        let a = refused("A");
        for id in 1..=3 {
            evidence.class(&delivery(id, Create), &a, NOW);
        }
        assert_eq!(evidence.class(&delivery(4, Create), &a, NOW), HELD);
        evidence.record_success(&delivery(9, Create), NOW);
        evidence.record_success(&delivery(1, Create), NOW);
        evidence.record_success(&delivery(4, Create), NOW);
        for id in 21..=22 {
            assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
        }
        assert_eq!(evidence.class(&delivery(23, Create), &a, NOW), HELD);
    }

    #[test]
    fn what_should_end_by_itself_and_does_not_for_any_ticket_needs_a_person() {
        let mut evidence = Evidence::default();
        let mut judged = |id, seconds| {
            let mut failure = refused("CANNOT_EXECUTE_FLOW_TRIGGER");
            failure.class.resolved_by = ResolvedBy::Time;
            let at = NOW.plus(Duration::from_secs(seconds));
            evidence.judge(&delivery(id, Create), &mut failure, at);
            failure
        };
        judged(1, 0);
        judged(2, 0);
        let waits = class(FailureScope::Organisation, ResolvedBy::Time);
        assert_eq!((judged(3, 0).class, judged(3, 899).class), (waits, waits));
        let failure = judged(3, 900);
        assert_eq!(failure.class, HELD);
        assert!(failure.message.contains("an administrator"), "{failure}");
    }

    #[test]
    fn where_others_succeed_meanwhile_each_refused_ticket_is_refused_alone() {
        let mut evidence = Evidence::default();
        let a = refused("A");
        for id in 1..=3 {
            evidence.class(&delivery(id, Create), &a, NOW);
        }
        evidence.record_success(&delivery(9, Create), NOW);
        // It was refused, others were accepted, and it is refused again.
        for id in (1..=3).chain(11..=15) {
            assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
        }
        let are_several = evidence.record_success(&delivery(11, Create), NOW);
        assert!(are_several, "the others may be accepted now as well");
        for id in 21..=22 {
            assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
        }
        assert_eq!(
            evidence.class(&delivery(23, Create), &a, NOW),
            HELD,
            "the reason came back"
        );
    }

    #[test]
    fn many_tickets_in_a_row_are_a_pattern_even_where_some_were_refused_alone() {
        let mut evidence = Evidence::default();
        let a = refused("A");
        for id in 1..=3 {
            evidence.class(&delivery(id, Create), &a, NOW);
        }
        evidence.record_success(&delivery(9, Create), NOW);
        evidence.class(&delivery(1, Create), &a, NOW);
        let classes: Vec<_> = (11..=30)
            .map(|id| evidence.class(&delivery(id, Create), &a, NOW))
            .collect();
        assert!(classes.contains(&a.class) && classes.contains(&HELD));
    }
}
