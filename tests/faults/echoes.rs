//! CRMs and gateways that quote our requests, credentials and all: nothing of it is kept.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ringdown::simulator::{self, Encoding, Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::world::{ADMIN_TOKEN, TOKEN, World, event};

const PASSWORD: &str = r#"pa/ss+wo&rd "b\s <1> =%41"#;
const API_KEY: &str = r#"ke/y+0&1 "b\s <2>=.0"#;
const LOGIN_SECRET: &str = r#"cl/ient+se&cret "b\s<3>"#;
const LOGIN_PASSWORD: &str = "lo/gin+pass word%2F";

const ENCODINGS: [Encoding; 8] = [
    Encoding::Json,
    Encoding::JsonEscapes,
    Encoding::Percent,
    Encoding::PercentLower,
    Encoding::Form,
    Encoding::Html,
    Encoding::Base64,
    Encoding::Base64Url,
];

/// Those in which the token endpoint quotes; after the fifth refusal the target would rest.
const LOGIN_ENCODINGS: [Encoding; 5] = [
    Encoding::JsonEscapes,
    Encoding::PercentLower,
    Encoding::Form,
    Encoding::Html,
    Encoding::Base64,
];

/// A rule for each target, so that each event is owed to all of them.
fn configuration(world: &World) -> String {
    let rule = |target: &str| {
        format!(
            r#"
[rules.to-{target}]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
key = "{{{{ queue_id }}}}"
targets = ["{target}"]
"#
        )
    };
    let servicenow = |name: &str, auth: &str| {
        format!(
            r#"
[targets.{name}]
kind = "servicenow"
base_url = "{}"
timeout = "2s"
[targets.{name}.auth]
{auth}
[targets.{name}.create]
short_description = "{{{{ queue_id }}}}"
"#,
            world.simulator.servicenow().base_url()
        )
    };
    [
        "[log]\nlevel = \"debug\"\n".to_owned(),
        rule("basic"),
        rule("keyed"),
        rule("login"),
        servicenow(
            "basic",
            "flow = \"basic\"\nusername = \"ring down\"\npassword = { env = \"ECHO_PASSWORD\" }",
        ),
        servicenow("keyed", "flow = \"api_key\"\nkey = { env = \"ECHO_KEY\" }"),
        format!(
            r#"
[targets.login]
kind = "salesforce"
base_url = "{}"
external_id_field = "Ringdown_Id__c"
[targets.login.auth]
flow = "password"
client_id = "other"
client_secret = {{ env = "ECHO_SECRET" }}
username = "ringdown@example.com"
password = {{ env = "ECHO_LOGIN" }}
[targets.login.retry]
attempts = 20
base = "50ms"
factor = 1.0
[targets.login.create]
Subject = "{{{{ queue_id }}}}"
"#,
            world.simulator.salesforce().base_url()
        ),
    ]
    .concat()
}

fn echo(status: u16, body: &str, encoding: Encoding) -> FaultKind {
    FaultKind::Echo {
        status,
        body: body.to_owned(),
        content_type: "application/json".to_owned(),
        encoding,
    }
}

/// Reasons of Salesforce to refuse a ticket. Three tickets that are refused for one reason would
/// hold the target.
const REASONS: [&str; 4] = [
    "REQUIRED_FIELD_MISSING",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "DUPLICATES_DETECTED",
    "MALFORMED_QUERY",
];

/// Both CRMs quote whatever is sent to their tables, in their own form of an error. `number` is that
/// of the encoding.
fn quote(world: &World, number: usize, encoding: Encoding) {
    let (salesforce, servicenow) = (world.simulator.salesforce(), world.simulator.servicenow());
    salesforce.clear_faults();
    servicenow.clear_faults();
    let reason = REASONS[number / 2];
    let refusal = json!([{"message": "ECHO", "errorCode": reason, "fields": []}]).to_string();
    let fault = Fault::new(echo(400, &refusal, encoding), Trigger::Always);
    salesforce.add_fault(fault.on_path("/services/data/"));
    let message = format!("refused for reason {number}");
    let refusal = json!({"error": {"message": message, "detail": "ECHO"}, "status": "failure"});
    let fault = echo(400, &refusal.to_string(), encoding);
    servicenow.add_fault(Fault::new(fault, Trigger::Always));
}

/// The token endpoint quotes its caller in several encodings, once each.
fn quote_logins(world: &World) {
    let refusal = r#"{"error": "server_error", "error_description": "ECHO"}"#;
    for encoding in LOGIN_ENCODINGS {
        let fault = Fault::new(echo(500, refusal, encoding), Trigger::Next { count: 1 });
        let fault = fault.on_path("/services/oauth2/token");
        world
            .simulator
            .salesforce()
            .add_fault(fault.on_body("grant_type=password"));
    }
}

