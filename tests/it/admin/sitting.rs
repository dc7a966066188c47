//! Signing in to the dashboard: sessions, their end, and wrong tokens.

use std::time::Duration;

use reqwest::Method;

use crate::admin::world::{OPERATOR, VIEWER, World};

#[tokio::test]
async fn a_page_leads_to_the_sign_in_and_back() {
    let world = World::filled().await;
    let answer = world.page("", "/ui/why?q=e-1").await;
    assert_eq!(answer.status, 303);
    let to = answer.header("location").to_owned();
    assert_eq!(to, "/ui/sign-in?next=%2Fui%2Fwhy%3Fq%3De-1");
    let form = world.page("", &to).await;
    assert_eq!(form.status, 200);
    assert!(
        form.text.contains(r#"value="/ui/why?q=e-1""#),
        "{}",
        form.text
    );
    let body = format!("token={VIEWER}&next=%2Fui%2Fwhy%3Fq%3De-1");
    let signed_in = world.send(world.form("/ui/sign-in", &body)).await;
    assert_eq!(signed_in.header("location"), "/ui/why?q=e-1");
    let cookie = signed_in.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/ui", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(VIEWER), "the token is not in the cookie");
    let abroad = format!("token={VIEWER}&next=https://evil.example/");
    let answer = world.send(world.form("/ui/sign-in", &abroad)).await;
    assert_eq!(answer.header("location"), "/ui/");
}

#[tokio::test]
async fn a_session_ends_by_its_time_and_by_signing_out() {
    let world = World::filled().await;
    let cookie = world.sign_in(VIEWER).await;
    assert_eq!(world.page(&cookie, "/ui/").await.status, 200);
    world.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(world.page(&cookie, "/ui/").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.page(&cookie, "/ui/").await.status, 303);

    let cookie = world.sign_in(VIEWER).await;
    let out = world.form("/ui/sign-out", "").header("cookie", &cookie);
    let out = world.send(out).await;
    assert_eq!(out.header("location"), "/ui/sign-in");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(world.page(&cookie, "/ui/").await.status, 303);
}

#[tokio::test]
async fn a_forged_session_is_none_and_a_session_is_no_token_of_the_api() {
    let world = World::filled().await;
    let forged = format!("ringdown_session={}", "0".repeat(64));
    assert_eq!(world.page(&forged, "/ui/").await.status, 303);
    let cookie = world.sign_in(OPERATOR).await;
    let api = world.page(&cookie, "/api/v1/config").await;
    api.is_problem(401);
    let expired = world.form("/ui/dead-letters/1/replay", "");
    let answer = world.send(expired.header("cookie", forged)).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.text.contains("nothing was changed"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_and_a_right_one_works_all_the_same() {
    let world = World::filled().await;
    for attempt in 1..=11 {
        let answer = world.send(world.form("/ui/sign-in", "token=wrong")).await;
        let expected = if attempt <= 10 { 401 } else { 429 };
        assert_eq!(answer.status, expected, "attempt {attempt}");
        assert!(answer.header("content-type").starts_with("text/html"));
        assert!(answer.header("set-cookie").is_empty());
    }
    world.sign_in(VIEWER).await;
}

#[tokio::test]
async fn a_link_from_the_crm_arrives_although_the_cookie_is_left_out() {
    let world = World::filled().await;
    let request = world
        .request(Method::GET, "/ui/incidents/x")
        .header("sec-fetch-site", "cross-site");
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains(r#"http-equiv="refresh""#));
    assert!(!answer.text.contains("data-live"));
}

#[tokio::test]
async fn without_tokens_nobody_signs_in_and_foreign_hosts_are_refused() {
    let world = World::without_tokens().await;
    let page = world.page("", "/ui/").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("local"));
    assert_eq!(world.page("", "/ui/sign-in").await.status, 303);
    let rebound = world
        .request(Method::GET, "/ui/")
        .header("host", "evil.example");
    assert_eq!(world.send(rebound).await.status, 403);
}
