//! Tests of the decision: examples that an operator would tell, and properties for any
//! sequence of signals.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{FlappingPolicy, Readings, Recovery, Suppression};
use crate::domain::severity::Severity;

static NEW: LazyLock<NewIncident<'static>> = LazyLock::new(|| NewIncident {
    id: IncidentId::new("0195"),
    key: IncidentKey::new("queue-wait", "q1"),
    severity: "high",
});

fn policy() -> LifePolicy {
    LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::from_secs(120),
        quiet_after: Duration::from_secs(1800),
        burst_lock: Duration::from_secs(60),
        update_every: Duration::from_secs(900),
        on_recovery: Recovery::Comment,
        flapping: None,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn evaluation(seconds: i64, verdict: Verdict) -> Evaluation {
    part_heard(seconds, verdict, "voice")
}

fn part_heard(seconds: i64, verdict: Verdict, part: &str) -> Evaluation {
    Evaluation {
        received_at: at(seconds),
        occurred_at: at(seconds),
        part: part.to_owned(),
        verdict,
        readings: Readings::from([("queue.waitTime.avg".to_owned(), 412.5)]),
    }
}

/// Runs signals through one key, as the pipeline does: a closed incident is forgotten.
fn tell(known: &mut DecisionState, policy: &LifePolicy, evaluation: &Evaluation) -> Decision {
    let decision = decide(known, evaluation, policy, None, &NEW);
    known
        .incident
        .take_if(|incident| incident.state == IncidentState::Closed);
    decision
}

#[test]
fn the_first_breach_opens_and_the_next_ones_are_suppressed() {
    let mut known = DecisionState::default();
    let first = tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    assert_eq!(first.outcome, SignalOutcome::Opened);
    assert_eq!(first.actions, [TicketAction::Create]);
    assert_eq!(first.lock.unwrap().until, at(60));
    let second = tell(&mut known, &policy(), &evaluation(1, Verdict::Breach));
    assert_eq!(
        second.outcome,
        SignalOutcome::Suppressed(Suppression::ActiveIncident)
    );
    let incident = known.incident.unwrap();
    assert_eq!((incident.occurrences, incident.suppressed), (2, 1));
}

#[test]
fn g17_a_breach_inside_the_burst_lock_waits_for_its_end_and_is_not_lost() {
    let quick = LifePolicy {
        clear_for: Duration::ZERO,
        on_recovery: Recovery::Resolve,
        ..policy()
    };
    let mut known = DecisionState::default();
    tell(&mut known, &quick, &evaluation(0, Verdict::Breach));
    let cleared = tell(&mut known, &quick, &evaluation(10, Verdict::Clear));
    assert_eq!(cleared.actions, [TicketAction::Resolve]);
    assert!(known.incident.is_none());

    let again = tell(&mut known, &quick, &evaluation(30, Verdict::Breach));
    assert_eq!(
        again.outcome,
        SignalOutcome::Suppressed(Suppression::BurstLock)
    );
    assert_eq!(
        known.incident.as_ref().unwrap().due_at(&quick),
        Some(at(60))
    );
    assert_eq!(fire_due(&mut known, &quick, at(59)).actions, []);
    assert_eq!(
        fire_due(&mut known, &quick, at(60)).actions,
        [TicketAction::Create]
    );
}

#[test]
fn a_breach_must_last_for_the_rules_time() {
    let patient = LifePolicy {
        hold_for: Duration::from_secs(30),
        clear_for: Duration::ZERO,
        ..policy()
    };
    let mut known = DecisionState::default();
    let first = tell(&mut known, &patient, &evaluation(0, Verdict::Breach));
    assert_eq!(
        first.outcome,
        SignalOutcome::Suppressed(Suppression::Pending)
    );
    tell(&mut known, &patient, &evaluation(10, Verdict::Clear));
    assert!(
        known.incident.is_none(),
        "it cleared before it was an incident"
    );

    tell(&mut known, &patient, &evaluation(20, Verdict::Breach));
    assert_eq!(fire_due(&mut known, &patient, at(49)).actions, []);
    let opened = tell(&mut known, &patient, &evaluation(50, Verdict::Breach));
    assert_eq!(opened.actions, [TicketAction::Create]);
}

#[test]
fn a_recovery_must_last_and_a_reading_in_the_hysteresis_interrupts_it() {
    let mut known = DecisionState::default();
    tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    tell(&mut known, &policy(), &evaluation(100, Verdict::Clear));
    tell(
        &mut known,
        &policy(),
        &evaluation(150, Verdict::InHysteresis),
    );
    assert_eq!(fire_due(&mut known, &policy(), at(230)).actions, []);
    tell(&mut known, &policy(), &evaluation(300, Verdict::Clear));
    let recovered = fire_due(&mut known, &policy(), at(420));
    assert_eq!(recovered.actions, [TicketAction::Recovered]);
    assert_eq!(known.incident.unwrap().state, IncidentState::Recovered);
}

#[test]
fn a_breach_after_the_recovery_continues_the_same_incident() {
    let mut known = DecisionState::default();
    tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    tell(&mut known, &policy(), &evaluation(10, Verdict::Clear));
    fire_due(&mut known, &policy(), at(130));
    let relapse = tell(&mut known, &policy(), &evaluation(200, Verdict::Breach));
    assert_eq!(relapse.outcome, SignalOutcome::Relapsed);
    assert_eq!(relapse.actions, [TicketAction::Relapse]);
    assert_eq!(known.incident.unwrap().relapses, 1);
}

#[test]
fn an_incident_recovers_only_when_every_part_has_cleared() {
    let quick = LifePolicy {
        clear_for: Duration::ZERO,
        ..policy()
    };
    let mut known = DecisionState::default();
    tell(&mut known, &quick, &part_heard(0, Verdict::Breach, "voice"));
    tell(&mut known, &quick, &part_heard(1, Verdict::Breach, "chat"));
    let one = tell(&mut known, &quick, &part_heard(2, Verdict::Clear, "chat"));
    assert_eq!(one.outcome, SignalOutcome::Clearing);
    let other = tell(&mut known, &quick, &part_heard(3, Verdict::Clear, "email"));
    assert_eq!(
        other.outcome,
        SignalOutcome::Clearing,
        "email never breached"
    );
    let last = tell(&mut known, &quick, &part_heard(4, Verdict::Clear, "voice"));
    assert_eq!(last.actions, [TicketAction::Recovered]);
}

#[test]
fn a_late_breach_does_not_undo_a_newer_clear() {
    let mut known = DecisionState::default();
    tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    tell(&mut known, &policy(), &evaluation(100, Verdict::Clear));
    let late = Evaluation {
        occurred_at: at(50),
        ..evaluation(110, Verdict::Breach)
    };
    assert_eq!(
        tell(&mut known, &policy(), &late).outcome,
        SignalOutcome::OutOfOrder
    );
    assert_eq!(known.incident.unwrap().clear_since, Some(at(100)));
}

#[test]
fn a_stamp_from_the_future_deafens_nobody() {
    let mut known = DecisionState::default();
    let stamped = |received, occurred, verdict| Evaluation {
        occurred_at: at(occurred),
        ..evaluation(received, verdict)
    };
    let ahead = stamped(0, 3600, Verdict::Breach);
    assert_eq!(
        tell(&mut known, &policy(), &ahead).outcome,
        SignalOutcome::Opened
    );
    let right = evaluation(5, Verdict::Clear);
    assert_eq!(
        tell(&mut known, &policy(), &right).outcome,
        SignalOutcome::Clearing
    );
    // A clock that is a little ahead does not make the truth after it look late, and what is late
    // beside its receipt still is.
    tell(&mut known, &policy(), &stamped(20, 28, Verdict::Clear));
    let late = stamped(21, 19, Verdict::Breach);
    assert_eq!(
        tell(&mut known, &policy(), &late).outcome,
        SignalOutcome::OutOfOrder
    );
    let truth = stamped(24, 23, Verdict::Breach);
    assert_eq!(
        tell(&mut known, &policy(), &truth).outcome,
        SignalOutcome::Suppressed(Suppression::ActiveIncident)
    );
}

#[test]
fn silence_for_quiet_after_counts_as_recovered() {
    let mut known = DecisionState::default();
    tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    assert_eq!(fire_due(&mut known, &policy(), at(1799)).actions, []);
    assert_eq!(
        fire_due(&mut known, &policy(), at(1800)).actions,
        [TicketAction::Recovered]
    );
    fire_due(&mut known, &policy(), at(3600));
    assert_eq!(known.incident.unwrap().state, IncidentState::Closed);
}

#[test]
fn a_lasting_breach_is_commented_on_at_most_every_update_every() {
    let mut known = DecisionState::default();
    let mut comments = 0;
    for second in 0..1801 {
        let decision = tell(&mut known, &policy(), &evaluation(second, Verdict::Breach));
        comments += usize::from(decision.outcome == SignalOutcome::Commented);
    }
    assert_eq!(comments, 2);
}

#[test]
fn a_clock_set_back_an_hour_does_not_mute_a_key_for_an_hour() {
    let lock = BurstLock {
        taken_at: at(7200),
        until: at(7260),
    };
    assert!(lock.holds_at(at(7230)));
    assert!(lock.holds_at(at(7199)), "small steps back keep the lock");
    assert!(!lock.holds_at(at(3600)));
    assert!(!lock.holds_at(at(7260)));
}

#[derive(Debug, Clone)]
enum Happening {
    Hear(Verdict, u8, u8),
    Wait(u16),
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Breach),
        Just(Verdict::Clear),
        Just(Verdict::InHysteresis)
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (verdict(), 0..3_u8, 0..40_u8).prop_map(|(verdict, part, late)| Happening::Hear(verdict, part, late)),
        1 => (0..4000_u16).prop_map(Happening::Wait),
    ]
}

