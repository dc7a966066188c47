//! Several sources that report about one key.

use std::time::Duration;

use super::*;
use crate::domain::decision::{
    Decision, DecisionState, NewIncident, SignalOutcome, Suppression, decide,
};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{
    Evaluation, Incident, IncidentState, LifePolicy, Readings, Recovery, TicketAction, Verdict,
};
use crate::domain::time::Timestamp;

const RESOLVE: LifePolicy = LifePolicy {
    hold_for: Duration::ZERO,
    clear_for: Duration::ZERO,
    quiet_after: Duration::from_secs(1800),
    burst_lock: Duration::ZERO,
    update_every: Duration::ZERO,
    on_recovery: Recovery::Resolve,
    flapping: None,
};

fn evaluation(part: String, verdict: Verdict, seconds: i64) -> Evaluation {
    let at = Timestamp::from_millis(seconds * 1000);
    Evaluation {
        received_at: at,
        occurred_at: at,
        part,
        verdict,
        readings: Readings::new(),
    }
}

/// A key about which sources report, a second apart.
#[derive(Default)]
struct Key {
    known: DecisionState,
    seconds: i64,
}

impl Key {
    fn hears(&mut self, part: String, verdict: Verdict) -> Decision {
        self.seconds += 1;
        let new = NewIncident {
            id: IncidentId::new("0195"),
            key: IncidentKey::new("queue-wait", "q1"),
            severity: "high",
        };
        let evaluation = evaluation(part, verdict, self.seconds);
        decide(&mut self.known, &evaluation, &RESOLVE, None, &new)
    }

    fn source(&mut self, source: &str, verdict: Verdict) -> SignalOutcome {
        self.hears(of_source(source, "voice"), verdict).outcome
    }

    fn incident(&mut self) -> &mut Incident {
        self.known.incident.as_mut().unwrap()
    }
}

#[test]
fn a_source_that_has_not_breached_cannot_end_the_incident() {
    let mut key = Key::default();
    assert_eq!(
        key.source("genesys", Verdict::Breach),
        SignalOutcome::Opened
    );
    for verdict in [Verdict::Clear, Verdict::InHysteresis, Verdict::Clear] {
        assert_eq!(key.source("feed", verdict), SignalOutcome::OtherSource);
        assert_eq!(key.incident().state, IncidentState::Open);
        assert_eq!(key.incident().parts.len(), 1);
    }
    let ended = key.hears(of_source("genesys", "voice"), Verdict::Clear);
    assert_eq!(ended.actions, [TicketAction::Resolve]);
}

#[test]
fn each_source_that_breached_has_to_clear_what_it_reported() {
    let mut key = Key::default();
    key.source("genesys", Verdict::Breach);
    let joins = SignalOutcome::Suppressed(Suppression::ActiveIncident);
    assert_eq!(key.source("feed", Verdict::Breach), joins);
    assert_eq!(
        key.source("genesys", Verdict::Clear),
        SignalOutcome::Clearing
    );
    assert_eq!(
        key.source("genesys", Verdict::Clear),
        SignalOutcome::Clearing
    );
    assert_eq!(key.source("feed", Verdict::Clear), SignalOutcome::Recovered);
}

#[test]
fn a_source_whose_clock_is_behind_is_no_late_delivery_of_another() {
    let mut key = Key::default();
    key.source("genesys", Verdict::Breach);
    key.seconds -= 600;
    let joins = SignalOutcome::Suppressed(Suppression::ActiveIncident);
    assert_eq!(key.source("feed", Verdict::Breach), joins);
}

#[test]
fn sources_that_the_rule_names_speak_as_one() {
    let mut key = Key::default();
    key.hears(of_all("voice"), Verdict::Breach);
    let ended = key.hears(of_all("voice"), Verdict::Clear);
    assert_eq!(ended.outcome, SignalOutcome::Recovered);
}

#[test]
fn no_source_can_have_what_another_reported_forgotten() {
    for verdict in [Verdict::Breach, Verdict::Clear] {
        let mut key = Key::default();
        key.source("genesys", Verdict::Breach);
        key.source("feed", Verdict::Breach);
        for number in 0..200 {
            key.hears(of_source("feed", &format!("part-{number}")), verdict);
        }
        for part in key.incident().parts.clone().into_keys() {
            if source_of(&part) == Some("feed") {
                key.hears(part, Verdict::Clear);
            }
        }
        assert_eq!(key.incident().state, IncidentState::Open, "{verdict:?}");
        assert!(key.incident().parts.len() <= 64);
        assert_eq!(
            key.source("genesys", Verdict::Clear),
            SignalOutcome::Recovered
        );
    }
}

#[test]
fn parts_of_rows_of_before_are_those_of_the_source_that_opened_the_incident() {
    let mut key = Key::default();
    key.hears("voice".to_owned(), Verdict::Breach);
    key.incident().name_parts(Some("genesys"));
    assert_eq!(
        key.source("feed", Verdict::Clear),
        SignalOutcome::OtherSource
    );
    assert_eq!(
        key.source("genesys", Verdict::Clear),
        SignalOutcome::Recovered
    );
}

#[test]
fn a_rule_that_names_its_sources_from_now_on_hears_them_as_one() {
    let mut key = Key::default();
    key.source("genesys", Verdict::Breach);
    key.source("feed", Verdict::Breach);
    key.source("feed", Verdict::Clear);
    key.incident().name_parts(None);
    assert!(key.incident().is_breaching(), "one of them still does");
    let ended = key.hears(of_all("voice"), Verdict::Clear);
    assert_eq!(ended.outcome, SignalOutcome::Recovered);
}

#[test]
fn a_part_cannot_pretend_to_be_anothers() {
    let of_feed = of_source("feed", &of_source("genesys", "voice"));
    assert_eq!(source_of(&of_feed), Some("feed"));
    assert_eq!(source_of(&of_all(&of_source("genesys", "voice"))), None);
}

#[test]
fn parts_are_shown_with_their_source() {
    assert_eq!(shown(&of_source("genesys", "voice")), "genesys/voice");
    assert_eq!(shown(&of_source("genesys", "")), "genesys");
    assert_eq!(shown("voice"), "voice");
}
