//! Attacks on the admin listener of the real binary.

use futures::StreamExt;

use crate::support::world::{ADMIN_TOKEN, World};

const HOSTS: &str = r#"
[admin]
hosts = ["ringdown.example.com"]
"#;

async fn status_at(world: &World, path: &str, host: &str) -> u16 {
    let url = format!("{}{path}", world.admin);
    let request = world.client.get(url).header("host", host);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_page_that_points_its_name_here_reads_neither_metrics_nor_readiness() {
    let mut world = World::unstarted(HOSTS).await;
    world.start().await;
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert_eq!(
            status_at(&world, path, "evil.example:9090").await,
            403,
            "{path}"
        );
        assert_eq!(
            status_at(&world, path, "ringdown.example.com").await,
            200,
            "{path}"
        );
        assert_eq!(
            status_at(&world, path, "127.0.0.1:9090").await,
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn guessing_at_tokens_is_slowed_down_and_told_with_the_address_in_few_lines() {
    let world = World::new().await;
    let url = format!("{}/api/v1/targets", world.admin);
    let mut answers = std::collections::BTreeMap::new();
    // More at once than are delayed, which would take five minutes one after the other.
    let mut guesses = futures::stream::iter(0..300)
        .map(|number| {
            let request = world.client.get(&url);
            request.bearer_auth(format!("guess-{number}")).send()
        })
        .buffer_unordered(32);
    while let Some(answer) = guesses.next().await {
        *answers
            .entry(answer.unwrap().status().as_u16())
            .or_insert(0) += 1;
    }
    // A minute may have begun anew meanwhile.
    assert!(answers[&401] <= 20 && answers[&429] >= 280, "{answers:?}");
    let right = world.client.get(&url).bearer_auth(ADMIN_TOKEN).send().await;
    assert_eq!(
        right.unwrap().status(),
        200,
        "the right one works all the same"
    );
    let log = world.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("unknown token"))
        .collect();
    assert!((2..=4).contains(&lines.len()), "{lines:?}");
    for line in lines {
        assert!(line.contains(r#""peer":"127.0.0.1""#), "{line}");
        assert!(!line.contains("guess-"), "{line}");
    }
}
