//! What people ask of incidents. A request is stored by whichever replica hears it, and carried out
//! by deciding, once: its client's id is unique.

use serde_json::json;

use super::audit::{self, ChangedBy};
use super::burst_locks::end_lock;
use super::decision_transaction::DecisionTransaction;
use super::incidents::{IncidentRecord, select_incidents};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, requested_creates};
use crate::domain::identity::IncidentId;
use crate::domain::incident::Incident;
use crate::domain::incident_request::{IncidentAction, TicketProgress};
use crate::domain::time::Timestamp;

/// A request that a person makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewIncidentRequest<'a> {
    pub incident_id: &'a IncidentId,
    pub action: IncidentAction,
    /// The reason, or the note.
    pub words: &'a str,
    /// The client's own id of the request.
    pub request_id: &'a str,
    /// The outage that the incident joins.
    pub outage_id: Option<&'a IncidentId>,
}

/// A request that waits to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRequest {
    pub id: i64,
    pub incident_id: IncidentId,
    pub action: IncidentAction,
    pub words: String,
    /// The name of the admin token, or `local`.
    pub by: String,
    pub request_id: String,
    /// The outage that the incident joins.
    pub outage_id: Option<IncidentId>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    Waiting,
    Done,
    Refused(String),
}

impl IncidentRequest {
    /// `None`: a replica of a later version has stored it, and carries it out when it decides.
    fn read_known(row: &Row) -> Result<Option<Self>, StoreError> {
        let action: String = row.get("action")?;
        let Some(action) = IncidentAction::from_name(&action) else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: row.get("id")?,
            incident_id: row.get("incident_id")?,
            action,
            words: row.get("words")?,
            by: row.get("requested_by")?,
            request_id: row.get("request_id")?,
            outage_id: row.get_optional("outage_id")?,
        }))
    }
}

impl Store {
    /// Stores what a person asks. A request with an id that is known is not stored again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] without such an incident; [`StoreError::Conflict`] when the id was
    /// used for another request.
    pub async fn ask_of_incident(
        &self,
        new: NewIncidentRequest<'_>,
        by: ChangedBy<'_>,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let known = Statement::new("select id from incidents where id = $1");
        let known = known.bind(new.incident_id);
        let known = known.fetch_optional(&mut tx, |row| row.get::<String>("id"));
        if known.await?.is_none() {
            return Err(StoreError::NotFound {
                what: "incident",
                id: new.incident_id.as_str().chars().take(64).collect(),
            });
        }
        let insert = Statement::new(
            "insert into incident_requests \
              (incident_id, action, words, requested_by, requested_at, request_id, state, \
               outage_id) \
             values ($1, $2, $3, $4, $5, $6, 'waiting', $7) on conflict (request_id) do nothing",
        );
        let insert = insert
            .bind(new.incident_id)
            .bind(new.action.as_str())
            .bind(new.words)
            .bind(by.actor)
            .bind(by.at)
            .bind(new.request_id)
            .bind(new.outage_id.map(IncidentId::as_str));
        if insert.execute(&mut tx).await? == 0 {
            let same = Statement::new(
                "select id from incident_requests where request_id = $1 and incident_id = $2 \
                  and action = $3 and words = $4 and coalesce(outage_id, '') = $5",
            );
            let same = same
                .bind(new.request_id)
                .bind(new.incident_id)
                .bind(new.action.as_str())
                .bind(new.words)
                .bind(new.outage_id.map_or("", IncidentId::as_str));
            let same = same.fetch_optional(&mut tx, |row| row.get::<i64>("id"));
            if same.await?.is_none() {
                return Err(StoreError::Conflict {
                    what: "request",
                    id: new.request_id.chars().take(64).collect(),
                    state: "known".to_owned(),
                    problem: "its id was used for another request; give each its own",
                });
            }
        }
        tx.commit().await
    }

