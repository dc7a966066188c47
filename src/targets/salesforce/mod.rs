//! Salesforce: tickets are records of Case or Incident.
//!
//! Every rule here has its reason in `docs/salesforce.md`. The pure parts decide (`verdict`,
//! `codes`, `refusal`, `blame`, `in_front`, `limits`, `object`, `requests`, `soql`, `truncation`), the others act on them.

mod api;
mod blame;
mod change;
mod changes;
mod codes;
mod create;
mod data_address;
mod find;
mod ids;
mod in_front;
mod inspect;
mod limits;
pub(super) mod oauth;
mod object;
mod profile;
mod reference;
mod refusal;
mod rejection;
mod requests;
mod resolve;
mod soql;
mod together;
mod truncation;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::allowance::Allowance;
use crate::domain::change_feed::ChangeMark;
use crate::domain::doubt::RunTimes;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::identity::TargetName;
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::rules::TemplateContext;
use crate::settings::{FieldTemplate, FieldValue};
use crate::targets::claim::ClaimCheck;
use crate::targets::crm::{Applied, ChangePage, Crm, SnapshotSet};
use crate::targets::driver::{Connection, CrmDriver};
use crate::targets::inspect::Inspect;
use crate::targets::login::TokenStatus;
use crate::targets::pace::Pace;
use crate::targets::unseen::Unseen;

use api::ApiClient;
use ids::RecordId;
use object::TicketObject;
use requests::Request;

/// Salesforce as it is registered.
pub(super) static DRIVER: CrmDriver = CrmDriver {
    profile: &profile::PROFILE,
    oauth: &oauth::DIALECT,
    connect: |connection| Arc::new(Salesforce::new(connection)),
};

/// A client for one Salesforce org. Clones share their state.
#[derive(Clone)]
pub(super) struct Salesforce {
    name: TargetName,
    object: TicketObject,
    external_id_field: Option<String>,
    api: ApiClient,
    /// Whether the org refused to show the fields that polling would like to have.
    tracking_fields_hidden: Arc<AtomicBool>,
    unseen: Unseen,
}

impl Salesforce {
    pub(super) fn new(connection: Connection) -> Self {
        let settings = &connection.settings;
        let own = &settings.own;
        let object = own.text(&profile::OBJECT);
        let external_id_field = own.get(&profile::EXTERNAL_ID_FIELD);
        Self {
            name: connection.name,
            object: TicketObject::new(object, resolved_status(&settings.resolve)),
            external_id_field: external_id_field.map(str::to_owned),
            api: ApiClient::new(
                connection.http,
                &settings.base_url,
                own.text(&profile::API_VERSION),
                connection.login,
                connection.clock,
            ),
            tracking_fields_hidden: Arc::default(),
            unseen: Unseen::default(),
        }
    }
}

#[async_trait]
impl Crm for Salesforce {
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
            create: match self.external_id_field {
                Some(_) => Duration::ZERO,
                None => create::MAX_CALL_TIME,
            },
            comment: change::COMMENT_SETTLES,
        }
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        self.find_by_key(key).await
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        self.find_by_id(&record_id(ticket_id)?).await
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
        self.api.object(&Request::resources()).await?;
        Ok(())
    }

    fn forget_login(&self) {
        self.api.forget_login();
        self.tracking_fields_hidden.store(false, Ordering::Relaxed);
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
            class(FailureScope::Ticket, ResolvedBy::Nothing),
            format!("{text:?} is not a record id of Salesforce"),
        )
        .with_field("Id")
    })
}
