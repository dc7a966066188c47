use super::*;
use crate::domain::failure::{FailureClass, FailureKind, ResolvedBy, class};

const RETRY: RetryDecision = RetryDecision::RetryAfter(Duration::from_secs(1));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

const WAITS: FailureClass = class(FailureScope::Organisation, ResolvedBy::Time);
const HELD: FailureClass = class(FailureScope::User, ResolvedBy::PersonInCrm);
const REFUSED: FailureClass = class(FailureScope::Ticket, ResolvedBy::Nothing);

fn no_answer() -> Failure {
    let class = class(FailureScope::Network, ResolvedBy::Time);
    Failure::new(FailureKind::NetworkFailure, class, "no answer")
}

#[test]
fn a_crm_that_does_not_answer_is_probed_and_fresh_deliveries_wait() {
    let mut breaker = CircuitBreaker::default();
    for _ in 0..4 {
        breaker.record_failure(&no_answer(), RETRY, at(0));
    }
    assert_eq!(breaker.admission(at(0)), Admission::All);
    breaker.record_failure(&no_answer(), RETRY, at(0));
    assert_eq!(
        breaker.admission(at(0)),
        Admission::Nothing { until: at(1) }
    );
    assert_eq!(breaker.admission(at(1)), Admission::Probe);
    breaker.record_failed_probe(&no_answer(), RETRY, at(1));
    assert_eq!(
        breaker.admission(at(1)),
        Admission::Nothing { until: at(3) }
    );
    breaker.record_probe();
    assert_eq!(breaker.admission(at(3)), Admission::Canary);
    assert_eq!(
        breaker.record_success(at(3)),
        Some(BreakerState::CircuitOpen)
    );
    assert_eq!(breaker.admission(at(3)), Admission::All);
}

#[test]
fn a_crm_that_answers_reads_and_takes_no_write_is_sent_one_delivery_at_a_time_ever_more_slowly() {
    let mut breaker = CircuitBreaker::default();
    let read_only = Failure::new(FailureKind::IntegrationFailure, WAITS, "read only");
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..10 {
        breaker.record_failure(&read_only, RetryDecision::PauseTarget(None), now);
        waits.push(breaker.until().since(now).as_secs());
        now = breaker.until();
        breaker.advance_clock(now);
        assert_eq!(breaker.admission(now), Admission::Canary);
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    assert_eq!(breaker.record_success(now), Some(BreakerState::Paused));
    assert_eq!(breaker.admission(now), Admission::All);
}

#[test]
fn a_canary_that_alone_is_refused_decides_nothing() {
    let mut breaker = CircuitBreaker::half_open();
    breaker.record_probe();
    let refused = Failure::new(FailureKind::IntegrationFailure, REFUSED, "no");
    breaker.record_failure(&refused, RetryDecision::GiveUp, at(1));
    assert_eq!(breaker.admission(at(1)), Admission::Canary);
}

#[test]
fn a_canary_without_an_answer_opens_the_circuit_again_and_the_next_wait_is_longer() {
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(0));
    breaker.record_probe();
    breaker.record_failure(&no_answer(), RETRY, at(1));
    assert_eq!(
        breaker.admission(at(1)),
        Admission::Nothing { until: at(3) }
    );
}

#[test]
fn a_refused_password_is_not_tried_five_times_within_a_quarter_of_an_hour() {
    let mut breaker = CircuitBreaker::default();
    let mut refused = Failure::new(FailureKind::AuthFailure, HELD, "no");
    refused.may_lock_user = true;
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..5 {
        breaker.record_failure(&refused, RetryDecision::HoldTarget, now);
        waits.push(breaker.until().since(now).as_secs());
        now = breaker.until();
        breaker.record_probe();
    }
    assert_eq!(waits, [120, 240, 480, 900, 900]);
}

#[test]
fn one_delivery_parked_for_want_of_an_answer_opens_the_circuit() {
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(0));
    assert_eq!(breaker.state(), BreakerState::CircuitOpen);
}

