//! What a delivery says: rendered when it is decided, so that a template which meets a
//! missing value stops the ticket and not the delivery.
//!
//! The payload's form is shared with `deliver` through [`CreatePayload`] and
//! `targets::TicketChange`, both plain JSON.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::report::totals;
use crate::domain::incident::{Incident, Owed};
use crate::domain::severity::Severity;
use crate::domain::ticket::{Operation, TicketChange, TicketFields};
use crate::domain::time::Timestamp;
use crate::rules::{RenderError, TemplateContext};
use crate::settings::{FieldTemplate, FieldValue, TargetKind, TargetSettings};

/// The content of a create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatePayload {
    /// The new ticket's fields.
    pub fields: TicketFields,
}

/// A template of a target's field that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{section}.{field}: {error}")]
pub struct FieldError {
    /// `create`, `update` or `resolve`.
    pub section: &'static str,
    /// The CRM's field.
    pub field: String,
    /// What failed.
    pub error: RenderError,
}

/// The values that templates see of an incident's ticket.
pub fn context_of(context: TemplateContext, incident: &Incident) -> TemplateContext {
    super::context::with_incident(context, incident)
}

/// Renders the fields of a new ticket.
///
/// # Errors
///
/// [`FieldError`] names the first field that cannot be written.
pub fn create_fields(
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    render_fields("create", &target.create, context)
}

/// The operation and payload that pay what is owed.
///
/// # Errors
///
/// [`FieldError`] names the first field that cannot be written.
pub fn render(
    owed: Owed,
    target: &TargetSettings,
    context: &TemplateContext,
    incident: &Incident,
    now: Timestamp,
) -> Result<(Operation, String), FieldError> {
    if owed == Owed::Create {
        let mut fields = create_fields(target, context)?;
        add_report(&mut fields, target, context);
        return Ok((Operation::Create, json_text(&CreatePayload { fields })));
    }
    let resolves = owed == Owed::Resolve && !target.resolve.is_empty();
    let mut fields = if resolves {
        render_fields("resolve", &target.resolve, context)?
    } else {
        render_fields("update", &target.update, context)?
    };
    if let Owed::Raised { from } = owed {
        for (name, value) in raised_fields(from, target, context, incident) {
            fields.entry(name).or_insert(value);
        }
    }
    let marker = marker(incident, owed, now);
    let change = TicketChange {
        comment: Some(format!(
            "{} [{marker}]",
            with_report(comment(owed, incident, now), context)
        )),
        marker,
        fields,
    };
    let operation = if resolves {
        Operation::Resolve
    } else {
        Operation::Update
    };
    Ok((operation, json_text(&change)))
}

/// The fields of a new ticket that come out differently because the severity is no longer
/// `from`. One that cannot be written from the latest breach stays as it is.
fn raised_fields(
    from: Severity,
    target: &TargetSettings,
    context: &TemplateContext,
    incident: &Incident,
) -> TicketFields {
    let mut then = incident.clone();
    from.as_str().clone_into(&mut then.severity);
    let before = context_of(context.clone(), &then);
    let changed = target.create.iter().filter_map(|field| {
        let FieldValue::Template(template) = &field.value else {
            return None;
        };
        let now = template.render(context).ok()?;
        let differs = template.render(&before).ok().as_ref() != Some(&now);
        (differs && !carries_key(target, &field.name))
            .then(|| (field.name.clone(), Value::String(now)))
    });
    changed.collect()
}

/// Whether our key stands in the field `name`, which must not be written over: a Salesforce
/// ticket without an external id is found by its subject.
fn carries_key(target: &TargetSettings, name: &str) -> bool {
    let in_subject = matches!(
        target.kind,
        TargetKind::Salesforce {
            external_id_field: None,
            ..
        }
    );
    in_subject && name.eq_ignore_ascii_case("Subject")
}

fn render_fields(
    section: &'static str,
    templates: &[FieldTemplate],
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    let mut fields = TicketFields::new();
    for field in templates {
        let value = match &field.value {
            FieldValue::Literal(value) => value.clone(),
            FieldValue::Template(template) => {
                Value::String(template.render(context).map_err(|error| FieldError {
                    section,
                    field: field.name.clone(),
                    error,
                })?)
            }
        };
        fields.insert(field.name.clone(), value);
    }
    Ok(fields)
}

/// What an outage's ticket says of its members, whatever the templates say.
fn report_in(context: &TemplateContext) -> Option<&str> {
    context.get("outage")?.get("report")?.as_str()
}

fn with_report(text: String, context: &TemplateContext) -> String {
    match report_in(context) {
        Some(report) => format!("{text}\n{report}"),
        None => text,
    }
}

fn add_report(fields: &mut TicketFields, target: &TargetSettings, context: &TemplateContext) {
    let Some(report) = report_in(context) else {
        return;
    };
    let field = match target.kind {
        TargetKind::Salesforce { .. } => "Description",
        TargetKind::ServiceNow { .. } => "description",
    };
    let text = match fields.get(field).and_then(Value::as_str) {
        Some(text) => format!("{report}\n\n{text}"),
        None => report.to_owned(),
    };
    fields.insert(field.to_owned(), text.into());
}

fn json_text(payload: &impl Serialize) -> String {
    // Maps with text keys and plain values always serialise.
    serde_json::to_string(payload).unwrap_or_default()
}

/// A short mark by which a repeated comment is recognised: `ref 3f9a0c1d`. Breaches and
/// clears that come in one request have the same time, so the time alone does not tell their
/// comments apart; between two comments of a kind there is always a breach.
fn marker(incident: &Incident, owed: Owed, now: Timestamp) -> String {
    let (id, heard) = (&incident.id, incident.occurrences);
    let mut hash = Sha256::new();
    hash.update(format!("{id}|{owed:?}|{}|{heard}", now.as_millis()));
    format!("ref {}", hex::encode(&hash.finalize()[..4]))
}

/// What the comment says.
fn comment(owed: Owed, incident: &Incident, now: Timestamp) -> String {
    let mut text = match owed {
        Owed::Create => String::new(),
        Owed::Progress => format!(
            "Still breaching after {}.",
            span(now.since(incident.opened_at))
        ),
        Owed::Relapse => format!(
            "Breaching again (relapse {}); the same incident goes on.",
            incident.relapses
        ),
        Owed::Raised { from } => format!("Severity raised from {from} to {}.", incident.severity),
        Owed::Recovered | Owed::Resolve => format!(
            "Recovered at {now}, after {}.",
            span(now.since(incident.opened_at))
        ),
    };
    if let Some(tally) = &incident.tally {
        text.push_str(&totals(tally));
        return text;
    }
    let _ = write!(
        text,
        " {} events breached since {}.",
        incident.occurrences, incident.opened_at
    );
    for (name, spread) in incident.readings.iter().take(4) {
        let _ = write!(
            text,
            " {name}: latest {}, lowest {}, highest {}.",
            spread.latest, spread.lowest, spread.highest
        );
    }
    text
}

fn span(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::{Heard, Verdict};

    #[test]
    fn two_relapses_in_one_millisecond_are_two_comments() {
        let now = Timestamp::from_millis(1_000);
        let heard = Heard {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: std::collections::BTreeMap::new(),
        };
        let mut incident = Incident::begin("id".into(), "rule", "key", "high", &heard, now);
        let first = marker(&incident, Owed::Relapse, now);
        assert_eq!(first, marker(&incident, Owed::Relapse, now));
        incident.take_in(&heard);
        assert_ne!(first, marker(&incident, Owed::Relapse, now));
    }
}
