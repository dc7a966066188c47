//! What the Platform API and the status page say stands in for events that were lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::world::World;

const OBSERVATIONS: &str = "/api/v2/analytics/queues/observations/query";

/// Answers like the Platform API, and like a status page.
#[derive(Clone, Default)]
pub(crate) struct Platform(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    trunks: Vec<Value>,
    edges: Vec<Value>,
    /// Queues that the client may see.
    queues: BTreeSet<String>,
    /// Results of the observation query by queue.
    results: BTreeMap<String, Vec<Value>>,
    page: Value,
    is_away: bool,
    /// Paths that were called, and the queues of each question.
    calls: Vec<String>,
    questions: Vec<usize>,
}

impl Platform {
    /// Starts it; answers its address.
    pub(crate) async fn start(&self) -> String {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn set(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.0.lock().unwrap());
    }

    fn set_trunk(&self, id: &str, connected: bool) {
        let trunk = json!({"id": id, "name": format!("Carrier {id}"), "state": "active",
            "inService": true, "enabled": true, "trunkType": "EXTERNAL",
            "connectedStatus": {"connected": connected}, "optionsStatus": [], "registersStatus": []});
        self.set(|answers| answers.trunks = vec![trunk]);
    }

    fn set_edge(&self, id: &str, status: &str) {
        let edge = json!({"id": id, "name": "Edge", "state": "active", "onlineStatus": status});
        self.set(|answers| answers.edges = vec![edge]);
    }

    fn set_page(&self, voice: &str) {
        let page = json!({"page": {"id": "p"}, "components": [
            {"id": "g1", "name": "EMEA (Frankfurt)", "status": "operational", "group": true, "group_id": null},
            {"id": "c1", "name": "Voice", "status": voice, "group_id": "g1"},
            {"id": "c2", "name": "Americas (US East)", "status": "major_outage", "group_id": null},
        ], "incidents": [{"name": "Calls fail in Frankfurt", "components": [{"id": "c1"}]}]});
        self.set(|answers| answers.page = page);
    }

    pub(crate) fn calls_of(&self, path: &str) -> usize {
        let answers = self.0.lock().unwrap();
        answers.calls.iter().filter(|call| *call == path).count()
    }
}

