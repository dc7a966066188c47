//! An incident as a person looks at it first: its name, its worst reading against the threshold,
//! its ticket or why there is none. The worst come first.

use std::cmp::Ordering;

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

impl ReadingView {
    /// How far the latest value is on the wrong side: 1 at the threshold, 2 at twice its value.
    fn excess(&self) -> f64 {
        let Some(threshold) = self.threshold else {
            return 0.0;
        };
        let (over, under) = match self.is_above {
            true => (self.latest, threshold),
            false => (threshold, self.latest),
        };
        // One unit stands in for zero, so that "0 agents of 3" is a finite number.
        over.max(0.0) / under.max(1.0)
    }
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

    fn excess(&self) -> f64 {
        self.readings
            .iter()
            .map(ReadingView::excess)
            .fold(0.0, f64::max)
    }

    /// The worst first: what still goes on, by severity, then what has the most members or is
    /// farthest beyond its threshold, then the oldest.
    fn compare(&self, other: &Self) -> Ordering {
        let place = |card: &Self| {
            let incident = &card.incident.incident;
            let severity = Severity::from_name(&incident.severity);
            (
                incident.state == "recovered",
                std::cmp::Reverse(severity),
                std::cmp::Reverse(incident.members.unwrap_or(0)),
            )
        };
        place(self)
            .cmp(&place(other))
            .then_with(|| other.excess().total_cmp(&self.excess()))
            .then_with(|| {
                let at = |card: &Self| card.incident.incident.opened_at;
                at(self).cmp(&at(other))
            })
    }
}

/// `incidents` as cards, the worst first.
pub(super) fn worst_first(state: &AdminState, incidents: Vec<OngoingIncident>) -> Vec<Card> {
    let cards = incidents.into_iter().map(|one| Card::of(state, one));
    let mut cards: Vec<Card> = cards.collect();
    cards.sort_by(Card::compare);
    cards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(latest: f64, threshold: Option<f64>, is_above: bool) -> ReadingView {
        ReadingView {
            name: "queue.waitTime.avg".into(),
            latest,
            worst: latest,
            threshold,
            is_above,
            unit: "s",
        }
    }

    #[test]
    fn a_reading_is_the_worse_the_farther_it_is_on_the_wrong_side() {
        assert_eq!(reading(600.0, Some(300.0), true).excess(), 2.0);
        assert_eq!(reading(3.0, Some(3.0), false).excess(), 1.0);
        assert_eq!(reading(0.0, Some(3.0), false).excess(), 3.0);
        assert_eq!(reading(9.0, None, true).excess(), 0.0);
    }
}
