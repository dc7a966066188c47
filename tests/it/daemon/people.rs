//! What people do with the command line.

use crate::support::world::{ADMIN_TOKEN, TOKEN, World, event};

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A command of the binary that talks to the daemon, off the async threads.
async fn ask(world: &World, arguments: &[&str]) -> (i32, String) {
    let mut command = world.command(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    (output.status.code().unwrap_or(-1), text(&output))
}

#[tokio::test]
async fn g19_a_misfit_goes_to_review_and_is_reprocessed_by_a_person() {
    let world = World::new().await;
    let (status, answer) = world
        .post(r#"{"id":"evt-1","type":"telephony.queue.waiting","metrics":[{"avg":400}]}"#.into())
        .await;
    assert_eq!(status, 202);
    assert_eq!(answer["review"], 1);
    let (code, shown) = ask(&world, &["review", "list"]).await;
    assert_eq!(code, 0);
    assert!(shown.contains("/metrics/0/name"), "{shown}");
    assert!(world.log().contains("Schema Mismatch"));
    let items = world.items("review").await;
    let id = items[0]["id"].as_str().unwrap().to_owned();
    let (code, _) = ask(&world, &["review", "reprocess", &id]).await;
    assert_eq!(code, 0);
    world
        .until(
            "it is back in review, as it still does not fit",
            async || {
                let items = world.items("review").await;
                items.len() == 1 && items[0]["id"] != id.as_str()
            },
        )
        .await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    let again = world.items("review").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(ask(&world, &["review", "discard", &again]).await.0, 0);
    assert!(world.items("review").await.is_empty());
}

#[tokio::test]
async fn health_says_ready_and_names_the_parts() {
    let mut world = World::new().await;
    let (code, shown) = ask(&world, &["health"]).await;
    assert_eq!(code, 0);
    assert!(
        shown.contains("decider: up") && shown.contains("store: up"),
        "{shown}"
    );
    world.daemon.kill();
    assert_eq!(ask(&world, &["health"]).await.0, 1);
}

#[tokio::test]
async fn incidents_are_listed_and_shown() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.all_delivered().await;
    let (code, shown) = ask(&world, &["incidents"]).await;
    assert_eq!(code, 0);
    assert!(
        shown.contains("queue-wait") && shown.contains("q1"),
        "{shown}"
    );
    let (_, listed) = ask(&world, &["incidents", "list", "--output", "json"]).await;
    let page: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = page["items"][0]["id"].as_str().unwrap();
    let (_, shown) = ask(&world, &["incidents", "show", id]).await;
    assert!(shown.contains("opened"), "{shown}");
}

#[tokio::test]
async fn g20_explain_shows_the_ticket_that_a_payload_would_open() {
    let world = World::unstarted("").await;
    let payload = world.folder.path().join("payload.json");
    std::fs::write(&payload, event("evt-1", "q1", 400.0).to_string()).unwrap();
    let file = payload.to_str().unwrap().to_owned();
    let (code, shown) = ask(&world, &["explain", &file]).await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("breach"), "{shown}");
    assert!(
        shown.contains("Subject = Telephony Incident: Queue q1 Critical Wait Time"),
        "{shown}"
    );
    std::fs::write(
        &payload,
        r#"{"type":"telephony.queue.waiting","metrics":[{"avg":1}]}"#,
    )
    .unwrap();
    let (code, shown) = ask(&world, &["explain", &file]).await;
    assert_eq!(code, 1);
    assert!(shown.contains("/metrics/0/name"), "{shown}");
}

#[tokio::test]
async fn no_secret_is_ever_shown_or_stored() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.all_delivered().await;
    let (_, shown) = ask(&world, &["config", "show"]).await;
    let mut everything = vec![
        ("config show", shown.into_bytes()),
        ("log", world.log().into_bytes()),
        ("metrics", world.metrics().await.into_bytes()),
    ];
    for path in ["config", "targets", "events", "incidents", "deliveries"] {
        everything.push(("API", world.api(path).await.to_string().into_bytes()));
    }
    for file in ["ringdown.db", "ringdown.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join(file)).unwrap_or_default();
        everything.push(("database", bytes));
    }
    for secret in [TOKEN, ADMIN_TOKEN, ringdown::simulator::CLIENT_SECRET] {
        for (place, bytes) in &everything {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {place}");
        }
    }
}
