//! Why the ticket of a pending incident waits.

use super::age;
use crate::domain::incident::{Incident, IncidentState, Suppression};
use crate::domain::time::Timestamp;

/// An outage that stands for its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageFact {
    /// Such as `site Berlin`.
    pub name: String,
    /// Its ticket and where that is: `INC0010002 in servicenow`.
    pub ticket: Option<String>,
}

impl OutageFact {
    /// `the outage site Berlin stands for it, with ticket INC0010002 in servicenow`.
    pub(super) fn stands_for(&self, what: &str) -> String {
        let Self { name, ticket } = self;
        match ticket {
            Some(ticket) => format!("the outage {name} stands for {what}, with ticket {ticket}"),
            None => format!("the outage {name} stands for {what}, and has no ticket yet"),
        }
    }
}

/// Why the ticket of `incident` waits, in words; `None` when it is not pending. `outage` is the one
/// that it is a member of.
pub fn why_it_waits(
    incident: &Incident,
    outage: Option<&OutageFact>,
    now: Timestamp,
) -> Option<String> {
    if incident.state != IncidentState::Pending {
        return None;
    }
    if incident.outage_id.is_some() {
        let told = outage.map(|one| one.stands_for("it"));
        return Some(told.unwrap_or_else(|| "an outage stands for it".to_owned()));
    }
    if let Some(silence) = &incident.silence {
        let remaining = age(silence.until.since(now));
        return Some(format!("{} covers it for another {remaining}", silence.by));
    }
    if incident.held_by_flood {
        return Some("its source begins too many incidents; a person must release it".to_owned());
    }
    let why = match incident.waits_for.unwrap_or(Suppression::Pending) {
        Suppression::BurstLock => "the burst lock of its last ticket holds it",
        Suppression::Outage => "it may become part of an outage",
        _ => "it has not lasted long enough",
    };
    Some(match incident.opens_at {
        Some(at) if at > now => format!("{why}; its ticket opens in {}", age(at.since(now))),
        Some(_) => format!("{why}; its ticket is due now"),
        None => why.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::identity::{IncidentId, IncidentKey};
    use crate::domain::incident::{Evaluation, Mute, Verdict};

    const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

    fn pending() -> Incident {
        let heard = Evaluation {
            received_at: NOW,
            occurred_at: NOW,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: std::collections::BTreeMap::new(),
        };
        let key = IncidentKey::new("queue-wait", "q-1");
        let opens_at = NOW.plus(Duration::from_secs(40));
        Incident::begin(IncidentId::new("i-1"), key, "high", &heard, opens_at)
    }

    #[test]
    fn what_holds_a_ticket_longest_is_named() {
        let mut incident = pending();
        let mut waits = |change: fn(&mut Incident)| {
            change(&mut incident);
            why_it_waits(&incident, None, NOW).unwrap()
        };
        assert_eq!(
            waits(|_| ()),
            "it has not lasted long enough; its ticket opens in 40 s"
        );
        assert_eq!(
            waits(|one| one.waits_for = Some(Suppression::BurstLock)),
            "the burst lock of its last ticket holds it; its ticket opens in 40 s"
        );
        assert!(waits(|one| one.held_by_flood = true).contains("a person must release it"));
        let silence = |one: &mut Incident| {
            one.silence = Some(Mute {
                by: "silence 17".to_owned(),
                until: NOW.plus(Duration::from_secs(1_500)),
            });
        };
        assert_eq!(waits(silence), "silence 17 covers it for another 25 min");
        let outage = |one: &mut Incident| one.outage_id = Some(IncidentId::new("o"));
        assert_eq!(waits(outage), "an outage stands for it");
        let mut berlin = OutageFact {
            name: "site Berlin".to_owned(),
            ticket: None,
        };
        let told = |outage: &OutageFact| why_it_waits(&incident, Some(outage), NOW).unwrap();
        assert_eq!(
            told(&berlin),
            "the outage site Berlin stands for it, and has no ticket yet"
        );
        berlin.ticket = Some("INC2 in servicenow".to_owned());
        assert_eq!(
            told(&berlin),
            "the outage site Berlin stands for it, with ticket INC2 in servicenow"
        );
        incident.state = IncidentState::Open;
        assert_eq!(why_it_waits(&incident, None, NOW), None);
    }
}
