//! What messages tell of an entity, and what a rule sees of it.

use std::time::Duration;

use super::*;
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;

const OBSERVATIONS: &str = "v2.analytics.queues.{id}.observations";
const FRESH: Freshness = Freshness {
    readings: Duration::from_secs(300),
    status: None,
};

/// A time, in seconds.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_442_400_000 + seconds * 1_000)
}

fn observation(seconds: i64, media: &str) -> Signal {
    let mut signal = Signal::new("e", OBSERVATIONS, at(seconds));
    signal.fields.insert("queue_id", "q1".into());
    if !media.is_empty() {
        signal.fields.insert("media_type", media.into());
        signal.part = media.to_owned();
    }
    signal
}

fn with_count(mut signal: Signal, metric: &str, count: f64) -> Signal {
    let reading = Reading::from([("count".to_owned(), count)]);
    signal.metrics.insert(metric.to_owned(), reading);
    signal
}

/// A message with one count for each qualifier.
fn agents(seconds: i64, counts: &[(&str, f64)]) -> Signal {
    let mut signal = observation(seconds, "");
    let mut reading: Reading = counts
        .iter()
        .map(|(qualifier, count)| ((*qualifier).to_owned(), *count))
        .collect();
    reading.insert(
        "count".to_owned(),
        counts.iter().map(|(_, count)| count).sum(),
    );
    signal.metrics.insert("oOnQueueUsers".to_owned(), reading);
    let qualifiers = counts.iter().map(|(name, _)| (*name).to_owned()).collect();
    signal
        .qualifiers
        .insert("oOnQueueUsers".to_owned(), qualifiers);
    signal
}

fn edge(seconds: i64, status: &str) -> Signal {
    let mut signal = Signal::new("e", "v2.telephony.providers.edges.{id}", at(seconds));
    signal.fields.insert("edge_id", "e1".into());
    signal.fields.insert("status", status.into());
    signal
}

fn tell(state: &mut EntityState, signal: &Signal) -> Applied {
    let entity = Entity::of(signal).unwrap();
    state.apply(&entity, signal, at(100_000), |_| true)
}

fn told(signals: &[Signal]) -> EntityState {
    let mut state = EntityState::default();
    for signal in signals {
        tell(&mut state, signal);
    }
    state
}

fn statistic(state: &EntityState, media: &str, metric: &str, name: &str) -> Option<f64> {
    let (reading, _) = state.view(media, FRESH).reading(metric)?;
    reading.get(name).copied()
}

/// The status, if nothing newer than that was heard of.
fn fresh_status(state: &EntityState) -> Option<&str> {
    let freshness = Freshness {
        status: Some(Duration::ZERO),
        ..FRESH
    };
    let (status, _) = state.view("", freshness).status()?;
    Some(status)
}

fn agents_in(state: &EntityState) -> Option<f64> {
    statistic(state, "", "oOnQueueUsers", "count")
}

#[test]
fn readings_of_two_messages_are_seen_together() {
    let state = told(&[
        with_count(observation(0, "voice"), "oWaiting", 25.0),
        agents(1, &[("IDLE", 0.0), ("INTERACTING", 0.0)]),
    ]);
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), Some(25.0));
    assert_eq!(
        statistic(&state, "voice", "oOnQueueUsers", "count"),
        Some(0.0)
    );
}

#[test]
fn the_reading_of_one_media_type_is_not_that_of_the_queue() {
    let state = told(&[
        with_count(observation(0, "voice"), "oWaiting", 25.0),
        with_count(observation(1, "email"), "oWaiting", 0.0),
    ]);
    assert_eq!(statistic(&state, "", "oWaiting", "count"), None);
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), Some(25.0));
    assert_eq!(statistic(&state, "email", "oWaiting", "count"), Some(0.0));
    assert_eq!(statistic(&state, "chat", "oWaiting", "count"), None);
}

#[test]
fn a_qualifier_changes_its_share_of_the_total_only() {
    let both = agents(0, &[("IDLE", 1.0), ("INTERACTING", 9.0)]);
    let state = told(&[both.clone(), agents(2, &[("IDLE", 0.0)])]);
    assert_eq!(agents_in(&state), Some(9.0));
    // Two messages of the same time are still two.
    let state = told(&[both, agents(0, &[("IDLE", 0.0)])]);
    assert_eq!(agents_in(&state), Some(9.0));
    // Two of three known qualifiers are no total of their own either.
    let three = agents(0, &[("IDLE", 1.0), ("INTERACTING", 9.0), ("BUSY", 2.0)]);
    let state = told(&[three, agents(2, &[("IDLE", 0.0), ("BUSY", 0.0)])]);
    assert_eq!(agents_in(&state), Some(9.0));
}

