//! The create of an incident of which a person has asked something.

use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::history::{HistoryEntry, Reference, insert_history};
use super::incident_requests::IncidentRequest;
use super::row::Row;
use super::statement::Statement;
use super::{StoreError, behind};
use crate::domain::doubt::{AfterLookUp, ENDS_WITHIN};
use crate::domain::identity::IncidentId;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::incident_request::TicketProgress;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

impl DecisionTransaction {
    /// Makes the create of the incident due at once, a dead letter or parked; rendered anew, after a
    /// look-up if it is in doubt.
    pub async fn replay_create(
        &mut self,
        request: &IncidentRequest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tx = &mut self.tx;
        let update = Statement::new(
            "update deliveries set state = 'waiting', behind = 0, attempts = 0, settled_at = null, \
              next_attempt_at = case when in_doubt <> 0 and look_up_from > $1 then look_up_from else $1 end, \
              after_look_up = case when in_doubt <> 0 then 'render' end, \
              parked = case when in_doubt = 0 then 'rendering' \
                when parked = 'target' then parked end \
             where incident_id = $2 and operation = 'create' and (state = 'dead' \
               or (state = 'waiting' and parked in ('ticket', 'operation', 'target')))",
        );
        let update = update.bind(now).bind(&request.incident_id);
        update.execute(tx).await?;
        let entry = HistoryEntry {
            incident_id: request.incident_id.clone(),
            at: now,
            event: IncidentEvent::DeliveryReplayed {
                operation: Operation::Create,
                by: request.by.clone(),
            },
            refers: Reference::default(),
        };
        insert_history(tx, &entry).await
    }

    /// Discards what is owed to a ticket that does not exist and is not wanted any more, with the
    /// links to it.
    pub async fn discard_unsent(
        &mut self,
        incident_id: &IncidentId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(
            "update deliveries set state = 'discarded', settled_at = $1 \
             where (incident_id = $2 or parent_id = $2) and in_doubt = 0 \
              and state in ('waiting', 'dead')",
        );
        let update = update.bind(now).bind(incident_id);
        let discarded = update.execute(&mut self.tx).await?;
        behind::step_up(&mut self.tx, incident_id).await?;
        Ok(discarded)
    }

    /// No ticket is created for the incident any more, if its create had no effect. A look-up that came
    /// before the end of an earlier request is repeated.
    pub async fn create_no_more(
        &mut self,
        incident_id: &IncidentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Statement::new(
            "update deliveries set after_look_up = $1, next_attempt_at = $2, behind = 0, \
              in_doubt = case when state = 'sending' then in_doubt else 1 end, \
              settled_at = null, state = case when state = 'dead' then 'waiting' else state end, \
              parked = case when parked = 'target' then parked end \
             where incident_id = $3 and operation = 'create' \
              and state in ('waiting', 'sending', 'dead')",
        );
        let update = update.bind(AfterLookUp::Discard.as_str()).bind(now);
        let update = update.bind(incident_id);
        update.execute(&mut self.tx).await?;
        Ok(())
    }
}

/// The newest create of the incident, locked, and how far the ticket is by it.
pub(super) async fn last_create(
    tx: &mut Tx,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<Option<(i64, TicketProgress)>, StoreError> {
    let select = Statement::new(
        "select id, state, in_doubt, unknown_at, parked from deliveries \
         where incident_id = $1 and operation = 'create' order by id desc limit 1",
    );
    let read = |row: &Row| {
        // A look-up that came before the end of a request has not ended the doubt for good.
        let unknown_at: Option<Timestamp> = row.get_optional("unknown_at")?;
        let in_doubt = row.get::<i64>("in_doubt")? != 0
            || unknown_at.is_some_and(|at| now < at.plus(ENDS_WITHIN));
        let parked: Option<String> = row.get_optional("parked")?;
        let is_parked = parked.is_some_and(|parked| parked != "rendering");
        let progress = match row.get::<String>("state")?.as_str() {
            "discarded" => TicketProgress::None,
            "waiting" if !in_doubt && !is_parked => TicketProgress::Owed,
            "waiting" | "dead" if !in_doubt => TicketProgress::Stopped,
            state => TicketProgress::InDoubt {
                is_stopped: state == "dead" || (state == "waiting" && is_parked),
            },
        };
        Ok((row.get("id")?, progress))
    };
    let select = select.bind(incident_id).for_update();
    select.fetch_optional(tx, read).await
}
