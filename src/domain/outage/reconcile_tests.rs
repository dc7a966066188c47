//! What outages promise: one at a time in a group, no ticket for who is held, nobody lost.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::super::members::{MemberChange, release};
use super::*;
use crate::domain::decision::{BurstLock, Suppression};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Evaluation, OpenDelay, Readings, Recovery};

static NEW: LazyLock<NewIncident<'static>> = LazyLock::new(|| NewIncident {
    id: IncidentId::new("outage-1"),
    key: IncidentKey::new("outage:site", "Berlin"),
    severity: "critical",
});
const FORMATION: FormationPolicy<'static> = FormationPolicy {
    at_least: 3,
    within: Duration::from_secs(60),
    causes: &[],
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn life() -> LifePolicy {
    LifePolicy {
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        quiet_after: Duration::from_secs(3600),
        burst_lock: Duration::ZERO,
        update_every: Duration::from_secs(300),
        on_recovery: Recovery::Resolve,
        flapping: None,
    }
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

fn hear(
    known: &mut DecisionState,
    rule: &str,
    key: &str,
    seconds: i64,
    verdict: Verdict,
) -> Decision {
    let new = NewIncident {
        id: IncidentId::new(format!("{key}-{seconds}")),
        key: IncidentKey::new(rule, key),
        severity: "high",
    };
    let hold = OpenDelay {
        until: at(seconds + 5),
        reason: Suppression::Outage,
    };
    decide(
        known,
        &evaluation(seconds, verdict),
        &life(),
        Some(hold),
        &new,
    )
}

fn pending(rule: &str, key: &str, seconds: i64) -> Incident {
    let mut known = DecisionState::default();
    hear(&mut known, rule, key, seconds, Verdict::Breach);
    known.incident.unwrap()
}

fn queues(began: &[i64]) -> Vec<Incident> {
    let all = began.iter().enumerate();
    all.map(|(number, seconds)| pending("queue-wait", &format!("q{number}"), *seconds))
        .collect()
}

fn actions(update: &OutageUpdate) -> Vec<TicketAction> {
    update
        .outage
        .iter()
        .flat_map(|(decision, _)| decision.actions.clone())
        .collect()
}

#[test]
fn enough_keys_within_the_window_open_one_outage_and_no_ticket_of_their_own() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 30, 60]));
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(60));
    assert_eq!(actions(&update), [TicketAction::Create]);
    assert!(
        update
            .members
            .iter()
            .all(|step| step.what == MemberChange::Held)
    );
    assert_eq!(update.members.len(), 3);
    assert!(
        members
            .iter()
            .all(|one| one.due_at(&life()) > Some(at(3000)))
    );
}

#[test]
fn members_that_people_have_closed_are_counted_with_all_others() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 30, 60]));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(60));
    let tally =
        |outage: &mut DecisionState| outage.incident.as_mut().unwrap().tally.clone().unwrap();
    assert_eq!(tally(&mut outage).present, 3);
    let incident = outage.incident.as_mut().unwrap();
    incident.tally.as_mut().unwrap().is_stale = true;
    members.remove(0);
    let known = Others {
        any_live: true,
        given_live: 0,
    };
    let rules = (FORMATION, &life());
    let update = reconcile_changed(&mut outage, &mut [], (known, false), rules, &NEW, at(61));
    assert_eq!(update, None, "it needs all members");
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(61));
    let counted = tally(&mut outage);
    assert_eq!((counted.present, counted.is_stale), (2, false));
}

#[test]
fn keys_that_began_further_apart_are_no_outage() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 30, 61]));
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(61));
    assert_eq!(update, OutageUpdate::default());
}

#[test]
fn who_has_a_ticket_already_is_linked() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 30, 60]));
    members[0].open(&life(), at(5));
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(60));
    let linked = MemberStep {
        place: 0,
        what: MemberChange::Linked,
    };
    assert!(update.members.contains(&linked));
}

#[test]
fn a_cause_explains_what_else_breaches_in_its_group() {
    let causes = ["trunk-down".to_owned()];
    let formation = FormationPolicy {
        causes: &causes,
        ..FORMATION
    };
    let mut members = vec![pending("trunk-down", "t1", 0)];
    assert_eq!(forms(&members, formation), None, "alone it has its ticket");
    members.push(pending("queue-wait", "q1", 900));
    assert_eq!(forms(&members, formation), Some(Formation::Explained));
}

#[test]
fn a_cause_does_not_explain_what_began_long_before_it() {
    let causes = ["trunk-down".to_owned()];
    let formation = FormationPolicy {
        causes: &causes,
        ..FORMATION
    };
    let mut members = queues(&[0]);
    members.push(pending("trunk-down", "t1", 61));
    assert_eq!(forms(&members, formation), None);
    members.push(pending("queue-wait", "q9", 1));
    let mut outage = DecisionState::default();
    reconcile(&mut outage, &mut members, formation, &life(), &NEW, at(61));
    let held: Vec<bool> = members.iter().map(Incident::is_outage_member).collect();
    assert_eq!(held, [false, true, true]);
}

