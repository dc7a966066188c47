//! The demo's stage: simulator, daemon and a temporary database, and what is asked of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::super::client;
use super::super::outcome::Failed;
use super::super::serve::start_logging;
use super::crms::CRMS;
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::outbound::{Client, Received};
use crate::settings::{Loader, report};
use crate::targets;
use crate::telemetry::{LogOutput, Metrics};
use ringdown_simulator::{Simulator, SimulatorSettings};

/// The bearer token of the demo's source; it guards nothing but a temporary database.
pub(super) const TOKEN: &str = "demo-webhook-token";

const SETTINGS: &str = include_str!("../demo.toml");

/// Everything that runs during the demo.
pub(super) struct Stage {
    pub(super) simulator: Simulator,
    app: App,
    client: Client,
    folder: PathBuf,
    /// Ends last, after the last line.
    _log: LogOutput,
}

impl Stage {
    /// Starts the simulator and the daemon on free ports, on a database in a temporary folder.
    pub(super) async fn set() -> Result<Self, Failed> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failed::not_fine(format!("the demo cannot start: {what}: {error}"))
        };
        let simulator = ringdown_simulator::start(SimulatorSettings::default())
            .await
            .map_err(|error| failed("simulator", &error))?;
        let folder = std::env::temp_dir().join(format!("ringdown-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).map_err(|error| failed("temporary folder", &error))?;
        let file = folder.join("demo.toml");
        std::fs::write(&file, SETTINGS).map_err(|error| failed("temporary folder", &error))?;
        let loader = Loader {
            offline: false,
            crms: targets::profiles(),
            config_dir: folder.join("config"),
            environment: environment(&simulator, &folder),
            files: vec![file],
        };
        let loaded = loader
            .load()
            .map_err(|error| failed("configuration", &error))?;
        let metrics = Metrics::new();
        let log =
            start_logging(&loaded.settings, &metrics).map_err(|error| failed("log", &error))?;
        let app = App::start(AppOptions {
            effective: report::effective_json(&loaded.effective),
            files: loaded.files,
            settings: loaded.settings,
            clock: Clock::System,
            metrics,
        })
        .await
        .map_err(|error| failed("daemon", &error))?;
        let client = client::http(Duration::from_secs(10))?;
        Ok(Self {
            simulator,
            app,
            client,
            folder,
            _log: log,
        })
    }

    /// Stops the daemon and removes the database.
    pub(super) async fn clear(self) {
        self.app.stop().await;
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    pub(super) fn addresses(&self) -> String {
        let admin = self.app.admin_addr;
        let mut lines = format!(
            "  webhooks    {}\n  admin API   http://{admin}/api/v1/incidents\n  metrics     http://{admin}/metrics",
            self.webhook(),
        );
        for crm in &CRMS {
            let address = (crm.base_url)(&self.simulator);
            lines += &format!("\n  {:<12}{address}/", crm.label);
        }
        lines
    }

    pub(super) fn webhook(&self) -> String {
        format!("http://{}/webhooks/genesys", self.app.public_addr)
    }

    /// Sends a body as the source; answers status and body.
    pub(super) async fn send(&self, body: String) -> Result<(u16, Value), Failed> {
        let request = self
            .client
            .post(client::address(&self.webhook())?)
            .bearer_auth(TOKEN)
            .header("content-type", "application/json")
            .body(body);
        let answer = self.client.fetch(request).await;
        let answer = answer
            .map_err(|error| Failed::not_fine(format!("the daemon does not answer: {error}")))?;
        Ok((answer.status.as_u16(), answer.json()))
    }

    /// A list of the admin API.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Failed> {
        let mut page = self.admin(&format!("api/v1/{path}")).await?.json();
        match page.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    async fn admin(&self, path: &str) -> Result<Received, Failed> {
        let url = client::address(&format!("http://{}/{path}", self.app.admin_addr))?;
        let answer = self.client.fetch(self.client.get(url)).await;
        answer.map_err(|error| Failed::not_fine(format!("the admin API does not answer: {error}")))
    }

    /// The daemon's metrics, by the whole name with labels.
    pub(super) async fn metrics(&self) -> Result<BTreeMap<String, f64>, Failed> {
        let answer = self.admin("metrics").await?;
        Ok(String::from_utf8_lossy(&answer.body)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect())
    }
}

fn environment(simulator: &Simulator, folder: &std::path::Path) -> BTreeMap<String, String> {
    let database = format!("sqlite:{}", folder.join("ringdown.db").display());
    let own = [
        ("RINGDOWN__SERVER__LISTEN", "127.0.0.1:0"),
        ("RINGDOWN__ADMIN__LISTEN", "127.0.0.1:0"),
        ("RINGDOWN__STORE__URL", database.as_str()),
        ("DEMO_TOKEN", TOKEN),
        ("DEMO_CLIENT_SECRET", ringdown_simulator::CLIENT_SECRET),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let addresses = CRMS.iter().map(|crm| {
        let address = (crm.base_url)(simulator);
        (crm.address_variable.to_owned(), address)
    });
    own.into_iter().chain(addresses).collect()
}
