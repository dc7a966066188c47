//! Messages that a simulated CRM sends when a ticket changes, and what becomes of them: sent
//! once and forgotten, or repeated until somebody acknowledges them.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::http::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::crm::Crm;
use super::instance::Instance;
use super::message::{Push, Until};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Repetitions before a message is dropped; Salesforce drops it after 24 hours.
const MAX_REPETITIONS: u32 = 1000;

type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Sends what the CRM owes to whoever listens, each message in a task of its own.
pub(super) fn send_due<C: Crm>(inner: &Arc<Instance<C>>) {
    for push in inner.crm.due_pushes() {
        tokio::spawn(send(Arc::downgrade(inner), push));
    }
}

async fn send<C: Crm>(inner: Weak<Instance<C>>, push: Push) {
    let again_after = match push.until {
        Until::Sent => None,
        Until::Success(wait) | Until::Ack(wait) => Some(Duration::from_millis(wait)),
    };
    let Ok(client) = client() else {
        return;
    };
    for _ in 0..MAX_REPETITIONS {
        // The simulator may be gone by now.
        let Some((kind, body)) = inner.upgrade().and_then(|inner| inner.crm.push_body(&push))
        else {
            return;
        };
        let done = attempt(&client, &push, kind, body).await;
        let Some(wait) = again_after.filter(|_| !done) else {
            return;
        };
        tokio::time::sleep(wait).await;
    }
}

/// Whether the message was delivered.
async fn attempt(client: &Client, push: &Push, kind: &'static str, body: String) -> bool {
    let mut call = Request::post(&push.url).header(CONTENT_TYPE, kind);
    if !push.bearer.is_empty() {
        call = call.header(AUTHORIZATION, format!("Bearer {}", push.bearer));
    }
    if matches!(push.until, Until::Ack(_)) {
        call = call.header("soapaction", "\"\"");
    }
    let Ok(call) = call.body(Full::from(body)) else {
        return false;
    };
    let answered = timeout(PATIENCE, exchange(client, call)).await;
    let Ok(Some((status, text))) = answered else {
        return false;
    };
    match push.until {
        Until::Sent => true,
        Until::Success(_) => status.is_success(),
        Until::Ack(_) => status == StatusCode::OK && text.contains("<Ack>true</Ack>"),
    }
}

async fn exchange(client: &Client, call: Request<Full<Bytes>>) -> Option<(StatusCode, String)> {
    let answer = client.request(call).await.ok()?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
    let body = body.collect().await.map(Collected::to_bytes);
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Some((status, text))
}

/// A client that uses no proxy: the receiver is on this machine, or in its network.
fn client() -> io::Result<Client> {
    let tls = HttpsConnectorBuilder::new().with_native_roots()?;
    let connector = tls.https_or_http().enable_http1().build();
    Ok(legacy::Client::builder(TokioExecutor::new()).build(connector))
}
