//! Salesforce: tickets are records of Case or Incident.
//!
//! Every rule here has its reason in `docs/salesforce.md`. The pure parts decide (`verdict`,
//! `refusal`, `limits`, `object`, `requests`, `soql`, `truncation`), the others act on them.
//!
//! May import: `domain`, `settings`, `rules` (templates of the settings), `clock`, and of
//! `targets` only `http` and `login`. Must not know: the store, sources, other CRMs.

mod change;
mod changes;
mod create;
mod find;
mod ids;
mod inspect;
mod limits;
mod object;
pub(super) mod profile;
mod refusal;
mod requests;
mod soql;
mod truncation;
mod verdict;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::ticket::{Ticket, TicketFields, TicketKey};
use crate::domain::ticket_change::Sighting;
use crate::domain::time::Timestamp;
use crate::outbound::Redactor;
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue, TargetSettings};
use crate::targets::login::Login;
use crate::targets::{Crm, Look, TicketChange, TokenStatus, http};

use ids::RecordId;
use object::TicketObject;
use requests::Request;
use wire::Wire;

/// A client for one Salesforce org.
pub struct Salesforce {
    name: String,
    object: TicketObject,
    external_id_field: Option<String>,
    wire: Wire,
    /// Whether the org refused to show the fields that polling would like to have.
    poorly_sighted: AtomicBool,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The settings name another CRM.
    #[error("the settings are not those of a Salesforce target")]
    NotSalesforce,
    /// HTTP could not be set up.
    #[error("HTTP cannot be set up: {0}")]
    Http(#[from] std::io::Error),
}

impl Salesforce {
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
        clock: Clock,
    ) -> Result<Self, Unusable> {
        if settings.kind.name != profile::PROFILE.name {
            return Err(Unusable::NotSalesforce);
        }
        let api_version = settings.own.text(&profile::API_VERSION);
        let object = settings.own.text(&profile::OBJECT);
        let external_id_field = settings.own.get(&profile::EXTERNAL_ID_FIELD);
        let http = http::Client::new(settings.timeout, redactor)?;
        Ok(Self {
            name: name.to_owned(),
            object: TicketObject::new(object, resolved_status(&settings.resolve)),
            external_id_field: external_id_field.map(str::to_owned),
            wire: Wire::new(http, &settings.base_url, api_version, login, clock),
            poorly_sighted: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Crm for Salesforce {
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        self.open(key, fields).await
    }

    fn refuses_a_second(&self) -> bool {
        self.external_id_field.is_some()
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.look_up(key).await
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        self.by_id(&record_id(ticket_id)?).await
    }

    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        self.apply(&record_id(ticket_id)?, change).await
    }

    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        self.settle(&record_id(ticket_id)?, change).await
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
        self.wire.object(&Request::resources()).await?;
        Ok(())
    }

    fn token_status(&self) -> TokenStatus {
        self.wire.login.status()
    }
}

/// The status that our resolution sets, where it is the same for every ticket.
fn resolved_status(resolve: &[FieldTemplate]) -> Option<String> {
    let field = resolve.iter().find(|field| field.name == "Status")?;
    match &field.value {
        FieldValue::Literal(value) => value.as_str().map(str::to_owned),
        FieldValue::Template(template) => template.render(&TemplateContext::new()).ok(),
    }
}

fn record_id(text: &str) -> Result<RecordId, Failure> {
    RecordId::parse(text).ok_or_else(|| {
        Failure::new(
            FailureKind::IntegrationFailure,
            Remedy::GiveUp,
            format!("{text:?} is not a record id of Salesforce"),
        )
        .with_field("Id")
    })
}
