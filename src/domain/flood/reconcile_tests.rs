use std::sync::LazyLock;

use super::*;
use crate::domain::decision::{SignalOutcome, Suppression};
use crate::domain::flood::{Allowance, FloodPolicy, SourceRate};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Evaluation, IncidentState, Readings, Recovery};
use crate::domain::silence::{Mute, apply_mute};

const SECOND: Duration = Duration::from_secs(1);
const POLICY: FloodPolicy = FloodPolicy {
    per_minute: 2,
    quiet_period: Duration::from_secs(300),
    update_every: Duration::from_secs(60),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_442_850_000 + seconds * 1_000)
}

fn life() -> LifePolicy {
    LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        quiet_after: Duration::from_secs(1_800),
        burst_lock: Duration::ZERO,
        update_every: Duration::ZERO,
        on_recovery: Recovery::Resolve,
        flapping: None,
    }
}

fn evaluation(verdict: Verdict, seconds: i64) -> Evaluation {
    Evaluation {
        received_at: at(seconds),
        occurred_at: at(seconds),
        part: String::new(),
        verdict,
        readings: Readings::new(),
    }
}

static NEW: LazyLock<NewIncident<'static>> = LazyLock::new(|| NewIncident {
    id: IncidentId::new("id"),
    key: IncidentKey::new("queue-wait", "q1"),
    severity: "high",
});

fn admitted(may_open: bool, may_wait: bool) -> DecisionState {
    DecisionState {
        allowance: Allowance { may_open, may_wait },
        ..DecisionState::default()
    }
}

/// What a breach or a clear does to `known`.
fn hears_of(known: &mut DecisionState, verdict: Verdict, seconds: i64) -> Decision {
    decide(known, &evaluation(verdict, seconds), &life(), None, &NEW)
}

const FLOOD: SignalOutcome = SignalOutcome::Suppressed(Suppression::Flood);

#[test]
fn a_minute_has_so_many_tickets_and_the_next_one_as_many_again() {
    let mut rate = SourceRate::default();
    assert!(rate.allowance(&POLICY, at(0), at(0)).may_open);
    rate.record_opened(at(0), at(0));
    rate.record_opened(at(30), at(30));
    assert!(!rate.allowance(&POLICY, at(59), at(59)).may_open);
    assert!(rate.allowance(&POLICY, at(60), at(60)).may_open);
    rate.record_opened(at(60), at(60));
    assert_eq!((rate.opened, rate.began_at), (1, at(60)));
}

#[test]
fn replicas_whose_clocks_differ_share_a_minute_and_a_clock_set_back_begins_another() {
    let mut rate = SourceRate::default();
    rate.record_opened(at(0), at(0));
    rate.record_opened(at(-1), at(-1));
    assert!(!rate.allowance(&POLICY, at(-2), at(-2)).may_open);
    assert!(rate.allowance(&POLICY, at(-3_600), at(-3_600)).may_open);
}

#[test]
fn a_ticket_that_was_due_long_ago_counts_now_and_begins_no_minute_anew() {
    let mut rate = SourceRate::default();
    let now = at(3_600);
    rate.record_opened(at(3_590), now);
    for minutes in [50, 10, 59] {
        let long_ago = at(60 * minutes);
        assert_eq!(
            rate.allowance(&POLICY, long_ago, now).may_open,
            minutes == 50
        );
        rate.record_opened(long_ago, now);
    }
    assert_eq!((rate.opened, rate.began_at), (4, at(3_590)));
    assert!(!rate.allowance(&POLICY, now, now).may_open);
}

#[test]
fn what_was_received_before_the_clock_was_set_back_is_limited_too() {
    let mut rate = SourceRate::default();
    rate.record_opened(at(3_600), at(3_600));
    for opened in 1..=2 {
        assert!(rate.allowance(&POLICY, at(3_600), at(0)).may_open);
        rate.record_opened(at(3_600), at(0));
        assert_eq!((rate.opened, rate.began_at), (opened, at(0)));
    }
    assert!(!rate.allowance(&POLICY, at(3_600), at(0)).may_open);
}

