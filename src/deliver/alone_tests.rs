use std::time::Duration;

use Operation::{Create, Update};

use super::*;
use crate::deliver::evidence::tests::delivery;
use crate::domain::failure::{ResolvedBy, class};

fn barred() -> Failure {
    let class = class(FailureScope::Network, ResolvedBy::Time);
    Failure::new(FailureKind::NetworkFailure, class, "rejected").with_status(403)
}

/// Fails so often that others would tell, with two others accepted after the first failure.
fn told_by_others(alone: &mut Alone, failure: &Failure) -> Option<Refused> {
    alone.record_failure(&delivery(1, Create), failure);
    for other in [3, 4] {
        alone.record_success(&delivery(other, Create));
    }
    alone.record_failure(&delivery(1, Create), failure);
    alone.record_failure(&delivery(1, Create), failure)
}

#[test]
fn a_failure_is_about_the_ticket_when_two_others_like_it_succeed_between_those_of_it() {
    let mut alone = Alone::default();
    let fail = |alone: &mut Alone| alone.record_failure(&delivery(1, Create), &barred());
    assert_eq!(fail(&mut alone), None, "nobody knows yet");
    alone.record_success(&delivery(2, Update));
    alone.record_success(&delivery(2, Update));
    assert_eq!(fail(&mut alone), None, "only updates succeed");
    alone.record_success(&delivery(3, Create));
    assert_eq!(fail(&mut alone), None, "one may be chance");
    alone.record_success(&delivery(4, Create));
    assert_eq!(fail(&mut alone), Some(Refused::OthersPass));
    assert_eq!(fail(&mut alone), Some(Refused::OthersPass), "it is known");
    alone.record_success(&delivery(1, Create));
    assert_eq!(fail(&mut alone), None, "and over");
}

#[test]
fn two_successes_at_once_are_not_enough_before_the_third_failure() {
    let mut alone = Alone::default();
    alone.record_failure(&delivery(1, Create), &barred());
    for other in 2..20 {
        alone.record_success(&delivery(other, Create));
    }
    let second = alone.record_failure(&delivery(1, Create), &barred());
    assert_eq!(second, None, "one unlucky ticket of a storm");
}

#[test]
fn another_answer_than_before_is_another_failure() {
    let mut alone = Alone::default();
    for status in [403, 403, 503] {
        let failure = barred().with_status(status);
        assert_eq!(alone.record_failure(&delivery(1, Create), &failure), None);
        alone.record_success(&delivery(3, Create));
    }
}

#[test]
fn a_limit_of_the_crm_and_a_refused_password_are_about_no_ticket() {
    let mut limited = barred();
    limited.kind = FailureKind::RateLimited;
    limited.class.scope = FailureScope::Organisation;
    let mut refused = barred();
    refused.may_lock_user = true;
    let mut full = barred().with_wait(Some(Duration::from_secs(900)));
    full.class.scope = FailureScope::Organisation;
    for failure in [limited, refused, full] {
        assert_eq!(told_by_others(&mut Alone::default(), &failure), None);
    }
}

#[test]
fn a_limit_that_is_not_the_crms_own_word_is_about_a_ticket_that_alone_meets_it() {
    let mut limited = barred();
    limited.kind = FailureKind::RateLimited;
    let mut alone = Alone::default();
    let told = told_by_others(&mut alone, &limited);
    assert_eq!(told, Some(Refused::OthersPass));
    alone.record_failure(&delivery(9, Create), &limited);
    let again = alone.record_failure(&delivery(1, Create), &limited);
    assert_eq!(again, None, "another one meets it too");
}

#[test]
fn where_no_other_is_tried_a_ticket_is_refused_alone_once_reads_are_answered() {
    let fail = |alone: &mut Alone, id| alone.record_failure(&delivery(id, Create), &barred());
    let mut alone = Alone::default();
    for _ in 0..20 {
        assert_eq!(fail(&mut alone, 1), None, "no read is answered");
    }
    for _ in 0..3 {
        alone.record_read();
    }
    assert_eq!(fail(&mut alone, 1), Some(Refused::NoOther));
    assert_eq!(alone.only_one().map(|one| one.delivery_id), Some(1));
    assert_eq!(fail(&mut alone, 2), None);
    assert_eq!(fail(&mut alone, 1), None, "two are refused");
    assert_eq!(alone.only_one(), None);
    alone.record_success(&delivery(3, Update));
    assert_eq!(alone.only_one(), None, "nothing is in trouble");
}
