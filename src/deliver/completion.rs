//! Fields that a ticket lacks: what the CRM has in them, and setting them later.
//!
//! A field is set only while it has what it had right after the create. What a person or a rule of
//! the CRM has put in is left. A CRM that cannot be asked what a ticket has is left alone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::failure::{Failure, FailureScope};
use crate::domain::ticket::{
    Completion, OmittedField, TicketChange, TicketFields, TicketKey, text_of,
};
use crate::store::CompletedFields;
use crate::targets::{Applied, Crm};

/// What came of a try.
#[derive(Debug, Default)]
pub(super) struct Completed {
    pub(super) fields: CompletedFields,
    /// What the ticket still lacks.
    pub(super) left: Vec<OmittedField>,
    /// The CRM has accepted a change.
    pub(super) is_write: bool,
    /// The ticket is resolved, closed or gone.
    pub(super) is_over: bool,
}

/// What the ticket has in fields, by field.
type Stored = BTreeMap<String, String>;

/// Notes what the new ticket has in the `omitted` fields: a default, or nothing. That it cannot be
/// read costs nothing: they are then set only while they are empty.
pub(super) async fn note_kept(crm: &dyn Crm, ticket_id: &str, omitted: &mut [OmittedField]) {
    let Some(stored) = stored(crm, ticket_id, omitted).await else {
        return;
    };
    for one in omitted {
        one.kept = Some(held(&stored, one).to_owned());
    }
}

/// What a ticket lacks that was found after its answer was lost. `omitted` is what it was created
/// without, and `sent` everything else. Its fields may have been changed by people since.
pub(super) async fn lacking(
    crm: &dyn Crm,
    ticket_id: &str,
    omitted: &[OmittedField],
    sent: &TicketFields,
) -> Vec<OmittedField> {
    let is_omitted = |name: &str| omitted.iter().any(|one| one.field == name);
    let others = sent
        .iter()
        .filter(|(name, value)| !is_omitted(name) && !is_empty(value));
    let others = others.map(|(name, value)| OmittedField {
        field: name.clone(),
        value: text_of(value),
        reason: "the CRM has no value in it; the answer to the create was lost".to_owned(),
        kept: None,
        is_chosen: false,
    });
    let all: Vec<OmittedField> = omitted.iter().cloned().chain(others).collect();
    let Some(stored) = stored(crm, ticket_id, &all).await else {
        return omitted.to_vec();
    };
    let lacks = all.into_iter().filter_map(|mut one| {
        let held = held(&stored, &one);
        let lacks = match is_omitted(&one.field) {
            true => held != one.value,
            false => held.is_empty(),
        };
        one.is_chosen = !held.is_empty();
        one.kept = Some(held.to_owned());
        lacks.then_some(one)
    });
    lacks.collect()
}

/// Tries to set what the ticket lacks. A refusal of one field is no failure.
pub(super) async fn complete(
    crm: &dyn Crm,
    ticket_id: &str,
    completion: Completion,
) -> Result<Completed, Failure> {
    let Completion { completes, fields } = completion;
    let mut done = Completed::default();
    let (wanted, dropped): (Vec<_>, Vec<_>) = completes.into_iter().partition(|one| {
        let is_our_key = TicketKey::incident_in(&one.value).is_some();
        is_our_key || fields.is_empty() || fields.contains_key(&one.field)
    });
    done.fields.dropped = dropped.into_iter().map(|one| one.field).collect();
    let Some(inspect) = crm.inspect() else {
        done.left = wanted;
        return Ok(done);
    };
    let ticket = crm.read(ticket_id).await?;
    done.is_over = ticket.is_none_or(|ticket| ticket.closed);
    let names: Vec<String> = wanted.iter().map(|one| one.field.clone()).collect();
    if done.is_over || names.is_empty() {
        done.left = wanted;
        return Ok(done);
    }
    let before = inspect.stored(ticket_id, &names).await?;
    let mut sent = Vec::new();
    for mut one in wanted {
        if let Some(value) = fields.get(&one.field) {
            one.value = text_of(value);
        }
        match state_of(&one, held(&before, &one)) {
            State::Complete => done.fields.set.push(one.field),
            State::Found => done.fields.found.push(one.field),
            State::Kept => done.left.push(one),
            State::Missing => {
                let value = fields.get(&one.field).cloned();
                let value = value.unwrap_or_else(|| one.value.clone().into());
                match set(crm, ticket_id, &one.field, value).await? {
                    Ok(applied) => {
                        done.is_write |= applied.is_write;
                        sent.push(one);
                    }
                    Err(refused) => done.left.push(OmittedField {
                        reason: reason(&refused),
                        ..one
                    }),
                }
            }
        }
    }
    if sent.is_empty() {
        return Ok(done);
    }
    // A value that is dropped comes with a success too.
    let after = inspect.stored(ticket_id, &names).await?;
    for one in sent {
        let held = held(&after, &one);
        if held == one.value || held != self::held(&before, &one) {
            done.fields.set.push(one.field);
        } else {
            let reason = "the CRM accepted the change and did not keep the value".to_owned();
            done.left.push(OmittedField { reason, ..one });
        }
    }
    Ok(done)
}

enum State {
    /// It has the intended value.
    Complete,
    /// Somebody else has put another value in since the create.
    Found,
    /// It has a value that is not overwritten.
    Kept,
    Missing,
}

fn state_of(one: &OmittedField, held: &str) -> State {
    let kept = one.kept.as_deref().unwrap_or_default();
    match held {
        held if held == one.value => State::Complete,
        "" => State::Missing,
        held if held != kept => State::Found,
        _ if one.is_chosen => State::Kept,
        _ => State::Missing,
    }
}

/// Sets one field, or returns the refusal, if the CRM refuses it.
async fn set(
    crm: &dyn Crm,
    ticket_id: &str,
    field: &str,
    value: Value,
) -> Result<Result<Applied, Failure>, Failure> {
    let mut change = TicketChange::default();
    change.fields.insert(field.to_owned(), value);
    match crm.update(ticket_id, &change).await {
        Ok(applied) => Ok(Ok(applied)),
        Err(failure) if failure.class.scope == FailureScope::Ticket && !failure.outcome_unknown => {
            Ok(Err(failure))
        }
        Err(failure) => Err(failure),
    }
}

/// Why a field is not set, for people.
pub(super) fn reason(failure: &Failure) -> String {
    match &failure.code {
        Some(code) => format!("{code}: {}", failure.message),
        None => failure.message.clone(),
    }
}

async fn stored(crm: &dyn Crm, ticket_id: &str, fields: &[OmittedField]) -> Option<Stored> {
    let names: Vec<String> = fields.iter().map(|one| one.field.clone()).collect();
    if names.is_empty() {
        return None;
    }
    match crm.inspect()?.stored(ticket_id, &names).await {
        Ok(stored) => Some(stored),
        Err(failure) => {
            tracing::debug!(ticket = ticket_id, error = %failure, "the fields of a ticket cannot be read");
            None
        }
    }
}

fn held<'a>(stored: &'a Stored, one: &OmittedField) -> &'a str {
    stored.get(&one.field).map_or("", String::as_str)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}
