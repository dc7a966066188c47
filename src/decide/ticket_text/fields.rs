//! The fields of a ticket, rendered from the templates of its target.

use serde_json::Value;

use super::displayed;
use super::flood_report;
use super::incident_values::with_incident;
use crate::domain::incident::Incident;
use crate::domain::severity::Severity;
use crate::domain::ticket::TicketFields;
use crate::domain::trouble::OWN_SOURCE;
use crate::rules::{RenderError, TemplateContext};
use crate::settings::{FieldTemplate, FieldValue, KeyField, TargetSettings};

/// A template of a target's field that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{section}.{field}: {error}")]
pub(crate) struct FieldError {
    /// `create`, `update` or `resolve`.
    pub(crate) section: &'static str,
    /// The CRM's field.
    pub(crate) field: String,
    /// The reason.
    pub(crate) error: RenderError,
}

/// Renders the fields of a new ticket. The error names the first field that cannot be written.
pub(crate) fn create_fields(
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    let context = &displayed::values(context, target.kind);
    new_fields(target, context)
}

/// The same, from values that are safe to display already.
pub(super) fn new_fields(
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    let mut fields = render_fields("create", &target.create, context)?;
    if let Some((title, text)) = own_words(context) {
        fields.insert(target.kind.title_field.to_owned(), title.into());
        fields.insert(target.kind.description_field.to_owned(), text.into());
    }
    if let Some(title) = outage_title(target, context, &fields) {
        fields.insert(target.kind.title_field.to_owned(), title.into());
    }
    Ok(fields)
}

/// The title of an outage's ticket where the template's would name its rule, such as `outage:site`:
/// templates are made for one queue. What stands before the rule stays.
fn outage_title(
    target: &TargetSettings,
    context: &TemplateContext,
    fields: &TicketFields,
) -> Option<String> {
    let title = context.get("outage")?.get("title")?.as_str()?;
    let rule = context.get("rule")?.as_str()?;
    let (before, _) = fields
        .get(target.kind.title_field)?
        .as_str()?
        .split_once(rule)?;
    Some(format!("{before}{title}"))
}

/// Title and text of a ticket about Ringdown itself, or about a flood. They replace those of the
/// target's templates.
fn own_words(context: &TemplateContext) -> Option<(&str, &str)> {
    if let Some(flood) = context.get(flood_report::CONTEXT) {
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

/// The fields of a new ticket whose text changes because the severity is no longer `from`. A field
/// that cannot be written from the latest breach is left as it is.
pub(super) fn raised_fields(
    from: Severity,
    target: &TargetSettings,
    context: &TemplateContext,
    incident: &Incident,
) -> TicketFields {
    let mut then = incident.clone();
    from.as_str().clone_into(&mut then.severity);
    let before = with_incident(context.clone(), &then);
    let before = displayed::values(&before, target.kind);
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

/// Whether our key stands in the field `name`, which must not be written over: a ticket without
/// a field for the key is found by its title.
fn carries_key(target: &TargetSettings, name: &str) -> bool {
    match target.key_field() {
        KeyField::InTitle { .. } => name.eq_ignore_ascii_case(target.kind.title_field),
        KeyField::Unique(_) | KeyField::OrRecordId(_) => false,
    }
}

pub(super) fn render_fields(
    section: &'static str,
    templates: &[FieldTemplate],
    context: &TemplateContext,
) -> Result<TicketFields, FieldError> {
    // Templates are made for telephony. A ticket about Ringdown itself or about a flood lacks some
    // of their values; such a field is left out.
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

/// The report on an outage's members. It is added with any templates.
fn report_in(context: &TemplateContext) -> Option<&str> {
    context.get("outage")?.get("report")?.as_str()
}

pub(super) fn with_report(text: String, context: &TemplateContext) -> String {
    match report_in(context) {
        Some(report) => format!("{text}\n{report}"),
        None => text,
    }
}

pub(super) fn add_report(
    fields: &mut TicketFields,
    target: &TargetSettings,
    context: &TemplateContext,
) {
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

/// Adds how the queue stands, as a line of the description.
pub(super) fn add_standing(
    fields: &mut TicketFields,
    target: &TargetSettings,
    context: &TemplateContext,
) {
    if let Some(standing) = context.get("standing").and_then(Value::as_str) {
        append(fields, target, standing);
    }
}

/// Adds `note`, why the ticket is not in the first of its targets, as the last lines of the
/// description.
pub(super) fn add_failover_note(fields: &mut TicketFields, target: &TargetSettings, note: &str) {
    append(fields, target, note);
}

fn append(fields: &mut TicketFields, target: &TargetSettings, note: &str) {
    let field = target.kind.description_field;
    let text = match fields.get(field).and_then(Value::as_str) {
        Some(text) => format!("{}\n\n{note}", text.trim_end()),
        None => note.to_owned(),
    };
    fields.insert(field.to_owned(), text.into());
}
