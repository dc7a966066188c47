//! Statuses whose meaning is known.

/// Words by which senders say that something works, or does not. All in upper case.
const WORDS: &[&str] = &[
    "0",
    "1",
    "ACTIVE",
    "ALERTING",
    "AVAILABLE",
    "CLEARED",
    "CLOSED",
    "CONNECTED",
    "DEGRADED",
    "DISABLED",
    "DISCONNECTED",
    "DOWN",
    "ENABLED",
    "ERROR",
    "FAILED",
    "FAILURE",
    "FALSE",
    "HEALTHY",
    "INACTIVE",
    "IN_SERVICE",
    "NORMAL",
    "NO",
    "OFF",
    "OFFLINE",
    "OK",
    "ON",
    "ONLINE",
    "OPERATIONAL",
    "OUT_OF_SERVICE",
    "PASSED",
    "READY",
    "RECOVERED",
    "REGISTERED",
    "RESOLVED",
    "RUNNING",
    "STOPPED",
    "SUCCESS",
    "TRUE",
    "UNAVAILABLE",
    "UNHEALTHY",
    "UNREGISTERED",
    "UP",
    "WELL",
    "YES",
];

/// The topics that tell only statuses of their own.
const TOPICS: &[(&str, &[&str])] = &[
    (
        "v2.telephony.providers.edges.trunks.{id}",
        &["UP", "DEGRADED", "DOWN"],
    ),
    ("v2.telephony.providers.edges.{id}", &["ONLINE", "OFFLINE"]),
    ("v2.users.{id}.alerting.alerts", &["ALERTING", "CLEARED"]),
];

/// Whether it is known what `status` means in an event of this type. Any other status may mean
/// anything, so it ends no incident.
pub fn is_known_status(event_type: &str, status: &str) -> bool {
    let own = TOPICS.iter().find(|(topic, _)| *topic == event_type);
    own.map_or(WORDS, |(_, statuses)| statuses)
        .contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_knows_its_own_statuses_and_any_other_event_the_usual_words() {
        let edge = "v2.telephony.providers.edges.{id}";
        assert!(is_known_status(edge, "ONLINE"));
        assert!(!is_known_status(edge, "UP"));
        assert!(is_known_status("telephony.trunk.status", "IN_SERVICE"));
        assert!(!is_known_status("telephony.trunk.status", "NOT CONNECTED"));
    }
}
