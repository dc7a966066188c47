//! `[maintenance.NAME]`: what is understood, refused and warned about.

use ringdown::domain::time::Timestamp;

use crate::settings::refusals::assert_refused;
use crate::settings::world::World;

/// A window with `lines` instead of its schedule.
fn window(lines: &str) -> String {
    format!("[maintenance.sunday]\nmatch = [\"rule=queue-wait\"]\nduration = \"2h\"\n{lines}\n")
}

fn warnings(text: &str) -> Vec<String> {
    let loaded = World::base().with_file("more.toml", text).loaded();
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    warnings
        .filter(|warning| warning.contains("maintenance"))
        .collect()
}

#[test]
fn a_window_by_recurrence_and_one_by_cron_are_in_force_when_they_say() {
    let text = "[maintenance.sunday]\nmatch = [\"rule=queue-wait\", \"labels.site=~B.*\"]\n\
        rrule = \"FREQ=WEEKLY;BYDAY=SU\"\nstarts = \"2026-01-04T02:00:00\"\nduration = \"2h\"\n\
        time_zone = \"Europe/Berlin\"\nreason = \"the carrier's window\"\n\
        [maintenance.night]\nmatch = [\"source=genesys\"]\ncron = \"30 3 * * *\"\nduration = \"30m\"\n";
    let loaded = World::base().with_file("more.toml", text).loaded();
    let windows = &loaded.settings.maintenance;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let sunday = &windows["sunday"];
    assert_eq!(sunday.matchers.len(), 2);
    assert_eq!(sunday.reason.as_deref(), Some("the carrier's window"));
    let until = Some(at("2026-06-07T02:00:00Z"));
    assert_eq!(sunday.schedule.window_at(at("2026-06-07T01:00:00Z")), until);
    assert_eq!(sunday.schedule.window_at(at("2026-06-08T01:00:00Z")), None);
    let night = &windows["night"].schedule;
    let until = Some(at("2026-06-08T04:00:00Z"));
    assert_eq!(night.window_at(at("2026-06-08T03:45:00Z")), until);
    assert_eq!(warnings(text), [""; 0]);
}

#[test]
fn a_schedule_that_cannot_be_used_is_refused_where_it_stands() {
    let starts = "starts = \"2026-01-04T02:00:00\"";
    for (lines, path, reason) in [
        (String::new(), "rrule", "required, or `cron`"),
        ("rrule = \"FREQ=DAILY\"".to_owned(), "starts", "required"),
        (
            format!("rrule = \"FREQ=SOMETIMES\"\n{starts}"),
            "rrule",
            "not an RFC 5545 recurrence",
        ),
        (
            format!("rrule = \"FREQ=SECONDLY\"\n{starts}"),
            "rrule",
            "begins every second",
        ),
        (
            format!("rrule = \"FREQ=DAILY\"\n{starts}\ncron = \"0 2 * * *\""),
            "cron",
            "not both",
        ),
        (
            "rrule = \"FREQ=DAILY\"\nstarts = \"sunday\"".to_owned(),
            "starts",
            "not a time on the wall clock",
        ),
        (
            "cron = \"0 2 * *\"".to_owned(),
            "cron",
            "not a cron pattern",
        ),
        ("cron = \"0 0 30 2 *\"".to_owned(), "cron", "never begins"),
        (
            format!("cron = \"0 2 * * *\"\n{starts}"),
            "starts",
            "goes with `rrule`",
        ),
        (
            "cron = \"0 2 * * *\"\ntime_zone = \"Europe/Berlni\"".to_owned(),
            "time_zone",
            "no time zone `Europe/Berlni`",
        ),
    ] {
        let path = format!("maintenance.sunday.{path}");
        assert_refused(&window(&lines), &path, reason, None);
    }
}

#[test]
fn a_matcher_or_a_duration_that_cannot_be_meant_is_refused() {
    let nightly = |matchers: &str, duration: &str| {
        format!(
            "[maintenance.sunday]\nmatch = {matchers}\ncron = \"0 2 * * *\"\nduration = \"{duration}\"\n"
        )
    };
    let refused = |text: &str, path: &str, reason: &str, suggestion: Option<&str>| {
        assert_refused(
            text,
            &format!("maintenance.sunday.{path}"),
            reason,
            suggestion,
        );
    };
    refused(
        &nightly("[\"key=q1\"]", "0s"),
        "duration",
        "longer than zero",
        None,
    );
    refused(&nightly("[]", "2h"), "match", "at least one", None);
    refused(
        &nightly("[\"rule=queue-wiat\"]", "2h"),
        "match",
        "no rule `queue-wiat`",
        Some("queue-wait"),
    );
    refused(
        &nightly("[\"source=genesis\"]", "2h"),
        "match",
        "no source `genesis`",
        Some("genesys"),
    );
    refused(
        &nightly("[\"rule=outage:site\"]", "2h"),
        "match",
        "no outage `site`",
        None,
    );
    refused(
        &nightly("[\"queue=q1\"]", "2h"),
        "match",
        "source, rule, key",
        None,
    );
    refused(
        &nightly("[\"key=~(\"]", "2h"),
        "match",
        "regular expression",
        None,
    );
    let misspelt = format!("{}timezone = \"UTC\"\n", nightly("[\"key=q1\"]", "2h"));
    refused(&misspelt, "timezone", "unknown key", Some("time_zone"));
}

#[test]
fn a_window_that_never_ends_and_one_that_is_there_twice_are_warned_about() {
    let always =
        "[maintenance.always]\nmatch = [\"key=q1\"]\ncron = \"0 2 * * *\"\nduration = \"1d\"\n";
    let found = warnings(always);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("maintenance.always.duration"),
        "{found:?}"
    );
    let twice = "[maintenance.one]\nmatch = [\"key=q1\", \"rule=queue-wait\"]\ncron = \"0 2 * * SUN\"\nduration = \"2h\"\n\
        [maintenance.two]\nmatch = [\"rule=queue-wait\", \"key=q1\"]\nrrule = \"FREQ=WEEKLY;BYDAY=SU\"\nstarts = \"2026-01-04T03:00:00\"\nduration = \"2h\"\n\
        [maintenance.three]\nmatch = [\"rule=queue-wait\", \"key=q1\"]\ncron = \"0 2 * * MON\"\nduration = \"2h\"\n";
    let found = warnings(twice);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("maintenance.one has the same matchers"),
        "{found:?}"
    );
}
