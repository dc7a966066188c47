//! What a delivery says: rendered when it is decided, so that a template which meets a
//! missing value stops the ticket and not the delivery.
//!
//! The payload's form is shared with `deliver` through [`CreatePayload`] and
//! `targets::TicketChange`, both plain JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::comment::comment;
use super::details::standing_in;
use super::flood_text;
use super::reading::Units;
use super::written;
use crate::domain::incident::{Incident, Owed};
use crate::domain::severity::Severity;
use crate::domain::ticket::{Operation, TicketChange, TicketFields};
use crate::domain::time::Timestamp;
use crate::domain::trouble::OWN_SOURCE;
use crate::rules::{RenderError, TemplateContext};
use crate::settings::{FieldTemplate, FieldValue, KeyField, Settings, TargetSettings};

/// The content of a create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatePayload {
    /// The new ticket's fields.
    pub fields: TicketFields,
    /// How the queue stood when they were written: what moving the create to another target
    /// needs to say the same there.
    #[serde(default, skip_serializing_if = "TemplateContext::is_empty")]
    standing: TemplateContext,
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
    let context = &written::values(context, target.kind);
    new_fields(target, context)
}

/// `context` holds what may be shown.
fn new_fields(
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    let mut fields = render_fields("create", &target.create, context)?;
    if let Some((title, text)) = own_words(context) {
        fields.insert(target.kind.title_field.to_owned(), title.into());
        fields.insert(target.kind.description_field.to_owned(), text.into());
    }
    Ok(fields)
}

