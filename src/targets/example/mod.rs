//! A third CRM, built in tests only: a tracker of issues. Nothing outside of its folder knows it.
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};

use super::driver::CrmDriver;
use super::oauth::{ClientAuth, OAuthDialect, no_data_address};
use super::{
    Applied, ChangePage, ClaimCheck, Connection, Crm, Inspect, Pace, SnapshotSet, TokenStatus,
};
use crate::domain::allowance::Allowance;
use crate::domain::change_feed::ChangeMark;
use crate::domain::doubt::RunTimes;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::{Ticket, TicketChange, TicketFields, TicketKey};
use crate::domain::ticket_sync::TicketSnapshot;
use crate::settings::{CrmProfile, CrmSetting, KeyField, LoginFlow, LoginProfile, SettingValues};

static PROJECT: CrmSetting = CrmSetting {
    name: "project",
    default: None,
    values: SettingValues::Text(|_| Ok(())),
    description: "The project that issues are opened in.",
};

pub(super) static DRIVER: CrmDriver = CrmDriver {
    profile: &CrmProfile {
        name: "example",
        settings: &[&PROJECT],
        records: &PROJECT,
        check_base_url: |_| Ok(()),
        login: LoginProfile {
            flows: &[LoginFlow::ClientCredentials],
            discouraged: &[],
            token_path: "/oauth/token",
            check_token_url: |_, _| Ok(()),
            audience: "",
            key_header: "",
        },
        timeout: "2s",
        concurrent: 2,
        title_field: "summary",
        description_field: "body",
        key_field: |_| KeyField::Unique("external_key"),
        state_field: "status",
        own_fields: &[],
        write_only_fields: &[],
        without_markup: |text| Cow::Owned(text.replace("{code}", "")),
        record_id: issue_key,
        api_path: "/issues",
    },
    oauth: &OAuthDialect {
        client_auth: ClientAuth::BasicHeader,
        is_temporary: |_, error| error == "try_later",
        data_address: no_data_address,
    },
    connect: |connection| Arc::new(Example(connection)),
};

/// `PROJ-12`.
fn issue_key(text: &str) -> Option<String> {
    let (project, number) = text.split_once('-')?;
    let is_key = project.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_key && number.parse::<u32>().is_ok()).then(|| text.to_owned())
}

#[derive(Clone)]
struct Example(Connection);

impl Example {
    /// The issues in the answer: those found, or the one written.
    async fn call(&self, method: Method, query: &str, body: Value) -> Result<Vec<Ticket>, Failure> {
        let mut url = self.0.settings.base_url.clone();
        url.set_path("/issues");
        url.set_query(Some(query));
        let credential = self.0.login.credential().await?;
        let request = self.0.http.request(method, url).json(&body);
        let answer = self.0.http.send(credential.on(request)).await?;
        let (kind, class) = match (answer.status, serde_json::from_slice(&answer.body)) {
            (200, Ok(issues)) => return Ok(issues),
            (400..=499, _) => (
                FailureKind::IntegrationFailure,
                class(FailureScope::Ticket, ResolvedBy::Nothing),
            ),
            _ => (
                FailureKind::NetworkFailure,
                class(FailureScope::Network, ResolvedBy::Time),
            ),
        };
        let mut failure = Failure::new(kind, class, answer.excerpt()).with_status(answer.status);
        failure.outcome_unknown = !body.is_null() && kind == FailureKind::NetworkFailure;
        Err(failure)
    }
    async fn find_by(&self, query: &str) -> Result<Vec<Ticket>, Failure> {
        self.call(Method::GET, query, Value::Null).await
    }
    async fn write(&self, body: Value) -> Result<Ticket, Failure> {
        let missing = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            "no issue",
        );
        let mut written = self.call(Method::POST, "", body).await?;
        written.pop().ok_or(missing.in_doubt())
    }
}

#[async_trait]
impl Crm for Example {
    fn for_claim(&self, claim: ClaimCheck) -> Box<dyn Crm> {
        Box::new(Self(self.0.for_claim(claim)))
    }
    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }
    fn runs_for(&self) -> RunTimes {
        RunTimes {
            create: Duration::ZERO,
            comment: Duration::from_secs(60),
        }
    }
    fn forget_login(&self) {
        self.0.login.forget();
    }
    fn pace(&self) -> Pace {
        self.0.http.pace().clone()
    }
    fn allowance(&self) -> Option<Allowance> {
        None
    }
    fn token_status(&self) -> TokenStatus {
        self.0.login.status()
    }
    async fn create(&self, key: &TicketKey, fields: &TicketFields) -> Result<Ticket, Failure> {
        let project = self.0.settings.own.text(&PROJECT);
        let new = json!({"project": project, "external_key": key, "fields": fields});
        self.write(new).await
    }
    async fn find(&self, key: &TicketKey) -> Result<Option<Ticket>, Failure> {
        Ok(self.find_by(&format!("external_key={key}")).await?.pop())
    }
    async fn read(&self, id: &str) -> Result<Option<Ticket>, Failure> {
        Ok(self.find_by(&format!("id={id}")).await?.pop())
    }
    async fn update(&self, id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        let body = json!({"id": id, "fields": change.fields, "comment": change.comment});
        let written = self.write(body).await?;
        Ok(Applied::written(Some(TicketSnapshot::of(written))))
    }
    async fn resolve(&self, id: &str, change: &TicketChange) -> Result<Applied, Failure> {
        self.update(id, change).await
    }
    async fn has_comment(&self, id: &str, marker: &str) -> Result<bool, Failure> {
        let query = format!("id={id}&comments={marker}");
        Ok(!self.find_by(&query).await?.is_empty())
    }
    async fn link(&self, id: &str, parent: &str) -> Result<(), Failure> {
        let body = json!({"id": id, "fields": {"parent": parent}});
        self.write(body).await.map(drop)
    }
    async fn changes_after(&self, _from: &ChangeMark) -> Result<ChangePage, Failure> {
        Ok(ChangePage::default())
    }
    async fn fetch_snapshots(&self, ids: &[String]) -> Result<SnapshotSet, Failure> {
        let found = self.find_by(&format!("id={}", ids.join(","))).await?;
        let seen = found.into_iter().map(TicketSnapshot::of).collect();
        Ok(SnapshotSet::default().with(ids, seen, |a, b| a == b))
    }
    async fn probe(&self) -> Result<(), Failure> {
        self.find_by("id=").await.map(drop)
    }
}