#[test]
fn what_breaches_after_the_cause_has_recovered_is_an_incident_of_its_own() {
    let causes = ["trunk-down".to_owned()];
    let formation = FormationPolicy {
        causes: &causes,
        ..FORMATION
    };
    let mut outage = DecisionState::default();
    let mut members = vec![pending("trunk-down", "t1", 0)];
    members.extend(queues(&[5]));
    reconcile(&mut outage, &mut members, formation, &life(), &NEW, at(5));
    assert!(members.iter().all(Incident::is_outage_member));
    members[0].close(at(100));
    members.push(pending("queue-wait", "late", 110));
    let update = reconcile(&mut outage, &mut members, formation, &life(), &NEW, at(110));
    assert!(!members[2].is_outage_member());
    assert_eq!(
        actions(&update),
        [],
        "the queue it explained still breaches"
    );
    // Enough of them at once are an outage for themselves, and the one there is takes them in.
    members.push(pending("queue-wait", "later", 111));
    members.push(pending("queue-wait", "latest", 112));
    reconcile(&mut outage, &mut members, formation, &life(), &NEW, at(112));
    assert!(members[2..].iter().all(Incident::is_outage_member));
}

#[test]
fn inside_the_burst_lock_an_outage_waits_and_links_when_it_opens() {
    let life = LifePolicy {
        burst_lock: Duration::from_secs(60),
        ..life()
    };
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0]));
    let first = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(0));
    assert_eq!(actions(&first), [TicketAction::Create]);
    members.iter_mut().for_each(|one| one.close(at(5)));
    let over = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(5));
    assert_eq!(actions(&over), [TicketAction::Resolve]);
    outage.incident = None;
    let mut members = queues(&[10, 10, 10]);
    members[0].open(&life, at(10));
    let again = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(10));
    assert_eq!(actions(&again), []);
    let what: Vec<MemberChange> = again.members.iter().map(|step| step.what).collect();
    assert_eq!(
        what,
        [MemberChange::Held, MemberChange::Held, MemberChange::Joined]
    );
    let opened = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(60));
    assert_eq!(actions(&opened), [TicketAction::Create]);
    let linked = MemberStep {
        place: 0,
        what: MemberChange::Linked,
    };
    assert_eq!(opened.members, [linked]);
}

#[test]
fn an_outage_that_is_over_before_its_lock_leaves_no_ticket_and_no_link() {
    let lock = Some(BurstLock {
        taken_at: at(0),
        until: at(60),
    });
    let (mut outage, mut members) = (DecisionState::default(), queues(&[10, 10, 10]));
    outage.lock = lock;
    members[0].open(&life(), at(10));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(10));
    members[0].state = IncidentState::Recovered;
    members[1].close(at(20));
    members[2].close(at(20));
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(20));
    assert_eq!(actions(&update), []);
    assert_eq!(
        outage.incident.map(|one| one.state),
        Some(IncidentState::Closed)
    );
    assert_eq!(members[0].state, IncidentState::Recovered);
    assert_eq!(members[0].outage_id, None);
}

#[test]
fn members_of_an_outage_that_a_person_gave_up_open_their_own_tickets_and_form_no_other() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0, 0]));
    members[3].open(&life(), at(0));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    let tally = outage.incident.as_mut().unwrap().tally.as_mut().unwrap();
    tally.given_up = true;
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(30));
    assert!(update.given_up && actions(&update).is_empty());
    assert_eq!(update.members.len(), 4);
    outage.incident = None;
    for member in &mut members[..3] {
        assert_eq!(
            member.fire_due(&life(), true, at(30)),
            [TicketAction::Create]
        );
    }
    let after = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(31));
    assert_eq!(after, OutageUpdate::default());
}

#[test]
fn the_ticket_is_told_of_those_that_are_over_and_the_last_word_has_the_totals() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0, 0]));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    members.remove(0).close(at(10));
    let soon = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(10));
    assert_eq!(actions(&soon), [], "not within update_every");
    let later = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(300));
    assert_eq!(actions(&later), [TicketAction::Progress]);
    let still = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(900));
    assert_eq!(actions(&still), [], "nothing came or went");
    members.clear();
    let over = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(901));
    assert_eq!(actions(&over), [TicketAction::Resolve]);
    let tally = outage.incident.unwrap().tally.unwrap();
    assert_eq!((tally.joined, tally.present), (4, 0));
}

