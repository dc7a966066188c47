//! Which silence mutes a breach, and what that does to the life of an incident.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use crate::domain::decision::{
    Decision, NewIncident, SignalOutcome, Suppression, decide, fire_due,
};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Evaluation, LifePolicy, Readings, Recovery, TicketAction, Verdict};
use crate::domain::silence::{Matcher, Silence};

static NEW: LazyLock<NewIncident<'static>> = LazyLock::new(|| NewIncident {
    id: IncidentId::new("0195"),
    key: IncidentKey::new("queue-wait", "q1"),
    severity: "high",
});

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

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

fn subject() -> Subject<'static> {
    Subject {
        source: Some("genesys"),
        rule: "queue-wait",
        key: "Billing Tier 1",
        labels: Some(BTreeMap::from([("site", "Berlin")])),
    }
}

fn until(seconds: i64) -> Option<Mute> {
    Some(Mute {
        by: "silence 1".to_owned(),
        until: at(seconds),
    })
}

fn hear(
    known: &mut DecisionState,
    silence: Option<Mute>,
    seconds: i64,
    verdict: Verdict,
) -> Decision {
    let evaluation = Evaluation {
        received_at: at(seconds),
        occurred_at: at(seconds),
        part: "voice".to_owned(),
        verdict,
        readings: Readings::new(),
    };
    apply_mute(known, silence, None, at(seconds));
    decide(known, &evaluation, &policy(), None, &NEW)
}

fn wait(known: &mut DecisionState, silence: Option<Mute>, seconds: i64) -> Decision {
    apply_mute(known, silence, None, at(seconds));
    fire_due(known, &policy(), at(seconds))
}

fn state(known: &DecisionState) -> IncidentState {
    known.incident.as_ref().unwrap().state
}

fn due_at(known: &DecisionState) -> Option<Timestamp> {
    known.incident.as_ref().unwrap().due_at(&policy())
}

const SILENCED: SignalOutcome = SignalOutcome::Suppressed(Suppression::Silenced);

#[test]
fn the_silence_that_ends_last_is_told_and_one_without_matchers_covers_nothing() {
    let silence = |id: &str, texts: &[&str], from, to| Silence {
        id: id.to_owned(),
        matchers: texts
            .iter()
            .map(|one| Matcher::parse(one).unwrap())
            .collect(),
        starts_at: at(from),
        ends_at: at(to),
    };
    let all = [
        silence("1", &["rule=queue-wait"], 0, 100),
        silence("2", &["key=~.*", "labels.site=Berlin"], 50, 150),
        silence("3", &["key=~.*", "labels.site=Hamburg"], 0, 900),
        silence("4", &[], 0, 900),
    ];
    let covered = |now: i64| {
        let in_force = all.iter().filter_map(|one| one.in_force(at(now)));
        longest_mute(in_force, &subject()).map(|cover| (cover.by, cover.until))
    };
    assert_eq!(covered(-1), None);
    assert_eq!(covered(0), Some(("silence 1".to_owned(), at(100))));
    assert_eq!(covered(50), Some(("silence 2".to_owned(), at(150))));
    assert_eq!(covered(149), Some(("silence 2".to_owned(), at(150))));
    assert_eq!(covered(150), None);
}

#[test]
fn a_silenced_breach_opens_once_the_silence_is_over() {
    let mut known = DecisionState::default();
    let first = hear(&mut known, until(600), 0, Verdict::Breach);
    assert_eq!(
        (first.outcome, first.actions, first.lock),
        (SILENCED, vec![], None)
    );
    assert_eq!(due_at(&known), Some(at(600)));
    let second = hear(&mut known, until(600), 60, Verdict::Breach);
    assert_eq!((second.outcome, second.actions), (SILENCED, vec![]));
    assert_eq!(known.incident.as_ref().unwrap().suppressed, 2);
    let over = wait(&mut known, None, 600);
    assert_eq!(
        (over.outcome, over.actions),
        (SignalOutcome::Opened, vec![TicketAction::Create])
    );
    assert_eq!(state(&known), IncidentState::Open);
}

#[test]
fn a_breach_after_the_end_opens_it_as_well() {
    let mut known = DecisionState::default();
    hear(&mut known, until(600), 0, Verdict::Breach);
    let next = hear(&mut known, None, 700, Verdict::Breach);
    assert_eq!(
        (next.outcome, next.actions),
        (SignalOutcome::Opened, vec![TicketAction::Create])
    );
}