async fn answer(
    State(platform): State<Platform>,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let mut answers = platform.0.lock().unwrap();
    answers.calls.push(uri.path().to_owned());
    if answers.is_away {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    let list = |entities: Vec<Value>| json!({"entities": entities, "pageCount": 1});
    let answer = match uri.path() {
        "/oauth/token" => json!({"access_token": "token", "expires_in": 86399}),
        "/api/v2/routing/queues" => {
            let queues = answers.queues.iter();
            list(
                queues
                    .map(|id| json!({"id": id, "name": format!("Queue {id}")}))
                    .collect(),
            )
        }
        "/api/v2/telephony/providers/edges/trunks" => list(answers.trunks.clone()),
        "/api/v2/telephony/providers/edges" => list(answers.edges.clone()),
        "/api/v2/summary.json" => answers.page.clone(),
        OBSERVATIONS => {
            let question: Value = serde_json::from_slice(&body).unwrap();
            let asked = question["filter"]["predicates"].as_array().unwrap();
            // Enrichment asks for two metrics, when a queue begins to breach.
            if question["metrics"] == json!(["oWaiting"]) {
                answers.questions.push(asked.len());
            }
            let ids = asked.iter().filter_map(|one| one["value"].as_str());
            let results = ids.filter_map(|id| answers.results.get(id)).flatten();
            json!({"results": results.collect::<Vec<_>>()})
        }
        _ => return (StatusCode::NOT_FOUND, Json(json!({}))),
    };
    (StatusCode::OK, Json(answer))
}

const RULES: &str = r#"
[rules.trunk-down]
events = ["v2.telephony.providers.edges.trunks.{id}"]
sources = ["genesys"]
when = "status == 'DOWN'"
clear = "status == 'UP'"
clear_for = "0s"
burst_lock = "0s"
key = "{{ trunk_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[rules.edge-offline]
events = ["v2.telephony.providers.edges.{id}"]
when = "status == 'OFFLINE'"
clear = "status == 'ONLINE'"
clear_for = "0s"
burst_lock = "0s"
key = "{{ edge_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[rules.crowded]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[oWaiting].count >= 20"
clear = "metrics[oWaiting].count < 10"
clear_for = "0s"
burst_lock = "0s"
key = "{{ queue_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ source }}: {{ key }}"
Description = "{{ event_payload_id }}"
"#;

/// A world that polls `platform`, with more settings of the enrichment.
async fn world(platform: &str, enrichment: &str, more: &str) -> World {
    let mut world = World::unstarted("").await;
    world.configure(&settings(platform, enrichment, more));
    world.start().await;
    world
}

pub(crate) fn settings(platform: &str, enrichment: &str, more: &str) -> String {
    format!(
        r#"
[enrichment]
login_url = "{platform}"
api_url = "{platform}"
client_id = "client"
client_secret = {{ env = "CRM_SECRET" }}
{enrichment}
{RULES}
{more}
"#
    )
}

const EVERY_SECOND: &str =
    "poll_every = \"1s\"\npoll_after_gap = \"1h\"\npoll_calls_per_minute = 300";

fn now() -> String {
    ringdown::clock::Clock::System.now().to_string()
}

fn trunk(id: &str, connected: bool) -> Value {
    json!({"topicName": format!("v2.telephony.providers.edges.trunks.{id}"), "timestamp": now(),
        "eventBody": {"id": id, "connectedStatus": {"connected": connected}}})
}

fn edge(id: &str, status: &str) -> Value {
    json!({"topicName": format!("v2.telephony.providers.edges.{id}"), "timestamp": now(),
        "eventBody": {"id": id, "onlineStatus": status}})
}

fn waiting(id: &str, count: u32) -> Value {
    json!({"topicName": format!("v2.analytics.queues.{id}.observations"), "timestamp": now(),
        "eventBody": {"group": {"queueId": id, "mediaType": "voice"},
            "data": [{"metrics": [{"metric": "oWaiting", "stats": {"count": count}}]}]}})
}

async fn all_resolved(world: &World, count: usize) {
    world
        .until("every ticket is resolved", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.len() == count && tickets.iter().all(|one| one["IsClosed"] == true)
        })
        .await;
}

/// Waits for `more` further calls of `path`.
async fn polled(world: &World, platform: &Platform, path: &str, more: usize) {
    let before = platform.calls_of(path);
    world
        .until("the platform is asked again", async || {
            platform.calls_of(path) >= before + more
        })
        .await;
}

