//! Signed tokens: what is pinned, and keys that rotate, vanish or come from a file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ringdown::http::{ServeOptions, serve};
use ringdown::settings::{AuthMethod, JwksLocation};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::receive::world::{NOW_MS, Plan, World, good, problem, source};

// Made for these tests with `openssl ecparam -name prime256v1 -genkey`; used nowhere else.
const FIRST: &str = include_str!("keys/first.pem");
const SECOND: &str = include_str!("keys/second.pem");
const FIRST_PUBLIC: &str = include_str!("keys/first.pub.pem");

/// Longest time any of these waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

fn claims() -> Value {
    let now = NOW_MS / 1_000;
    json!({"iss": "https://login.example.com", "aud": "ringdown", "exp": now + 300, "nbf": now})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn signing_key(pem: &str) -> EncodingKey {
    let body: String = pem.lines().filter(|line| !line.contains("--")).collect();
    EncodingKey::from_ec_der(&STANDARD.decode(body).unwrap())
}

fn signed(pem: &str, kid: &str, claims: &Value) -> String {
    let key = signing_key(pem);
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(kid.to_owned());
    encode(&header, claims, &key).unwrap()
}

fn jwks(keys: &[(&str, &str)]) -> String {
    let keys: Vec<Jwk> = keys
        .iter()
        .map(|(kid, pem)| {
            let key = signing_key(pem);
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
            jwk.common.key_id = Some((*kid).to_owned());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            jwk
        })
        .collect();
    json!({"keys": keys}).to_string()
}

/// An identity provider's key set on a free port: what it answers, and how often it was asked.
#[derive(Clone)]
struct Provider {
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<Mutex<u32>>,
    /// While a test holds it, the provider has been asked and does not answer.
    busy: Arc<tokio::sync::Mutex<()>>,
    url: url::Url,
}

impl Provider {
    async fn start(set: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let provider = Self {
            answer: Arc::new(Mutex::new((StatusCode::OK, set))),
            asked: Arc::default(),
            busy: Arc::default(),
            url: format!("http://{address}/jwks.json").parse().unwrap(),
        };
        let (answer, asked) = (Arc::clone(&provider.answer), Arc::clone(&provider.asked));
        let busy = Arc::clone(&provider.busy);
        let router = Router::new().route(
            "/jwks.json",
            get(async move || {
                *asked.lock().unwrap() += 1;
                drop(busy.lock().await);
                answer.lock().unwrap().clone()
            }),
        );
        let never = CancellationToken::new();
        tokio::spawn(serve(listener, router, never, ServeOptions::default()));
        provider
    }

    fn answers(&self, status: StatusCode, set: String) {
        *self.answer.lock().unwrap() = (status, set);
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }

    async fn is_asked(&self) {
        let asked = async {
            while self.asked() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }
}

async fn listener(keys: JwksLocation) -> World {
    plan(keys).start().await
}

fn plan(keys: JwksLocation) -> Plan {
    let jwt = AuthMethod::Jwt {
        issuer: "https://login.example.com".to_owned(),
        audience: "ringdown".to_owned(),
        keys,
        algorithms: vec![Algorithm::ES256, Algorithm::RS256],
    };
    Plan::new(source(vec![jwt]))
}

async fn status(world: &World, token: &str) -> u16 {
    let request = world.stranger(good("evt-1")).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn g3_a_token_must_be_the_issuers_for_us_and_in_force() {
    let provider = Provider::start(jwks(&[("k1", FIRST), ("k2", SECOND)])).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    let now = NOW_MS / 1_000;
    for (what, claims, expected) in [
        ("good", claims(), 202),
        (
            "audience in a list",
            with("aud", json!(["other", "ringdown"])),
            202,
        ),
        (
            "expired within the leeway",
            with("exp", json!(now - 59)),
            202,
        ),
        ("expired", with("exp", json!(now - 61)), 401),
        ("no expiry", with("exp", Value::Null), 401),
        ("not yet", with("nbf", json!(now + 61)), 401),
        (
            "wrong issuer",
            with("iss", json!("https://evil.example.com")),
            401,
        ),
        ("no issuer", with("iss", Value::Null), 401),
        ("wrong audience", with("aud", json!("other")), 401),
        ("no audience", with("aud", Value::Null), 401),
    ] {
        let token = signed(FIRST, "k1", &claims);
        assert_eq!(status(&world, &token).await, expected, "{what}");
    }
    let other_key = signed(SECOND, "k1", &claims());
    assert_eq!(
        status(&world, &other_key).await,
        401,
        "signed by another key"
    );
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn g3_the_algorithm_is_ours_to_choose_not_the_tokens() {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let provider = Provider::start(jwks(&[("k1", FIRST)])).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    let part = |value: Value| BASE64.encode(value.to_string());
    let none = format!(
        "{}.{}.",
        part(json!({"alg": "none", "kid": "k1"})),
        part(claims())
    );
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("k1".to_owned());
    let public = EncodingKey::from_secret(FIRST_PUBLIC.as_bytes());
    let confused = encode(&header, &claims(), &public).unwrap();
    let mut critical = Header::new(Algorithm::ES256);
    critical.kid = Some("k1".to_owned());
    critical.crit = Some(vec!["b64".to_owned()]);
    let key = signing_key(FIRST);
    let critical = encode(&critical, &claims(), &key).unwrap();
    for token in [none, confused, critical, "a.b.c".to_owned()] {
        assert_eq!(status(&world, &token).await, 401, "{token}");
    }
    assert_eq!(status(&world, &signed(FIRST, "k1", &claims())).await, 202);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_once_and_strangers_cannot_make_us_ask_more() {
    let provider = Provider::start(jwks(&[("k1", FIRST)])).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    assert_eq!(status(&world, &signed(FIRST, "k1", &claims())).await, 202);
    for n in 0..5 {
        let invented = signed(SECOND, &format!("invented-{n}"), &claims());
        assert_eq!(status(&world, &invented).await, 401);
    }
    assert_eq!(provider.asked(), 1, "within 30 s of the last time");
    provider.answers(StatusCode::OK, jwks(&[("k2", SECOND)]));
    world.clock.advance(Duration::from_secs(30));
    let rotated = signed(SECOND, "k2", &claims());
    let both = tokio::join!(status(&world, &rotated), status(&world, &rotated));
    assert_eq!(both, (202, 202));
    assert_eq!(
        provider.asked(),
        2,
        "one asks, the other waits for its answer"
    );
    let withdrawn = signed(FIRST, "k1", &claims());
    assert_eq!(status(&world, &withdrawn).await, 401);
}

#[tokio::test]
async fn the_last_good_keys_outlive_an_outage_of_the_provider() {
    let provider = Provider::start(jwks(&[("k1", FIRST)])).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    assert_eq!(status(&world, &signed(FIRST, "k1", &claims())).await, 202);
    provider.answers(StatusCode::BAD_GATEWAY, "down".to_owned());
    world.clock.advance(Duration::from_secs(3_600));
    let later = with("exp", json!(NOW_MS / 1_000 + 7_200));
    assert_eq!(status(&world, &signed(FIRST, "k1", &later)).await, 202);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn a_token_that_cannot_be_judged_for_want_of_keys_is_a_503_to_be_repeated() {
    let provider = Provider::start("not a key set".to_owned()).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    let token = signed(FIRST, "k1", &claims());
    for _ in 0..2 {
        let request = world.stranger(good("evt-1")).bearer_auth(&token);
        let answer = request.send().await.unwrap();
        assert_eq!(
            problem(answer).await,
            (503, "keys-unavailable".to_owned(), Some(5))
        );
    }
    assert_eq!(status(&world, "nonsense").await, 401);
    provider.answers(StatusCode::OK, jwks(&[("k1", FIRST)]));
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(status(&world, &token).await, 202);
}

#[tokio::test]
async fn a_symmetric_key_in_the_set_is_never_taken() {
    let set = json!({"keys": [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"}]});
    let provider = Provider::start(set.to_string()).await;
    let world = listener(JwksLocation::Url(provider.url.clone())).await;
    let token = signed(FIRST, "k1", &claims());
    assert_eq!(status(&world, &token).await, 503);
}

#[tokio::test]
async fn keys_from_a_file_are_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("jwks.json");
    let write = |set: String, seconds: u64| {
        std::fs::write(&path, set).unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    };
    write(jwks(&[("k1", FIRST)]), 1_000);
    let world = listener(JwksLocation::File(path.clone())).await;
    assert_eq!(status(&world, &signed(FIRST, "k1", &claims())).await, 202);
    write(jwks(&[("k2", SECOND)]), 2_000);
    let rotated = signed(SECOND, "k2", &claims());
    assert_eq!(
        status(&world, &rotated).await,
        401,
        "looked at within the minute"
    );
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(status(&world, &rotated).await, 202);
    assert_eq!(status(&world, &signed(FIRST, "k1", &claims())).await, 401);
}

#[tokio::test]
async fn a_request_that_is_dropped_does_not_stop_the_fetch_that_others_wait_for() {
    let provider = Provider::start(jwks(&[("k1", FIRST)])).await;
    let mut plan = plan(JwksLocation::Url(provider.url.clone()));
    plan.server.max_in_flight = 1;
    let world = plan.start().await;
    let token = signed(FIRST, "k1", &claims());
    let busy = provider.busy.lock().await;
    let dropped = async {
        let answer = world.stranger(good("evt-1")).bearer_auth(&token).send();
        problem(answer.await.unwrap()).await
    };
    let next = async {
        provider.is_asked().await;
        status(&world, &token).await
    };
    let fetched = async {
        let (status, name, _) = dropped.await;
        drop(busy);
        (status, name)
    };
    let (dropped, next) = tokio::join!(fetched, next);
    assert_eq!(dropped, (503, "overloaded".to_owned()));
    assert_eq!((next, provider.asked()), (202, 1));
}

#[tokio::test]
async fn a_provider_that_is_slower_than_a_body_may_be_is_waited_for() {
    let provider = Provider::start(jwks(&[("k1", FIRST)])).await;
    let mut plan = plan(JwksLocation::Url(provider.url.clone()));
    plan.server.body_timeout = Duration::from_millis(100);
    let world = plan.start().await;
    let token = signed(FIRST, "k1", &claims());
    let busy = provider.busy.lock().await;
    let mut answer = Box::pin(status(&world, &token));
    let early = tokio::time::timeout(Duration::from_millis(400), &mut answer);
    assert!(early.await.is_err(), "answered before the keys were there");
    drop(busy);
    assert_eq!(answer.await, 202);
}
