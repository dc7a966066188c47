//! Tests of flapping: examples that an operator would tell, and properties for any sequence of
//! signals under any clock.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::decision::{
    Decision, DecisionState, NewIncident, SignalOutcome, Suppression, decide, fire_due,
};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{
    BreachStarts, Evaluation, FlappingPolicy, IncidentState, Readings, Recovery, TicketAction,
    Verdict,
};

const FLAPPING: FlappingPolicy = FlappingPolicy {
    times: 3,
    within: Duration::from_secs(3600),
    quiet_period: Duration::from_secs(900),
};

fn policy(on_recovery: Recovery) -> LifePolicy {
    LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        quiet_after: Duration::from_secs(1800),
        burst_lock: Duration::ZERO,
        update_every: Duration::from_secs(900),
        on_recovery,
        flapping: Some(FLAPPING),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// One key, told signals as the pipeline tells them: a closed incident is forgotten.
struct Key {
    known: DecisionState,
    policy: LifePolicy,
    told: usize,
}

impl Key {
    fn new(policy: LifePolicy) -> Self {
        let known = DecisionState::default();
        Self {
            known,
            policy,
            told: 0,
        }
    }

    fn hear(&mut self, seconds: i64, verdict: Verdict) -> Decision {
        self.told += 1;
        let evaluation = Evaluation {
            received_at: at(seconds),
            occurred_at: at(i64::try_from(self.told).unwrap()),
            part: "voice".into(),
            verdict,
            readings: Readings::new(),
        };
        let new = NewIncident {
            id: IncidentId::new(format!("incident-{}", self.told)),
            key: IncidentKey::new("queue-wait", "q1"),
            severity: "high",
        };
        let decision = decide(&mut self.known, &evaluation, &self.policy, None, &new);
        self.forget_closed();
        decision
    }

    fn breach(&mut self, seconds: i64) -> Decision {
        self.hear(seconds, Verdict::Breach)
    }

    fn clear(&mut self, seconds: i64) -> Decision {
        self.hear(seconds, Verdict::Clear)
    }

    fn pass(&mut self, seconds: i64) -> Decision {
        let decision = fire_due(&mut self.known, &self.policy, at(seconds));
        self.forget_closed();
        decision
    }

    fn forget_closed(&mut self) {
        let closed = |incident: &mut Incident| incident.state == IncidentState::Closed;
        self.known.incident.take_if(closed);
    }

    /// Trouble that came and went often enough to be borne no more.
    fn on_the_brink(on_recovery: Recovery) -> Self {
        let mut key = Self::new(policy(on_recovery));
        for round in 0..3 {
            key.breach(round * 60);
            key.clear(round * 60 + 30);
        }
        key
    }
}

#[test]
fn a_key_that_comes_and_goes_too_often_is_told_once_and_held_until_it_is_calm() {
    let mut key = Key::on_the_brink(Recovery::Comment);
    let flaps = key.breach(180);
    assert_eq!(flaps.outcome, SignalOutcome::Flapping);
    assert_eq!(flaps.actions, [TicketAction::Flapping]);
    for round in 4..8 {
        let clear = key.clear(round * 60 - 30);
        assert_eq!(
            (clear.outcome, clear.actions.len()),
            (SignalOutcome::FlappingHeld, 0)
        );
        let again = key.breach(round * 60);
        let active = SignalOutcome::Suppressed(Suppression::ActiveIncident);
        assert_eq!((again.outcome, again.actions.len()), (active, 0));
    }
    let flapping = key.known.incident.as_ref().unwrap().flapping.unwrap();
    assert_eq!((flapping.first_at, flapping.times), (at(0), 8));
    key.clear(450);
    assert!(key.pass(450 + 899).actions.is_empty());
    assert_eq!(key.pass(450 + 900).actions, [TicketAction::Recovered]);
    assert!(!key.known.incident.as_ref().unwrap().is_flapping());
    let next = key.breach(1400);
    assert_eq!(next.outcome, SignalOutcome::Relapsed, "it is judged afresh");
}

#[test]
fn flaps_are_counted_over_the_end_of_incidents() {
    let mut key = Key::on_the_brink(Recovery::Resolve);
    assert!(key.known.incident.is_none());
    let flaps = key.breach(180);
    assert_eq!(
        flaps.actions,
        [TicketAction::Create, TicketAction::Flapping]
    );
    assert!(
        key.clear(200).actions.is_empty(),
        "no resolution while it flaps"
    );
    assert_eq!(key.pass(200 + 900).actions, [TicketAction::Resolve]);
    assert_eq!(
        key.breach(1200).actions,
        [TicketAction::Create],
        "judged afresh"
    );
}

#[test]
fn trouble_that_comes_and_goes_seldom_does_not_flap() {
    let mut key = Key::new(policy(Recovery::Resolve));
    for round in 0..20 {
        let opened = key.breach(round * 1300);
        assert_eq!(opened.actions, [TicketAction::Create], "round {round}");
        key.clear(round * 1300 + 600);
    }
}

#[test]
fn what_never_had_a_ticket_does_not_count() {
    let mut key = Key::new(LifePolicy {
        hold_for: Duration::from_secs(60),
        ..policy(Recovery::Resolve)
    });
    for round in 0..20 {
        key.breach(round * 40);
        key.clear(round * 40 + 20);
    }
    assert!(key.known.breach_starts.is_empty());
}

#[test]
fn a_lasting_breach_whose_ticket_people_keep_closing_does_not_flap() {
    let mut key = Key::new(policy(Recovery::Comment));
    for round in 0..20 {
        assert_eq!(key.breach(round * 60).actions, [TicketAction::Create]);
        let mut incident = key.known.incident.take().unwrap();
        incident.close_by_people(at(round * 60 + 30));
        key.known.breach_starts = incident.breach_starts;
    }
}

#[test]
fn people_who_close_the_ticket_of_a_flapping_key_get_one_that_says_so_at_once() {
    let mut key = Key::on_the_brink(Recovery::Resolve);
    key.breach(180);
    let mut incident = key.known.incident.take().unwrap();
    incident.close_by_people(at(200));
    key.known.breach_starts = incident.breach_starts;
    assert_eq!(
        key.breach(210).actions,
        [TicketAction::Create, TicketAction::Flapping]
    );
}

#[test]
fn silence_too_must_last_as_long_as_calm_does() {
    let mut key = Key::on_the_brink(Recovery::Comment);
    key.policy.quiet_after = Duration::from_secs(60);
    key.breach(180);
    assert!(key.pass(180 + 899).actions.is_empty());
    assert_eq!(key.pass(180 + 900).actions, [TicketAction::Recovered]);
}

#[test]
fn a_rule_whose_flapping_is_turned_off_lets_go_of_what_it_held() {
    let mut key = Key::on_the_brink(Recovery::Comment);
    key.breach(180);
    key.policy.flapping = None;
    assert_eq!(key.clear(200).actions, [TicketAction::Recovered]);
}

#[test]
fn onsets_from_the_future_age_from_now_on() {
    let mut breach_starts = BreachStarts::default();
    for second in [7200, 7260, 7320] {
        assert!(!breach_starts.add(&FLAPPING, at(second)));
    }
    assert!(
        breach_starts.add(&FLAPPING, at(3700)),
        "the clock was set back"
    );
    assert!(!breach_starts.add(&FLAPPING, at(3700 + 3601)));
}

#[derive(Debug, Clone)]
enum Happening {
    Hear(Verdict),
    Wait(u32),
    SetClock(i32),
    ClosedByPeople,
}

fn happening() -> impl Strategy<Value = Happening> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Breach),
        4 => Just(Verdict::Clear),
        1 => Just(Verdict::InHysteresis)
    ];
    prop_oneof![
        12 => verdict.prop_map(Happening::Hear),
        4 => (0..1200_u32).prop_map(Happening::Wait),
        1 => (-3600..3600_i32).prop_map(Happening::SetClock),
        1 => Just(Happening::ClosedByPeople),
    ]
}

