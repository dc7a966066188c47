//! The whole daemon with a third CRM, against a real server: what every CRM must pass.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::settings::Loader;
use crate::targets::profiles;
use crate::telemetry::Metrics;

/// How the tracker answers the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It does what is asked, and the connection ends before the answer.
    AnswerLost,
    Refused,
    /// A success that names no issue.
    NoId,
    /// The token is refused by a login that is in trouble.
    LoginInTrouble,
}

#[derive(Default)]
struct Tracker {
    issues: Vec<Value>,
    faults: VecDeque<Fault>,
    logins: usize,
}

type Shared = Arc<Mutex<Tracker>>;

fn lock(tracker: &Shared) -> MutexGuard<'_, Tracker> {
    tracker.lock().unwrap()
}

impl Tracker {
    fn write(&mut self, wanted: &Value) -> Value {
        let at = match wanted["id"].as_str() {
            Some(id) => self.issues.iter().position(|issue| issue["id"] == *id),
            None => {
                let id = format!(
                    "{}-{}",
                    wanted["project"].as_str().unwrap(),
                    12 + self.issues.len()
                );
                self.issues.push(json!({
                    "id": id, "number": id, "url": format!("https://tracker/{id}"),
                    "state": "Open", "closed": false, "comments": [], "fields": {},
                    "external_key": wanted["external_key"],
                }));
                Some(self.issues.len() - 1)
            }
        };
        let issue = &mut self.issues[at.unwrap()];
        for (name, value) in wanted["fields"].as_object().unwrap() {
            issue["fields"][name] = value.clone();
        }
        if let Some(state) = wanted["fields"].get("status") {
            issue["state"] = state.clone();
            issue["closed"] = (state == "Done").into();
        }
        if let Some(comment) = wanted["comment"].as_str() {
            issue["comments"]
                .as_array_mut()
                .unwrap()
                .push(comment.into());
        }
        issue.clone()
    }
}

/// Client credentials by HTTP Basic only.
async fn token(
    State(tracker): State<Shared>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, Json<Value>) {
    let mut tracker = lock(&tracker);
    if tracker.faults.front() == Some(&Fault::LoginInTrouble) {
        tracker.faults.pop_front();
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "try_later"})));
    }
    // `ring:down` and `s3cret/key`, each form-encoded before it is encoded for Basic.
    let basic = "Basic cmluZyUzQWRvd246czNjcmV0JTJGa2V5";
    if headers["authorization"] != basic || form != "grant_type=client_credentials" {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({"error": "invalid_client"})),
        );
    }
    tracker.logins += 1;
    (StatusCode::OK, Json(json!({"access_token": "t0ken"})))
}

async fn find(
    State(tracker): State<Shared>,
    Query(query): Query<Vec<(String, String)>>,
) -> Json<Value> {
    let tracker = lock(&tracker);
    let is_wanted = |issue: &&Value| {
        query.iter().all(|(field, wanted)| match field.as_str() {
            "comments" => issue["comments"].to_string().contains(wanted),
            field => {
                let value = issue[field].as_str().unwrap_or_default();
                wanted.split(',').any(|one| one == value)
            }
        })
    };
    Json(tracker.issues.iter().filter(is_wanted).cloned().collect())
}

async fn write(State(tracker): State<Shared>, body: Bytes) -> Response<Body> {
    let wanted: Value = serde_json::from_slice(&body).unwrap();
    let mut tracker = lock(&tracker);
    let fault = tracker.faults.pop_front();
    match fault {
        Some(Fault::Refused) => {
            let refusal = Body::from(r#"{"message":"summary is too dull"}"#);
            Response::builder().status(400).body(refusal).unwrap()
        }
        Some(Fault::NoId) => {
            tracker.write(&wanted);
            Response::new(Body::from("[{}]"))
        }
        Some(Fault::AnswerLost) => {
            tracker.write(&wanted);
            let cut = stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
            Response::new(Body::from_stream(cut))
        }
        _ => Response::new(Body::from(json!([tracker.write(&wanted)]).to_string())),
    }
}

struct World {
    tracker: Shared,
    app: App,
    _folder: tempfile::TempDir,
    http: reqwest::Client,
}

fn configuration(address: &str, database: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[store]
url = "{database}"
[sources.genesys]
format = "genesys"
auth = [{{ type = "bearer", secret = {{ env = "TOKEN" }} }}]
[rules.queue-wait]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{{{ queue_name }}}}"
on_recovery = "resolve"
update_every = "1ms"
targets = ["desk"]
[targets.desk]
kind = "example"
base_url = "{address}"
project = "PROJ"
retry = {{ attempts = 5, base = "50ms" }}
[targets.desk.auth]
flow = "client_credentials"
client_id = "ring:down"
client_secret = {{ env = "CRM_SECRET" }}
[targets.desk.create]
summary = "Wait in {{{{ queue_name }}}}"
[targets.desk.update]
[targets.desk.resolve]
status = "Done"
[targets.desk.callback]
auth = [{{ type = "bearer", secret = {{ env = "TOKEN" }} }}]
[targets.desk.sync]
poll_every = "1h"
"#
    )
}

