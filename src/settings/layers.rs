//! Layers: TOML files, parsed so that each value remembers its line, and the value of a variable.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::shown_line::may_show_invalid;
use super::source::{SourceFile, place};
use super::value::{Table, Value, ValueKind};

/// What the parser says of a key that is there twice.
const DUPLICATE: &str = "duplicate key";

/// What the origin of a value set by a variable begins with.
pub(super) const VARIABLE: &str = "environment variable ";

/// One file, parsed.
pub(super) struct Layer {
    /// The file's path.
    pub(super) source: SourceFile,
    pub(super) values: Table,
}

impl Layer {
    /// Reads and parses the TOML file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        let problem = |reason: String| vec![Problem::error(&name, reason)];
        let bytes =
            std::fs::read(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| problem("is not UTF-8 text".to_owned()))?;
        Self::parse(&name, &text)
    }

    /// Parses the TOML text of the file called `name`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let lines = line_starts(text);
            let line = |position| {
                let number = lines.partition_point(|start| *start <= position);
                format!("{name} line {number}")
            };
            let table = table.into_inner();
            return Ok(Self {
                source: SourceFile::new(name, text, &table),
                values: convert_table(table, &line),
            });
        }
        Err(syntax_problems(name, text, &errors))
    }
}

/// `text` as one TOML value, set by `origin`.
pub(super) fn parse_value(text: &str, origin: &str) -> Option<Value> {
    let document = format!("value = {text}");
    let table = DeTable::parse(&document).ok()?.into_inner();
    let mut values = convert_table(table, &|_| origin.to_owned());
    let value = values.swap_remove("value");
    value.filter(|_| values.is_empty())
}

/// The origin of the value at a position in the text.
type OriginAt<'a> = &'a dyn Fn(usize) -> String;

fn convert_table(table: DeTable<'_>, origin_at: OriginAt<'_>) -> Table {
    table
        .into_iter()
        .map(|(key, value)| (key.into_inner().into_owned(), convert(value, origin_at)))
        .collect()
}

fn convert(value: Spanned<DeValue<'_>>, origin_at: OriginAt<'_>) -> Value {
    let origin = origin_at(value.span().start);
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
                .map(|item| convert(item, origin_at))
                .collect(),
        ),
        DeValue::Table(table) => ValueKind::Table(convert_table(table, origin_at)),
    };
    Value::new(&origin, kind)
}

/// A number too long for 64 bits stays text, which the reader of the key then refuses.
fn whole_number(digits: &str, radix: u32) -> ValueKind {
    i64::from_str_radix(digits, radix)
        .map_or_else(|_| ValueKind::String(digits.to_owned()), ValueKind::Integer)
}

/// Where each line of `text` begins.
fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

/// The line of the file called `name` on which `position` in its text is.
fn line(name: &str, text: &str, position: usize) -> String {
    let before = text.as_bytes().iter().take(position);
    let line = 1 + before.filter(|byte| **byte == b'\n').count();
    format!("{name} line {line}")
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
    let at = span.as_ref().and_then(|span| text.get(span.clone()));
    let problem = match (error.message(), at) {
        (DUPLICATE, Some(key)) => {
            let reason = format!("`{key}` is defined twice in the same table");
            let before = span.as_ref().and_then(|span| text.get(..span.start));
            let line = before.and_then(|before| before.rsplit('\n').next());
            let help = match line.is_some_and(|line| line.trim_start().starts_with('[')) {
                true => "give the second one another name",
                false => "remove one of them",
            };
            Problem::error(name, reason).with_help(help)
        }
        (message, _) => Problem::error(name, format!("is not valid TOML: {message}")),
    };
    let mut place = span.clone().map(|span| place(name, text, span, &[]));
    if let Some(place) = &mut place {
        place.text = place.text.take().filter(|line| may_show_invalid(line));
    }
    Problem {
        layer: span.map(|span| line(name, text, span.start)),
        place,
        ..problem
    }
}
