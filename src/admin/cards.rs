//! An incident as a person looks at it first: its name, its worst reading against the threshold,
//! its ticket or why there is none. The worst come first.

use std::cmp::{Ordering, Reverse};

use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use crate::domain::severity::Severity;
use crate::store::OngoingIncident;

/// A reading, held against its threshold.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct ReadingView {
    pub(super) name: String,
    pub(super) latest: f64,
    /// The value that was farthest on the wrong side.
    pub(super) worst: f64,
    /// Where the rule begins to call it a breach.
    pub(super) threshold: Option<f64>,
    /// Whether it is a breach above the threshold; otherwise below.
    pub(super) is_above: bool,
    /// `s` for seconds, or nothing.
    pub(super) unit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Card {
    #[serde(flatten)]
    pub(super) incident: OngoingIncident,
    pub(super) readings: Vec<ReadingView>,
}

impl Card {
    pub(super) fn of(state: &AdminState, incident: OngoingIncident) -> Self {
        let thresholds = state.rules.thresholds(&incident.incident.rule);
        let readings = incident.readings.iter().map(|(name, spread)| {
            let threshold = thresholds.iter().find(|one| one.reading == *name);
            let is_above = threshold.is_none_or(|one| one.is_above);
            ReadingView {
                name: name.clone(),
                latest: spread.latest,
                worst: if is_above {
                    spread.highest
                } else {
                    spread.lowest
                },
                threshold: threshold.map(|one| one.breach),
                is_above,
                unit: if state.rules.is_duration(name) {
                    "s"
                } else {
                    ""
                },
            }
        });
        Self {
            readings: readings.collect(),
            incident,
        }
    }

    /// The worst first, in the order of the store: what still goes on, by severity, then what has the
    /// most members or is farthest beyond its threshold, then the oldest.
    fn compare(&self, other: &Self) -> Ordering {
        let place = |card: &Self| {
            let incident = &card.incident.incident;
            let severity = Severity::from_name(&incident.severity);
            (
                incident.state == "recovered",
                Reverse(severity),
                Reverse(card.incident.badness),
                incident.opened_at,
            )
        };
        place(self).cmp(&place(other))
    }
}

/// `incidents` as cards, in their order.
pub(super) fn cards(state: &AdminState, incidents: Vec<OngoingIncident>) -> Vec<Card> {
    let incidents = incidents.into_iter();
    incidents.map(|one| Card::of(state, one)).collect()
}

/// `incidents`, all that there are, as cards, the worst first.
pub(super) fn worst_first(state: &AdminState, incidents: Vec<OngoingIncident>) -> Vec<Card> {
    let mut cards = cards(state, incidents);
    cards.sort_by(Card::compare);
    cards
}
