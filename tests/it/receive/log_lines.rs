//! What an operator finds in the log, and what must never be there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Once;

use serde_json::Value;

use crate::receive::world::{Plan, TOKEN, World, bearer, good, misfit, source, tally};

thread_local! {
    /// Everything of a test runs on its own thread, so these are its own lines.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ToThisThread;

impl Write for ToThisThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Collects every line of the process from the start of its first listener. One subscriber
/// for all tests: scoped ones that come and go on several threads lose lines now and then.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| ToThisThread)
            .init();
    });
}

fn text() -> String {
    LINES.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}

fn lines_saying(message: &str) -> Vec<Value> {
    text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["message"] == message)
        .collect()
}

#[tokio::test]
async fn g19_each_misfit_is_one_schema_mismatch_line_and_its_repetition_none() {
    let world = World::start().await;
    let array = format!(
        "[{},{},{}]",
        misfit("evt-1"),
        good("evt-2"),
        misfit("evt-3")
    );
    for expected in [(1, 0, 2), (0, 3, 0)] {
        let answer = world.sender(array.clone()).send().await.unwrap();
        assert_eq!(tally(answer).await, expected);
    }
    let mismatches = lines_saying("Schema Mismatch");
    let ids: Vec<&Value> = mismatches.iter().map(|line| &line["event_id"]).collect();
    assert_eq!(ids, ["evt-1", "evt-3"]);
    for line in &mismatches {
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["source"], "genesys");
        assert!(line["problem"].as_str().unwrap().contains("avg"), "{line}");
    }
}

#[tokio::test]
async fn a_flood_of_refused_callbacks_is_one_line() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.callback_auth = BTreeMap::from([("crm".to_owned(), vec![bearer()])]);
    let world = plan.start().await;
    for (path, status) in [("/callbacks/crm", 401), ("/callbacks/invented", 404)] {
        for _ in 0..5 {
            let request = world.client.post(world.url_of(path)).body("{}");
            let request = request.header("content-type", "application/json");
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
        }
    }
    let refusals = lines_saying("callback refused");
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0]["status"], 401);
    assert!(!text().contains("invented"));
}

#[tokio::test]
async fn a_flood_of_refusals_is_one_line_and_no_credential_is_in_the_log() {
    let world = World::start().await;
    for _ in 0..5 {
        let request = world.stranger(good("evt-1")).bearer_auth("a-wrong-token");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    }
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    let refusals = lines_saying("webhook refused");
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0]["status"], 401);
    assert_eq!(refusals[0]["problem"], "not-authenticated");
    let text = text();
    assert!(!text.contains(TOKEN) && !text.contains("a-wrong-token"));
}
