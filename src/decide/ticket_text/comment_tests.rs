//! Tests of what comments say.

use std::time::Duration;

use super::*;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Evaluation, Readings, TicketWrite, Verdict};
use crate::domain::incident::{Flapping, FlappingPolicy};
use crate::domain::severity::Severity;
use crate::rules::{Expression, Template};
use crate::settings::{OnRecovery, SeverityLevels};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rule(when: &str) -> RuleSettings {
    RuleSettings {
        name: "queue-wait".into(),
        events: Vec::new(),
        sources: Vec::new(),
        when: Expression::parse(when).unwrap(),
        clear: None,
        fresh: None,
        at_least: 1,
        within: Duration::from_secs(600),
        hold_for: Duration::ZERO,
        clear_for: Duration::ZERO,
        quiet_after: Duration::from_secs(1800),
        key: Template::parse("{{ queue_id }}").unwrap(),
        burst_lock: Duration::ZERO,
        update_every: Duration::from_secs(900),
        severity: SeverityLevels {
            levels: Vec::new(),
            default: "high".into(),
        },
        on_recovery: OnRecovery::Comment,
        flapping: Some(FlappingPolicy {
            times: 4,
            within: Duration::from_secs(3600),
            quiet_period: Duration::from_secs(900),
        }),
        targets: Vec::new().into(),
    }
}

fn incident() -> Incident {
    let opened_at = at("2026-11-25T14:00:00Z");
    let heard = Evaluation {
        received_at: opened_at,
        occurred_at: opened_at,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::from([("queue.waitTime.avg".to_owned(), 412.549)]),
    };
    let mut incident = Incident::begin(
        IncidentId::new("id"),
        IncidentKey::new("queue-wait", "q1"),
        "high",
        &heard,
        opened_at,
    );
    let spread = incident.readings.get_mut("queue.waitTime.avg").unwrap();
    spread.highest = 3_725.0;
    incident.occurrences = 540;
    incident.previous_write = TicketWrite {
        at: at("2026-11-25T14:30:00Z"),
        occurrences: 360,
    };
    incident
}

const WAITS: &str = "metrics[queue.waitTime].avg > 300";

#[test]
fn a_lasting_breach_says_what_is_new_since_the_last_comment() {
    let now = at("2026-11-25T14:45:01Z");
    let said = comment(
        TicketAction::Progress,
        &incident(),
        Some(&rule(WAITS)),
        &Units::default(),
        now,
    );
    assert_eq!(
        said,
        "Still breaching after 45 min 1 s. 180 events since the last comment 15 min 1 s ago, 540 in \
         all since 14:00:00 UTC. queue.waitTime.avg: latest 413 s (6 min 53 s), highest 3725 s \
         (1 h 2 min)."
    );
}

#[test]
fn the_worst_reading_is_the_lowest_where_low_is_bad_and_both_where_nobody_knows() {
    let spread = Spread {
        latest: 2.0,
        lowest: 1.0,
        highest: 17.25,
    };
    let rule = |when| worse(&rule(when), "oOnQueueUsers.count");
    let said = |worse| reading("oOnQueueUsers.count", spread, worse, &Units::default());
    let low = rule("metrics[oOnQueueUsers].count < 3");
    assert_eq!(said(low), "oOnQueueUsers.count: latest 2, lowest 1.");
    let unknown = rule("metrics[oOnQueueUsers].count == 2");
    assert_eq!(
        said(unknown),
        "oOnQueueUsers.count: latest 2, lowest 1, highest 17.2."
    );
}

#[test]
fn a_recovery_says_since_when_and_how_long_the_trouble_was_felt() {
    let mut incident = incident();
    incident.clear_since = Some(at("2026-11-25T14:25:00Z"));
    let now = at("2026-11-26T00:27:00Z");
    let said = comment(
        TicketAction::Recovered,
        &incident,
        Some(&rule(WAITS)),
        &Units::default(),
        now,
    );
    assert!(
        said.starts_with(
            "Recovered: clear since 2026-11-25 14:25:00 UTC. It lasted 25 min. 540 events"
        ),
        "{said}"
    );
    incident.clear_since = None;
    let said = comment(
        TicketAction::Resolve,
        &incident,
        Some(&rule(WAITS)),
        &Units::default(),
        now,
    );
    assert!(
        said.starts_with("Recovered: no breach heard since"),
        "{said}"
    );
}

#[test]
fn flapping_says_how_often_since_when_and_until_what() {
    let mut incident = incident();
    incident.flapping = Some(Flapping {
        since: at("2026-11-25T14:20:00Z"),
        first_at: at("2026-11-25T13:30:00Z"),
        times: 5,
        stable_at: None,
    });
    let now = at("2026-11-25T14:20:00Z");
    let said = comment(
        TicketAction::Flapping,
        &incident,
        Some(&rule(WAITS)),
        &Units::default(),
        now,
    );
    assert!(
        said.starts_with(
            "Flapping: the trouble has begun 5 times since 13:30:00 UTC. From now on the ticket \
             stays open, without a word on each coming and going, until nothing has breached for \
             15 min."
        ),
        "{said}"
    );
    let calm_at = at("2026-11-25T15:00:00Z");
    incident.clear_since = Some(at("2026-11-25T14:45:00Z"));
    incident.flapping.as_mut().unwrap().stable_at = Some(calm_at);
    let said = comment(
        TicketAction::Recovered,
        &incident,
        Some(&rule(WAITS)),
        &Units::default(),
        calm_at,
    );
    assert!(
        said.starts_with(
            "Recovered and calm: clear since 14:45:00 UTC, after it had begun 5 times since \
             13:30:00 UTC."
        ),
        "{said}"
    );
}

#[test]
fn the_one_event_of_a_relapse_is_one_event() {
    let mut incident = incident();
    (incident.relapses, incident.occurrences) = (1, 1);
    let now = at("2026-11-25T14:42:30Z");
    let said = comment(
        TicketAction::Relapse,
        &incident,
        Some(&rule(WAITS)),
        &Units::default(),
        now,
    );
    assert!(
        said.starts_with(
            "Breaching again, 12 min 30 s after it had recovered (relapse 1); the same incident \
             goes on. 1 event breached since 14:00:00 UTC."
        ),
        "{said}"
    );
    let from = Severity::High;
    let said = comment(
        TicketAction::Raised { from },
        &incident,
        None,
        &Units::default(),
        now,
    );
    assert_eq!(
        said, "Severity raised from high to high.",
        "an outage has no readings"
    );
}

#[test]
fn durations_are_as_people_read_them() {
    for (seconds, expected) in [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_660, "1 h 1 min"),
        (90_061, "1 d 1 h"),
        (86_400 + 60, "1 d"),
    ] {
        assert_eq!(span(Duration::from_secs(seconds)), expected);
    }
}
