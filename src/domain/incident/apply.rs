//! Adds a signal to an incident: to its parts, readings and counts. The state does not change
//! here.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::evaluation::{Evaluation, Verdict};
use super::part;
use super::readings::Spread;
use super::record::{Incident, Part};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::time::Timestamp;

/// Parts and readings that one incident keeps, each. Beyond it the part with the oldest signal
/// goes, of the source with most parts. So a hostile sender can neither grow the row nor push out
/// what another source has reported.
const MAX_KEPT: usize = 64;

impl Incident {
    /// A pending incident with its first breach, whose ticket is due at `opens_at`.
    pub fn begin(
        id: IncidentId,
        key: IncidentKey,
        severity: &str,
        evaluation: &Evaluation,
        opens_at: Timestamp,
    ) -> Self {
        let mut incident = Self::empty(id, key, severity, evaluation.received_at);
        incident.opens_at = Some(opens_at);
        incident.apply(evaluation);
        incident
    }

    /// Whether the signal concerns this incident.
    pub fn is_about(&self, evaluation: &Evaluation) -> bool {
        let source = part::source_of(&evaluation.part);
        // Where each source reports independently, a source that has not breached has no part
        // here. Its "clear" says nothing about a breach that another source has reported.
        evaluation.verdict == Verdict::Breach
            || source.is_none()
            || self
                .parts
                .keys()
                .any(|name| part::source_of(name) == source)
    }

    /// Whether a newer signal about the same part is known. Signals arrive in any order, and a
    /// late "down" must not undo a newer "up".
    pub fn is_out_of_order(&self, evaluation: &Evaluation) -> bool {
        // The sender's own time is compared, so that setting our clock back changes nothing.
        self.parts
            .get(&evaluation.part)
            .is_some_and(|part| evaluation.occurred_at < part.heard_at)
    }

    pub fn apply(&mut self, evaluation: &Evaluation) {
        for (name, value) in evaluation.readings.iter() {
            self.add_reading(name, *value);
        }
        let breaching = match evaluation.verdict {
            Verdict::Breach => true,
            Verdict::Clear => false,
            // Inside the hysteresis a known part stays as it was: it has not recovered yet.
            Verdict::InHysteresis => self.parts.contains_key(&evaluation.part),
        };
        self.set_part(&evaluation.part, breaching, evaluation.believed_at());
        if evaluation.verdict == Verdict::Breach {
            self.count_start_while_flapping();
            self.occurrences += 1;
            self.last_breach_at = self.last_breach_at.max(evaluation.received_at);
        }
        self.clear_since = match (self.is_breaching(), self.clear_since) {
            (true, _) => None,
            (false, since) => Some(since.unwrap_or(evaluation.received_at)),
        };
    }

    /// Renames the parts after a change of the rule's `sources`, or in a row of an earlier
    /// version. With a `source`, each source reports independently, and a part without a source
    /// becomes a part of `source`, which opened the incident. Without one, all report together.
    pub fn name_parts(&mut self, source: Option<&str>) {
        let has_right_form = |name: &String| part::source_of(name).is_some() == source.is_some();
        if self.parts.keys().all(has_right_form) {
            return;
        }
        let mut named: BTreeMap<String, Part> = BTreeMap::new();
        for (name, one) in std::mem::take(&mut self.parts) {
            let name = match (source, part::source_of(&name)) {
                (Some(source), None) => part::of_source(source, &name),
                (None, Some(_)) => part::own_name(&name).to_owned(),
                _ => name,
            };
            // Parts of several sources may get the same name: together they breach if one does.
            let known = named.entry(name).or_insert(one);
            known.breaching |= one.breaching;
            known.heard_at = known.heard_at.max(one.heard_at);
        }
        self.parts = named;
    }

    fn set_part(&mut self, name: &str, breaching: bool, heard_at: Timestamp) {
        self.parts.insert(
            name.to_owned(),
            Part {
                breaching,
                heard_at,
            },
        );
        if self.parts.len() > MAX_KEPT {
            self.remove_a_part();
        }
    }

    fn remove_a_part(&mut self) {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for name in self.parts.keys() {
            *counts.entry(part::source_of(name)).or_default() += 1;
        }
        let share = |name: &str| counts.get(&part::source_of(name)).copied();
        let parts = self.parts.iter();
        let oldest = parts.min_by_key(|(name, part)| (Reverse(share(name)), part.heard_at));
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.parts.remove(&oldest);
        }
    }

    fn add_reading(&mut self, name: &str, value: f64) {
        if let Some(spread) = self.readings.get_mut(name) {
            spread.add(value);
        } else if self.readings.len() < MAX_KEPT {
            self.readings.insert(name.to_owned(), Spread::of(value));
        }
    }
}
