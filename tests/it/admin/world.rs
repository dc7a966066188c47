//! An admin listener on a free port, over a database that was filled through the store's own
//! methods: a queue with an open ticket, one with a dead create, one pending, a trunk closed
//! long ago, events of every state.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use ringdown::admin::{AdminState, Names, TargetView, TokenView, router};
use ringdown::clock::Clock;
use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::failure::EarlierAttempts;
use ringdown::domain::identity::{IncidentId, TargetName};
use ringdown::domain::incident_event::IncidentEvent;
use ringdown::domain::ticket::Operation;
use ringdown::domain::time::Timestamp;
use ringdown::http::{ServeOptions, serve};
use ringdown::lifecycle::Components;
use ringdown::settings::{AdminSettings, AdminToken, MaintenanceSettings, Role, Secret};
use ringdown::store::{
    Claim, DecisionBatch, DecisionTransaction, DeliveryResult, HistoryEntry, NewEvent, Reference,
    Store,
};
use ringdown::telemetry::Metrics;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin::values::{
    QueueWait, ago, decision, delivery, event, incident, kept, lock, opened, refused, ticket,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);
pub(crate) const VIEWER: &str = "viewer-token";
pub(crate) const OPERATOR: &str = "operator-token";

/// Incidents of the filled store.
pub(crate) const OPEN: &str = "00000000-0000-7000-8000-000000000001";
pub(crate) const DEAD: &str = "00000000-0000-7000-8000-000000000002";
pub(crate) const PENDING: &str = "00000000-0000-7000-8000-000000000003";
pub(crate) const CLOSED: &str = "00000000-0000-7000-8000-000000000004";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) components: Components,
    pub(crate) url: String,
    address: String,
    client: reqwest::Client,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An answer: status, headers, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The `field` of each item of a list.
    pub(crate) fn of_items(&self, field: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text);
        let body = self.json();
        let items = body["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item[field].as_str().unwrap().to_owned())
            .collect()
    }

    /// Fails unless this is a problem with `status` and a detail.
    pub(crate) fn is_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json()["status"], status);
        assert_eq!(self.json()["instance"], self.header("x-request-id"));
        assert!(!self.json()["detail"].as_str().unwrap().is_empty());
    }
}

fn tokens() -> BTreeMap<String, AdminToken> {
    let token = |role, secret| AdminToken {
        role,
        secret: Secret::new(secret),
    };
    BTreeMap::from([
        ("ops".to_owned(), token(Role::Operator, OPERATOR)),
        ("wall".to_owned(), token(Role::Viewer, VIEWER)),
    ])
}

fn names() -> Names {
    Names {
        sources: vec!["genesys".to_owned()],
        rules: vec!["queue-wait".to_owned()],
    }
}

fn targets() -> Vec<TargetView> {
    vec![TargetView {
        refused_operations: Vec::new(),
        name: TargetName::new("servicenow"),
        kind: "servicenow".into(),
        state: "up",
        pause: None,
        since: None,
        until: None,
        answers_reads: false,
        only_tried: None,
        last_error: None,
        last_error_at: None,
        token: TokenView {
            obtained_at: Some(NOW.into()),
            expires_at: None,
        },
    }]
}

async fn database_url(folder: &tempfile::TempDir) -> String {
    let Ok(server) = std::env::var("RINGDOWN_TEST_POSTGRES") else {
        return format!("sqlite:{}", folder.path().join("ringdown.db").display());
    };
    let name = format!("admin_{}", uuid::Uuid::now_v7().simple());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let create = format!("create database {name}");
    connection
        .execute(sqlx::AssertSqlSafe(create))
        .await
        .unwrap();
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    url.to_string()
}

impl World {
    /// A listener with a viewer's and an operator's token over an empty store.
    pub(crate) async fn empty() -> Self {
        Self::start(tokens()).await
    }

    /// A listener without tokens over an empty store.
    pub(crate) async fn without_tokens() -> Self {
        Self::start(BTreeMap::new()).await
    }

    /// A listener with tokens over the filled store.
    pub(crate) async fn filled() -> Self {
        let world = Self::empty().await;
        world.fill().await;
        world
    }

    /// The same as the empty one, with maintenance windows in the configuration.
    pub(crate) async fn with_windows(windows: BTreeMap<String, MaintenanceSettings>) -> Self {
        Self::start_with(tokens(), windows).await
    }

    /// The same as the filled one, with its target in the state `held`.
    pub(crate) async fn held() -> Self {
        let held = || {
            let held = |target| TargetView {
                state: "held",
                ..target
            };
            targets().into_iter().map(held).collect()
        };
        let world = Self::start_on(tokens(), BTreeMap::new(), held).await;
        world.fill().await;
        world
    }