    /// What came of the request with the client's id `request_id`.
    pub async fn request_outcome(&self, request_id: &str) -> Result<RequestOutcome, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select =
            Statement::new("select state, refusal from incident_requests where request_id = $1");
        let read = |row: &Row| {
            let refusal: Option<String> = row.get_optional("refusal")?;
            Ok(match row.get::<String>("state")?.as_str() {
                "done" => RequestOutcome::Done,
                "refused" => RequestOutcome::Refused(refusal.unwrap_or_default()),
                _ => RequestOutcome::Waiting,
            })
        };
        let found = select.bind(request_id).fetch_optional(&mut tx, read);
        Ok(found.await?.unwrap_or(RequestOutcome::Waiting))
    }

    /// Up to `limit` requests that wait, oldest first.
    pub async fn waiting_requests(&self, limit: u32) -> Result<Vec<IncidentRequest>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select id, incident_id, action, words, requested_by, request_id, outage_id \
             from incident_requests where state = 'waiting' order by id limit $1",
        );
        let select = select.bind(limit);
        let read = select.fetch(&mut tx, IncidentRequest::read_known).await?;
        Ok(read.into_iter().flatten().collect())
    }
}

impl DecisionTransaction {
    /// The incident of the request `id` and how far its ticket is, its create locked; `None` when
    /// the request waits no more, or its incident is gone.
    pub async fn take_request(
        &mut self,
        request: &IncidentRequest,
        now: Timestamp,
    ) -> Result<Option<(IncidentRecord, TicketProgress)>, StoreError> {
        let tx = &mut self.tx;
        let waits =
            Statement::new("select id from incident_requests where id = $1 and state = 'waiting'");
        let waits = waits.bind(request.id).for_update();
        let waits = waits.fetch_optional(tx, |row| row.get::<i64>("id"));
        if waits.await?.is_none() {
            return Ok(None);
        }
        // The create first, then the incident: in the order of a worker that stores a result.
        let create = requested_creates::last_create(tx, &request.incident_id, now).await?;
        let select = Statement::new(select_incidents!(
            ", i.ticket_id, i.ticket_closed, i.ticket_fate",
            "i.id = $1"
        ));
        let read = |row: &Row| {
            let has_ticket = row.get_optional::<String>("ticket_id")?.is_some();
            let is_over = row.get::<i64>("ticket_closed")? != 0
                || row.get_optional::<String>("ticket_fate")?.is_some();
            Ok((IncidentRecord::read(row)?, has_ticket, is_over))
        };
        let select = select.bind(&request.incident_id).for_update();
        let found = select.fetch_optional(tx, read).await?;
        Ok(found.map(|(record, has_ticket, is_over)| {
            let progress = match (has_ticket, is_over) {
                (true, true) => TicketProgress::Over,
                (true, false) => TicketProgress::Exists,
                (false, _) => create.map_or(TicketProgress::None, |(_, progress)| progress),
            };
            (record, progress)
        }))
    }

    /// The outage that the incident of `request` is to join.
    pub async fn requested_outage(
        &mut self,
        request: &IncidentRequest,
    ) -> Result<Option<IncidentRecord>, StoreError> {
        let Some(outage_id) = &request.outage_id else {
            return Ok(None);
        };
        let select = Statement::new(select_incidents!("", "i.id = $1")).bind(outage_id);
        select
            .fetch_optional(&mut self.tx, IncidentRecord::read)
            .await
    }

    /// Ends the burst lock that the ticket of `incident` took: its next breach opens a ticket.
    pub async fn end_burst_lock(&mut self, incident: &Incident) -> Result<(), StoreError> {
        end_lock(&mut self.tx, incident).await
    }

    /// Stores what came of `request`; `refusal` says why it was not carried out. What was done is
    /// in the audit log from now on.
    pub async fn settle_request(
        &mut self,
        request: &IncidentRequest,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tx = &mut self.tx;
        let update = Statement::new(
            "update incident_requests set state = $1, refusal = $2, settled_at = $3 where id = $4",
        );
        let state = if refusal.is_some() { "refused" } else { "done" };
        let update = update.bind(state).bind(refusal).bind(now);
        update.bind(request.id).execute(tx).await?;
        if refusal.is_some() {
            return Ok(());
        }
        let by = ChangedBy {
            actor: &request.by,
            at: now,
        };
        let (action, id) = (request.action.as_str(), &request.incident_id);
        let what = match request.action {
            IncidentAction::Note => "note",
            _ => "reason",
        };
        let mut detail = json!({ what: request.words, "request_id": request.request_id });
        if let Some(outage_id) = &request.outage_id {
            detail["outage"] = json!(outage_id);
        }
        let (action, subject) = (format!("incident.{action}"), format!("incidents/{id}"));
        audit::record(tx, by, &action, &subject, &detail).await
    }
}
