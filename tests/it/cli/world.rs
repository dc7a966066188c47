//! A folder with a configuration, the binary in it, and a daemon on request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::ports::free_port;
use crate::support::process::Process;
use sqlx::Connection as _;

pub(crate) const TOKEN: &str = "webhook-s3cret-token";
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A folder, and what runs in it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    daemon: Process,
    public: u16,
    admin: u16,
    crm: u16,
}

/// Runs the binary in an empty folder.
pub(crate) fn ringdown(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    run(bare(folder.path()).args(arguments))
}

/// The same beside these files.
pub(crate) fn ringdown_with(files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    ringdown_given(files, &[], arguments)
}

/// The same with these variables.
pub(crate) fn ringdown_given(
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = bare(folder.path());
    run(command.args(arguments).envs(variables.iter().copied()))
}

/// The binary in `folder`, with no variable of ours around it.
fn bare(folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RINGDOWN") {
            command.env_remove(name);
        }
    }
    command
}

/// Answers one request as a ServiceNow that has no such ticket and takes none.
fn refuse(stream: TcpStream) {
    let mut reader = BufReader::new(&stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        let line = std::mem::take(&mut line).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let (status, body) = match first.split('?').next().unwrap_or_default() {
        "GET /api/now/table/incident" => ("200 OK", r#"{"result":[]}"#),
        start if start.starts_with("GET") => (
            "404 Not Found",
            r#"{"error":{"message":"No Record found","detail":"Record doesn't exist or ACL restricts the record retrieval"},"status":"failure"}"#,
        ),
        _ => (
            "403 Forbidden",
            r#"{"error":{"message":"Operation Failed","detail":"Operation against file 'incident' was aborted by Business Rule 'Check caller'"},"status":"failure"}"#,
        ),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = (&stream).write_all(answer.as_bytes());
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let err = text(&output.stderr);
    assert!(!err.contains("panicked"), "{err}");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err,
    }
}

impl World {
    /// A configuration whose CRM is not there.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (public, admin, crm) = (free_port(), free_port(), free_port());
        let settings = include_str!("ringdown.toml")
            .replace("PUBLIC", &public.to_string())
            .replace("ADMIN", &admin.to_string())
            .replace("CRM", &crm.to_string());
        std::fs::write(folder.path().join("ringdown.toml"), settings).unwrap();
        Self {
            folder,
            daemon: Process::default(),
            public,
            admin,
            crm,
        }
    }

    /// From now on its CRM answers, and refuses every ticket.
    pub(crate) fn refuse_tickets(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.crm)).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                refuse(stream.unwrap());
            }
        });
    }

    /// It is certain that no request has had an effect.
    pub(crate) fn let_refusals_be_certain(&self) {
        let path = self.folder.path().join("data/ringdown.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut database = sqlx::SqliteConnection::connect_with(&options)
                .await
                .unwrap();
            let certain = "update deliveries set unknown_at = null, in_doubt = 0";
            sqlx::query(certain).execute(&mut database).await.unwrap();
        });
    }

    /// Adds `more` to the configuration.
    pub(crate) fn configure(&self, more: &str) {
        let file = self.folder.path().join("ringdown.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{settings}\n{more}")).unwrap();
    }

    /// The same with the daemon running and ready.
    pub(crate) fn serving() -> Self {
        Self::serving_with("")
    }

    /// The same with `more` configuration.
    pub(crate) fn serving_with(more: &str) -> Self {
        let mut world = Self::new();
        world.configure(more);
        let log = std::fs::File::create(world.folder.path().join("log")).unwrap();
        let mut serve = world.command(&["serve"]);
        let serve = serve.stdout(Stdio::null()).stderr(log);
        world.daemon = Process::spawn(serve);
        world.until("the daemon is ready", || world.run(&["health"]).code == 0);
        world
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.folder.path());
        command
            .args(arguments)
            .args(["--config", "ringdown.toml"])
            .env("WEBHOOK_TOKEN", TOKEN);
        command
    }

    /// The folder with its configuration.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs the binary with this configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Asks the daemon's API.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ran {
        let url = format!("http://127.0.0.1:{}", self.admin);
        run(self.command(arguments).env("RINGDOWN_URL", url))
    }

    /// Runs the binary with `input` on its standard input.
    pub(crate) fn run_on(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let file = self.folder.path().join("input");
        std::fs::write(&file, input).unwrap();
        let input = std::fs::File::open(file).unwrap();
        run(self.command(arguments).stdin(input))
    }

    /// Runs the binary with a proxy in the environment on which nobody listens.
    pub(crate) fn run_behind_a_proxy(&self, arguments: &[&str]) -> Ran {
        let proxy = format!("http://127.0.0.1:{}", free_port());
        run(self
            .command(arguments)
            .env("HTTP_PROXY", &proxy)
            .env("http_proxy", &proxy)
            .env("ALL_PROXY", &proxy))
    }

    /// Sends breaching events to the daemon.
    pub(crate) fn storm(&self, events: u64, queues: u64) -> Ran {
        let url = format!("http://127.0.0.1:{}/webhooks/genesys", self.public);
        self.run(&[
            "storm",
            "--url",
            &url,
            "--auth",
            &format!("Bearer {TOKEN}"),
            "--events",
            &events.to_string(),
            "--queues",
            &queues.to_string(),
            "--batch",
            "100",
        ])
    }

    /// The address of the daemon's listener for webhooks.
    pub(crate) fn webhooks(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/genesys", self.public)
    }

    pub(crate) fn admin_port(&self) -> u16 {
        self.admin
    }

    /// Waits until `holds`; a condition that never holds fails the test with the log.
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            assert!(
                Instant::now() < end,
                "waited in vain until {what}; the log:\n{}",
                log.unwrap_or_default()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Asks the daemon to stop with `signal`; answers its exit status.
    pub(crate) fn signal(&mut self, signal: &str) -> Option<i32> {
        self.daemon.signal(signal);
        self.daemon.wait().code()
    }
}
