//! The CRM says itself that a ticket changed.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::support::crm::At;
use crate::sync::desk::{CALLBACK_TOKEN, Desk, NEVER, story};

const A_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_persons_closing_frees_the_key_within_a_second_of_it() {
    for (at, kind) in [
        (At::Salesforce, "outbound_message"),
        (At::Salesforce, "flow"),
        (At::ServiceNow, "business_rule"),
    ] {
        let desk = Desk::open(at, NEVER).await;
        desk.push(kind);
        desk.close();
        assert!(desk.closes_within(A_SECOND).await, "{at:?} by {kind}");
        desk.breach("evt-2").await;
        let two = async || desk.tickets().len() == 2;
        desk.world
            .until("a lasting breach opens one more", two)
            .await;
    }
}

#[tokio::test]
async fn scripts_of_administrators_are_understood_whatever_type_they_declare() {
    let desk = Desk::open(At::ServiceNow, NEVER).await;
    let id = desk.ticket.as_str();
    let bodies = [
        format!(r#"{{"sys_id":"{id}"}}"#),
        format!(r#"{{"record":{{"sys_id":"{id}"}}}}"#),
        format!(r#"{{"result":{{"sys_id":"{id}"}}}}"#),
        format!(r#"{{"sys_id":{{"value":"{id}","display_value":"{id}"}}}}"#),
        format!(r#"{{"sys_id":"{}"}}"#, id.to_uppercase()),
        format!("\u{feff}{{\"sys_id\":\"{id}\"}}"),
    ];
    let form = "application/x-www-form-urlencoded";
    let kinds = [
        None,
        Some("text/plain"),
        Some(form),
        Some("application/json"),
    ];
    let url = format!("{}/callbacks/servicenow", desk.world.public);
    for body in bodies {
        for kind in kinds {
            let mut call = desk.world.client.post(&url).bearer_auth(CALLBACK_TOKEN);
            if let Some(kind) = kind {
                call = call.header("content-type", kind);
            }
            let answer = call.body(body.clone()).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED, "{kind:?} {body}");
            let text = answer.text().await.unwrap();
            assert_eq!(text, r#"{"accepted":1,"unknown":0}"#, "{kind:?} {body}");
        }
    }
}

#[tokio::test]
async fn a_callback_acknowledged_before_a_crash_is_followed_after_it() {
    let mut desk = Desk::open(At::Salesforce, NEVER).await;
    // The CRM does not answer while the callback comes in.
    desk.world.simulator.salesforce().refuse_connections(true);
    let answer = desk.call(&desk.ticket).await;
    assert_eq!(answer, StatusCode::ACCEPTED);
    desk.world.daemon.kill();
    desk.world.simulator.salesforce().refuse_connections(false);
    desk.close();
    desk.world.start().await;
    desk.closed().await;
}

#[tokio::test]
async fn an_outbound_message_is_repeated_until_it_is_durable_and_then_no_more() {
    let mut desk = Desk::open(At::Salesforce, NEVER).await;
    desk.push("outbound_message");
    desk.world.daemon.kill();
    desk.close();
    tokio::time::sleep(Duration::from_millis(300)).await;
    desk.world.start().await;
    desk.closed().await;
    let acked = async || {
        let metrics = desk.world.metrics().await;
        metrics.contains(r#"ringdown_callback_requests_total{target="salesforce",status="200"} 1"#)
    };
    desk.world
        .until("the message was acknowledged", acked)
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(acked().await, "it comes no second time");
}

#[tokio::test]
async fn a_replayed_or_late_callback_has_no_effect() {
    for at in At::BOTH {
        let desk = Desk::open(at, NEVER).await;
        desk.close();
        assert_eq!(desk.call(&desk.ticket).await, StatusCode::ACCEPTED);
        let before = desk.closed().await;
        // A message from before the closing that comes after it, and comes twice.
        for _ in 0..2 {
            let late =
                json!({"sys_id": desk.ticket, "Id": desk.ticket, "state": "1", "Status": "New"});
            assert_eq!(desk.send(&late).await, StatusCode::ACCEPTED);
        }
        let target = at.name();
        let line = format!(r#"ringdown_ticket_changes_total{{target="{target}",outcome="same"}}"#);
        let followed = async || desk.world.metrics().await.contains(&line);
        desk.world
            .until("the callbacks were followed", followed)
            .await;
        let after = desk.incident().await;
        assert_eq!(before["history"], after["history"]);
        assert_eq!(before["ticket"], after["ticket"]);
        // The key was freed once, and the next breach opens one ticket and not two.
        assert_eq!(desk.tickets().len(), 1, "{at:?}");
        desk.breach("evt-2").await;
        let two = async || desk.tickets().len() == 2;
        desk.world
            .until("a lasting breach opens one more", two)
            .await;
        desk.world.all_delivered().await;
        assert_eq!(desk.tickets().len(), 2, "{at:?}");
    }
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_deletion_told_by_servicenow_is_believed_once_it_was_looked_at_for_ten_minutes() {
    let desk = Desk::open(At::ServiceNow, "1s").await;
    desk.push("business_rule");
    desk.delete();
    desk.until_missed(1).await;
    assert_eq!(desk.incident().await["state"], "open");
    desk.world.pass(Duration::from_secs(601));
    assert!(story(&desk.closed().await).contains("ticket not shown any more"));
}

impl Desk {
    /// A callback about the ticket `id`; its status.
    pub(crate) async fn call(&self, id: &str) -> StatusCode {
        let field = match self.at {
            At::Salesforce => "recordId",
            At::ServiceNow => "sys_id",
        };
        self.send(&json!({ field: id })).await
    }

    async fn send(&self, body: &serde_json::Value) -> StatusCode {
        let url = format!("{}/callbacks/{}", self.world.public, self.at.name());
        let call = self.world.client.post(url).bearer_auth(CALLBACK_TOKEN);
        call.json(body).send().await.unwrap().status()
    }
}
