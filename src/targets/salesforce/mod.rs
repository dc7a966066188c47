//! Salesforce: tickets are records of `Case` or `Incident`.
//!
//! A ticket is created by an upsert on a unique external id field that carries our key, so
//! that Salesforce itself refuses a second one. Without such a field the key stands at the end
//! of the subject, and a create whose outcome is unknown is looked up before it is repeated.
//!
//! `verdict` classifies answers, `requests` builds paths and bodies, `cut` keeps texts
//! within their fields; all three are pure. May import: `clock`, `domain`, `settings`, and of
//! `targets` `http` and `login`.

mod call;
mod comment;
mod cut;
mod requests;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind, Remedy};
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::settings::{FieldValue, TargetKind, TargetSettings};
use crate::targets::login::Login;
use crate::targets::{Crm, TokenStatus, http};
use call::{Call, Effect};
use requests::{Object, Paths};

/// Without a unique field a create whose outcome is unknown may still be committed for so
/// long; it is neither looked up for good nor repeated before.
const SETTLE_WITHOUT_KEY: Duration = Duration::from_secs(60);

/// A client for one Salesforce org.
pub struct Salesforce {
    call: Call,
    paths: Paths,
    external_id_field: Option<String>,
    /// The status that the settings resolve tickets with, when it is a fixed text.
    resolved_status: Option<String>,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The settings name another CRM.
    #[error("the settings are not those of a Salesforce target")]
    NotSalesforce,
    /// HTTP could not be set up.
    #[error("HTTP cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl Salesforce {
    /// A client for the target `name`, which logs in by `login`; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Unusable`] when the settings are another CRM's, or HTTP cannot be set up.
    pub fn new(
        name: &str,
        settings: &TargetSettings,
        login: Arc<dyn Login>,
        clock: Clock,
    ) -> Result<Self, Unusable> {
        let TargetKind::Salesforce {
            api_version,
            object,
            external_id_field,
        } = &settings.kind
        else {
            return Err(Unusable::NotSalesforce);
        };
        let resolved_status = settings
            .resolve
            .iter()
            .find(|field| field.name == "Status")
            .and_then(|field| match &field.value {
                FieldValue::Template(template) if !template.source().contains("{{") => {
                    Some(template.source().to_owned())
                }
                FieldValue::Template(_) | FieldValue::Literal(_) => None,
            });
        Ok(Self {
            call: Call {
                target: name.to_owned(),
                client: http::client(settings.timeout)?,
                base_url: settings.base_url.clone(),
                login,
                clock,
            },
            paths: Paths::new(api_version, Object::named(object)),
            external_id_field: external_id_field.clone(),
            resolved_status,
        })
    }