#[test]
fn one_qualifier_alone_gives_no_total() {
    let state = told(&[agents(0, &[("IDLE", 0.0)])]);
    assert_eq!(agents_in(&state), None);
    assert_eq!(statistic(&state, "", "oOnQueueUsers", "IDLE"), Some(0.0));
}

#[test]
fn a_total_with_an_old_share_is_missing_until_the_share_is_gone() {
    let both = agents(0, &[("IDLE", 1.0), ("INTERACTING", 9.0), ("BUSY", 0.0)]);
    let later = |seconds| agents(seconds, &[("IDLE", 0.0), ("BUSY", 0.0)]);
    let state = told(&[both.clone(), later(301)]);
    assert_eq!(agents_in(&state), None, "nine may still interact");
    let state = told(&[both, later(4_000)]);
    assert_eq!(agents_in(&state), Some(0.0), "the sender tells it no more");
}

#[test]
fn an_old_reading_is_missing() {
    let state = told(&[
        with_count(observation(0, "voice"), "oWaiting", 25.0),
        agents(300, &[("IDLE", 0.0), ("INTERACTING", 0.0)]),
    ]);
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), Some(25.0));
    let state = told(&[
        with_count(observation(0, "voice"), "oWaiting", 25.0),
        agents(301, &[("IDLE", 0.0), ("INTERACTING", 0.0)]),
    ]);
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), None);
}

#[test]
fn an_older_message_overwrites_no_newer_one_and_still_adds_what_is_new() {
    let mut state = told(&[with_count(observation(10, "voice"), "oWaiting", 25.0)]);
    let late = with_count(observation(5, "voice"), "oWaiting", 1.0);
    let late = with_count(late, "oAlerting", 3.0);
    let applied = tell(&mut state, &late);
    assert!(applied.supersedes("oWaiting"));
    assert!(!applied.supersedes("oAlerting"));
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), Some(25.0));
    assert_eq!(statistic(&state, "voice", "oAlerting", "count"), Some(3.0));
}

#[test]
fn a_late_status_is_known_as_late_before_any_incident() {
    let mut state = told(&[edge(30, "ONLINE")]);
    assert!(tell(&mut state, &edge(0, "OFFLINE")).supersedes_status());
    assert_eq!(state.view("", FRESH).status(), Some(("ONLINE", at(30))));
    assert!(!tell(&mut state, &edge(30, "OFFLINE")).supersedes_status());
}

#[test]
fn two_kinds_of_operational_events_do_not_overtake_each_other() {
    let event = |seconds, name: &str| {
        let mut signal = edge(seconds, "FAILED");
        signal.fields.insert("event_name", name.into());
        signal
    };
    let mut state = told(&[event(10, "update failed")]);
    assert!(!tell(&mut state, &event(5, "edge is offline")).supersedes_status());
    assert_eq!(
        state.view("", FRESH).status(),
        None,
        "it is that of an event, not of the edge"
    );
}

#[test]
fn a_clock_far_ahead_in_one_message_makes_no_later_message_old() {
    // First of all messages, and among others.
    for before in [None, Some(edge(0, "ONLINE"))] {
        let mut state = told(before.as_slice());
        let ahead = edge(10_000_000, "OFFLINE");
        assert!(!tell(&mut state, &ahead).supersedes_status());
        assert!(!tell(&mut state, &edge(5, "ONLINE")).supersedes_status());
        assert_eq!(state.view("", FRESH).status(), Some(("ONLINE", at(5))));
        assert_eq!(fresh_status(&state), Some("ONLINE"));
    }
}

#[test]
fn readings_of_a_clock_that_is_always_far_ahead_grow_old() {
    let mut state = EntityState::default();
    let mut tell = |received: i64, signal: &Signal| {
        let entity = Entity::of(signal).unwrap();
        state.apply(&entity, signal, at(received), |_| true);
        (
            statistic(&state, "voice", "oWaiting", "count"),
            agents_in(&state),
        )
    };
    let waiting = |seconds| with_count(observation(seconds, "voice"), "oWaiting", 50.0);
    let nobody = |seconds| agents(seconds, &[("IDLE", 0.0), ("INTERACTING", 0.0)]);
    assert_eq!(tell(0, &waiting(60)), (Some(50.0), None));
    assert_eq!(tell(299, &nobody(359)), (Some(50.0), Some(0.0)));
    assert_eq!(tell(301, &nobody(361)), (None, Some(0.0)));
    assert_eq!(tell(302, &waiting(362)), (Some(50.0), Some(0.0)));
}

