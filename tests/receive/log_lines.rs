//! What an operator finds in the log, and what must never be there.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{TOKEN, World, good, misfit, tally};

/// Log lines of this thread, on which everything of a test runs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn collected(level: tracing::Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(level)
            .with_writer(lines.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn with_message(&self, message: &str) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["message"] == message)
            .collect()
    }
}

#[tokio::test]
async fn g19_each_misfit_is_one_schema_mismatch_line_and_its_repetition_none() {
    let (lines, _guard) = Lines::collected(tracing::Level::INFO);
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
    let mismatches = lines.with_message("Schema Mismatch");
    let ids: Vec<&Value> = mismatches.iter().map(|line| &line["event_id"]).collect();
    assert_eq!(ids, ["evt-1", "evt-3"]);
    for line in &mismatches {
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["source"], "genesys");
        assert!(line["problem"].as_str().unwrap().contains("avg"), "{line}");
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_one_line_and_no_credential_is_in_the_log() {
    let (lines, _guard) = Lines::collected(tracing::Level::TRACE);
    let world = World::start().await;
    for _ in 0..5 {
        let request = world.stranger(good("evt-1")).bearer_auth("a-wrong-token");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    }
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    let refusals = lines.with_message("webhook refused");
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0]["status"], 401);
    assert_eq!(refusals[0]["problem"], "not-authenticated");
    let text = lines.text();
    assert!(!text.contains(TOKEN) && !text.contains("a-wrong-token"));
}
