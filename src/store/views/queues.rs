//! The active incident of a queue, for whoever answers the phone.

use serde_json::Value;
use sqlx::FromRow;

use super::Select;
use super::incidents::{IncidentView, incidents};
use crate::domain::incident::IncidentState;
use crate::store::{Store, StoreError};

/// Candidates looked at; the newest.
const MOST_CANDIDATES: i64 = 50;

#[derive(FromRow)]
struct Candidate {
    #[sqlx(flatten)]
    incident: IncidentView,
    context: String,
}

const ACTIVE: &str = incidents!(", i.context");

pub(super) fn by_key_select(queue_id: &str) -> Select {
    let mut select = Select::new(ACTIVE);
    select.push(
        " and i.key = ? and i.state in ('pending', 'open', 'recovered') \
          order by i.opened_at desc, i.id desc limit ?",
        [queue_id.into(), MOST_CANDIDATES.into()],
    );
    select
}

/// Looks for the queue in the context as it is written; only incidents that are not closed
/// are read.
pub(super) fn by_context_select(queue_id: &str) -> Select {
    let mut select = Select::new(ACTIVE);
    let written = format!("\"queue_id\":{}", Value::from(queue_id));
    let pattern = written
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    select.push(
        " and i.state in ('pending', 'open', 'recovered') and i.context like ? escape '\\' \
          order by i.opened_at desc, i.id desc limit ?",
        [
            format!("%{pattern}%").as_str().into(),
            MOST_CANDIDATES.into(),
        ],
    );
    select
}

impl Store {
    /// The incident that is going on at the queue `queue_id`: the one whose key the queue is,
    /// or else one whose latest breach was heard there. An open one comes before a recovered
    /// one, that before a pending one, and the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none, or another when the database cannot be
    /// read.
    pub async fn incident_of_queue(&self, queue_id: &str) -> Result<IncidentView, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut candidates: Vec<Candidate> = by_key_select(queue_id).fetch(&mut tx).await?;
        if candidates.is_empty() {
            candidates = by_context_select(queue_id).fetch(&mut tx).await?;
            candidates.retain(|candidate| is_of_queue(&candidate.context, queue_id));
        }
        candidates
            .into_iter()
            .map(|candidate| candidate.incident)
            .min_by_key(|incident| rank(&incident.state))
            .ok_or_else(|| super::not_found("active incident of queue", queue_id))
    }
}

fn is_of_queue(context: &str, queue_id: &str) -> bool {
    serde_json::from_str::<Value>(context).is_ok_and(|context| context["queue_id"] == queue_id)
}

fn rank(state: &str) -> usize {
    use IncidentState::{Closed, Open, Pending, Recovered};
    [Open, Recovered, Pending, Closed]
        .iter()
        .position(|known| known.as_str() == state)
        .unwrap_or(usize::MAX)
}
