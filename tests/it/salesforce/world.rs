//! A simulated org and a client on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ringdown::clock::Clock;
use ringdown::domain::identity::{IncidentId, TargetName};
use ringdown::domain::ticket::{TicketChange, TicketFields, TicketKey};
use ringdown::outbound::Redactor;
use ringdown::settings::{Loader, TargetSettings};
use ringdown::simulator::{self, Simulator};
use ringdown::targets::{self, Crm, TokenVault, connect};
use serde_json::json;

/// A vault in memory, which can be told to fail.
#[derive(Default)]
pub(crate) struct Vault {
    pub(crate) kept: Mutex<BTreeMap<TargetName, Vec<u8>>>,
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl TokenVault for Vault {
    async fn load(&self, target: &TargetName) -> Result<Option<Vec<u8>>, String> {
        Ok(self.kept.lock().unwrap().get(target).cloned())
    }

    async fn save(&self, target: &TargetName, sealed: &[u8]) -> Result<(), String> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            return Err("disk full".to_owned());
        }
        self.kept
            .lock()
            .unwrap()
            .insert(target.clone(), sealed.to_vec());
        Ok(())
    }

    async fn lock(
        &self,
        _target: &TargetName,
        _patience: Duration,
    ) -> Result<Box<dyn Send>, String> {
        Ok(Box::new(()))
    }
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Clock,
}

pub(crate) const CLIENT_CREDENTIALS: &str = r#"flow = "client_credentials"
client_id = "ringdown"
client_secret = { env = "CLIENT_SECRET" }"#;

pub(crate) const REFRESH_TOKEN: &str = r#"flow = "refresh_token"
client_id = "ringdown"
client_secret = { env = "CLIENT_SECRET" }
refresh_token = { env = "REFRESH_TOKEN" }"#;

impl World {
    pub(crate) async fn new() -> Self {
        Self {
            simulator: simulator::start(simulator::SimulatorSettings::default())
                .await
                .unwrap(),
            vault: Arc::default(),
            clock: Clock::System,
        }
    }

    /// The client that these settings make.
    pub(crate) fn client_with(&self, more: &str, auth: &str, secret: &str) -> Arc<dyn Crm> {
        self.client_at(&self.simulator.salesforce().base_url(), more, auth, secret)
    }

    pub(crate) fn client_at(
        &self,
        base_url: &str,
        more: &str,
        auth: &str,
        secret: &str,
    ) -> Arc<dyn Crm> {
        let settings = settings(base_url, more, auth, secret);
        connect(
            &TargetName::new("salesforce"),
            &settings,
            self.vault.clone(),
            &Redactor::default(),
            &self.clock,
        )
        .unwrap()
    }

    /// The usual client: Case, unique external id, client credentials.
    pub(crate) fn client(&self) -> Arc<dyn Crm> {
        self.client_with(
            "external_id_field = \"Ringdown_Id__c\"",
            CLIENT_CREDENTIALS,
            simulator::CLIENT_SECRET,
        )
    }

    /// The usual client, with tickets of another object.
    pub(crate) fn client_of(&self, object: &str) -> Arc<dyn Crm> {
        let more = format!("object = \"{object}\"\nexternal_id_field = \"Ringdown_Id__c\"");
        self.client_with(&more, CLIENT_CREDENTIALS, simulator::CLIENT_SECRET)
    }

    /// Changes a ticket as a person does.
    pub(crate) async fn edit(&self, id: &str, fields: &serde_json::Value) {
        self.control(&format!("tickets/{id}"), fields).await;
    }

    /// Makes every access token bad.
    pub(crate) async fn expire_tokens(&self) {
        self.control("expire-tokens", &json!({})).await;
    }

    async fn control(&self, path: &str, body: &serde_json::Value) {
        let base = self.simulator.salesforce().base_url();
        let request = reqwest::Client::new().post(format!("{base}/_sim/{path}"));
        let answer = request.json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Deletes a Case as a person does, with the token that was used last.
    pub(crate) async fn delete(&self, id: &str) {
        let org = self.simulator.salesforce();
        let requests = org.requests();
        let mut headers = requests.iter().rev().flat_map(|request| &request.headers);
        let (_, token) = headers
            .find(|(_, value)| value.starts_with("Bearer"))
            .unwrap();
        let url = format!("{}/services/data/v64.0/sobjects/Case/{id}", org.base_url());
        let request = reqwest::Client::new().delete(url);
        let answer = request.header("authorization", token).send().await;
        assert_eq!(answer.unwrap().status(), 204);
    }
}

/// Settings of a Salesforce target, by the loader, as a user writes them.
fn settings(base_url: &str, more: &str, auth: &str, secret: &str) -> TargetSettings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringdown.toml");
    let text = format!(
        r#"
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "CLIENT_SECRET" }} }}]
[rules.queue-wait]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
key = "{{{{ queue_name }}}}"
targets = ["salesforce"]
[targets.salesforce]
kind = "salesforce"
base_url = "{base_url}"
timeout = "2s"
{more}
[targets.salesforce.auth]
token_url = "{base_url}/services/oauth2/token"
{auth}
[targets.salesforce.create]
Subject = "Telephony Incident: {{{{ queue_name }}}}"
[targets.salesforce.resolve]
Status = "Closed"
"#
    );
    std::fs::write(&file, text).unwrap();
    let loader = Loader {
        offline: false,
        crms: targets::profiles(),
        config_dir: folder.path().join("config"),
        environment: [
            ("CLIENT_SECRET".to_owned(), secret.to_owned()),
            (
                "REFRESH_TOKEN".to_owned(),
                simulator::REFRESH_TOKEN.to_owned(),
            ),
        ]
        .into(),
        files: vec![file],
    };
    let loaded = loader.load().unwrap_or_else(|error| panic!("{error}"));
    loaded.settings.targets["salesforce"].clone()
}

pub(crate) fn key() -> TicketKey {
    TicketKey::of_incident(&IncidentId::new("0195f1c2-0000-7000-8000-000000000001"))
}

pub(crate) fn fields() -> TicketFields {
    let serde_json::Value::Object(fields) = json!({
        "Subject": "Telephony Incident: Billing", "Status": "New", "Priority": "High",
    }) else {
        unreachable!("a literal object")
    };
    fields
}

pub(crate) fn change(marker: &str, status: Option<&str>) -> TicketChange {
    let mut fields = TicketFields::new();
    if let Some(status) = status {
        fields.insert("Status".into(), status.into());
    }
    TicketChange {
        comment: Some(format!("Something changed [{marker}]")),
        marker: marker.to_owned(),
        fields,
    }
}