/// How a secret can be written; base64 without the ends, which depend on what stands around.
fn written(secret: &str) -> Vec<String> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let json = json!(secret).to_string();
    let mut ways = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        percent.to_ascii_lowercase(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('/', "&#x2F;"),
        percent,
    ];
    for before in ["", "x", "xx"] {
        let text = format!("{before}{secret}");
        for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
            let core = encoded.trim_end_matches('=');
            ways.push(core[4..core.len() - 2].to_owned());
        }
    }
    ways
}

fn assert_without(what: &str, text: &[u8], secrets: &[String]) {
    let text = String::from_utf8_lossy(text);
    for secret in secrets {
        for way in written(secret) {
            let found = text.find(&way);
            let near = found.map(|at| text[at..].chars().take(120).collect::<String>());
            assert_eq!(near, None, "{what} holds {secret:?} as {way:?}");
        }
    }
}

/// Everything that the API tells, as text.
async fn told(world: &World) -> String {
    let mut text = String::new();
    for list in [
        "dead-letters",
        "deliveries",
        "incidents",
        "targets",
        "events",
        "review",
    ] {
        for item in world.items(&format!("{list}?limit=500")).await {
            text.push_str(&item.to_string());
            let id = item["id"].as_str().unwrap_or_default();
            if ["dead-letters", "incidents"].contains(&list) {
                text.push_str(&world.api(&format!("{list}/{id}")).await.to_string());
            }
            if list == "incidents" {
                let path = format!("incidents/{id}/timeline?limit=500");
                text.push_str(&world.api(&path).await.to_string());
            }
        }
    }
    text.push_str(&world.metrics().await);
    text.push_str(&world.api("config").await.to_string());
    text
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push((name, std::fs::read(entry.path()).unwrap())),
        }
    }
    found
}

fn access_tokens(world: &World) -> Vec<String> {
    let requests = world.simulator.salesforce().requests();
    let headers = requests.iter().flat_map(|request| &request.headers);
    let tokens = headers.filter_map(|(_, value)| value.strip_prefix("Bearer "));
    tokens.map(str::to_owned).collect()
}

/// The CRMs answer on another thread while the pre-flight is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crm_or_a_gateway_quotes_of_our_credentials_is_kept_nowhere() {
    let mut world = World::unstarted("").await;
    world.environment = vec![
        ("ECHO_PASSWORD", PASSWORD),
        ("ECHO_KEY", API_KEY),
        ("ECHO_SECRET", LOGIN_SECRET),
        ("ECHO_LOGIN", LOGIN_PASSWORD),
    ];
    let more = configuration(&world);
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    for (number, encoding) in ENCODINGS.into_iter().enumerate() {
        quote(&world, number, encoding);
        if number == 0 {
            quote_logins(&world);
        }
        let queue = format!("q{number}");
        world
            .accept(&event(&format!("evt-{number}"), &queue, 400.0))
            .await;
        world
            .until("all three say so", async || {
                let letters = world.items("dead-letters?limit=500").await;
                letters.len() >= 3 * (number + 1)
            })
            .await;
        world
            .until("every login was quoted", async || {
                let log = world.log();
                let refusals = log
                    .lines()
                    .filter(|line| line.contains("(HTTP 500) server_error"));
                refusals.count() >= LOGIN_ENCODINGS.len()
            })
            .await;
    }
    let letters = world.items("dead-letters?limit=500").await;
    let quotes = |letter: &&Value| letter["message"].as_str().unwrap().contains("[secret]");
    let silent: Vec<&Value> = letters.iter().filter(|letter| !quotes(letter)).collect();
    assert_eq!(silent, Vec::<&Value>::new(), "each answer quoted a secret");
    let mut secrets = access_tokens(&world);
    assert!(!secrets.is_empty());
    secrets.extend([PASSWORD, API_KEY, LOGIN_SECRET, LOGIN_PASSWORD].map(str::to_owned));
    secrets.extend([TOKEN, ADMIN_TOKEN, simulator::CLIENT_SECRET].map(str::to_owned));
    secrets.push(STANDARD.encode(format!("ring down:{PASSWORD}")));
    let doctor = world
        .command(&["doctor", "--output", "json"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&doctor.stdout);
    assert!(shown.contains("[secret]"), "{shown}");
    assert_without("the pre-flight", &doctor.stdout, &secrets);
    assert_without("the pre-flight", &doctor.stderr, &secrets);
    assert_without("the API", told(&world).await.as_bytes(), &secrets);
    assert!(world.daemon.terminate());
    for (name, content) in files(world.folder.path()) {
        assert_without(&name, &content, &secrets);
    }
}
