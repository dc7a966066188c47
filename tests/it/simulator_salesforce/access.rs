//! Logging in, staying logged in, limits, versions, hosts.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use ringdown::simulator::salesforce::ErrorShape;
use ringdown::simulator::{CLIENT_ID, CLIENT_SECRET, PASSWORD, REFRESH_TOKEN, USERNAME};
use serde_json::{Value, json};

use crate::simulator_salesforce::org::{BASE, Org, code, read, subject};

const REFRESH: (&str, &str) = ("grant_type", "refresh_token");
const JWT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");

fn denied(answer: &(u16, Value)) -> (u16, &str, &str) {
    let text = |name: &str| answer.1[name].as_str().unwrap_or_default();
    (answer.0, text("error"), text("error_description"))
}

#[tokio::test]
async fn client_credentials_come_in_the_form_or_as_basic_and_the_answer_has_no_expiry() {
    let org = Org::start().await;
    let address = format!("{}/services/oauth2/token", org.host().base_url());
    let request = org
        .http
        .post(address)
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let request = request.form(&[("grant_type", "client_credentials")]);
    let (status, body) = read(request.send().await.unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["instance_url"], org.host().base_url());
    assert!(body["issued_at"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(body.get("expires_in").is_none() && body.get("refresh_token").is_none());
    org.configure(|switches| switches.minimal_token_answer = true);
    let (_, body) = org.token(&[("grant_type", "client_credentials")]).await;
    assert!(body["access_token"].is_string() && body.get("issued_at").is_none());
}

#[tokio::test]
async fn wrong_secrets_users_and_flows_are_refused_each_with_its_own_words() {
    let org = Org::with(|switches| switches.run_as_user = false).await;
    let address = format!("{}/services/oauth2/token", org.host().base_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", "wrong"),
    ];
    let answer = read(org.http.post(&address).form(&form).send().await.unwrap()).await;
    assert_eq!(
        denied(&answer),
        (400, "invalid_client", "invalid client credentials")
    );
    let answer = org.token(&[("grant_type", "client_credentials")]).await;
    let text = "no client credentials user enabled";
    assert_eq!(denied(&answer), (400, "invalid_grant", text));
    let form = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", "wrong"),
    ];
    let answer = org.token(&form).await;
    assert_eq!(
        denied(&answer),
        (400, "invalid_grant", "authentication failure")
    );
    let form = [form[0], form[1], ("password", PASSWORD)];
    assert_eq!(org.token(&form).await.0, 200);
    let answer = org.token(&[("grant_type", "magic")]).await;
    assert_eq!(denied(&answer).1, "unsupported_grant_type");
    let as_json = json!({"grant_type": "password"});
    let answer = org.http.post(&address).json(&as_json).send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn g9_rotation_kills_the_old_refresh_token_at_once() {
    let org = Org::start().await;
    let first = [REFRESH, ("refresh_token", REFRESH_TOKEN)];
    let (status, body) = org.token(&first).await;
    assert_eq!(status, 200);
    let rotated = body["refresh_token"].as_str().unwrap();
    assert_eq!(org.host().crm().refresh_token(), rotated);
    let replay = org.token(&first).await;
    let text = "expired access/refresh token";
    assert_eq!(denied(&replay), (400, "invalid_grant", text));
    let second = [REFRESH, ("refresh_token", rotated)];
    org.configure(|switches| switches.rotate_refresh_token = false);
    for _ in 0..2 {
        let (status, body) = org.token(&second).await;
        assert_eq!((status, body.get("refresh_token")), (200, None));
    }
}

#[tokio::test]
async fn an_expired_session_is_401_and_a_new_login_mends_it() {
    let mut org = Org::start().await;
    org.case(subject("one")).await;
    org.host()
        .crm()
        .configure(|switches| switches.session_seconds = -1);
    let (status, body) = org.get("/limits").await;
    assert_eq!((status, code(&body).0), (401, "INVALID_SESSION_ID"));
    assert_eq!(body[0]["message"], "Session expired or invalid");
    org.configure(|switches| switches.session_seconds = 7200);
    let address = format!("{}/_sim/expire-tokens", org.host().base_url());
    org.http.post(address).send().await.unwrap();
    assert_eq!(org.get("/limits").await.0, 401);
    org.log_in().await;
    assert_eq!(org.get("/limits").await.0, 200);
}

#[tokio::test]
async fn a_session_that_is_not_valid_for_rest_stays_so_after_a_new_login() {
    let mut org = Org::with(|switches| switches.rest_allowed = false).await;
    for _ in 0..2 {
        let (status, body) = org.get("/limits").await;
        assert_eq!((status, code(&body).0), (401, "INVALID_SESSION_ID"));
        let message = body[0]["message"].as_str().unwrap();
        assert!(message.contains("not valid for use with the REST API"));
        org.log_in().await;
    }
}

#[tokio::test]
async fn a_jwt_must_be_rs256_of_the_right_key_audience_user_and_of_the_next_three_minutes() {
    let org = Org::start().await;
    let (private, public) = (
        include_str!("keys/private.pem"),
        include_str!("keys/public.pem"),
    );
    org.configure(|switches| switches.jwt_public_key_pem = Some(public.to_owned()));
    let now = jiff::Timestamp::now().as_second();
    let good = json!({"iss": CLIENT_ID, "sub": USERNAME,
        "aud": "https://login.salesforce.com", "exp": now + 170});
    let sign = |changes: Value, algorithm: Algorithm| {
        let mut claims = good.as_object().unwrap().clone();
        claims.extend(changes.as_object().unwrap().clone());
        let key = match algorithm {
            Algorithm::RS256 => ringdown::rsa_key::from_pem(private).unwrap(),
            _ => EncodingKey::from_secret(b"secret"),
        };
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap()
    };
    for (changes, algorithm, expected) in [
        (json!({}), Algorithm::RS256, 200),
        (
            json!({"exp": (now + 170).to_string()}),
            Algorithm::RS256,
            200,
        ),
        (json!({}), Algorithm::HS256, 400),
        (json!({"exp": now + 600}), Algorithm::RS256, 400),
        (json!({"exp": now - 5}), Algorithm::RS256, 400),
        (json!({"aud": "https://example.com"}), Algorithm::RS256, 400),
        (json!({"sub": "stranger"}), Algorithm::RS256, 400),
    ] {
        let assertion = sign(changes.clone(), algorithm);
        let (status, body) = org.token(&[JWT, ("assertion", &assertion)]).await;
        assert_eq!(status, expected, "{changes} {body}");
    }
    let mut forged = sign(json!({}), Algorithm::RS256);
    forged.truncate(forged.len() - 8);
    let (status, _) = org
        .token(&[JWT, ("assertion", &(forged + "AAAAAAAA"))])
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn too_many_logins_in_an_hour_are_refused() {
    let org = Org::with(|switches| switches.logins_per_hour = 2).await;
    let login = [("grant_type", "client_credentials")];
    assert_eq!(org.token(&login).await.0, 200);
    let answer = org.token(&login).await;
    assert_eq!(
        denied(&answer),
        (400, "invalid_grant", "login rate exceeded")
    );
    assert_eq!(org.host().token_calls(), 3);
}

#[tokio::test]
async fn the_daily_limit_is_told_by_header_and_enforced_with_403() {
    let org = Org::with(|switches| switches.daily_requests = 2).await;
    for used in ["1/2", "2/2"] {
        let request = org.at(Method::GET, &format!("{BASE}/limits"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let expected = format!("api-usage={used}");
        assert_eq!(answer.headers()["sforce-limit-info"], expected);
    }
    let (status, body) = org.get("/limits").await;
    assert_eq!((status, code(&body).0), (403, "REQUEST_LIMIT_EXCEEDED"));
}

#[tokio::test]
async fn versions_need_no_login_old_ones_warn_and_retired_ones_are_gone() {
    let org = Org::start().await;
    let address = format!("{}/services/data/", org.host().base_url());
    let (status, list) = read(org.http.get(address).send().await.unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(list.as_array().unwrap().last().unwrap()["version"], "68.0");
    for (version, expected, warned) in [
        ("v30.0", 410, false),
        ("v40.0", 200, true),
        ("v68.0", 200, false),
        ("v99.0", 404, false),
    ] {
        let request = org.at(Method::GET, &format!("/services/data/{version}/limits"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), expected, "{version}");
        let warning = answer.headers().contains_key("warning");
        assert_eq!(warning, warned || expected == 410, "{version}");
    }
}

#[tokio::test]
async fn the_instance_may_be_another_host_than_the_one_that_gave_the_token() {
    let org = Org::with(|switches| switches.separate_instance_host = true).await;
    let (_, body) = org.token(&[("grant_type", "client_credentials")]).await;
    let instance = body["instance_url"].as_str().unwrap().to_owned();
    assert_ne!(instance, org.host().base_url());
    let token = body["access_token"].as_str().unwrap();
    for (host, expected) in [(instance, 200), (org.host().base_url(), 404)] {
        let request = org.http.get(format!("{host}{BASE}/limits"));
        let answer = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{host}");
    }
}

#[tokio::test]
async fn errors_come_in_the_shape_that_the_switch_says() {
    let org = Org::start().await;
    for (shape, kind) in [
        (ErrorShape::Array, Some("application/json;charset=UTF-8")),
        (ErrorShape::Object, Some("application/json;charset=UTF-8")),
        (ErrorShape::Html, Some("text/html;charset=UTF-8")),
        (ErrorShape::Empty, None),
    ] {
        org.configure(|switches| switches.error_shape = shape);
        let request = org.at(Method::GET, &format!("{BASE}/sobjects/Nothing/x"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let found = answer.headers().get("content-type");
        assert_eq!(found.map(|kind| kind.to_str().unwrap()), kind);
    }
}

#[tokio::test]
async fn revocation_and_introspection_tell_live_sessions_from_dead_ones() {
    let org = Org::start().await;
    let (_, body) = org.token(&[("grant_type", "client_credentials")]).await;
    let token = body["access_token"].as_str().unwrap();
    let base = format!("{}/services/oauth2", org.host().base_url());
    for active in [true, false] {
        let form = [
            ("token", token),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
        ];
        let request = org.http.post(format!("{base}/introspect")).form(&form);
        let (_, found) = read(request.send().await.unwrap()).await;
        assert_eq!(found["active"], active);
        let request = org.http.post(format!("{base}/revoke")).form(&form[..1]);
        let expected = if active { 200 } else { 400 };
        assert_eq!(request.send().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn a_switch_that_does_not_exist_is_refused_by_name() {
    let org = Org::start().await;
    let (status, body) = org
        .send(
            Method::POST,
            "/_sim/switches",
            json!({"hidden_feilds": ["Origin"]}),
        )
        .await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("hidden_feilds"));
    let known = json!({"hidden_fields": ["Origin"], "race_loser": "lock_row"});
    let (status, _) = org.send(Method::POST, "/_sim/switches", known).await;
    assert_eq!(status, 204);
}
