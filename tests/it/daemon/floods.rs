//! A source that begins too many incidents: one ticket for what is beyond its limit, and nothing
//! of it keeps other sources waiting.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::site::{Site, Ticket};
use crate::support::crm::At;
#[cfg(feature = "fault-points")]
use crate::support::world::ADMIN_TOKEN;
use crate::support::world::{TOKEN, event};

/// Longest that another source's ticket may take while one floods.
const PROMPT: Duration = Duration::from_secs(10);
const LIMIT: usize = 10;
const KEYS: usize = 3 * LIMIT;
const HELD: usize = KEYS - LIMIT;

/// A site without an outage in reach, on whose source and another one there is a limit.
async fn flooding() -> Site {
    let site = Site::unstarted(At::Salesforce, At::Salesforce, "").await;
    site.edit("at_least = 4", "at_least = 1000");
    site.edit("hold = \"1s\"", "hold = \"0s\"");
    limit(&site);
    site
}

fn limit(site: &Site) {
    let sources = format!(
        "[sources.genesys]\n\
         max_new_incidents = {{ per_minute = {LIMIT}, calm = \"1s\" }}\n\
         [sources.other]\nformat = \"genesys\"\n\
         auth = [{{ type = \"bearer\", secret = {{ env = \"WEBHOOK_TOKEN\" }} }}]\n\
         [targets.salesforce.sync]"
    );
    site.edit("[targets.salesforce.sync]", &sources);
}

fn is_flood(ticket: &Ticket) -> bool {
    ticket.title.starts_with("flood from source genesys")
}

fn floods(site: &Site) -> Vec<Ticket> {
    let tickets = site.tickets(At::Salesforce).into_iter();
    tickets.filter(is_flood).collect()
}

/// Titles of the tickets that are no flood's, each once.
fn titles(site: &Site) -> Vec<String> {
    let tickets = site.tickets(At::Salesforce).into_iter();
    let mut titles: Vec<String> = tickets
        .filter(|one| !is_flood(one))
        .map(|one| one.title)
        .collect();
    titles.sort();
    titles
}

async fn held(site: &Site) -> Vec<Value> {
    let pending = site.world.items("incidents?state=pending&limit=500").await;
    let is_held = |one: &Value| one["waits"]["for"] == "flood";
    pending.into_iter().filter(is_held).collect()
}

async fn until_held(site: &Site, count: usize) {
    site.world
        .until(&format!("{count} are held"), async || {
            held(site).await.len() == count
        })
        .await;
}

