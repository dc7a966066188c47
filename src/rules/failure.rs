//! Why an expression fails on a signal, in our words. The engine names its own types and operators.
//! Pure.

use cel::objects::ValueType;
use cel::{ExecutionError, OverloadError, Value};

/// Why an expression fails.
pub(super) struct Words {
    pub(super) problem: String,
    /// What to write instead.
    pub(super) help: Option<String>,
    /// The part of the expression that is at fault.
    pub(super) part: Option<String>,
}

impl Words {
    const fn of(problem: String) -> Self {
        Self {
            problem,
            help: None,
            part: None,
        }
    }
}

/// The engine's names of operators in errors, and the operators.
const ARITHMETIC: &[(&str, &str)] = &[
    ("add", "+"),
    ("sub", "-"),
    ("mul", "*"),
    ("div", "/"),
    ("rem", "%"),
];

pub(super) fn words(error: &ExecutionError) -> Words {
    match error {
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => by_zero(),
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => {
            let known = ARITHMETIC.iter().find(|(known, _)| known == name);
            arithmetic(known.map_or(*name, |(_, sign)| *sign), left, right)
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            let (left, right) = (kind_of(left.type_of()), kind_of(right.type_of()));
            Words::of(format!("{left} cannot be compared with {right}"))
        }
        ExecutionError::NoSuchOverload(overload) => no_overload(overload),
        ExecutionError::FunctionError { function, message } => of_function(function, message),
        ExecutionError::UnsupportedIndex(_, of) => no_parts(kind_of(of.type_of())),
        ExecutionError::IndexOutOfBounds(_) => Words::of("a list has fewer entries".to_owned()),
        ExecutionError::Overflow(..) => Words::of("a number becomes too great".to_owned()),
        ExecutionError::InvalidArgumentCount { expected, actual } => Words::of(format!(
            "a function takes {expected} values in its brackets, and has {actual}"
        )),
        ExecutionError::MissingArgumentOrTarget => {
            Words::of("a function lacks a value in its brackets".to_owned())
        }
        ExecutionError::NotSupportedAsMethod { method, target } => {
            let of = kind_of(target.type_of());
            Words::of(format!("`{method}` of {of} does not exist"))
        }
        ExecutionError::UnsupportedTargetType { target } => {
            let of = kind_of(target.type_of());
            Words::of(format!("a function cannot be used with {of}"))
        }
        ExecutionError::UnexpectedType { got, want } => {
            let (got, want) = (kind_called(got), kind_called(want));
            Words::of(format!("expected {want}, found {got}"))
        }
        ExecutionError::UndeclaredReference(name) => {
            Words::of(format!("`{name}` does not exist in this form"))
        }
        _ => Words::of("it cannot be computed".to_owned()),
    }
}

/// A result that is no verdict.
pub(super) fn no_verdict(given: &Value) -> Words {
    let given = given.type_of();
    let help = match given {
        ValueType::Int | ValueType::UInt | ValueType::Float => {
            Some("compare it with a number, such as `> 5`")
        }
        ValueType::String => Some("compare it with a text, such as `== \"UP\"`"),
        _ => None,
    };
    Words {
        help: help.map(str::to_owned),
        ..Words::of(format!("it gives {}, not true or false", kind_of(given)))
    }
}

/// A function that cannot read its text.
fn of_function(function: &str, message: &str) -> Words {
    let (problem, help) = match function {
        "duration" => (
            "a text is no duration".to_owned(),
            "write it as in duration(\"90s\") or duration(\"1h30m\")",
        ),
        "timestamp" => (
            "a text is no time".to_owned(),
            "write it as in timestamp(\"2027-01-01T00:00:00Z\")",
        ),
        "int" | "uint" | "double" => (
            "a text is no number".to_owned(),
            "compare the text itself, such as error_code == \"408\"",
        ),
        "matches" => {
            // The last line of such an error says what is wrong.
            let last = message.lines().last().unwrap_or_default();
            let reason = last.trim().trim_start_matches("error: ");
            (
                format!("the pattern of `matches` is no regular expression: {reason}"),
                "write a backslash before a sign that is meant itself, such as \\\\( or \\\\.",
            )
        }
        "timezone" => (
            "a text is no time zone".to_owned(),
            "write it as in timestamp.getHours(\"Europe/Berlin\")",
        ),
        other => return Words::of(format!("`{other}` cannot be computed")),
    };
    Words {
        help: Some(help.to_owned()),
        ..Words::of(problem)
    }
}

fn no_parts(of: &str) -> Words {
    Words {
        help: Some(
            "use `startsWith`, `endsWith`, `contains` or `matches` for a part of a text".to_owned(),
        ),
        ..Words::of(format!("{of} has no parts in [ ]"))
    }
}

fn by_zero() -> Words {
    Words::of("it divides by zero".to_owned())
}

fn arithmetic(sign: &str, left: &Value, right: &Value) -> Words {
    let whole = match (left, right) {
        (Value::Float(_), Value::Int(0)) if matches!(sign, "/" | "%") => return by_zero(),
        (Value::Float(_), Value::Int(whole)) | (Value::Int(whole), Value::Float(_)) => *whole,
        _ => {
            let (left, right) = (kind_of(left.type_of()), kind_of(right.type_of()));
            return Words::of(format!("`{sign}` cannot join {left} and {right}"));
        }
    };
    Words {
        problem: format!(
            "`{sign}` needs a decimal point on both sides: a reading has one, `{whole}` has none"
        ),
        help: Some(match sign {
            // The language has it for whole numbers only.
            "%" => "write int(…) around the reading".to_owned(),
            _ => format!("write {whole}.0"),
        }),
        part: Some(whole.to_string()),
    }
}