fn any_flapping() -> impl Strategy<Value = FlappingPolicy> {
    (1..4_u32, 60..3600_u64, 1..900_u64).prop_map(|(times, within, calm)| FlappingPolicy {
        times,
        within: Duration::from_secs(within),
        quiet_period: Duration::from_secs(calm),
    })
}

fn any_policy() -> impl Strategy<Value = LifePolicy> {
    let seconds = |most: u64| (0..=most).prop_map(Duration::from_secs);
    let recovery = prop_oneof![
        Just(Recovery::Comment),
        Just(Recovery::Resolve),
        Just(Recovery::Nothing)
    ];
    (
        seconds(90),
        seconds(120),
        seconds(1800),
        seconds(120),
        seconds(900),
        recovery,
        prop::option::of(any_flapping()),
    )
        .prop_map(
            |(
                hold_for,
                clear_for,
                quiet_after,
                burst_lock,
                update_every,
                on_recovery,
                flapping,
            )| {
                LifePolicy {
                    hold_for,
                    clear_for,
                    quiet_after,
                    burst_lock,
                    update_every,
                    on_recovery,
                    flapping,
                }
            },
        )
}

proptest! {
    /// One key's whole life under any signals: creates never come closer than the burst
    /// lock, each incident is created at most once, and nothing is actions to a ticket before
    /// its create.
    #[test]
    fn never_two_creates_inside_a_burst_lock_nor_two_for_one_incident(
        policy in any_policy(),
        happenings in prop::collection::vec((0..50_u8, happening()), 1..120),
    ) {
        let mut known = DecisionState::default();
        let mut now = 0_i64;
        let mut last_create: Option<i64> = None;
        let mut created: Option<IncidentId> = None;
        for (index, (gap, happening)) in happenings.into_iter().enumerate() {
            now += i64::from(gap);
            let id = IncidentId::new(format!("incident-{index}"));
            let decision = match happening {
                Happening::Hear(verdict, part, late) => {
                    let mut evaluation = part_heard(now, verdict, &part.to_string());
                    evaluation.occurred_at = at(now - i64::from(late));
                    decide(&mut known, &evaluation, &policy, None, &NewIncident { id, ..NEW.clone() })
                }
                Happening::Wait(seconds) => {
                    now += i64::from(seconds);
                    fire_due(&mut known, &policy, at(now))
                }
            };
            for actions in &decision.actions {
                let incident = known.incident.as_ref().unwrap();
                if *actions == TicketAction::Create {
                    prop_assert_ne!(created.as_ref(), Some(&incident.id));
                    created = Some(incident.id.clone());
                    if let Some(last) = last_create {
                        prop_assert!(at(now).since(at(last)) >= policy.burst_lock);
                    }
                    last_create = Some(now);
                } else {
                    prop_assert_eq!(created.as_ref(), Some(&incident.id));
                }
            }
            known.incident.take_if(|incident| incident.state == IncidentState::Closed);
        }
    }

    /// A breach that nobody clears ends in a ticket, whatever came before it.
    #[test]
    fn a_lasting_breach_always_ends_in_a_ticket(
        policy in any_policy(),
        happenings in prop::collection::vec((0..50_u8, happening()), 0..40),
    ) {
        let policy = LifePolicy { quiet_after: Duration::from_secs(1800), ..policy };
        let mut known = DecisionState::default();
        let mut now = 0_i64;
        for (gap, happening) in happenings {
            now += i64::from(gap);
            match happening {
                Happening::Hear(verdict, part, _) => {
                    tell(&mut known, &policy, &part_heard(now, verdict, &part.to_string()));
                }
                Happening::Wait(seconds) => {
                    now += i64::from(seconds);
                    fire_due(&mut known, &policy, at(now));
                    known.incident.take_if(|incident| incident.state == IncidentState::Closed);
                }
            }
        }
        tell(&mut known, &policy, &evaluation(now + 1, Verdict::Breach));
        fire_due(&mut known, &policy, at(now + 1 + 121));
        prop_assert_eq!(known.incident.map(|incident| incident.state), Some(IncidentState::Open));
    }
}

