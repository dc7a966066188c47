//! Processes that are measured: the release binary as it is shipped, the simulator, and the
//! server that does nothing.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Fallible;

/// The credential of the source `genesys`.
pub(crate) const TOKEN: &str = "speed-token";
const RINGDOWN: &str = env!("CARGO_BIN_EXE_ringdown");
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens on.
pub(crate) fn free_address() -> Fallible<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A child that is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Resident memory now, in bytes.
    pub(crate) fn resident(&self) -> Fallible<u64> {
        status_field(self.child.id(), "VmRSS")
    }

    /// The most it ever had, in bytes.
    pub(crate) fn peak(&self) -> Fallible<u64> {
        status_field(self.child.id(), "VmHWM")
    }

    /// Processor time so far, in seconds.
    pub(crate) fn processor_seconds(&self) -> Fallible<f64> {
        processor_seconds(self.child.id())
    }
}

/// This process's processor time so far, in seconds, and its resident memory, in bytes.
pub(crate) fn own_figures() -> Fallible<(f64, u64)> {
    let id = std::process::id();
    Ok((processor_seconds(id)?, status_field(id, "VmRSS")?))
}

fn status_field(process: u32, field: &str) -> Fallible<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line
        .and_then(|line| line.split_whitespace().nth(1))
        .ok_or("no such field in /proc")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

fn processor_seconds(process: u32) -> Fallible<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|ticks| ticks.parse::<f64>().ok())
    };
    let (user, system) = (ticks(11), ticks(12));
    Ok((user.unwrap_or_default() + system.unwrap_or_default()) / 100.0)
}

/// The server that does nothing, which is this program called again.
pub(crate) fn noop() -> Fallible<(Process, SocketAddr)> {
    let address = free_address()?;
    let child = Command::new(std::env::current_exe()?)
        .args(["noop", &address.to_string()])
        .spawn()?;
    let process = Process { child };
    wait_until("the no-op listens", || {
        std::net::TcpStream::connect(address).is_ok()
    })?;
    Ok((process, address))
}

/// A proxy in front of `to`, which is this program called again.
pub(crate) fn proxy(to: SocketAddr) -> Fallible<(Process, SocketAddr)> {
    let address = free_address()?;
    let child = Command::new(std::env::current_exe()?)
        .args(["proxy", &address.to_string(), &to.to_string()])
        .spawn()?;
    let process = Process { child };
    wait_until("the proxy listens", || {
        std::net::TcpStream::connect(address).is_ok()
    })?;
    Ok((process, address))
}

/// The simulated Salesforce, which answers `latency` late.
pub(crate) struct Simulator {
    _process: Option<Process>,
    base_url: String,
}

impl Simulator {
    /// An address at which no CRM answers.
    pub(crate) fn absent() -> Fallible<Self> {
        Ok(Self {
            _process: None,
            base_url: format!("http://{}", free_address()?),
        })
    }

