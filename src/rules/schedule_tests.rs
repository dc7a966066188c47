//! Tests of schedules: when windows begin and end, across jumps of the clock above all.

use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(pattern: &str, duration: Duration, place: &str) -> Schedule {
    let repetition = Repetition::cron(pattern).unwrap();
    Schedule::new(repetition, duration, zone(place).unwrap())
}

fn recurrence(rule: &str, starts: &str, duration: Duration, place: &str) -> Schedule {
    let zone = zone(place).unwrap();
    let repetition = Repetition::recurrence(rule, wall_clock(starts).unwrap(), &zone).unwrap();
    Schedule::new(repetition, duration, zone)
}

/// The windows that begin in the time from `from` to `to`, found minute by minute.
fn windows(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
    let (mut now, to) = (at(from), at(to));
    let mut found: Vec<String> = Vec::new();
    while now < to {
        if let Some(until) = schedule.window_at(now) {
            found.push(format!("{now} {until}"));
            now = until;
        } else {
            now = now.plus(Duration::from_secs(60));
        }
    }
    found
}

#[test]
fn cron_and_recurrence_say_the_same() {
    for schedule in [
        cron("0 2 * * SUN", 2 * HOUR, "Europe/Berlin"),
        recurrence(
            "FREQ=WEEKLY;BYDAY=SU",
            "2026-01-04T02:00:00",
            2 * HOUR,
            "Europe/Berlin",
        ),
    ] {
        assert_eq!(
            windows(&schedule, "2026-06-01T00:00:00Z", "2026-06-15T00:00:00Z"),
            [
                "2026-06-07T00:00:00Z 2026-06-07T02:00:00Z",
                "2026-06-14T00:00:00Z 2026-06-14T02:00:00Z"
            ]
        );
        let winter = windows(&schedule, "2026-12-05T00:00:00Z", "2026-12-08T00:00:00Z");
        assert_eq!(winter, ["2026-12-06T01:00:00Z 2026-12-06T03:00:00Z"]);
    }
}

#[test]
fn the_end_is_exclusive_and_the_beginning_is_not() {
    let schedule = cron("0 2 * * *", HOUR, "UTC");
    assert_eq!(schedule.window_at(at("2026-06-07T01:59:59.999Z")), None);
    let until = Some(at("2026-06-07T03:00:00Z"));
    assert_eq!(schedule.window_at(at("2026-06-07T02:00:00Z")), until);
    assert_eq!(schedule.window_at(at("2026-06-07T02:59:59.999Z")), until);
    assert_eq!(schedule.window_at(at("2026-06-07T03:00:00Z")), None);
}

