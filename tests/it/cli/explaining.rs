//! `explain`: what would happen to a payload.

use crate::cli::world::World;

const GUIDE: &[u8] = include_bytes!("../../fixtures/guide-queue-waiting.json");
const DRIFT: &[u8] = include_bytes!("../../fixtures/drift-renamed-fields.json");
const TRUNCATED: &[u8] = include_bytes!("../../fixtures/invalid-truncated.json");
const HEARTBEAT: &[u8] = include_bytes!("../../fixtures/websocket-heartbeat.json");

#[test]
fn g20_a_payload_is_followed_to_the_ticket_it_would_open() {
    let ran = World::new().run_on(&["explain", "-"], GUIDE);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "3f1c9a52-6a0e-4d6f-9f0e-5b7f5c1c2a10",
        "the guide's event",
        "queue-wait: breach",
        "Billing Tier 1",
        "short_description = Billing Tier 1 waits 412.5 s",
        "trunk-down: skipped; it evaluates only",
    ] {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
}

#[test]
fn g20_the_same_is_there_as_json() {
    let ran = World::new().run_on(&["explain", "-", "--output", "json"], GUIDE);
    let explained = ran.json();
    let rule = &explained[0]["rules"][0];
    assert_eq!(rule["verdict"], "breach");
    assert_eq!(rule["key"], "Billing Tier 1");
    assert_eq!(rule["readings"]["queue.waitTime.avg"], 412.5);
    assert_eq!(rule["ticket"]["target"], "crm");
    let fields = &rule["ticket"]["fields"];
    assert_eq!(fields["short_description"], "Billing Tier 1 waits 412.5 s");
}

#[test]
fn g19_a_drifted_payload_would_go_to_review_with_the_place_that_failed() {
    let ran = World::new().run_on(&["explain", "-"], DRIFT);
    assert_eq!(ran.code, 1);
    let place = "/detail/eventBody/data/0/metrics/0/metric";
    assert!(ran.out.contains(place), "{}", ran.out);
    assert!(!ran.out.contains("short_description"), "{}", ran.out);
}

#[test]
fn what_is_not_json_would_go_to_review() {
    for body in [TRUNCATED, b"\xff\xfe{}"] {
        let ran = World::new().run_on(&["explain", "-"], body);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.out.contains("not JSON"), "{}", ran.out);
    }
}

#[test]
fn one_misfit_among_several_events_is_not_fine() {
    let both = [b"[", GUIDE, b",{\"id\":\"second\"}]"].concat();
    let ran = World::new().run_on(&["explain", "-", "--output", "json"], &both);
    assert_eq!(ran.code, 1);
    let explained = ran.json();
    assert!(explained[0]["review"].is_null());
    assert!(explained[1]["review"].is_string());
}

#[test]
fn a_heartbeat_means_nothing_and_is_fine() {
    let ran = World::new().run_on(&["explain", "-"], HEARTBEAT);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("heartbeat"), "{}", ran.out);
}

#[test]
fn a_payload_cannot_give_the_terminal_orders() {
    let body = br#"{"id":"e\u001b[2J","type":"telephony.queue.waiting",
        "metrics":[{"name":"Q\u009b1m\u0007","avg":400}]}"#;
    let ran = World::new().run_on(&["explain", "-"], body);
    let orders = |text: &str| text.chars().any(|one| one.is_control() && one != '\n');
    assert!(!orders(&ran.out), "{:?}", ran.out);
}

#[test]
fn an_unknown_source_is_wrong_usage_and_the_known_ones_are_named() {
    let ran = World::new().run_on(&["explain", "-", "--source", "genesis"], GUIDE);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there are: genesys"), "{}", ran.err);
}

#[test]
fn several_files_are_one_story_and_the_state_that_the_rules_use_is_shown() {
    let world = World::new();
    world.configure(
        "[rules.backlog]\nevents = [\"v2.analytics.queues.{id}.observations\"]\n\
         when = \"metrics[oWaiting].count >= 15 && metrics[oOnQueueUsers].count < 20\"\n\
         key = \"{{ queue_id }}\"\ntargets = [\"crm\"]\n",
    );
    let fixtures = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let waiting = format!("{fixtures}/eventbridge-queue-observation.json");
    let agents = format!("{fixtures}/eventbridge-queue-users-no-mediatype.json");
    let alone = world.run(&["explain", &agents]);
    assert!(
        alone.out.contains("backlog: no result"),
        "{}{}",
        alone.out,
        alone.err
    );
    let both = world.run(&["explain", &waiting, &agents]);
    for part in ["reading  oWaiting of voice: ", "backlog: breach"] {
        assert!(
            both.out.contains(part),
            "{part} is missing in\n{}",
            both.out
        );
    }
}