fn worse(severity: &'static str) -> NewIncident<'static> {
    NewIncident {
        severity,
        ..NEW.clone()
    }
}

#[test]
fn a_rise_is_owed_to_the_open_ticket_at_once_and_a_fall_is_not() {
    let mut known = DecisionState::default();
    tell(&mut known, &policy(), &evaluation(0, Verdict::Breach));
    let breach = |seconds| evaluation(seconds, Verdict::Breach);
    let raised = decide(&mut known, &breach(1), &policy(), None, &worse("critical"));
    assert_eq!(raised.outcome, SignalOutcome::Raised);
    let from = Severity::High;
    assert_eq!(raised.actions, [TicketAction::Raised { from }]);
    let fallen = decide(&mut known, &breach(2), &policy(), None, &worse("low"));
    assert!(fallen.actions.is_empty());
    assert_eq!(known.incident.unwrap().severity, "critical");
}

#[test]
fn a_rise_before_the_ticket_is_only_in_its_create() {
    let mut known = DecisionState::default();
    let policy = LifePolicy {
        hold_for: Duration::from_secs(10),
        ..policy()
    };
    tell(&mut known, &policy, &evaluation(0, Verdict::Breach));
    let breach = evaluation(10, Verdict::Breach);
    let opened = decide(&mut known, &breach, &policy, None, &worse("critical"));
    assert_eq!(opened.actions, [TicketAction::Create]);
    assert_eq!(known.incident.unwrap().severity, "critical");
}

#[test]
fn a_worse_relapse_says_both() {
    let mut known = DecisionState::default();
    let policy = LifePolicy {
        clear_for: Duration::ZERO,
        ..policy()
    };
    tell(&mut known, &policy, &evaluation(0, Verdict::Breach));
    tell(&mut known, &policy, &evaluation(1, Verdict::Clear));
    let breach = evaluation(2, Verdict::Breach);
    let relapsed = decide(&mut known, &breach, &policy, None, &worse("critical"));
    let from = Severity::High;
    assert_eq!(
        relapsed.actions,
        [TicketAction::Relapse, TicketAction::Raised { from }]
    );
}

proptest! {
    /// Whatever stamps a part has had, a signal with the right time is evaluation ten seconds later.
    #[test]
    fn no_stamp_makes_a_right_one_look_late_for_longer_than_ten_seconds(
        stamps in prop::collection::vec((0..50_u8, -7200..7200_i64, verdict()), 1..60),
    ) {
        let mut known = DecisionState::default();
        let mut now = 0_i64;
        for (gap, skew, verdict) in stamps {
            now += i64::from(gap);
            let mut skewed = evaluation(now, verdict);
            skewed.occurred_at = at(now + skew);
            tell(&mut known, &policy(), &skewed);
        }
        let right = tell(&mut known, &policy(), &evaluation(now + 10, Verdict::Breach));
        prop_assert_ne!(right.outcome, SignalOutcome::OutOfOrder);
    }

    /// A sender whose clock is right is never taken to be late, wherever ours is set.
    #[test]
    fn our_own_clock_never_makes_a_right_stamp_look_late(
        readings in prop::collection::vec((1..50_u8, -7200..7200_i64, verdict()), 1..60),
    ) {
        let mut incident: Option<Incident> = None;
        let mut now = 0_i64;
        for (gap, off, verdict) in readings {
            now += i64::from(gap);
            let mut right = evaluation(now + off, verdict);
            right.occurred_at = at(now);
            let incident = incident.get_or_insert_with(|| {
                Incident::begin(IncidentId::new("id"), IncidentKey::new("rule", "key"), "high", &right, at(now))
            });
            prop_assert!(!incident.is_out_of_order(&right));
            incident.apply(&right);
        }
    }
}
