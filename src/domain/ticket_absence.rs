//! A ticket that the CRM does not show, and does not call deleted: when it counts as deleted, and what
//! follows when it is shown again after all. Pure.
//!
//! Reads of a CRM may lag behind its writes (a replica of its database), and our user may lose the right
//! to read for a time.

use std::time::Duration;

use super::incident::Incident;
use super::time::Timestamp;
use super::{flood, outage};

/// How the removal of such a ticket is stored and shown.
pub const NOT_SHOWN: &str = "not shown any more";

/// A ticket counts as deleted when it was not shown for so long …
const NOT_SHOWN_FOR: Duration = Duration::from_secs(600);
/// … in so many looks.
const MIN_LOOKS: u32 = 3;

/// The looks that did not find a ticket, since the last one that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    since: Timestamp,
    looks: u32,
}

impl Absence {
    /// The first look.
    pub const fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            looks: 1,
        }
    }

    /// One more look. Returns whether the ticket counts as deleted now.
    pub fn look_again(&mut self, now: Timestamp) -> bool {
        // A time in the future means that the clock was set back.
        self.since = self.since.min(now);
        self.looks = self.looks.saturating_add(1);
        self.looks >= MIN_LOOKS && now.since(self.since) >= NOT_SHOWN_FOR
    }
}

/// What follows when a ticket that counted as deleted is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownAgain {
    /// The ticket is closed, or nobody waited for anything of it.
    Nothing,
    /// Its incident was closed for nothing else, and goes on with it.
    Reopen,
    /// Its incident was over before, so what was owed to the ticket is owed again.
    OweResolution,
    /// Its incident cannot go on with it, because the key has another one now.
    Resolve,
}

/// What follows when the ticket of `incident` is shown again. `has_successor`: another incident of its
/// key is not closed.
pub fn when_shown_again(
    incident: &Incident,
    is_ticket_closed: bool,
    has_successor: bool,
) -> ShownAgain {
    // What belonged to an outage or a flood has gone on alone since.
    let stands_for_others =
        outage::is_outage(&incident.rule) || flood::source_of(&incident.rule).is_some();
    match incident.ticket_not_shown {
        _ if is_ticket_closed => ShownAgain::Nothing,
        false => ShownAgain::OweResolution,
        true if has_successor || stands_for_others => ShownAgain::Resolve,
        true => ShownAgain::Reopen,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::identity::{IncidentId, IncidentKey};
    use crate::domain::incident::{Evaluation, IncidentState, Verdict};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_442_850_000 + seconds * 1000)
    }

    #[test]
    fn a_ticket_counts_as_deleted_after_ten_minutes_and_three_looks() {
        let mut absence = Absence::begin(at(0));
        assert!(!absence.look_again(at(700)), "two looks");
        assert!(absence.look_again(at(701)));
        let mut often = Absence::begin(at(0));
        assert!((1..60).all(|minute| minute >= 10 || !often.look_again(at(minute * 60))));
        assert!(often.look_again(at(600)));
    }

    #[test]
    fn after_the_clock_was_set_back_the_ten_minutes_begin_again() {
        let mut absence = Absence::begin(at(3_600));
        assert!(!absence.look_again(at(0)));
        assert!(!absence.look_again(at(599)));
        assert!(absence.look_again(at(600)));
    }

    fn incident(rule: &str) -> Incident {
        let heard = Evaluation {
            received_at: at(0),
            occurred_at: at(0),
            part: String::new(),
            verdict: Verdict::Breach,
            readings: BTreeMap::new(),
        };
        let key = IncidentKey::new(rule, "q-1");
        let mut incident = Incident::begin(IncidentId::new("i-1"), key, "high", &heard, at(0));
        incident.state = IncidentState::Open;
        incident
    }

    #[test]
    fn an_incident_goes_on_with_its_ticket_unless_its_key_has_another_one() {
        let mut closed = incident("queue-wait");
        closed.close_without_ticket(at(1));
        assert_eq!(closed.state, IncidentState::Closed);
        assert_eq!(when_shown_again(&closed, false, false), ShownAgain::Reopen);
        assert_eq!(when_shown_again(&closed, false, true), ShownAgain::Resolve);
        assert_eq!(when_shown_again(&closed, true, false), ShownAgain::Nothing);
        closed.reopen();
        assert_eq!(closed.state, IncidentState::Open);
        assert_eq!(closed.closed_at, None);
        // It recovers, and its ticket is not shown again.
        closed.close(at(2));
        let then = when_shown_again(&closed, false, false);
        assert_eq!(then, ShownAgain::OweResolution);
    }

    #[test]
    fn an_outage_whose_members_went_on_alone_does_not_go_on() {
        let mut outage = incident("outage:site");
        outage.close_without_ticket(at(1));
        assert_eq!(when_shown_again(&outage, false, false), ShownAgain::Resolve);
    }
}
