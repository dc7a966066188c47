//! Who guesses at admin tokens is slowed down, and locks nobody out.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use reqwest::Method;

use crate::admin::world::{Answer, OPERATOR, World};

async fn try_token(world: &World, from: u8, token: &str) -> Answer {
    let request = world.request_from(from, Method::GET, "/api/v1/targets");
    world.send(request.bearer_auth(token)).await
}

#[tokio::test]
async fn wrong_tokens_of_an_address_are_put_off_and_a_right_one_always_works() {
    let world = World::empty().await;
    for number in 0..10 {
        let answer = try_token(&world, 2, &format!("wrong-{number}")).await;
        answer.is_problem(401);
    }
    for _ in 0..3 {
        let began = Instant::now();
        let wrong = pin!(try_token(&world, 2, "wrong-again"));
        let right = pin!(try_token(&world, 2, OPERATOR));
        let Either::Right((right, wrong)) = select(wrong, right).await else {
            panic!("the wrong one was answered first");
        };
        assert_eq!(right.status, 200, "in the same minute");
        let answer = wrong.await;
        assert!(began.elapsed() >= Duration::from_secs(1));
        answer.is_problem(429);
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    try_token(&world, 3, "wrong").await.is_problem(401);
    let metrics = world
        .send(world.request(Method::GET, "/metrics"))
        .await
        .text;
    for line in [
        r#"ringdown_admin_refused_total{reason="token"} 11"#,
        r#"ringdown_admin_refused_total{reason="guessing"} 3"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
}

#[tokio::test]
async fn a_request_without_a_token_is_no_guess() {
    let world = World::empty().await;
    for _ in 0..20 {
        let request = world.request_from(2, Method::GET, "/api/v1/targets");
        world.send(request).await.is_problem(401);
    }
    try_token(&world, 2, "wrong").await.is_problem(401);
}
