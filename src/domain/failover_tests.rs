//! Failover: who takes over, and that no order of things lets two targets own one create.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const AFTER: Duration = Duration::from_secs(120);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn unreachable(since: i64) -> Unreachable {
    Unreachable {
        state: BreakerState::CircuitOpen,
        since: at(since),
        reason: "network_failure: no answer".to_owned(),
    }
}

static NAMES: LazyLock<[TargetName; 3]> = LazyLock::new(|| ["a", "b", "c"].map(TargetName::new));

fn named(name: &str) -> &'static TargetName {
    NAMES.iter().find(|one| one.as_str() == name).unwrap()
}

fn candidate<'a>(name: &str, unreachable: Option<&'a Unreachable>) -> Candidate<'a> {
    Candidate {
        name: named(name),
        unreachable,
        failover_after: AFTER,
    }
}

fn goes_to<'a>(candidates: &[Candidate<'a>], current: &str, now: i64) -> Option<&'a str> {
    fail_over(candidates, named(current), at(now)).map(|failover| failover.to.as_str())
}

#[test]
fn a_ticket_leaves_a_target_that_has_been_away_for_long_enough() {
    let gone = unreachable(0);
    let both = [candidate("a", Some(&gone)), candidate("b", None)];
    assert_eq!(goes_to(&both, "a", 119), None);
    assert_eq!(goes_to(&both, "a", 120), Some("b"));
    let at_once = Candidate {
        failover_after: Duration::ZERO,
        ..candidate("a", Some(&gone))
    };
    assert_eq!(goes_to(&[at_once, both[1]], "a", 0), Some("b"));
}

#[test]
fn a_target_that_is_away_takes_nothing_over_however_short_it_has_been() {
    let (long, short) = (unreachable(0), unreachable(199));
    let three = [
        candidate("a", Some(&long)),
        candidate("b", Some(&short)),
        candidate("c", None),
    ];
    assert_eq!(goes_to(&three, "a", 200), Some("c"));
    assert_eq!(goes_to(&three[..2], "a", 200), None, "all are unreachable");
}

#[test]
fn a_ticket_that_waits_in_the_second_goes_back_when_that_one_is_away_and_the_first_is_not() {
    let gone = unreachable(0);
    let both = [candidate("a", None), candidate("b", Some(&gone))];
    assert_eq!(goes_to(&both, "b", 200), Some("a"));
    assert_eq!(goes_to(&both, "a", 200), None, "the first can be reached");
    assert_eq!(goes_to(&both, "c", 200), None, "no longer configured");
}

#[test]
fn what_may_have_had_an_effect_is_not_moved() {
    use FailureKind::{IntegrationFailure, NetworkFailure};
    assert!(may_be_moved(CreateState::Waiting, false, None));
    assert!(may_be_moved(CreateState::Dead(NetworkFailure), false, None));
    assert!(!may_be_moved(CreateState::Waiting, true, None));
    assert!(!may_be_moved(CreateState::Dead(NetworkFailure), true, None));
    assert!(!may_be_moved(CreateState::Sending, false, None));
    assert!(!may_be_moved(CreateState::Ended, false, None));
    // The CRM refused it: a person mends that and replays it.
    assert!(!may_be_moved(
        CreateState::Dead(IntegrationFailure),
        false,
        None
    ));
}

const AWAY: StoredView = StoredView::Unreachable {
    is_disproved: false,
};
const DISPROVED: StoredView = StoredView::Unreachable { is_disproved: true };
const BACK: StoredView = StoredView::Reachable {
    by_other_just_now: false,
};
const JUST_BACK: StoredView = StoredView::Reachable {
    by_other_just_now: true,
};

#[test]
fn the_newer_word_counts() {
    assert_eq!(health_action(true, BACK, false), HealthAction::Publish);
    assert_eq!(health_action(false, AWAY, false), HealthAction::Publish);
    assert_eq!(health_action(false, AWAY, true), HealthAction::Verify);
    assert_eq!(health_action(true, BACK, true), HealthAction::ProbeNow);
    assert_eq!(health_action(true, AWAY, true), HealthAction::InSync);
}

