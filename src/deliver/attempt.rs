//! One attempt of one delivery.
//!
//! A delivery in doubt may have taken effect already. The CRM is asked before anything is sent
//! again: a ticket that exists is adopted, a comment that exists is not written twice.

use serde::Deserialize;

use super::achieved::{Achieved, Changed, Created};
use super::completion::{complete, lacking, note_kept};
use super::omission::{MAX_OMISSIONS, Omission, note_in};
use crate::domain::doubt::{AfterLookUp, Unsent, instead_of_sending};
use crate::domain::failure::{EarlierAttempts, Failure, FailureKind, FailureScope, Remedy};
use crate::domain::identity::TargetName;
use crate::domain::ticket::{
    Completion, OmittedField, Operation, Ticket, TicketChange, TicketFields, TicketKey,
};
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, ParentTicket, Store};
use crate::targets::{Applied, Crm};

#[derive(Deserialize)]
struct CreatePayload {
    fields: TicketFields,
}

/// What an attempt needs of its target.
pub(super) struct AttemptContext<'a> {
    pub(super) crm: &'a dyn Crm,
    pub(super) target: &'a TargetName,
    pub(super) omission: &'a Omission,
    pub(super) store: &'a Store,
    /// This process, as the owner of the claim.
    pub(super) owner: &'a str,
    pub(super) now: Timestamp,
}

/// Makes the attempt.
pub(super) async fn attempt(
    ctx: &AttemptContext<'_>,
    delivery: &ClaimedDelivery,
) -> Result<Achieved, Failure> {
    let crm = ctx.crm;
    if let Some(records) = &delivery.ticket_elsewhere {
        return Err(in_other_records(ctx.target, records));
    }
    match delivery.operation {
        Operation::Create => create(ctx, delivery).await,
        Operation::Update if delivery.completes => {
            let completion: Completion = payload(delivery)?;
            let completed = complete(crm, ticket_id(delivery)?, completion).await?;
            Ok(Achieved::Completed(completed))
        }
        Operation::Update => update(ctx, delivery).await,
        // A resolution is never looked up: it may be sent with other values.
        Operation::Resolve if delivery.earlier.then == Some(AfterLookUp::Render) => {
            Ok(Achieved::Unsent(Unsent::Render))
        }
        Operation::Resolve => {
            let change: TicketChange = payload(delivery)?;
            let changed = ctx.change(delivery, change).await;
            changed.map(Achieved::Changed).map_err(refused_again)
        }
        Operation::Link => link(ctx, delivery).await,
    }
}

/// Links the ticket to its outage's ticket, or names that in a comment.
async fn link(ctx: &AttemptContext<'_>, delivery: &ClaimedDelivery) -> Result<Achieved, Failure> {
    let crm = ctx.crm;
    let ticket_id = ticket_id(delivery)?;
    let Some(parent) = &delivery.parent else {
        return Err(Failure::internal("the outage has no ticket to link to"));
    };
    let mut change: TicketChange = payload(delivery)?;
    let is_same_crm = parent.target == *ctx.target;
    // The comment is written last: where it is, the ticket is linked.
    if delivery.in_doubt && crm.has_comment(ticket_id, &change.marker).await? {
        return Ok(Achieved::Changed(Changed::already()));
    }
    let unsent = ctx.instead_of_sending(delivery);
    // No field can point to a ticket of another CRM. The same parent twice changes nothing.
    if is_same_crm {
        crm.link(ticket_id, &parent.id).await?;
    }
    match unsent {
        // An earlier try may still write the comment. The ticket is linked, so nothing has to wait for that.
        Some(_) if is_same_crm => return Ok(Achieved::Changed(Changed::written())),
        Some(unsent) => return Ok(Achieved::Unsent(unsent)),
        None => {}
    }
    change.comment = Some(link_comment(&change, parent, is_same_crm));
    let mut changed = Changed::from(crm.update(ticket_id, &change).await?);
    changed.is_write |= is_same_crm;
    Ok(Achieved::Changed(changed))
}

