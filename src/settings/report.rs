//! `config check` and `config show` in words and in JSON. Pure: values in, text out.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::problem::{EffectiveValue, Level, Place, Problem};

/// Lines are not longer, where they can be broken or cut.
const WIDTH: usize = 80;

/// What the configuration in force is warned of. Rules are tried beside the start, so it is known some
/// time after it.
pub type Warnings = Arc<OnceLock<Vec<Problem>>>;

/// Warnings as a list for scripts.
pub fn warnings_json(warnings: &[Problem]) -> Value {
    warnings.iter().map(problem_json).collect()
}

/// Problems and warnings for people, each with the line and the place in it, ending in a summary.
pub fn problems_text(problems: &[Problem], warnings: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems.iter().chain(warnings) {
        text.push_str(&problem_text(problem));
        text.push('\n');
    }
    text.push_str(&summary(problems.len(), warnings.len()));
    text
}

/// Problems and warnings for scripts: `{"ok", "problems", "warnings"}`.
pub fn problems_json(problems: &[Problem], warnings: &[Problem]) -> Value {
    let list = |all: &[Problem]| all.iter().map(problem_json).collect::<Vec<_>>();
    json!({ "ok": problems.is_empty(), "problems": list(problems), "warnings": list(warnings) })
}

/// Every key with its value, and where it was set, as lines of `key = value  # layer`.
pub fn effective_text(values: &[EffectiveValue]) -> String {
    values
        .iter()
        .map(|value| format!("{} = {}  # {}\n", value.path, value.shown, value.layer))
        .collect()
}

/// Every key with its value, and where it was set: a list as the API has them.
pub fn effective_json(values: &[EffectiveValue]) -> Value {
    let items = values.iter().map(
        |value| json!({ "path": value.path, "value": plain(&value.shown), "layer": value.layer }),
    );
    json!({ "items": items.collect::<Vec<_>>(), "next": null })
}

/// A value that is written as TOML, as JSON. What stands for a secret stays a text.
fn plain(shown: &str) -> Value {
    let table: Option<toml::Table> = toml::from_str(&format!("value = {shown}")).ok();
    let value = table.and_then(|mut table| table.remove("value"));
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    value.unwrap_or_else(|| json!(shown))
}

/// The secrets that are not here, in a line; empty when all are.
pub fn absent_text(absent: &[String]) -> String {
    if absent.is_empty() {
        return String::new();
    }
    let noun = if absent.len() == 1 {
        "secret is"
    } else {
        "secrets are"
    };
    let text = format!("{} {noun} not here: {}", absent.len(), absent.join(", "));
    wrapped("note: ", &text)
}

fn problem_json(problem: &Problem) -> Value {
    let place = problem.place.as_ref();
    json!({
        "severity": problem.level,
        "path": problem.path,
        "message": problem.reason,
        "suggestion": problem.suggestion,
        "help": problem.advice(),
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "length": place.map(|place| place.marked.len()),
        "layer": problem.layer,
    })
}

/// One problem, in the form of a compiler.
fn problem_text(problem: &Problem) -> String {
    let label = match problem.level {
        Level::Error => "error: ",
        Level::Warning => "warning: ",
    };
    let mut text = wrapped(label, &format!("{}: {}", problem.path, problem.reason));
    let number = problem.place.as_ref().map(|place| place.line.to_string());
    let gutter = " ".repeat(number.as_ref().map_or(1, String::len));
    match (&problem.place, &problem.layer) {
        (Some(place), _) => {
            text.push_str(&format!("{gutter}--> {place}\n"));
            text.push_str(&snippet(place, &gutter));
        }
        (None, Some(layer)) => text.push_str(&format!("{gutter}--> {layer}\n")),
        (None, None) => {}
    }
    if let Some(advice) = problem.advice() {
        text.push_str(&wrapped(&format!("{gutter} = help: "), &advice));
    }
    text
}

/// The line, and a caret under each marked character.
fn snippet(place: &Place, gutter: &str) -> String {
    let Some(line) = &place.text else {
        return String::new();
    };
    let (line, start, length) = cut(line, place, WIDTH.saturating_sub(gutter.len() + 3));
    let bar = format!("{gutter} |");
    let carets = format!("{}{}", " ".repeat(start), "^".repeat(length));
    format!("{bar}\n{} | {line}\n{bar} {carets}\n", place.line)
}

/// The part of `line` around the mark that fits `width`, and where the mark is in it.
fn cut(line: &str, place: &Place, width: usize) -> (String, usize, usize) {
    let characters: Vec<char> = line.trim_end().chars().collect();
    let (start, length) = (place.marked.start, place.marked.len().max(1));
    if characters.len() <= width {
        return (characters.into_iter().collect(), start, length);
    }
    // A mark that does not fit is shown by its beginning.
    let length = length.min(width / 2);
    let first = (start + length + 10).saturating_sub(width).min(start);
    let last = (first + width).min(characters.len());
    let mut shown: Vec<char> = characters.get(first..last).unwrap_or_default().to_vec();
    if first > 0
        && let Some(beginning) = shown.first_mut()
    {
        *beginning = '…';
    }
    if last < characters.len()
        && let Some(end) = shown.last_mut()
    {
        *end = '…';
    }
    (shown.into_iter().collect(), start - first, length)
}

/// `label` and `text`, in lines that begin below the text.
fn wrapped(label: &str, text: &str) -> String {
    let indent = " ".repeat(label.len());
    let mut lines = label.to_owned();
    let mut used = label.len();
    for (at, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if at > 0 && used + 1 + length > WIDTH {
            lines.push('\n');
            lines.push_str(&indent);
            used = indent.len();
        } else if at > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines.push('\n');
    lines
}

fn summary(problems: usize, warnings: usize) -> String {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    };
    let (problems_are, warnings_are) = (count(problems, "error"), count(warnings, "warning"));
    match (problems, warnings) {
        (0, 0) => "The configuration is fine.\n".to_owned(),
        (0, _) => format!("The configuration can be used, with {warnings_are}.\n"),
        _ => format!("The configuration cannot be used: {problems_are}, {warnings_are}.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, marked: std::ops::Range<usize>) -> Problem {
        Problem {
            place: Some(Place {
                file: "my.toml".to_owned(),
                line: 12,
                column: marked.start + 1,
                text: Some(text.to_owned()),
                marked,
            }),
            ..Problem::error("rules.one.when", "unknown name `statsu`").suggesting(Some("status"))
        }
    }

    #[test]
    fn a_problem_has_its_line_a_caret_and_help() {
        let text = problem_text(&problem("when = \"statsu == 'DOWN'\"", 8..14));
        let expected = "error: rules.one.when: unknown name `statsu`\n  \
                        --> my.toml:12:9\n   |\n12 | when = \"statsu == 'DOWN'\"\n   |         ^^^^^^\n   \
                        = help: did you mean `status`?\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_line_is_cut_around_its_mark() {
        let line = format!(
            "when = \"{} && statsu == 'DOWN' && {}\"",
            "x".repeat(90),
            "y".repeat(90)
        );
        let start = line.find("statsu").unwrap();
        let text = problem_text(&problem(&line, start..start + 6));
        let shown: Vec<&str> = text.lines().collect();
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let caret = shown[4].find('^').unwrap();
        let marked: String = shown[3].chars().skip(caret).take(6).collect();
        assert_eq!(marked, "statsu");
    }

    #[test]
    fn words_go_on_below_their_beginning() {
        let text = wrapped("error: ", &"word ".repeat(30));
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("       word"))
        );
    }
}
