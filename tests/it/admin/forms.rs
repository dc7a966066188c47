//! What operators change by forms, and who may not.

use reqwest::Method;
use ringdown::admin::{UiEndpoint, ui_endpoints};
use ringdown::settings::Role;

use crate::admin::world::{OPERATOR, VIEWER, World};

fn operators_forms() -> Vec<UiEndpoint> {
    let all = ui_endpoints().into_iter();
    all.filter(|one| one.needs == Some(Role::Operator))
        .collect()
}

fn path_of(endpoint: &UiEndpoint) -> String {
    endpoint
        .path
        .replace("{id}", "1")
        .replace("{name}", "genesys")
        .replace("{*rest}", "nothing")
}

async fn left(world: &World) -> (usize, usize, usize) {
    let dead = world.get("/api/v1/dead-letters").await.of_items("id").len();
    let review = world.get("/api/v1/review").await.of_items("id").len();
    let audit = world.get("/api/v1/audit").await.of_items("id").len();
    (dead, review, audit)
}

#[tokio::test]
async fn a_viewer_and_nobody_change_nothing_by_any_form() {
    let world = World::filled().await;
    let viewer = world.sign_in(VIEWER).await;
    let before = left(&world).await;
    assert!(operators_forms().len() > 10);
    for form in operators_forms() {
        assert_eq!(form.method, Method::POST);
        let path = path_of(&form);
        let answer = world.send(world.form(&path, "").header("cookie", &viewer));
        assert_eq!(answer.await.status, 403, "{path} as a viewer");
        assert_eq!(
            world.send(world.form(&path, "")).await.status,
            401,
            "{path}"
        );
    }
    assert_eq!(left(&world).await, before);
}

#[tokio::test]
async fn every_page_needs_a_session() {
    let world = World::filled().await;
    for endpoint in ui_endpoints() {
        let open = [
            "/",
            "/ui",
            "/ui/sign-in",
            "/ui/sign-out",
            "/ui/style.css",
            "/ui/live.js",
        ];
        assert_eq!(endpoint.needs.is_none(), open.contains(&endpoint.path));
        if endpoint.needs == Some(Role::Viewer) {
            let answer = world.page("", &path_of(&endpoint)).await;
            assert_eq!(answer.status, 303, "{}", endpoint.path);
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let world = World::filled().await;
    let cookie = world.sign_in(OPERATOR).await;
    let before = left(&world).await;
    for form in operators_forms() {
        let path = path_of(&form);
        let post = || {
            let post = world.request(Method::POST, &path);
            post.header("cookie", &cookie)
        };
        for foreign in [
            post(),
            post().header("origin", "https://evil.example"),
            post().header("origin", "null"),
            post().header("sec-fetch-site", "same-site"),
            world
                .form(&path, "")
                .header("cookie", &cookie)
                .header("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(world.send(foreign).await.status, 403, "{path}");
        }
    }
    assert_eq!(left(&world).await, before);
    let sign_in = world
        .request(Method::POST, "/ui/sign-in")
        .header("origin", "https://evil.example")
        .body(format!("token={OPERATOR}"));
    assert_eq!(world.send(sign_in).await.status, 403);
}

#[tokio::test]
async fn an_operator_replays_a_group_and_reads_events_again() {
    let world = World::filled().await;
    let cookie = world.sign_in(OPERATOR).await;
    let dead = world.get("/api/v1/dead-letters").await.of_items("id")[0].clone();
    let path = format!("/ui/dead-letters/{dead}/replay-group");
    let replay = || world.send(world.form(&path, "").header("cookie", &cookie));
    assert_eq!(
        replay().await.header("location"),
        "/ui/waits?did=replayed&n=1"
    );
    assert_eq!(
        replay().await.header("location"),
        "/ui/waits?did=replayed&n=0",
        "the second of two people finds nothing left to do"
    );
    let told = world.page(&cookie, "/ui/waits?did=replayed&n=1").await;
    assert!(
        told.text.contains("1 rendered again and sent"),
        "{}",
        told.text
    );
    let item = world.get("/api/v1/review").await.of_items("id")[0].clone();
    let path = format!("/ui/review/{item}/reprocess");
    let answer = world.send(world.form(&path, "").header("cookie", &cookie));
    assert_eq!(
        answer.await.header("location"),
        "/ui/waits?did=reprocessed&n=1"
    );
    let audit = world.get("/api/v1/audit").await;
    assert_eq!(audit.of_items("actor"), ["ops"; 3]);
}

#[tokio::test]
async fn an_operator_silences_and_ends_a_silence() {
    let world = World::filled().await;
    let cookie = world.sign_in(OPERATOR).await;
    let body = "match=rule%3Dqueue-wait%0D%0Akey%3Dq-1%0D%0A&for=2h&reason=we+know";
    let made = world.form("/ui/silences", body).header("cookie", &cookie);
    let made = world.send(made).await;
    assert_eq!(made.header("location"), "/ui/silences?did=silenced&n=1");
    let listed = world.page(&cookie, "/ui/silences").await;
    assert!(listed.text.contains("key=q-1"), "{}", listed.text);
    assert!(listed.text.contains("we know"));
    let silence = world.get("/api/v1/silences").await.json()["items"][0].clone();
    assert_eq!(
        silence["match"],
        serde_json::json!(["rule=queue-wait", "key=q-1"])
    );
    let path = format!("/ui/silences/{}/expire", silence["id"].as_str().unwrap());
    let ended = world.send(world.form(&path, "").header("cookie", &cookie));
    assert_eq!(
        ended.await.header("location"),
        "/ui/silences?did=expired&n=1"
    );
    // A mistake is said in words, on a page.
    let wrong = world.form("/ui/silences", "match=rule%3Dnosuch&for=2h&reason=x");
    let wrong = world.send(wrong.header("cookie", &cookie)).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("there is no rule"), "{}", wrong.text);
    assert!(wrong.text.contains("<h1>"));
}
