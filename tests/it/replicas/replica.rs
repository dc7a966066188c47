//! One daemon: a process that can be killed, paused, stopped and cut off.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ringdown::simulator;

use crate::replicas::database::Database;
use crate::replicas::proxy::Proxy;
use crate::support::ports::free_port;
use crate::support::process::Process;

pub(crate) const TOKEN: &str = "webhook-s3cret-token";
pub(crate) const ADMIN_TOKEN: &str = "admin-s3cret-token";

pub(crate) struct Replica {
    pub(crate) public: String,
    pub(crate) admin: String,
    pub(crate) network: Proxy,
    folder: PathBuf,
    name: String,
    daemon: Process,
}

/// The file that says by how much the clocks of all replicas are off, if they were built to look
/// there.
pub(crate) fn clock_offset_file(folder: &Path) -> PathBuf {
    folder.join("clock-offset")
}

impl Replica {
    /// A replica that shares the configuration `ringdown.toml` and `more.toml` in `folder`; not started.
    pub(crate) async fn new(number: usize, folder: &Path, database: &Database) -> Self {
        let host = database.url.host_str().unwrap();
        let network = Proxy::start(host, database.port()).await;
        let mut url = database.url.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(network.port)).unwrap();
        let (public, admin) = (free_port(), free_port());
        let own = format!(
            "[server]\nlisten = \"127.0.0.1:{public}\"\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
             [store]\nurl = \"{url}\"\n"
        );
        let name = format!("replica-{number}");
        std::fs::write(folder.join(format!("{name}.toml")), own).unwrap();
        Self {
            public: format!("http://127.0.0.1:{public}"),
            admin: format!("http://127.0.0.1:{admin}"),
            network,
            folder: folder.to_owned(),
            name,
            daemon: Process::default(),
        }
    }

    pub(crate) fn start(&mut self) {
        self.start_until("");
    }

    /// Starts it; it dies or stands still at `fault_point` if it was built for that.
    pub(crate) fn start_until(&mut self, fault_point: &str) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let own = format!("{}.toml", self.name);
        let mut serve = Command::new(env!("CARGO_BIN_EXE_ringdown"));
        serve
            .current_dir(&self.folder)
            .args(["serve", "--config", "ringdown.toml"])
            .args(["--config", "more.toml", "--config", &own])
            .env("WEBHOOK_TOKEN", TOKEN)
            .env("ADMIN_TOKEN", ADMIN_TOKEN)
            .env("CRM_SECRET", simulator::CLIENT_SECRET)
            .env("CRM_REFRESH_TOKEN", simulator::REFRESH_TOKEN)
            .env(
                "RINGDOWN_CLOCK_OFFSET_FILE",
                clock_offset_file(&self.folder),
            )
            .env("RINGDOWN_FAULT_POINT", fault_point)
            .stdout(Stdio::null())
            .stderr(log);
        self.daemon = Process::spawn(&mut serve);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.daemon.is_started()
    }

    /// How it has ended by itself, if it has.
    #[cfg(feature = "fault-points")]
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.daemon.ended()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Asks it to stop; answers whether it did so with status 0.
    pub(crate) fn terminate(&mut self) -> bool {
        self.daemon.terminate()
    }

    /// Dies as by a power cut, though nobody has noticed yet: [`Self::kill`] does.
    pub(crate) fn die(&self) {
        self.daemon.signal("KILL");
    }

    /// Whether it stands still, as after [`Self::pause`].
    #[cfg(feature = "fault-points")]
    pub(crate) fn stands_still(&self) -> bool {
        let id = self.daemon.id();
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        state.contains(") T ")
    }

    /// Stops it where it stands; it notices nothing.
    pub(crate) fn pause(&self) {
        self.daemon.signal("STOP");
    }

    pub(crate) fn go_on(&self) {
        self.daemon.signal("CONT");
    }
}
