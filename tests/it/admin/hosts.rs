//! To whom requests are addressed, on every route of the table and beside it.

use reqwest::Method;
use ringdown::admin::endpoints;

use crate::admin::world::{OPERATOR, World};

#[tokio::test]
async fn no_route_answers_under_a_name_that_somebody_else_can_have() {
    let world = World::filled().await;
    let routes = endpoints().into_iter().map(|one| (one.method, one.path));
    let beside = [
        (Method::GET, "/"),
        (Method::GET, "/ui/"),
        (Method::GET, "/no-such-route"),
        (Method::DELETE, "/metrics"),
    ];
    for (method, path) in routes.chain(beside) {
        for host in [
            "evil.example",
            "localhost.evil.example:9090",
            "127.0.0.1.evil.example",
        ] {
            let request = world.request(method.clone(), path).header("host", host);
            let answer = world.send(request.bearer_auth(OPERATOR)).await;
            answer.is_problem(403);
            assert_eq!(answer.json()["type"], "urn:ringdown:problem:foreign-host");
            let detail = answer.json()["detail"].to_string();
            assert!(
                detail.contains("admin.hosts") && detail.contains(host),
                "{detail}"
            );
        }
    }
    let request = world.request(Method::GET, "/api/v1/dead-letters");
    let left = world.send(request.bearer_auth(OPERATOR)).await;
    assert_eq!(left.of_items("id").len(), 1, "nothing was done");
    let metrics = world
        .send(world.request(Method::GET, "/metrics"))
        .await
        .text;
    let refused = r#"ringdown_admin_refused_total{reason="host"}"#;
    assert!(metrics.contains(refused), "{metrics}");
}

#[tokio::test]
async fn every_open_route_answers_under_its_own_names() {
    let world = World::empty().await;
    for path in ["/metrics", "/healthz", "/readyz"] {
        for host in [
            "localhost",
            "10.1.2.3:9090",
            "[2001:db8::7]:9090",
            "ringdown",
            "ringdown.example.com:9090",
        ] {
            let request = world.request(Method::GET, path).header("host", host);
            let answer = world.send(request).await;
            assert_eq!(answer.status, 200, "{path} at {host}: {}", answer.text);
        }
    }
}