#[test]
fn a_pause_that_is_over_is_over_though_nothing_is_sent_and_the_next_one_is_longer() {
    let mut breaker = CircuitBreaker::default();
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "too fast");
    breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(0));
    breaker.advance_clock(at(1));
    assert_eq!(breaker.state(), BreakerState::Paused);
    breaker.advance_clock(at(2));
    assert_eq!(breaker.state(), BreakerState::Up);
    breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(2));
    assert_eq!(breaker.until(), at(6));
}

#[test]
fn it_is_away_from_the_first_moment_until_a_write_succeeds_whatever_reads_do() {
    let mut breaker = CircuitBreaker::half_open();
    let since = |breaker: &CircuitBreaker| breaker.unreachable().map(|(_, since)| since);
    assert_eq!(since(&breaker), None, "doubt is no knowledge");
    breaker.record_failed_probe(&no_answer(), RETRY, at(5));
    breaker.record_failed_probe(&no_answer(), RETRY, at(9));
    assert_eq!(since(&breaker), Some(at(5)));
    breaker.advance_clock(at(2));
    assert_eq!(since(&breaker), Some(at(2)), "the clock was set back");
    let refused = Failure::new(FailureKind::IntegrationFailure, REFUSED, "no");
    for seconds in (20..200).step_by(20) {
        breaker.record_probe();
        assert_eq!(breaker.state(), BreakerState::CircuitOpen);
        assert_eq!(breaker.phase(), BreakerState::Up);
        assert_eq!(since(&breaker), Some(at(2)), "a read says nothing");
        breaker.record_failure(&no_answer(), RetryDecision::Park, at(seconds));
        breaker.record_failure(&refused, RetryDecision::GiveUp, at(seconds));
        assert_eq!(since(&breaker), Some(at(2)), "nor does a refusal");
    }
    breaker.record_success(at(200));
    assert_eq!((since(&breaker), breaker.state()), (None, BreakerState::Up));
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(220));
    assert_eq!(since(&breaker), Some(at(220)));
}

#[test]
fn a_target_for_which_nothing_waits_takes_the_next_ticket_and_is_away_again_since_the_first() {
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(0));
    breaker.note_idle();
    assert_eq!(breaker.state(), BreakerState::CircuitOpen, "it waits");
    breaker.record_probe();
    breaker.note_idle();
    assert_eq!(breaker.state(), BreakerState::Up);
    assert_eq!((breaker.unreachable(), breaker.waited()), (None, None));
    assert_eq!(breaker.admission(at(60)), Admission::Canary);
    breaker.record_failure(&no_answer(), RETRY, at(60));
    let away = Some((BreakerState::CircuitOpen, at(0)));
    assert_eq!(breaker.unreachable(), away);
}

#[test]
fn a_short_pause_after_an_open_circuit_is_no_end_of_it() {
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(0));
    breaker.record_probe();
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "too fast");
    breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(5));
    assert_eq!(breaker.unreachable(), Some((BreakerState::Paused, at(0))));
}

#[test]
fn a_held_target_that_lets_itself_be_probed_stays_held_since_it_was_first_held() {
    let mut breaker = CircuitBreaker::default();
    let refused = Failure::new(FailureKind::AuthFailure, HELD, "no");
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(0));
    breaker.record_probe();
    assert_eq!(breaker.unreachable(), Some((BreakerState::Held, at(0))));
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(6));
    assert_eq!(breaker.unreachable().map(|(_, since)| since), Some(at(0)));
    breaker.record_success(at(7));
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(8));
    assert_eq!(breaker.unreachable().map(|(_, since)| since), Some(at(8)));
}

#[test]
fn a_pause_that_the_crm_asked_for_is_not_being_away() {
    let mut breaker = CircuitBreaker::default();
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(0));
    breaker.advance_clock(at(1));
    assert_eq!(breaker.unreachable(), None);
    assert_eq!(breaker.since(), Some(at(0)), "but people see since when");
}

