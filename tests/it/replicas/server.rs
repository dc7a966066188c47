//! A PostgreSQL server of a test's own, which can crash as by a power cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::ports::free_port;

/// What is committed without a sync stays in memory, so that a crash loses it; otherwise most
/// of it would be written a fifth of a second later.
const LATE_WRITES: &str = "-c wal_writer_delay=10s -c wal_writer_flush_after=1GB";
/// What some set for all; who promises that a commit is durable must not rely on the default.
const CARELESS: &str = "-c synchronous_commit=off";

pub(crate) struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// A server that runs; `None`, with a line that says so, where the tests are not given
    /// PostgreSQL or its programs are not there.
    pub(crate) fn start() -> Option<Self> {
        crate::replicas::database::server()?;
        let Some(programs) = programs() else {
            eprintln!("SKIPPED: no /usr/lib/postgresql/*/bin, so no server can be crashed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let server = Self {
            programs,
            folder,
            port: free_port(),
        };
        if is_root() {
            let owner = server.folder.path();
            run(Command::new("chown").arg("nobody:nogroup").arg(owner));
        }
        let data = server.data();
        let arguments = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "-D"];
        run(server.program("initdb").args(arguments).arg(data));
        server.start_again();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends all its processes at once; what is not on the disk is lost.
    pub(crate) fn crash(&self) {
        run(self.control().args(["-m", "immediate", "stop"]));
    }

    /// Starts it, and waits until it has recovered.
    pub(crate) fn start_again(&self) {
        let folder = self.folder.path().display();
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={folder} \
             {LATE_WRITES} {CARELESS}",
            self.port
        );
        let log = self.folder.path().join("log");
        run(self
            .control()
            .arg("-l")
            .arg(log)
            .args(["-o", &options, "start"]));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self) -> Command {
        let mut command = self.program("pg_ctl");
        command.args(["-w", "-t", "60", "-D"]).arg(self.data());
        command
    }

    /// One of its programs, which refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.control();
        let _ = stop.args(["-m", "immediate", "stop"]).output();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders
        .filter(|folder| folder.join("pg_ctl").exists())
        .max()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}

/// Runs `command`, which does not stay, to its end.
fn run(command: &mut Command) {
    // Not `output`: a server that it leaves behind would keep the pipe open.
    let null = std::process::Stdio::null;
    let status = command.stdout(null()).stderr(null()).status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}