/// Why the ticket is linked, and the ticket of the outage.
fn link_comment(change: &TicketChange, parent: &ParentTicket, is_same_crm: bool) -> String {
    // A link of an earlier version names no reason.
    let why = change.comment.as_deref().unwrap_or("Part of an outage.");
    let number = parent.number.as_ref().unwrap_or(&parent.id);
    let place = match is_same_crm {
        true => String::new(),
        false => format!(" in {}", parent.target),
    };
    let (url, marker) = (&parent.url, &change.marker);
    format!("{why} The outage's ticket is {number}{place}: {url} [{marker}]")
}

async fn create(ctx: &AttemptContext<'_>, delivery: &ClaimedDelivery) -> Result<Achieved, Failure> {
    let key = TicketKey::of_incident(&delivery.incident_id);
    let content: Result<CreatePayload, Failure> = payload(delivery);
    // What is to be discarded is looked up in any case: an earlier look-up may have come too early.
    let is_unwanted = delivery.earlier.then == Some(AfterLookUp::Discard);
    if (delivery.in_doubt || is_unwanted)
        && let Some(ticket) = ctx.crm.find(&key).await?
    {
        let sent = content.map_or_else(|_| TicketFields::new(), |content| content.fields);
        let sent = ctx.omission.optional(&sent);
        let omitted = lacking(ctx.crm, &ticket.id, &delivery.omitted, &sent).await;
        return Ok(Achieved::Created(Created {
            ticket,
            omitted,
            was_there: true,
        }));
    }
    if let Some(unsent) = ctx.instead_of_sending(delivery) {
        return Ok(Achieved::Unsent(unsent));
    }
    let mut fields = content?.fields;
    let mut omitted = Vec::new();
    // A note of an earlier try is not about this one.
    if !delivery.omitted.is_empty() {
        ctx.note_omitted(delivery, &omitted).await;
    }
    let mut result = ctx.crm.create(&key, &fields).await;
    for _ in 0..MAX_OMISSIONS {
        let Err(failure) = &result else { break };
        let refused = ctx.omission.omit(&mut fields, failure);
        if refused.is_empty() {
            break;
        }
        omitted.extend(refused);
        ctx.note_omitted(delivery, &omitted).await;
        let described = ctx.omission.described(&fields, &omitted);
        result = ctx.crm.create(&key, &described).await;
    }
    let ticket = result.map_err(|failure| after_look_up(delivery, failure))?;
    note_kept(ctx.crm, &ticket.id, &mut omitted).await;
    if !ticket.not_kept.is_empty() {
        omitted.extend(ticket.not_kept.iter().cloned());
        ctx.describe(&ticket, &fields, &omitted).await;
    }
    Ok(Achieved::Created(Created {
        was_there: ticket.was_there,
        ticket,
        omitted,
    }))
}

impl AttemptContext<'_> {
    fn instead_of_sending(&self, delivery: &ClaimedDelivery) -> Option<Unsent> {
        instead_of_sending(&delivery.earlier, delivery.in_doubt, self.now)
    }

    /// Sends the update or the resolution; without the fields that the CRM refuses, if there are any.
    /// A comment names them.
    async fn change(
        &self,
        delivery: &ClaimedDelivery,
        mut change: TicketChange,
    ) -> Result<Changed, Failure> {
        let mut result = self.send(delivery, &change).await;
        let mut omitted = Vec::new();
        let mut first = None;
        for _ in 0..MAX_OMISSIONS {
            let Err(failure) = &result else { break };
            let refused = self.omission.omit_from(&mut change, failure);
            if refused.is_empty() {
                break;
            }
            let is_written = self.is_comment_written(delivery, &change).await;
            note_in(&mut change, &refused, is_written);
            omitted.extend(refused);
            let failed = std::mem::replace(&mut result, self.send(delivery, &change).await).err();
            first = first.or(failed);
        }
        match (result, first) {
            (Ok(applied), _) => Ok(Changed {
                omitted,
                ..applied.into()
            }),
            // Fewer fields did not help. What was refused at first is what a person must correct.
            (Err(last), Some(first))
                if last.remedy() == Remedy::GiveUp && !last.outcome_unknown =>
            {
                Err(first)
            }
            (Err(last), _) => Err(last),
        }
    }

    /// Whether a resolution whose fields were refused has written its comment: some CRMs take both
    /// in one call, others the comment first. Where that cannot be told, the next call says why.
    async fn is_comment_written(&self, delivery: &ClaimedDelivery, change: &TicketChange) -> bool {
        match ticket_id(delivery) {
            Ok(id) if delivery.operation == Operation::Resolve && change.comment.is_some() => {
                self.crm.has_comment(id, &change.marker).await == Ok(true)
            }
            _ => false,
        }
    }

    async fn send(
        &self,
        delivery: &ClaimedDelivery,
        change: &TicketChange,
    ) -> Result<Applied, Failure> {
        let ticket_id = ticket_id(delivery)?;
        match delivery.operation {
            Operation::Resolve => self.crm.resolve(ticket_id, change).await,
            _ => self.crm.update(ticket_id, change).await,
        }
    }

    /// Stores what is left out before it is sent: the answer may be lost. Without the note only the
    /// incident would not show it.
    async fn note_omitted(&self, delivery: &ClaimedDelivery, omitted: &[OmittedField]) {
        let noted = self.store.note_omitted(delivery, self.owner, omitted);
        if let Err(error) = noted.await {
            tracing::warn!(
                target = self.target.as_str(), incident_id = delivery.incident_id.as_str(), %error,
                "the fields that a create leaves out cannot be stored"
            );
        }
    }

    /// Writes values that the CRM did not keep into the description of the new ticket. The ticket
    /// stands in any case.
    async fn describe(&self, ticket: &Ticket, fields: &TicketFields, omitted: &[OmittedField]) {
        let change = TicketChange {
            fields: self.omission.description(fields, omitted),
            ..TicketChange::default()
        };
        if let Err(failure) = self.crm.update(&ticket.id, &change).await {
            tracing::warn!(
                target = self.target.as_str(), ticket = ticket.id, error = %failure,
                "values that the CRM did not keep could not be added to the description"
            );
        }
    }
}

