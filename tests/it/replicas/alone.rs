//! A SQLite file is one process's.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::replicas::cluster::{CLIENT_CREDENTIALS, configuration};
use crate::support::ports::free_port;

fn command(folder: &Path, argument: &str) -> Command {
    let (public, admin) = (free_port(), free_port());
    let own = format!(
        "[server]\nlisten = \"127.0.0.1:{public}\"\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
         [store]\nurl = \"sqlite:ringdown.db\"\n"
    );
    let name = format!("own-{public}.toml");
    std::fs::write(folder.join(&name), own).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
    command
        .current_dir(folder)
        .args([argument, "--config", "ringdown.toml", "--config", &name])
        .env("WEBHOOK_TOKEN", "webhook-s3cret-token")
        .env("ADMIN_TOKEN", "admin-s3cret-token")
        .env("CRM_SECRET", "crm-s3cret");
    command
}

async fn serve(folder: &Path, run: u32) -> Child {
    let log = folder.join(format!("log-{run}"));
    let child = command(folder, "serve")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while !std::fs::read_to_string(&log)
        .unwrap()
        .contains("ringdown is up")
    {
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(30), "{told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

fn refused(output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        told.contains("in use by another ringdown process"),
        "{told}"
    );
}

#[tokio::test]
async fn a_second_process_on_a_sqlite_file_is_refused_and_a_restart_after_a_crash_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let text = configuration("http://127.0.0.1:9", CLIENT_CREDENTIALS);
    std::fs::write(folder.path().join("ringdown.toml"), text).unwrap();
    let mut first = serve(folder.path(), 1).await;
    refused(&command(folder.path(), "serve").output().unwrap());
    refused(&command(folder.path(), "migrate").output().unwrap());
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = serve(folder.path(), 2).await;
    second.kill().unwrap();
    second.wait().unwrap();
}