/// A command of `ringdown incidents` that must succeed, and its answer.
async fn incidents(site: &Site, arguments: &[&str]) -> Value {
    let arguments = [&["incidents"], arguments, &["--output", "json"]].concat();
    let mut command = site.world.command(&arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The source `other` says how long callers of the queue `B0` wait, in seconds.
async fn another_source_says(site: &Site, id: &str, wait: f64) {
    let answer = site
        .world
        .client
        .post(format!("{}/webhooks/other", site.world.public))
        .bearer_auth(TOKEN)
        .json(&event(id, "B0", wait))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
}

/// A queue of another source breaches, and gets its ticket promptly.
async fn another_source_gets_its_ticket(site: &Site) {
    let began = Instant::now();
    another_source_says(site, "b-1", 400.0).await;
    site.world
        .until("the other source's queue has its ticket", async || {
            titles(site).iter().any(|title| title == "Queue B0")
        })
        .await;
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_flood_has_one_ticket_another_source_gets_its_own_and_what_is_released_gets_one_each() {
    let mut site = flooding().await;
    site.world.start().await;
    site.breach("A", 0..KEYS).await;
    another_source_gets_its_ticket(&site).await;
    site.until_tickets(At::Salesforce, LIMIT + 2).await;
    site.world.all_delivered().await;
    let flood = floods(&site).remove(0);
    let title = format!("flood from source genesys: {HELD} keys");
    assert_eq!(flood.title, title);
    for part in ["incidents release --source genesys", "queue-wait A"] {
        assert!(flood.text.contains(part), "{part}\n{}", flood.text);
    }
    assert_eq!(held(&site).await.len(), HELD);
    let suppressed = site.world.metrics().await;
    let line = format!("ringdown_suppressed_total{{rule=\"queue-wait\",reason=\"flood\"}} {HELD}");
    assert!(suppressed.contains(&line), "{suppressed}");
    let listed = incidents(&site, &["floods"]).await;
    assert_eq!(listed["items"][0]["held"], HELD);

    site.world.daemon.kill();
    site.world.start().await;
    // One of the held clears, and one that has a ticket; neither makes room for another.
    site.recover("A", KEYS - 1..KEYS).await;
    until_held(&site, HELD - 1).await;
    assert_eq!(titles(&site).len(), LIMIT + 1);
    let released = incidents(&site, &["release", "--source", "genesys"]).await;
    assert_eq!(released["released"], HELD - 1);
    site.until_tickets(At::Salesforce, LIMIT + 2 + HELD - 1)
        .await;
    site.world.all_delivered().await;
    let mut distinct = titles(&site);
    distinct.dedup();
    assert_eq!(distinct.len(), LIMIT + HELD, "each key has one ticket");
    assert_eq!(floods(&site).len(), 1);
    let last = format!("A{}", KEYS - 1);
    assert_eq!(site.incident(&last).await["state"], "closed");
    let told = site.incident(&format!("A{}", KEYS - 2)).await["history"].to_string();
    assert!(told.contains("released from the flood"), "{told}");
    assert!(told.contains("by ops"), "{told}");
    let audit = site.world.items("audit").await;
    assert_eq!(audit[0]["action"], "flood.release");

    site.world
        .until("the flood's ticket is resolved", async || {
            floods(&site)[0].closed
        })
        .await;
    site.recover("A", 0..KEYS).await;
    another_source_says(&site, "b-2", 100.0).await;
    site.until_all_is_over(At::Salesforce).await;
    assert_eq!(site.tickets(At::Salesforce).len(), LIMIT + HELD + 1);
}

#[tokio::test]
async fn what_is_discarded_is_closed_without_a_ticket_and_the_flood_is_over() {
    let mut site = flooding().await;
    site.world.start().await;
    site.breach("A", 0..KEYS).await;
    site.until_tickets(At::Salesforce, LIMIT + 1).await;
    until_held(&site, HELD).await;
    let discarded = incidents(&site, &["discard", "--source", "genesys", "--yes"]).await;
    assert_eq!(discarded["discarded"], HELD);
    until_held(&site, 0).await;
    let told = site.incident(&format!("A{}", KEYS - 1)).await["history"].to_string();
    assert!(told.contains("discarded with the flood by ops"), "{told}");
    site.world
        .until("the flood's ticket is resolved", async || {
            floods(&site)[0].closed
        })
        .await;
    assert_eq!(site.tickets(At::Salesforce).len(), LIMIT + 1);
}

#[tokio::test]
async fn who_closes_the_floods_ticket_closes_what_it_held() {
    let mut site = flooding().await;
    site.world.start().await;
    site.breach("A", 0..KEYS).await;
    site.until_tickets(At::Salesforce, LIMIT + 1).await;
    site.world.all_delivered().await;
    assert_eq!(held(&site).await.len(), HELD);
    site.close(At::Salesforce, &floods(&site)[0].id);
    until_held(&site, 0).await;
    assert_eq!(site.tickets(At::Salesforce).len(), LIMIT + 1);
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn what_a_closed_flood_held_is_closed_though_the_process_dies_right_after_the_closing() {
    let mut site = flooding().await;
    site.world.spawn("closing-applied");
    site.world.until_ready().await;
    site.breach("A", 0..KEYS).await;
    site.until_tickets(At::Salesforce, LIMIT + 1).await;
    site.world.all_delivered().await;
    site.close(At::Salesforce, &floods(&site)[0].id);
    let began = Instant::now();
    while !site.world.daemon.is_dead() {
        assert!(began.elapsed() < PROMPT, "the closing was never applied");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.world.start().await;
    until_held(&site, 0).await;
    assert_eq!(site.tickets(At::Salesforce).len(), LIMIT + 1);
    let told = site.incident(&format!("A{}", KEYS - 1)).await["history"].to_string();
    assert!(told.contains("by the closing of its ticket"), "{told}");
}

/// Queues that breach minutes apart and are silenced wait for the same end of the silence.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn what_is_due_when_a_silence_ends_is_limited_whenever_it_breached() {
    let mut site = flooding().await;
    site.world.start().await;
    let silence = serde_json::json!({
        "match": ["rule=queue-wait"], "for": "2h", "reason": "a test",
    });
    let made = site
        .world
        .client
        .post(format!("{}/api/v1/silences", site.world.admin))
        .bearer_auth(ADMIN_TOKEN)
        .json(&silence)
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    for minutes in 0..3 {
        let milliseconds = 120_000 * minutes;
        std::fs::write(site.world.clock_offset_file(), milliseconds.to_string()).unwrap();
        let first = LIMIT * minutes;
        site.breach("A", first..first + LIMIT).await;
        site.world
            .until("they are silenced", async || {
                let pending = site.world.items("incidents?state=pending&limit=500").await;
                pending.len() == first + LIMIT
            })
            .await;
    }
    let id = made["id"].as_str().unwrap();
    site.world.act(&format!("silences/{id}/expire")).await;
    site.until_tickets(At::Salesforce, LIMIT + 1).await;
    until_held(&site, HELD).await;
    site.world.all_delivered().await;
    assert_eq!((titles(&site).len(), floods(&site).len()), (LIMIT, 1));
}

#[tokio::test]
async fn members_of_an_outage_are_no_flood() {
    let mut site = Site::unstarted(At::Salesforce, At::Salesforce, "").await;
    limit(&site);
    site.world.start().await;
    site.breach("A", 0..5 * LIMIT).await;
    let outage = site.until_outages(At::Salesforce, 1).await.remove(0);
    let members = format!("{} in all", 5 * LIMIT);
    assert!(outage.text.contains(&members), "{}", outage.text);
    site.breach("A", 5 * LIMIT..6 * LIMIT).await;
    site.world
        .until("all are members", async || {
            let outage = site.world.items("incidents?rule=outage:site").await;
            outage[0]["members"] == 6 * LIMIT
        })
        .await;
    site.world.all_delivered().await;
    assert_eq!(site.tickets(At::Salesforce).len(), 1);
    assert!(held(&site).await.is_empty());
}

#[tokio::test]
async fn beyond_what_may_be_held_breaches_are_only_counted() {
    let mut site = flooding().await;
    site.world.start().await;
    // Ten times the limit may be without a ticket.
    site.breach("A", 0..LIMIT + 10 * LIMIT + 7).await;
    site.until_tickets(At::Salesforce, LIMIT + 1).await;
    assert_eq!(held(&site).await.len(), 10 * LIMIT);
    let text = floods(&site).remove(0).text;
    assert!(text.contains("7 more breaches were only counted"), "{text}");
    let event = &site.world.items("events?limit=1").await[0];
    let id = event["id"].as_str().unwrap();
    let decided = site.world.api(&format!("events/{id}")).await;
    assert_eq!(decided["decisions"][0]["outcome"], "flood", "{decided}");
    assert_eq!(decided["decisions"][0]["incident_id"], Value::Null);
}
