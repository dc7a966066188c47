//! Messages that a simulated CRM sends when a ticket changes, and what becomes of them: sent
//! once and forgotten, or repeated until somebody acknowledges them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host::{Crm, Inner};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Repetitions before a message is dropped; Salesforce drops it after 24 hours.
const MOST_REPETITIONS: u32 = 1000;

/// A message about one ticket. Its text is made when it is sent: it shows the ticket as it is
/// then, not as it was when the message became due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Where it goes.
    pub url: String,
    /// A bearer token for the header; empty for none.
    pub bearer: String,
    /// The ticket.
    pub ticket: String,
    /// The message's own id, the same in every repetition.
    pub message_id: String,
    /// What happened: `insert`, `update` or `delete`.
    pub operation: &'static str,
    /// How it is acknowledged.
    pub until: Until,
}

/// When a message counts as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// It is sent once, whatever comes of it.
    Sent,
    /// A 2xx; repeated after so many milliseconds.
    Success(u64),
    /// A 200 whose body says `<Ack>true</Ack>`; repeated after so many milliseconds.
    Ack(u64),
}

/// Sends what the CRM owes to whoever listens, each message in a task of its own.
pub(super) fn send_due<C: Crm>(inner: &Arc<Inner<C>>) {
    for push in inner.crm.due_pushes() {
        tokio::spawn(send(Arc::downgrade(inner), push));
    }
}

async fn send<C: Crm>(inner: Weak<Inner<C>>, push: Push) {
    let again_after = match push.until {
        Until::Sent => None,
        Until::Success(wait) | Until::Ack(wait) => Some(Duration::from_millis(wait)),
    };
    // Whoever listens is on this machine, or says so in NO_PROXY's place: nobody wants a proxy.
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else {
        return;
    };
    for _ in 0..MOST_REPETITIONS {
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
async fn attempt(client: &reqwest::Client, push: &Push, kind: &'static str, body: String) -> bool {
    let mut call = client
        .post(&push.url)
        .timeout(PATIENCE)
        .header("content-type", kind)
        .body(body);
    if !push.bearer.is_empty() {
        call = call.bearer_auth(&push.bearer);
    }
    if matches!(push.until, Until::Ack(_)) {
        call = call.header("soapaction", "\"\"");
    }
    let Ok(answer) = call.send().await else {
        return false;
    };
    match push.until {
        Until::Sent => true,
        Until::Success(_) => answer.status().is_success(),
        Until::Ack(_) => {
            let is_200 = answer.status().as_u16() == 200;
            let text = answer.text().await.unwrap_or_default();
            is_200 && text.contains("<Ack>true</Ack>")
        }
    }
}