    async fn upsert(
        &self,
        field: &str,
        key: &TicketKey,
        fields: &TicketFields,
    ) -> Result<Ticket, Failure> {
        let body = requests::create_body(fields, &[field]);
        let path = self.paths.by_external_id(field, key);
        let answer = self
            .call
            .send(Effect::Write, |client, base| {
                client
                    .patch(format!("{base}{path}"))
                    .header("Sforce-Auto-Assign", "TRUE")
                    .json(&body)
            })
            .await?;
        match verdict::created(&answer, self.call.clock.now()) {
            Ok(id) => Ok(self.new_ticket(&id, fields).await),
            Err(failure) if failure.code.as_deref() == Some("DUPLICATE_VALUE") => {
                // Somebody, nearly always we ourselves, was faster with the same key.
                self.find(key).await?.ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn insert(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        let mut body = requests::create_body(fields, &[]);
        requests::put_key_into_subject(&mut body, key);
        let path = self.paths.records();
        let settle = |mut failure: Failure| {
            if failure.outcome_unknown {
                failure.settle_after = SETTLE_WITHOUT_KEY;
            }
            failure
        };
        let answer = self
            .call
            .send(Effect::Write, |client, base| {
                client
                    .post(format!("{base}{path}"))
                    .header("Sforce-Auto-Assign", "TRUE")
                    .json(&body)
            })
            .await
            .map_err(settle)?;
        let id = verdict::created(&answer, self.call.clock.now()).map_err(settle)?;
        Ok(self.new_ticket(&id, fields).await)
    }

    /// The ticket just created. Its number is read later: the create does not answer it.
    async fn new_ticket(&self, id: &str, fields: &TicketFields) -> Ticket {
        Ticket {
            id: id.to_owned(),
            number: None,
            url: self.ticket_url(id).await,
            state: fields
                .get("Status")
                .and_then(Value::as_str)
                .map(str::to_owned),
            closed: false,
        }
    }

    async fn ticket_url(&self, id: &str) -> String {
        let base = self.call.instance().await;
        format!("{base}/lightning/r/{}/{id}/view", self.paths.object.name())
    }

    /// A row as a ticket; `None` when it has no id.
    async fn ticket(&self, row: &Value) -> Option<Ticket> {
        let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("Id")?;
        let state = text("Status");
        let closed = row.get("IsClosed").and_then(Value::as_bool) == Some(true)
            || (state.is_some() && state == self.resolved_status);
        Some(Ticket {
            url: self.ticket_url(&id).await,
            id,
            number: text(self.paths.object.number_field()),
            state,
            closed,
        })
    }

    async fn find_by_field(&self, field: &str, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let path = self.paths.by_external_id(field, key);
        let fields = format!("{},{field}", self.paths.object.read_fields());
        let answer = self
            .call
            .send(Effect::Read, |client, base| {
                client
                    .get(format!("{base}{path}"))
                    .query(&[("fields", &fields)])
            })
            .await?;
        let Some(row) = verdict::row(&answer, self.call.clock.now())? else {
            return Ok(None);
        };
        let theirs = row.get(field).and_then(Value::as_str).unwrap_or_default();
        if !theirs.eq_ignore_ascii_case(key.as_str()) {
            return Err(verdict::strange_row(field));
        }
        Ok(self.ticket(&row).await)
    }

    /// Finds a ticket by the key in its subject; every row is checked to hold it.
    async fn find_by_subject(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        let query = self.paths.find_by_subject(key);
        let rows = self.query(&query).await?;
        let mark = requests::subject_mark(key);
        for row in &rows {
            let subject = row.get("Subject").and_then(Value::as_str);
            if subject.is_some_and(|subject| subject.contains(&mark)) {
                return Ok(self.ticket(row).await);
            }
        }
        Ok(None)
    }

    async fn query(&self, query: &str) -> Result<Vec<Value>, Failure> {
        let path = self.paths.query();
        let answer = self
            .call
            .send(Effect::Read, |client, base| {
                client.get(format!("{base}{path}")).query(&[("q", query)])
            })
            .await?;
        verdict::rows(&answer, self.call.clock.now())
    }

    async fn patch(&self, ticket_id: &str, fields: &TicketFields) -> Result<(), Failure> {
        let body = requests::update_body(fields);
        let path = self.paths.record(ticket_id);
        let answer = self
            .call
            .send(Effect::Write, |client, base| {
                client
                    .patch(format!("{base}{path}"))
                    .header("Sforce-Auto-Assign", "FALSE")
                    .json(&body)
            })
            .await?;
        verdict::written(&answer, self.call.clock.now())
    }

    /// Checks that the resolution took: a value that a picklist does not know is stored
    /// without a word and leaves the ticket open.
    async fn check_resolved(&self, ticket_id: &str, fields: &TicketFields) -> Result<(), Failure> {
        let Some(ticket) = self.read(ticket_id).await? else {
            return Ok(());
        };
        let wanted = fields.get("Status").and_then(Value::as_str);
        let is_case = self.paths.object == Object::Case;
        if ticket.closed || (!is_case && ticket.state.as_deref() == wanted) || wanted.is_none() {
            return Ok(());
        }
        let state = ticket.state.unwrap_or_default();
        Err(Failure::new(
            FailureKind::IntegrationFailure,
            Remedy::GiveUp,
            format!("the ticket is still open: its Status is {state:?}, which does not count as closed in this org"),
        )
        .with_code("STILL_OPEN")
        .with_field("Status"))
    }
}

#[async_trait]
impl Crm for Salesforce {
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        match &self.external_id_field {
            Some(field) => self.upsert(field, key, fields).await,
            None => self.insert(key, fields).await,
        }
    }

    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        match &self.external_id_field {
            Some(field) => self.find_by_field(field, key).await,
            None => self.find_by_subject(key).await,
        }
    }

    async fn read(&self, ticket_id: &str) -> Result<Option<Ticket>, Failure> {
        let path = self.paths.record(ticket_id);
        let fields = self.paths.object.read_fields();
        let answer = self
            .call
            .send(Effect::Read, |client, base| {
                client
                    .get(format!("{base}{path}"))
                    .query(&[("fields", fields)])
            })
            .await?;
        match verdict::row(&answer, self.call.clock.now())? {
            Some(row) => Ok(self.ticket(&row).await),
            None => Ok(None),
        }
    }

    async fn update(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        if !change.fields.is_empty() {
            self.patch(ticket_id, &change.fields).await?;
        }
        match &change.comment {
            Some(comment) => self.comment(ticket_id, comment).await,
            None => Ok(()),
        }
    }

    async fn resolve(&self, ticket_id: &str, change: &TicketChange) -> Result<(), Failure> {
        let Some(ticket) = self.read(ticket_id).await? else {
            return Err(verdict::gone());
        };
        if ticket.closed {
            return Ok(());
        }
        if let Some(comment) = &change.comment
            && !self.has_comment(ticket_id, &change.marker).await?
        {
            self.comment(ticket_id, comment).await?;
        }
        self.patch(ticket_id, &change.fields).await?;
        self.check_resolved(ticket_id, &change.fields).await
    }

    async fn has_comment(&self, ticket_id: &str, marker: &str) -> Result<bool, Failure> {
        self.is_commented(ticket_id, marker).await
    }

    async fn link(&self, ticket_id: &str, parent_id: &str) -> Result<(), Failure> {
        let mut fields = TicketFields::new();
        fields.insert(
            self.paths.object.parent_field().to_owned(),
            parent_id.into(),
        );
        self.patch(ticket_id, &fields).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        let path = self.paths.root();
        let answer = self
            .call
            .send(Effect::Read, |client, base| {
                client.get(format!("{base}{path}"))
            })
            .await?;
        verdict::answered(&answer, self.call.clock.now())
    }

    fn token_status(&self) -> TokenStatus {
        self.call.login.status()
    }
}
