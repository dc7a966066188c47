//! What is going on: incidents that are not over, worst first, and how many there are.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::incidents::{IncidentView, incidents, push_filter_without_states};
use super::member_of::MemberOf;
use super::page::{Cursor, Filter, Item, Page, PageRequest, not_found};
use super::values::DisplayTime;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::incident::{Incident, Spread};
use crate::domain::situation::{Entity, OutageFact, badness, why_it_waits};
use crate::domain::time::Timestamp;
use crate::store::incidents::parse_life;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// An incident with what people ask about it first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OngoingIncident {
    /// As in the list.
    #[serde(flatten)]
    pub incident: IncidentView,
    pub last_breach_at: DisplayTime,
    /// Why it has no ticket, in words.
    pub no_ticket: Option<String>,
    /// The values that the rule's expressions read: latest, lowest, highest.
    #[serde(skip)]
    pub readings: BTreeMap<String, Spread>,
    /// The outage that stands for it.
    #[serde(skip)]
    pub outage: Option<OutageFact>,
    /// How bad it is beside others of its severity.
    #[serde(skip)]
    pub badness: i64,
}

/// Numbers of incidents that are not over, without members of outages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub ticketed: u64,
    /// Open, and without the ticket that they should have.
    pub without_ticket: u64,
    /// Their ticket waits on purpose.
    pub held_back: u64,
    pub recovered: u64,
}

/// What is owed to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    pub target: TargetName,
    /// Tickets to be created.
    pub tickets: u64,
    /// Other writes.
    pub updates: u64,
}

/// An event of an incident as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingEvent {
    pub source: String,
    pub received_at: Timestamp,
    pub body: String,
}

impl ReadingEvent {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            source: row.get("source")?,
            received_at: row.get("received_at")?,
            body: row.get("body")?,
        })
    }
}

/// What [`read_ongoing`] reads besides the columns of the list.
macro_rules! ongoing_columns {
    () => {
        ", i.life as whole_life"
    };
}
pub(super) use ongoing_columns;

const ONGOING: &str = incidents!(ongoing_columns!());

/// Recovered ones last, then by severity, then the worst, then the oldest first.
macro_rules! worst_first {
    () => {
        " order by (case i.state when 'recovered' then 1 else 0 end), \
           (case i.severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2 \
             when 'low' then 3 else 4 end), i.badness desc, i.opened_at, i.id"
    };
}

pub(super) fn ongoing_select(limit: u32) -> Statement<'static> {
    ongoing_page_select(&NO_FILTER, i64::from(limit), 0)
}

static NO_FILTER: Filter = Filter::none();

/// Those of `filter`, without the first `offset`. Members are there where their outage is named. The
/// states by an expression: by the column, all of a state would be read and sorted.
pub(super) fn ongoing_page_select(filter: &Filter, limit: i64, offset: i64) -> Statement<'_> {
    let mut select = Statement::new(ONGOING);
    select.push(" and i.state <> 'closed'", []);
    select.push_any(" and i.state || '' in ", &filter.states);
    if filter.outage.is_none() {
        select.push(" and i.outage_id is null", []);
    }
    push_filter_without_states(&mut select, filter);
    let span = [limit.into(), offset.into()];
    select.push(concat!(worst_first!(), " limit ? offset ?"), span);
    select
}

pub(super) const STANDING: &str = "select state, cast(case when ticket_id is null then 0 else 1 end as bigint) as has_ticket, \
      count(*) as count from incidents where state <> 'closed' and outage_id is null \
     group by state, cast(case when ticket_id is null then 0 else 1 end as bigint)";

pub(super) const OWED: &str = "select target, operation, count(*) as count from deliveries \
     where state in ('waiting', 'sending') group by target, operation";

/// By expressions: by the columns, SQLite would take an index of all that is open.
pub(super) fn outages_select(target: &TargetName, limit: u32) -> Statement<'_> {
    let mut select = Statement::new(ONGOING);
    let values = [target.as_str().into(), i64::from(limit).into()];
    select.push(
        " and substr(i.rule, 1, 7) = 'outage:' and i.closed_at is null \
          and i.state || '' in ('pending', 'open') and i.target || '' = ? \
          order by i.opened_at desc limit ?",
        values,
    );
    select
}

/// Members that are over, the newest first.
pub(super) fn closed_members_select(id: &IncidentId, limit: i64) -> Statement<'_> {
    let mut select = Statement::new(ONGOING);
    select.push(
        " and i.outage_id = ? and i.state || '' = 'closed' \
          order by i.opened_at desc, i.id desc limit ?",
        [id.into(), limit.into()],
    );
    select
}

pub(super) fn reading_events_select(id: &IncidentId, limit: u32) -> Statement<'_> {
    let select = Statement::new(
        "select e.source, e.received_at, e.body \
         from decisions d join events e on e.seq = d.event_seq \
         where d.incident_id = $1 order by d.event_seq desc limit $2",
    );
    select.bind(id).bind(limit)
}