#[test]
fn pauses_that_no_write_interrupts_and_one_that_is_announced_long_are_being_away() {
    let maintenance = Failure::new(FailureKind::IntegrationFailure, WAITS, "maintenance");
    let mut breaker = CircuitBreaker::default();
    for now in [0, 2, 6, 14, 30] {
        breaker.advance_clock(at(now));
        assert_eq!(breaker.unreachable().is_some(), now >= 30, "{now}");
        breaker.record_failure(&maintenance, RetryDecision::PauseTarget(None), at(now));
    }
    breaker.advance_clock(at(31));
    let away = Some((BreakerState::Paused, at(0)));
    assert_eq!(breaker.unreachable(), away);
    breaker.advance_clock(at(62));
    assert_eq!(breaker.unreachable(), away, "only a write tells");
    breaker.record_success(at(63));
    assert_eq!(breaker.unreachable(), None);

    let hour = RetryDecision::PauseTarget(Some(Duration::from_secs(3600)));
    breaker.record_failure(&maintenance, hour, at(100));
    breaker.advance_clock(at(101));
    assert_eq!(breaker.unreachable(), Some((BreakerState::Paused, at(100))));
    breaker.advance_clock(at(3701));
    breaker.note_idle();
    assert_eq!(breaker.unreachable(), None, "it is worth a try");
    breaker.record_failure(&maintenance, hour, at(3702));
    breaker.advance_clock(at(3703));
    assert_eq!(breaker.unreachable(), Some((BreakerState::Paused, at(100))));
}

#[test]
fn a_limit_of_the_rate_is_no_long_pause_while_writes_succeed_between() {
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    let mut breaker = CircuitBreaker::default();
    for now in (0..300).step_by(10) {
        breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(now));
        breaker.advance_clock(at(now + 1));
        assert_eq!(breaker.unreachable(), None);
        breaker.advance_clock(at(now + 3));
        breaker.record_success(at(now + 3));
    }
}

#[test]
fn a_refusal_is_an_answer_so_a_canary_goes_at_once() {
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(0));
    let refused = Failure::new(FailureKind::IntegrationFailure, REFUSED, "no");
    breaker.record_failure(&refused, RetryDecision::GiveUp, at(1));
    assert_eq!(breaker.admission(at(1)), Admission::Canary);
}

#[test]
fn g18_a_rate_limit_stops_the_whole_target_for_the_time_it_names() {
    let mut breaker = CircuitBreaker::default();
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    let pause = RetryDecision::PauseTarget(Some(Duration::from_secs(30)));
    breaker.record_failure(&limited, pause, at(0));
    breaker.record_failure(
        &limited,
        RetryDecision::PauseTarget(Some(Duration::from_secs(3))),
        at(0),
    );
    breaker.record_success(at(1));
    assert_eq!(
        breaker.admission(at(29)),
        Admission::Nothing { until: at(30) }
    );
    assert_eq!(breaker.admission(at(30)), Admission::Canary);
}

#[test]
fn a_wait_from_the_future_lasts_no_longer_than_it_would_have() {
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    let refused = Failure::new(FailureKind::AuthFailure, HELD, "no");
    let pause = RetryDecision::PauseTarget(Some(Duration::from_secs(30)));
    let mut paused = CircuitBreaker::default();
    paused.record_failure(&limited, pause, at(7200));
    let mut held = CircuitBreaker::default();
    held.record_failure(&refused, RetryDecision::HoldTarget, at(7200));
    let mut open = CircuitBreaker::default();
    open.record_failure(&no_answer(), RetryDecision::Park, at(7200));

    let small_step_back = paused.admission(at(7190));
    assert_eq!(small_step_back, Admission::Nothing { until: at(7230) });
    assert_eq!(paused.admission(at(3600)), Admission::Canary);
    assert_eq!(held.admission(at(3600)), Admission::Probe);
    assert_eq!(open.admission(at(3600)), Admission::Probe);

    paused.record_failure(&limited, pause, at(3600));
    assert_eq!(paused.until(), at(3630), "a new pause begins now");
}

#[test]
fn g21_refused_credentials_hold_the_target_and_are_tried_ever_more_slowly() {
    let mut breaker = CircuitBreaker::default();
    let refused = Failure::new(FailureKind::AuthFailure, HELD, "no");
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        breaker.record_failure(&refused, RetryDecision::HoldTarget, now);
        assert_eq!(
            breaker.admission(now),
            Admission::Nothing {
                until: breaker.until()
            }
        );
        waits.push(breaker.until().since(now).as_secs());
        now = breaker.until();
        assert_eq!(breaker.admission(now), Admission::Probe);
        breaker.record_probe();
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(breaker.record_success(now), Some(BreakerState::Held));
    breaker.record_failure(&refused, RetryDecision::HoldTarget, now);
    assert_eq!(breaker.until().since(now).as_secs(), 5);
}

