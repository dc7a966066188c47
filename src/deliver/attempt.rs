//! One attempt of one delivery.
//!
//! A delivery in doubt may have taken effect already. The CRM is asked before anything is sent
//! again: a ticket that exists is adopted, a comment that exists is not written twice.

use serde::Deserialize;

use super::omission::{MAX_OMISSIONS, Omission};
use crate::domain::failure::Failure;
use crate::domain::identity::TargetName;
use crate::domain::ticket::{
    OmittedField, Operation, Ticket, TicketChange, TicketFields, TicketKey,
};
use crate::domain::ticket_sync::TicketSnapshot;
use crate::store::ClaimedDelivery;
use crate::targets::Crm;

#[derive(Deserialize)]
struct CreatePayload {
    fields: TicketFields,
}

/// What an attempt brought.
#[derive(Debug)]
pub(super) enum Done {
    Created(Created),
    /// The ticket as it is now, where the CRM's answers show it.
    Changed(Option<TicketSnapshot>),
}

/// What a create brought.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) ticket: Ticket,
    /// The fields that the CRM refused.
    pub(super) omitted: Vec<OmittedField>,
}

/// Makes the attempt.
pub(super) async fn attempt(
    crm: &dyn Crm,
    target: &TargetName,
    omission: &Omission,
    delivery: &ClaimedDelivery,
) -> Result<Done, Failure> {
    match delivery.operation {
        Operation::Create => create(crm, omission, delivery).await.map(Done::Created),
        Operation::Update => update(crm, delivery).await.map(Done::Changed),
        Operation::Resolve => {
            let change: TicketChange = payload(delivery)?;
            let resolved = crm.resolve(ticket_id(delivery)?, &change).await?;
            Ok(Done::Changed(resolved))
        }
        Operation::Link => link(crm, target, delivery).await.map(Done::Changed),
    }
}

/// Links the ticket to its outage's ticket, or names that in a comment.
async fn link(
    crm: &dyn Crm,
    target: &TargetName,
    delivery: &ClaimedDelivery,
) -> Result<Option<TicketSnapshot>, Failure> {
    let ticket_id = ticket_id(delivery)?;
    let Some(parent) = &delivery.parent else {
        return Err(Failure::internal("the outage has no ticket to link to"));
    };
    // The same parent twice changes nothing, so a link in doubt needs no look-up.
    if parent.target == *target {
        return crm.link(ticket_id, &parent.id).await.map(|()| None);
    }
    // The outage's ticket is in another CRM, which no field can point to.
    let mut change: TicketChange = payload(delivery)?;
    if delivery.in_doubt && crm.has_comment(ticket_id, &change.marker).await? {
        return Ok(None);
    }
    change.comment = Some(format!(
        "Part of an outage; its ticket is {} in {}: {} [{}]",
        parent.number.as_ref().unwrap_or(&parent.id),
        parent.target,
        parent.url,
        change.marker
    ));
    crm.update(ticket_id, &change).await
}

async fn create(
    crm: &dyn Crm,
    omission: &Omission,
    delivery: &ClaimedDelivery,
) -> Result<Created, Failure> {
    let key = TicketKey::of_incident(&delivery.incident_id);
    let mut omitted = Vec::new();
    if delivery.in_doubt
        && let Some(ticket) = crm.find(&key).await?
    {
        return Ok(Created { ticket, omitted });
    }
    let content: CreatePayload = payload(delivery)?;
    let mut fields = content.fields;
    let mut result = crm.create(&key, &fields).await;
    for _ in 0..MAX_OMISSIONS {
        let Err(failure) = &result else { break };
        let refused = omission.omit(&mut fields, failure);
        if refused.is_empty() {
            break;
        }
        omitted.extend(refused);
        result = crm
            .create(&key, &omission.described(&fields, &omitted))
            .await;
    }
    result.map(|ticket| Created { ticket, omitted })
}

async fn update(
    crm: &dyn Crm,
    delivery: &ClaimedDelivery,
) -> Result<Option<TicketSnapshot>, Failure> {
    let change: TicketChange = payload(delivery)?;
    let ticket_id = ticket_id(delivery)?;
    if delivery.in_doubt && crm.has_comment(ticket_id, &change.marker).await? {
        return Ok(None);
    }
    crm.update(ticket_id, &change).await
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
