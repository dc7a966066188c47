//! Amazon SNS: signatures, and subscriptions that are confirmed. The certificates are on a server
//! of the test, which the rule of the test trusts in place of Amazon's.

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ringdown::receive::TrustedHost;
use ringdown::settings::SourceSettings;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::receive::world::{Plan, TOKEN, World, bearer, good, problem, source, tally};

const CERTIFICATE: &str = include_str!("keys/sns.crt.pem");
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:genesys";

/// RSA with SHA-1 over the message of [`notification`], by `openssl dgst -sha1 -sign`.
const SHA1_SIGNATURE: &str = "EU/s/ZuRYSfuVUBiRAyuNJbaqKqGTUEA61opPRkADqfgk6OHSfK6p3omudg2EfgM3F9RaLyRXjOcE19V\
     AV8C5h48hkbU55//EUwOVZIn+7OVEz64U8CGvVfM/6dHgGRiePZFJIl/OYwvggjezdCUCmH/+tjzJ6Yv\
     LUDvqmF1nWVALt+6v+mJqUz4eiaNPOumolu72sg1NgdasNhuDawcRE8qHvoa4DLLrHsut28UBWLv3KP2\
     trlsIiLYpQCYcDtbc2mFj8+TQCv01ncvkR2as7s7j0gV2sq73A3SR74s0WDosETimjivVCPnlF7yKTSE\
     zsOruG5/BNJyBcqJVVkjMg==";

/// A server with certificates, and the paths that were asked for.
struct Amazon {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Amazon {
    async fn start() -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&asked));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(asked): State<Arc<Mutex<Vec<String>>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    asked.lock().unwrap().push(path.clone());
    match path.as_str() {
        "/sns.pem" => CERTIFICATE.into_response(),
        "/moved.pem" => Redirect::temporary("/sns.pem").into_response(),
        "/long.pem" => "x".repeat(1_000_000).into_response(),
        "/down.pem" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/confirm" => "<ConfirmSubscriptionResponse/>".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn with_topic() -> SourceSettings {
    SourceSettings {
        sns_topics: vec![TOPIC.to_owned()],
        ..source(vec![bearer()])
    }
}

/// A listener that trusts the server of the test.
async fn trusting() -> World {
    let mut plan = Plan::new(with_topic());
    plan.server.max_body_bytes = 20_000;
    plan.sns_host = TrustedHost::new(|url| url.host_str() == Some("127.0.0.1"));
    plan.start().await
}

fn notification(certificate: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC,
        "Message": good("evt-1"), "Timestamp": "2026-11-29T15:40:13.100Z",
        "SignatureVersion": "2", "SigningCertURL": certificate})
}

fn question(certificate: &str, subscribe: &str) -> Value {
    json!({"Type": "SubscriptionConfirmation", "MessageId": "m-2", "TopicArn": TOPIC,
        "Token": "t", "Message": "You have chosen to subscribe", "SubscribeURL": subscribe,
        "Timestamp": "2026-11-29T15:40:13.100Z", "SignatureVersion": "2",
        "SigningCertURL": certificate})
}

/// The message with the signature of the test's key.
fn signed(mut message: Value) -> Value {
    let names: &[&str] = match message["Type"].as_str() {
        Some("Notification") => &["Message", "MessageId", "Timestamp", "TopicArn", "Type"],
        _ => &[
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ],
    };
    let lines = names.iter().map(|name| {
        let value = message[*name].as_str().unwrap();
        format!("{name}\n{value}\n")
    });
    let text: String = lines.collect();
    let pem = include_bytes!("keys/sns.pem");
    let der = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let key = RsaKeyPair::from_pkcs8(der.secret_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
        .unwrap();
    message["Signature"] = json!(STANDARD.encode(signature));
    message
}

/// Sends it as SNS does.
async fn post(world: &World, message: &Value) -> reqwest::Response {
    let request = world
        .client
        .post(world.url_of("/webhooks/genesys"))
        .header("content-type", "text/plain; charset=UTF-8")
        .body(message.to_string())
        .bearer_auth(TOKEN);
    request.send().await.unwrap()
}

/// The reason for which the only kept event is in review.
async fn reason(world: &World) -> String {
    let kept = world.kept().await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].2.clone().unwrap()
}

