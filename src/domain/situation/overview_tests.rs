//! The sentence, for situations as people meet them.

use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

fn minutes_ago(minutes: u64) -> Option<Timestamp> {
    Some(NOW.minus(Duration::from_secs(60 * minutes)))
}

fn queues(count: u64) -> Overview {
    Overview {
        troubled: vec![(Entity::Queue, count)],
        ticketed: count,
        ..Overview::default()
    }
}

fn salesforce(tickets: u64, updates: u64) -> TargetInTrouble {
    TargetInTrouble {
        name: "salesforce".to_owned(),
        state: "circuit_open",
        paused: None,
        since: minutes_ago(4),
        tickets,
        updates,
        answers_reads: false,
        only_tried: None,
    }
}

#[test]
fn calm_is_said() {
    assert_eq!(
        Overview::default().sentence(NOW),
        "All is well: nothing is in trouble, and nothing waits"
    );
}

#[test]
fn trouble_comes_first_then_targets_then_people() {
    let mut overview = queues(2);
    overview.targets = vec![salesforce(3, 5)];
    overview.people.dead_letters = 1;
    assert_eq!(
        overview.sentence(NOW),
        "2 queues in trouble, both ticketed; salesforce unreachable for 4 min, 3 tickets wait; \
         1 dead letter waits for a person"
    );
}

#[test]
fn a_target_of_which_only_one_ticket_is_known_is_not_called_unreachable_without_saying_so() {
    let mut overview = queues(1);
    let mut target = salesforce(1, 0);
    target.only_tried = Some("Billing".to_owned());
    overview.targets = vec![target];
    overview.people.refused_alone = 1;
    assert_eq!(
        overview.sentence(NOW),
        "1 queue in trouble, ticketed; salesforce answers reads and takes no writes for 4 min, only \
         the ticket of Billing was tried, 1 ticket waits; 1 refused ticket waits for a person"
    );
}

#[test]
fn a_target_that_can_be_read_is_not_called_unreachable() {
    let mut overview = queues(1);
    let mut target = salesforce(1, 0);
    target.answers_reads = true;
    overview.targets = vec![target];
    assert_eq!(
        overview.sentence(NOW),
        "1 queue in trouble, ticketed; salesforce answers reads and takes no writes for 4 min, 1 \
         ticket waits"
    );
}

#[test]
fn who_paused_a_target_is_named_with_the_reason() {
    let mut overview = queues(1);
    overview.targets = vec![TargetInTrouble {
        state: "paused_by_person",
        paused: Some(("ada".to_owned(), "release weekend".to_owned())),
        ..salesforce(1, 0)
    }];
    assert_eq!(
        overview.sentence(NOW),
        "1 queue in trouble, ticketed; salesforce paused by ada for 4 min (release weekend), \
         1 ticket waits"
    );
}

#[test]
fn what_has_no_ticket_is_told_apart_from_what_is_held_back() {
    let overview = Overview {
        troubled: vec![
            (Entity::Trunk, 1),
            (Entity::Queue, 4),
            (Entity::Outage, 1),
            (Entity::Edge, 0),
        ],
        ticketed: 3,
        without_ticket: 2,
        held_back: 1,
        ..Overview::default()
    };
    assert_eq!(
        overview.sentence(NOW),
        "1 outage, 4 queues and 1 trunk in trouble, 3 ticketed, 2 without a ticket, 1 held back"
    );
}

#[test]
fn one_thing_is_spoken_of_in_the_singular() {
    let mut overview = queues(1);
    assert_eq!(overview.sentence(NOW), "1 queue in trouble, ticketed");
    (overview.ticketed, overview.without_ticket) = (0, 1);
    overview.targets = vec![salesforce(1, 0)];
    assert_eq!(
        overview.sentence(NOW),
        "1 queue in trouble, without a ticket; salesforce unreachable for 4 min, 1 ticket waits"
    );
    assert_eq!(queues(3).sentence(NOW), "3 queues in trouble, all ticketed");
}

#[test]
fn a_target_or_a_person_can_be_the_only_trouble() {
    let overview = Overview {
        targets: vec![salesforce(0, 2)],
        people: PeopleNeeded {
            dead_letters: 2,
            refused_alone: 0,
            review_items: 20,
            held_by_floods: 0,
            incomplete: 0,
        },
        ..Overview::default()
    };
    assert_eq!(
        overview.sentence(NOW),
        "Nothing is in trouble; salesforce unreachable for 4 min, 2 updates wait; \
         2 dead letters and 20 events that were not understood wait for a person"
    );
}

#[test]
fn a_part_that_does_not_work_is_said_before_all() {
    let mut overview = queues(1);
    overview.broken = vec![("store".to_owned(), "disk full".to_owned())];
    assert_eq!(
        overview.sentence(NOW),
        "store is down: disk full; 1 queue in trouble, ticketed"
    );
}

#[test]
fn an_incomplete_ticket_is_told_although_nothing_else_is_wrong() {
    let mut overview = queues(2);
    overview.people.incomplete = 1;
    assert_eq!(
        overview.sentence(NOW),
        "2 queues in trouble, both ticketed; 1 ticket is incomplete"
    );
    let alone = Overview {
        people: PeopleNeeded {
            incomplete: 3,
            ..PeopleNeeded::default()
        },
        ..Overview::default()
    };
    assert_eq!(
        alone.sentence(NOW),
        "Nothing is in trouble; 3 tickets are incomplete"
    );
}

#[test]
fn what_has_recovered_is_no_trouble_and_ringdown_can_be_in_trouble_itself() {
    let mut overview = Overview {
        recovered: 1,
        ..Overview::default()
    };
    assert_eq!(
        overview.sentence(NOW),
        "Nothing is in trouble, and nothing waits; 1 incident has recovered, and may breach again"
    );
    overview.troubled = vec![(Entity::Queue, 1), (Entity::Ringdown, 1)];
    overview.ticketed = 2;
    assert_eq!(
        overview.sentence(NOW),
        "1 queue and Ringdown itself in trouble, both ticketed"
    );
}