/// The failure of an attempt of a delivery that had no effect before, as a look-up has shown if it was
/// in doubt. A failure that certainly had none ends that doubt.
///
/// A success without a record is a matter of the network only while it is not known what came of
/// it. Where the earlier try ended in the same way, such a response creates nothing.
fn after_look_up(delivery: &ClaimedDelivery, mut failure: Failure) -> Failure {
    if !failure.outcome_unknown && failure.earlier == EarlierAttempts::AsBefore {
        failure.earlier = EarlierAttempts::HadNone;
    }
    if delivery.in_doubt && delivery.had_empty_success && failure.is_empty_success() {
        failure.kind = FailureKind::IntegrationFailure;
    }
    failure
}

async fn update(ctx: &AttemptContext<'_>, delivery: &ClaimedDelivery) -> Result<Achieved, Failure> {
    let change: TicketChange = payload(delivery)?;
    let ticket_id = ticket_id(delivery)?;
    if delivery.in_doubt && ctx.crm.has_comment(ticket_id, &change.marker).await? {
        return Ok(Achieved::Changed(Changed::already()));
    }
    if let Some(unsent) = ctx.instead_of_sending(delivery) {
        return Ok(Achieved::Unsent(unsent));
    }
    let changed = ctx.change(delivery, change).await;
    changed
        .map(Achieved::Changed)
        .map_err(|failure| after_look_up(delivery, failure))
}

/// A resolution is repeated without a look-up, and may be sent with other values. Nothing is in doubt
/// any more once the CRM has refused it.
fn refused_again(mut failure: Failure) -> Failure {
    if !failure.outcome_unknown && failure.class.scope == FailureScope::Ticket {
        failure.earlier = EarlierAttempts::HadNone;
    }
    failure
}

/// The ticket cannot be reached through the present configuration of its target.
fn in_other_records(target: &TargetName, records: &str) -> Failure {
    Failure::internal(format!(
        "the ticket is a record of {records}, and the target {target} is configured for others now: \
         start with the settings of before until it is resolved, or resolve it in the CRM and \
         discard this"
    ))
}

fn ticket_id(delivery: &ClaimedDelivery) -> Result<&str, Failure> {
    delivery
        .ticket_id
        .as_deref()
        .ok_or_else(|| Failure::internal("the incident has no ticket: its create was discarded"))
}

fn payload<'a, P: Deserialize<'a>>(delivery: &'a ClaimedDelivery) -> Result<P, Failure> {
    serde_json::from_str(&delivery.payload)
        .map_err(|error| Failure::internal(format!("the delivery's payload is damaged: {error}")))
}