#[test]
fn the_ticket_of_what_was_silenced_is_due_when_the_silence_ends() {
    let mut known = DecisionState::default();
    let silence = Mute {
        by: "silence s1".to_owned(),
        until: at(3_600),
    };
    apply_mute(&mut known, Some(silence), None, at(0));
    hears_of(&mut known, Verdict::Breach, 0);
    assert_eq!(known.incident.as_ref().unwrap().counts_at(), Some(at(0)));
    apply_mute(&mut known, None, None, at(3_600));
    assert_eq!(known.incident.unwrap().counts_at(), Some(at(3_600)));
}

#[test]
fn beyond_the_limit_a_breach_is_held_and_stays_held_when_the_minute_is_over() {
    let mut known = admitted(false, true);
    let decision = hears_of(&mut known, Verdict::Breach, 0);
    assert_eq!((decision.outcome, decision.actions.len()), (FLOOD, 0));
    assert_eq!(known.lock, None);
    known.allowance = Allowance::default();
    let decision = hears_of(&mut known, Verdict::Breach, 120);
    assert_eq!((decision.outcome, decision.actions.len()), (FLOOD, 0));
    let incident = known.incident.as_ref().unwrap();
    assert_eq!((incident.occurrences, incident.suppressed), (2, 2));
    let due_at = incident.due_at(&life()).unwrap();
    assert_eq!(due_at, at(120).plus(life().quiet_after));
}

#[test]
fn what_is_released_opens_and_what_clears_is_closed_without_a_ticket() {
    let mut known = admitted(false, true);
    hears_of(&mut known, Verdict::Breach, 0);
    let mut cleared = known.clone();
    let incident = known.incident.as_mut().unwrap();
    incident.release_from_flood();
    known.allowance = Allowance::default();
    let decision = fire_due(&mut known, &life(), at(5));
    assert_eq!(decision.actions, [TicketAction::Create]);
    let decision = hears_of(&mut cleared, Verdict::Clear, 5);
    assert_eq!(
        (decision.outcome, decision.actions.len()),
        (SignalOutcome::Recovered, 0)
    );
    let state = cleared.incident.unwrap().state;
    assert_eq!(state, IncidentState::Closed);
}

#[test]
fn what_is_released_while_it_is_silenced_is_not_held_again_when_the_silence_ends() {
    let mut known = admitted(false, true);
    hears_of(&mut known, Verdict::Breach, 0);
    let silence = Mute {
        by: "silence s1".to_owned(),
        until: at(60),
    };
    apply_mute(&mut known, Some(silence), None, at(5));
    known.incident.as_mut().unwrap().release_from_flood();
    assert!(fire_due(&mut known, &life(), at(5)).actions.is_empty());
    apply_mute(&mut known, None, None, at(60));
    let mut heard_again = known.clone();
    assert_eq!(
        fire_due(&mut known, &life(), at(60)).actions,
        [TicketAction::Create]
    );
    let decision = hears_of(&mut heard_again, Verdict::Breach, 60);
    assert_eq!(decision.actions, [TicketAction::Create]);
}

#[test]
fn a_ticket_that_is_due_by_time_is_held_beyond_the_limit() {
    let waits = LifePolicy {
        hold_for: 10 * SECOND,
        ..life()
    };
    let mut known = DecisionState::default();
    decide(
        &mut known,
        &evaluation(Verdict::Breach, 0),
        &waits,
        None,
        &NEW,
    );
    known.allowance.may_open = false;
    let decision = fire_due(&mut known, &waits, at(10));
    assert!(decision.actions.is_empty());
    assert!(known.incident.unwrap().is_held_by_flood());
}

#[test]
fn beyond_the_limit_of_what_may_wait_a_breach_begins_nothing() {
    let mut known = admitted(false, false);
    assert_eq!(hears_of(&mut known, Verdict::Breach, 0).outcome, FLOOD);
    assert_eq!(known.incident, None);
    let mut known = admitted(true, false);
    let decision = hears_of(&mut known, Verdict::Breach, 0);
    assert_eq!(decision.actions, [TicketAction::Create]);
    let rate = SourceRate {
        pending: 20,
        ..SourceRate::default()
    };
    assert!(!rate.allowance(&POLICY, at(0), at(0)).may_wait);
}

