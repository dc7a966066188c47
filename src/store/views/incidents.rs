//! Incidents, and on a single one its whole story.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use sqlx::FromRow;

use super::deliveries::{DeliveryView, deliveries_of};
use super::values::{Document, Moment, RowId};
use super::{Cursor, Filter, Item, Page, PageRequest, Select, not_found, page_of, rows_to_read};
use crate::domain::decision::Suppression;
use crate::domain::flapping::Flapping;
use crate::domain::incident::{Incident, Spread};
use crate::domain::part;
use crate::domain::tally::Tally;
use crate::domain::time::Timestamp;
use crate::store::history::HistoryColumns;
use crate::store::{Store, StoreError};

/// Events, and entries of the history, shown with an incident; the newest.
const MOST_SHOWN: i64 = 200;

/// The ticket that an incident owns, or will own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct TicketView {
    /// The target.
    pub target: String,
    /// The CRM's record id; `None` before the ticket exists.
    #[sqlx(rename = "ticket_id")]
    pub id: Option<String>,
    /// The number people use.
    #[sqlx(rename = "ticket_number")]
    pub number: Option<String>,
    /// Where a person opens it.
    #[sqlx(rename = "ticket_url")]
    pub url: Option<String>,
    /// The CRM's own state, as last seen.
    #[sqlx(rename = "ticket_state")]
    pub state: Option<String>,
    /// Whether the CRM counts it as resolved or closed, as last seen.
    #[sqlx(rename = "ticket_over")]
    pub closed: bool,
    /// The CRM's own priority, as last seen.
    #[sqlx(rename = "ticket_priority")]
    pub priority: Option<String>,
    /// Who works on it, as last seen.
    #[sqlx(rename = "ticket_assignee")]
    pub assignee: Option<String>,
    /// `deleted` or `merged into …`, once it is gone.
    #[sqlx(rename = "ticket_fate")]
    pub fate: Option<String>,
    /// The target that should have had it, which could not be reached.
    pub failed_over_from: Option<String>,
}

/// An incident in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct IncidentView {
    /// A UUID.
    pub id: String,
    /// The correlation key.
    pub key: String,
    /// The rule that found it.
    pub rule: String,
    /// The source of its first event.
    pub source: String,
    /// Its severity.
    pub severity: String,
    /// `pending`, `open`, `recovered`, `closed`.
    pub state: String,
    /// Whether it comes and goes, and is held open until it is calm.
    pub flapping: bool,
    /// When the first breach was heard.
    pub opened_at: Moment,
    /// When it was closed.
    pub closed_at: Option<Moment>,
    /// Breaches heard.
    pub occurrences: i64,
    /// Breaches that wrote nothing to the CRM.
    pub suppressed: i64,
    /// Pending: what its ticket waits for.
    pub waits: Option<WaitsView>,
    /// The outage that it is a member of.
    pub outage_id: Option<String>,
    /// Of an outage: how many incidents are or were members. Of a flood: how many it holds.
    pub members: Option<i64>,
    /// Its ticket.
    #[sqlx(flatten)]
    pub ticket: TicketView,
}

/// What the ticket of a pending incident waits for, and until when.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct WaitsView(String);

#[derive(Serialize)]
struct ShownWaits<'a> {
    r#for: &'static str,
    /// The silence, maintenance window or outage.
    by: Option<&'a str>,
    until: Option<Moment>,
}

impl Serialize for WaitsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let life: Option<Incident> = serde_json::from_str(&self.0).ok();
        let shown = life.as_ref().map(|life| {
            let until = life.opens_at.map(Moment::from);
            match (&life.outage_id, &life.silence, life.waits_for) {
                (Some(outage), _, _) => (Suppression::Outage, Some(outage.as_str()), None),
                (None, Some(cover), _) => {
                    let until = Some(cover.until.into());
                    (Suppression::Silenced, Some(cover.by.as_str()), until)
                }
                (None, None, _) if life.held_by_flood => (Suppression::Flood, None, None),
                (None, None, reason) => (reason.unwrap_or(Suppression::Pending), None, until),
            }
        });
        let shown = shown.map(|(reason, by, until)| ShownWaits {
            r#for: reason.as_str(),
            by,
            until,
        });
        shown.serialize(serializer)
    }
}