#[test]
fn one_clock_far_ahead_among_messages_of_a_clock_that_is_behind_makes_nothing_old() {
    let mut state = EntityState::default();
    let mut tell = |received: i64, signal: &Signal| {
        let entity = Entity::of(signal).unwrap();
        state.apply(&entity, signal, at(received), |_| true);
        (
            statistic(&state, "voice", "oWaiting", "count"),
            agents_in(&state),
        )
    };
    let waiting = |seconds| with_count(observation(seconds, "voice"), "oWaiting", 50.0);
    let nobody = |seconds| agents(seconds, &[("IDLE", 0.0), ("INTERACTING", 0.0)]);
    // It is an hour behind.
    assert_eq!(tell(3_600, &waiting(0)), (Some(50.0), None));
    let ahead = nobody(10_000_000);
    assert_eq!(tell(3_660, &ahead), (Some(50.0), Some(0.0)));
    assert_eq!(tell(3_720, &waiting(120)), (Some(50.0), Some(0.0)));
    assert_eq!(tell(3_965, &waiting(365)), (Some(50.0), None));
}

#[test]
fn an_age_is_measured_among_the_events_that_a_rule_names() {
    let other = "v2.telephony.providers.edges.operational";
    let event = |seconds| {
        let mut signal = edge(seconds, "FAILED");
        signal.event_type = other.into();
        signal.fields.insert("event_name", "update failed".into());
        signal
    };
    let limited = Freshness {
        status: Some(Duration::from_secs(30)),
        ..FRESH
    };
    let state = told(&[edge(0, "ONLINE"), event(40)]);
    let status = |is_named: &dyn Fn(&str) -> bool| {
        let view = state.view_by("", limited, is_named);
        view.status().map(|(status, _)| status)
    };
    assert_eq!(status(&|name| name != other), Some("ONLINE"));
    assert_eq!(status(&|_| true), None);
    // Nor does another type's clock decide how the times of this one are believed.
    let mut state = EntityState::default();
    for (received, signal) in [
        (0, edge(60, "ONLINE")),
        (20, event(-80)),
        (40, edge(100, "OFFLINE")),
    ] {
        let entity = Entity::of(&signal).unwrap();
        state.apply(&entity, &signal, at(received), |_| true);
    }
    let view = state.view_by("", limited, |name| name != other);
    assert_eq!(view.status().map(|(status, _)| status), Some("OFFLINE"));
}

#[test]
fn a_message_without_a_reading_that_is_kept_still_makes_others_old() {
    let mut state = told(&[with_count(observation(0, "voice"), "oWaiting", 25.0)]);
    let unread = with_count(observation(301, "voice"), "tTalk", 1.0);
    let mut apply = |signal: &Signal| {
        let entity = Entity::of(signal).unwrap();
        state.apply(&entity, signal, at(100_000), |name| name == "oWaiting")
    };
    assert!(
        apply(&unread).changed,
        "it is stored, so that batches make no difference"
    );
    assert!(!apply(&unread).changed);
    assert_eq!(statistic(&state, "voice", "oWaiting", "count"), None);
}

#[test]
fn a_total_is_whole_when_it_is_of_all_qualifiers_that_are_known() {
    let state = told(&[agents(0, &[("IDLE", 5.0), ("INTERACTING", 4.0)])]);
    let is_whole =
        |state: &EntityState, signal: &Signal| state.is_whole_in(signal, "", "oOnQueueUsers");
    let one = agents(-10, &[("IDLE", 0.0)]);
    let both = agents(-10, &[("IDLE", 0.0), ("INTERACTING", 1.0)]);
    assert!(!is_whole(&state, &one));
    assert!(is_whole(&state, &both));
    assert!(!is_whole(&EntityState::default(), &one));
    let more = told(&[agents(0, &[("IDLE", 5.0), ("COMMUNICATING", 4.0)])]);
    assert!(!is_whole(&more, &both));
    let unqualified = with_count(observation(-10, ""), "oOnQueueUsers", 0.0);
    assert!(is_whole(&state, &unqualified));
    assert!(is_whole(&state, &observation(-10, "")));
}