#[test]
fn silences_that_follow_one_another_hold_on() {
    let mut known = DecisionState::default();
    hear(&mut known, until(600), 0, Verdict::Breach);
    hear(&mut known, until(600), 590, Verdict::Breach);
    assert_eq!(wait(&mut known, until(1200), 600).actions, vec![]);
    assert_eq!(
        (state(&known), due_at(&known)),
        (IncidentState::Pending, Some(at(1200)))
    );
    assert_eq!(
        wait(&mut known, None, 1200).actions,
        vec![TicketAction::Create]
    );
}

#[test]
fn what_clears_meanwhile_never_opens() {
    let mut known = DecisionState::default();
    hear(&mut known, until(600), 0, Verdict::Breach);
    hear(&mut known, until(600), 100, Verdict::Clear);
    assert_eq!(due_at(&known), Some(at(220)));
    assert_eq!(wait(&mut known, until(600), 220).actions, vec![]);
    assert_eq!(state(&known), IncidentState::Closed);
}

#[test]
fn what_is_heard_of_no_more_is_closed_in_the_silence_and_after_it() {
    let mut known = DecisionState::default();
    hear(&mut known, until(7200), 0, Verdict::Breach);
    assert_eq!(due_at(&known), Some(at(1800)));
    assert_eq!(wait(&mut known, until(7200), 1800).actions, vec![]);
    assert_eq!(state(&known), IncidentState::Closed);
    // The process stood still beyond the end.
    let mut known = DecisionState::default();
    hear(&mut known, until(600), 0, Verdict::Breach);
    assert_eq!(wait(&mut known, None, 1800).actions, vec![]);
    assert_eq!(state(&known), IncidentState::Closed);
}

#[test]
fn an_incident_that_waits_for_something_else_is_silenced_when_that_is_over() {
    let mut known = DecisionState::default();
    let policy = LifePolicy {
        hold_for: Duration::from_secs(60),
        ..policy()
    };
    let evaluation = Evaluation {
        received_at: at(0),
        occurred_at: at(0),
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    decide(&mut known, &evaluation, &policy, None, &NEW);
    apply_mute(&mut known, until(600), None, at(60));
    assert_eq!(fire_due(&mut known, &policy, at(60)).actions, vec![]);
    assert_eq!(
        known.incident.as_ref().unwrap().due_at(&policy),
        Some(at(600))
    );
    apply_mute(&mut known, None, None, at(600));
    assert_eq!(
        fire_due(&mut known, &policy, at(600)).actions,
        vec![TicketAction::Create]
    );
}

#[test]
fn a_silence_over_does_not_shorten_the_burst_lock() {
    let mut known = DecisionState::default();
    hear(&mut known, None, 0, Verdict::Breach);
    known.incident = None;
    let second = hear(&mut known, until(30), 10, Verdict::Breach);
    assert_eq!(second.outcome, SILENCED);
    assert_eq!(wait(&mut known, None, 30).actions, vec![]);
    assert_eq!(due_at(&known), Some(at(60)));
    assert_eq!(
        wait(&mut known, None, 60).actions,
        vec![TicketAction::Create]
    );
}

#[test]
fn an_incident_with_a_ticket_goes_on_being_told() {
    let mut known = DecisionState::default();
    hear(&mut known, None, 0, Verdict::Breach);
    let later = hear(&mut known, until(5000), 1000, Verdict::Breach);
    assert_eq!(
        (later.outcome, later.actions),
        (SignalOutcome::Commented, vec![TicketAction::Progress])
    );
    hear(&mut known, until(5000), 1100, Verdict::Clear);
    assert_eq!(
        wait(&mut known, until(5000), 1220).actions,
        vec![TicketAction::Recovered]
    );
    let again = hear(&mut known, until(5000), 1300, Verdict::Breach);
    assert_eq!(again.outcome, SignalOutcome::Relapsed);
}

#[test]
fn after_a_silence_an_outage_gets_its_time_to_form() {
    let mut known = DecisionState::default();
    hear(&mut known, until(600), 0, Verdict::Breach);
    let hold = OpenDelay {
        until: at(605),
        reason: Suppression::Outage,
    };
    apply_mute(&mut known, None, Some(hold), at(600));
    assert_eq!(fire_due(&mut known, &policy(), at(600)).actions, vec![]);
    let incident = known.incident.as_ref().unwrap();
    assert_eq!(incident.waits_for, Some(Suppression::Outage));
    assert_eq!(
        (due_at(&known), incident.silenced_until),
        (Some(at(605)), Some(at(600)))
    );
}