/// An event of an incident, with its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryView {
    /// When.
    pub at: Moment,
    /// What happened.
    pub what: String,
    /// Why.
    pub cause: String,
}

#[derive(FromRow)]
struct HistoryRow {
    at: Moment,
    what: String,
    cause: String,
    event: Option<String>,
    event_id: Option<String>,
}

impl From<HistoryRow> for HistoryView {
    fn from(row: HistoryRow) -> Self {
        let columns = HistoryColumns {
            event: row.event,
            what: row.what,
            cause: row.cause,
        };
        let (what, cause) = columns.texts(row.event_id.as_deref());
        Self {
            at: row.at,
            what,
            cause,
        }
    }
}

/// An event of an incident, with what it did there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct IncidentEventView {
    /// Its place in the journal.
    pub id: RowId,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// When it was received.
    pub received_at: Moment,
    /// What it did.
    pub outcome: String,
    /// More about it.
    pub detail: Option<String>,
}

/// What is known of one part of the incident's entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartView {
    /// Whether it breaches.
    pub breaching: bool,
    /// The newest signal about it, by the sender's clock.
    pub heard_at: Moment,
}

/// That an incident flaps, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlappingView {
    /// When it was seen to flap.
    pub since: Moment,
    /// When the trouble began that was counted first.
    pub first_at: Moment,
    /// How often trouble has begun since then.
    pub times: u32,
    /// When it was calm again.
    pub calm_at: Option<Moment>,
}

impl From<Flapping> for FlappingView {
    fn from(flapping: Flapping) -> Self {
        Self {
            since: flapping.since.into(),
            first_at: flapping.first_at.into(),
            times: flapping.times,
            calm_at: flapping.calm_at.map(Moment::from),
        }
    }
}

/// An incident with its whole story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentDetail {
    /// As in the list.
    #[serde(flatten)]
    pub incident: IncidentView,
    /// Pending: when it opens, unless it clears before.
    pub opens_at: Option<Moment>,
    /// When the last breach was heard.
    pub last_breach_at: Moment,
    /// Since when nothing breaches any more.
    pub clear_since: Option<Moment>,
    /// When it was counted as recovered.
    pub recovered_at: Option<Moment>,
    /// How often a breach was heard after the recovery.
    pub relapses: u32,
    /// That it flaps, or did.
    pub flaps: Option<FlappingView>,
    /// What the rule's expressions read: latest, lowest, highest.
    pub readings: BTreeMap<String, Spread>,
    /// The entity's parts, as `SOURCE/PART` where each source speaks for itself.
    pub parts: BTreeMap<String, PartView>,
    /// Of an outage: what it counts of its members.
    pub outage: Option<Tally>,
    /// The values templates see, as of the latest breach.
    pub context: Document,
    /// Its transitions, oldest first.
    pub history: Vec<HistoryView>,
    /// What was owed to its ticket, newest first.
    pub deliveries: Vec<DeliveryView>,
    /// Its newest events, newest first.
    pub events: Vec<IncidentEventView>,
}

impl Item for IncidentView {
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.opened_at.timestamp().as_millis(),
            id: self.id.clone(),
        }
    }
}

macro_rules! incidents {
    ($more_columns:literal) => {
        concat!(
            "select i.id, i.key, i.rule, i.source, i.severity, i.state, (i.flapping <> 0) as flapping, \
              i.opened_at, i.closed_at, \
              i.occurrences, i.suppressed, i.target, i.ticket_id, i.ticket_number, i.ticket_url, \
              i.ticket_state, (i.ticket_closed <> 0) as ticket_over, i.ticket_priority, \
              i.ticket_assignee, i.ticket_fate, i.failed_over_from, i.outage_id, \
              case when i.state = 'pending' then i.life end as waits, \
              case when i.rule like 'outage:%' then \
                (select count(*) from incidents m where m.outage_id = i.id) \
               when i.rule like 'flood:%' then \
                (select count(*) from incidents h \
                  where h.flood_source = i.key and h.state = 'pending') end as members",
            $more_columns,
            " from incidents i where true"
        )
    };
}
pub(super) use incidents;