/// Title and text of a ticket about Ringdown itself, or about a flood.
fn own_words(context: &TemplateContext) -> Option<(&str, &str)> {
    if let Some(flood) = context.get(flood_text::CONTEXT) {
        return Some((flood.get("title")?.as_str()?, flood.get("text")?.as_str()?));
    }
    if context.get("source")?.as_str() != Some(OWN_SOURCE) {
        return None;
    }
    let labels = context.get("labels")?;
    Some((
        labels.get("title")?.as_str()?,
        labels.get("text")?.as_str()?,
    ))
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
    settings: &Settings,
    now: Timestamp,
) -> Result<(Operation, String), FieldError> {
    let standing = standing_in(context);
    let context = &written::values(context, target.kind);
    if owed == Owed::Create {
        let mut fields = new_fields(target, context)?;
        add_report(&mut fields, target, context);
        add_standing(&mut fields, target, context);
        append_failover(&mut fields, target, context);
        let content = CreatePayload { fields, standing };
        return Ok((Operation::Create, json_text(&content)));
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
    let resolution = owed == Owed::Resolve;
    let comment = with_report(said(owed, incident, settings, context, now), context);
    let comment = written::text(&comment, target.kind);
    let change = TicketChange {
        comment: Some(format!("{comment} [{marker}]")),
        marker,
        fields,
    };
    let operation = if resolves {
        Operation::Resolve
    } else {
        Operation::Update
    };
    Ok((operation, json_text(&OwedChange { resolution, change })))
}

/// The content of an update or a resolution, with what moving it to another target needs.
#[derive(Debug, Serialize, Deserialize)]
struct OwedChange {
    /// Whether the ticket is to be resolved, where its target has fields for that.
    #[serde(default)]
    resolution: bool,
    #[serde(flatten)]
    change: TicketChange,
}

/// What was owed to a ticket that does not exist, as it is owed in another target. What a
/// comment says stays as it was; the fields are the other target's.
///
/// # Errors
///
/// [`FieldError`] names the first field that cannot be written.
pub(super) fn moved(
    (operation, payload): (Operation, &str),
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<(Operation, String), FieldError> {
    let owed: Result<OwedChange, _> = serde_json::from_str(payload);
    let (Operation::Update | Operation::Resolve, Ok(mut owed)) = (operation, owed) else {
        return Ok((operation, payload.to_owned()));
    };
    let resolution = owed.resolution || operation == Operation::Resolve;
    let resolves = resolution && !target.resolve.is_empty();
    let (section, templates, operation) = if resolves {
        ("resolve", &target.resolve, Operation::Resolve)
    } else {
        ("update", &target.update, Operation::Update)
    };
    let context = &written::values(context, target.kind);
    owed.change.fields = render_fields(section, templates, context)?;
    // It was written for another target, where other markup counts.
    let comment = owed.change.comment.as_deref();
    owed.change.comment = comment.map(|comment| written::text(comment, target.kind));
    Ok((operation, json_text(&owed)))
}

/// Lets what is written for another target say how the queue stood when the create `payload`
/// was written: it may no longer be known, and the ticket was decided by it.
pub(super) fn carry_standing(context: &mut TemplateContext, payload: &str) {
    if let Ok(created) = serde_json::from_str::<CreatePayload>(payload) {
        context.extend(created.standing);
    }
}

/// Lets a new ticket say `note`: why it is not in the first of its targets.
pub(super) fn add_failover(context: &mut TemplateContext, note: &str) {
    context.insert("failover".to_owned(), note.into());
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
    let before = written::values(&before, target.kind);
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
    match target.key_field() {
        KeyField::InTitle { .. } => name.eq_ignore_ascii_case(target.kind.title_field),
        KeyField::Unique(_) | KeyField::OrRecordId(_) => false,
    }
}

fn render_fields(
    section: &'static str,
    templates: &[FieldTemplate],
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    // Templates are made for telephony: what they miss in our own trouble is left out there.
    let is_lenient = own_words(context).is_some();
    let mut fields = TicketFields::new();
    for field in templates {
        let value = match &field.value {
            FieldValue::Literal(value) => value.clone(),
            FieldValue::Template(template) => match template.render(context) {
                Ok(text) => Value::String(text),
                Err(_) if is_lenient => continue,
                Err(error) => {
                    return Err(FieldError {
                        section,
                        field: field.name.clone(),
                        error,
                    });
                }
            },
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
    let field = target.kind.description_field;
    let text = match fields.get(field).and_then(Value::as_str) {
        Some(text) => format!("{report}\n\n{text}"),
        None => report.to_owned(),
    };
    fields.insert(field.to_owned(), text.into());
}

/// How the queue stands, as a line of the description.
fn add_standing(fields: &mut TicketFields, target: &TargetSettings, context: &TemplateContext) {
    if let Some(standing) = context.get("standing").and_then(Value::as_str) {
        append(fields, target, standing);
    }
}

/// Why the ticket is not in the first of its targets, as the last lines of its description.
fn append_failover(fields: &mut TicketFields, target: &TargetSettings, context: &TemplateContext) {
    if let Some(note) = context.get("failover").and_then(Value::as_str) {
        append(fields, target, note);
    }
}

fn append(fields: &mut TicketFields, target: &TargetSettings, note: &str) {
    let field = target.kind.description_field;
    let text = match fields.get(field).and_then(Value::as_str) {
        Some(text) => format!("{}\n\n{note}", text.trim_end()),
        None => note.to_owned(),
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

/// What the comment says, with how the queue stands where that is known.
fn said(
    owed: Owed,
    incident: &Incident,
    settings: &Settings,
    context: &TemplateContext,
    now: Timestamp,
) -> String {
    let mut rules = settings.rules.iter();
    let rule = rules.find(|rule| rule.name == incident.rule);
    let units = Units::new(settings, rule);
    let standing = context.get("standing").and_then(Value::as_str);
    match (owed, standing) {
        (Owed::Details, Some(standing)) => standing.to_owned(),
        (_, Some(standing)) => {
            let comment = comment(owed, incident, rule, &units, now);
            format!("{comment} {standing}")
        }
        (_, None) => comment(owed, incident, rule, &units, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::{Heard, Readings, Verdict};

    #[test]
    fn two_relapses_in_one_millisecond_are_two_comments() {
        let now = Timestamp::from_millis(1_000);
        let heard = Heard {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: Readings::new(),
        };
        let mut incident = Incident::begin("id".into(), "rule", "key", "high", &heard, now);
        let first = marker(&incident, Owed::Relapse, now);
        assert_eq!(first, marker(&incident, Owed::Relapse, now));
        incident.take_in(&heard);
        assert_ne!(first, marker(&incident, Owed::Relapse, now));
    }
}