#[test]
fn an_open_incident_goes_on_whatever_its_source_does() {
    let mut known = DecisionState::default();
    hears_of(&mut known, Verdict::Breach, 0);
    known.allowance = admitted(false, false).allowance;
    let decision = hears_of(&mut known, Verdict::Clear, 5);
    assert_eq!(decision.actions, [TicketAction::Resolve]);
}

static OF_FLOOD: LazyLock<NewIncident<'static>> = LazyLock::new(|| NewIncident {
    id: IncidentId::new("flood-id"),
    key: IncidentKey::new("flood:genesys", "genesys"),
    severity: "high",
});

/// One step of the flood at `seconds`: what it owes, and its state.
fn step(
    flood: &mut DecisionState,
    seen: FloodObservation,
    seconds: i64,
) -> (Vec<TicketAction>, Option<IncidentState>) {
    let steps = reconcile(flood, seen, &POLICY.life(), &OF_FLOOD, at(seconds));
    let actions = steps
        .iter()
        .flat_map(|(decision, _)| decision.actions.clone());
    let state = flood.incident.as_ref().map(|one| one.state);
    (actions.collect(), state)
}

fn held(newly_held: u64) -> FloodObservation {
    FloodObservation {
        newly_held,
        ..FloodObservation::default()
    }
}

const NOTHING_HELD: FloodObservation = FloodObservation {
    newly_held: 0,
    counted: 0,
    held_breached: false,
    any_held: Some(false),
};

#[test]
fn a_flood_has_one_ticket_which_is_told_when_it_has_grown_by_much_and_not_too_often() {
    let mut flood = DecisionState::default();
    assert_eq!(
        step(&mut flood, FloodObservation::default(), 0),
        (vec![], None)
    );
    let open = Some(IncidentState::Open);
    assert_eq!(
        step(&mut flood, held(40), 0),
        (vec![TicketAction::Create], open)
    );
    assert_eq!(step(&mut flood, held(19), 90), (vec![], open));
    assert_eq!(
        step(&mut flood, held(1), 91),
        (vec![TicketAction::Progress], open)
    );
    assert_eq!(step(&mut flood, held(100), 92), (vec![], open));
    // Nothing new comes; the comment is due by time.
    let looked = FloodObservation {
        any_held: Some(true),
        ..NOTHING_HELD
    };
    assert_eq!(
        step(&mut flood, looked, 151),
        (vec![TicketAction::Progress], open)
    );
    let tally = flood.incident.unwrap().flood.unwrap();
    assert_eq!((tally.held, tally.reported), (160, 160));
}

#[test]
fn a_flood_is_over_when_nothing_is_held_and_the_source_has_stayed_within_its_limit() {
    let mut flood = DecisionState::default();
    step(&mut flood, held(5), 0);
    let open = Some(IncidentState::Open);
    let still_held = FloodObservation {
        any_held: Some(true),
        ..NOTHING_HELD
    };
    step(&mut flood, still_held, 10);
    assert_eq!(flood.incident.as_ref().unwrap().clear_since, None);
    step(&mut flood, NOTHING_HELD, 20);
    assert_eq!(step(&mut flood, held(1), 200), (vec![], open));
    step(&mut flood, NOTHING_HELD, 210);
    assert_eq!(step(&mut flood, NOTHING_HELD, 509), (vec![], open));
    let over = (vec![TicketAction::Resolve], Some(IncidentState::Closed));
    assert_eq!(step(&mut flood, NOTHING_HELD, 510), over);
}

#[test]
fn what_is_held_without_a_flood_brings_it_back_when_it_breaches() {
    let mut flood = DecisionState::default();
    let breached = FloodObservation {
        held_breached: true,
        ..FloodObservation::default()
    };
    let open = (vec![TicketAction::Create], Some(IncidentState::Open));
    assert_eq!(step(&mut flood, breached, 0), open);
}