#[test]
fn a_late_breach_is_explained_as_counted_where_the_rule_counts() {
    let counting = "at_least = 2\nwithin = \"10m\"\n";
    for (counting, is_counted) in [(counting, true), ("", false)] {
        let world = World::new();
        world.configure(&format!(
            "[rules.waits]\nevents = [\"telephony.queue.waiting\"]\n\
             when = \"metrics[queue.waitTime].avg > 300\"\n{counting}\
             key = \"{{{{ queue_name }}}}\"\ntargets = [\"crm\"]\n"
        ));
        let newest: serde_json::Value = serde_json::from_slice(GUIDE).unwrap();
        let mut late = newest.clone();
        late["id"] = "late".into();
        late["timestamp"] = "2026-11-23T14:00:00Z".into();
        let both = serde_json::json!([newest, late]).to_string();
        let ran = world.run_on(&["explain", "-", "--output", "json"], both.as_bytes());
        let explained = ran.json();
        let rules = explained[1]["rules"].as_array().unwrap();
        let waits = rules.iter().find(|one| one["rule"] == "waits").unwrap();
        assert_eq!(waits["counted"]["at_least"] == 2, is_counted, "{waits}");
        assert_eq!(waits["no_effect"].is_null(), is_counted, "{waits}");
    }
}

#[test]
fn a_rule_that_fails_is_named_and_is_not_fine() {
    let world = World::new();
    world.configure(
        "[rules.slip]\nevents = [\"telephony.queue.waiting\"]\nwhen = \"queue_name > 5\"\n\
         key = \"{{ queue_name }}\"\ntargets = [\"crm\"]\n",
    );
    let ran = world.run_on(&["explain", "-"], GUIDE);
    assert_eq!(ran.code, 1);
    let said = "configuration error: rules.slip.when: ";
    assert!(ran.out.contains(said), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("queue-wait: breach"), "{}", ran.out);
}

#[test]
fn a_payload_is_read_as_the_daemon_reads_it() {
    let marked = include_bytes!("../../cases/genesys/bom-explain-differs.json");
    let sns = include_bytes!("../../cases/genesys/wrapped-sns.json");
    for (body, shape) in [
        (&marked[..], "a data action's flat body"),
        (
            &sns[..],
            "a message in an EventBridge envelope in an SNS notification",
        ),
    ] {
        let ran = World::new().run_on(&["explain", "-"], body);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(shape), "{}", ran.out);
    }
    let two = br#"{"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": "{}"},
        {"messageId": "m2", "eventSource": "aws:sqs", "body": "{}"}]}"#;
    let ran = World::new().run_on(&["explain", "-", "--output", "json"], two);
    let ids: Vec<_> = ran
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["event_id"].clone())
        .collect();
    assert_eq!(ids, ["m1", "m2"]);
}

#[test]
fn what_polling_writes_is_explained_as_an_event_of_the_source_that_was_polled_for() {
    let polled = |of: &str| {
        format!(
            r#"{{"polledFor": "{of}", "type": "telephony.queue.waiting", "queueName": "Billing",
                "metrics": [{{"name": "queue.waitTime", "avg": 900}}]}}"#
        )
    };
    let arguments = ["explain", "-", "--source", "genesys-poll", "-o", "json"];
    let explain = |of: &str| {
        World::new()
            .run_on(&arguments, polled(of).as_bytes())
            .json()
    };
    assert_eq!(explain("genesys")[0]["rules"][0]["verdict"], "breach");
    assert!(
        explain("nobody")[0]["nothing"]
            .to_string()
            .contains("polledFor")
    );
    let ran = World::new().run_on(&["explain", "-", "--source", "genesys-status"], GUIDE);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("[enrichment]"), "{}", ran.err);
}

#[test]
fn an_event_that_comes_again_is_a_repetition() {
    let file = format!(
        "{}/tests/fixtures/guide-queue-waiting.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let ran = World::new().run(&["explain", &file, &file, "-o", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let explained = ran.json();
    assert_eq!(explained[0]["rules"][0]["verdict"], "breach");
    assert!(explained[1]["nothing"].to_string().contains("a repetition"));
    assert!(explained[1]["rules"].is_null());
    let words = World::new().run(&["explain", &file, &file]);
    assert!(
        words.out.contains("nothing    a repetition"),
        "{}",
        words.out
    );
    // What has neither an id nor a time is a new event each time that it comes.
    let edge = br#"{"entityId": "e1", "entityType": "EDGE", "onlineStatus": "OFFLINE"}"#;
    let world = World::new();
    std::fs::write(world.folder().join("edge.json"), edge).unwrap();
    let ran = world.run(&["explain", "edge.json", "edge.json", "-o", "json"]);
    let ids = ran.json();
    assert_ne!(ids[0]["event_id"], ids[1]["event_id"], "{ran:?}");
}