/// The incidents of one select of [`ONGOING`].
pub(super) fn read_ongoing(row: &Row, now: Timestamp) -> Result<OngoingIncident, StoreError> {
    let incident = IncidentView::read(row)?;
    let life: Incident = parse_life(&incident.id, &row.get::<String>("whole_life")?)?;
    let outage = incident.member_of.as_ref().map(MemberOf::fact);
    let no_ticket = why_it_waits(&life, outage.as_ref(), now).or_else(|| {
        let is_owed = incident.ticket.id.is_none() && incident.state != "closed";
        is_owed.then(|| {
            let missing = incident.ticket.missing.clone();
            missing.unwrap_or_else(|| "none is owed".to_owned())
        })
    });
    Ok(OngoingIncident {
        badness: badness(&life),
        last_breach_at: life.last_breach_at.into(),
        no_ticket,
        readings: life.readings,
        outage,
        incident,
    })
}

impl OngoingIncident {
    pub fn kind(&self) -> Entity {
        self.incident.kind
    }
}

impl Item for OngoingIncident {
    fn cursor(&self) -> Cursor {
        self.incident.cursor()
    }
}

impl Store {
    /// At most `limit` incidents that are not over and no members of an outage, worst first.
    pub async fn ongoing(
        &self,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = ongoing_select(limit);
        select.fetch(&mut tx, |row| read_ongoing(row, now)).await
    }

    /// At most `limit` outages that go on and whose ticket is in `target`, newest first.
    pub async fn outages_of(
        &self,
        target: &TargetName,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = outages_select(target, limit);
        select.fetch(&mut tx, |row| read_ongoing(row, now)).await
    }

    /// The incident `id`, over or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn ongoing_incident(
        &self,
        id: &IncidentId,
        now: Timestamp,
    ) -> Result<OngoingIncident, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(ONGOING);
        select.push(" and i.id = ?", [id.into()]);
        let found = select.fetch_optional(&mut tx, |row| read_ongoing(row, now));
        found
            .await?
            .ok_or_else(|| not_found("incident", id.as_str()))
    }

    /// Incidents of `filter` that are not over and no members of an outage, worst first. The place
    /// of a page is counted, and not kept by an item: what is worst changes all the time.
    pub async fn ongoing_page(
        &self,
        filter: &Filter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<OngoingIncident>, StoreError> {
        let offset = page.after.as_ref().map_or(0, |after| after.at.max(0));
        let limit = i64::from(page.limit);
        let mut tx = self.database.begin_read().await?;
        let select = ongoing_page_select(filter, limit + 1, offset);
        let mut items = select.fetch(&mut tx, |row| read_ongoing(row, now)).await?;
        let has_more = items.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        if has_more {
            items.pop();
        }
        let next = has_more.then(|| Cursor::counted(offset + limit));
        Ok(Page { items, next })
    }

    /// At most `limit` members of the outage `id`: those that go on, worst first, then the newest of the
    /// others.
    pub async fn members(
        &self,
        id: &IncidentId,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<OngoingIncident>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let of_outage = Filter {
            outage: Some(id.to_string()),
            ..Filter::default()
        };
        let limit = i64::from(limit);
        let select = ongoing_page_select(&of_outage, limit, 0);
        let mut members = select.fetch(&mut tx, |row| read_ongoing(row, now)).await?;
        let left = limit - i64::try_from(members.len()).unwrap_or(limit);
        if left > 0 {
            let select = closed_members_select(id, left);
            members.extend(select.fetch(&mut tx, |row| read_ongoing(row, now)).await?);
        }
        Ok(members)
    }

    /// The newest `limit` events of the incident `id`, oldest first.
    pub async fn reading_events(
        &self,
        id: &IncidentId,
        limit: u32,
    ) -> Result<Vec<ReadingEvent>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = reading_events_select(id, limit);
        let mut events = select.fetch(&mut tx, ReadingEvent::read).await?;
        events.reverse();
        Ok(events)
    }

    /// How many incidents are not over.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let counted = |row: &Row| {
            let has_ticket = row.get::<i64>("has_ticket")? != 0;
            Ok((
                row.get::<String>("state")?,
                has_ticket,
                row.get::<u64>("count")?,
            ))
        };
        let rows = Statement::new(STANDING).fetch(&mut tx, counted).await?;
        let mut standing = Standing::default();
        for (state, has_ticket, count) in rows {
            *match (state.as_str(), has_ticket) {
                ("recovered", _) => &mut standing.recovered,
                ("pending", _) => &mut standing.held_back,
                (_, true) => &mut standing.ticketed,
                (_, false) => &mut standing.without_ticket,
            } += count;
        }
        Ok(standing)
    }

    /// What is owed, by target. A target to which nothing is owed is absent.
    pub async fn owed(&self) -> Result<Vec<Owed>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let counted = |row: &Row| {
            let target: TargetName = row.get("target")?;
            Ok((
                target,
                row.get::<String>("operation")?,
                row.get::<u64>("count")?,
            ))
        };
        let rows = Statement::new(OWED).fetch(&mut tx, counted).await?;
        let mut owed: BTreeMap<TargetName, (u64, u64)> = BTreeMap::new();
        for (target, operation, count) in rows {
            let (tickets, updates) = owed.entry(target).or_default();
            *match operation.as_str() {
                "create" => tickets,
                _ => updates,
            } += count;
        }
        let owed = owed.into_iter();
        Ok(owed
            .map(|(target, (tickets, updates))| Owed {
                target,
                tickets,
                updates,
            })
            .collect())
    }
}
