//! Carries out what people ask of incidents, one request in one transaction.

use super::batch::{Batch, PersonsWish};
use super::commit::commit;
use super::error::{DecideError, Steps};
use super::load::{Scope, finish, load, load_inputs};
use super::resources::Resources;
use crate::domain::identity::TargetName;
use crate::domain::incident::Incident;
use crate::domain::incident_request::{RequestedStep, step_for, why_it_cannot_join};
use crate::domain::time::Timestamp;
use crate::store::{DecisionTransaction, FencingToken, IncidentRecord, IncidentRequest};

/// Requests that are carried out in one step.
const MAX_REQUESTS: u32 = 32;

/// Carries out what waits, under `fence`. Returns how many requests.
pub(super) async fn carry_out_requests(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<usize, DecideError> {
    let waiting = resources.store.waiting_requests(MAX_REQUESTS).await?;
    let mut steps = Steps::default();
    for request in &waiting {
        let carried_out = carry_out(resources, fence, request).await;
        steps.add(carried_out.map(|()| 1))?;
    }
    steps.result()
}

async fn carry_out(
    resources: &Resources,
    fence: &FencingToken,
    request: &IncidentRequest,
) -> Result<(), DecideError> {
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let now = resources.clock.now();
    let Some((record, ticket)) = deciding.take_request(request, now).await? else {
        let gone = Some("the incident is gone");
        deciding.settle_request(request, gone, now).await?;
        return Ok(deciding.commit_rendered().await?);
    };
    let step = match step_for(request.action, &record.incident, ticket) {
        Ok(step) => step,
        Err(refusal) => {
            deciding.settle_request(request, Some(refusal), now).await?;
            return Ok(deciding.commit_rendered().await?);
        }
    };
    let outage = deciding.requested_outage(request).await?;
    let refusal = outage
        .as_ref()
        .and_then(|outage| why_it_cannot_join(known(&record), known(outage)));
    if let Some(refusal) = refusal {
        deciding.settle_request(request, Some(refusal), now).await?;
        return Ok(deciding.commit_rendered().await?);
    }
    let scope = Scope {
        keys: vec![record.incident.incident_key()],
        groups: outage
            .iter()
            .map(|one| one.incident.incident_key())
            .collect(),
        ..Scope::default()
    };
    let loaded = load(resources, &mut deciding, scope, now).await?;
    let inputs = load_inputs(resources, &mut deciding, &[], now).await?;
    let mut batch = Batch::new(inputs, loaded);
    let wish = PersonsWish {
        by: &request.by,
        words: &request.words,
        request_id: &request.request_id,
        outage: outage.as_ref().map(|one| &one.incident),
    };
    change_deliveries(&mut deciding, &step, request, &record.incident, now).await?;
    if let Err(problem) = batch.carry_out(step, &record.incident, wish) {
        // Nothing of this transaction is kept; the refusal is stored alone.
        drop(deciding);
        let mut deciding = resources.store.begin_decisions(fence).await?;
        deciding
            .settle_request(request, Some(&problem), now)
            .await?;
        return Ok(deciding.commit_rendered().await?);
    }
    deciding.settle_request(request, None, now).await?;
    tracing::info!(
        incident_id = request.incident_id.as_str(),
        action = request.action.as_str(),
        by = request.by,
        "carried out what a person asked"
    );
    let finished = finish(&mut deciding, batch, None).await?;
    commit(resources, deciding, finished).await
}

const fn known(record: &IncidentRecord) -> (&Incident, &TargetName) {
    (&record.incident, &record.target)
}

/// What the step does to deliveries that are owed already.
async fn change_deliveries(
    deciding: &mut DecisionTransaction,
    step: &RequestedStep,
    request: &IncidentRequest,
    incident: &Incident,
    now: Timestamp,
) -> Result<(), DecideError> {
    match step {
        RequestedStep::Replay => deciding.replay_create(request, now).await?,
        RequestedStep::Close { resolves } => {
            match resolves {
                true => deciding.create_no_more(&request.incident_id, now).await?,
                false => {
                    deciding.discard_unsent(&request.incident_id, now).await?;
                }
            }
            deciding.end_burst_lock(incident).await?;
        }
        RequestedStep::Note
        | RequestedStep::Open
        | RequestedStep::Create
        | RequestedStep::LeaveOutage
        | RequestedStep::JoinOutage => {}
    }
    Ok(())
}
