//! JSON and TOML that are nested without end, on every road into a process: none ends it.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::cli::world::{TOKEN, World, ringdown};

/// What serde_json's own value takes for a text to be parsed in its place.
const PRIVATE: &str = "$serde_json::private::RawValue";

/// `text` in an object below 120 arrays, as a text to be parsed in its place, `rounds` times.
fn hidden_nesting(rounds: usize) -> String {
    let mut text = "1".to_owned();
    for _ in 0..rounds {
        let inner = text.replace('\\', "\\u005c").replace('"', "\\u0022");
        let (open, close) = ("[".repeat(120), "]".repeat(120));
        text = format!("{open}{{\"{PRIVATE}\":\"{inner}\"}}{close}");
    }
    text
}

/// Bodies of at most 256 KiB, and the reason why each goes to review.
fn hostile() -> [(String, &'static str); 4] {
    let deep = |open: &str, close: &str| {
        let text = open.repeat(20_000) + "1" + &close.repeat(20_000);
        format!("{{\"id\":\"deep\",\"a\":{text}}}")
    };
    let many = vec!["{\"\":0}"; 30_000].join(",");
    [
        (deep("[", "]"), "unreadable JSON: recursion limit"),
        (deep("{\"\":", "}"), "unreadable JSON: recursion limit"),
        (
            format!("{{\"id\":\"hidden\",\"a\":{}}}", hidden_nesting(90)),
            "none of the shapes",
        ),
        (
            format!("{{\"id\":\"many\",\"a\":[{many}]}}"),
            "unreadable JSON: more than 40000 values",
        ),
    ]
}

fn send(world: &World, body: &str) -> String {
    let url: url::Url = world.webhooks().parse().unwrap();
    let address = url.socket_addrs(|| None).unwrap();
    let mut stream = TcpStream::connect(address.as_slice()).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: ringdown\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n",
        url.path(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn explain_says_why_a_hostile_payload_goes_to_review() {
    let world = World::new();
    for (body, reason) in hostile() {
        for body in [body.clone(), format!("[{body}]")] {
            let ran = world.run_on(&["explain", "-"], body.as_bytes());
            assert_eq!(ran.code, 1, "{}", ran.err);
            assert!(ran.out.contains(reason), "{reason}: {}", ran.out);
        }
    }
}

#[test]
fn a_hostile_event_goes_to_review_and_can_be_shown() {
    let world = World::serving();
    for (body, reason) in hostile() {
        let answer = send(&world, &body);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{reason}: {answer}");
    }
    let groups = world.ask(&["review"]);
    assert!(groups.out.contains("unreadable JSON"), "{}", groups.out);
    let list = world.ask(&["review", "list", "--output", "json"]);
    let items = list.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), hostile().len(), "{items:?}");
    for item in items {
        let id = item["id"].as_str().unwrap();
        let shown = world.ask(&["review", "show", id]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        let ran = world.ask(&["review", "reprocess", id]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(world.run(&["health"]).code, 0);
}

#[test]
fn a_configuration_that_is_nested_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep.toml");
    for text in [
        format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000)),
        format!("a{} = 1", ".a".repeat(100_000)),
        format!("[a{}]", ".a".repeat(100_000)),
    ] {
        std::fs::write(&file, text).unwrap();
        let ran = ringdown(&["config", "check", "--config", file.to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}