#[test]
fn a_clock_a_little_ahead_does_not_swallow_the_truth_after_it() {
    let mut state = EntityState::default();
    let mut tell = |received: i64, occurred: i64, status: &str| {
        let signal = edge(occurred, status);
        let entity = Entity::of(&signal).unwrap();
        let applied = state.apply(&entity, &signal, at(received), |_| true);
        applied.supersedes_status()
    };
    assert!(!tell(20, 29, "OFFLINE"));
    assert!(!tell(23, 22, "ONLINE"));
    assert!(
        tell(24, 19, "OFFLINE"),
        "it is late beside the receipt of the first"
    );
    assert_eq!(state.view("", FRESH).status(), Some(("ONLINE", at(22))));
    assert_eq!(fresh_status(&state), Some("ONLINE"));
}

#[test]
fn ids_that_differ_in_case_are_one_entity_and_conversations_have_no_state() {
    let mut signal = edge(0, "ONLINE");
    let key = Entity::of(&signal).unwrap().key("genesys");
    signal.fields.insert("edge_id", "E1".into());
    assert_eq!(Entity::of(&signal).unwrap().key("genesys"), key);
    assert_ne!(Entity::of(&signal).unwrap().key("other"), key);
    signal.fields.insert("conversation_id", "c1".into());
    assert_eq!(Entity::of(&signal), None);
}

#[test]
fn a_thing_with_a_type_of_its_own_is_not_the_edge_that_it_names() {
    let mut signal = edge(0, "OFFLINE");
    let kind = |signal: &Signal| Entity::of(signal).map(|entity| entity.kind);
    assert_eq!(kind(&signal), Some("edge"));
    signal.fields.insert("entity_id", "p1".into());
    signal.fields.insert("entity_type", "EDGE".into());
    assert_eq!(kind(&signal), Some("edge"));
    signal.fields.insert("entity_type", "PHONE".into());
    assert_eq!(kind(&signal), Some("entity"));
    assert_eq!(Entity::of(&signal).unwrap().id, "p1");
    signal.fields.remove("entity_id");
    assert_eq!(kind(&signal), Some("edge"));
}

#[test]
fn a_state_stays_small_whatever_is_told() {
    let mut state = EntityState::default();
    for number in 0..500 {
        let media = format!("media-{number}");
        tell(
            &mut state,
            &with_count(observation(number, &media), "oWaiting", 1.0),
        );
        let qualifier = format!("STATUS-{number}");
        tell(&mut state, &agents(number, &[(&qualifier, 1.0)]));
        let mut signal = edge(number, "ONLINE");
        signal.fields.insert("event_name", qualifier.into());
        tell(&mut state, &signal);
    }
    assert!(serde_json::to_string(&state).unwrap().len() < 20_000);
    assert_eq!(
        statistic(&state, "media-499", "oWaiting", "count"),
        Some(1.0),
        "the newest are kept"
    );
}

#[test]
fn a_state_survives_the_store() {
    let state = told(&[
        edge(0, "ONLINE"),
        edge(10_000_000, "OFFLINE"),
        with_count(observation(0, "voice"), "oWaiting", 25.0),
        agents(1, &[("IDLE", 0.0)]),
    ]);
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<EntityState>(&stored).unwrap(), state);
}

#[test]
fn a_state_agrees_with_what_it_knows_already_and_as_a_whole() {
    let agrees = |state: &EntityState, signal: &Signal| {
        state.agrees_with(&Entity::of(signal).unwrap(), signal)
    };
    let state = told(&[edge(0, "ONLINE")]);
    assert!(agrees(&state, &edge(900, "ONLINE")));
    assert!(!agrees(&state, &edge(900, "OFFLINE")));
    let waiting = |count| with_count(observation(0, "voice"), "oWaiting", count);
    let state = told(&[waiting(3.0), agents(0, &[("IDLE", 2.0)])]);
    assert!(agrees(&state, &waiting(3.0)));
    assert!(!agrees(&state, &waiting(0.0)));
    let email = with_count(observation(0, "email"), "oWaiting", 3.0);
    assert!(!agrees(&state, &email));
    let whole = with_count(observation(0, ""), "oOnQueueUsers", 2.0);
    assert!(!agrees(&state, &whole), "only a part of it is known");
}
