//! Puts the commit into the program: `RINGDOWN_COMMIT` where it is set, such as for an image that is
//! built without the repository, or else what git says. Only a release asks git: a development
//! build would be made anew after each commit.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RINGDOWN_COMMIT");
    let given = std::env::var("RINGDOWN_COMMIT").ok();
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given
        .filter(|commit| !commit.is_empty())
        .or_else(|| is_release.then(from_git).flatten())
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=RINGDOWN_COMMIT={commit}");
}

fn from_git() -> Option<String> {
    // The file in which git keeps where the work tree is; it changes with each commit.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
