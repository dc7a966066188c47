//! The active incident of a queue, for the agent who answers the phone.

use super::incidents::{IncidentView, incidents};
use super::page::not_found;
use crate::domain::incident::IncidentState;
use crate::store::incidents::queue_in;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Candidates looked at; the newest.
const MAX_CANDIDATES: i64 = 50;

pub(super) fn by_key_select(queue_id: &str) -> Statement<'_> {
    let mut select = Statement::new(incidents!(""));
    select.push(
        " and i.key = ? and i.state in ('pending', 'open', 'recovered') \
          order by i.opened_at desc, i.id desc limit ?",
        [queue_id.into(), MAX_CANDIDATES.into()],
    );
    select
}

/// Incidents whose queue begins as `queue_id` does: the index holds no longer text. A replica of
/// an older version leaves the queue null: then it is read from the context.
pub(super) fn by_queue_select(queue_id: &str) -> Statement<'_> {
    let mut select = Statement::new(incidents!(", i.queue_id"));
    select.push(
        " and i.id in (select q.id from incidents q where q.state <> 'closed' \
              and substr(q.queue_id, 1, 200) = substr(?, 1, 200) \
            union all \
            select q.id from incidents q where q.state <> 'closed' \
              and substr(q.queue_id, 1, 200) is null) \
          order by i.opened_at desc, i.id desc limit ?",
        [queue_id.into(), MAX_CANDIDATES.into()],
    );
    select
}

impl Store {
    /// The incident that is going on at the queue `queue_id`: the one whose key the queue is,
    /// or else one whose latest breach was reported there. An open one comes before a recovered
    /// one, that before a pending one, and the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn incident_of_queue(&self, queue_id: &str) -> Result<IncidentView, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let by_key = by_key_select(queue_id).fetch(&mut tx, IncidentView::read);
        let mut candidates = by_key.await?;
        if candidates.is_empty() {
            let of_queue = |row: &Row| {
                let is_here = is_of_queue(row, queue_id)?;
                is_here.then(|| IncidentView::read(row)).transpose()
            };
            let by_queue = by_queue_select(queue_id).fetch(&mut tx, of_queue);
            candidates = by_queue.await?.into_iter().flatten().collect();
        }
        candidates
            .into_iter()
            .min_by_key(|incident| rank(&incident.state))
            .ok_or_else(|| not_found("active incident of queue", queue_id))
    }
}

fn is_of_queue(row: &Row, queue_id: &str) -> Result<bool, StoreError> {
    if let Some(of_row) = row.get_optional::<String>("queue_id")? {
        return Ok(of_row == queue_id);
    }
    let context: String = row.get("context")?;
    Ok(queue_in(&context).as_deref() == Some(queue_id))
}

fn rank(state: &str) -> usize {
    use IncidentState::{Closed, Open, Pending, Recovered};
    [Open, Recovered, Pending, Closed]
        .iter()
        .position(|known| known.as_str() == state)
        .unwrap_or(usize::MAX)
}
