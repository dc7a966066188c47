//! ServiceNow: tickets are records of `incident` or of another table that extends `task`.
//!
//! Every rule here has its reason in `docs/servicenow.md`. The pure parts decide (`verdict`,
//! `refusal`, `record`, `body`, `query`, `requests`), the others act on them.
//!
//! May import: `domain`, `settings`, `rules` (templates of the settings), and of `targets` only `http`. Must not know:
//! the store, sources, other CRMs.

mod body;
mod change;
mod changes;
mod create;
mod find;
mod ids;
mod inspect;
mod lineage;
mod memory;
pub(super) mod profile;
mod query;
mod record;
mod references;
mod refusal;
mod requests;
mod rights;
mod rules;
mod truncation;
mod verdict;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};
use crate::domain::ticket_change::Sighting;
use crate::domain::time::Timestamp;
use crate::outbound::Redactor;
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue, TargetSettings};
use crate::targets::{Crm, Look, TicketChange, TokenStatus, http};

use crate::targets::login::Login;

use ids::SysId;
use memory::{ChosenIds, Memory};
use record::{Record, TicketShape};
use references::References;
use requests::Request;
use wire::Wire;

/// A client for one ServiceNow instance.
pub struct ServiceNow {
    name: String,
    table: String,
    wire: Wire,
    shape: TicketShape,
    memory: Memory,
    references: References,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The settings name another CRM.
    #[error("target {0}: the settings are not those of a ServiceNow target")]
    NotServiceNow(String),
    /// HTTP could not be set up.
    #[error("target {target}: HTTP cannot be set up: {reason}")]
    Http {
        /// The target's name.
        target: String,
        /// What the library says.
        reason: String,
    },
}

#[async_trait]
impl Crm for ServiceNow {
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        self.open(key, fields).await
    }

    fn refuses_a_second(&self) -> bool {
        self.memory.chosen_ids() != ChosenIds::Off
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.look_up(key).await
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        let id = record_id(ticket_id)?;
        let Some(record) = self.record_of(&id).await? else {
            return Ok(None);
        };
        self.learn_from(&id, &record);
        Ok(Some(self.shape.ticket(&id, &record)))
    }

    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        self.apply(&record_id(ticket_id)?, change).await
    }

    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        self.settle_ticket(&record_id(ticket_id)?, change).await
    }

    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure> {
        self.is_noted(&record_id(ticket_id)?, marker).await
    }

    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure> {
        self.hang_under(&record_id(ticket_id)?, &record_id(parent_id)?)
            .await
    }

    async fn changed_since(&self, since: Timestamp) -> Result<Vec<Sighting>, Failure> {
        self.changes_since(since).await
    }

    async fn look_at(&self, ticket_ids: &[String]) -> Result<Look, Failure> {
        self.look_at_all(ticket_ids).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        let request = Request::rows(&self.table, None, "sys_id", 1);
        self.wire.rows(&request).await?;
        Ok(())
    }

    fn token_status(&self) -> TokenStatus {
        self.wire.login.status()
    }
}

impl ServiceNow {
    /// A client for the target `name`, which logs in by `login`; nothing is sent yet. Answers
    /// go through `redactor`.
    ///
    /// # Errors
    ///
    /// [`Unusable`] when the settings are another CRM's, or TLS cannot be set up.
    pub fn new(
        name: &str,
        settings: &TargetSettings,
        login: Arc<dyn Login>,
        redactor: &Redactor,
    ) -> Result<Self, Unusable> {
        if settings.kind.name != profile::PROFILE.name {
            return Err(Unusable::NotServiceNow(name.to_owned()));
        }
        let table = settings.own.text(&profile::TABLE);
        let http =
            http::Client::new(settings.timeout, redactor).map_err(|error| Unusable::Http {
                target: name.to_owned(),
                reason: error.to_string(),
            })?;
        let base = &settings.base_url;
        Ok(Self {
            name: name.to_owned(),
            table: table.to_owned(),
            shape: TicketShape::new(base, table, resolved_state(&settings.resolve)),
            wire: Wire {
                http,
                base: base.clone(),
                login,
            },
            memory: Memory::default(),
            references: References::default(),
        })
    }

    /// A ticket of ours that has the id we chose shows, also after a restart, that this
    /// instance honours chosen ids.
    fn learn_from(&self, id: &SysId, record: &Record) {
        let carried = record.text("correlation_id");
        let key = carried.strip_prefix("rd-").map(TicketKey::of_incident);
        if key.is_some_and(|key| SysId::chosen_for(&self.name, &key) == *id) {
            self.memory.ids_are_honoured();
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
            Remedy::GiveUp,
            format!("{text:?} is not a record id of ServiceNow"),
        )
        .with_field("sys_id")
    })
}
