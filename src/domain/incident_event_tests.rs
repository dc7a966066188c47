//! Tests of the stored form of events, which must never change, and of their wording.

use serde_json::Value;

use super::*;

/// Stored events, each with its title and its cause.
const EVENTS: &[(&str, &str, &str)] = &[
    (
        r#"{"kind":"pending","reason":"burst_lock","until":60000}"#,
        "pending",
        "burst_lock until 1970-01-01T00:01:00Z",
    ),
    (
        r#"{"kind":"pending","reason":"silenced","silence":{"by":"silence 17","until":60000}}"#,
        "pending",
        "silenced: silence 17 until 1970-01-01T00:01:00Z",
    ),
    (r#"{"kind":"pending","reason":"flood"}"#, "pending", "flood"),
    (r#"{"kind":"opened"}"#, "opened", ""),
    (r#"{"kind":"relapsed"}"#, "breaching again", ""),
    (
        r#"{"kind":"flapping","times":4,"first_at":0}"#,
        "flapping",
        "began 4 times since 1970-01-01T00:00:00Z",
    ),
    (
        r#"{"kind":"raised","from":"high","to":"critical"}"#,
        "severity raised",
        "from high to critical",
    ),
    (r#"{"kind":"commented"}"#, "comment to be written", ""),
    (
        r#"{"kind":"calm","since":0,"times":4}"#,
        "calm",
        "flapped since 1970-01-01T00:00:00Z, began 4 times",
    ),
    (
        r#"{"kind":"recovered","why":{"clear":{"since":0}}}"#,
        "recovered",
        "clear since 1970-01-01T00:00:00Z",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"never_opened","why":"quiet"}}"#,
        "closed",
        "no breach heard for quiet_after, before it had a ticket",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"resolved"}}"#,
        "closed",
        "its ticket is resolved with the recovery",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"stayed_well"}}"#,
        "closed",
        "no breach for quiet_after since the recovery",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"rule_removed","rule":"queue-wait"}}"#,
        "closed",
        "rule queue-wait is no longer configured",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"discarded_with_flood","by":"ops"}}"#,
        "closed",
        "discarded with the flood by ops",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"given_up"}}"#,
        "closed",
        "its ticket was given up before it existed; members go on alone",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"with_outage","outage_id":"o-1"}}"#,
        "closed",
        "outage o-1",
    ),
    (
        r#"{"kind":"closed","why":{"cause":"outage_closed","outage_id":"o-1"}}"#,
        "closed",
        "outage o-1 was closed with its ticket",
    ),
    (
        r#"{"kind":"silenced","by":{"by":"silence 17","until":60000}}"#,
        "silenced",
        "silence 17 until 1970-01-01T00:01:00Z",
    ),
    (
        r#"{"kind":"silence_ended","by":"silence 17"}"#,
        "no longer silenced",
        "silence 17",
    ),
    (
        r#"{"kind":"member","change":"held","outage_id":"o-1"}"#,
        "held by an outage",
        "outage o-1",
    ),
    (
        r#"{"kind":"member","change":"joined","outage_id":"o-1"}"#,
        "part of an outage whose ticket waits",
        "outage o-1",
    ),
    (
        r#"{"kind":"member","change":"linked","outage_id":"o-1"}"#,
        "part of an outage",
        "outage o-1",
    ),
    (
        r#"{"kind":"member","change":"let_go","outage_id":"o-1"}"#,
        "part of no outage any more",
        "outage o-1",
    ),
    (
        r#"{"kind":"outage_closed","outage_id":"o-1"}"#,
        "part of no outage any more",
        "outage o-1 was closed with its ticket",
    ),
    (
        r#"{"kind":"released_from_flood","by":"ops"}"#,
        "released from the flood",
        "by ops",
    ),
    (
        r#"{"kind":"details_added"}"#,
        "details added",
        "Genesys Cloud answered how the queue stands",
    ),
    (
        r#"{"kind":"delivery_unwritable","problem":"targets.a"}"#,
        "a delivery could not be written",
        "targets.a",
    ),
    (
        r#"{"kind":"failed_over","note":"Opened in b"}"#,
        "failed over",
        "Opened in b",
    ),
    (
        r#"{"kind":"cannot_fail_over","problem":"targets.b"}"#,
        "cannot be opened in another target",
        "targets.b",
    ),
    (
        r#"{"kind":"delivered","operation":"create","ticket_id":"t-1","attempt":1,"looked_up":false}"#,
        "ticket created",
        "ticket t-1",
    ),
    (
        r#"{"kind":"delivered","operation":"create","ticket_id":"t-1","attempt":2,"looked_up":true}"#,
        "ticket created",
        "ticket t-1, attempt 2, looked up before sending",
    ),
    (
        r#"{"kind":"delivered","operation":"update","attempt":2,"looked_up":false}"#,
        "update written",
        "attempt 2",
    ),
    (
        r#"{"kind":"delivered","operation":"update","attempt":1,"looked_up":false}"#,
        "update written",
        "",
    ),
    (
        r#"{"kind":"dead_lettered","operation":"update","attempt":3,"failure":"refused"}"#,
        "update became a dead letter",
        "attempt 3: refused",
    ),
    (
        r#"{"kind":"attempt_failed","operation":"update","attempt":1,"failure":"timeout",
            "outcome_unknown":true,"retry_at":60000}"#,
        "update failed",
        "attempt 1: timeout; whether it took effect is not known, so it is looked up first; \
         tried again at 1970-01-01T00:01:00Z",
    ),
    (
        r#"{"kind":"attempt_failed","operation":"update","attempt":1,"failure":"503",
            "outcome_unknown":false}"#,
        "update failed",
        "attempt 1: 503; the whole target waits",
    ),
    (
        r#"{"kind":"delivery_replayed","operation":"resolve","by":"ops"}"#,
        "resolve is to be tried again",
        "by ops",
    ),
    (
        r#"{"kind":"delivery_discarded","operation":"link","by":"ops"}"#,
        "link was discarded",
        "by ops",
    ),
    (
        r#"{"kind":"link_discarded","outage_id":"o-1","by":"ops"}"#,
        "link was discarded",
        "outage o-1 has no ticket: its create was discarded by ops",
    ),
    (
        r#"{"kind":"deliveries_ended","count":2}"#,
        "nothing more is written",
        "2, as the ticket is over",
    ),
    (
        r#"{"kind":"ticket_completed","set":["Priority"],"found":["Reason"],"dropped":["Origin"]}"#,
        "fields completed",
        "Priority: set; Reason: has a value of somebody else; Origin: no longer configured",
    ),
    (
        r#"{"kind":"ticket_completed","set":["Priority","Origin"]}"#,
        "fields completed",
        "Priority, Origin: set",
    ),
    (
        r#"{"kind":"ticket_changed","title":"ticket reassigned","cause":"to Ada"}"#,
        "ticket reassigned",
        "to Ada",
    ),
];

#[test]
fn the_stored_form_of_an_event_stays_readable_and_stays_the_same() {
    for (stored, ..) in EVENTS {
        let event: IncidentEvent = serde_json::from_str(stored).unwrap();
        let stored: Value = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), stored);
    }
}

#[test]
fn an_event_is_shown_by_a_title_and_its_cause() {
    for (stored, title, cause) in EVENTS {
        let event: IncidentEvent = serde_json::from_str(stored).unwrap();
        assert_eq!((&*event.title(), &*event.to_string()), (*title, *cause));
    }
}