#[test]
fn a_window_that_the_clock_jumps_over_comes_an_hour_later() {
    // Berlin: on 2026-03-29 the clock goes from 02:00 to 03:00, which is 01:00 UTC.
    for schedule in [
        cron("30 2 * * *", HOUR / 2, "Europe/Berlin"),
        recurrence(
            "FREQ=DAILY",
            "2026-01-01T02:30:00",
            HOUR / 2,
            "Europe/Berlin",
        ),
    ] {
        assert_eq!(
            windows(&schedule, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
            [
                "2026-03-28T01:30:00Z 2026-03-28T02:00:00Z",
                "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z",
                "2026-03-30T00:30:00Z 2026-03-30T01:00:00Z"
            ]
        );
    }
}

#[test]
fn of_a_time_that_comes_twice_the_first_counts() {
    // Berlin: on 2026-10-25 the clock goes from 03:00 back to 02:00, which is 01:00 UTC.
    for schedule in [
        cron("30 2 * * *", HOUR / 2, "Europe/Berlin"),
        recurrence(
            "FREQ=DAILY",
            "2026-01-01T02:30:00",
            HOUR / 2,
            "Europe/Berlin",
        ),
    ] {
        assert_eq!(
            windows(&schedule, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
            ["2026-10-25T00:30:00Z 2026-10-25T01:00:00Z"]
        );
    }
}

#[test]
fn a_duration_is_time_that_passes_also_across_a_jump() {
    let schedule = cron("0 1 * * *", 4 * HOUR, "Europe/Berlin");
    let spring = schedule.window_at(at("2026-03-29T00:30:00Z"));
    assert_eq!(spring, Some(at("2026-03-29T04:00:00Z")));
    let autumn = schedule.window_at(at("2026-10-25T00:30:00Z"));
    assert_eq!(autumn, Some(at("2026-10-25T03:00:00Z")));
}

#[test]
fn a_window_over_midnight_and_over_the_new_year_is_one() {
    let schedule = cron("0 22 * * *", 6 * HOUR, "America/New_York");
    let until = Some(at("2027-01-01T09:00:00Z"));
    assert_eq!(schedule.window_at(at("2027-01-01T03:00:00Z")), until);
    assert_eq!(schedule.window_at(at("2027-01-01T08:59:00Z")), until);
}

#[test]
fn windows_that_touch_are_one_with_one_end() {
    let schedule = recurrence(
        "FREQ=HOURLY;BYHOUR=1,2,3",
        "2026-01-01T00:00:00",
        HOUR,
        "UTC",
    );
    let until = Some(at("2026-06-07T04:00:00Z"));
    assert_eq!(schedule.window_at(at("2026-06-07T01:10:00Z")), until);
}

#[test]
fn until_and_count_end_a_recurrence_and_nothing_begins_before_its_start() {
    let noon = |rule| recurrence(rule, "2026-06-01T12:00:00", HOUR, "Europe/Berlin");
    let days = |schedule: &Schedule| {
        let found = windows(schedule, "2026-05-20T00:00:00Z", "2026-07-01T00:00:00Z");
        (found.len(), found[0][..10].to_owned())
    };
    for rule in [
        "FREQ=DAILY;COUNT=3",
        "FREQ=DAILY;UNTIL=20260603T120000",
        "FREQ=DAILY;UNTIL=20260603T100000Z",
        "FREQ=DAILY;UNTIL=20260603",
    ] {
        assert_eq!(days(&noon(rule)), (3, "2026-06-01".to_owned()), "{rule}");
    }
    let two = noon("FREQ=DAILY;UNTIL=20260603T095959Z");
    assert_eq!(days(&two).0, 2);
}

#[test]
fn a_clock_that_is_set_back_finds_the_windows_again() {
    let schedule = cron("0 2 * * *", HOUR, "UTC");
    assert!(schedule.window_at(at("2026-06-07T02:30:00Z")).is_some());
    assert!(schedule.window_at(at("2025-06-07T02:30:00Z")).is_some());
    assert!(schedule.window_at(at("2028-06-07T02:30:00Z")).is_some());
    assert!(schedule.window_at(at("2028-06-07T03:30:00Z")).is_none());
}

#[test]
fn windows_that_never_end_are_known_as_such() {
    assert!(cron("0 0 * * *", 24 * HOUR, "UTC").never_ends());
    assert!(recurrence("FREQ=HOURLY", "2026-01-01T00:00:00", 2 * HOUR, "UTC").never_ends());
    assert!(!cron("0 0 * * MON-FRI", 24 * HOUR, "UTC").never_ends());
    assert!(
        !recurrence(
            "FREQ=DAILY;COUNT=3",
            "2026-01-01T00:00:00",
            24 * HOUR,
            "UTC"
        )
        .never_ends()
    );
}

#[test]
fn what_is_no_schedule_is_refused() {
    let starts = wall_clock("2026-01-04T02:00:00").unwrap();
    let rule = |text: &str| Repetition::recurrence(text, starts, &TimeZone::UTC);
    for text in [
        "",
        "WEEKLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;UNTIL=20200101T000000Z",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY\nRRULE:FREQ=DAILY",
    ] {
        assert!(
            matches!(rule(text), Err(BadSchedule::Recurrence(_))),
            "{text:?}: {:?}",
            rule(text)
        );
    }
    assert_eq!(
        rule("FREQ=MINUTELY").unwrap_err(),
        BadSchedule::TooOften("minute")
    );
    let never = rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30");
    assert!(never.is_err(), "{never:?}");
    for text in [
        "",
        "0 2 * *",
        "0 25 * * *",
        "0 0 2 * * SUN",
        "0 2 * * FUNDAY",
    ] {
        let cron = Repetition::cron(text);
        assert!(
            matches!(cron, Err(BadSchedule::Cron(_))),
            "{text:?}: {cron:?}"
        );
    }
    assert!(Repetition::cron("0 0 30 2 *").is_err());
    for text in [
        "2026-01-04T02:00:00Z",
        "2026-01-04T02:00:00+01:00",
        "sunday",
        "0001-01-01T00:00:00",
    ] {
        assert!(wall_clock(text).is_err(), "{text}");
    }
    assert!(zone("Europe/Berlin").is_ok() && zone("Mars/Olympus").is_err());
}

#[test]
fn years_of_hourly_windows_are_looked_through_in_no_time() {
    let schedule = recurrence(
        "FREQ=HOURLY",
        "2006-01-01T00:00:00",
        HOUR / 2,
        "Asia/Kolkata",
    );
    let began = std::time::Instant::now();
    assert!(schedule.window_at(at("2026-06-07T01:45:00Z")).is_some());
    let took = began.elapsed();
    println!("{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_next_window_is_found_however_far_it_is_and_whole() {
    let next = |schedule: &Schedule, now: &str| {
        let window = schedule.next_window(at(now));
        window.map(|(from, until)| format!("{from} {until}"))
    };
    let weekly = cron("0 2 * * SUN", 2 * HOUR, "Europe/Berlin");
    let within = "2026-06-07T01:00:00Z";
    let around = weekly.window_around(at(within)).unwrap();
    assert_eq!(around.0, at("2026-06-07T00:00:00Z"));
    assert_eq!(
        next(&weekly, within).unwrap(),
        "2026-06-14T00:00:00Z 2026-06-14T02:00:00Z"
    );
    // Farther away than is worked out ahead.
    let yearly = cron("30 1 24 12 *", HOUR, "Asia/Tokyo");
    assert_eq!(
        next(&yearly, "2026-01-01T00:00:00Z").unwrap(),
        "2026-12-23T16:30:00Z 2026-12-23T17:30:00Z"
    );
    // Three that touch are one.
    let touching = cron("0 20-22 1 12 *", HOUR, "UTC");
    assert_eq!(
        next(&touching, "2026-01-01T00:00:00Z").unwrap(),
        "2026-12-01T20:00:00Z 2026-12-01T23:00:00Z"
    );
    let over = recurrence("FREQ=DAILY;COUNT=2", "2026-01-04T02:00:00", HOUR, "UTC");
    assert_eq!(
        next(&over, "2026-01-04T02:30:00Z").unwrap(),
        "2026-01-05T02:00:00Z 2026-01-05T03:00:00Z"
    );
    assert_eq!(next(&over, "2026-01-05T02:30:00Z"), None);
}