/// Whether two numbers were compared.
pub(super) fn is_of_numbers(overload: &OverloadError) -> bool {
    let is_number = |name: &&str| kind_called(name) == "a number";
    let types = overload.argument_types();
    let are_numbers =
        types.len() == 2 && types.iter().map(AsRef::as_ref).all(|one| is_number(&one));
    let sign = overload.function().trim_matches('_');
    are_numbers && ["<", "<=", ">", ">="].contains(&sign)
}

fn no_overload(overload: &OverloadError) -> Words {
    let types = overload.argument_types();
    let kinds: Vec<&str> = types.iter().map(|name| kind_called(name)).collect();
    let name = overload.function();
    let sign = name.trim_matches('_');
    let is_operator = sign != name;
    if let ("[_]", [of, ..]) = (sign, kinds.as_slice()) {
        return no_parts(of);
    }
    let has = |wanted: &str| kinds.contains(&wanted);
    let help = (is_operator && has("a duration") && has("a number"))
        .then(|| "a reading is in seconds: write their number alone".to_owned());
    let problem = match kinds.as_slice() {
        [left, right] if is_operator => format!("`{sign}` cannot join {left} and {right}"),
        [of, with @ ..] if overload.is_member_function() && !with.is_empty() => {
            format!("`{sign}` of {of} with {} does not exist", with.join(", "))
        }
        [of] => format!("`{sign}` of {of} does not exist"),
        _ => format!("`{sign}` cannot be used with {}", kinds.join(", ")),
    };
    Words {
        problem,
        help,
        part: None,
    }
}

/// The name of a type for people.
const fn kind_of(value: ValueType) -> &'static str {
    match value {
        ValueType::Int | ValueType::UInt | ValueType::Float => "a number",
        ValueType::String => "a text",
        ValueType::Bool => "true or false",
        ValueType::Duration => "a duration",
        ValueType::Timestamp => "a time",
        ValueType::List => "a list",
        ValueType::Null => "nothing",
        _ => "something else",
    }
}

fn kind_called(name: &str) -> &str {
    match name {
        "int" | "uint" | "double" => "a number",
        "string" => "a text",
        "bool" => "true or false",
        "google.protobuf.Duration" => "a duration",
        "google.protobuf.Timestamp" => "a time",
        "list" | "iterable" => "a list",
        "null_type" => "nothing",
        "map" => "a table",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::signal::Signal;
    use crate::domain::time::Timestamp;
    use crate::rules::Expression;

    /// Expressions, what is said of them, and the help.
    const FAILURES: &[(&str, &str, Option<&str>)] = &[
        (
            "metrics[oWaiting].count * 100 < 80",
            "`100` has none",
            Some("write 100.0"),
        ),
        ("metrics[oWaiting].count / 0 > 1", "divides by zero", None),
        ("1 / 0 > 1", "divides by zero", None),
        (
            "metrics[oWaiting].count > duration('5m')",
            "`>` cannot join a number and a duration",
            Some("a reading is in seconds: write their number alone"),
        ),
        (
            "metrics[oWaiting].count.contains('5')",
            "`contains` of a number",
            None,
        ),
        ("status > 5", "a text", None),
        (
            "status",
            "it gives a text, not true or false",
            Some("compare it with a text, such as `== \"UP\"`"),
        ),
        (
            "status.matches('(')",
            "no regular expression: unclosed group",
            Some("write a backslash before a sign that is meant itself, such as \\\\( or \\\\."),
        ),
        (
            "duration('5 minutes') > duration('1m')",
            "a text is no duration",
            Some("write it as in duration(\"90s\") or duration(\"1h30m\")"),
        ),
        (
            "timestamp('yesterday') < timestamp",
            "a text is no time",
            Some("write it as in timestamp(\"2027-01-01T00:00:00Z\")"),
        ),
        (
            "timestamp.getHours('Berlin') > 8",
            "a text is no time zone",
            Some("write it as in timestamp.getHours(\"Europe/Berlin\")"),
        ),
        (
            "int(status) > 3",
            "a text is no number",
            Some("compare the text itself, such as error_code == \"408\""),
        ),
        (
            "status[0] == 'D'",
            "a text has no parts in [ ]",
            Some("use `startsWith`, `endsWith`, `contains` or `matches` for a part of a text"),
        ),
    ];

    #[test]
    fn a_failure_is_told_without_the_words_of_the_engine() {
        let mut signal = Signal::new("an event", "a type", Timestamp::default());
        signal.fields.insert("status", "DOWN".into());
        let reading = [("count".to_owned(), 5.0)].into();
        signal.metrics.insert("oWaiting".to_owned(), reading);
        for (source, problem, help) in FAILURES {
            let expression = Expression::parse(source).unwrap();
            let error = expression.holds(&signal, "genesys").unwrap_err();
            assert!(
                error.problem.contains(*problem),
                "{source}: {}",
                error.problem
            );
            assert_eq!(error.help.as_deref(), *help, "{source}");
        }
    }
}
