//! `sources.*.map`: reading a sender's own JSON.

use ringdown::normalise::{Format, Place, Unit};
use ringdown::settings::Problem;

use crate::settings::refusals::assert_problem;
use crate::settings::world::World;

/// The one problem of a custom source whose map is `map`.
fn problem_of(map: &str) -> Problem {
    World::base().with_file("feed.toml", &feed(map)).problem()
}

fn feed(map: &str) -> String {
    format!(
        "[sources.feed]\nformat = \"custom\"\nauth = [{{ type = \"header\", secret = {{ env = \"CRM_SECRET\" }} }}]\n{map}"
    )
}

#[test]
fn a_custom_format_needs_a_map() {
    assert_problem(&problem_of(""), "sources.feed.map", "required", None);
}

#[test]
fn a_map_says_where_everything_is() {
    let map = "[sources.feed.map]\nqueue_name = [\"/queue/name\", \"/queueName\"]\n\
        metrics = { \"queue.waitTime\" = { avg = \"/wait\", unit = \"ms\" }, calls = { count = \"/n\" } }\n\
        labels = { site = \"/site\" }";
    let settings = World::base()
        .with_file("feed.toml", &feed(map))
        .loaded()
        .settings;
    let Format::Custom(maps) = &settings.sources["feed"].format else {
        panic!("another format");
    };
    let map = maps.all().next().unwrap();
    let names: Vec<&str> = map.fields["queue_name"].iter().map(Place::as_str).collect();
    assert_eq!(names, ["/queue/name", "/queueName"]);
    let wait = &map.metrics["queue.waitTime"];
    assert_eq!(
        (wait.unit, wait.statistics["avg"][0].as_str()),
        (Unit::Milliseconds, "/wait")
    );
    assert_eq!(map.metrics["calls"].unit, Unit::None);
    assert_eq!(map.labels["site"][0].as_str(), "/site");
    assert!(map.event_type.is_empty() && map.event_id.is_none() && map.timestamp.is_none());
}

#[test]
fn a_place_is_a_pointer() {
    let problem = problem_of(
        "map = { event_id = \"/id\", event_type = \"queue.type\", timestamp = \"/at\" }",
    );
    assert_problem(
        &problem,
        "sources.feed.map.event_type",
        "pointer",
        Some("/queue/type"),
    );
    let problem = problem_of(
        "map = { event_id = \"/id\", event_type = \"/type\", timestamp = \"/at\", queue_name = [\"/a\", \"b\"] }",
    );
    assert_problem(
        &problem,
        "sources.feed.map.queue_name",
        "pointer",
        Some("/b"),
    );
}

#[test]
fn a_field_that_no_rule_could_use_is_refused() {
    let problem = problem_of(
        "map = { event_id = \"/id\", event_type = \"/type\", timestamp = \"/at\", queue_nmae = \"/q\" }",
    );
    assert_problem(
        &problem,
        "sources.feed.map.queue_nmae",
        "unknown key",
        Some("queue_name"),
    );
}

#[test]
fn a_metric_needs_a_statistic_and_a_known_unit() {
    let map = |metric: &str| {
        format!(
            "map = {{ event_id = \"/id\", event_type = \"/type\", timestamp = \"/at\", metrics = {{ \"queue.waitTime\" = {metric} }} }}"
        )
    };
    let path = "sources.feed.map.metrics.\"queue.waitTime\"";
    let problem = problem_of(&map("{ unit = \"s\" }"));
    assert_problem(&problem, path, "names no statistic", None);
    let problem = problem_of(&map("{ avg = \"/w\", unit = \"hours\" }"));
    assert_eq!(problem.path, format!("{path}.unit"));
    assert!(problem.reason.contains("none of"), "{}", problem.reason);
}

#[test]
fn a_map_is_for_custom_formats() {
    let problem = World::base()
        .with_file("bad.toml", "[sources.genesys.map]\nevent_id = \"/id\"")
        .problem();
    assert_problem(&problem, "sources.genesys.map", "`custom`", None);
}

#[test]
fn several_maps_are_tried_in_the_order_in_which_they_are_written() {
    let maps = "[sources.feed.maps.queues]\n\
        when = { place = \"$.type\", is = [\"queue\", \"q\"] }\nqueue_id = \"/id\"\n\
        metrics = { oWaiting = { count = \"$.m[?@.metric == 'oWaiting'].count\" } }\n\
        [sources.feed.maps.all]\nentity_id = \"/id\"";
    let settings = World::base()
        .with_file("feed.toml", &feed(maps))
        .loaded()
        .settings;
    let Format::Custom(maps) = &settings.sources["feed"].format else {
        panic!("another format");
    };
    let names: Vec<&str> = maps
        .all()
        .flat_map(|map| map.fields.keys())
        .copied()
        .collect();
    assert_eq!(names, ["queue_id", "entity_id"]);
}

#[test]
fn maps_that_could_never_be_used_are_refused() {
    let maps = "[sources.feed.maps.all]\nentity_id = \"/id\"\n\
        [sources.feed.maps.queues]\nwhen = { place = \"/type\" }\nqueue_id = \"/id\"";
    assert_problem(&problem_of(maps), "sources.feed.maps", "put it last", None);
    let both = "map = { queue_id = \"/id\" }\n[sources.feed.maps.all]\nentity_id = \"/id\"";
    assert_problem(&problem_of(both), "sources.feed.maps", "keep one", None);
}

#[test]
fn a_faulty_query_is_named_with_its_place() {
    let problem = problem_of("map = { queue_id = \"$.queues[?@.id\" }");
    assert_problem(&problem, "sources.feed.map.queue_id", "JSONPath", None);
    let problem = problem_of("map = { queue_id = \"$..a..b\" }");
    assert_problem(&problem, "sources.feed.map.queue_id", "one `..`", None);
}

#[test]
fn a_topic_of_sns_is_an_arn() {
    let source = feed("map = { queue_id = \"/id\" }")
        .replace("format =", "sns_topics = [\"genesys\"]\nformat =");
    let problem = World::base().with_file("feed.toml", &source).problem();
    assert_problem(&problem, "sources.feed.sns_topics", "arn:aws:sns:", None);
}