#[test]
fn where_several_tickets_are_refused_ever_more_go_first_and_no_wait_is_longer_than_a_minute() {
    let mut breaker = CircuitBreaker::default();
    let mut refused = Failure::new(FailureKind::IntegrationFailure, HELD, "no");
    assert_eq!(breaker.canaries(), 1);
    refused.is_pattern = true;
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(0));
    let (mut waits, mut rounds) = (Vec::new(), Vec::new());
    for _ in 0..14 {
        let now = breaker.until();
        waits.push(now.since(breaker.since).as_secs());
        breaker.record_probe();
        rounds.push(breaker.canaries());
        for _ in 0..breaker.canaries() {
            assert_eq!(breaker.admission(now), Admission::Canary);
            breaker.record_failure(&refused, RetryDecision::HoldTarget, now);
        }
        assert_eq!(breaker.phase(), BreakerState::Held);
    }
    assert_eq!(waits[..6], [5, 10, 20, 40, 60, 60]);
    assert_eq!(rounds, [4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64, 64, 4, 4]);
    // Forty bad tickets hide no good one for two minutes.
    assert!(waits[..4].iter().sum::<u64>() < 120 && rounds[..4].iter().sum::<usize>() > 45);
    breaker.record_success(breaker.until());
    assert_eq!(breaker.canaries(), 1);
}

#[test]
fn after_a_pause_that_something_in_front_asked_for_a_read_must_succeed() {
    let mut breaker = CircuitBreaker::default();
    let in_front = no_answer().with_wait(Some(Duration::from_secs(10)));
    let pause = RetryDecision::PauseTarget(in_front.wait);
    breaker.record_failure(&in_front, pause, at(0));
    breaker.advance_clock(at(10));
    assert_eq!(breaker.admission(at(10)), Admission::Probe);
    breaker.record_failed_probe(&no_answer(), RETRY, at(10));
    assert_eq!(breaker.phase(), BreakerState::CircuitOpen);
    breaker.record_failure(&in_front, pause, at(20));
    breaker.advance_clock(at(30));
    breaker.record_probe();
    assert_eq!(breaker.admission(at(30)), Admission::Canary);
}

#[test]
fn when_every_ticket_that_waits_was_refused_again_the_next_wait_begins() {
    let mut breaker = CircuitBreaker::default();
    let mut refused = Failure::new(FailureKind::IntegrationFailure, HELD, "no");
    refused.is_pattern = true;
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(0));
    breaker.record_probe();
    breaker.end_round(at(5));
    assert_eq!(breaker.phase(), BreakerState::Up, "none was tried yet");
    breaker.record_failure(&refused, RetryDecision::HoldTarget, at(5));
    breaker.end_round(at(5));
    assert_eq!(
        breaker.admission(at(5)),
        Admission::Nothing { until: at(15) }
    );
}

#[test]
fn a_password_that_another_replica_was_refused_before_waits_as_long_as_that_lasts() {
    let mut refused = Failure::new(FailureKind::AuthFailure, HELD, "no");
    refused.may_lock_user = true;
    let waits = [0, 100, 600, 5000].map(|held| {
        let mut breaker = CircuitBreaker::half_open_since(at(0), at(0));
        breaker.record_failed_probe(&refused, RetryDecision::HoldTarget, at(held));
        breaker.until().since(at(held)).as_secs()
    });
    assert_eq!(waits, [120, 120, 600, 900]);
}

