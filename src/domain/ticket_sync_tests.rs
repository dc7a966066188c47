//! Tests of what a ticket's change does: examples, and any order of any snapshots.

use proptest::prelude::*;

use super::*;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::{Evaluation, Readings, Verdict};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn incident() -> Incident {
    let heard = Evaluation {
        received_at: at(0),
        occurred_at: at(0),
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    let mut incident = Incident::begin(
        IncidentId::new("0195"),
        IncidentKey::new("queue-wait", "q1"),
        "high",
        &heard,
        at(0),
    );
    incident.state = IncidentState::Open;
    incident
}

fn seen(seconds: i64, state: &str, closed: bool) -> TicketSnapshot {
    TicketSnapshot {
        ticket_id: "500".to_owned(),
        incident_id: None,
        version: Some(TicketVersion {
            changed_at: at(seconds),
            changes: 0,
        }),
        changed_by: Some("Ada".to_owned()),
        presence: Presence::Here,
        details: TicketDetails {
            state: Some(state.to_owned()),
            closed,
            priority: Some("High".to_owned()),
            assignee: Some("Queue".to_owned()),
            ..TicketDetails::default()
        },
    }
}

#[test]
fn a_later_change_counts_although_the_crms_clock_was_set_back() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    let counted = |seconds, changes, closed| TicketSnapshot {
        version: Some(TicketVersion {
            changes,
            changed_at: at(seconds),
        }),
        ..seen(seconds, "2", closed)
    };
    let mut tell = |snapshot| {
        let then = apply_change(&mut incident, &mut known, &snapshot, true, at(10));
        then.effect
    };
    assert_eq!(tell(counted(3600, 1, false)), ChangeEffect::Noted);
    assert_eq!(tell(counted(60, 2, true)), ChangeEffect::Closed);
    assert_eq!(tell(counted(3600, 1, false)), ChangeEffect::Older);
}

#[test]
fn a_persons_closing_closes_the_incident_frees_the_key_and_says_who() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    let then = apply_change(
        &mut incident,
        &mut known,
        &seen(60, "Closed", true),
        true,
        at(61),
    );
    assert_eq!(then.effect, ChangeEffect::Closed);
    assert!(then.frees_lock && then.ends_deliveries);
    assert_eq!(incident.state, IncidentState::Closed);
    assert_eq!(incident.closed_at, Some(at(61)));
    let (what, cause) = &then.history[0];
    assert_eq!(what, "closed");
    assert!(cause.contains("by Ada at 1970-01-01T00:01:00Z"), "{cause}");
}

#[test]
fn a_closed_ticket_leaves_the_incident_alone_where_that_is_configured() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    let then = apply_change(
        &mut incident,
        &mut known,
        &seen(60, "Closed", true),
        false,
        at(61),
    );
    assert_eq!(then.effect, ChangeEffect::Noted);
    assert!(!then.ends_deliveries);
    assert_eq!(incident.state, IncidentState::Open);
    assert!(known.details.closed);
}

#[test]
fn our_own_resolution_coming_back_is_not_a_persons() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    incident.close(at(50));
    let then = apply_change(
        &mut incident,
        &mut known,
        &seen(60, "Closed", true),
        true,
        at(61),
    );
    assert_eq!(then.effect, ChangeEffect::Noted);
    assert_eq!(then.history, []);
    assert!(!then.frees_lock, "the key's lock may be its successor's");
    assert_eq!(incident.closed_at, Some(at(50)));
}

#[test]
fn an_older_version_never_overwrites_a_newer_one() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    apply_change(
        &mut incident,
        &mut known,
        &seen(60, "Working", false),
        true,
        at(61),
    );
    let late = seen(59, "Closed", true);
    let then = apply_change(&mut incident, &mut known, &late, true, at(62));
    assert_eq!(then, AppliedChange::nothing(ChangeEffect::Older));
    assert_eq!(known.details.state.as_deref(), Some("Working"));
    assert_eq!(incident.state, IncidentState::Open);
}

#[test]
fn within_one_second_the_count_of_changes_decides() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    let version = |changes| {
        Some(TicketVersion {
            changed_at: at(60),
            changes,
        })
    };
    let newer = TicketSnapshot {
        version: version(2),
        ..seen(60, "2", false)
    };
    let older = TicketSnapshot {
        version: version(1),
        ..seen(60, "7", true)
    };
    apply_change(&mut incident, &mut known, &newer, true, at(61));
    assert_eq!(
        apply_change(&mut incident, &mut known, &older, true, at(61)).effect,
        ChangeEffect::Older
    );
}

