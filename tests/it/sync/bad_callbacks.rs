//! Callbacks that are not what they should be change nothing.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::crm::At;
use crate::sync::desk::{CALLBACK_TOKEN, Desk, NEVER};

const JSON: &str = "application/json";
const XML: &str = "text/xml; charset=utf-8";

/// The status and body of a callback to `target`.
async fn call(
    desk: &Desk,
    target: &str,
    token: &str,
    kind: &str,
    body: String,
) -> (StatusCode, String) {
    let url = format!("{}/callbacks/{target}", desk.world.public);
    let call = desk.world.client.post(url).bearer_auth(token);
    let call = call.header("content-type", kind).body(body);
    let answer = call.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

fn message(inside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D</OrganizationId>{inside}</notifications></soapenv:Body></soapenv:Envelope>"#
    )
}

fn about(id: &str) -> String {
    message(&format!(
        "<Notification><Id>04l</Id><sObject><sf:Id>{id}</sf:Id></sObject></Notification>"
    ))
}

#[tokio::test]
async fn strangers_and_unknown_targets_are_refused_and_nothing_is_followed() {
    let desk = Desk::open(At::Salesforce, NEVER).await;
    desk.close();
    let body = || format!(r#"{{"recordId":"{}"}}"#, desk.ticket);
    let send = async |target, token| call(&desk, target, token, JSON, body()).await.0;
    assert_eq!(send("salesforce", "wrong").await, 401);
    assert_eq!(send("nobody", CALLBACK_TOKEN).await, 404);
    let url = format!("{}/callbacks/salesforce", desk.world.public);
    let bare = desk.world.client.post(&url).header("content-type", JSON);
    let answer = bare.body(body()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let wrong = format!("{url}?access_token=wrong");
    let answer = desk
        .world
        .client
        .post(wrong)
        .json(&Value::Null)
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 401);
    let got = desk.world.client.get(&url).send().await.unwrap();
    assert_eq!(got.status(), 405);
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(
        desk.incident().await["state"],
        "open",
        "{}",
        desk.world.log()
    );
}

#[tokio::test]
async fn messages_that_are_not_callbacks_are_refused() {
    let desk = Desk::open(At::Salesforce, NEVER).await;
    let send = async |kind, body: String| {
        let (status, text) = call(&desk, "salesforce", CALLBACK_TOKEN, kind, body).await;
        assert!(!text.contains("<Ack>true"), "{text}");
        status
    };
    let whole = about(&desk.ticket);
    let cut = whole[..whole.len() - 12].to_owned();
    assert_eq!(send(XML, cut).await, 400);
    assert_eq!(send(XML, message("")).await, 400);
    let laughs = format!(
        r#"<!DOCTYPE x [<!ENTITY a "{}"><!ENTITY b "&a;&a;">]>{whole}"#,
        "a".repeat(100)
    );
    assert_eq!(send(XML, laughs).await, 400);
    let outside = format!(r#"<!DOCTYPE x SYSTEM "http://127.0.0.1:9/">{whole}"#);
    assert_eq!(send(XML, outside).await, 400);
    assert_eq!(send(XML, whole.replace("04l", "&secret;")).await, 400);
    assert_eq!(send(JSON, "{".to_owned()).await, 400);
    assert_eq!(send(JSON, r#"{"Status":"Closed"}"#.to_owned()).await, 400);
    assert_eq!(send("text/plain", whole.clone()).await, 415);
    let long = whole.replace("04l", &"4".repeat(300_000));
    assert_eq!(send(XML, long).await, 413);
}

#[tokio::test]
async fn a_ticket_that_is_not_ours_is_acknowledged_and_counted() {
    let desk = Desk::open(At::Salesforce, NEVER).await;
    let strange = "5005g00000StRaNAAV";
    let (status, text) = call(&desk, "salesforce", CALLBACK_TOKEN, XML, about(strange)).await;
    assert_eq!(status, 200);
    assert!(text.contains("<Ack>true</Ack>"), "{text}");
    let json = format!(r#"{{"recordId":"{strange}"}}"#);
    let (status, text) = call(&desk, "salesforce", CALLBACK_TOKEN, JSON, json).await;
    assert_eq!(status, 202);
    assert_eq!(text, r#"{"accepted":0,"unknown":1}"#);
    let metrics = desk.world.metrics().await;
    let line = r#"ringdown_ticket_changes_total{target="salesforce",outcome="not_ours"} 2"#;
    assert!(metrics.contains(line), "{metrics}");
}

/// Callbacks about `id` that are refused, each with its answer: none of them is any good.
fn refused(at: At, id: &str) -> Vec<(&'static str, &'static str, String, u16)> {
    let good = CALLBACK_TOKEN;
    let json = format!(r#"{{"recordId":"{id}","sys_id":"{id}"}}"#);
    let whole = about(id);
    let bomb = format!(
        r#"<!DOCTYPE x [<!ENTITY a "{}"><!ENTITY b "&a;&a;">]>{whole}"#,
        "a".repeat(100)
    );
    let mut refused = vec![
        ("wrong", JSON, json.clone(), 401),
        ("", JSON, json.clone(), 401),
        (good, JSON, json[..json.len() - 1].to_owned(), 400),
        (good, JSON, format!("[{json},1]"), 400),
        (good, JSON, r#"{"state":"7"}"#.to_owned(), 400),
        (good, "image/png", json.clone(), 415),
        (good, "text/plain", format!("x{json}"), 415),
        (
            good,
            JSON,
            json.replace('{', &format!("{{\"x\":\"{}\",", "x".repeat(300_000))),
            413,
        ),
    ];
    if at == At::Salesforce {
        refused.extend([
            ("wrong", XML, whole.clone(), 401),
            (good, XML, whole[..whole.len() - 12].to_owned(), 400),
            (good, XML, bomb, 400),
            (good, XML, whole.replace("04l", "&amp;&unknown;"), 400),
            (good, XML, whole.replace("04l", &"4".repeat(300_000)), 413),
        ]);
    }
    refused
}

#[tokio::test]
async fn after_all_that_is_refused_the_truth_is_followed_and_the_key_has_one_ticket() {
    for at in At::BOTH {
        let desk = Desk::open(at, NEVER).await;
        desk.close();
        for (token, kind, body, expected) in refused(at, &desk.ticket) {
            let shown: String = body.chars().take(200).collect();
            let (status, text) = call(&desk, at.name(), token, kind, body).await;
            assert_eq!(status, expected, "{at:?} {kind}: {shown}: {text}");
            assert!(!text.contains("Ack>true"), "{text}");
        }
        // Nobody has told us yet that it is closed: the breach goes on, on the same ticket.
        desk.breach("evt-2").await;
        let heard = async || desk.incident().await["occurrences"] == 2;
        desk.world.until("the second breach counts", heard).await;
        assert_eq!(desk.incident().await["state"], "open", "{at:?}");
        assert_eq!(desk.tickets().len(), 1, "{at:?}");
        assert_eq!(desk.call(&desk.ticket).await, StatusCode::ACCEPTED);
        desk.closed().await;
        desk.breach("evt-3").await;
        let two = async || desk.tickets().len() == 2;
        desk.world
            .until("a lasting breach opens one more", two)
            .await;
        desk.world.all_delivered().await;
        assert_eq!(desk.tickets().len(), 2, "{at:?}");
        assert!(desk.world.items("dead-letters").await.is_empty());
    }
}