proptest! {
    /// Under any signals and any clock: what flaps owes nothing but news of its lasting, of a
    /// rise and of calm; it is told once that it flaps; and it ends when it is left alone.
    #[test]
    fn a_flapping_incident_is_silent_and_ends_when_it_is_calm(
        times in 1..4_u32,
        resolve in any::<bool>(),
        clear_for in 0..120_u64,
        happenings in prop::collection::vec((0..90_i64, happening()), 1..150),
    ) {
        let on_recovery = if resolve { Recovery::Resolve } else { Recovery::Comment };
        let mut key = Key::new(LifePolicy {
            clear_for: Duration::from_secs(clear_for),
            flapping: Some(FlappingPolicy { times, ..FLAPPING }),
            ..policy(on_recovery)
        });
        let mut now = 10_000;
        let mut farthest = now;
        for (gap, happening) in happenings {
            now += gap;
            let before = key.known.incident.clone();
            let flapped = before.as_ref().is_some_and(Incident::is_flapping);
            let decision = match happening {
                Happening::Hear(verdict) => key.hear(now, verdict),
                Happening::Wait(seconds) => {
                    now += i64::from(seconds);
                    key.pass(now)
                }
                Happening::SetClock(seconds) => {
                    now += i64::from(seconds);
                    key.pass(now)
                }
                Happening::ClosedByPeople => {
                    if let Some(mut incident) = key.known.incident.take() {
                        incident.close_by_people(at(now));
                        key.known.breach_starts = incident.breach_starts;
                    }
                    continue;
                }
            };
            farthest = farthest.max(now);
            let ends = decision.actions.iter().any(|actions| matches!(actions, TicketAction::Recovered | TicketAction::Resolve));
            if flapped && !ends {
                let silent = decision.actions.iter().all(|actions| *actions == TicketAction::Progress);
                prop_assert!(silent, "{:?}", decision.actions);
                prop_assert!(key.known.incident.as_ref().is_some_and(Incident::is_flapping));
            }
            if flapped && ends {
                let then = before.as_ref().unwrap();
                let calm = |since: Timestamp| at(now).since(since) >= FLAPPING.quiet_period;
                prop_assert!(calm(then.last_breach_at) || then.clear_since.is_some_and(calm));
                prop_assert!(key.known.breach_starts.is_empty());
            }
            prop_assert!(key.known.breach_starts.len() <= usize::try_from(times).unwrap() + 1);
        }
        // Left alone, everything ends, at the latest when the clock has caught up.
        key.pass(farthest + 1800 + 900);
        prop_assert!(!key.known.incident.as_ref().is_some_and(Incident::is_flapping));
        key.pass(farthest + 3 * 1800 + 900);
        prop_assert!(key.known.incident.is_none());
    }

    /// However trouble comes and goes, within any window no more tickets are opened for a key
    /// than it is borne, and one that is held.
    #[test]
    fn tickets_of_a_flapping_key_are_bounded(
        times in 1..5_u32,
        gaps in prop::collection::vec((1..120_i64, 1..120_i64), 1..60),
    ) {
        let mut key = Key::new(LifePolicy {
            flapping: Some(FlappingPolicy { times, ..FLAPPING }),
            ..policy(Recovery::Resolve)
        });
        let (mut now, mut creates) = (0, Vec::new());
        for (up, down) in gaps {
            now += down;
            if key.breach(now).actions.contains(&TicketAction::Create) {
                creates.push(now);
            }
            now += up;
            key.clear(now);
        }
        let most = usize::try_from(times).unwrap() + 1;
        for window in creates.windows(most + 1) {
            prop_assert!(window[most] - window[0] > 3600, "{creates:?}");
        }
    }
}
