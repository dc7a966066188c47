//! The demo's stage: simulator, daemon and a temporary database, and what is asked of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::client;
use super::super::outcome::Failed;
use super::super::serve::start_logging;
use super::super::storm::{REPEAT_AFTER, REPEATS_FOR, SERVICE_UNAVAILABLE};
use super::crms::CRMS;
use super::places::Places;
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::outbound::{Client, Received};
use crate::settings::{Loader, report};
use crate::targets;
use crate::telemetry::{LogOutput, Metrics};
use ringdown_simulator::{Simulator, SimulatorSettings};

/// The source of the storm, and the one of the outage.
const SOURCE: &str = "genesys";
pub(super) const OUTAGE_SOURCE: &str = "berlin";

/// The bearer token of the demo's sources; it guards nothing but a temporary database.
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
    /// Starts the simulator and the daemon, on a database in a temporary folder.
    pub(super) async fn set(places: Places) -> Result<Self, Failed> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failed::not_fine(format!("the demo cannot start: {what}: {error}"))
        };
        let simulator = ringdown_simulator::start(SimulatorSettings {
            salesforce_listen: places.salesforce,
            servicenow_listen: places.servicenow,
        })
        .await
        .map_err(|error| {
            let error = format!("{error}; --listen 127.0.0.1:0 takes free ports");
            failed("simulator", &error)
        })?;
        let folder = std::env::temp_dir().join(format!("ringdown-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).map_err(|error| failed("temporary folder", &error))?;
        let file = folder.join("demo.toml");
        std::fs::write(&file, SETTINGS).map_err(|error| failed("temporary folder", &error))?;
        let loader = Loader {
            offline: false,
            crms: targets::profiles(),
            config_dir: folder.join("config"),
            environment: environment(&simulator, &folder, places),
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
            warnings: report::Warnings::default(),
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
        let admin = self.admin_url();
        let mut lines = format!(
            "  dashboard   {admin}/ui/\n  webhooks    {}\n  API         {admin}/api/v1/status\n  metrics     {admin}/metrics",
            self.webhook(SOURCE),
        );
        for crm in &CRMS {
            let address = (crm.base_url)(&self.simulator);
            lines += &format!(
                "\n  {:<12}{address}/   tickets, buttons for faults",
                crm.label
            );
        }
        lines
    }

    pub(super) fn admin_url(&self) -> String {
        format!("http://{}", self.app.admin_addr)
    }

    pub(super) fn webhook(&self, source: &str) -> String {
        format!("http://{}/webhooks/{source}", self.app.public_addr)
    }

    /// A command that sends a breach, in lines of 80 columns.
    pub(super) fn curl(&self) -> String {
        format!(
            "  curl {} \\\n    -H 'Authorization: Bearer {TOKEN}' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"id\":\"mine-1\",\"type\":\"telephony.queue.waiting\",\n         \
             \"queue\":{{\"id\":\"mine\"}},\"metrics\":[{{\"name\":\"Mine\",\"avg\":900}}]}}'",
            self.webhook(SOURCE)
        )
    }

    /// How many tickets there are in both CRMs.
    pub(super) fn tickets(&self) -> usize {
        let crms = CRMS.iter();
        crms.map(|crm| (crm.tickets)(&self.simulator).len()).sum()
    }

    /// Sends a body as the source of the storm; answers status and body.
    pub(super) async fn send(&self, body: String) -> Result<(u16, Value), Failed> {
        self.send_to(SOURCE, body).await
    }

    /// Sends a body as `source`; answers status and body. As Genesys does, it sends again what is
    /// answered 503: on a slow machine the storm's events are still being decided.
    pub(super) async fn send_to(&self, source: &str, body: String) -> Result<(u16, Value), Failed> {
        let until = Instant::now() + REPEATS_FOR;
        loop {
            let answer = self.send_once(source, body.clone()).await?;
            if answer.0 != SERVICE_UNAVAILABLE || Instant::now() >= until {
                return Ok(answer);
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
    }

    async fn send_once(&self, source: &str, body: String) -> Result<(u16, Value), Failed> {
        let request = self
            .client
            .post(client::address(&self.webhook(source))?)
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

fn environment(
    simulator: &Simulator,
    folder: &std::path::Path,
    places: Places,
) -> BTreeMap<String, String> {
    let (webhooks, admin) = (places.webhooks.to_string(), places.admin.to_string());
    let database = format!("sqlite:{}", folder.join("ringdown.db").display());
    let own = [
        ("RINGDOWN__SERVER__LISTEN", webhooks.as_str()),
        ("RINGDOWN__ADMIN__LISTEN", admin.as_str()),
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