    pub(crate) fn start(latency: Duration) -> Fallible<Self> {
        let (salesforce, servicenow) = (free_address()?, free_address()?);
        let child = Command::new(RINGDOWN)
            .args(["sim", "--salesforce", &salesforce.to_string()])
            .args(["--servicenow", &servicenow.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        let process = Process { child };
        wait_until("the simulator listens", || {
            std::net::TcpStream::connect(salesforce).is_ok()
        })?;
        let base_url = format!("http://{salesforce}");
        let fault = serde_json::json!({
            "kind": "slow", "milliseconds": latency.as_millis(),
            "trigger": "always", "path": "/services/data",
        });
        post(&format!("{base_url}/_sim/faults"), &fault.to_string())?;
        Ok(Self {
            _process: Some(process),
            base_url,
        })
    }
}

fn post(url: &str, body: &str) -> Fallible<()> {
    let answer = blocking(async {
        reqwest::Client::new()
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
    })??;
    if !answer.status().is_success() {
        return Err(format!("{url} answered {}", answer.status()).into());
    }
    Ok(())
}

fn get(url: &str) -> Fallible<(u16, String)> {
    blocking(async {
        let answer = reqwest::get(url).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    })?
}

fn blocking<T>(work: impl Future<Output = T>) -> Fallible<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// How a daemon is configured.
pub(crate) struct Setting<'s> {
    /// Its folder; the SQLite file is in it.
    pub(crate) folder: &'s Path,
    /// A PostgreSQL database instead.
    pub(crate) postgres: Option<&'s str>,
    pub(crate) simulator: &'s Simulator,
    /// Another build than the one that is measured otherwise.
    pub(crate) binary: Option<&'s Path>,
    /// Added to its configuration.
    pub(crate) more: &'s str,
}

/// `ringdown serve`, ready.
pub(crate) struct Daemon {
    process: Process,
    pub(crate) public: SocketAddr,
    admin: SocketAddr,
    /// From its start to the first 200 of `/readyz`.
    pub(crate) ready_after: Duration,
    database: PathBuf,
}

impl Daemon {
    pub(crate) fn start(setting: &Setting<'_>) -> Fallible<Self> {
        let (public, admin) = (free_address()?, free_address()?);
        let database = setting.folder.join("ringdown.db");
        let url = match setting.postgres {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", database.display()),
        };
        let file = setting.folder.join("ringdown.toml");
        let mut text = configuration(public, admin, &url, &setting.simulator.base_url);
        text.push_str(setting.more);
        std::fs::write(&file, text)?;
        let log = File::create(setting.folder.join("log"))?;
        let began = Instant::now();
        let binary = setting.binary.unwrap_or(Path::new(RINGDOWN));
        let child = Command::new(binary)
            .args(["serve", "--config"])
            .arg(&file)
            .current_dir(setting.folder)
            .env("SPEED_TOKEN", TOKEN)
            .env("CRM_SECRET", ringdown::simulator::CLIENT_SECRET)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let process = Process { child };
        let ready = format!("http://{public}/readyz");
        wait_until("the daemon is ready", || {
            std::net::TcpStream::connect(public).is_ok()
                && get(&ready).is_ok_and(|(status, _)| status == 200)
        })?;
        Ok(Self {
            process,
            public,
            admin,
            ready_after: began.elapsed(),
            database,
        })
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The sum of all series of `metric`.
    pub(crate) fn metric(&self, metric: &str) -> Fallible<f64> {
        let (_, text) = get(&format!("http://{}/metrics", self.admin))?;
        let series = text.lines().filter(|line| {
            let rest = line.strip_prefix(metric);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        Ok(series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Waits until everything received has been decided; answers when that was.
    pub(crate) fn until_decided(&self, events: f64) -> Fallible<Instant> {
        let mut decided_at = Instant::now();
        wait_until("everything is decided", || {
            decided_at = Instant::now();
            self.metric("ringdown_signals_total")
                .is_ok_and(|decided| decided >= events)
        })?;
        Ok(decided_at)
    }

    /// Milliseconds since the epoch at which each ticket was confirmed, by its queue's last
    /// digits.
    pub(crate) fn tickets(&self) -> Fallible<Vec<(u64, i64)>> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(&self.database, flags)?;
        let mut statement = connection.prepare(
            "select incidents.key, deliveries.settled_at from deliveries \
             join incidents on incidents.id = deliveries.incident_id \
             where operation = 'create' and deliveries.state = 'done'",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })?;
        let mut tickets = Vec::new();
        for row in rows {
            let (key, settled_at) = row?;
            let digits = key.rsplit('-').next().unwrap_or_default();
            tickets.push((digits.parse()?, settled_at));
        }
        Ok(tickets)
    }
}

fn configuration(public: SocketAddr, admin: SocketAddr, store: &str, salesforce: &str) -> String {
    format!(
        r#"
[server]
listen = "{public}"
[admin]
listen = "{admin}"
[store]
url = "{store}"
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "SPEED_TOKEN" }} }}]
# Every event of the measurement of tickets is a new incident.
max_new_incidents = {{ per_minute = 1000000 }}
[rules.queue-backlog]
events = ["v2.analytics.queues.{{id}}.observations"]
when = "metrics[oWaiting].count > 300"
key = "{{{{ queue_id }}}}"
targets = ["salesforce"]
[targets.salesforce]
kind = "salesforce"
base_url = "{salesforce}"
[targets.salesforce.auth]
flow = "client_credentials"
client_id = "{client}"
client_secret = {{ env = "CRM_SECRET" }}
[targets.salesforce.limit]
per_second = 500
concurrent = 16
[targets.salesforce.create]
Subject = "Telephony Incident: {{{{ queue_name }}}}"
Description = "{{{{ queue_id }}}} at {{{{ timestamp }}}}"
Priority = "High"
"#,
        client = ringdown::simulator::CLIENT_ID
    )
}

/// Waits until `holds`.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Fallible<()> {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > end {
            return Err(format!("waited in vain until {what}").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
