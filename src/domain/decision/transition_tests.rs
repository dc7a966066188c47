//! Tests of the changes that a history tells: every state with everything it can meet, and any
//! life from beginning to end.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::decision::{
    Decision, DecisionState, NewIncident, SignalOutcome, decide, fire_due,
};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{
    Evaluation, FlappingPolicy, LifePolicy, OpenDelay, Readings, Recovery, Verdict,
};

/// The state to which `transition` leads from `from`; `None` when it cannot happen there.
fn leads(from: Option<IncidentState>, transition: Transition) -> Option<IncidentState> {
    use IncidentState::{Closed, Open, Pending, Recovered};
    match (from, transition) {
        (None, Transition::Pending(_)) | (Some(Pending), Transition::Raised { .. }) => {
            Some(Pending)
        }
        (None | Some(Pending), Transition::Opened)
        | (Some(Recovered), Transition::Relapsed)
        | (
            Some(Open),
            Transition::Flapping
            | Transition::Raised { .. }
            | Transition::Commented
            | Transition::Stable,
        ) => Some(Open),
        (Some(Open), Transition::Recovered(_)) => Some(Recovered),
        (Some(Recovered), Transition::Closed(Closing::Resolved | Closing::StayedWell))
        | (Some(Pending), Transition::Closed(Closing::NeverOpened(_))) => Some(Closed),
        _ => None,
    }
}

