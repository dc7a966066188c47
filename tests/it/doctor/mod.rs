//! The live pre-flight: the real binary against the real simulators over HTTP.
mod faults;
mod references;
mod servicenow;

use std::process::Command;

use ringdown::simulator::{self, Fault, FaultKind, Simulator, SimulatorSettings, Trigger};
use serde_json::Value;

/// What `doctor` said: its exit status and its checks.
struct Said(i32, Vec<Value>);

impl Said {
    /// Asserts that `check` of `target` came out as `result` and names `word`.
    #[track_caller]
    fn has(&self, target: &str, check: &str, result: &str, word: &str) {
        let found = self.1.iter().any(|one| {
            one["target"] == target
                && one["check"] == check
                && one["result"] == result
                && one["message"].as_str().unwrap().contains(word)
                && (matches!(result, "ok" | "skipped") || one["remedy"].is_string())
        });
        assert!(
            found,
            "no {result} {check} of {target} naming {word}: {:#?}",
            self.1
        );
    }
}

impl Said {
    /// Asserts that nothing is an error, and that the status says so.
    #[track_caller]
    fn is_fine(&self) {
        let errors = self.1.iter().filter(|one| one["result"] == "error");
        assert_eq!((self.0, errors.count()), (0, 0), "{:#?}", self.1);
    }
}

struct World(Simulator);

impl World {
    async fn new() -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let settings = SimulatorSettings {
            salesforce_listen: listen,
            servicenow_listen: listen,
        };
        Self(simulator::start(settings).await.unwrap())
    }

    /// Sets switches of both.
    async fn switch(&self, salesforce: Value, servicenow: Value) {
        let (one, two) = (
            self.0.salesforce().base_url(),
            self.0.servicenow().base_url(),
        );
        for (url, body) in [(one.to_string(), salesforce), (two.to_string(), servicenow)] {
            let url = format!("{}/_sim/switches", url.trim_end_matches('/'));
            let answer = reqwest::Client::new().post(url).json(&body).send().await;
            assert!(answer.unwrap().status().is_success());
        }
    }

    /// Runs `doctor` with the shipped example, changed by `edits`.
    async fn doctor(&self, arguments: &[&str], edits: &[(&str, &str)]) -> Said {
        let one = self.0.salesforce().base_url().to_string();
        let two = self.0.servicenow().base_url().to_string();
        let mut settings = include_str!("../../../config/example.toml")
            .replace("your-consumer-key", "ringdown")
            .replace("your-client-id", "ringdown");
        for (from, to) in edits {
            assert!(settings.contains(from), "{from}");
            settings = settings.replace(from, to);
        }
        settings = settings
            .replace(
                "https://example.my.salesforce.com",
                one.trim_end_matches('/'),
            )
            .replace("https://example.service-now.com", two.trim_end_matches('/'));
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let run = move || {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("c.toml"), settings).unwrap();
            Command::new(env!("CARGO_BIN_EXE_ringdown"))
                .current_dir(folder.path())
                .args(["doctor", "--output", "json", "--config", "c.toml"])
                .args(arguments)
                .env(
                    "GENESYS_WEBHOOK_TOKEN",
                    "a-long-enough-webhook-token-0123456789",
                )
                .env("SALESFORCE_CLIENT_SECRET", "simulator-secret")
                .env("SERVICENOW_CLIENT_SECRET", "simulator-secret")
                .output()
                .unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = format!("{output:?}");
        assert!(!text.contains("simulator-secret"), "{text}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let checks = said["checks"].as_array().cloned().unwrap_or_default();
        Said(output.status.code().unwrap(), checks)
    }
}

const BOTH: [&str; 2] = ["salesforce", "servicenow"];

#[tokio::test(flavor = "multi_thread")]
async fn g14_the_shipped_example_is_sound_and_a_test_ticket_is_opened_and_resolved() {
    let world = World::new().await;
    let said = world.doctor(&["--write"], &[]).await;
    assert_eq!(said.0, 0, "{:#?}", said.1);
    let opened = said
        .1
        .iter()
        .filter(|one| one["check"] == "write_resolve" && one["result"] == "ok");
    assert_eq!(opened.count(), 2, "{:#?}", said.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_resource_that_is_refused_is_found_and_changes_nothing() {
    let world = World::new().await;
    let said = world.doctor(&["salesforce"], &[]).await;
    said.has("salesforce", "several_at_once", "ok", "in one call");
    let refusal = FaultKind::ValidationRefusal {
        code: "FUNCTIONALITY_NOT_ENABLED".into(),
        message: "not enabled for this user".into(),
        field: None,
    };
    let refusal = Fault::new(refusal, Trigger::Always).on_path("/composite");
    world.0.salesforce().add_fault(refusal);
    let said = world.doctor(&["salesforce"], &[]).await;
    said.is_fine();
    for word in ["POST .../composite", "FUNCTIONALITY_NOT_ENABLED"] {
        said.has("salesforce", "several_at_once", "warning", word);
    }
    let of_others = said.1.iter().filter(|one| one["check"] == "field");
    assert!(
        of_others.count() > 0,
        "the other checks are made: {:#?}",
        said.1
    );
    assert!(world.0.salesforce().tickets().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_names_its_place_and_a_refusal_its_code_and_text() {
    let world = World::new().await;
    let location = "https://login.example.com/sso".to_owned();
    let redirect = Fault::new(FaultKind::Redirect { location }, Trigger::Always);
    let refusal = FaultKind::ValidationRefusal {
        code: "API_DISABLED_FOR_ORG".into(),
        message: "The REST API is not enabled".into(),
        field: None,
    };
    let refusal = Fault::new(refusal, Trigger::Always).on_path("/services/data/v64.0/");
    world.0.servicenow().add_fault(redirect.on_path("/api/now"));
    world.0.salesforce().add_fault(refusal);
    let said = world.doctor(&[], &[]).await;
    assert_eq!(said.0, 1);
    let place = "https://login.example.com/sso";
    said.has("servicenow", "api_version", "error", place);
    let code = "API_DISABLED_FOR_ORG: The REST API is not enabled";
    let is_said = said.1.iter().any(|one| {
        one["result"] == "error" && one["message"].as_str().unwrap_or_default().contains(code)
    });
    assert!(is_said, "{:#?}", said.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_target_is_wrong_usage() {
    assert_eq!(World::new().await.doctor(&["nobody"], &[]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_and_plain_http_at_an_https_port_are_found() {
    let world = World::new().await;
    let https = world
        .0
        .servicenow()
        .base_url()
        .to_string()
        .replace("http:", "https:");
    let edits = [
        (
            "https://example.my.salesforce.com",
            "https://no-such-host.invalid",
        ),
        (
            "https://example.service-now.com",
            https.trim_end_matches('/'),
        ),
    ];
    let said = world.doctor(&[], &edits).await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "dns", "error", "no-such-host.invalid");
    said.has("salesforce", "login", "skipped", "dns failed");
    said.has("servicenow", "tls", "error", "no answer");
}
