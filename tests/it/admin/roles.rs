//! Who may do what, on every route of the table.

use reqwest::Method;
use ringdown::admin::{Access, Endpoint, endpoints};
use ringdown::settings::Role;

use crate::admin::world::{OPERATOR, VIEWER, World};

fn path_of(endpoint: &Endpoint) -> String {
    let filled = ["{id}", "{name}", "{queue_id}"]
        .iter()
        .fold(endpoint.path.to_owned(), |path, name| {
            path.replace(name, "1")
        });
    assert!(!filled.contains('{'), "{filled}");
    filled
}

#[tokio::test]
async fn every_route_asks_for_the_role_it_needs() {
    let world = World::filled().await;
    assert!(endpoints().len() > 20);
    // One wrong token comes from each address: who guesses on is slowed down.
    for (from, endpoint) in (2..).zip(endpoints()) {
        let path = path_of(&endpoint);
        let is_change = endpoint.method != Method::GET;
        for (token, role) in [
            (None, None),
            (Some("wrong"), None),
            (Some(VIEWER), Some(Role::Viewer)),
            (Some(OPERATOR), Some(Role::Operator)),
        ] {
            let mut request = world.request_from(from, endpoint.method.clone(), &path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = world.send(request).await;
            let place = format!("{} {path} as {token:?}: {}", endpoint.method, answer.text);
            assert!(!answer.header("x-request-id").is_empty(), "{place}");
            match (endpoint.access, role) {
                (Access::Open, _) => assert!(![401, 403].contains(&answer.status), "{place}"),
                (Access::Role(_), None) => {
                    answer.is_problem(401);
                    assert!(answer.header("www-authenticate").starts_with("Bearer"));
                }
                (Access::Role(needs), Some(role)) if role < needs => answer.is_problem(403),
                (Access::Role(_), Some(_)) => {
                    assert!(![401, 403, 405].contains(&answer.status), "{place}");
                }
            }
        }
        let open = ["/metrics", "/healthz", "/readyz"].contains(&endpoint.path);
        assert_eq!(endpoint.access == Access::Open, open, "{path}");
        let operators = endpoint.access == Access::Role(Role::Operator);
        assert_eq!(operators, is_change, "{path}");
    }
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let world = World::filled().await;
    let body = "{\"all\":true}";
    let request = world.request(Method::POST, "/api/v1/dead-letters/discard");
    let answer = world.send(request.bearer_auth(VIEWER).body(body)).await;
    answer.is_problem(403);
    assert_eq!(
        world.get("/api/v1/dead-letters").await.of_items("id").len(),
        1
    );
    assert!(world.get("/api/v1/audit").await.of_items("id").is_empty());
}

#[tokio::test]
async fn without_tokens_this_machine_is_the_operator_local() {
    let world = World::without_tokens().await;
    let answer = world
        .send(world.request(Method::GET, "/api/v1/events"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let replay = || world.request(Method::POST, "/api/v1/dead-letters/replay");
    assert_eq!(world.send(replay()).await.status, 200);
    let audit = world
        .send(world.request(Method::GET, "/api/v1/audit"))
        .await;
    assert_eq!(audit.of_items("actor"), ["local"]);
    // A name that a foreign page points at this machine, and a foreign page's form.
    let rebound = world.request(Method::GET, "/api/v1/events");
    let rebound = rebound.header("host", "evil.example");
    world.send(rebound).await.is_problem(403);
    let forged = replay().header("origin", "http://evil.example");
    world.send(forged).await.is_problem(403);
}

#[tokio::test]
async fn a_wrong_method_or_body_is_a_problem_too() {
    let world = World::filled().await;
    let request = world.request(Method::DELETE, "/api/v1/events");
    let answer = world.send(request.bearer_auth(OPERATOR)).await;
    answer.is_problem(405);
    assert!(
        answer.header("allow").contains("GET"),
        "{:?}",
        answer.headers
    );
    let long = "x".repeat(100_000);
    world
        .post("/api/v1/dead-letters/replay", &long)
        .await
        .is_problem(413);
    world.get("/api/v1/events/%ff").await.is_problem(400);
}

#[tokio::test]
async fn answers_are_not_to_be_cached_and_carry_the_clients_request_id() {
    let world = World::filled().await;
    let request = world.request(Method::GET, "/api/v1/config");
    let answer = world
        .send(request.bearer_auth(VIEWER).header("x-request-id", "mine-1"))
        .await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.json()["items"][0]["value"], "[secret]");
}
