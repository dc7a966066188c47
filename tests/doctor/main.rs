//! The live pre-flight: the real binary against the real simulators over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use ringdown::simulator::{self, Simulator, SimulatorSettings};
use serde_json::{Value, json};

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
                && (result == "skipped" || one["remedy"].is_string())
        });
        assert!(
            found,
            "no {result} {check} of {target} naming {word}: {:#?}",
            self.1
        );
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
        let mut settings = include_str!("../../config/example.toml")
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
async fn an_unknown_target_is_wrong_usage() {
    assert_eq!(World::new().await.doctor(&["nobody"], &[]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_found_and_what_needs_a_login_is_skipped() {
    let secret = [
        (
            "{ env = \"SALESFORCE_CLIENT_SECRET\" }",
            "\"wrong-secret-1\"",
        ),
        (
            "{ env = \"SERVICENOW_CLIENT_SECRET\" }",
            "\"wrong-secret-2\"",
        ),
    ];
    let said = World::new().await.doctor(&[], &secret).await;
    assert_eq!(said.0, 1);
    for target in BOTH {
        said.has(target, "login", "error", "auth_failure");
        said.has(target, "field", "skipped", "login failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_missing_permission_is_found() {
    let world = World::new().await;
    world
        .switch(json!({"may_write": false}), json!({"may_create": false}))
        .await;
    let said = world.doctor(&["--write"], &[]).await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "create_permission", "error", "Case");
    said.has("servicenow", "write_create", "error", "ACL");
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_an_unknown_field_and_a_wrong_value_are_found() {
    let edits = [
        ("Origin = \"Phone\"", "Orgin__c = \"Phone\""),
        ("Status = \"Closed\"", "Status = \"Clsoed\""),
        ("assignment_group =", "u_no_such_field ="),
        ("\"Resolved by caller\"", "\"Solved somehow\""),
    ];
    let said = World::new().await.doctor(&[], &edits).await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "field", "error", "Orgin__c");
    said.has("servicenow", "field", "error", "u_no_such_field");
    said.has("salesforce", "values", "error", "Clsoed");
    said.has("servicenow", "values", "error", "Solved somehow");
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_a_field_that_is_too_short_is_found() {
    let world = World::new().await;
    let short = json!({"custom_fields": [{"name": "Short__c", "length": 10}]});
    world
        .switch(short, json!({"field_lengths": {"short_description": 20}}))
        .await;
    let said = world
        .doctor(
            &[],
            &[("Origin = \"Phone\"", "Short__c = \"{{ queue_name }}\"")],
        )
        .await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "length", "error", "Short__c holds 10");
    said.has(
        "servicenow",
        "length",
        "error",
        "short_description holds 20",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_is_not_mapped_is_found() {
    let world = World::new().await;
    world
        .switch(
            json!({"required_fields": ["Site__c"]}),
            json!({"mandatory_fields": ["caller_id"]}),
        )
        .await;
    let said = world.doctor(&[], &[]).await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "required", "error", "Site__c");
    said.has("servicenow", "required", "warning", "caller_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_field_that_is_not_unique_is_found() {
    let world = World::new().await;
    world
        .switch(
            json!({"external_id_unique": false}),
            json!({"sys_id_mode": "ignored"}),
        )
        .await;
    let said = world.doctor(&[], &[]).await;
    assert_eq!(said.0, 1);
    said.has(
        "salesforce",
        "key_field",
        "error",
        "Ringdown_Id__c is not unique",
    );
    said.has("servicenow", "key_field", "warning", "only a look-up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_is_found() {
    let world = World::new().await;
    world
        .switch(
            json!({"clock_offset": 3600}),
            json!({"clock_offset": -3600}),
        )
        .await;
    let said = world.doctor(&[], &[]).await;
    assert_eq!(said.0, 1);
    said.has("salesforce", "clock", "error", "behind");
    said.has("servicenow", "clock", "error", "ahead of");
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
