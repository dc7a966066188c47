//! `demo`: the whole outage, and nothing left behind.

use std::process::{Command, Stdio};

#[test]
fn the_demo_needs_no_configuration_ends_as_it_should_and_leaves_nothing_behind() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = Command::new(env!("CARGO_BIN_EXE_ringdown"))
        .args(["demo", "--once"])
        .current_dir(folder.path())
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}\n{output:?}");
    for part in [
        "Salesforce 20, ServiceNow 20",
        "4048 of 4048 sent",
        "0 dead letters",
        "40 queues, 1 ticket: INC",
        "| outage site of Berlin: callers wait too long",
        "As it should be: one ticket for an outage of forty queues.",
        "/ui/",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    for place in [folder, temporary] {
        let left = std::fs::read_dir(place.path()).unwrap().count();
        assert_eq!(left, 0, "{} is not empty", place.path().display());
    }
}
