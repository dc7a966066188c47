//! A proxy in the environment is for other machines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::world::{World, event};

/// A proxy that hangs up on everybody, and counts them.
async fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://user:proxy-pass@{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, asked)
}

/// The CRM answers on another thread while the pre-flight is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_crm_on_this_machine_is_reached_without_the_environments_proxy() {
    let (address, asked) = proxy().await;
    let address: &'static str = address.leak();
    let mut world = World::unstarted("").await;
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        world.environment.push((name, address));
    }
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let doctor = world.command(&["doctor", "--output", "json"]).output();
    let doctor: Value = serde_json::from_slice(&doctor.unwrap().stdout).unwrap();
    let checks = doctor["checks"].as_array().unwrap();
    let logged_in = |one: &Value| one["check"] == "login" && one["result"] == "ok";
    assert!(checks.iter().any(logged_in), "{doctor}");
    let listed = world.command(&["incidents"]).output().unwrap();
    assert!(listed.status.success());
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the proxy was asked");
}

/// The name is of no machine: only the proxy could know it.
#[tokio::test]
async fn a_crm_elsewhere_is_reached_through_the_environments_proxy() {
    let (address, asked) = proxy().await;
    let address: &'static str = address.leak();
    let more = r#"
[targets.salesforce]
base_url = "https://crm.invalid"
[targets.salesforce.auth]
token_url = "https://crm.invalid/token"
"#;
    let mut world = World::unstarted(more).await;
    world.environment.push(("HTTPS_PROXY", address));
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the proxy is asked", async || {
            asked.load(Ordering::Relaxed) > 0
        })
        .await;
    assert!(!world.log().contains("proxy-pass"));
}
