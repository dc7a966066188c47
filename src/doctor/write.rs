//! `--write`: opens a test ticket, changes it, resolves it, and reads it back.

use serde_json::Value;

use super::finding::Finding;
use super::sample;
use super::target::{DoctorTarget, refused, rules_opening_here, within};
use crate::clock::Clock;
use crate::decide::create_fields;
use crate::domain::failure::Failure;
use crate::domain::identity::IncidentId;
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue};

/// The findings of one test ticket. It stays in the CRM, resolved.
pub(super) async fn attempt(target: &DoctorTarget<'_>, clock: &Clock) -> Vec<Finding> {
    let context = rules_opening_here(target)
        .first()
        .map(|(rule, severity)| sample::context(rule, severity))
        .unwrap_or_default();
    let fields = match create_fields(target.settings, &context) {
        Ok(fields) => fields,
        Err(error) => {
            let remedy = "give the template an alternative: {{ name or 'unknown' }}";
            return vec![Finding::error("write_create", error.to_string(), remedy)];
        }
    };
    let key = TicketKey::of_incident(&IncidentId::new(uuid::Uuid::now_v7().to_string()));
    let ticket = match within(target.client.create(&key, &fields)).await {
        Ok(ticket) => ticket,
        Err(failure) => return vec![forbidden("write_create", "create", &failure)],
    };
    let mut findings = vec![opened(target, &ticket).await];
    findings.extend(dropped(target, &ticket, &fields).await);
    findings.extend(changed(target, &ticket, &context, clock).await);
    findings
}

async fn opened(target: &DoctorTarget<'_>, ticket: &Ticket) -> Finding {
    let read = within(target.client.read(&ticket.id)).await.ok().flatten();
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
async fn dropped(target: &DoctorTarget<'_>, ticket: &Ticket, sent: &TicketFields) -> Vec<Finding> {
    let Some(crm) = target.client.inspect() else {
        return Vec::new();
    };
    let write_only = target.settings.kind.write_only_fields;
    let is_something = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let names: Vec<String> = sent
        .iter()
        .filter(|(name, value)| is_something(value) && !write_only.contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    match within(crm.stored(&ticket.id, &names)).await {
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
    target: &DoctorTarget<'_>,
    ticket: &Ticket,
    context: &TemplateContext,
    clock: &Clock,
) -> Vec<Finding> {
    let (client, settings) = (target.client, target.settings);
    let change = |fields: &[FieldTemplate], what: &str| TicketChange {
        comment: Some(format!("Ringdown's pre-flight {what} at {}.", clock.now())),
        marker: format!("ref doctor-{what}"),
        fields: rendered(fields, context),
    };
    let update = change(&settings.update, "update");
    let mut findings = vec![match within(client.update(&ticket.id, &update)).await {
        Ok(_) => Finding::ok("write_update", "updated it"),
        Err(failure) => forbidden("write_update", "update", &failure),
    }];
    findings.push(if settings.resolve.is_empty() {
        Finding::skipped(
            "write_resolve",
            "no [resolve]: the test ticket stays open, close it by hand",
        )
    } else {
        let resolve = change(&settings.resolve, "resolve");
        match within(client.resolve(&ticket.id, &resolve)).await {
            Ok(_) => Finding::ok("write_resolve", "resolved it"),
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
