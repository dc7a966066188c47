//! The functions of CEL as the engine declares them, and how each is called. Pure.

/// A function that an expression may call.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How many values stand in its brackets where it is called on a value.
    pub(super) on_value: &'static [usize],
    /// The same where it is called alone.
    pub(super) alone: &'static [usize],
    /// How it is written.
    pub(super) example: &'static str,
}

const fn on_value(name: &'static str, counts: &'static [usize], example: &'static str) -> Function {
    Function {
        name,
        on_value: counts,
        alone: &[],
        example,
    }
}

const fn alone(name: &'static str, example: &'static str) -> Function {
    Function {
        name,
        on_value: &[],
        alone: &[1],
        example,
    }
}

/// The functions of the engine. It reports another one, or another form of one, as it reports a value that
/// is missing. A macro stays a call only where its form is wrong.
pub(super) const FUNCTIONS: &[Function] = &[
    on_value("contains", &[1], r#"queue_name.contains("Billing")"#),
    on_value("startsWith", &[1], r#"queue_name.startsWith("Billing")"#),
    on_value("endsWith", &[1], r#"queue_name.endsWith("Billing")"#),
    Function {
        name: "matches",
        on_value: &[1],
        alone: &[2],
        example: r#"queue_name.matches("^Billing")"#,
    },
    Function {
        name: "size",
        on_value: &[0],
        alone: &[1],
        example: "size(queue_name)",
    },
    alone("int", "int(labels.floor)"),
    alone("uint", "uint(labels.floor)"),
    alone("double", "double(labels.floor)"),
    alone("string", "string(timestamp)"),
    alone("bytes", "bytes(queue_name)"),
    alone("bool", "bool(labels.night)"),
    alone("timestamp", r#"timestamp("2026-01-01T00:00:00Z")"#),
    alone("duration", r#"duration("1h")"#),
    alone("type", "type(queue_name)"),
    alone("dyn", "dyn(queue_name)"),
    on_value("getDate", &[0, 1], r#"timestamp.getDate("Europe/Berlin")"#),
    on_value(
        "getDayOfMonth",
        &[0, 1],
        r#"timestamp.getDayOfMonth("Europe/Berlin")"#,
    ),
    on_value(
        "getDayOfWeek",
        &[0, 1],
        r#"timestamp.getDayOfWeek("Europe/Berlin")"#,
    ),
    on_value(
        "getDayOfYear",
        &[0, 1],
        r#"timestamp.getDayOfYear("Europe/Berlin")"#,
    ),
    on_value(
        "getFullYear",
        &[0, 1],
        r#"timestamp.getFullYear("Europe/Berlin")"#,
    ),
    on_value(
        "getHours",
        &[0, 1],
        r#"timestamp.getHours("Europe/Berlin")"#,
    ),
    on_value(
        "getMilliseconds",
        &[0, 1],
        r#"timestamp.getMilliseconds("Europe/Berlin")"#,
    ),
    on_value(
        "getMinutes",
        &[0, 1],
        r#"timestamp.getMinutes("Europe/Berlin")"#,
    ),
    on_value(
        "getMonth",
        &[0, 1],
        r#"timestamp.getMonth("Europe/Berlin")"#,
    ),
    on_value(
        "getSeconds",
        &[0, 1],
        r#"timestamp.getSeconds("Europe/Berlin")"#,
    ),
    alone("has", "has(labels.site)"),
    on_value("all", &[2], r#"["A", "B"].all(x, queue_name != x)"#),
    on_value("exists", &[2], r#"["A", "B"].exists(x, queue_name == x)"#),
    on_value(
        "exists_one",
        &[2],
        r#"["A", "B"].exists_one(x, queue_name == x)"#,
    ),
    on_value(
        "existsOne",
        &[2],
        r#"["A", "B"].existsOne(x, queue_name == x)"#,
    ),
    on_value("map", &[2, 3], r#"["A", "B"].map(x, x + "!")"#),
    on_value(
        "filter",
        &[2],
        r#"["A", "B"].filter(x, queue_name.startsWith(x))"#,
    ),
];

/// The function with the name `name`.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|one| one.name == name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cel::{Context, Env, ExecutionError, Program};

    use super::*;

    const VALUES: [&str; 10] = [
        "'UTC'",
        "1",
        "1u",
        "1.5",
        "true",
        "b'a'",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('1s')",
        "[1]",
        "{'a': 1}",
    ];
    const MACROS: [&str; 7] = [
        "has",
        "all",
        "exists",
        "exists_one",
        "existsOne",
        "map",
        "filter",
    ];

    /// Whether the engine has a function for any of the calls.
    fn is_declared(calls: &[String]) -> bool {
        let context = Context::with_env(Arc::new(Env::stdlib()));
        calls.iter().any(|call| {
            let answer = Program::compile(call).unwrap().execute(&context);
            !matches!(
                answer,
                Err(ExecutionError::UndeclaredReference(_) | ExecutionError::NoSuchOverload(_))
            )
        })
    }

    /// All calls with so many values.
    fn calls(name: &str, on_value: bool, count: usize) -> Vec<String> {
        let values = VALUES.iter();
        match (on_value, count) {
            (true, 0) => values.map(|one| format!("({one}).{name}()")).collect(),
            (true, _) => values
                .flat_map(|one| VALUES.map(|other| format!("({one}).{name}({other})")))
                .collect(),
            (false, 0) => vec![format!("{name}()")],
            (false, 1) => values.map(|one| format!("{name}({one})")).collect(),
            (false, _) => values
                .flat_map(|one| VALUES.map(|other| format!("{name}({one}, {other})")))
                .collect(),
        }
    }

    #[test]
    fn each_form_is_one_that_the_engine_declares_and_it_declares_no_other() {
        for function in FUNCTIONS.iter().filter(|one| !MACROS.contains(&one.name)) {
            let name = function.name;
            for count in 0..=1 {
                let is_form = function.on_value.contains(&count);
                assert_eq!(is_declared(&calls(name, true, count)), is_form, "x.{name}");
            }
            for count in 0..=2 {
                let is_form = function.alone.contains(&count);
                assert_eq!(is_declared(&calls(name, false, count)), is_form, "{name}()");
            }
        }
    }

    #[test]
    fn each_example_is_accepted() {
        for function in FUNCTIONS {
            let parsed = crate::rules::Expression::parse(function.example);
            assert!(parsed.is_ok(), "{}: {parsed:?}", function.example);
        }
    }
}
