//! Who may send: credentials, networks, the rate limit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use ringdown::settings::{AuthMethod, RateLimit, Secret};
use sha2::Sha256;

use crate::receive::world::{Plan, TOKEN, World, bearer, good, problem, source, tally};

fn every_way() -> Vec<AuthMethod> {
    vec![
        bearer(),
        AuthMethod::Hmac {
            header: "x-hub-signature-256".to_owned(),
            secret: Secret::new("hmac-key"),
        },
        AuthMethod::Basic {
            username: "genesys".to_owned(),
            secret: Secret::new("password"),
        },
        AuthMethod::Header {
            name: "x-api-key".to_owned(),
            secret: Secret::new("api-key"),
        },
    ]
}

fn signature(body: &str) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(b"hmac-key").unwrap();
    hmac.update(body.as_bytes());
    hmac.finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn g3_any_one_configured_way_lets_the_sender_in() {
    let world = Plan::new(source(every_way())).start().await;
    let basic = format!("Basic {}", BASE64.encode("genesys:password"));
    let body = good("evt-signed");
    let hex = format!("sha256={}", hex::encode(signature(&body)));
    let base64 = format!("sha256={}", BASE64.encode(signature(&body)));
    let bearer = format!("Bearer {TOKEN}");
    for (count, (name, value)) in [
        ("authorization", bearer.as_str()),
        ("authorization", basic.as_str()),
        ("x-api-key", "api-key"),
        ("x-hub-signature-256", hex.as_str()),
        ("x-hub-signature-256", base64.as_str()),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world
            .stranger(body.clone())
            .header(name, value)
            .send()
            .await;
        let expected = if count == 0 { (1, 0, 0) } else { (0, 1, 0) };
        assert_eq!(tally(answer.unwrap()).await, expected, "{name}: {value}");
    }
}

#[tokio::test]
async fn g3_missing_and_wrong_credentials_are_the_same_401() {
    let world = Plan::new(source(every_way())).start().await;
    let body = good("evt-1");
    let other = format!("sha256={}", hex::encode(signature(&good("evt-2"))));
    let basic = format!("Basic {}", BASE64.encode("genesys:wrong"));
    let user = format!("Basic {}", BASE64.encode("someone:password"));
    let mut answers = Vec::new();
    for (name, value) in [
        ("x-nothing", ""),
        ("authorization", "Bearer wrong"),
        ("authorization", &basic),
        ("authorization", &user),
        ("x-api-key", "wrong"),
        ("x-hub-signature-256", &other),
    ] {
        let request = world.stranger(body.clone()).header(name, value);
        let answer = request.header("x-request-id", "same").send().await.unwrap();
        let challenges = answer.headers().get_all("www-authenticate").iter().count();
        assert_eq!(challenges, 2);
        answers.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0].0, 401);
    assert!(world.kept().await.is_empty());
    assert!(world.counted(r#"ringdown_webhook_requests_total{source="genesys",status="401"} 6"#));
}

/// A listener behind a proxy on loopback, for Genesys's networks only.
async fn guarded(trusted: &[&str]) -> World {
    let mut genesys = source(vec![bearer()]);
    genesys.allow = vec![
        "162.157.0.0/16".parse().unwrap(),
        "208.89.140.0/24".parse().unwrap(),
    ];
    let mut plan = Plan::new(genesys);
    plan.server.trusted_proxies = trusted.iter().map(|one| one.parse().unwrap()).collect();
    plan.start().await
}

#[tokio::test]
async fn g3_only_the_allowed_networks_may_send_and_only_a_trusted_proxy_may_say_from_where() {
    let behind_proxy = guarded(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    let open = guarded(&[]).await;
    for (world, list, status) in [
        (&behind_proxy, "162.157.3.4", 202),
        (&behind_proxy, "208.89.140.9, 10.0.0.7", 202),
        (&behind_proxy, "198.51.100.1", 403),
        (&behind_proxy, "162.157.3.4, 198.51.100.1", 403),
        (&behind_proxy, "nonsense", 403),
        (&open, "162.157.3.4", 403),
    ] {
        let request = world.sender(good("evt-1")).header("x-forwarded-for", list);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{list}");
    }
    let forwarded = behind_proxy
        .sender(good("evt-1"))
        .header("forwarded", "for=162.157.0.1");
    assert_eq!(forwarded.send().await.unwrap().status().as_u16(), 202);
    // An open quote of the client's would swallow what the proxy appends.
    for line in [
        r#"for=162.157.0.1;x=", for=198.51.100.1"#,
        r#"for=162.157.0.1;x="\"", for="198.51.100.1""#,
        r#"for=162.157.0.1;x="\", for=198.51.100.1"#,
    ] {
        let request = behind_proxy.sender(good("evt-1")).header("forwarded", line);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{line}");
    }
    let unnamed = behind_proxy.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(
        problem(unnamed).await,
        (403, "address-not-allowed".to_owned(), None)
    );
}

#[tokio::test]
async fn beyond_the_rate_limit_is_a_429_with_the_time_to_wait() {
    let mut genesys = source(vec![bearer()]);
    genesys.rate_limit = Some(RateLimit {
        per_second: 1,
        burst: 2,
    });
    let world = Plan::new(genesys).start().await;
    // Strangers do not use up the sender's allowance.
    for _ in 0..5 {
        let answer = world.stranger(good("evt-0")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401);
    }
    for id in ["evt-1", "evt-2"] {
        let answer = world.sender(good(id)).send().await.unwrap();
        assert_eq!(tally(answer).await, (1, 0, 0));
    }
    let answer = world.sender(good("evt-3")).send().await.unwrap();
    assert_eq!(problem(answer).await, (429, "too-fast".to_owned(), Some(1)));
}

#[tokio::test]
async fn each_event_of_a_body_counts_against_the_rate_limit() {
    let mut genesys = source(vec![bearer()]);
    genesys.rate_limit = Some(RateLimit {
        per_second: 1,
        burst: 5,
    });
    let world = Plan::new(genesys).start().await;
    let array = |ids: &[&str]| {
        format!(
            "[{}]",
            ids.iter().map(|id| good(id)).collect::<Vec<_>>().join(",")
        )
    };
    let answer = world.sender(array(&["a", "b", "c"])).send().await.unwrap();
    assert_eq!(tally(answer).await, (3, 0, 0));
    // Two are left. The whole array waits until three are there, and the one that this
    // request has used.
    let answer = world.sender(array(&["d", "e", "f"])).send().await.unwrap();
    assert_eq!(problem(answer).await, (429, "too-fast".to_owned(), Some(2)));
    assert_eq!(world.kept().await.len(), 3, "nothing of it is kept");
}

#[tokio::test]
async fn an_array_of_more_events_than_a_burst_takes_the_whole_burst() {
    let mut genesys = source(vec![bearer()]);
    genesys.rate_limit = Some(RateLimit {
        per_second: 1,
        burst: 2,
    });
    let world = Plan::new(genesys).start().await;
    let array = format!("[{},{},{}]", good("a"), good("b"), good("c"));
    let answer = world.sender(array).send().await.unwrap();
    assert_eq!(tally(answer).await, (3, 0, 0));
    let answer = world.sender(good("d")).send().await.unwrap();
    assert_eq!(problem(answer).await, (429, "too-fast".to_owned(), Some(1)));
}
