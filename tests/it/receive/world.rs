//! A listener on a free port, on a database of its own, with a clock that the test sets.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use ringdown::clock::Clock;
use ringdown::domain::time::Timestamp;
use ringdown::http::{Readiness, ServeOptions, serve};
use ringdown::receive::{CallbackSettings, ReceiveState, TrustedHost, router};
use ringdown::settings::{AuthMethod, Secret, ServerSettings, SourceSettings};
use ringdown::store::Store;
use ringdown::telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const TOKEN: &str = "genesys-token";
pub(crate) const NOW_MS: i64 = 1_795_442_850_000;

/// An event of the guide's shape that fits.
pub(crate) fn good(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"telephony.queue.waiting","timestamp":"2026-11-23T14:00:00Z","metrics":[{{"name":"Billing Tier 1","avg":412.5}}]}}"#
    )
}

/// The same without the average wait: a schema mismatch.
pub(crate) fn misfit(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"telephony.queue.waiting","timestamp":"2026-11-23T14:00:00Z","metrics":[{{"name":"Billing Tier 1","avg":null}}]}}"#
    )
}

pub(crate) fn bearer() -> AuthMethod {
    AuthMethod::Bearer {
        secret: Secret::new(TOKEN),
    }
}

pub(crate) fn source(auth: Vec<AuthMethod>) -> SourceSettings {
    let text = "format = \"genesys\"\nauth = [{ type = \"bearer\", secret = \"replaced\" }]";
    SourceSettings {
        auth,
        ..SourceSettings::from_toml("genesys", text).unwrap()
    }
}

const SERVER: &str = r#"
listen = "127.0.0.1:0"
max_body_bytes = 2000
body_memory = 1000000
max_in_flight = 64
max_connections = 64
drain_timeout = "5s"
"#;

/// What a listener is started with; a test changes what it is about.
pub(crate) struct Plan {
    pub(crate) server: ServerSettings,
    pub(crate) sources: BTreeMap<String, SourceSettings>,
    pub(crate) callback_auth: BTreeMap<String, Vec<AuthMethod>>,
    pub(crate) drain_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) sns_host: TrustedHost,
}

impl Plan {
    pub(crate) fn new(genesys: SourceSettings) -> Self {
        Self {
            server: ServerSettings::from_toml("server", SERVER).unwrap(),
            sources: BTreeMap::from([("genesys".to_owned(), genesys)]),
            callback_auth: BTreeMap::new(),
            drain_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(30),
            sns_host: TrustedHost::AMAZON,
        }
    }

    pub(crate) async fn start(self) -> World {
        crate::receive::log_lines::collect();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let store = Store::open(&url).await.unwrap();
        let (journal, writer) = store.journal();
        let writer = tokio::spawn(writer.run());
        let clock = Clock::manual(Timestamp::from_millis(NOW_MS));
        let (readiness, watched) = watch::channel(Readiness::Ready);
        let metrics = Metrics::new();
        let application = router(ReceiveState {
            server: self.server,
            sources: self.sources,
            journal,
            held_back: ringdown::backlog::HeldBack::default(),
            metrics: metrics.clone(),
            readiness: watched,
            clock: clock.clone(),
            callback_settings: self
                .callback_auth
                .into_iter()
                .map(|(name, auth)| {
                    let record_id = |text: &str| Some(text.to_owned());
                    (name, CallbackSettings { auth, record_id })
                })
                .collect(),
            callbacks: ringdown::receive::Callbacks {
                store: store.clone(),
                callback_received: watch::channel(0).0,
            },
            sns_host: self.sns_host,
        })
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let options = ServeOptions {
            drain_timeout: self.drain_timeout,
            header_timeout: self.header_timeout,
            ..ServeOptions::default()
        };
        let served = tokio::spawn(serve(listener, application, shutdown.clone(), options));
        World {
            address,
            url,
            clock,
            readiness,
            metrics,
            shutdown,
            served,
            writer,
            client: reqwest::Client::new(),
            _folder: folder,
        }
    }
}

/// A running listener.
pub(crate) struct World {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) readiness: watch::Sender<Readiness>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<usize>,
    pub(crate) writer: JoinHandle<()>,
    pub(crate) client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl World {
    /// A listener with one source, `genesys`, and one way in, a bearer token.
    pub(crate) async fn start() -> Self {
        Plan::new(source(vec![bearer()])).start().await
    }

    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A JSON request to `genesys` without credentials.
    pub(crate) fn stranger(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client
            .post(self.url_of("/webhooks/genesys"))
            .header("content-type", "application/json")
            .body(body)
    }

    /// The same with the token.
    pub(crate) fn sender(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.stranger(body).bearer_auth(TOKEN)
    }

    /// Every kept event: id, body, why it is in review.
    pub(crate) async fn kept(&self) -> Vec<(String, String, Option<String>)> {
        let pool = self.database().await;
        sqlx::query_as("select event_id, body, review from events order by seq")
            .fetch_all(&pool)
            .await
            .unwrap()
    }

    pub(crate) async fn database(&self) -> sqlx::SqlitePool {
        sqlx::SqlitePool::connect(&self.url).await.unwrap()
    }

    pub(crate) fn counted(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|one| one == line)
    }
}

/// Status, problem name and `retry-after` of an error answer, whose shape is checked.
pub(crate) async fn problem(response: Response) -> (u16, String, Option<u64>) {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/problem+json");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["instance"], headers["x-request-id"].to_str().unwrap());
    assert!(body["title"].is_string() && body["detail"].is_string());
    let kind = body["type"].as_str().unwrap();
    let name = kind.strip_prefix("urn:ringdown:problem:").unwrap();
    let wait = headers
        .get("retry-after")
        .map(|seconds| seconds.to_str().unwrap().parse().unwrap());
    (status, name.to_owned(), wait)
}

/// The 202's counts: accepted, duplicates, review.
pub(crate) async fn tally(response: Response) -> (u64, u64, u64) {
    assert_eq!(response.status().as_u16(), 202);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body.as_object().unwrap().len(), 3);
    let count = |name: &str| body[name].as_u64().unwrap();
    (count("accepted"), count("duplicates"), count("review"))
}
