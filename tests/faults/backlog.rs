//! One source sends more than can be decided on; another one's ticket does not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::slots::ONE_AT_A_TIME;
use crate::support::world::{TOKEN, World, event};

const SECOND: &str = r#"
[sources.second]
format = "genesys"
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
"#;
/// Events of one body, which are together less than its most bytes.
const EVENTS: usize = 1_500;
/// So many rules look at each event: deciding is slower than receiving on any machine.
const RULES: usize = 12;
const SENDERS: usize = 2;
/// How long the first source has sent when the second one does.
const BEFORE: Duration = Duration::from_secs(3);
/// Longest wait for the second source's ticket, in a debug build beside other tests. It is more
/// than 15 s if nobody is held back.
const LONGEST: Duration = Duration::from_secs(8);

/// How many arrays were refused.
type Refused = Arc<AtomicU64>;

/// Rules that never hold. The arithmetic keeps them from being answered without their expression.
fn rules() -> String {
    let one = |rule: usize| {
        format!(
            r#"
[rules.never-{rule}]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg * {rule}.5 > 1000000"
clear = "metrics[queue.waitTime].avg * {rule}.5 < 900000"
key = "{{{{ queue_id }}}}"
targets = ["salesforce"]
"#
        )
    };
    (1..=RULES).map(one).collect()
}

/// Events of a queue in which nobody waits for long, whose ids begin with `prefix`.
fn array(prefix: &str) -> String {
    let one = |number: usize| {
        format!(
            r#"{{"id":"{prefix}-{number}","type":"telephony.queue.waiting","queue":{{"id":"calm"}},"metrics":[{{"name":"Calm","avg":5}}]}}"#
        )
    };
    let events: Vec<String> = (0..EVENTS).map(one).collect();
    format!("[{}]", events.join(","))
}

/// Sends arrays until it is dropped; counts how many were refused as of a source that is ahead.
async fn send_arrays(client: reqwest::Client, url: String, sender: usize, refused: Refused) {
    for number in 0.. {
        let request = client.post(&url).bearer_auth(TOKEN);
        let request = request
            .header("content-type", "application/json")
            .body(array(&format!("{sender}-{number}")));
        let Ok(answer) = request.send().await else {
            continue;
        };
        if answer.status() == 503 && answer.headers().contains_key("retry-after") {
            let body: Value = answer.json().await.unwrap_or_default();
            if body["type"] == "urn:ringdown:problem:ahead-of-deciding" {
                refused.fetch_add(1, Ordering::Relaxed);
                // A sender that obeys would not show that the bound holds.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrays_of_one_source_do_not_delay_another_ones_ticket() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut world = World::unstarted(&format!("{SECOND}{}", rules())).await;
    world.start().await;
    let url = |source: &str| format!("{}/webhooks/{source}", world.public);
    let refused = Refused::default();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let client = world.client.clone();
        senders.spawn(send_arrays(client, url("genesys"), sender, refused.clone()));
    }
    tokio::time::sleep(BEFORE).await;
    let sent = Instant::now();
    let request = world.client.post(url("second")).bearer_auth(TOKEN);
    let answer = request.json(&event("evt-b", "second", 400.0)).send().await;
    assert_eq!(answer.unwrap().status(), 202);
    world.tickets(1).await;
    let waited = sent.elapsed();
    let refused = refused.load(Ordering::Relaxed);
    println!("the ticket came after {waited:?}; {refused} arrays were refused");
    assert!(waited < LONGEST, "the ticket came after {waited:?}");
    assert!(refused > 0, "the first source was never held back");
    let metrics = world.metrics().await;
    assert!(metrics.contains(r#"name="genesys",reason="ahead_of_deciding""#));
    assert!(!metrics.contains(r#"name="second",reason="ahead_of_deciding""#));
    senders.shutdown().await;
    world
        .until("the first source may send again", async || {
            let answer = world.client.post(url("genesys")).bearer_auth(TOKEN);
            let answer = answer.json(&event("evt-a", "first", 10.0)).send().await;
            answer.unwrap().status() == 202
        })
        .await;
}

#[tokio::test]
async fn nobody_is_held_back_while_deciding_stands_still() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut world = World::unstarted(SECOND).await;
    world.spawn("decisions-written:1:panic:1000000");
    world.until_ready().await;
    for number in 0..5 {
        let (status, answer) = world.post(array(&number.to_string())).await;
        assert_eq!(status, 202, "array {number}: {answer}");
        // Long enough for the backlog to be looked at.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
