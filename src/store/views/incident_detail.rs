//! A single incident with its whole story.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::deliveries::{DeliveryView, deliveries_of};
use super::incidents::{IncidentView, incidents};
use super::page::not_found;
use super::values::{DisplayTime, Document, RowId};
use crate::domain::identity::IncidentId;
use crate::domain::incident::Flapping;
use crate::domain::incident::OutageTotals;
use crate::domain::incident::part;
use crate::domain::incident::{Incident, Spread};
use crate::domain::time::Timestamp;
use crate::store::history::HistoryColumns;
use crate::store::incidents::read_life;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Events, and entries of the history, shown with an incident; the newest.
const MAX_SHOWN: i64 = 200;

/// An event of an incident, with its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryView {
    pub at: DisplayTime,
    pub what: String,
    pub cause: String,
}

impl HistoryView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let event_id: Option<String> = row.get_optional("event_id")?;
        let (what, cause) = HistoryColumns::read(row)?.texts(event_id.as_deref());
        Ok(Self {
            at: row.get("at")?,
            what,
            cause,
        })
    }
}

/// An event of an incident, with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IncidentEventView {
    /// Its place in the journal.
    pub id: RowId,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// When it was received.
    pub received_at: DisplayTime,
    pub outcome: String,
    /// More about it.
    pub detail: Option<String>,
}

impl IncidentEventView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            event_id: row.get("event_id")?,
            received_at: row.get("received_at")?,
            outcome: row.get("outcome")?,
            detail: row.get_optional("detail")?,
        })
    }
}

/// The state of one part of the incident's entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartView {
    /// Whether it breaches.
    pub breaching: bool,
    /// The newest signal about it, by the sender's clock.
    pub heard_at: DisplayTime,
}

/// That an incident flaps, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlappingView {
    /// When it was seen to flap.
    pub since: DisplayTime,
    /// When the trouble began that was counted first.
    pub first_at: DisplayTime,
    /// How often trouble has begun since then.
    pub times: u32,
    /// When it was calm again.
    pub calm_at: Option<DisplayTime>,
}

impl From<Flapping> for FlappingView {
    fn from(flapping: Flapping) -> Self {
        Self {
            since: flapping.since.into(),
            first_at: flapping.first_at.into(),
            times: flapping.times,
            calm_at: flapping.stable_at.map(DisplayTime::from),
        }
    }
}

/// An incident with its whole story.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IncidentDetail {
    /// As in the list.
    #[serde(flatten)]
    pub incident: IncidentView,
    /// Pending: when it opens, unless it clears before.
    pub opens_at: Option<DisplayTime>,
    /// When the last breach was received.
    pub last_breach_at: DisplayTime,
    /// Since when nothing breaches any more.
    pub clear_since: Option<DisplayTime>,
    /// When it was counted as recovered.
    pub recovered_at: Option<DisplayTime>,
    /// How often a breach was received after the recovery.
    pub relapses: u32,
    /// That it flaps, or did.
    pub flaps: Option<FlappingView>,
    /// The values that the rule's expressions read: latest, lowest, highest.
    pub readings: BTreeMap<String, Spread>,
    /// The entity's parts, as `SOURCE/PART` where each source reports independently.
    pub parts: BTreeMap<String, PartView>,
    /// Of an outage: the counts of its members.
    pub outage: Option<OutageTotals>,
    /// The values templates see, as of the latest breach.
    pub context: Document,
    /// Its transitions, oldest first.
    pub history: Vec<HistoryView>,
    /// The deliveries to its ticket, newest first.
    pub deliveries: Vec<DeliveryView>,
    /// Its newest events, newest first.
    pub events: Vec<IncidentEventView>,
}

impl Store {
    /// The incident `id` with its history, deliveries and newest events.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn incident(&self, id: &IncidentId) -> Result<IncidentDetail, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(incidents!(""));
        select.push(" and i.id = ?", [id.into()]);
        let incident = select.fetch_optional(&mut tx, IncidentView::read).await?;
        let incident = incident.ok_or_else(|| not_found("incident", id.as_str()))?;
        let select = Statement::new("select life, context from incidents where id = $1").bind(id);
        let state = |row: &Row| Ok((read_life(row, id)?, row.get("context")?));
        let state = select.fetch_optional(&mut tx, state).await?;
        let (life, context) = state.ok_or_else(|| not_found("incident", id.as_str()))?;
        let history = history_select(id.as_str()).fetch(&mut tx, HistoryView::read);
        let mut history = history.await?;
        history.reverse();
        let deliveries = deliveries_of(id.as_str())
            .fetch(&mut tx, DeliveryView::read)
            .await?;
        let events = incident_events_select(id.as_str()).fetch(&mut tx, IncidentEventView::read);
        let events = events.await?;
        Ok(detail(incident, life, context, history, deliveries, events))
    }
}

fn detail(
    incident: IncidentView,
    life: Incident,
    context: Document,
    history: Vec<HistoryView>,
    deliveries: Vec<DeliveryView>,
    events: Vec<IncidentEventView>,
) -> IncidentDetail {
    let moment = |at: Option<Timestamp>| at.map(DisplayTime::from);
    let parts = life.parts.into_iter().map(|(name, part)| {
        let shown = PartView {
            breaching: part.breaching,
            heard_at: part.heard_at.into(),
        };
        (part::shown(&name), shown)
    });
    IncidentDetail {
        incident,
        opens_at: moment(life.opens_at),
        last_breach_at: life.last_breach_at.into(),
        clear_since: moment(life.clear_since),
        recovered_at: moment(life.recovered_at),
        relapses: life.relapses,
        flaps: life.flapping.map(FlappingView::from),
        readings: life.readings,
        parts: parts.collect(),
        outage: life.tally,
        context,
        history,
        deliveries,
        events,
    }
}

fn history_select(incident_id: &str) -> Statement<'_> {
    let select = Statement::new(
        "select at, what, cause, event, event_id from incident_history \
         where incident_id = $1 order by id desc limit $2",
    );
    select.bind(incident_id).bind(MAX_SHOWN)
}

pub(super) fn incident_events_select(incident_id: &str) -> Statement<'_> {
    let select = Statement::new(
        "select e.seq as id, e.event_id, e.received_at, d.outcome, d.detail \
         from decisions d join events e on e.seq = d.event_seq \
         where d.incident_id = $1 order by d.event_seq desc limit $2",
    );
    select.bind(incident_id).bind(MAX_SHOWN)
}
