//! The content of a delivery. It is rendered when it is decided, so that a template which meets a
//! missing value stops the ticket at once, and not the delivery later.
//!
//! `deliver` reads the content back: a create as `fields`, everything else as
//! [`TicketChange`]. Both are plain JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::comment::comment;
use super::displayed;
use super::fields::{
    FieldError, add_failover_note, add_report, add_standing, create_fields, new_fields,
    raised_fields, render_fields, with_report,
};
use super::queue_standing::standing_in;
use super::readings::Units;
use crate::domain::identity::IncidentId;
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::ticket::{Completion, Operation, TicketChange, TicketFields};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{Settings, TargetSettings};

/// The content of a create.
#[derive(Debug, Serialize, Deserialize)]
struct CreatePayload {
    fields: TicketFields,
    /// How the queue stood when the fields were written. A create that moves to another target
    /// says the same there.
    #[serde(default, skip_serializing_if = "TemplateContext::is_empty")]
    standing: TemplateContext,
    /// Why it is not in the first of its targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failover: Option<String>,
}

/// The content of an update or a resolution.
#[derive(Debug, Serialize, Deserialize)]
struct ChangePayload {
    /// Whether the ticket is to be resolved, where its target has fields for that. Moving the
    /// change to another target needs it.
    #[serde(default)]
    resolution: bool,
    #[serde(flatten)]
    change: TicketChange,
}

/// The content of a create in `target`. `failover` says why it is not the first of its targets.
pub(in crate::decide) fn create_payload(
    target: &TargetSettings,
    context: &TemplateContext,
    failover: Option<&str>,
) -> Result<String, FieldError> {
    let standing = standing_in(context);
    let context = &displayed::values(context, target.kind);
    let mut fields = new_fields(target, context)?;
    add_report(&mut fields, target, context);
    add_standing(&mut fields, target, context);
    if let Some(note) = failover {
        add_failover_note(&mut fields, target, &displayed::text(note, target.kind));
    }
    let failover = failover.map(str::to_owned);
    Ok(json_text(&CreatePayload {
        fields,
        standing,
        failover,
    }))
}

/// The operation and the content of everything but a create: a comment, with fields.
pub(in crate::decide) fn change_payload(
    action: TicketAction,
    target: &TargetSettings,
    context: &TemplateContext,
    incident: &Incident,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Operation, String), FieldError> {
    let context = &displayed::values(context, target.kind);
    let resolution = action == TicketAction::Resolve;
    let (operation, mut fields) = change_fields(resolution, target, context)?;
    if let TicketAction::Raised { from } = action {
        for (name, value) in raised_fields(from, target, context, incident) {
            fields.entry(name).or_insert(value);
        }
    }
    let marker = marker(incident, action, now);
    let comment = with_report(
        comment_text(action, incident, settings, context, now),
        context,
    );
    let comment = displayed::text(&comment, target.kind);
    let change = TicketChange {
        comment: Some(format!("{comment} [{marker}]")),
        marker,
        fields,
    };
    Ok((operation, json_text(&ChangePayload { resolution, change })))
}

/// The operation and the content of a comment that a person writes; with `resolution` the ticket is
/// resolved by it. A comment of one request is written once.
pub(in crate::decide) fn person_payload(
    (resolution, text): (bool, &str),
    target: &TargetSettings,
    context: &TemplateContext,
    request_id: &str,
) -> Result<(Operation, String), FieldError> {
    let context = &displayed::values(context, target.kind);
    let (operation, fields) = match resolution {
        true => change_fields(true, target, context)?,
        false => (Operation::Update, TicketFields::new()),
    };
    let marker = format!("ref {}", hex::encode(&Sha256::digest(request_id)[..4]));
    let text = displayed::text(text, target.kind);
    let change = TicketChange {
        comment: Some(format!("{text} [{marker}]")),
        marker,
        fields,
    };
    Ok((operation, json_text(&ChangePayload { resolution, change })))
}