    async fn start(tokens: BTreeMap<String, AdminToken>) -> Self {
        Self::start_with(tokens, BTreeMap::new()).await
    }

    async fn start_with(
        tokens: BTreeMap<String, AdminToken>,
        windows: BTreeMap<String, MaintenanceSettings>,
    ) -> Self {
        Self::start_on(tokens, windows, targets).await
    }

    async fn start_on(
        tokens: BTreeMap<String, AdminToken>,
        windows: BTreeMap<String, MaintenanceSettings>,
        targets: fn() -> Vec<TargetView>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = database_url(&folder).await;
        let store = Store::open(&url).await.unwrap();
        let clock = Clock::manual(NOW);
        let (metrics, components) = (Metrics::new(), Components::default());
        let settings = AdminSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            hosts: vec!["ringdown.example.com".to_owned()],
            tokens,
        };
        let state = AdminState::new(
            &settings,
            store.clone(),
            clock.clone(),
            metrics.clone(),
            components.clone(),
            std::sync::Arc::new(targets),
            json!({ "items": [
                { "path": "admin.tokens.ops.secret", "value": "[secret]", "layer": "built-in" },
            ], "next": null }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let options = ServeOptions::default();
        tokio::spawn(serve(
            listener,
            router(
                state
                    .knowing(names())
                    .showing(windows)
                    .judging(std::sync::Arc::new(QueueWait)),
            ),
            stop.clone(),
            options,
        ));
        Self {
            store,
            clock,
            metrics,
            components,
            url,
            address,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            stop,
            _folder: folder,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.address);
        self.client.request(method, url)
    }

    /// A request from the loopback address with the last number `from`.
    pub(crate) fn request_from(
        &self,
        from: u8,
        method: Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        let address = std::net::IpAddr::from([127, 0, 0, from]);
        let client = reqwest::Client::builder().local_address(address).build();
        client
            .unwrap()
            .request(method, format!("{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).bearer_auth(VIEWER);
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(OPERATOR);
        self.send(request.body(body.to_owned())).await
    }

    /// A form as a browser sends it from a page of ours.
    pub(crate) fn form(&self, path: &str, body: &str) -> reqwest::RequestBuilder {
        self.request(Method::POST, path)
            .header("origin", &self.address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
    }

    /// Signs in; answers what the browser sends as its cookie from then on.
    pub(crate) async fn sign_in(&self, token: &str) -> String {
        let form = self.form("/ui/sign-in", &format!("token={token}"));
        let answer = self.send(form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let cookie = answer.header("set-cookie");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// The page at `path` for whoever has `cookie`.
    pub(crate) async fn page(&self, cookie: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("cookie", cookie);
        self.send(request).await
    }

    /// Makes the database (SQLite) refuse whatever would be written, as a file on a disk that
    /// went read-only does.
    pub(crate) async fn refuse_writes(&self) {
        let options: sqlx::sqlite::SqliteConnectOptions = self.url.parse().unwrap();
        let mut other = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        for table in ["cursors", "deliveries"] {
            let trigger = format!(
                "create trigger refuse_{table} before update on {table} \
                 begin select raise(abort, 'attempt to write a readonly database'); end"
            );
            other.execute(sqlx::AssertSqlSafe(trigger)).await.unwrap();
        }
    }

    /// Appends events `id` from `source`, one second apart, the first at `at`.
    pub(crate) async fn append(&self, events: Vec<NewEvent>) {
        let (journal, writer) = self.store.journal();
        let writing = tokio::spawn(writer.run());
        journal.append(events).await.unwrap();
        drop(journal);
        writing.await.unwrap();
    }

    pub(crate) async fn keep(&self, batch: DecisionBatch) {
        self.deciding()
            .await
            .commit(&batch, |_| None)
            .await
            .unwrap();
    }

    /// A batch of decisions that is to be filled.
    pub(crate) async fn deciding(&self) -> DecisionTransaction {
        let lease = self
            .store
            .acquire_lease("decide", "test", Duration::from_secs(60));
        let fence = lease.await.unwrap().unwrap();
        self.store.begin_decisions(&fence).await.unwrap()
    }

    /// Claims what is due for `target`, and lets the create of `incident` end in `result`.
    pub(crate) async fn settle(&self, target: &str, incident: &str, result: DeliveryResult) {
        let now = self.clock.now();
        let claim = Claim {
            target: &TargetName::new(target),
            owner: "test",
            limit: 100,
            after_lane: "",
            operations: &ringdown::domain::ticket::Operation::ALL,
            shortage: Shortage::None,
            runs_for: RunTimes::default(),
        };
        let claimed = self
            .store
            .claim(claim, now, Duration::from_secs(30))
            .await
            .unwrap();
        let at = match &result {
            // So long ago that a request whose answer was lost has ended.
            DeliveryResult::DeadLettered { .. } => now.minus(Duration::from_secs(700)),
            _ => now,
        };
        for delivery in claimed {
            assert_eq!(delivery.incident_id.as_str(), incident);
            let kept = self
                .store
                .record_result(&delivery, "test", &result, at)
                .await;
            assert!(kept.unwrap());
        }
    }

    /// The creates of `target` that are dead letters in doubt are looked up, and refused for certain.
    pub(crate) async fn refuse_for_certain(&self, target: &str) {
        let all = serde_json::json!({ "target": target }).to_string();
        let replay = "/api/v1/dead-letters/replay?as_stored=true";
        assert_eq!(self.post(replay, &all).await.status, 200);
        let now = self.clock.now();
        let claim = Claim {
            target: &TargetName::new(target),
            owner: "test",
            limit: 100,
            after_lane: "",
            operations: &ringdown::domain::ticket::Operation::ALL,
            shortage: Shortage::None,
            runs_for: RunTimes::default(),
        };
        let claimed = self.store.claim(claim, now, Duration::from_secs(30)).await;
        let mut result = refused();
        if let DeliveryResult::DeadLettered { failure, .. } = &mut result {
            failure.outcome_unknown = false;
            failure.earlier = EarlierAttempts::HadNone;
        }
        for delivery in claimed.unwrap() {
            let kept = self
                .store
                .record_result(&delivery, "test", &result, now)
                .await;
            assert!(kept.unwrap());
        }
    }

    async fn fill(&self) {
        self.fill_journal().await;
        self.fill_incidents().await;
        let delivered = DeliveryResult::Delivered {
            ticket: Some(ticket()),
            omitted: Vec::new(),
        };
        self.settle("servicenow", OPEN, delivered).await;
        self.settle("salesforce", DEAD, refused()).await;
    }

    async fn fill_journal(&self) {
        self.append(vec![
            event("genesys", "e-1", ago(300)),
            event("genesys", "e-2", ago(200)),
            event("feed", "e-3", ago(100)),
            NewEvent {
                review: Some("/metrics/0/name: missing".into()),
                body: "{\"id\":".into(),
                ..event("feed", "e-4", ago(90))
            },
        ])
        .await;
        self.append(vec![event("genesys", "e-5", ago(10))]).await;
    }

    async fn fill_incidents(&self) {
        let mut open = incident(OPEN, "queue-wait", "q-1", ago(300));
        let mut dead = incident(DEAD, "queue-wait", "q-2", ago(200));
        let mut closed = incident(CLOSED, "trunk-down", "t-1", ago(4000));
        opened(&mut closed);
        closed.close(ago(3000));
        opened(&mut open);
        opened(&mut dead);
        let pending = incident(PENDING, "trunk-down", "t-2", ago(100));
        self.keep(DecisionBatch {
            decided_to: Some(4),
            decided_at: ago(80),
            decisions: vec![
                decision(1, "queue-wait", "opened", Some(OPEN)),
                decision(2, "queue-wait", "opened", Some(DEAD)),
                decision(3, "trunk-down", "pending", Some(PENDING)),
                decision(3, "queue-wait", "all_well", None),
            ],
            incidents: vec![
                kept(open, "genesys", "servicenow"),
                kept(dead, "genesys", "salesforce"),
                kept(pending, "feed", "servicenow"),
                kept(closed, "genesys", "salesforce"),
            ],
            locks: vec![
                lock("queue-wait", "q-1", OPEN, ago(300)),
                lock("queue-wait", "q-2", DEAD, ago(20)),
            ],
            history: vec![HistoryEntry {
                incident_id: IncidentId::new(OPEN),
                at: ago(300),
                event: IncidentEvent::Opened,
                refers: Reference::event(Some("e-1")),
            }],
            deliveries: vec![
                delivery(OPEN, "servicenow", Operation::Create, "e-1"),
                delivery(DEAD, "salesforce", Operation::Create, "e-2"),
                delivery(DEAD, "salesforce", Operation::Update, "e-2"),
                delivery(OPEN, "servicenow", Operation::Update, "e-1"),
            ],
            ..DecisionBatch::default()
        })
        .await;
    }
}
