//! What Genesys Cloud's Platform API knows stands on the ticket, and its failure delays none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::world::World;

/// Its answers have the form of the Platform API's documentation.
#[derive(Clone, Default)]
struct Platform {
    tokens: Arc<AtomicUsize>,
    hangs: Arc<AtomicBool>,
}

impl Platform {
    /// Starts it; answers its address.
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/oauth/token", post(token))
            .route("/api/v2/routing/queues", get(queues))
            .route("/api/v2/telephony/providers/edges/trunks", get(trunks))
            .route("/api/v2/telephony/providers/edges", get(edges))
            .route(
                "/api/v2/analytics/queues/observations/query",
                post(observations),
            )
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    async fn admits(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let current = format!("Bearer token-{}", self.tokens.load(Ordering::SeqCst));
        let shown = headers
            .get("authorization")
            .and_then(|one| one.to_str().ok());
        (shown == Some(&current))
            .then_some(())
            .ok_or(StatusCode::UNAUTHORIZED)
    }
}

async fn token(
    State(platform): State<Platform>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    // client:platform-s3cret
    if headers
        .get("authorization")
        .is_none_or(|one| one != "Basic Y2xpZW50OnBsYXRmb3JtLXMzY3JldA==")
    {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let number = platform.tokens.fetch_add(1, Ordering::SeqCst) + 1;
    Ok(Json(
        json!({"access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": 86399}),
    ))
}

type Pages = Query<std::collections::HashMap<String, String>>;

async fn queues(
    State(platform): State<Platform>,
    headers: HeaderMap,
    pages: Pages,
) -> Result<Json<Value>, StatusCode> {
    platform.admits(&headers).await?;
    // One queue to a page, so that the second is missed by who reads only the first.
    let page = pages
        .get("pageNumber")
        .map_or(1, |page| page.parse().unwrap());
    let all = [
        json!({"id": "q-first", "name": "First", "division": {"id": "d1", "name": "EMEA"}}),
        json!({"id": "f0a5c8e1-8f55-4a52-9a0e-1f2a30b5a0c1", "name": "Billing Tier 1", "division": {"id": "d1", "name": "EMEA"}}),
    ];
    let entities: Vec<&Value> = all.get(page - 1).into_iter().collect();
    Ok(Json(
        json!({"entities": entities, "pageNumber": page, "pageCount": 2, "total": 2}),
    ))
}

async fn trunks(
    State(platform): State<Platform>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    platform.admits(&headers).await?;
    Ok(Json(
        json!({"entities": [{"id": "t1", "name": "Carrier A", "edge": {"id": "e1"}}], "pageCount": 1}),
    ))
}

async fn edges(
    State(platform): State<Platform>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    platform.admits(&headers).await?;
    Ok(Json(
        json!({"entities": [{"id": "e1", "name": "Edge 1", "site": {"id": "s1", "name": "Berlin"}}], "pageCount": 1}),
    ))
}

async fn observations(
    State(platform): State<Platform>,
    headers: HeaderMap,
    Json(question): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    platform.admits(&headers).await?;
    let queue = &question["filter"]["predicates"][0]["value"];
    Ok(Json(json!({"results": [
        {"group": {"queueId": queue, "mediaType": "voice"}, "data": [{"metric": "oWaiting", "stats": {"count": 14}}]},
        {"group": {"queueId": queue}, "data": [
            {"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": {"count": 1}},
            {"metric": "oOnQueueUsers", "qualifier": "INTERACTING", "stats": {"count": 2}},
        ]},
    ]})))
}

/// A queue's event as Genesys Cloud sends it: without the queue's name.
fn nameless(id: &str, queue: &str) -> Value {
    json!({
        "id": id, "eventType": "queue.level", "at": ringdown::clock::Clock::System.now().to_string(),
        "queue": queue, "wait": 400,
    })
}

async fn world(platform: &str) -> World {
    world_with(platform, "", "", |_| String::new()).await
}

/// The same with more settings: of the enrichment, of the rule, and in tables of their own.
async fn world_with(
    platform: &str,
    enrichment: &str,
    rule: &str,
    more: impl Fn(&World) -> String,
) -> World {
    let text = format!(
        r#"
[enrichment]
login_url = "{platform}"
api_url = "{platform}"
client_id = "client"
client_secret = {{ env = "PLATFORM_SECRET" }}
timeout = "5s"
{enrichment}
[sources.genesys]
format = "custom"
[sources.genesys.map]
event_id = "/id"
event_type = "/eventType"
timestamp = "/at"
queue_id = "/queue"
wait_time_avg = "/wait"
metrics = {{ "queue.waitTime" = {{ avg = "/wait", unit = "s" }} }}
[rules.queue-wait]
events = ["queue.level"]
{rule}
[targets.salesforce.create]
Subject = "{{{{ division or 'nowhere' }}}}: {{{{ queue_name or key }}}}"
"#
    );
    let mut world = World::unstarted("").await;
    let text = text + &more(&world);
    std::fs::write(world.folder.path().join("more.toml"), text).unwrap();
    world
        .environment
        .push(("PLATFORM_SECRET", "platform-s3cret"));
    world.start().await;
    world
}

const QUEUE: &str = "f0a5c8e1-8f55-4a52-9a0e-1f2a30b5a0c1";

#[tokio::test]
async fn a_ticket_has_the_names_and_learns_how_the_queue_stands() {
    let platform = Platform::default();
    let address = platform.start().await;
    let world = world(&address).await;
    let read = r#"ringdown_enrichment_calls_total{call="names",outcome="ok"} 1"#;
    world
        .until("the names are read", async || {
            world.metrics().await.contains(read)
        })
        .await;
    world.accept(&nameless("evt-1", QUEUE)).await;
    let ticket = world.tickets(1).await[0].clone();
    assert_eq!(ticket["Subject"], "EMEA: Billing Tier 1");
    world
        .until("the ticket is told how the queue stands", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.len() == 2 && deliveries.iter().all(|one| one["state"] == "done")
        })
        .await;
    let requests = world.simulator.salesforce().requests();
    let said = format!("{requests:?}");
    assert!(said.contains("14 waiting, 3 agents on queue"), "{said}");
    let incident = &world.items("incidents").await[0];
    let story = world
        .api(&format!("incidents/{}", incident["id"].as_str().unwrap()))
        .await;
    assert!(
        story["history"].to_string().contains("details added"),
        "{story}"
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed() {
    let platform = Platform::default();
    let address = platform.start().await;
    let world = world(&address).await;
    world
        .until("the first token is there", async || {
            platform.tokens.load(Ordering::SeqCst) == 1
        })
        .await;
    // As if the organization had revoked it.
    platform.tokens.store(7, Ordering::SeqCst);
    world.accept(&nameless("evt-1", QUEUE)).await;
    let answered = r#"ringdown_enrichment_calls_total{call="standings",outcome="ok"} 1"#;
    world
        .until("the question is answered after all", async || {
            world.metrics().await.contains(answered)
        })
        .await;
}

#[tokio::test]
async fn a_platform_that_hangs_or_is_away_delays_no_ticket() {
    let platform = Platform::default();
    platform.hangs.store(true, Ordering::SeqCst);
    let address = platform.start().await;
    let world = world(&address).await;
    let begin = Instant::now();
    world.accept(&nameless("evt-1", QUEUE)).await;
    let ticket = world.tickets(1).await[0].clone();
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "shorter than one call may take"
    );
    assert_eq!(ticket["Subject"], format!("nowhere: {QUEUE}"));
}

/// Waits until the question how the queue stands has been answered so many times.
async fn answered(world: &World, times: usize) {
    let answered =
        format!(r#"ringdown_enrichment_calls_total{{call="standings",outcome="ok"}} {times}"#);
    world
        .until("the platform has said how the queue stands", async || {
            world.metrics().await.contains(&answered)
        })
        .await;
}

#[tokio::test]
async fn what_is_known_before_the_ticket_stands_in_its_description_and_is_no_comment() {
    let platform = Platform::default();
    let address = platform.start().await;
    let world = world_with(&address, "", "for = \"2s\"", |_| String::new()).await;
    world.accept(&nameless("evt-1", QUEUE)).await;
    answered(&world, 1).await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    let ticket = world.tickets(1).await[0].clone();
    let description = ticket["Description"].as_str().unwrap();
    assert!(
        description.contains("14 waiting, 3 agents on queue."),
        "{description}"
    );
    world.all_delivered().await;
    assert_eq!(world.items("deliveries").await.len(), 1);
}

/// ServiceNow, for when Salesforce is away.
fn servicenow(world: &World) -> String {
    format!(
        r#"
[targets.salesforce]
failover_after = "4s"
[targets.salesforce.retry]
base = "100ms"
[targets.servicenow]
kind = "servicenow"
base_url = "{}"
timeout = "2s"
[targets.servicenow.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = {{ env = "CRM_SECRET" }}
[targets.servicenow.create]
short_description = "{{{{ key }}}}: {{{{ waiting_now or 'unknown' }}}} wait"
"#,
        world.simulator.servicenow().base_url()
    )
}

#[tokio::test]
async fn a_ticket_that_goes_to_another_target_keeps_how_the_queue_stood() {
    let platform = Platform::default();
    let address = platform.start().await;
    let rule = r#"for = "1s"
targets = ["salesforce", "servicenow"]"#;
    // By the time of the failover the answer is stale, and there is no other.
    let world = world_with(&address, "fresh_for = \"2s\"", rule, servicenow).await;
    world.simulator.salesforce().refuse_connections(true);
    world.accept(&nameless("evt-1", QUEUE)).await;
    answered(&world, 1).await;
    platform.hangs.store(true, Ordering::SeqCst);
    world
        .until("the ticket is in ServiceNow", async || {
            !world.simulator.servicenow().tickets().is_empty()
        })
        .await;
    let ticket = world.simulator.servicenow().tickets().remove(0);
    assert_eq!(ticket["short_description"], format!("{QUEUE}: 14 wait"));
    let description = ticket["description"].as_str().unwrap();
    for part in ["14 waiting, 3 agents on queue.", "Opened in servicenow"] {
        assert!(
            description.contains(part),
            "{part} is missing in {description}"
        );
    }
}
