//! An instance with one table: it commits inserts, and then may fail to say so.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use url::Url;

/// How the instance treats the ids that inserts carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    Honoured,
    Ignored,
    Refused,
}

/// What becomes of the answer to the first committed insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Cut,
    Error(u16),
    Accepted,
}

#[derive(Clone)]
pub(crate) struct Table {
    ids: Ids,
    fault: Arc<Mutex<Fault>>,
    rows: Arc<Mutex<Vec<Value>>>,
}

impl Table {
    /// Starts an instance whose table already holds a stranger's record.
    pub(crate) async fn start(ids: Ids, fault: Fault) -> (Self, Url) {
        let stranger = json!({"sys_id": "f".repeat(32), "number": "INC0000001", "state": "1",
            "active": "true", "correlation_id": "", "sys_created_on": "2026-01-01 00:00:00"});
        let table = Self {
            ids,
            fault: Arc::new(Mutex::new(fault)),
            rows: Arc::new(Mutex::new(vec![stranger])),
        };
        let router = axum::Router::new()
            .route("/api/now/v2/table/incident", post(insert).get(query))
            .route("/api/now/v2/table/incident/{id}", get(read))
            .with_state(table.clone());
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (table, Url::parse(&base).unwrap())
    }

    /// The ids of the records that carry `key`.
    pub(crate) fn with_key(&self, key: &str) -> Vec<String> {
        let rows = self.rows.lock().unwrap();
        rows.iter()
            .filter(|row| row["correlation_id"] == key)
            .map(|row| row["sys_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Commits `record`; an error as the instance words it otherwise.
    fn commit(&self, mut record: Value) -> Result<Value, (u16, &'static str)> {
        let mut rows = self.rows.lock().unwrap();
        let number = rows.len() + 1;
        let own = format!("{number:032x}");
        let id = match (record["sys_id"].as_str(), self.ids) {
            (Some(_), Ids::Refused) => {
                return Err((
                    403,
                    "ACL Exception Insert Failed due to security constraints",
                ));
            }
            (Some(id), Ids::Honoured) => id.to_owned(),
            _ => own,
        };
        if rows.iter().any(|row| row["sys_id"] == id) {
            return Err((403, "Unique Key violation detected by database"));
        }
        record["sys_id"] = id.into();
        record["number"] = format!("INC{number:07}").into();
        record["state"] = "1".into();
        record["active"] = "true".into();
        record["sys_created_on"] = format!("2026-11-23 16:00:{number:02}").into();
        rows.push(record.clone());
        Ok(record)
    }
}

async fn insert(State(table): State<Table>, body: Bytes) -> Response {
    let record = match table.commit(serde_json::from_slice(&body).unwrap()) {
        Ok(record) => record,
        Err((status, detail)) => return failed(status, detail),
    };
    let fault = std::mem::replace(&mut *table.fault.lock().unwrap(), Fault::None);
    match fault {
        Fault::None => answer(201, &json!({"result": record})),
        Fault::Accepted => answer(202, &json!({})),
        Fault::Error(status) => failed(status, "ACL Exception Insert Failed"),
        Fault::Cut => {
            let broken = Err::<Bytes, _>(std::io::Error::other("cut"));
            let start = Ok(Bytes::from_static(b"{"));
            Response::new(Body::from_stream(futures::stream::iter([start, broken])))
        }
    }
}

async fn read(State(table): State<Table>, Path(id): Path<String>) -> Response {
    let rows = table.rows.lock().unwrap();
    match rows.iter().find(|row| row["sys_id"] == id) {
        Some(row) => answer(200, &json!({"result": row})),
        None => failed(
            404,
            "Record doesn't exist or ACL restricts the record retrieval",
        ),
    }
}

async fn query(State(table): State<Table>, Query(asked): Query<Vec<(String, String)>>) -> Response {
    let wanted = asked.iter().find_map(|(name, value)| {
        let (first, _) = value.split_once('^')?;
        let key = first.strip_prefix("correlation_id=")?;
        (name == "sysparm_query").then_some(key)
    });
    let rows = table.rows.lock().unwrap();
    let found: Vec<&Value> = rows
        .iter()
        .filter(|row| wanted.is_none_or(|key| row["correlation_id"] == key))
        .collect();
    answer(200, &json!({"result": found}))
}

fn failed(status: u16, detail: &str) -> Response {
    let error = json!({"message": "Operation Failed", "detail": detail});
    answer(status, &json!({"error": error, "status": "failure"}))
}

fn answer(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json;charset=UTF-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}
