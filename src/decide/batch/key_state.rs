//! The state of one key within a batch.

use std::collections::HashMap;

use crate::decide::evaluate::TicketValues;
use crate::domain::decision::{BurstLock, DecisionState};
use crate::domain::failover::TicketRoute;
use crate::domain::flood::Allowance;
use crate::domain::identity::{IncidentKey, TargetName};
use crate::domain::incident::BreachStarts;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::silence::Mute;
use crate::rules::TemplateContext;
use crate::settings::RuleSettings;
use crate::store::{IncidentRecord, KeyRecord};

/// The states of a batch's keys.
pub(super) type KeyStates = HashMap<IncidentKey, KeyState>;

#[derive(Debug, Clone, Default)]
pub(super) struct KeyState {
    /// Its incident that is not closed; the state may also be `pending` or `recovered`.
    pub(super) active: Option<ActiveIncident>,
    lock: Option<BurstLock>,
    breach_starts: BreachStarts,
    mute: Option<Mute>,
}

/// An incident that is not closed, and the context of its ticket.
#[derive(Debug, Clone)]
pub(super) struct ActiveIncident {
    pub(super) incident: Incident,
    pub(super) context: TicketContext,
}

/// The values that a ticket is written from, and the target that it is opened in.
#[derive(Debug, Clone)]
pub(super) struct TicketContext {
    /// The source of the incident's first event.
    pub(super) begun_by: String,
    /// The source of the latest breach.
    pub(super) source: String,
    pub(super) target: TargetName,
    pub(super) route: TicketRoute,
    /// The values that templates see, of the latest breach.
    pub(super) values: TicketValues,
}

impl KeyState {
    /// The key of a member, whose burst lock is not loaded: only a decision on the key itself,
    /// which loads it, asks for that.
    pub(super) fn of_member(active: ActiveIncident) -> Self {
        Self {
            active: Some(active),
            ..Self::default()
        }
    }

    pub(super) fn incident(&self) -> Option<&Incident> {
        self.active.as_ref().map(|active| &active.incident)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.incident()
            .is_some_and(|incident| incident.state == IncidentState::Pending)
    }

    /// Whether its incident is past `pending`. Its ticket may not exist yet: its create may still
    /// be in the outbox.
    pub(super) fn has_ticket(&self) -> bool {
        self.active.is_some() && !self.is_pending()
    }

    pub(super) const fn lock(&self) -> Option<&BurstLock> {
        self.lock.as_ref()
    }

    pub(super) const fn is_muted(&self) -> bool {
        self.mute.is_some()
    }

    /// The source that began the incident, or begins it now with an event of `source`.
    pub(super) fn begun_by(&self, source: &str) -> String {
        let active = self.active.as_ref();
        active.map_or_else(
            || source.to_owned(),
            |active| active.context.begun_by.clone(),
        )
    }

    /// Names the parts of the incident as `rule` does now: its `sources` may have changed.
    pub(super) fn name_parts(&mut self, rule: &RuleSettings) {
        if let Some(ActiveIncident { incident, context }) = &mut self.active {
            let each = rule.sources.is_empty();
            incident.name_parts(each.then_some(context.begun_by.as_str()));
        }
    }

    /// Lets a function of the domain change the key. `candidate` is the context of the present breach.
    /// An incident that begins takes it; otherwise `candidate` is left as it is.
    pub(super) fn step<T>(
        &mut self,
        allowance: Allowance,
        candidate: &mut Option<TicketContext>,
        change: impl FnOnce(&mut DecisionState) -> T,
    ) -> T {
        let (incident, context) = self
            .active
            .take()
            .map(|active| (active.incident, active.context))
            .unzip();
        let mut state = DecisionState {
            incident,
            lock: self.lock.take(),
            silence: self.mute.take(),
            allowance,
            ..DecisionState::default()
        };
        state.breach_starts = std::mem::take(&mut self.breach_starts);
        let result = change(&mut state);
        self.active = state.incident.and_then(|incident| {
            let context = context.or_else(|| candidate.take())?;
            Some(ActiveIncident { incident, context })
        });
        self.lock = state.lock;
        self.breach_starts = state.breach_starts;
        self.mute = state.silence;
        result
    }
}

impl From<KeyRecord> for KeyState {
    fn from(record: KeyRecord) -> Self {
        Self {
            active: record.active.map(ActiveIncident::from),
            lock: record.lock,
            breach_starts: record.breach_starts,
            mute: None,
        }
    }
}

impl From<IncidentRecord> for ActiveIncident {
    fn from(record: IncidentRecord) -> Self {
        Self {
            context: TicketContext {
                values: values_of(&record).into(),
                begun_by: record.source.clone(),
                source: record.source,
                target: record.target,
                route: record.route,
            },
            incident: record.incident,
        }
    }
}

impl ActiveIncident {
    /// The row to store.
    pub(super) fn row(&self) -> IncidentRecord {
        IncidentRecord {
            incident: self.incident.clone(),
            source: self.context.begun_by.clone(),
            target: self.context.target.clone(),
            route: self.context.route.clone(),
            context: serde_json::to_string(&*self.context.values).unwrap_or_default(),
        }
    }
}

impl TicketContext {
    /// The id of the event of the latest breach.
    pub(super) fn event_id(&self) -> String {
        let id = self.values.get("event_payload_id");
        id.and_then(|id| id.as_str()).unwrap_or_default().to_owned()
    }
}

/// The values of `record` that templates see. An incident whose row is damaged continues without
/// them, so that it still recovers and is closed; its next breach sets them again.
pub(super) fn values_of(record: &IncidentRecord) -> TemplateContext {
    record.context_values().unwrap_or_else(|error| {
        tracing::error!(
            incident_id = record.incident.id.as_str(),
            %error,
            "the values of an incident cannot be read; it goes on without them"
        );
        TemplateContext::new()
    })
}
