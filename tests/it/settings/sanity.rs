//! What can be used, and can hardly be meant.

use ringdown::settings::Problem;

use crate::settings::refusals::assert_refused;
use crate::settings::world::World;

/// What is warned of when these lines are in the rule.
fn warnings(lines: &str) -> Vec<Problem> {
    let text = format!("[rules.queue-wait]\n{lines}");
    World::base().with_file("w.toml", &text).loaded().warnings
}

/// Asserts that these lines make one warning at `key`, whose reason says `reason`.
#[track_caller]
fn assert_warned(lines: &str, key: &str, reason: &str) {
    let warnings = warnings(lines);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].path, format!("rules.queue-wait.{key}"));
    assert!(
        warnings[0].reason.contains(reason),
        "{}",
        warnings[0].reason
    );
    let layer = warnings[0].layer.as_deref().unwrap();
    assert!(layer.contains("w.toml line "), "{layer}");
}

#[test]
fn a_clear_that_can_never_be_heard_is_warned_of() {
    let after = "can never be true after `when`";
    assert_warned(
        "clear = \"metrics[queue.waitTime].avg > 350\"",
        "clear",
        after,
    );
    assert_warned(
        "clear = \"metrics[queue.waitTime].avg > 300\"",
        "clear",
        after,
    );
    let lines = "when = \"status in ['DOWN', 'DEGRADED']\"\nclear = \"status == 'DOWN'\"";
    assert_warned(lines, "clear", after);
    assert_warned("clear = \"false\"", "clear", "recovers only by quiet_after");
}

#[test]
fn a_when_that_can_never_be_true_is_warned_of() {
    let lines = "when = \"status == 'UP' && status == 'DOWN'\"";
    assert_warned(lines, "when", "opens no incident");
}

#[test]
fn a_clear_that_can_be_heard_is_not_warned_of() {
    for lines in [
        "",
        "clear = \"metrics[queue.waitTime].avg < 240\"",
        "clear = \"metrics[queue.waitTime].avg <= 300\"",
        "clear = \"metrics[oWaiting].count < 3\"",
        "when = \"metrics[oWaiting].count > 5 && metrics[oOnQueueUsers].count < 3\"\n\
         clear = \"metrics[oWaiting].count > 8\"",
    ] {
        assert_eq!(warnings(lines), [], "{lines}");
    }
}

#[test]
fn an_outage_that_names_no_rule_is_refused() {
    let outage = |rules: &str| {
        format!(
            "[outages.site]\ngroup_by = \"all\"\n{rules}at_least = 2\nwithin = \"2m\"\n\
             targets = [\"salesforce\"]"
        )
    };
    let path = "outages.site.rules";
    assert_refused(&outage(""), path, "required", None);
    assert_refused(&outage("rules = []\n"), path, "at least one", None);
}
