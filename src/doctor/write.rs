//! `--write`: opens a test ticket, changes it, resolves it, and looks what became of it.
//!
//! May import: `decide::create_fields` (the fields as a delivery has them), `targets`.

use serde_json::Value;

use super::live::{Patient, openers, refused, within};
use super::{Finding, sample};
use crate::clock::Clock;
use crate::decide::create_fields;
use crate::domain::failure::Failure;
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue};

/// Fields that cannot be read back.
const JOURNALS: [&str; 3] = ["work_notes", "comments", "comments_and_work_notes"];

/// The findings of one test ticket. It stays in the CRM, resolved.
pub(super) async fn attempt(patient: &Patient<'_>, clock: &Clock) -> Vec<Finding> {
    let context = openers(patient)
        .first()
        .map(|(rule, severity)| sample::context(rule, severity))
        .unwrap_or_default();
    let fields = match create_fields(patient.target, &context) {
        Ok(fields) => fields,
        Err(error) => {
            let remedy = "give the template an alternative: {{ name or 'unknown' }}";
            return vec![Finding::error("write_create", error.to_string(), remedy)];
        }
    };
    let key = TicketKey::of_incident(&uuid::Uuid::now_v7().to_string());
    let ticket = match within(patient.client.create(&key, &fields)).await {
        Ok(ticket) => ticket,
        Err(failure) => return vec![forbidden("write_create", "create", &failure)],
    };
    let mut findings = vec![opened(patient, &ticket).await];
    findings.extend(dropped(patient, &ticket, &fields).await);
    findings.extend(changed(patient, &ticket, &context, clock).await);
    findings
}

async fn opened(patient: &Patient<'_>, ticket: &Ticket) -> Finding {
    let read = within(patient.client.read(&ticket.id)).await.ok().flatten();
    let number = read
        .and_then(|ticket| ticket.number)
        .or_else(|| ticket.number.clone());
    let number = number.unwrap_or_else(|| ticket.id.clone());
    Finding::ok(
        "write_create",
        format!("opened test ticket {number}: {}", ticket.url),
    )
}

/// Fields that were sent, and that the ticket does not hold.
async fn dropped(patient: &Patient<'_>, ticket: &Ticket, sent: &TicketFields) -> Vec<Finding> {
    let is_something = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let names: Vec<String> = sent
        .iter()
        .filter(|(name, value)| is_something(value) && !JOURNALS.contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    match within(patient.client.stored(&ticket.id, &names)).await {
        Ok(stored) => names
            .into_iter()
            .filter(|name| !stored.contains_key(name))
            .map(|name| {
                let message = format!("the CRM dropped {name} from the test ticket without a word");
                let remedy = format!("look at our user's right to write {name}, and at its value");
                Finding::error("write_create", message, remedy).about(name)
            })
            .collect(),
        Err(failure) => vec![refused("write_read", &failure)],
    }
}

async fn changed(
    patient: &Patient<'_>,
    ticket: &Ticket,
    context: &TemplateContext,
    clock: &Clock,
) -> Vec<Finding> {
    let (client, target) = (patient.client, patient.target);
    let change = |fields: &[FieldTemplate], what: &str| TicketChange {
        comment: Some(format!("Ringdown's pre-flight {what} at {}.", clock.now())),
        marker: format!("ref doctor-{what}"),
        fields: rendered(fields, context),
    };
    let update = change(&target.update, "update");
    let mut findings = vec![match within(client.update(&ticket.id, &update)).await {
        Ok(()) => Finding::ok("write_update", "updated it"),
        Err(failure) => forbidden("write_update", "update", &failure),
    }];
    findings.push(if target.resolve.is_empty() {
        Finding::skipped(
            "write_resolve",
            "no [resolve]: the test ticket stays open, close it by hand",
        )
    } else {
        let resolve = change(&target.resolve, "resolve");
        match within(client.resolve(&ticket.id, &resolve)).await {
            Ok(()) => Finding::ok("write_resolve", "resolved it"),
            Err(failure) => forbidden("write_resolve", "resolve", &failure),
        }
    });
    findings
}

/// What can be rendered; a template that fails was reported before.
fn rendered(fields: &[FieldTemplate], context: &TemplateContext) -> TicketFields {
    let value = |field: &FieldTemplate| match &field.value {
        FieldValue::Literal(value) => Some((field.name.clone(), value.clone())),
        FieldValue::Template(template) => {
            let text = template.render(context).ok()?;
            Some((field.name.clone(), Value::String(text)))
        }
    };
    fields.iter().filter_map(value).collect()
}

fn forbidden(check: &'static str, verb: &str, failure: &Failure) -> Finding {
    let message = format!("the CRM would not {verb} a test ticket: {failure}");
    let remedy = format!(
        "look at the CRM's message, at our user's right to {verb}, and at data policies, validation and business rules"
    );
    Finding::error(check, message, remedy)
}