const INCIDENTS: &str = incidents!("");

pub(super) fn incidents_select(filter: &Filter, page: &PageRequest) -> Select {
    let mut select = Select::new(INCIDENTS);
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.id.as_str().into()];
        select.push(" and (i.opened_at, i.id) < (?, ?)", place);
    }
    select
        .push_some(" and i.opened_at >= ?", filter.since)
        .push_some(" and i.opened_at < ?", filter.until)
        .push_some(" and i.state = ?", filter.state.as_ref())
        .push_some(" and i.source = ?", filter.source.as_ref())
        .push_some(" and i.target = ?", filter.target.as_ref())
        .push_some(" and i.rule = ?", filter.rule.as_ref())
        .push_some(" and i.key = ?", filter.key.as_ref())
        .push_some(" and i.outage_id = ?", filter.outage.as_ref());
    if let Some(ticket) = &filter.ticket {
        let ticket = [ticket.into(), ticket.into()];
        select.push(" and (i.ticket_number = ? or i.ticket_id = ?)", ticket);
    }
    select.push(
        " order by i.opened_at desc, i.id desc limit ?",
        [rows_to_read(page)],
    );
    select
}

impl Store {
    /// Incidents, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn incidents(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<IncidentView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = incidents_select(filter, page).fetch(&mut tx).await?;
        Ok(page_of(rows, page))
    }

    /// The number of the ticket of the incident `id`, if it has one by now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn ticket_number(&self, id: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Select::new("select ticket_number from incidents");
        select.push(" where id = ?", [id.into()]);
        let row: Option<(Option<String>,)> = select.fetch_optional(&mut tx).await?;
        Ok(row.and_then(|(number,)| number))
    }

    /// The incident `id` with its history, deliveries and newest events.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another when the database cannot be read or the row is
    /// damaged.
    pub async fn incident(&self, id: &str) -> Result<IncidentDetail, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Select::new(INCIDENTS);
        select.push(" and i.id = ?", [id.into()]);
        let incident: IncidentView = select
            .fetch_optional(&mut tx)
            .await?
            .ok_or_else(|| not_found("incident", id))?;
        let mut select = Select::new("select life, context from incidents");
        select.push(" where id = ?", [id.into()]);
        let kept: Option<(String, Document)> = select.fetch_optional(&mut tx).await?;
        let (life, context) = kept.ok_or_else(|| not_found("incident", id))?;
        let life: Incident = serde_json::from_str(&life).map_err(|error| StoreError::Damaged {
            table: "incidents",
            row: id.to_owned(),
            problem: error.to_string(),
        })?;
        let history: Vec<HistoryRow> = history_select(id).fetch(&mut tx).await?;
        let mut history: Vec<HistoryView> = history.into_iter().map(HistoryView::from).collect();
        history.reverse();
        let deliveries = deliveries_of(id).fetch(&mut tx).await?;
        let events = incident_events_select(id).fetch(&mut tx).await?;
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
    let moment = |at: Option<Timestamp>| at.map(Moment::from);
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

fn history_select(incident_id: &str) -> Select {
    let mut select = Select::new("select at, what, cause, event, event_id from incident_history");
    select.push(
        " where incident_id = ? order by id desc limit ?",
        [incident_id.into(), MOST_SHOWN.into()],
    );
    select
}

pub(super) fn incident_events_select(incident_id: &str) -> Select {
    let mut select = Select::new(
        "select e.seq as id, e.event_id, e.received_at, d.outcome, d.detail \
         from decisions d join events e on e.seq = d.event_seq",
    );
    select.push(
        " where d.incident_id = ? order by d.event_seq desc limit ?",
        [incident_id.into(), MOST_SHOWN.into()],
    );
    select
}
