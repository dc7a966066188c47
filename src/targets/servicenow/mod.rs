//! ServiceNow: tickets are records of `incident` or of another table that extends `task`.
//!
//! Every rule here has its reason in `docs/servicenow.md`. The pure parts decide (`verdict`,
//! `refusal`, `record`, `body`, `query`, `requests`), the others act on them.

mod api;
mod blame;
mod body;
mod change;
mod changes;
mod comment;
pub(crate) mod condition;
mod confirm;
mod create;
mod facts;
mod find;
mod hierarchy;
mod ids;
mod inspect;
mod limits;
mod meaning;
mod names;
pub(super) mod oauth;
mod profile;
mod query;
mod record;
mod references;
mod refusal;
mod rejection;
mod requests;
mod rights;
mod role_check;
mod rules;
mod truncation;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::allowance::Allowance;
use crate::domain::change_feed::ChangeMark;
use crate::domain::doubt::RunTimes;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue};
use crate::targets::claim::ClaimCheck;
use crate::targets::crm::{Applied, ChangePage, Crm, SnapshotSet};
use crate::targets::driver::{Connection, CrmDriver};
use crate::targets::inspect::Inspect;
use crate::targets::last_allowance::LastAllowance;
use crate::targets::login::TokenStatus;
use crate::targets::pace::Pace;
use crate::targets::password_gate::PasswordGate;
use crate::targets::unseen::Unseen;

use api::ApiClient;
use facts::{ChosenIds, InstanceFacts, KeylessTicket};
use ids::SysId;
use record::{Record, TicketShape};
use references::ReferenceCache;
use requests::Request;
use role_check::RoleChecks;

/// ServiceNow as it is registered.
pub(super) static DRIVER: CrmDriver = CrmDriver {
    profile: &profile::PROFILE,
    oauth: &oauth::DIALECT,
    connect: |connection| Arc::new(ServiceNow::new(connection)),
};

/// A client for one ServiceNow instance. Clones share their facts and caches.
#[derive(Clone)]
pub struct ServiceNow {
    name: TargetName,
    table: String,
    api: ApiClient,
    shape: TicketShape,
    facts: InstanceFacts,
    references: ReferenceCache,
    unseen: Unseen,
}

#[async_trait]
impl Crm for ServiceNow {
    fn for_claim(&self, claim: ClaimCheck) -> Box<dyn Crm> {
        Box::new(Self {
            api: self.api.for_claim(claim),
            ..self.clone()
        })
    }

    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        self.open_ticket(key, fields).await
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn runs_for(&self) -> RunTimes {
        RunTimes {
            create: match self.facts.chosen_ids() {
                ChosenIds::Honoured => Duration::ZERO,
                ChosenIds::Untold | ChosenIds::Off => facts::TRANSACTION_QUOTA,
            },
            comment: facts::TRANSACTION_QUOTA,
        }
    }

    /// The address of the instance that honours our ids: another one may not.
    fn learnt(&self) -> Option<String> {
        let is_honoured = self.facts.chosen_ids() == ChosenIds::Honoured;
        is_honoured.then(|| self.api.base.as_str().to_owned())
    }

    fn recall(&self, learnt: &str) {
        if learnt == self.api.base.as_str() {
            self.facts.ids_are_honoured();
        }
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.find_by_key(key).await
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        let id = record_id(ticket_id)?;
        let Some(record) = self.record_of(&id).await? else {
            return Ok(None);
        };
        self.learn_from(&id, &record);
        Ok(Some(self.shape.ticket(&id, &record)))
    }

    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        self.update_ticket(&record_id(ticket_id)?, change).await
    }

    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        self.resolve_ticket(&record_id(ticket_id)?, change).await
    }

    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure> {
        self.has_comment_with(&record_id(ticket_id)?, marker).await
    }

    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure> {
        self.set_parent(&record_id(ticket_id)?, &record_id(parent_id)?)
            .await
    }

    async fn changes_after(&self, from: &ChangeMark) -> Result<ChangePage, Failure> {
        self.page_of_changes(from).await
    }

    async fn fetch_snapshots(&self, ticket_ids: &[String]) -> Result<SnapshotSet, Failure> {
        self.snapshots_of(ticket_ids).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        let request = Request::rows(&self.table, None, "sys_id", 1);
        self.api.rows(&request).await?;
        Ok(())
    }

    fn recall_without_key(&self, tickets: &[(TicketKey, String)]) {
        // One is enough: what lets it be written lets the others be written.
        let found = tickets
            .iter()
            .find_map(|(key, id)| Some((key.clone(), SysId::parse(id)?)));
        if let Some((key, id)) = found {
            self.facts
                .set_keyless_ticket(Some(KeylessTicket { key, id }));
        }
    }

    fn forget_login(&self) {
        self.api.login.forget();
        self.references.forget();
        self.facts.forget_denial();
    }

    fn pace(&self) -> Pace {
        self.api.pace()
    }

    fn allowance(&self) -> Option<Allowance> {
        self.api.allowance.get()
    }

    fn token_status(&self) -> TokenStatus {
        self.api.login.status()
    }
}

impl ServiceNow {
    pub fn new(connection: Connection) -> Self {
        let settings = &connection.settings;
        let table = settings.own.text(&profile::TABLE);
        let resolved = resolved_state(&settings.resolve);
        let sends_password = connection.login.sends_password();
        let gate = || PasswordGate::new(connection.clock.clone());
        Self {
            name: connection.name,
            table: table.to_owned(),
            shape: TicketShape::new(&settings.base_url, table, resolved),
            api: ApiClient {
                password_gate: sends_password.then(gate),
                http: connection.http,
                base: settings.base_url.clone(),
                login: connection.login,
                clock: connection.clock,
                allowance: LastAllowance::default(),
                role_checks: RoleChecks::default(),
            },
            facts: InstanceFacts::default(),
            references: ReferenceCache::default(),
            unseen: Unseen::default(),
        }
    }

    /// A ticket of ours that has the id we chose shows, also after a restart, that this
    /// instance honours chosen ids.
    fn learn_from(&self, id: &SysId, record: &Record) {
        let carried = record.text("correlation_id");
        let incident = carried.strip_prefix("rd-").map(IncidentId::new);
        let key = incident.as_ref().map(TicketKey::of_incident);
        if key.is_some_and(|key| SysId::chosen_for(&self.name, &key) == *id) {
            self.facts.ids_are_honoured();
        }
    }
}

/// The state that our resolution sets, where it is the same for every ticket.
fn resolved_state(resolve: &[FieldTemplate]) -> Option<String> {
    let field = resolve.iter().find(|field| field.name == "state")?;
    match &field.value {
        FieldValue::Literal(serde_json::Value::String(text)) => Some(text.clone()),
        FieldValue::Literal(value) => Some(value.to_string()),
        FieldValue::Template(template) => template.render(&TemplateContext::new()).ok(),
    }
}

fn record_id(text: &str) -> Result<SysId, Failure> {
    SysId::parse(text).ok_or_else(|| {
        Failure::new(
            FailureKind::IntegrationFailure,
            class(FailureScope::Ticket, ResolvedBy::Nothing),
            format!("{text:?} is not a record id of ServiceNow"),
        )
        .with_field("sys_id")
    })
}
