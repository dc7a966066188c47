//! Layers: TOML files, parsed so that each value remembers its line, and the value of a variable.
//!
//! May import: nothing of ours but [`Problem`] and [`Value`]. Must not know what any key means.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::value::{Table, Value, ValueKind};

/// What the parser says of a key that is there twice.
const DUPLICATE: &str = "duplicate key";

/// What the origin of a value set by a variable begins with.
pub(super) const VARIABLE: &str = "environment variable ";

/// One file, parsed.
pub(super) struct Layer {
    /// The file's path.
    pub(super) name: String,
    pub(super) values: Table,
}

impl Layer {
    /// Reads and parses the TOML file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            vec![file_problem(
                &name,
                format!("cannot be read: {error}"),
                None,
            )]
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| vec![file_problem(&name, "is not UTF-8 text".to_owned(), None)])?;
        Self::parse(&name, &text)
    }

    /// Parses the TOML text of the file called `name`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let origins = Origins::Lines { name, text };
            return Ok(Self {
                name: name.to_owned(),
                values: convert_table(table.into_inner(), &origins),
            });
        }
        Err(syntax_problems(name, text, &errors))
    }
}

/// `text` as one TOML value, set by `origin`.
pub(super) fn parse_value(text: &str, origin: &str) -> Option<Value> {
    let document = format!("value = {text}");
    let table = DeTable::parse(&document).ok()?.into_inner();
    let mut values = convert_table(table, &Origins::Same(origin));
    let value = values.swap_remove("value");
    value.filter(|_| values.is_empty())
}

/// Where values say that they were set.
enum Origins<'a> {
    /// In a file, at the line of their position in its text.
    Lines { name: &'a str, text: &'a str },
    /// All at the same place.
    Same(&'a str),
}

impl Origins<'_> {
    fn at(&self, position: usize) -> String {
        match self {
            Self::Lines { name, text } => format!("{name} line {}", line_of(text, position)),
            Self::Same(origin) => (*origin).to_owned(),
        }
    }
}

fn convert_table(table: DeTable<'_>, origins: &Origins<'_>) -> Table {
    table
        .into_iter()
        .map(|(key, value)| (key.into_inner().into_owned(), convert(value, origins)))
        .collect()
}

fn convert(value: Spanned<DeValue<'_>>, origins: &Origins<'_>) -> Value {
    let origin = origins.at(value.span().start);
    let kind = match value.into_inner() {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        DeValue::Integer(number) => whole_number(number.as_str(), number.radix()),
        DeValue::Float(number) => number.as_str().parse().map_or_else(
            |_| ValueKind::String(number.as_str().to_owned()),
            ValueKind::Float,
        ),
        DeValue::Boolean(flag) => ValueKind::Boolean(flag),
        DeValue::Datetime(time) => ValueKind::String(time.to_string()),
        DeValue::Array(items) => ValueKind::Array(
            items
                .into_iter()
                .map(|item| convert(item, origins))
                .collect(),
        ),
        DeValue::Table(table) => ValueKind::Table(convert_table(table, origins)),
    };
    Value::new(&origin, kind)
}

/// A number too long for 64 bits stays text, which the reader of the key then refuses.
fn whole_number(digits: &str, radix: u32) -> ValueKind {
    i64::from_str_radix(digits, radix)
        .map_or_else(|_| ValueKind::String(digits.to_owned()), ValueKind::Integer)
}

fn line_of(text: &str, position: usize) -> usize {
    let before = text.as_bytes().iter().take(position);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// One problem for each line at fault, and of duplicate keys the first only: a table that is
/// there twice has duplicate keys, too.
fn syntax_problems(name: &str, text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut duplicates = 0;
    for error in errors {
        let duplicate = error.message() == DUPLICATE;
        duplicates += usize::from(duplicate);
        let problem = syntax_problem(name, text, error);
        let same_line = problems.iter().any(|known| known.layer == problem.layer);
        let echo = same_line || (duplicate && duplicates > 1);
        if !echo {
            problems.push(problem);
        }
    }
    problems
}

fn syntax_problem(name: &str, text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span();
    let place = span.as_ref().and_then(|span| text.get(span.clone()));
    let line = span.map(|span| line_of(text, span.start));
    let reason = match (error.message(), place) {
        (DUPLICATE, Some(key)) => {
            format!("`{key}` is defined twice in the same table; give the second one another name")
        }
        (message, _) => format!("is not valid TOML: {message}"),
    };
    file_problem(name, reason, line)
}

fn file_problem(name: &str, reason: String, line: Option<usize>) -> Problem {
    Problem {
        path: name.to_owned(),
        reason,
        suggestion: None,
        layer: line.map(|line| format!("{name} line {line}")),
    }
}
