//! A daemon in a process of its own, beside simulated CRMs in this one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use ringdown::simulator::{self, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use crate::support::ports::free_port;
use crate::support::process::Process;

pub(crate) const TOKEN: &str = "webhook-s3cret-token";
pub(crate) const ADMIN_TOKEN: &str = "admin-s3cret-token";
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Simulated CRMs, a folder with configuration and database, and the daemon on them.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) client: reqwest::Client,
    pub(crate) public: String,
    pub(crate) admin: String,
    /// Variables that the daemon sees besides the usual ones.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// What the daemon may use, as arguments of the shell's `ulimit`; empty: as much as the test.
    pub(crate) ulimit: &'static str,
    pub(crate) daemon: Process,
}

const RULE: &str = r#"
[rules.queue-wait]
events = ["telephony.queue.waiting", "v2.analytics.queues.{id}.observations"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{ queue_id or queue_name }}"
on_recovery = "resolve"
"#;

fn configuration(simulator: &Simulator, public: u16, admin: u16, folder: &Path) -> String {
    let database = folder.join("ringdown.db");
    format!(
        r#"
[server]
listen = "127.0.0.1:{public}"
[admin]
listen = "127.0.0.1:{admin}"
[admin.tokens.ops]
role = "operator"
secret = {{ env = "ADMIN_TOKEN" }}
[store]
url = "sqlite:{}"
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "WEBHOOK_TOKEN" }} }}]
{RULE}
targets = ["salesforce"]
[targets.salesforce]
kind = "salesforce"
base_url = "{}"
external_id_field = "Ringdown_Id__c"
timeout = "2s"
[targets.salesforce.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = {{ env = "CRM_SECRET" }}
[targets.salesforce.limit]
per_second = 200
concurrent = 4
[targets.salesforce.create]
Subject = "Telephony Incident: {{{{ queue_name }}}} Critical Wait Time"
Description = "Average wait {{{{ wait_time_avg }}}} s at {{{{ timestamp }}}} (event {{{{ event_payload_id }}}})"
Status = "New"
Priority = "High"
Source__c = "Genesys Cloud Telephony"
[targets.salesforce.resolve]
Status = "Closed"
"#,
        database.display(),
        simulator.salesforce().base_url(),
    )
}

impl World {
    /// A daemon on Salesforce, running and ready.
    pub(crate) async fn new() -> Self {
        let mut world = Self::unstarted("").await;
        world.start().await;
        world
    }

    /// The same with `more` configuration, not started yet.
    pub(crate) async fn unstarted(more: &str) -> Self {
        let simulator = simulator::start(SimulatorSettings::default())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (public, admin) = (free_port(), free_port());
        let text = configuration(&simulator, public, admin, folder.path());
        std::fs::write(folder.path().join("ringdown.toml"), text).unwrap();
        std::fs::write(folder.path().join("more.toml"), more).unwrap();
        Self {
            simulator,
            folder,
            client: reqwest::Client::new(),
            public: format!("http://127.0.0.1:{public}"),
            admin: format!("http://127.0.0.1:{admin}"),
            environment: Vec::new(),
            ulimit: "",
            daemon: Process::default(),
        }
    }

