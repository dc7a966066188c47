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
    pub(super) const fn of(problem: String) -> Self {
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
        ExecutionError::FunctionError { function, message } => {
            Words::of(format!("`{function}`: {message}"))
        }
        ExecutionError::UnexpectedType { got, want } => {
            let (got, want) = (kind_called(got), kind_called(want));
            Words::of(format!("expected {want}, found {got}"))
        }
        other => Words::of(other.to_string()),
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

fn no_overload(overload: &OverloadError) -> Words {
    let types = overload.argument_types();
    let kinds: Vec<&str> = types.iter().map(|name| kind_called(name)).collect();
    let name = overload.function();
    let sign = name.trim_matches('_');
    let is_operator = sign != name;
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
pub(super) const fn kind_of(value: ValueType) -> &'static str {
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
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::signal::Signal;
    use crate::domain::time::Timestamp;
    use crate::rules::Expression;

    #[test]
    fn a_failure_is_told_without_the_words_of_the_engine() {
        let mut signal = Signal::new("an event", "a type", Timestamp::default());
        signal.fields.insert("status", "DOWN".into());
        let reading = [("count".to_owned(), 5.0)].into();
        signal.metrics.insert("oWaiting".to_owned(), reading);
        for (source, problem, help) in [
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
            ("status", "it gives a text, not true or false", None),
            ("status.matches('(')", "`matches`", None),
        ] {
            let expression = Expression::parse(source).unwrap();
            let error = expression.holds(&signal, "genesys").unwrap_err();
            assert!(
                error.problem.contains(problem),
                "{source}: {}",
                error.problem
            );
            assert_eq!(error.help.as_deref(), help, "{source}");
        }
    }
}