#[tokio::test]
async fn a_notification_with_amazons_signature_is_read_and_its_certificate_is_kept() {
    let (amazon, world) = (Amazon::start().await, trusting().await);
    let message = signed(notification(&amazon.url("/sns.pem")));
    assert_eq!(tally(post(&world, &message).await).await, (1, 0, 0));
    assert_eq!(tally(post(&world, &message).await).await, (0, 1, 0));
    assert_eq!(world.kept().await[0].0, "evt-1");
    assert_eq!(amazon.asked(), ["/sns.pem"]);
}

#[tokio::test]
async fn the_older_signature_is_checked_too() {
    let (amazon, world) = (Amazon::start().await, trusting().await);
    let mut message = notification(&amazon.url("/sns.pem"));
    message["SignatureVersion"] = json!("1");
    message["Signature"] = json!(SHA1_SIGNATURE);
    assert_eq!(tally(post(&world, &message).await).await, (1, 0, 0));
}

#[tokio::test]
async fn a_message_that_was_changed_goes_to_review() {
    for (name, value) in [
        ("Message", json!(good("evt-2"))),
        ("Timestamp", json!("2026-11-29T15:40:14.100Z")),
        ("Signature", json!("AAAA")),
        ("Signature", Value::Null),
        ("SignatureVersion", json!("3")),
    ] {
        let (amazon, world) = (Amazon::start().await, trusting().await);
        let mut message = signed(notification(&amazon.url("/sns.pem")));
        message[name] = value;
        assert_eq!(
            tally(post(&world, &message).await).await,
            (0, 0, 1),
            "{name}"
        );
        assert!(reason(&world).await.contains("signature"), "{name}");
    }
}

#[tokio::test]
async fn a_certificate_on_a_look_alike_of_amazon_is_never_fetched() {
    let amazon = Amazon::start().await;
    for address in [
        "https://sns.eu-west-1.amazonaws.com.evil.example/sns.pem".to_owned(),
        "https://sns.eu-west-1.amazonaws.com@evil.example/sns.pem".to_owned(),
        "http://sns.eu-west-1.amazonaws.com/sns.pem".to_owned(),
        "https://sns.eu-west-1.amazonaws.com:8443/sns.pem".to_owned(),
        amazon.url("/sns.pem"),
        String::new(),
    ] {
        let world = Plan::new(with_topic()).start().await;
        let message = signed(notification(&address));
        assert_eq!(
            tally(post(&world, &message).await).await,
            (0, 0, 1),
            "{address}"
        );
        let reason = reason(&world).await;
        assert!(reason.contains("not at Amazon SNS"), "{reason}");
    }
    assert!(amazon.asked().is_empty());
}

#[tokio::test]
async fn a_certificate_that_is_elsewhere_or_none_is_not_followed() {
    for (path, said) in [
        ("/moved.pem", "answered 307"),
        ("/nothing.pem", "answered 404"),
    ] {
        let (amazon, world) = (Amazon::start().await, trusting().await);
        let message = signed(notification(&amazon.url(path)));
        assert_eq!(
            tally(post(&world, &message).await).await,
            (0, 0, 1),
            "{path}"
        );
        let reason = reason(&world).await;
        assert!(reason.contains(said), "{reason}");
        assert_eq!(amazon.asked(), [path]);
    }
}

#[tokio::test]
async fn while_amazon_does_not_answer_sns_is_to_send_again() {
    for path in ["/down.pem", "/long.pem"] {
        let (amazon, world) = (Amazon::start().await, trusting().await);
        let message = signed(notification(&amazon.url(path)));
        for _ in 0..2 {
            assert_eq!(
                problem(post(&world, &message).await).await,
                (503, "signature-undecidable".to_owned(), Some(5))
            );
        }
        assert!(world.kept().await.is_empty());
        assert_eq!(
            amazon.asked().len(),
            1,
            "a failure is not asked for at once again"
        );
    }
}