#[test]
fn nothing_is_said_to_go_on_once_no_member_breaches() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0, 0]));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    members.remove(0).close(at(10));
    // The others are clear, and may breach again before they count as recovered.
    for part in members.iter_mut().flat_map(|one| one.parts.values_mut()) {
        part.breaching = false;
    }
    let later = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(300));
    assert_eq!(actions(&later), []);
}

#[test]
fn a_recovered_outage_is_said_to_have_recovered_once() {
    let life = LifePolicy {
        on_recovery: Recovery::Comment,
        ..life()
    };
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0]));
    members[0].open(&life, at(0));
    reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(0));
    members.truncate(1);
    members[0].state = IncidentState::Recovered;
    let over = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(9));
    assert_eq!(actions(&over), [TicketAction::Recovered]);
    let again = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(10));
    let outcomes = again.outage.iter().map(|(decision, _)| decision.outcome);
    assert_eq!(outcomes.collect::<Vec<_>>(), [SignalOutcome::InHysteresis]);
    members[0].state = IncidentState::Open;
    let evaluation = evaluation(20, Verdict::Breach);
    members[0].apply(&evaluation);
    let back = reconcile(&mut outage, &mut members, FORMATION, &life, &NEW, at(20));
    assert_eq!(actions(&back), [TicketAction::Relapse]);
}

#[test]
fn later_members_join_and_the_ticket_is_told_at_a_bounded_rate() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0]));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    let mut told = 0;
    for seconds in 1..=900 {
        members.push(pending("queue-wait", &format!("late-{seconds}"), seconds));
        let update = reconcile(
            &mut outage,
            &mut members,
            FORMATION,
            &life(),
            &NEW,
            at(seconds),
        );
        told += actions(&update).len();
    }
    assert_eq!(told, 3, "once in five minutes");
    assert!(members.iter().all(|one| one.outage_id.is_some()));
}

#[test]
fn when_all_have_recovered_the_outage_is_resolved_and_its_members_with_it() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0]));
    members[0].open(&life(), at(0));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    members[0].state = IncidentState::Recovered;
    members[1].close(at(9));
    let still = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(9));
    assert_eq!(actions(&still), [], "one still breaches");
    members[2].close(at(10));
    let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(10));
    assert_eq!(actions(&update), [TicketAction::Resolve]);
    let resolved = MemberStep {
        place: 0,
        what: MemberChange::Resolved,
    };
    assert_eq!(update.members, [resolved]);
    assert!(members.iter().all(|one| one.state == IncidentState::Closed));
}

#[test]
fn members_of_an_outage_that_a_person_closed_are_closed_or_go_on_with_their_tickets() {
    let (mut outage, mut members) = (DecisionState::default(), queues(&[0, 0, 0]));
    members[0].open(&life(), at(0));
    reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(0));
    assert_eq!(release(&mut members, at(1)).len(), 3);
    assert_eq!(
        forms(
            &members,
            FormationPolicy {
                at_least: 1,
                ..FORMATION
            }
        ),
        None
    );
    assert_eq!(members[0].state, IncidentState::Open);
    assert_eq!(members[1].state, IncidentState::Closed);
}