/// Fails unless the transitions lead from what was to what is.
fn assert_told(before: Option<&Incident>, known: &DecisionState, decision: &Decision) {
    let mut state = before.map(|incident| incident.state);
    for transition in &decision.transitions {
        let next = leads(state, *transition);
        assert!(
            next.is_some(),
            "{transition:?} from {state:?}: {decision:?}"
        );
        state = next;
    }
    let after = known.incident.as_ref().map(|incident| incident.state);
    assert_eq!(state, after, "{decision:?}");
    let told = |wanted: fn(&Transition) -> bool| decision.transitions.iter().any(wanted);
    for actions in &decision.actions {
        let is_told = match actions {
            TicketAction::Create => told(|one| *one == Transition::Opened),
            TicketAction::Progress => told(|one| *one == Transition::Commented),
            TicketAction::Relapse => told(|one| *one == Transition::Relapsed),
            TicketAction::Flapping => told(|one| *one == Transition::Flapping),
            TicketAction::Raised { .. } => told(|one| matches!(one, Transition::Raised { .. })),
            TicketAction::Details => panic!("no decision owes details"),
            TicketAction::Recovered => told(|one| matches!(one, Transition::Recovered(_))),
            TicketAction::Resolve => {
                told(|one| matches!(one, Transition::Closed(Closing::Resolved)))
            }
        };
        assert!(is_told, "{actions:?} is actions and not told: {decision:?}");
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn evaluation(seconds: i64, verdict: Verdict) -> Evaluation {
    Evaluation {
        received_at: at(seconds),
        occurred_at: at(seconds),
        part: String::new(),
        verdict,
        readings: Readings::new(),
    }
}

fn new(severity: &str) -> NewIncident<'_> {
    NewIncident {
        id: IncidentId::new("0195"),
        key: IncidentKey::new("queue-wait", "q1"),
        severity,
    }
}

fn policy(on_recovery: Recovery) -> LifePolicy {
    LifePolicy {
        hold_for: Duration::from_secs(20),
        clear_for: Duration::from_secs(10),
        quiet_after: Duration::from_secs(300),
        burst_lock: Duration::ZERO,
        update_every: Duration::from_secs(60),
        on_recovery,
        flapping: Some(FlappingPolicy {
            times: 1,
            within: Duration::from_secs(3600),
            quiet_period: Duration::from_secs(100),
        }),
    }
}

/// Every state that a key can be in, flapping among them, with the time at which it is.
fn states(policy: &LifePolicy) -> Vec<(&'static str, DecisionState, i64)> {
    let comment = LifePolicy {
        on_recovery: Recovery::Comment,
        ..*policy
    };
    let mut known = DecisionState::default();
    let mut states = vec![("none", known.clone(), 0)];
    decide(
        &mut known,
        &evaluation(0, Verdict::Breach),
        policy,
        None,
        &new("low"),
    );
    states.push(("pending", known.clone(), 0));
    fire_due(&mut known, policy, at(20));
    states.push(("open", known.clone(), 20));
    decide(
        &mut known,
        &evaluation(21, Verdict::Clear),
        policy,
        None,
        &new("low"),
    );
    states.push(("clearing", known.clone(), 21));
    fire_due(&mut known, &comment, at(31));
    states.push(("recovered", known.clone(), 31));
    decide(
        &mut known,
        &evaluation(40, Verdict::Breach),
        &comment,
        None,
        &new("low"),
    );
    states.push(("flapping", known.clone(), 40));
    decide(
        &mut known,
        &evaluation(41, Verdict::Clear),
        &comment,
        None,
        &new("low"),
    );
    states.push(("flapping, clear", known, 41));
    states
}

/// Every state meets every verdict, at once and late, milder and worse, and every passing of
/// time: whatever changes is told, in an order in which it can happen.
#[test]
fn every_state_with_everything_it_meets_leads_to_entries_of_the_history() {
    let mut reached = BTreeSet::new();
    for on_recovery in [Recovery::Comment, Recovery::Resolve, Recovery::Nothing] {
        let policy = policy(on_recovery);
        for (name, state, since) in states(&policy) {
            for wait in [0, 5, 15, 70, 120, 400] {
                let now = since + wait;
                for verdict in [Verdict::Breach, Verdict::Clear, Verdict::InHysteresis] {
                    for severity in ["low", "critical"] {
                        let (mut known, before) = (state.clone(), state.incident.clone());
                        let evaluation = evaluation(now, verdict);
                        let decision =
                            decide(&mut known, &evaluation, &policy, None, &new(severity));
                        assert_told(before.as_ref(), &known, &decision);
                        reached.insert((name, decision.outcome.as_str()));
                    }
                }
                let (mut known, before) = (state.clone(), state.incident.clone());
                let decision = fire_due(&mut known, &policy, at(now));
                assert_told(before.as_ref(), &known, &decision);
                reached.insert((name, decision.outcome.as_str()));
            }
        }
    }
    for pair in [
        ("none", "pending"),
        ("none", "all_well"),
        ("pending", "pending"),
        ("pending", "opened"),
        ("pending", "clearing"),
        ("open", "active_incident"),
        ("open", "commented"),
        ("open", "raised"),
        ("open", "clearing"),
        ("open", "recovered"),
        ("clearing", "recovered"),
        ("recovered", "flapping"),
        ("recovered", "recovered"),
        ("flapping", "flapping_held"),
        ("flapping", "recovered"),
        ("flapping, clear", "flapping_held"),
        ("flapping, clear", "recovered"),
        ("flapping, clear", "active_incident"),
    ] {
        assert!(
            reached.contains(&pair),
            "{pair:?} was not reached: {reached:?}"
        );
    }
}

#[test]
fn a_clear_heard_after_the_recovery_is_no_second_recovery() {
    let policy = LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        ..policy(Recovery::Comment)
    };
    let mut known = DecisionState::default();
    decide(
        &mut known,
        &evaluation(0, Verdict::Breach),
        &policy,
        None,
        &new("low"),
    );
    let first = decide(
        &mut known,
        &evaluation(1, Verdict::Clear),
        &policy,
        None,
        &new("low"),
    );
    assert_eq!(first.transitions.len(), 1, "{first:?}");
    let second = decide(
        &mut known,
        &evaluation(2, Verdict::Clear),
        &policy,
        None,
        &new("low"),
    );
    assert_eq!(second.outcome, SignalOutcome::Recovered);
    assert!(second.transitions.is_empty(), "{second:?}");
}

proptest! {
    #[test]
    fn any_life_is_told_without_a_gap(
        resolve in any::<bool>(),
        held in any::<bool>(),
        steps in prop::collection::vec((0..4_u8, 0..90_i64, any::<bool>()), 1..120),
    ) {
        let policy = policy(if resolve { Recovery::Resolve } else { Recovery::Comment });
        let (mut known, mut now) = (DecisionState::default(), 0);
        for (what, wait, bad) in steps {
            now += wait;
            let before = known.incident.clone();
            let severity = if bad { "critical" } else { "low" };
            let verdict = match what {
                0 => Some(Verdict::Breach),
                1 => Some(Verdict::Clear),
                2 => Some(Verdict::InHysteresis),
                _ => None,
            };
            let until = at(now + 30);
            let hold = held.then_some(OpenDelay { until, reason: Suppression::Outage });
            let decision = match verdict {
                Some(verdict) => {
                    decide(&mut known, &evaluation(now, verdict), &policy, hold, &new(severity))
                }
                None => fire_due(&mut known, &policy, at(now)),
            };
            assert_told(before.as_ref(), &known, &decision);
            known.incident.take_if(|incident| incident.state == IncidentState::Closed);
        }
    }
}
