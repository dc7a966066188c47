//! Silences and maintenance windows within a batch: what covers a key before it is decided on.
//! No I/O.

use std::collections::BTreeMap;

use serde_json::Value;

use super::batch::Batch;
use super::known::KnownKey;
use crate::domain::flood;
use crate::domain::hold::Hold;
use crate::domain::incident::IncidentState;
use crate::domain::silence::{Cover, InForce, Subject, cover, silenced_until};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::Settings;
use crate::store::{HistoryEntry, Reference};

/// The maintenance window that silences a breach at `at`: one of `rule` and `key`, received from
/// `source`, with the values `context`.
pub fn maintenance_over(
    settings: &Settings,
    (rule, key): (&str, &str),
    source: &str,
    context: &TemplateContext,
    at: Timestamp,
) -> Option<Cover> {
    let subject = subject_of(source, context, rule, key);
    silenced_until(windows_in_force(settings, at), &subject)
}

/// The maintenance windows of `settings` that are in force at `at`.
fn windows_in_force(settings: &Settings, at: Timestamp) -> impl Iterator<Item = InForce<'_>> + '_ {
    settings
        .maintenance
        .iter()
        .filter_map(move |(name, window)| {
            Some(InForce {
                what: "maintenance window",
                name,
                matchers: &window.matchers,
                until: window.schedule.window_at(at)?,
            })
        })
}

impl Batch<'_> {
    /// Notes what silences the key of `entry`, for a decision on what was received at
    /// `received_at`: no ticket may be opened while a silence is in force, and none for what
    /// was silenced when it came, until time is let pass for it.
    pub(super) fn cover(
        &mut self,
        entry: &mut KnownKey,
        (rule, key): (&str, &str),
        received_at: Timestamp,
        hold: Option<Hold>,
    ) {
        if !self.may_be_silenced(entry) {
            return;
        }
        let silence = entry.kept.as_ref().and_then(|kept| {
            let subject = subject_of(&kept.source, &kept.context, rule, key);
            let now = self.result.decided_at;
            self.silence_of(&subject, now)
                .or_else(|| self.silence_of(&subject, received_at))
        });
        self.note(entry, silence, hold);
    }

    /// Notes what silences the ticket of an outage.
    pub(super) fn cover_outage(
        &mut self,
        entry: &mut KnownKey,
        (rule, key): (&str, &str),
        now: Timestamp,
    ) {
        if !self.may_be_silenced(entry) {
            return;
        }
        let subject = Subject {
            source: None,
            rule,
            key,
            labels: None,
        };
        let silence = self.silence_of(&subject, now);
        self.note(entry, silence, None);
    }

    /// Notes what silences the ticket of a flood from `source`.
    pub(super) fn cover_flood(&mut self, entry: &mut KnownKey, source: &str, now: Timestamp) {
        if !self.may_be_silenced(entry) {
            return;
        }
        let rule = format!("{}{source}", flood::RULE_PREFIX);
        let subject = Subject {
            source: Some(source),
            rule: &rule,
            key: source,
            labels: None,
        };
        let silence = self.silence_of(&subject, now);
        self.note(entry, silence, None);
    }

    /// Whether asking is worth it: an incident with a ticket is told and resolved whatever is
    /// silenced.
    fn may_be_silenced(&self, entry: &KnownKey) -> bool {
        let incident = entry.known.incident.as_ref();
        if incident.is_some_and(|one| one.state != IncidentState::Pending) {
            return false;
        }
        let was_silenced = incident.is_some_and(|one| one.silence.is_some());
        let none = self.silences.is_empty() && self.settings.maintenance.is_empty();
        was_silenced || entry.known.silence.is_some() || !none
    }

    fn silence_of(&self, subject: &Subject<'_>, at: Timestamp) -> Option<Cover> {
        let silences = self.silences.iter().filter_map(|one| one.in_force(at));
        silenced_until(silences.chain(windows_in_force(self.settings, at)), subject)
    }

    fn note(&mut self, entry: &mut KnownKey, silence: Option<Cover>, hold: Option<Hold>) {
        let now = self.result.decided_at;
        let incident = entry.known.incident.as_ref();
        let told = incident.and_then(|one| match (&one.silence, &silence) {
            (before, Some(after)) if before.as_ref() != Some(after) => {
                Some(("silenced", after.to_string()))
            }
            (Some(before), None) => Some(("no longer silenced", before.by.clone())),
            _ => None,
        });
        if let (Some(incident), Some((what, cause))) = (incident, told.clone()) {
            self.result.history.push(HistoryEntry {
                incident_id: incident.id.clone(),
                at: now,
                what: what.to_owned(),
                cause,
                refers: Reference::default(),
            });
        }
        let changed = told.is_some();
        cover(&mut entry.known, silence, hold, now);
        if changed {
            self.remember(entry);
        }
    }
}

fn subject_of<'a>(
    source: &'a str,
    context: &'a TemplateContext,
    rule: &'a str,
    key: &'a str,
) -> Subject<'a> {
    let labels = context.get("labels").and_then(Value::as_object);
    let labels: BTreeMap<&str, &str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    Subject {
        source: Some(source),
        rule,
        key,
        labels: Some(labels),
    }
}
