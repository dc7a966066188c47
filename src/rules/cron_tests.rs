//! What a cron pattern matches, and what is none.

use super::*;

/// The first times from the beginning of 2026, as month, day, weekday, hour and minute.
fn times(pattern: &str, count: usize) -> Vec<String> {
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    let times = Cron::parse(pattern).unwrap().times_from(from).take(count);
    times
        .map(|at| at.format("%m-%d %a %H:%M").to_string())
        .collect()
}

#[test]
fn lists_ranges_steps_and_names_are_understood() {
    assert_eq!(
        times("*/20 6-7 1 JAN *", 7),
        [
            "01-01 Thu 06:00",
            "01-01 Thu 06:20",
            "01-01 Thu 06:40",
            "01-01 Thu 07:00",
            "01-01 Thu 07:20",
            "01-01 Thu 07:40",
            "01-01 Thu 06:00"
        ]
    );
    assert_eq!(
        times("5,10 0 * * mon-wed", 3),
        ["01-05 Mon 00:05", "01-05 Mon 00:10", "01-06 Tue 00:05"]
    );
    assert_eq!(
        times("0 0 ? * FRI-SUN", 4),
        [
            "01-02 Fri 00:00",
            "01-03 Sat 00:00",
            "01-04 Sun 00:00",
            "01-09 Fri 00:00"
        ]
    );
    assert_eq!(
        times("0 0 10-20/5 2 *", 3),
        ["02-10 Tue 00:00", "02-15 Sun 00:00", "02-20 Fri 00:00"]
    );
    assert_eq!(times("@weekly", 2), times("0 0 * * 7", 2));
}

#[test]
fn of_two_days_one_is_enough_unless_both_are_asked_for() {
    assert_eq!(
        times("0 0 13 * FRI", 3),
        ["01-02 Fri 00:00", "01-09 Fri 00:00", "01-13 Tue 00:00"]
    );
    assert_eq!(
        times("0 0 13 * +FRI", 2),
        ["02-13 Fri 00:00", "03-13 Fri 00:00"]
    );
}

#[test]
fn last_nearest_and_nth_days_are_found() {
    assert_eq!(
        times("0 0 L * *", 2),
        ["01-31 Sat 00:00", "02-28 Sat 00:00"]
    );
    assert_eq!(
        times("0 0 LW * *", 2),
        ["01-30 Fri 00:00", "02-27 Fri 00:00"]
    );
    assert_eq!(
        times("0 0 1W * *", 3),
        ["01-01 Thu 00:00", "02-02 Mon 00:00", "03-02 Mon 00:00"]
    );
    assert_eq!(times("0 0 31W 5 *", 1), ["05-29 Fri 00:00"]);
    assert_eq!(
        times("0 0 * * 5L", 2),
        ["01-30 Fri 00:00", "02-27 Fri 00:00"]
    );
    assert_eq!(
        times("0 0 * * TUE#2", 2),
        ["01-13 Tue 00:00", "02-10 Tue 00:00"]
    );
    assert_eq!(times("0 0 29 2 *", 1), ["02-29 Tue 00:00"]);
}

#[test]
fn a_minute_that_has_begun_is_over() {
    let from = "2026-01-01T00:00:00.001Z".parse().unwrap();
    let next = Cron::parse("* * * * *").unwrap().times_from(from).next();
    assert_eq!(next.unwrap().to_rfc3339(), "2026-01-01T00:01:00+00:00");
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5/10 * * * *",
        "*/0 * * * *",
        "9-8 * * * *",
        "a * * * *",
        "* * * * 1#6",
        "+1 * * * *",
        "* * 1L * *",
        "-1 * * * *",
        "@sometimes",
        "L * * * *",
    ] {
        assert!(Cron::parse(text).is_err(), "{text}");
    }
    assert_eq!(
        Cron::parse("0 0 30 2 *")
            .unwrap()
            .times_from(DateTime::UNIX_EPOCH)
            .next(),
        None
    );
}

mod equivalence {
    use croner::parser::{CronParser, Seconds, Year};
    use proptest::prelude::*;

    use super::*;

    fn number(first: u32, last: u32) -> BoxedStrategy<String> {
        let range = (first..=last).prop_flat_map(move |from| (Just(from), from..=last));
        prop_oneof![
            4 => (first..=last).prop_map(|n| n.to_string()),
            2 => range.clone().prop_map(|(a, b)| format!("{a}-{b}")),
            2 => (range, 1_u32..20).prop_map(|((a, b), s)| format!("{a}-{b}/{s}")),
            1 => (1_u32..40).prop_map(|s| format!("*/{s}")),
        ]
        .boxed()
    }

    fn list(item: BoxedStrategy<String>) -> BoxedStrategy<String> {
        prop_oneof![
            1 => Just("*".to_owned()),
            2 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")),
        ]
        .boxed()
    }

    fn day() -> BoxedStrategy<String> {
        prop_oneof![
            3 => number(1, 31),
            1 => Just("L".to_owned()),
            1 => Just("LW".to_owned()),
            1 => (1..=31).prop_map(|n| format!("{n}W")),
        ]
        .boxed()
    }

    fn weekday() -> BoxedStrategy<String> {
        prop_oneof![
            3 => number(0, 7),
            1 => (0..=7).prop_map(|n| format!("{n}L")),
            1 => (0..=7, 1..=5).prop_map(|(n, k)| format!("{n}#{k}")),
            1 => Just("MON-FRI".to_owned()),
            1 => Just("SAT-SUN".to_owned()),
            1 => Just("SUN".to_owned()),
        ]
        .boxed()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn same(
            minute in list(number(0, 59)), hour in list(number(0, 23)), day in list(day()),
            month in list(number(1, 12)), weekday in list(weekday()), both in any::<bool>(),
            from in 0_i64..4_000_000_000,
        ) {
            let plus = if both { "+" } else { "" };
            let text = format!("{minute} {hour} {day} {month} {plus}{weekday}");
            let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
            let theirs = parser.parse(&text);
            let ours = Cron::parse(&text);
            prop_assert_eq!(theirs.is_ok(), ours.is_ok(), "{} {:?} {:?}", text, theirs, ours);
            if let (Ok(theirs), Ok(ours)) = (theirs, ours) {
                let from = DateTime::from_timestamp(from, 0).unwrap();
                let mut at = theirs.find_next_occurrence(&from, true).ok();
                for next in ours.times_from(from).take(5) {
                    prop_assert_eq!(at, Some(next), "{}", text);
                    at = theirs.find_next_occurrence(&next, false).ok();
                }
                if ours.times_from(from).next().is_none() {
                    let at = at.filter(|at| at.year() < 2150);
                    prop_assert_eq!(at, None, "{}", text);
                }
            }
        }
    }
}
