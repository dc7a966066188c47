//! Silences and maintenance windows, from the webhook to the CRM.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::world::{ADMIN_TOKEN, World, event};

/// Makes a silence; answers its id.
async fn silence(world: &World, matchers: &[&str], lasts: &str) -> String {
    let answer = world
        .client
        .post(format!("{}/api/v1/silences", world.admin))
        .bearer_auth(ADMIN_TOKEN)
        .json(&json!({"match": matchers, "for": lasts, "reason": "a test"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let made: Value = answer.json().await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

async fn expire(world: &World, id: &str) {
    world.act(&format!("silences/{id}/expire")).await;
}

/// Waits until so many breaches have been silenced.
async fn silenced(world: &World, rule: &str, count: usize) {
    let line = format!(r#"ringdown_suppressed_total{{rule="{rule}",reason="silenced"}} {count}"#);
    world
        .until("the breaches are silenced", async || {
            world.metrics().await.contains(&line)
        })
        .await;
}

fn opened(world: &World) -> usize {
    world.simulator.salesforce().tickets().len()
}

#[tokio::test]
async fn a_silenced_breach_opens_nothing_and_then_one_ticket_when_the_silence_is_ended() {
    let mut world = World::new().await;
    let id = silence(&world, &["rule=queue-wait", "key=q1"], "2h").await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world.accept(&event("evt-2", "q1", 430.0)).await;
    world.accept(&event("loud", "q2", 412.0)).await;
    silenced(&world, "queue-wait", 2).await;
    world.tickets(1).await;
    let events = world.items("events?event_id=evt-1").await;
    let shown = world
        .api(&format!("events/{}", events[0]["id"].as_str().unwrap()))
        .await;
    assert_eq!(shown["decisions"][0]["outcome"], "silenced");
    let detail = shown["decisions"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(&format!("silence {id} until ")),
        "{detail}"
    );
    let pending = world.items("incidents?state=pending").await;
    assert_eq!(pending[0]["waits"]["for"], "silenced");

    world.daemon.kill();
    world.start().await;
    assert_eq!(opened(&world), 1, "the other queue's");
    expire(&world, &id).await;
    let tickets = world.tickets(2).await;
    world.accept(&event("evt-3", "q1", 440.0)).await;
    world.all_delivered().await;
    let of_q1 = |one: &&Value| one["Subject"].as_str().unwrap().contains("Queue q1");
    assert_eq!(tickets.iter().filter(of_q1).count(), 1);
    assert_eq!(opened(&world), 2);
    let id = pending[0]["id"].as_str().unwrap();
    let story = world.api(&format!("incidents/{id}")).await;
    let told: Vec<&str> = story["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert_eq!(told[..3], ["pending", "no longer silenced", "opened"]);
}

#[tokio::test]
async fn a_silence_that_ends_by_itself_lets_open_what_goes_on_and_not_what_has_cleared() {
    let world = World::new().await;
    silence(&world, &["key=~q.*"], "3s").await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world.accept(&event("evt-2", "q2", 412.0)).await;
    silenced(&world, "queue-wait", 2).await;
    world.accept(&event("evt-3", "q2", 100.0)).await;
    let tickets = world.tickets(1).await;
    assert!(tickets[0]["Subject"].as_str().unwrap().contains("Queue q1"));
    world.all_delivered().await;
    let closed = world.items("incidents?state=closed").await;
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0]["key"], "q2");
    assert_eq!(opened(&world), 1);
}

#[tokio::test]
async fn one_silence_after_another_holds_on() {
    let world = World::new().await;
    silence(&world, &["key=q1"], "2s").await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    silenced(&world, "queue-wait", 1).await;
    let second = silence(&world, &["key=q1"], "2h").await;
    world
        .until("the second silence holds it", async || {
            let pending = world.items("incidents?state=pending").await;
            pending[0]["waits"]["by"] == format!("silence {second}")
        })
        .await;
    assert_eq!(opened(&world), 0);
    expire(&world, &second).await;
    world.tickets(1).await;
}

#[tokio::test]
async fn an_incident_with_a_ticket_is_told_and_resolved_in_a_silence() {
    let world = World::new().await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    world.tickets(1).await;
    silence(&world, &["key=q1"], "2h").await;
    world.accept(&event("evt-2", "q1", 100.0)).await;
    world
        .until("the ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
}

#[tokio::test]
async fn a_maintenance_window_silences_and_says_so() {
    let mut world = World::unstarted(
        "[maintenance.always]\nmatch = [\"rule=queue-wait\"]\ncron = \"* * * * *\"\n\
         duration = \"10m\"\ntime_zone = \"Europe/Berlin\"\n",
    )
    .await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    silenced(&world, "queue-wait", 1).await;
    let pending = world.items("incidents?state=pending").await;
    assert_eq!(pending[0]["waits"]["by"], "maintenance window always");
    assert!(pending[0]["waits"]["until"].is_string());
    assert_eq!(opened(&world), 0);
    // Without the window the same database opens it.
    world.daemon.kill();
    std::fs::write(world.folder.path().join("more.toml"), "").unwrap();
    world.start().await;
    world.accept(&event("evt-2", "q1", 412.0)).await;
    world.tickets(1).await;
}

#[tokio::test]
async fn windows_that_overlap_silence_once_and_leave_one_ticket_behind() {
    let window = |name: &str, duration: &str| {
        format!(
            "[maintenance.{name}]\nmatch = [\"rule=queue-wait\"]\ncron = \"* * * * *\"\n\
             duration = \"{duration}\"\n"
        )
    };
    let both = window("one", "10m") + &window("two", "20m");
    let mut world = World::unstarted(&both).await;
    let mut check = world.command(&["config", "check"]);
    let output = tokio::task::spawn_blocking(move || check.output().unwrap());
    let output = output.await.unwrap();
    let said = format!("{output:?}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    let warned = "maintenance.one has the same matchers and overlaps it";
    // Messages are wrapped at 80 columns.
    let printed = String::from_utf8_lossy(&output.stdout);
    let printed: Vec<&str> = printed.split_whitespace().collect();
    assert!(printed.join(" ").contains(warned), "{said}");
    world.start().await;
    world.accept(&event("evt-1", "q1", 412.0)).await;
    silenced(&world, "queue-wait", 1).await;
    let pending = world.items("incidents?state=pending").await;
    assert_eq!(pending.len(), 1);
    // The one that ends last is the one that counts.
    assert_eq!(pending[0]["waits"]["by"], "maintenance window two");
    assert_eq!(opened(&world), 0);
    // Without that one the other still holds; without both there is one ticket.
    for more in [window("one", "10m"), String::new()] {
        assert_eq!(opened(&world), 0);
        world.daemon.kill();
        std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
        world.start().await;
        world.accept(&event("evt-1", "q1", 412.0)).await;
    }
    world.accept(&event("evt-2", "q1", 412.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert_eq!(opened(&world), 1);
}

#[tokio::test]
async fn a_label_can_be_silenced() {
    let more = r#"
[sources.feed]
format = "custom"
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
[sources.feed.map]
event_id = "/id"
event_type = "/type"
timestamp = "/timestamp"
queue_id = "/queue"
queue_name = "/queue"
metrics = { "queue.waitTime" = { avg = "/wait", unit = "s" } }
labels = { site = "/site" }
"#;
    let mut world = World::unstarted(more).await;
    world.start().await;
    silence(&world, &["labels.site=Berlin", "source=feed"], "2h").await;
    for (id, site) in [("b", "Berlin"), ("h", "Hamburg")] {
        let event = json!({"id": id, "type": "telephony.queue.waiting", "wait": 400,
            "timestamp": ringdown::clock::Clock::System.now().to_string(),
            "queue": format!("queue-{site}"), "site": site});
        let request = world
            .client
            .post(format!("{}/webhooks/feed", world.public))
            .bearer_auth(crate::support::world::TOKEN)
            .json(&event);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    silenced(&world, "queue-wait", 1).await;
    let tickets = world.tickets(1).await;
    assert!(tickets[0]["Subject"].as_str().unwrap().contains("Hamburg"));
    world.all_delivered().await;
    assert_eq!(opened(&world), 1);
}

const OUTAGE: &str = r#"
[outages.site]
group_by = "all"
rules = ["queue-wait"]
at_least = 10
within = "2m"
hold = "3s"
targets = ["salesforce"]
"#;

async fn breach(world: &World, prefix: &str, queues: std::ops::Range<usize>) {
    let events: Vec<Value> = queues
        .map(|queue| event(&format!("{prefix}-{queue}"), &format!("q{queue}"), 400.0))
        .collect();
    world.accept(&Value::Array(events)).await;
}

#[tokio::test]
async fn the_silenced_form_no_outage_and_then_one_when_the_silence_is_ended() {
    let mut world = World::unstarted(OUTAGE).await;
    world.start().await;
    let id = silence(&world, &["key=~q[1-9].*"], "2h").await;
    breach(&world, "down", 0..30).await;
    silenced(&world, "queue-wait", 29).await;
    let tickets = world.tickets(1).await;
    let subject = tickets[0]["Subject"].as_str().unwrap();
    assert!(
        subject.contains("Queue q0"),
        "one alone is no outage: {subject}"
    );
    expire(&world, &id).await;
    let tickets = world.tickets(2).await;
    world.all_delivered().await;
    let outage = tickets
        .iter()
        .filter(|one| one["Subject"].as_str().unwrap().contains("outage site"));
    assert_eq!(outage.count(), 1, "{tickets:?}");
    assert_eq!(
        opened(&world),
        2,
        "none of the thirty has one of its own but the first"
    );
}

#[tokio::test]
async fn an_outage_itself_can_be_silenced() {
    let mut world = World::unstarted(OUTAGE).await;
    world.start().await;
    let id = silence(&world, &["rule=outage:site"], "2h").await;
    breach(&world, "down", 0..20).await;
    world
        .until("the outage waits", async || {
            let pending = world.items("incidents?rule=outage:site").await;
            pending.len() == 1 && pending[0]["waits"]["for"] == "silenced"
        })
        .await;
    silenced(&world, "outage:site", 1).await;
    breach(&world, "more", 20..21).await;
    silenced(&world, "outage:site", 2).await;
    assert_eq!(opened(&world), 0);
    expire(&world, &id).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert_eq!(opened(&world), 1);
}
