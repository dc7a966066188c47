//! Tests of `unsatisfiable`: by hand, and against random expressions and signals.

use proptest::prelude::*;

use super::*;

const WAIT: &str = "metrics[queue.waitTime].avg";

/// `~` stands for the waiting time.
fn found(when: &str, clear: &str) -> Option<Unsatisfiable> {
    let parse = |source: &str| Expression::parse(&source.replace('~', WAIT)).unwrap();
    unsatisfiable(&parse(when), Some(&parse(clear)))
}

#[test]
fn a_clear_outside_of_the_breach_is_fine() {
    for (when, clear) in [
        ("~ > 300", "~ < 240"),
        ("~ > 300", "~ <= 300"),
        ("~ > 300", "~ < 1000"),
        ("~ >= 300", "~ > 299"),
        ("status in ['DOWN', 'DEGRADED']", "status == 'UP'"),
        ("status == 'DOWN'", "status != 'UNKNOWN'"),
        ("status != 'UP'", "status == 'UP'"),
        ("alert_active", "!alert_active"),
        ("alert_active == true", "alert_active == false"),
        ("labels.site == 'FRA' && ~ > 300", "~ < 240"),
    ] {
        assert_eq!(found(when, clear), None, "when {when}, clear {clear}");
    }
}

#[test]
fn a_clear_inside_of_the_breach_can_never_hold() {
    for (when, clear) in [
        ("~ > 300", "~ > 400"),
        ("~ > 300", "~ > 300"),
        ("~ > 300", "400 < ~ && ~ < 500"),
        ("~ > 300", "~ == 301.5"),
        ("labels.site != 'FRA'", "labels.site == 'MUC'"),
        ("!(~ <= 300)", "~ > 350"),
        ("status in ['DOWN', 'DEGRADED']", "status == 'DOWN'"),
        ("status != 'UP'", "status in ['DOWN', 'OUT_OF_SERVICE']"),
        ("alert_active", "alert_active == true"),
        ("~ > -5", "~ > -4"),
    ] {
        let expected = Some(Unsatisfiable::ClearInsideWhen);
        assert_eq!(found(when, clear), expected, "when {when}, clear {clear}");
    }
}

#[test]
fn a_condition_that_never_holds_is_told_apart() {
    for clear in [
        "false",
        "~ < 5 && ~ > 6",
        "status == 'UP' && status == 'DOWN'",
    ] {
        assert_eq!(
            found("~ > 300", clear),
            Some(Unsatisfiable::Clear),
            "{clear}"
        );
    }
    assert_eq!(found("~ > 5 && ~ < 3", "~ < 1"), Some(Unsatisfiable::When));
    let never = Expression::parse("status == 'UP' && status == 'DOWN'").unwrap();
    assert_eq!(unsatisfiable(&never, None), Some(Unsatisfiable::When));
}

#[test]
fn conditions_on_more_than_one_value_are_not_judged() {
    assert_eq!(found("~ > 300", "~ > 400 && status == 'UP'"), None);
    assert_eq!(found("~ > 300 && status == 'DOWN'", "~ > 400"), None);
    assert_eq!(found("~ > 300", "status == 'UP'"), None);
    assert_eq!(found("~ > 300", "~ > 400 || status == 'UP'"), None);
    assert_eq!(found("has(labels.site) && ~ > 300", "~ > 400"), None);
}

#[test]
fn what_is_more_than_a_comparison_is_not_judged() {
    for (when, clear) in [
        ("~ > 300", "status.startsWith('A') && ~ > 400"),
        ("~ * 2.0 > 300.0", "~ > 400"),
        ("status > 'A'", "status > 'B'"),
        (
            "metrics[a].avg > metrics[b].avg",
            "metrics[a].avg > metrics[b].avg",
        ),
        ("~ > 300", "queue_name in [division_id]"),
        ("source == 'genesys'", "source == 'other'"),
    ] {
        assert_eq!(found(when, clear), None, "when {when}, clear {clear}");
    }
}

/// Expressions of one value, or of a reading and a status.
fn expressions() -> impl Strategy<Value = String> {
    prop_oneof![expressions_of(false), expressions_of(true)]
}

fn expressions_of(only_readings: bool) -> impl Strategy<Value = String> {
    let comparison = (0..6_usize, -2..4_i32).prop_map(|(operator, number)| {
        let operator = [">", ">=", "<", "<=", "==", "!="][operator];
        format!("metrics[m0].avg {operator} {number}")
    });
    let status = prop::sample::select(vec![
        "status == 'UP'",
        "status != 'UP'",
        "status in ['UP', 'DOWN']",
        "has(metrics[m0].avg)",
        "alert_active",
    ]);
    let status = status.prop_map(str::to_owned);
    let leaf = match only_readings {
        true => comparison.boxed(),
        false => prop_oneof![comparison, status].boxed(),
    };
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn signals() -> impl Strategy<Value = Signal> {
    let number = || prop::option::of((-30..50_i32).prop_map(|tenths| f64::from(tenths) / 10.0));
    let status = prop::option::of(prop::sample::select(vec!["UP", "DOWN", "ODD"]));
    (number(), status, prop::option::of(any::<bool>())).prop_map(|(number, status, active)| {
        let mut signal = Signal::new("e", "t", Timestamp::default());
        if let Some(number) = number {
            let reading = [("avg".to_owned(), number)].into();
            signal.metrics.insert("m0".to_owned(), reading);
        }
        if let Some(status) = status {
            signal.fields.insert("status", status.into());
        }
        if let Some(active) = active {
            signal.fields.insert("alert_active", active.into());
        }
        signal
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// No signal meets a condition that was said to be met by none.
    #[test]
    fn there_is_no_false_alarm(
        when in expressions(),
        clear in expressions(),
        signals in prop::collection::vec(signals(), 60),
    ) {
        let (when, clear) = (Expression::parse(&when).unwrap(), Expression::parse(&clear).unwrap());
        let found = unsatisfiable(&when, Some(&clear));
        for signal in &signals {
            let breaches = when.holds(signal, "") == Ok(Some(true));
            let clears = clear.holds(signal, "") == Ok(Some(true));
            let is_refuted = match found {
                Some(Unsatisfiable::When) => breaches,
                Some(Unsatisfiable::Clear) => clears,
                Some(Unsatisfiable::ClearInsideWhen) => clears && !breaches,
                None => false,
            };
            prop_assert!(!is_refuted, "{found:?} of {signal:?}");
        }
    }
}