impl World {
    /// A daemon whose tracker meets these faults, in turn.
    async fn start(faults: &[Fault]) -> Self {
        let tracker = Shared::default();
        lock(&tracker).faults.extend(faults);
        let router = Router::new()
            .route("/oauth/token", post(token))
            .route("/issues", get(find).post(write))
            .with_state(tracker.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ringdown.toml");
        std::fs::write(&file, configuration(&address, &database(&folder))).unwrap();
        let loader = Loader {
            offline: false,
            crms: profiles(),
            config_dir: PathBuf::new(),
            environment: [
                ("TOKEN", "webhook-s3cret-token"),
                ("CRM_SECRET", "s3cret/key"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            files: vec![file],
        };
        let settings = loader
            .load()
            .unwrap_or_else(|error| panic!("{error}"))
            .settings;
        let app = App::start(AppOptions {
            files: Vec::new(),
            warnings: crate::settings::report::Warnings::default(),
            settings,
            effective: Value::Null,
            clock: Clock::System,
            metrics: Metrics::new(),
        });
        Self {
            tracker,
            app: app.await.unwrap(),
            _folder: folder,
            http: reqwest::Client::new(),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("http://{}/{path}", self.app.public_addr);
        let request = self
            .http
            .post(url)
            .bearer_auth("webhook-s3cret-token")
            .json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 202, "{path}");
        answer.json().await.unwrap()
    }

    async fn event(&self, id: &str, wait: f64) {
        let event = json!({"id": id, "type": "telephony.queue.waiting",
            "timestamp": crate::clock::Clock::System.now().to_string(),
            "metrics": [{"name": "Billing", "avg": wait}]});
        self.post("webhooks/genesys", event).await;
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let url = format!("http://{}/api/v1/{path}", self.app.admin_addr);
        let page: Value = self
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        page["items"].as_array().cloned().unwrap_or_default()
    }

    fn issues(&self) -> Vec<Value> {
        lock(&self.tracker).issues.clone()
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !holds().await {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}: {:?}",
                self.issues()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the incident's ticket is `id`, and there is one issue.
    async fn until_ticket_is(&self, id: &str) {
        self.until("the ticket is confirmed", async || {
            let incidents = self.items("incidents").await;
            incidents
                .first()
                .is_some_and(|incident| incident["ticket"]["id"] == id)
        })
        .await;
        assert_eq!(self.issues().len(), 1);
    }
}

fn database(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("ringdown.db").display())
}

#[tokio::test]
async fn a_ticket_is_created_updated_and_resolved() {
    let world = World::start(&[]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    let issue = &world.issues()[0];
    assert_eq!(issue["fields"]["summary"], "Wait in Billing");
    assert!(issue["external_key"].as_str().unwrap().starts_with("rd-"));
    world.event("evt-2", 500.0).await;
    world
        .until("a comment is written", async || {
            world.issues()[0]["comments"] != json!([])
        })
        .await;
    world.event("evt-3", 100.0).await;
    world
        .until("the ticket is resolved", async || {
            world.issues()[0]["state"] == "Done"
        })
        .await;
    assert_eq!(lock(&world.tracker).logins, 1);
    world.app.stop().await;
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_looked_up_and_not_opened_again() {
    let world = World::start(&[Fault::AnswerLost]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    world.app.stop().await;
}

#[tokio::test]
async fn a_success_without_an_id_proves_nothing_and_is_looked_up() {
    let world = World::start(&[Fault::NoId]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    world.app.stop().await;
}

#[tokio::test]
async fn a_refused_ticket_is_a_dead_letter_with_the_crms_words() {
    let world = World::start(&[Fault::Refused]).await;
    world.event("evt-1", 400.0).await;
    world
        .until("there is a dead letter", async || {
            !world.items("dead-letters").await.is_empty()
        })
        .await;
    let dead = &world.items("dead-letters").await[0];
    assert!(dead.to_string().contains("summary is too dull"), "{dead}");
    assert!(world.issues().is_empty());
    world.app.stop().await;
}

#[tokio::test]
async fn a_login_that_is_in_trouble_by_the_crms_own_word_holds_nothing() {
    let world = World::start(&[Fault::LoginInTrouble]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    world.app.stop().await;
}

#[tokio::test]
async fn a_callback_names_a_ticket_by_the_crms_own_kind_of_id() {
    let world = World::start(&[]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    lock(&world.tracker).issues[0]["state"] = "Done".into();
    lock(&world.tracker).issues[0]["closed"] = true.into();
    let answer = world.post("callbacks/desk", json!({"id": "PROJ-12"})).await;
    assert_eq!(answer, json!({"accepted": 1, "unknown": 0}));
    world
        .until("the incident is closed with its ticket", async || {
            world.items("incidents").await[0]["state"] == "closed"
        })
        .await;
    world.app.stop().await;
}

#[tokio::test]
async fn the_keys_and_flows_of_a_crm_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let text = configuration("https://tracker.example", &database(&folder));
    let problems = |text: &str| {
        let file = folder.path().join("bad.toml");
        std::fs::write(&file, text).unwrap();
        let environment = [
            ("TOKEN", "webhook-s3cret-token"),
            ("CRM_SECRET", "s3cret/key"),
        ];
        let loader = Loader {
            offline: false,
            crms: profiles(),
            config_dir: PathBuf::new(),
            environment: environment
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into(),
            files: vec![file],
        };
        loader.load().map(drop).unwrap_err().to_string()
    };
    let strange = problems(&text.replace("project =", "table ="));
    assert!(strange.contains("targets.desk.table"), "{strange}");
    let flow = problems(&text.replace("client_credentials", "basic"));
    assert!(flow.contains("none of client_credentials"), "{flow}");
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    let world = World::start(&[]).await;
    world.event("evt-1", 400.0).await;
    world.until_ticket_is("PROJ-12").await;
    lock(&world.tracker).faults.push_back(Fault::AnswerLost);
    world.event("evt-2", 500.0).await;
    let comments = || world.issues()[0]["comments"].as_array().unwrap().len();
    world
        .until("the comment is written", async || comments() > 0)
        .await;
    // The repetition comes after 50 ms.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(comments(), 1);
    world.app.stop().await;
}