#[tokio::test]
async fn a_subscription_of_an_allowed_topic_is_confirmed() {
    let (amazon, world) = (Amazon::start().await, trusting().await);
    let message = question(&amazon.url("/sns.pem"), &amazon.url("/confirm"));
    assert_eq!(tally(post(&world, &signed(message)).await).await, (1, 0, 0));
    assert_eq!(amazon.asked(), ["/sns.pem", "/confirm"]);
    assert_eq!(world.kept().await[0].2, None);
}

#[tokio::test]
async fn a_subscription_that_is_not_surely_wanted_is_not_confirmed() {
    let amazon = Amazon::start().await;
    let (certificate, confirm) = (amazon.url("/sns.pem"), amazon.url("/confirm"));
    let other_topic = "arn:aws:sns:eu-central-1:999999999999:genesys";
    let mut of_other_topic = question(&certificate, &confirm);
    of_other_topic["TopicArn"] = json!(other_topic);
    let mut changed = signed(question(&certificate, &confirm));
    changed["Token"] = json!("another");
    let elsewhere = question(&certificate, "https://evil.example/confirm");
    let refused = question(&certificate, &amazon.url("/expired"));
    for (message, said) in [
        (signed(of_other_topic), other_topic),
        (changed, "signature"),
        (signed(elsewhere), "SubscribeURL is not at Amazon"),
        (signed(refused), "answered 404"),
    ] {
        let world = trusting().await;
        assert_eq!(
            tally(post(&world, &message).await).await,
            (0, 0, 1),
            "{said}"
        );
        let reason = reason(&world).await;
        assert!(reason.contains(said), "{reason}");
    }
    assert!(!amazon.asked().contains(&"/confirm".to_owned()));
}

#[tokio::test]
async fn without_topics_in_the_configuration_a_person_is_told_what_to_configure() {
    let world = World::start().await;
    let case = include_str!("../../cases/genesys/wrapped-sns-handshake.json");
    let question: Value = serde_json::from_str(case).unwrap();
    assert_eq!(tally(post(&world, &question).await).await, (0, 0, 1));
    let reason = reason(&world).await;
    let topic = question["TopicArn"].as_str().unwrap();
    assert!(
        reason.contains("`sns_topics`") && reason.contains(topic),
        "{reason}"
    );
}

#[tokio::test]
async fn a_stranger_makes_us_ask_nobody() {
    let (amazon, world) = (Amazon::start().await, trusting().await);
    let message = question(&amazon.url("/sns.pem"), &amazon.url("/confirm"));
    let answer = world.stranger(signed(message).to_string()).send().await;
    assert_eq!(problem(answer.unwrap()).await.0, 401);
    assert!(amazon.asked().is_empty());
}

#[tokio::test]
async fn other_events_of_the_same_source_need_no_signature() {
    let world = trusting().await;
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
}

#[tokio::test]
async fn a_forged_message_is_not_read_in_any_wrapping() {
    let amazon = Amazon::start().await;
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut message = signed(notification(&amazon.url("/sns.pem")));
        message["Message"] = json!(good("evt-forged"));
        change(&mut message);
        message
    };
    let plain = forged(&|_| {});
    let text = json!(plain.to_string());
    for body in [
        forged(&|message| message["SignatureVersion"] = json!(2)),
        forged(&|message| message["Type"] = json!("notification")),
        forged(&|message| drop(message.as_object_mut().unwrap().remove("TopicArn"))),
        json!([plain]),
        json!({"body": text}),
        json!({"Records": [{"EventSource": "aws:sns", "Sns": plain}]}),
    ] {
        let world = trusting().await;
        post(&world, &body).await;
        let reason = reason(&world).await;
        assert!(reason.contains("SNS"), "{body}: {reason}");
    }
    let asked = amazon.asked().len();
    for version in [json!("3"), json!(null)] {
        let world = trusting().await;
        let body = forged(&|message| message["SignatureVersion"] = version.clone());
        assert_eq!(post(&world, &body).await.status(), 202);
        assert!(reason(&world).await.contains("version"));
    }
    assert_eq!(amazon.asked().len(), asked, "nobody was asked");
}