/// A target without fields for a resolution gets an update instead.
fn change_fields(
    resolution: bool,
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<(Operation, TicketFields), FieldError> {
    if resolution && !target.resolve.is_empty() {
        let fields = render_fields("resolve", &target.resolve, context)?;
        return Ok((Operation::Resolve, fields));
    }
    let fields = render_fields("update", &target.update, context)?;
    Ok((Operation::Update, fields))
}

/// The content of a link to the ticket of the outage `outage_id`. `why` it is linked begins the
/// comment, which names the outage's ticket once that is known.
pub(in crate::decide) fn link_payload(
    outage_id: &IncidentId,
    why: &str,
    target: Option<&TargetSettings>,
) -> String {
    let id = outage_id.as_str();
    let end = id.rsplit('-').next().unwrap_or(id);
    json_text(&TicketChange {
        marker: format!("ref {end}"),
        comment: target.map(|target| displayed::text(why, target.kind)),
        ..TicketChange::default()
    })
}

/// The content of an operation other than the create, written again for `target`, to which the
/// create moves. The comment stays; the fields are those of the new target.
pub(in crate::decide) fn moved_payload(
    (operation, payload): (Operation, &str),
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<(Operation, String), FieldError> {
    let written: Result<ChangePayload, _> = serde_json::from_str(payload);
    let (Operation::Update | Operation::Resolve, Ok(mut written)) = (operation, written) else {
        return Ok((operation, payload.to_owned()));
    };
    let resolution = written.resolution || operation == Operation::Resolve;
    let context = &displayed::values(context, target.kind);
    let (operation, fields) = change_fields(resolution, target, context)?;
    written.change.fields = fields;
    // The comment was made safe for the markup of the first target; the new one has another.
    let comment = written.change.comment.as_deref();
    written.change.comment = comment.map(|comment| displayed::text(comment, target.kind));
    Ok((operation, json_text(&written)))
}

/// The content of `completion` with the values that a create would have now.
pub(in crate::decide) fn completion_payload(
    completion: Completion,
    target: &TargetSettings,
    context: &TemplateContext,
) -> Result<String, FieldError> {
    let fields = create_fields(target, context)?;
    Ok(Completion {
        fields,
        ..completion
    }
    .payload())
}

/// The note of the create `payload` on why it is not in the first of its targets.
pub(in crate::decide) fn failover_note(payload: &str) -> Option<String> {
    serde_json::from_str::<CreatePayload>(payload)
        .ok()?
        .failover
}

/// Adds how the queue stood when the create `payload` was written: it may not be known any more.
pub(in crate::decide) fn carry_standing(context: &mut TemplateContext, payload: &str) {
    if let Ok(created) = serde_json::from_str::<CreatePayload>(payload) {
        context.extend(created.standing);
    }
}

fn json_text(payload: &impl Serialize) -> String {
    // Maps with text keys and plain values always serialise.
    serde_json::to_string(payload).unwrap_or_default()
}

/// A short mark by which a repeated comment is recognised: `ref 3f9a0c1d`. The number of breaches is
/// part of it, because breaches and clears of one request have the same time, and there is always a
/// breach between two comments of a kind.
fn marker(incident: &Incident, action: TicketAction, now: Timestamp) -> String {
    let (id, heard) = (&incident.id, incident.occurrences);
    let mut hash = Sha256::new();
    hash.update(format!("{id}|{action:?}|{}|{heard}", now.as_millis()));
    format!("ref {}", hex::encode(&hash.finalize()[..4]))
}

/// The comment, with how the queue stands where that is known.
fn comment_text(
    action: TicketAction,
    incident: &Incident,
    settings: &Settings,
    context: &TemplateContext,
    now: Timestamp,
) -> String {
    let mut rules = settings.rules.iter();
    let rule = rules.find(|rule| rule.name == *incident.rule);
    let units = Units::new(settings, rule);
    let standing = context.get("standing").and_then(Value::as_str);
    match (action, standing) {
        (TicketAction::Details, Some(standing)) => standing.to_owned(),
        (_, Some(standing)) => {
            let comment = comment(action, incident, rule, &units, now);
            format!("{comment} {standing}")
        }
        (_, None) => comment(action, incident, rule, &units, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentKey;
    use crate::domain::incident::{Evaluation, Readings, Verdict};

    #[test]
    fn two_relapses_in_one_millisecond_are_two_comments() {
        let now = Timestamp::from_millis(1_000);
        let heard = Evaluation {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: Readings::new(),
        };
        let mut incident = Incident::begin(
            IncidentId::new("id"),
            IncidentKey::new("rule", "key"),
            "high",
            &heard,
            now,
        );
        let first = marker(&incident, TicketAction::Relapse, now);
        assert_eq!(first, marker(&incident, TicketAction::Relapse, now));
        incident.apply(&heard);
        assert_ne!(first, marker(&incident, TicketAction::Relapse, now));
    }
}
