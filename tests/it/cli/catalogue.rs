//! `catalogue`: what rules can name.

use crate::cli::world::ringdown;

#[test]
fn every_topic_is_listed_with_what_it_is_about() {
    let ran = ringdown(&["catalogue"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "v2.analytics.queues.{id}.observations",
        "telephony.trunk.status",
        "phone",
    ] {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    let all = ringdown(&["catalogue", "--output", "json"]).json();
    let all = all.as_array().unwrap();
    assert!(all.len() > 20);
    assert!(
        all.iter()
            .all(|topic| topic["samples"][0]["body"].is_object())
    );
}

#[test]
fn one_topic_is_shown_with_everything_that_it_has() {
    let by_type = ringdown(&["catalogue", "v2.telephony.providers.edges.{id}.metrics"]);
    assert_eq!(by_type.code, 0, "{by_type:?}");
    for part in [
        "key: {{ edge_id or edge_name }}",
        "edge_name",
        "memory[type].availableBytes",
        "bytes",
        "\"onlineStatus\"",
    ] {
        let is_status = part.contains("onlineStatus");
        assert_eq!(
            by_type.out.contains(part),
            !is_status,
            "{part}: {}",
            by_type.out
        );
    }
    let by_name = ringdown(&["catalogue", "v2.telephony.providers.edges.e1.metrics"]);
    assert_eq!(by_name.out, by_type.out);
    let json = ringdown(&[
        "catalogue",
        "v2.telephony.providers.edges.{id}",
        "-o",
        "json",
    ])
    .json();
    assert_eq!(json["statuses"][1]["status"], "OFFLINE");
    assert_eq!(json["statuses"][1]["means"], "trouble");
    assert_eq!(
        json["samples"][0]["body"]["detail"]["eventBody"]["onlineStatus"],
        "OFFLINE"
    );
}

#[test]
fn an_unknown_topic_is_wrong_usage_and_the_nearest_one_is_named() {
    for (name, meant) in [
        (
            "v2.analytics.queue.{id}.observations",
            "did you mean v2.analytics.queues.{id}.observations?",
        ),
        (
            "queue.activity",
            "did you mean v2.analytics.queues.{id}.activity?",
        ),
        (
            "V2.Analytics.Queues.{id}.Observations",
            "did you mean v2.analytics.queues.{id}.observations?",
        ),
        ("presence", "`ringdown catalogue` lists them all"),
    ] {
        let ran = ringdown(&["catalogue", name]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains(meant), "{}", ran.err);
    }
}