#[tokio::test]
async fn a_lost_up_keeps_no_ticket_open() {
    let platform = Platform::default();
    let address = platform.start().await;
    let world = world(&address, EVERY_SECOND, "").await;
    world.accept(&trunk("t1", false)).await;
    world.accept(&edge("e1", "OFFLINE")).await;
    let tickets = world.tickets(2).await;
    let subjects: BTreeSet<&str> = tickets
        .iter()
        .filter_map(|one| one["Subject"].as_str())
        .collect();
    assert_eq!(subjects, BTreeSet::from(["genesys: e1", "genesys: t1"]));
    // While the API says the same, the tickets stay.
    platform.set_trunk("t1", false);
    platform.set_edge("e1", "OFFLINE");
    polled(&world, &platform, "/api/v2/telephony/providers/edges", 2).await;
    let tickets = world.simulator.salesforce().tickets();
    assert!(
        tickets.iter().all(|one| one["IsClosed"] == false),
        "{tickets:?}"
    );
    platform.set_trunk("t1", true);
    platform.set_edge("e1", "ONLINE");
    all_resolved(&world, 2).await;
    let incident = &world.items("incidents?rule=trunk-down").await[0];
    let id = incident["id"].as_str().unwrap();
    let timeline = world.api(&format!("incidents/{id}/timeline")).await;
    assert!(
        timeline.to_string().contains("genesys-poll:trunk:t1:"),
        "{timeline}"
    );
    let metrics = world.metrics().await;
    let told = r#"ringdown_events_total{source="genesys-poll",outcome="accepted"}"#;
    assert!(metrics.contains(told), "{metrics}");
    assert_eq!(world.items("review").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_lost_down_is_found_when_a_source_sends_nothing_and_after_a_restart() {
    let platform = Platform::default();
    platform.set_trunk("t1", true);
    let address = platform.start().await;
    let gap = "poll_every = \"1s\"\npoll_after_gap = \"2s\"\npoll_calls_per_minute = 300";
    let mut world = world(&address, gap, "").await;
    world.accept(&trunk("t1", true)).await;
    platform.set_trunk("t1", false);
    world.tickets(1).await;
    // The next event is one about the same trunk, whoever told that it was down.
    world
        .until("an event of the source ends it", async || {
            platform.set_trunk("t1", true);
            world.accept(&trunk("t1", true)).await;
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    assert!(world.daemon.terminate());
    platform.set_edge("e1", "OFFLINE");
    world.start().await;
    let tickets = world.tickets(2).await;
    assert_eq!(tickets[1]["Subject"], "genesys: e1");
}

#[tokio::test]
async fn a_queue_that_is_calm_again_is_found_and_one_that_cannot_be_seen_is_not_taken_for_calm() {
    let platform = Platform::default();
    platform.set(|answers| {
        answers.queues = BTreeSet::from(["q-seen".to_owned()]);
    });
    let address = platform.start().await;
    let world = world(&address, EVERY_SECOND, "").await;
    world.accept(&waiting("q-seen", 25)).await;
    world.accept(&waiting("q-hidden", 25)).await;
    world.accept(&waiting("q-told", 25)).await;
    world.tickets(3).await;
    let told = |count| {
        json!({"group": {"queueId": "q-told", "mediaType": "voice"},
            "data": [{"metric": "oWaiting", "stats": {"count": count}}]})
    };
    platform.set(|answers| {
        answers.results.insert("q-told".to_owned(), vec![told(22)]);
    });
    let is_closed = |queue: &str| {
        let tickets = world.simulator.salesforce().tickets();
        let subject = format!("genesys: {queue}");
        let ticket = tickets.into_iter().find(|one| one["Subject"] == *subject);
        ticket.unwrap()["IsClosed"] == true
    };
    world
        .until("nobody waits in the queue that is seen", async || {
            is_closed("q-seen")
        })
        .await;
    polled(&world, &platform, OBSERVATIONS, 3).await;
    assert!(!is_closed("q-hidden"));
    assert!(!is_closed("q-told"));
    platform.set(|answers| {
        answers.results.insert("q-told".to_owned(), vec![told(3)]);
    });
    world
        .until("the queue is told to be calm", async || is_closed("q-told"))
        .await;
    assert!(!is_closed("q-hidden"));
}

#[tokio::test]
async fn five_hundred_incidents_are_asked_about_in_few_calls() {
    let platform = Platform::default();
    let address = platform.start().await;
    let few = "poll_every = \"2s\"\npoll_after_gap = \"1h\"\npoll_calls_per_minute = 9";
    for number in 0..500 {
        let id = format!("q{number}");
        let calm = json!({"group": {"queueId": id, "mediaType": "voice"},
            "data": [{"metric": "oWaiting", "stats": {"count": 0}}]});
        platform.set(|answers| {
            answers.results.insert(id, vec![calm]);
        });
    }
    let world = world(&address, few, "").await;
    let events: Vec<Value> = (0..500).map(|n| waiting(&format!("q{n}"), 25)).collect();
    world.accept(&json!(events)).await;
    world
        .until("all have recovered", async || {
            let all = world.items("incidents?limit=500").await;
            let is_over = |one: &Value| one["state"] == "recovered" || one["state"] == "closed";
            all.len() == 500 && all.iter().all(is_over)
        })
        .await;
    let answers = platform.0.lock().unwrap();
    assert!(answers.questions.len() <= 6, "{:?}", answers.questions);
    assert!(answers.questions.iter().all(|count| *count <= 100));
}

/// The state of a service that the admin listener shows.
async fn service(world: &World, name: &str) -> Value {
    let url = format!("{}/readyz", world.admin);
    let answer = world.client.get(url).send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "it says nothing about this process"
    );
    let body: Value = answer.json().await.unwrap();
    body["services"][name].clone()
}

#[tokio::test]
async fn an_api_that_is_away_is_seen_and_asked_rarely_and_is_asked_again() {
    let platform = Platform::default();
    platform.set(|answers| answers.is_away = true);
    let address = platform.start().await;
    let world = world(&address, EVERY_SECOND, "").await;
    world
        .until("health shows that the API is away", async || {
            service(&world, "platform_api").await["state"] == "down"
        })
        .await;
    let begin = Instant::now();
    let reason = service(&world, "platform_api").await["reason"].to_string();
    assert!(reason.contains("503"), "{reason}");
    // Tickets are opened all the same.
    world.accept(&trunk("t1", false)).await;
    world.tickets(1).await;
    let second =
        r#"ringdown_enrichment_calls_total{call="trunks",outcome="integration_failure"} 2"#;
    world
        .until("the API is asked again", async || {
            world.metrics().await.contains(second)
        })
        .await;
    assert!(begin.elapsed() > Duration::from_secs(3), "it has rested");
    platform.set_trunk("t1", true);
    platform.set(|answers| answers.is_away = false);
    all_resolved(&world, 1).await;
    assert_eq!(service(&world, "platform_api").await["state"], "up");
}

const REGION: &str = r#"
[rules.genesys-region]
events = ["genesys.status_page"]
when = "status in ['PARTIAL_OUTAGE', 'MAJOR_OUTAGE']"
clear = "status == 'OPERATIONAL'"
clear_for = "0s"
burst_lock = "0s"
key = "{{ entity_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[outages.region]
group_by = "Genesys Cloud"
rules = ["genesys-region", "crowded"]
causes = ["genesys-region"]
at_least = 50
within = "10m"
hold = "3s"
targets = ["salesforce"]
"#;

#[tokio::test]
async fn trouble_on_the_status_page_is_the_cause_of_an_outage() {
    let platform = Platform::default();
    platform.set_page("operational");
    let address = platform.start().await;
    let enrichment = format!(
        "poll_every = \"0s\"\nstatus_page = \"{address}\"\nstatus_every = \"250ms\"\n\
         status_components = [\"EMEA (Frankfurt)\"]"
    );
    let world = world(&address, &enrichment, REGION).await;
    world
        .until("the page was read", async || {
            service(&world, "status_page").await["state"] == "up"
        })
        .await;
    platform.set_page("major_outage");
    world
        .until("the region has an incident", async || {
            world.items("incidents?rule=genesys-region").await.len() == 1
        })
        .await;
    world.accept(&waiting("q1", 25)).await;
    world
        .until("one queue is enough for an outage", async || {
            world.items("incidents?rule=outage:region").await.len() == 1
        })
        .await;
    let queue = world.items("incidents?rule=crowded").await.remove(0);
    assert!(queue["ticket"]["number"].is_null(), "{queue}");
    let region = world.items("incidents?rule=genesys-region").await.remove(0);
    assert_eq!(region["source"], "genesys-status");
    platform.set_page("operational");
    world.accept(&waiting("q1", 0)).await;
    world
        .until("all of it is over", async || {
            let all = world.items("incidents").await;
            all.len() == 3 && all.iter().all(|one| one["state"] == "closed")
        })
        .await;
    platform.set(|answers| answers.page = json!({"components": []}));
    world
        .until("a page without the component is seen", async || {
            service(&world, "status_page").await["state"] == "down"
        })
        .await;
    let metrics = world.metrics().await;
    assert!(!metrics.contains("genesys-poll"), "polling is off");
}
