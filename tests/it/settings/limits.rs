//! The limits on a source.

use std::time::Duration;

use crate::settings::refusals::assert_refused;
use crate::settings::world::World;

#[test]
fn every_source_has_limits_that_can_be_changed_one_by_one() {
    let source = |lines: &str| {
        let text = format!("[sources.genesys]\n{lines}");
        let settings = World::base().with_file("w.toml", &text).loaded().settings;
        settings.sources["genesys"].clone()
    };
    let defaults = source("");
    assert_eq!(defaults.max_review_items, 10_000);
    assert_eq!(defaults.max_new_incidents.per_minute, 1_000);
    assert_eq!(defaults.max_new_incidents.max_pending(), 10_000);
    let changed = source("max_review_items = 5\nmax_new_incidents = { per_minute = 7 }");
    assert_eq!(changed.max_review_items, 5);
    assert_eq!(changed.max_new_incidents.per_minute, 7);
    assert_eq!(
        changed.max_new_incidents.quiet_period,
        Duration::from_secs(300),
        "what is not set keeps its default"
    );
}

#[test]
fn a_limit_of_nothing_and_a_misspelt_one_are_refused() {
    let refused = |lines: &str, key: &str, reason: &str| {
        let text = format!("[sources.genesys]\n{lines}");
        let path = format!("sources.genesys.{key}");
        assert_refused(&text, &path, reason, None);
    };
    refused("max_review_items = 0", "max_review_items", "from 1 to");
    refused(
        "max_new_incidents = { per_minute = 0 }",
        "max_new_incidents.per_minute",
        "from 1 to",
    );
    refused(
        "max_new_incidents = { calm = \"0s\" }",
        "max_new_incidents.calm",
        "longer than zero",
    );
    refused("max_new_incidents = 1000", "max_new_incidents", "a table");
}
