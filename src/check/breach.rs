//! The values that templates see, without an incident of our own.

use std::collections::BTreeMap;

use super::kinds::Kind;
use crate::decide::{signal_values, with_incident};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Evaluation, Incident, Verdict};
use crate::domain::signal::Signal;
use crate::rules::TemplateContext;

/// The values that templates see for a breach.
pub(super) fn context(signal: &Signal, kind: &Kind<'_>, severity: &str) -> TemplateContext {
    let at = signal.occurred_at;
    let key = IncidentKey::new("a rule", "a key");
    let evaluation = Evaluation {
        received_at: at,
        occurred_at: at,
        part: signal.part.clone(),
        verdict: Verdict::Breach,
        readings: BTreeMap::new(),
    };
    let id = IncidentId::new("an incident");
    let incident = Incident::begin(id, key, severity, &evaluation, at);
    let mut context = with_incident(signal_values(signal, kind.source), &incident);
    // A queue's present figures are known only if the Platform API answers, and templates that use
    // them are written for that.
    if signal.fields.contains_key("queue_id") {
        for name in ["waiting_now", "agents_now"] {
            context.insert(name.to_owned(), 1.into());
        }
    }
    context
}