proptest! {
    #[test]
    fn one_outage_at_a_time_no_ticket_for_the_held_and_nobody_lost(
        steps in proptest::collection::vec((0_usize..8, any::<bool>(), 0_i64..40), 1..120)
    ) {
        let mut outage = DecisionState::default();
        let mut keys: Vec<DecisionState> = vec![DecisionState::default(); 8];
        let (mut now, mut formed, mut ended) = (0, 0_u32, 0_u32);
        for (key, breaches, wait) in steps {
            now += wait;
            for known in &mut keys {
                let was_held = known.incident.as_ref().is_some_and(Incident::is_outage_member);
                let was_pending =
                    known.incident.as_ref().is_some_and(|one| one.state == IncidentState::Pending);
                let decision = fire_due(known, &life(), at(now));
                prop_assert!(!(was_held && was_pending && decision.actions.contains(&TicketAction::Create)));
            }
            let verdict = if breaches { Verdict::Breach } else { Verdict::Clear };
            let known = &mut keys[key];
            known.incident = known.incident.take().filter(|one| one.state != IncidentState::Closed);
            let was_held = known.incident.as_ref().is_some_and(|one| one.is_outage_member() && one.state == IncidentState::Pending);
            let decision = hear(known, "queue-wait", &format!("q{key}"), now, verdict);
            prop_assert!(!(was_held && decision.actions.contains(&TicketAction::Create)));
            let mut places = Vec::new();
            let mut members = Vec::new();
            for (place, known) in keys.iter_mut().enumerate() {
                if let Some(one) = known.incident.take().filter(|one| one.state != IncidentState::Closed) {
                    places.push(place);
                    members.push(one);
                }
            }
            let update = reconcile(&mut outage, &mut members, FORMATION, &life(), &NEW, at(now));
            formed += u32::try_from(actions(&update).iter().filter(|one| **one == TicketAction::Create).count()).unwrap();
            let active = outage.incident.as_ref().is_some_and(|one| one.state != IncidentState::Closed);
            for one in &members {
                if one.state == IncidentState::Closed { continue; }
                // Whoever breaches beside an outage is its member, or else waits for or owns a ticket.
                let breaching = one.is_breaching() && one.state != IncidentState::Recovered;
                prop_assert!(!breaching || one.is_outage_member() == active);
                prop_assert!(breaching || one.due_at(&life()).is_some());
                prop_assert!(!one.is_outage_member() || active, "held by an outage that is over");
            }
            if outage.incident.as_ref().is_some_and(|one| one.state == IncidentState::Closed) {
                ended += 1;
                outage.incident = None;
            }
            for (place, one) in places.into_iter().zip(members) {
                keys[place].incident = Some(one);
            }
        }
        prop_assert!(formed - ended <= 1);
    }

    /// A group of thousands is decided on by the incidents that changed, with the same result.
    #[test]
    fn a_step_with_those_that_changed_is_the_step_with_all_of_them(
        causes in any::<bool>(),
        steps in proptest::collection::vec((0_usize..8, any::<bool>(), 0_i64..40), 1..80)
    ) {
        let names = if causes { vec!["trunk-down".to_owned()] } else { Vec::new() };
        let formation = FormationPolicy { causes: &names, ..FORMATION };
        let mut with_all = (DecisionState::default(), vec![DecisionState::default(); 8]);
        let mut with_changed = with_all.clone();
        let mut now = 0;
        for (key, breaches, wait) in steps {
            now += wait;
            let verdict = if breaches { Verdict::Breach } else { Verdict::Clear };
            for (world, all) in [(&mut with_all, true), (&mut with_changed, false)] {
                let (outage, keys) = world;
                let before: Vec<Option<Incident>> =
                    keys.iter().map(|known| known.incident.clone()).collect();
                for (place, known) in keys.iter_mut().enumerate() {
                    fire_due(known, &life(), at(now));
                    if place == key {
                        known.incident = known.incident.take().filter(|one| one.state != IncidentState::Closed);
                        let rule = if key == 0 { "trunk-down" } else { "queue-wait" };
                        hear(known, rule, &format!("q{key}"), now, verdict);
                    }
                }
                let is_changed = |place: usize| place == key || keys[place].incident != before[place];
                let changed: Vec<usize> = (0..8).filter(|place| is_changed(*place)).collect();
                let was = |one: &&Incident| before.iter().flatten().any(|old| old.id == one.id && can_form(old));
                let begins = changed
                    .iter()
                    .filter_map(|place| keys[*place].incident.as_ref())
                    .any(|one| can_form(one) && !was(&one));
                let live = |one: &&Incident| is_member(outage, one);
                let others = Others {
                    any_live: (0..8)
                        .filter(|place| !changed.contains(place))
                        .filter_map(|place| before[place].as_ref())
                        .any(|one| live(&one)),
                    given_live: changed
                        .iter()
                        .filter_map(|place| before[*place].as_ref())
                        .filter(live)
                        .count() as u64,
                };
                let given = if all { (0..8).collect() } else { changed };
                if all || !step_of(world, &given, Some((others, begins)), formation, now) {
                    let every: Vec<usize> = (0..8).collect();
                    step_of(world, &every, None, formation, now);
                }
                let (outage, _) = world;
                outage.incident = outage.incident.take().filter(|one| one.state != IncidentState::Closed);
            }
            prop_assert_eq!(&with_all, &with_changed);
        }
    }
}

type World = (DecisionState, Vec<DecisionState>);

/// One step with the incidents at `places`, which are all where nothing is `known` of others.
/// Returns whether it was done.
fn step_of(
    (outage, keys): &mut World,
    places: &[usize],
    known: Option<(Others, bool)>,
    formation: FormationPolicy<'_>,
    now: i64,
) -> bool {
    let is_open = |place: &&usize| {
        let incident = keys[**place].incident.as_ref();
        incident.is_some_and(|one| one.state != IncidentState::Closed)
    };
    let places: Vec<usize> = places.iter().filter(is_open).copied().collect();
    let open = places
        .iter()
        .filter_map(|place| keys[*place].incident.clone());
    let mut incidents: Vec<Incident> = open.collect();
    let life = life();
    let update = match known {
        Some(known) => {
            let rules = (formation, &life);
            reconcile_changed(outage, &mut incidents, known, rules, &NEW, at(now))
        }
        None => Some(reconcile(
            outage,
            &mut incidents,
            formation,
            &life,
            &NEW,
            at(now),
        )),
    };
    for (place, incident) in places.into_iter().zip(incidents) {
        keys[place].incident = Some(incident);
    }
    update.is_some()
}