    /// The binary with this world's configuration and environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_ringdown");
        let mut command = Command::new(binary);
        if !self.ulimit.is_empty() {
            // The shell becomes the daemon, which keeps its process id.
            let script = format!("ulimit {} && exec {binary} \"$@\"", self.ulimit);
            command = Command::new("sh");
            command.args(["-c", &script, "sh"]);
        }
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .args(["--config", "ringdown.toml", "--config", "more.toml"])
            .env("WEBHOOK_TOKEN", TOKEN)
            .env("ADMIN_TOKEN", ADMIN_TOKEN)
            .env("CRM_SECRET", simulator::CLIENT_SECRET)
            .env("RINGDOWN_CLOCK_OFFSET_FILE", self.clock_offset_file())
            .env("RINGDOWN_URL", &self.admin)
            .env("RINGDOWN_TOKEN", ADMIN_TOKEN)
            .envs(self.environment.iter().copied());
        command
    }

    /// The file with the milliseconds by which the daemon's clock is off, if it was built to
    /// look there. A daemon without the file believes the machine's clock.
    pub(crate) fn clock_offset_file(&self) -> PathBuf {
        self.folder.path().join("clock-offset")
    }

    /// Sets the daemon's clock forward by so much, if it was built for that.
    #[allow(dead_code, reason = "only one of the test programs uses it")]
    pub(crate) fn pass(&self, span: Duration) {
        let file = self.clock_offset_file();
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        let before: u128 = before.trim().parse().unwrap_or(0);
        std::fs::write(file, (before + span.as_millis()).to_string()).unwrap();
    }

    /// The time by the daemon's clock.
    #[allow(dead_code, reason = "only one of the test programs uses it")]
    pub(crate) fn now(&self) -> jiff::Timestamp {
        let passed = std::fs::read_to_string(self.clock_offset_file()).unwrap_or_default();
        let passed: i64 = passed.trim().parse().unwrap_or(0);
        jiff::Timestamp::now() + Duration::from_millis(passed.unsigned_abs())
    }

    #[allow(dead_code, reason = "only one of the test programs uses it")]
    pub(crate) fn set_clock_off_by(&self, milliseconds: i64) {
        set_clock_off_by(&self.clock_offset_file(), milliseconds);
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) async fn start(&mut self) {
        self.spawn("");
        self.until_ready().await;
    }

    /// Waits until the daemon is ready.
    pub(crate) async fn until_ready(&self) {
        let url = format!("{}/readyz", self.public);
        self.until("the daemon is ready", async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Starts the daemon, which dies at `fault_point` if it was built for that.
    pub(crate) fn spawn(&mut self, fault_point: &str) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let mut serve = self.command(&["serve"]);
        serve.env("RINGDOWN_FAULT_POINT", fault_point).stderr(log);
        self.spawn_command(serve);
    }

    /// Starts the daemon by `serve`, which says where its log goes.
    pub(crate) fn spawn_command(&mut self, mut serve: Command) {
        self.daemon = Process::spawn(serve.stdout(Stdio::null()));
    }

    /// Starts the daemon by the shell command `script`, in which `"$0" "$@"` is the daemon's own.
    #[allow(dead_code, reason = "only one of the test programs uses it")]
    pub(crate) fn spawn_by(&mut self, script: &str) {
        let serve = self.command(&["serve"]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .arg(serve.get_program())
            .args(serve.get_args())
            .current_dir(serve.get_current_dir().unwrap())
            .envs(
                serve
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        self.spawn_command(shell);
    }

    /// Replaces what was added to the configuration, for the next start.
    pub(crate) fn configure(&self, more: &str) {
        std::fs::write(self.folder.path().join("more.toml"), more).unwrap();
    }

    /// Waits until `holds`; a condition that never holds fails the test with the log.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}; the log:\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends `body` as the source.
    pub(crate) async fn post(&self, body: String) -> (StatusCode, Value) {
        let answer = self
            .client
            .post(format!("{}/webhooks/genesys", self.public))
            .bearer_auth(TOKEN)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// Sends an event that must be accepted.
    pub(crate) async fn accept(&self, event: &Value) {
        let (status, answer) = self.post(event.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }

    /// A GET of the admin API.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let url = format!("{}/api/v1/{path}", self.admin);
        let answer = self.client.get(url).bearer_auth(ADMIN_TOKEN).send().await;
        assert!(
            answer.is_ok(),
            "{path}: {answer:?}; the log:\n{}",
            self.log()
        );
        answer.unwrap().json().await.unwrap_or_default()
    }

    /// The items of a list of the admin API.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.api(path).await["items"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// A POST of the admin API that must succeed.
    pub(crate) async fn act(&self, path: &str) {
        let url = format!("{}/api/v1/{path}", self.admin);
        let answer = self.client.post(url).bearer_auth(ADMIN_TOKEN).send().await;
        let answer = answer.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {:?}", answer.text().await);
    }

    /// The metrics as text.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.admin);
        let answer = self.client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits for so many tickets in the simulated Salesforce.
    pub(crate) async fn tickets(&self, count: usize) -> Vec<Value> {
        self.until(&format!("there are {count} tickets"), async || {
            self.simulator.salesforce().tickets().len() >= count
        })
        .await;
        self.simulator.salesforce().tickets()
    }

    /// Waits until every delivery is done.
    pub(crate) async fn all_delivered(&self) {
        self.until("everything is delivered", async || {
            let deliveries = self.items("deliveries?limit=500").await;
            !deliveries.is_empty() && deliveries.iter().all(|one| one["state"] == "done")
        })
        .await;
    }
}

/// Writes the file that says by how much a daemon's clock is off.
pub(crate) fn set_clock_off_by(file: &Path, milliseconds: i64) {
    // A rename, so that the daemon never reads half a number.
    let new = file.with_extension("new");
    std::fs::write(&new, milliseconds.to_string()).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// An event of the guide's form.
pub(crate) fn event(id: &str, queue: &str, average: f64) -> Value {
    json!({
        "id": id, "type": "telephony.queue.waiting",
        "timestamp": ringdown::clock::Clock::System.now().to_string(),
        "queue": {"id": queue}, "metrics": [{"name": format!("Queue {queue}"), "avg": average}],
    })
}