#[test]
fn a_replay_changes_nothing() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    let closing = seen(60, "Closed", true);
    apply_change(&mut incident, &mut known, &closing, true, at(61));
    let (before, life) = (known.clone(), incident.clone());
    let again = apply_change(&mut incident, &mut known, &closing, true, at(99));
    assert_eq!((again.effect, again.history), (ChangeEffect::Same, vec![]));
    assert_eq!((known, incident), (before, life));
}

#[test]
fn a_deleted_or_merged_ticket_closes_the_incident_whatever_is_configured() {
    for (presence, cause) in [
        (Presence::Deleted, "ticket deleted"),
        (Presence::NotShown, "ticket not shown any more"),
        (
            Presence::MergedInto("00001099".into()),
            "ticket merged into 00001099",
        ),
    ] {
        let (mut incident, mut known) = (incident(), StoredTicket::default());
        let read = seen(30, "New", false);
        apply_change(&mut incident, &mut known, &read, false, at(31));
        let gone = TicketSnapshot {
            presence,
            version: None,
            ..seen(60, "New", false)
        };
        let then = apply_change(&mut incident, &mut known, &gone, false, at(61));
        assert_eq!(then.effect, ChangeEffect::Closed);
        assert!(
            then.history
                .contains(&("closed".to_owned(), cause.to_owned()))
        );
        assert!(then.frees_lock && then.ends_deliveries);
    }
}

#[test]
fn a_ticket_that_was_never_read_is_not_taken_for_deleted() {
    for presence in [Presence::Deleted, Presence::NotShown] {
        let (mut incident, mut known) = (incident(), StoredTicket::default());
        let not_shown = TicketSnapshot {
            presence,
            version: None,
            ..seen(60, "New", false)
        };
        let then = apply_change(&mut incident, &mut known, &not_shown, true, at(61));
        assert_eq!(then.effect, ChangeEffect::Older);
        assert_eq!(incident.state, IncidentState::Open);
    }
}

#[test]
fn a_ticket_that_was_only_not_shown_is_there_again_without_a_change() {
    for (presence, effect) in [
        (Presence::NotShown, ChangeEffect::Noted),
        // A poll may have read it before the deletion.
        (Presence::Deleted, ChangeEffect::Older),
    ] {
        let (mut incident, mut known) = (incident(), StoredTicket::default());
        let read = seen(30, "New", false);
        apply_change(&mut incident, &mut known, &read, false, at(31));
        let gone = TicketSnapshot {
            presence,
            version: None,
            ..seen(60, "New", false)
        };
        apply_change(&mut incident, &mut known, &gone, false, at(61));
        let then = apply_change(&mut incident, &mut known, &read, false, at(62));
        assert_eq!(then.effect, effect);
        assert_eq!(known.removal.is_none(), effect == ChangeEffect::Noted);
    }
}

#[test]
fn a_reassignment_and_a_new_priority_are_kept_and_told() {
    let (mut incident, mut known) = (incident(), StoredTicket::default());
    apply_change(
        &mut incident,
        &mut known,
        &seen(60, "New", false),
        true,
        at(61),
    );
    let mut changed = seen(70, "Working", false);
    changed.details.assignee = Some("Ada".to_owned());
    changed.details.priority = Some("Low".to_owned());
    let then = apply_change(&mut incident, &mut known, &changed, true, at(71));
    assert_eq!(then.effect, ChangeEffect::Noted);
    let told: Vec<&str> = then.history.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(told, ["ticket reassigned", "ticket priority changed"]);
    assert_eq!(known.details.assignee.as_deref(), Some("Ada"));
    assert_eq!(incident.state, IncidentState::Open);
}

proptest! {
    #[test]
    fn in_any_order_the_newest_version_is_what_is_known(
        order in proptest::sample::subsequence((0..12_i64).collect::<Vec<_>>(), 1..12).prop_shuffle(),
    ) {
        let (mut incident, mut known) = (incident(), StoredTicket::default());
        for second in &order {
            apply_change(&mut incident, &mut known, &seen(*second, &second.to_string(), false), true, at(99));
        }
        let newest = order.iter().max().map(i64::to_string);
        prop_assert_eq!(known.details.state, newest);
    }
}
