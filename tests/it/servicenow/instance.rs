//! An instance that plays a written script: it answers each request with the next line, and
//! keeps what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use ringdown::clock::Clock;
use ringdown::domain::identity::TargetName;
use ringdown::outbound::Redactor;
use ringdown::settings::{
    CrmSettings, FieldTemplate, FieldValue, OnTicketClosed, RetrySettings, Secret, SyncSettings,
    TargetAuth, TargetLimit, TargetSettings,
};
use ringdown::targets::http;
use ringdown::targets::{Connection, Login, ServiceNow, StaticLogin, TokenVault, profiles};
use serde_json::{Value, json};
use url::Url;

/// One line of the script.
pub(crate) enum Line {
    /// A whole answer.
    Answer(u16, &'static str, String),
    /// The answer to an insert: the fields sent, with these on top.
    Created(Value),
    /// The answer begins and then the connection is cut.
    Cut,
    /// A redirect to this address.
    Redirect(String),
}

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Clone, Default)]
pub(crate) struct Instance {
    script: Arc<Mutex<VecDeque<Line>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Instance {
    /// Starts an instance that will answer with `script`, line by line.
    pub(crate) async fn playing(script: impl IntoIterator<Item = Line>) -> (Self, Url) {
        let instance = Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            ..Self::default()
        };
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(instance.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (instance, Url::parse(&base).unwrap())
    }

    /// Everything asked so far, checked to have used the script up.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        assert!(self.script.lock().unwrap().is_empty(), "script not used up");
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(instance): State<Instance>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked {
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let sent = asked.body.clone();
    instance.asked.lock().unwrap().push(asked);
    let line = instance.script.lock().unwrap().pop_front();
    let (status, media_type, body) = match line.expect("more was asked than the script has") {
        Line::Answer(status, media_type, body) => (status, media_type, Body::from(body)),
        Line::Created(top) => (201, JSON, Body::from(created(sent, top).to_string())),
        Line::Cut => (201, JSON, cut_off()),
        Line::Redirect(place) => {
            let response = Response::builder().status(302).header("location", place);
            return response.body(Body::empty()).unwrap();
        }
    };
    Response::builder()
        .status(status)
        .header("content-type", media_type)
        .body(body)
        .unwrap()
}

const JSON: &str = "application/json;charset=UTF-8";

fn created(mut sent: Value, top: Value) -> Value {
    let record = sent.as_object_mut().unwrap();
    record.insert("number".to_owned(), "INC0010002".into());
    record.insert("state".to_owned(), "1".into());
    record.insert("active".to_owned(), "true".into());
    for (name, value) in top.as_object().unwrap() {
        record.insert(name.clone(), value.clone());
    }
    json!({"result": record})
}

fn cut_off() -> Body {
    let broken = Err::<Bytes, _>(std::io::Error::other("cut"));
    Body::from_stream(futures::stream::iter([
        Ok(Bytes::from_static(b"{\"result\":")),
        broken,
    ]))
}

/// An answer in JSON.
pub(crate) fn json_answer(status: u16, body: &Value) -> Line {
    Line::Answer(status, JSON, body.to_string())
}

/// An answer with a result.
pub(crate) fn result(value: Value) -> Line {
    json_answer(200, &json!({"result": value}))
}

/// An error as the Table API words it.
pub(crate) fn error(status: u16, message: &str, detail: &str) -> Line {
    let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    json_answer(status, &body)
}

/// "No Record found".
pub(crate) fn absent() -> Line {
    error(
        404,
        "No Record found",
        "Record doesn't exist or ACL restricts the record retrieval",
    )
}

/// "ACL Exception".
pub(crate) fn denied() -> Line {
    error(
        403,
        "Operation Failed",
        "ACL Exception Insert Failed due to security constraints",
    )
}

/// The database's word for a taken primary key.
pub(crate) fn duplicate() -> Line {
    error(
        403,
        "Operation Failed",
        "Unique Key violation detected by database (Duplicate entry 'x' for key 'PRIMARY')",
    )
}

/// A client that logs in with a name and a password.
pub(crate) fn client(base: &Url) -> ServiceNow {
    client_with(
        base,
        TargetAuth::Basic {
            username: "ringdown".to_owned(),
            password: Secret::new("p>ss?wörd"),
        },
    )
}

/// A client that logs in with `auth`.
pub(crate) fn client_with(base: &Url, auth: TargetAuth) -> ServiceNow {
    client_at(base, auth, &Clock::System)
}

/// The same by `clock`.
pub(crate) fn client_at(base: &Url, auth: TargetAuth, clock: &Clock) -> ServiceNow {
    let login = StaticLogin::of(&auth).unwrap();
    let settings = settings(base, auth);
    connected(&settings, Arc::new(login), clock)
}

/// A vault that holds nothing: only rotated refresh tokens are kept in one.
pub(crate) struct NoVault;

#[async_trait]
impl TokenVault for NoVault {
    async fn load(&self, _target: &TargetName) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    async fn save(&self, _target: &TargetName, _sealed: &[u8]) -> Result<(), String> {
        Err("nothing is kept here".to_owned())
    }

    async fn lock(
        &self,
        _target: &TargetName,
        _patience: Duration,
    ) -> Result<Box<dyn Send>, String> {
        Ok(Box::new(()))
    }
}

fn connected(settings: &TargetSettings, login: Arc<dyn Login>, clock: &Clock) -> ServiceNow {
    ServiceNow::new(Connection {
        name: TargetName::new("servicenow"),
        settings: Arc::new(settings.clone()),
        http: http::Client::new(settings.timeout, &Redactor::default()).unwrap(),
        login,
        clock: clock.clone(),
    })
}

/// A client that logs in by `login`.
pub(crate) fn client_by(base: &Url, login: impl Login + 'static) -> ServiceNow {
    let unused = TargetAuth::ApiKey {
        header: "x-sn-apikey".to_owned(),
        key: Secret::new("unused"),
    };
    let settings = settings(base, unused);
    connected(&settings, Arc::new(login), &Clock::System)
}

/// Settings of a target at `base`.
pub(crate) fn settings(base: &Url, auth: TargetAuth) -> TargetSettings {
    TargetSettings {
        kind: profiles()
            .into_iter()
            .find(|crm| crm.name == "servicenow")
            .unwrap(),
        own: CrmSettings::default(),
        base_url: base.clone(),
        auth,
        timeout: Duration::from_secs(5),
        retry: RetrySettings {
            attempts: 3,
            base: Duration::from_secs(1),
            factor: 2.0,
            jitter: 0.0,
        },
        limit: TargetLimit {
            per_second: 10,
            concurrent: 4,
        },
        create: Vec::new(),
        strict_fields: Vec::new(),
        update: Vec::new(),
        resolve: vec![FieldTemplate {
            name: "state".to_owned(),
            value: FieldValue::Literal(json!("6")),
        }],
        sync: SyncSettings {
            poll_every: Duration::from_secs(60),
            on_ticket_closed: OnTicketClosed::Close,
        },
        failover_after: Duration::from_secs(120),
        callback_auth: Vec::new(),
    }
}