#[test]
fn replicas_that_do_not_agree_leave_each_other_in_peace() {
    let of_the_well_one = health_action(false, DISPROVED, true);
    assert_eq!(
        of_the_well_one,
        HealthAction::Publish,
        "no probe, no canary"
    );
    let of_the_other = health_action(true, JUST_BACK, true);
    assert_eq!(of_the_other, HealthAction::ProbeNow, "once");
    let of_the_other = health_action(true, JUST_BACK, false);
    assert_eq!(of_the_other, HealthAction::InSync);
}

/// One thing that happens to a create and to its targets.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim,
    /// The attempt ends: whether it opened the ticket, and what is known of that.
    End {
        opened: bool,
        known: bool,
    },
    GiveUp,
    /// The worker's process dies; another finds its claim.
    Die {
        opened: bool,
    },
    Unreachable(usize),
    Back(usize),
    Look,
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Claim),
        (any::<bool>(), any::<bool>()).prop_map(|(opened, known)| Step::End { opened, known }),
        Just(Step::GiveUp),
        any::<bool>().prop_map(|opened| Step::Die { opened }),
        (0..3_usize).prop_map(Step::Unreachable),
        (0..3_usize).prop_map(Step::Back),
        Just(Step::Look),
        Just(Step::Pass),
    ]
}

/// A create as the outbox keeps it, and the targets that really hold its ticket.
struct Model {
    owner: usize,
    state: CreateState,
    in_doubt: bool,
    opened_in: BTreeSet<usize>,
    unreachable: [Option<Unreachable>; 3],
    now: i64,
}

impl Model {
    fn take(&mut self, step: Step) {
        use CreateState::{Dead, Ended, Sending, Waiting};
        let sending = self.state == Sending;
        match step {
            Step::Claim if self.state == Waiting => {
                self.state = Sending;
                // After any doubt the CRM is asked first, and what it has is adopted.
                if self.in_doubt && self.opened_in.contains(&self.owner) {
                    self.state = Ended;
                }
            }
            Step::End { opened, known } if sending => {
                if opened {
                    self.opened_in.insert(self.owner);
                }
                self.in_doubt |= !known;
                self.state = if opened && known { Ended } else { Waiting };
            }
            Step::GiveUp if self.state == Waiting => {
                self.state = Dead(FailureKind::NetworkFailure);
            }
            Step::Die { opened } if sending => {
                if opened {
                    self.opened_in.insert(self.owner);
                }
                self.in_doubt = true;
                self.state = Waiting;
            }
            Step::Unreachable(target) => {
                self.unreachable[target].get_or_insert(unreachable(self.now));
            }
            Step::Back(target) => self.unreachable[target] = None,
            Step::Look => self.look(),
            Step::Pass => self.now += 60,
            _ => {}
        }
    }

    fn look(&mut self) {
        let candidates: Vec<Candidate<'_>> = NAMES
            .iter()
            .zip(&self.unreachable)
            .map(|(name, unreachable)| candidate(name.as_str(), unreachable.as_ref()))
            .collect();
        let Some(failover) = fail_over(&candidates, &NAMES[self.owner], at(self.now)) else {
            return;
        };
        if may_be_moved(self.state, self.in_doubt, None) {
            assert!(
                self.opened_in.is_empty(),
                "a create that took effect was moved"
            );
            self.owner = NAMES.iter().position(|name| name == failover.to).unwrap();
            self.state = CreateState::Waiting;
        }
    }
}

proptest! {
    #[test]
    fn never_do_two_targets_open_one_ticket(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model {
            owner: 0,
            state: CreateState::Waiting,
            in_doubt: false,
            opened_in: BTreeSet::new(),
            unreachable: [None, None, None],
            now: 0,
        };
        for step in steps {
            model.take(step);
            prop_assert!(model.opened_in.len() <= 1, "{:?}", model.opened_in);
            if let Some(target) = model.opened_in.first() {
                prop_assert_eq!(*target, model.owner, "the ticket's owner changed");
            }
        }
    }
}
