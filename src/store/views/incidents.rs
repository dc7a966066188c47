//! The list of incidents.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::member_of::MemberOf;
use super::named::Names;
use super::ongoing::{OngoingIncident, ongoing_columns, read_ongoing};
use super::page::{Cursor, Filter, Item, Page, PageRequest, page_of, rows_to_read};
use super::values::{DisplayTime, Document};
use crate::domain::decision::Suppression;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::incident::{Hold, Incident};
use crate::domain::situation::Entity;
use crate::domain::time::Timestamp;
use crate::store::row::{Column, Row};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The ticket that an incident owns, or will own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketView {
    pub target: TargetName,
    /// The CRM's record id; `None` before the ticket exists.
    pub id: Option<String>,
    /// The number people use.
    pub number: Option<String>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// The CRM's own state, as last seen.
    pub state: Option<String>,
    /// Whether the CRM counts it as resolved or closed, as last seen.
    pub closed: bool,
    /// The CRM's own priority, as last seen.
    pub priority: Option<String>,
    /// The person, group or queue that works on it, as last seen.
    pub assignee: Option<String>,
    /// `deleted`, `merged into …` or `not shown any more`, once it is gone or counts as gone.
    pub fate: Option<String>,
    /// The target that should have had it, which could not be reached.
    pub failed_over_from: Option<TargetName>,
    /// Why an incident that should have it has none.
    pub missing: Option<String>,
    /// Fields that the CRM refused, so that the ticket was created without them: `field`,
    /// `value`, `reason`.
    pub incomplete: Option<Document>,
}

impl TicketView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            target: row.get("target")?,
            id: row.get_optional("ticket_id")?,
            number: row.get_optional("ticket_number")?,
            url: row.get_optional("ticket_url")?,
            state: row.get_optional("ticket_state")?,
            closed: row.get("ticket_over")?,
            priority: row.get_optional("ticket_priority")?,
            assignee: row.get_optional("ticket_assignee")?,
            fate: row.get_optional("ticket_fate")?,
            failed_over_from: row.get_optional("failed_over_from")?,
            missing: missing(row)?,
            incomplete: row.get_optional("ticket_incomplete")?.map(Document),
        })
    }
}

/// Why there is no ticket, and when the next try is where that is rare.
fn missing(row: &Row) -> Result<Option<String>, StoreError> {
    let why: Option<String> = row.get_optional("ticket_missing")?;
    let next: Option<Timestamp> = row.get_optional("ticket_next_try_at")?;
    Ok(why.map(|why| match next {
        Some(at) => format!("{why}; next try at {at}"),
        None => why,
    }))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IncidentView {
    /// A UUID.
    pub id: IncidentId,
    /// The kind of thing: `queue`, `trunk`, `edge`, `outage`, `flood`, `ringdown`, `incident`.
    pub entity: &'static str,
    #[serde(skip)]
    pub(super) kind: Entity,
    /// The name of what it is about.
    pub name: String,
    pub key: String,
    /// The rule that found it.
    pub rule: String,
    /// The source of its first event.
    pub source: String,
    pub severity: String,
    /// `pending`, `open`, `recovered`, `closed`.
    pub state: String,
    /// Whether it comes and goes, and is held open until it is calm.
    pub flapping: bool,
    /// When the first breach was received.
    pub opened_at: DisplayTime,
    /// When it was closed.
    pub closed_at: Option<DisplayTime>,
    /// Breaches received.
    pub occurrences: i64,
    /// Breaches that wrote nothing to the CRM.
    pub suppressed: i64,
    /// Pending: why its ticket waits.
    pub waits: Option<WaitsView>,
    /// The outage that it is a member of.
    pub outage_id: Option<IncidentId>,
    /// That outage as people know it.
    pub member_of: Option<MemberOf>,
    /// Of an outage: how many incidents are or were members. Of a flood: how many it holds.
    pub members: Option<i64>,
    /// Its ticket.
    pub ticket: TicketView,
}

impl IncidentView {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let (rule, key): (String, String) = (row.get("rule")?, row.get("key")?);
        let context: String = row.get("context")?;
        let (kind, name) = Names::read(&context).entity_and_name(&rule, &key);
        Ok(Self {
            id: row.get("id")?,
            entity: kind.as_str(),
            kind,
            name,
            key,
            rule,
            member_of: MemberOf::read(row)?,
            source: row.get("source")?,
            severity: row.get("severity")?,
            state: row.get("state")?,
            flapping: row.get("flapping")?,
            opened_at: row.get("opened_at")?,
            closed_at: row.get_optional("closed_at")?,
            occurrences: row.get("occurrences")?,
            suppressed: row.get("suppressed")?,
            waits: row.get_optional("waits")?,
            outage_id: row.get_optional("outage_id")?,
            members: row.get_optional("members")?,
            ticket: TicketView::read(row)?,
        })
    }
}

/// Why the ticket of a pending incident waits, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitsView(String);

impl Column for WaitsView {
    type Stored = String;