#[test]
fn a_wait_counts_from_the_first_refusal_after_the_last_success() {
    let since = |breaker: &CircuitBreaker| breaker.unreachable().map(|(_, since)| since);
    // One delivery fails through all its retries.
    let mut breaker = CircuitBreaker::default();
    for seconds in [10, 11, 13] {
        breaker.record_failure(&no_answer(), RETRY, at(seconds));
    }
    breaker.record_failure(&no_answer(), RetryDecision::Park, at(17));
    assert_eq!(since(&breaker), Some(at(10)));
    // Five fail at once, each after a time-out, and a success came between.
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RETRY, at(10));
    breaker.record_success(at(11));
    for seconds in 20..25 {
        breaker.record_failure(&no_answer(), RETRY, at(seconds));
    }
    assert_eq!(since(&breaker), Some(at(20)));
    // The refusals of three tickets show that it is held.
    let mut breaker = CircuitBreaker::default();
    let mut pattern = Failure::new(FailureKind::IntegrationFailure, HELD, "no");
    (pattern.is_pattern, pattern.pattern_seconds) = (true, 14);
    breaker.record_failure(&pattern, RetryDecision::HoldTarget, at(44));
    assert_eq!(since(&breaker), Some(at(30)));
    // A failure of long ago says nothing about this one.
    let mut breaker = CircuitBreaker::default();
    breaker.record_failure(&no_answer(), RETRY, at(0));
    for seconds in 3_600..3_605 {
        breaker.record_failure(&no_answer(), RETRY, at(seconds));
    }
    assert_eq!(since(&breaker), Some(at(3_600)));
}

#[test]
fn a_limit_that_names_a_time_counts_once_however_many_calls_in_flight_meet_it() {
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    let mut breaker = CircuitBreaker::default();
    for seconds in [3, 5, 3, 4, 3] {
        let pause = RetryDecision::PauseTarget(Some(Duration::from_secs(seconds)));
        breaker.record_failure(&limited, pause, at(100));
    }
    assert_eq!(breaker.until(), at(105), "the longest counts");
    breaker.advance_clock(at(105));
    breaker.record_failure(&limited, RetryDecision::PauseTarget(None), at(105));
    assert_eq!(breaker.until(), at(109), "the second wait of its kind");
}

#[test]
fn a_try_at_once_that_fails_ends_neither_the_wait_nor_its_growth() {
    const NOW: i64 = 1_795_442_850;
    let refused = Failure::new(FailureKind::IntegrationFailure, HELD, "no");
    let held = || {
        let mut breaker = CircuitBreaker::default();
        for seconds in [0, 5, 15] {
            breaker.record_probe();
            breaker.record_failure(&refused, RetryDecision::HoldTarget, at(NOW + seconds));
        }
        breaker
    };
    let fail_at = |mut breaker: CircuitBreaker, seconds: i64| {
        assert_eq!(breaker.admission(at(NOW + seconds)), Admission::Probe);
        breaker.record_probe();
        breaker.record_failure(&refused, RetryDecision::HoldTarget, at(NOW + seconds));
        let since = breaker.since().unwrap().as_millis() / 1000 - NOW;
        let wait = breaker.until().since(at(NOW + seconds)).as_secs();
        (since, wait)
    };
    assert_eq!(fail_at(held(), 35), (0, 40), "by itself");
    let mut hinted = held();
    hinted.probe_now(at(NOW + 20));
    assert_eq!(
        fail_at(hinted, 20),
        (0, 40),
        "another replica has reached it"
    );
    let mut tried = held();
    tried.try_now(at(NOW + 20));
    assert_eq!(fail_at(tried, 20), (0, 40), "a person wants it tried");
    let mut tried = held();
    tried.try_now(at(NOW + 7_200));
    assert_eq!(fail_at(tried, 7_200), (0, 40), "and had paused it for long");
    let told = CircuitBreaker::half_open_since(at(NOW - 60), at(NOW));
    assert_eq!(fail_at(told, 0), (-60, 5), "another replica is refused");
}

#[test]
fn a_pause_that_a_person_ends_is_no_open_circuit() {
    let limited = Failure::new(FailureKind::RateLimited, WAITS, "slow down");
    let mut breaker = CircuitBreaker::default();
    let pause = RetryDecision::PauseTarget(Some(Duration::from_secs(20)));
    breaker.record_failure(&limited, pause, at(100));
    breaker.try_now(at(101));
    breaker.advance_clock(at(101));
    assert_eq!(breaker.admission(at(101)), Admission::Canary);
    assert_eq!(breaker.unreachable(), None);
}