    fn from_stored(life: String) -> Self {
        Self(life)
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct ShownWaits<'a> {
    r#for: &'static str,
    /// The silence, maintenance window or outage.
    by: Option<&'a str>,
    until: Option<DisplayTime>,
}

impl Serialize for WaitsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let life: Option<Incident> = serde_json::from_str(&self.0).ok();
        let shown = life.as_ref().map(|life| match life.hold() {
            Some(hold) => {
                let (by, until) = match hold {
                    Hold::Outage(outage) => (Some(outage.as_str()), None),
                    Hold::Mute(mute) => (Some(mute.by.as_str()), Some(mute.until.into())),
                    Hold::Flood => (None, None),
                };
                (hold.suppression(), by, until)
            }
            None => {
                let reason = life.waits_for.unwrap_or(Suppression::Pending);
                (reason, None, life.opens_at.map(DisplayTime::from))
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

impl Item for IncidentView {
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.opened_at.timestamp().as_millis(),
            id: self.id.to_string(),
        }
    }
}

macro_rules! incidents {
    ($($more_columns:tt)+) => {
        concat!(
            "select i.id, i.key, i.rule, i.source, i.severity, i.state, (i.flapping <> 0) as flapping, \
              i.opened_at, i.closed_at, \
              i.occurrences, i.suppressed, i.target, i.ticket_id, i.ticket_number, i.ticket_url, \
              i.ticket_state, (i.ticket_closed <> 0) as ticket_over, i.ticket_priority, \
              i.ticket_assignee, i.ticket_fate, i.failed_over_from, i.ticket_incomplete, \
              case when i.ticket_id is null and i.state in ('open', 'recovered') then (select \
                case d.state when 'dead' then 'a person is needed: dead letter ' || d.id \
                 when 'discarded' then 'its create was discarded' \
                 when 'sending' then 'it is being created' \
                 else coalesce('parked ' || ",
            $crate::store::views::deliveries::waits_for!(),
            ", 'it waits for its turn') || case when d.in_doubt <> 0 and d.state = 'waiting' \
                 then '; it may exist already, so it moves to no other target' else '' end end \
                from deliveries d \
                left join target_conditions c on c.target = d.target and c.until is null \
                where d.incident_id = i.id and d.operation = 'create' \
                order by d.id desc limit 1) end as ticket_missing, \
              case when i.ticket_id is null and i.state in ('open', 'recovered') then (select \
                case when d.state = 'waiting' and (d.parked = 'ticket' \
                  or (d.in_doubt <> 0 and d.look_up_from > d.unknown_at \
                    and d.next_attempt_at >= d.look_up_from)) then d.next_attempt_at end \
                from deliveries d where d.incident_id = i.id and d.operation = 'create' \
                order by d.id desc limit 1) end as ticket_next_try_at, i.outage_id, \
              case when i.state = 'pending' then i.life end as waits, \
              case when i.rule like 'outage:%' then \
                (select count(*) from incidents m where m.outage_id = i.id) \
               when i.rule like 'flood:%' then \
                (select count(*) from incidents h \
                  where h.flood_source = i.key and h.state = 'pending') end as members, i.context, \
              (select o.rule || ' ' || o.key from incidents o where o.id = i.outage_id) \
                as outage_name, \
              (select coalesce(o.ticket_number, o.ticket_id) \
                from incidents o where o.id = i.outage_id) as outage_ticket, \
              (select o.target from incidents o where o.id = i.outage_id) as outage_target",
            $($more_columns)+,
            " from incidents i where true"
        )
    };
}
pub(super) use incidents;

const INCIDENTS: &str = incidents!(ongoing_columns!());

pub(super) fn incidents_select<'a>(filter: &'a Filter, page: &'a PageRequest) -> Statement<'a> {
    let mut select = Statement::new(INCIDENTS);
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.id.as_str().into()];
        select.push(" and (i.opened_at, i.id) < (?, ?)", place);
    }
    push_incident_filter(&mut select, filter);
    select.push(
        " order by i.opened_at desc, i.id desc limit ?",
        [rows_to_read(page)],
    );
    select
}

/// Narrows a statement over incidents `i` to `filter`.
pub(super) fn push_incident_filter<'a>(select: &mut Statement<'a>, filter: &'a Filter) {
    select.push_any(" and i.state in ", &filter.states);
    push_filter_without_states(select, filter);
}

pub(super) fn push_filter_without_states<'a>(select: &mut Statement<'a>, filter: &'a Filter) {
    select
        .push_some(" and i.opened_at >= ?", filter.since)
        .push_some(" and i.opened_at < ?", filter.until)
        .push_any(" and i.severity in ", &filter.severities)
        .push_some(" and i.source = ?", filter.source.as_ref())
        .push_some(" and i.target = ?", filter.target.as_ref())
        .push_some(" and i.rule = ?", filter.rule.as_ref())
        .push_some(" and i.key = ?", filter.key.as_ref())
        .push_some(" and i.outage_id = ?", filter.outage.as_ref());
    if let Some(ticket) = &filter.ticket {
        let ticket = [ticket.into(), ticket.into()];
        select.push(" and (i.ticket_number = ? or i.ticket_id = ?)", ticket);
    }
}

impl Store {
    pub async fn incidents(
        &self,
        filter: &Filter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = incidents_select(filter, page);
        Ok(page_of(
            select.fetch(&mut tx, |row| read_ongoing(row, now)).await?,
            page,
        ))
    }

    /// The number of the ticket of the incident `id`, if it has one by now.
    pub async fn ticket_number(&self, id: &IncidentId) -> Result<Option<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new("select ticket_number from incidents where id = $1").bind(id);
        let number = |row: &Row| row.get_optional("ticket_number");
        Ok(select.fetch_optional(&mut tx, number).await?.flatten())
    }
}
