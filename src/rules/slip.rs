//! What is wrong with the text of an expression, in our words.
//!
//! The parser lists every token that could stand in a place. Most mistakes are habits from another
//! language, so these are looked for first. Pure.

use std::ops::Range;

use cel::parser::ParseErrors;

use super::span::word_at;

/// A mistake in the text of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

impl Slip {
    fn new(message: impl Into<String>, help: &str, at: usize, length: usize) -> Self {
        Self {
            message: message.into(),
            help: Some(help.to_owned()),
            span: at..at + length,
        }
    }
}

/// Words of other languages, in lower case, and what to write.
const WORDS: &[(&str, &str)] = &[
    ("and", "use `&&`"),
    ("or", "use `||`"),
    ("not", "use `!`, such as `!(status == \"UP\")`"),
    ("is", "use `==`"),
    ("equals", "use `==`"),
    (
        "like",
        "use `contains`, such as `queue_name.contains(\"Billing\")`",
    ),
    ("between", "use two comparisons, joined by `&&`"),
];

/// Operators of other languages, and what to write. A longer one comes before its beginning.
const OPERATORS: &[(&str, &str)] = &[
    ("===", "use `==`"),
    ("!==", "use `!=`"),
    ("<>", "use `!=`"),
    ("=>", "use `>=`"),
    ("=<", "use `<=`"),
    (">>", "use `>`"),
    ("<<", "use `<`"),
    (
        "=~",
        "use `matches`, such as `queue_name.matches(\"^Billing\")`",
    ),
    ("{{", "an expression has no braces: write the name alone"),
    ("{%", "an expression has no braces: write the name alone"),
    (";", "write one expression only"),
];

/// Operators that are right, so that their parts are not taken for mistakes.
const RIGHT: &[&str] = &["==", "!=", ">=", "<=", "&&", "||"];

/// The mistake in `source`, which the parser has refused with `errors`.
pub(super) fn slip(source: &str, errors: &ParseErrors) -> Slip {
    habit(source).unwrap_or_else(|| unexpected(source, errors))
}

/// The first mistake that is a habit from another language.
fn habit(source: &str) -> Option<Slip> {
    let mut at = 0;
    let mut open = Vec::new();
    while let Some(first) = source.get(at..).and_then(|rest| rest.chars().next()) {
        let length = match first {
            '"' | '\'' => text(source, at, first),
            'a'..='z' | 'A'..='Z' | '_' => word(source, at),
            '0'..='9' => number(source, at),
            _ => sign(source, at, first),
        };
        let length = match length {
            Ok(length) => length,
            Err(slip) => return Some(slip),
        };
        match first {
            '(' | '[' => open.push((first, at)),
            ')' | ']' if open.pop().is_none() => {
                let message = format!("`{first}` closes nothing");
                return Some(Slip::new(message, "remove it", at, length));
            }
            _ => {}
        }
        at += length;
    }
    let (bracket, at) = open.pop()?;
    let help = if bracket == '(' { "add `)`" } else { "add `]`" };
    Some(Slip::new(
        format!("`{bracket}` is never closed"),
        help,
        at,
        1,
    ))
}

/// The length of the text in quotes at `at`.
fn text(source: &str, at: usize, quote: char) -> Result<usize, Slip> {
    let rest = source.get(at..).unwrap_or_default();
    closing(rest, quote).ok_or_else(|| {
        let help = format!("end it with {quote}");
        Slip::new("a text has no closing quote", &help, at, rest.len())
    })
}

/// The length of the name at `at`.
fn word(source: &str, at: usize) -> Result<usize, Slip> {
    let word = word_at(source, at);
    let lower = word.to_ascii_lowercase();
    let known = WORDS.iter().find(|(known, _)| *known == lower);
    let help = match known {
        Some((_, help)) if !is_member(source, at) => *help,
        None if lower == "in" && word != "in" => "use `in`",
        _ => return Ok(word.len()),
    };
    let message = format!("`{word}` is no operator");
    Err(Slip::new(message, help, at, word.len()))
}

const NO_UNIT: &str = "a number has no unit";
const ALONE: &str = "write the number alone; durations are in seconds";

/// Words for units, in lower case, without the `s` of a plural.
const UNIT_WORDS: [&str; 8] = [
    "second", "sec", "minute", "min", "hour", "day", "percent", "call",
];

/// Units of sizes, in lower case.
const SIZES: [&str; 7] = ["kb", "mb", "gb", "tb", "kib", "mib", "gib"];

/// The length of the number at `at`.
fn number(source: &str, at: usize) -> Result<usize, Slip> {
    const UNITS: [&str; 9] = ["s", "sec", "ms", "m", "min", "h", "d", "k", "K"];
    let word = word_at(source, at);
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    if SIZES.contains(&unit.to_ascii_lowercase().as_str()) {
        let help = "write the number alone, in bytes";
        return Err(Slip::new(NO_UNIT, help, at, word.len()));
    }
    if UNITS.contains(&unit) {
        return Err(Slip::new(NO_UNIT, ALONE, at, word.len()));
    }
    let behind = source.get(at + word.len()..).unwrap_or_default();
    if let Some(rest) = behind.strip_prefix('%') {
        let rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with(['&', '|', ')', '?']) {
            let help = "write the number alone; a ratio is from 0 to 1, a percentage from 0 to 100";
            return Err(Slip::new(NO_UNIT, help, at, word.len() + 1));
        }
    }
    Ok(word.len())
}

/// The length of the operator or other sign at `at`.
fn sign(source: &str, at: usize, first: char) -> Result<usize, Slip> {
    let rest = source.get(at..).unwrap_or_default();
    if let Some((wrong, help)) = OPERATORS.iter().find(|(wrong, _)| rest.starts_with(wrong)) {
        let message = format!("`{wrong}` is no operator");
        return Err(Slip::new(message, help, at, wrong.len()));
    }
    if let Some(right) = RIGHT.iter().find(|right| rest.starts_with(**right)) {
        return Ok(right.len());
    }
    let length = first.len_utf8();
    let (message, help) = match first {
        '=' => ("`=` is no comparison", "use `==`"),
        '&' => ("`&` is no operator", "use `&&`"),
        '|' => ("`|` is no operator", "use `||`"),
        '“' | '”' | '„' | '‘' | '’' => {
            ("typographic quotes", "use straight quotes: \" or '")
        }
        _ => return Ok(length),
    };
    Err(Slip::new(message, help, at, length))
}

/// Whether the name at `at` stands behind a dot, or is a metric in brackets.
fn is_member(source: &str, at: usize) -> bool {
    let before = source.get(..at).unwrap_or_default().chars().next_back();
    matches!(before, Some('.' | '['))
}

/// The length of the text in quotes at the beginning of `rest`.
fn closing(rest: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    let mut characters = rest.char_indices().skip(1);
    let (at, _) = characters.find(|(_, character)| {
        let is_end = *character == quote && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_end
    })?;
    Some(at + 1)
}

/// What the parser has found first.
fn unexpected(source: &str, errors: &ParseErrors) -> Slip {
    let (line, column) = errors.errors.first().map_or((1, 1), |error| error.pos);
    let whole = |number: isize| usize::try_from(number).unwrap_or(0).saturating_sub(1);
    let before = source.split_inclusive('\n').take(whole(line));
    let line_start: usize = before.map(str::len).sum();
    let in_line = source.get(line_start..).unwrap_or_default();
    let offset = in_line.char_indices().nth(whole(column)).map(|(at, _)| at);
    let at = offset.map_or(source.len(), |offset| line_start + offset);
    let rest = source.get(at..).unwrap_or_default();
    let Some(first) = rest.trim_start().chars().next() else {
        if let Some(question) = unanswered(source) {
            return without_answer(question);
        }
        let end = source.trim_end().len();
        return Slip {
            message: "the expression ends too early".to_owned(),
            help: Some("a value is missing at its end".to_owned()),
            span: end.saturating_sub(1)..end,
        };
    };
    let at = at + (rest.len() - rest.trim_start().len());
    let word = word_at(source, at);
    let length = if word.is_empty() {
        first.len_utf8()
    } else {
        word.len()
    };
    let before = source.get(..at).unwrap_or_default();
    let written = before.trim_end();
    if let Some(question) = unanswered(source) {
        return without_answer(question);
    }
    if written.ends_with("has(metrics") {
        return without_statistic(rest, at);
    }
    let lower = word.to_lowercase();
    let is_unit = UNIT_WORDS.contains(&lower.strip_suffix('s').unwrap_or(&lower));
    if is_unit && written.ends_with(|c: char| c.is_ascii_digit()) {
        return Slip::new(NO_UNIT, ALONE, at, length);
    }
    let (message, help) = match written.ends_with("has(") {
        true => ("`has` asks for a metric or a label".to_owned(), Some(HAS)),
        false => {
            let found = source.get(at..at + length).unwrap_or_default();
            (
                format!("`{found}` is not expected here"),
                habit_at(before, first, source.get(at + length..).unwrap_or_default()),
            )
        }
    };
    Slip {
        message,
        help: help.map(str::to_owned),
        span: at..at + length,
    }
}

fn without_answer(question: usize) -> Slip {
    let help = "write both answers, such as `a ? b : false`, or join the conditions by `&&`";
    Slip::new("`?` has no `:`", help, question, 1)
}

/// Where a `?` stands outside of texts, when no `:` does.
fn unanswered(source: &str) -> Option<usize> {
    let mut quote = None;
    let mut question = None;
    for (at, one) in source.char_indices() {
        match (quote, one) {
            (Some(open), _) if one == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(one),
            (None, '?') => question = question.or(Some(at)),
            (None, ':') => return None,
            (None, _) => {}
        }
    }
    question
}

/// `has(metrics[NAME])`: `rest` begins with the bracket, at `at`.
fn without_statistic(rest: &str, at: usize) -> Slip {
    let inside = rest.trim_start().strip_prefix('[');
    let name = inside.and_then(|inside| inside.split_once(']'));
    let name = name.map_or("oWaiting", |(name, _)| name.trim_matches(['"', '\'']));
    let help = format!("write has(metrics[{name}].count), or another of its statistics");
    Slip::new("`has` asks for one statistic of a metric", &help, at, 1)
}

const HAS: &str = "write has(metrics[oWaiting].count) or has(labels.site); without a field that it \
                   names, an expression says nothing";

/// What to write in place of `found`, which stands between `before` and `after`.
fn habit_at(before: &str, found: char, after: &str) -> Option<&'static str> {
    let written = before.trim_end();
    if is_in_name_of_metric(before) {
        return Some(
            "write the name in quotes, such as metrics[\"disks[/data].totalBytes\"].value",
        );
    }
    match found {
        ',' if is_list_in_round_brackets(before) => {
            Some("write a list in [ ], such as status in [\"DOWN\", \"DEGRADED\"]")
        }
        ',' if written.ends_with(|c: char| c.is_ascii_digit()) => {
            let digits = after.trim_end_matches(|c: char| !c.is_ascii_digit());
            let end = digits.find(|c: char| !c.is_ascii_digit());
            match end.unwrap_or(digits.len()) {
                3 => Some("write a number without separators, such as 1000"),
                _ => Some("write a decimal point, such as 0.5"),
            }
        }
        '<' | '>' if written.ends_with("&&") || written.ends_with("||") => {
            Some("write what is compared again, such as x > 300 && x < 900")
        }
        '0'..='9' => Some("a whole number is at most 9223372036854775807"),
        'a'..='z' | 'A'..='Z' | '_' | '"' | '\'' | '(' | '!'
            if written.ends_with(|c: char| c.is_alphanumeric() || "_]\"')".contains(c)) =>
        {
            Some("join two conditions by `&&` or `||`")
        }
        _ => None,
    }
}

/// Whether `metrics[` is open at the end of `before`.
fn is_in_name_of_metric(before: &str) -> bool {
    let Some((_, name)) = before.rsplit_once("metrics[") else {
        return false;
    };
    let count = |bracket: char| name.matches(bracket).count();
    count(']') <= count('[')
}

/// Whether the innermost round bracket follows `in`.
fn is_list_in_round_brackets(before: &str) -> bool {
    let opened = before.rsplit_once('(').map(|(left, _)| left.trim_end());
    opened.is_some_and(|left| left.ends_with(" in"))
}

#[cfg(test)]
mod tests {
    use crate::rules::{BadExpression, Expression};

    /// What is marked, and the help.
    fn slip(source: &str) -> (String, String) {
        let Err(BadExpression::Syntax(slip)) = Expression::parse(source) else {
            panic!("{source} is no syntax error");
        };
        assert!(!slip.message.contains("expecting"), "{}", slip.message);
        let marked = source[slip.span].to_owned();
        (marked, slip.help.unwrap_or_default())
    }

    #[test]
    fn habits_of_other_languages_are_told_what_to_write() {
        for (source, marked, help) in [
            ("status == 'DOWN' AND queue_id == 'x'", "AND", "use `&&`"),
            ("status == 'DOWN' or queue_id == 'and'", "or", "use `||`"),
            ("not status == 'DOWN'", "not", "use `!`"),
            ("status = 'DOWN'", "=", "use `==`"),
            ("metrics[tWait].avg >> 300", ">>", "use `>`"),
            ("metrics[tWait].avg => 300", "=>", "use `>=`"),
            ("status <> 'UP'", "<>", "use `!=`"),
            ("status & true", "&", "use `&&`"),
            ("status IN ['DOWN']", "IN", "use `in`"),
            ("status == “DOWN”", "“", "straight quotes"),
            ("status == 'DOWN", "'DOWN", "end it with '"),
            ("metrics[tWait].avg > 300s", "300s", "in seconds"),
            ("(status == 'DOWN'", "(", "add `)`"),
            ("status == 'DOWN')", ")", "remove it"),
            ("{{ status }} == 'DOWN'", "{{", "no braces"),
        ] {
            let (at, helped) = slip(source);
            assert_eq!(at, marked, "{source}");
            assert!(helped.contains(help), "{source}: {helped}");
        }
    }

    #[test]
    fn anything_else_is_pointed_at() {
        assert_eq!(slip("status == 'DOWN' 'UP'").0, "'");
        for (source, marked, help) in [
            ("status in ('DOWN', 'UP')", ",", "a list in [ ]"),
            ("metrics[tWait].avg > 300,5", ",", "decimal point"),
            ("metrics[tWait].avg > 300 && < 900", "<", "compared again"),
            ("has(status)", "status", "has(metrics"),
            ("metrics[oWaiting].count > 1,000", ",", "without separators"),
            (
                "metrics[oWaiting].count > 1,000 && status == 'A'",
                ",",
                "without separators",
            ),
            ("metrics[tWait].avg > 5 minutes", "minutes", "in seconds"),
            (
                "metrics[oServiceLevel].ratio < 80%",
                "80%",
                "a ratio is from 0 to 1",
            ),
            ("has(metrics[tWait])", "[", "has(metrics[tWait].count)"),
            (
                "status == 'UP' queue_id == 'x'",
                "queue_id",
                "by `&&` or `||`",
            ),
            (
                "status > 99999999999999999999",
                "99999999999999999999",
                "at most",
            ),
            ("metrics[disks[C:].totalBytes].value < 5", ":", "in quotes"),
            (
                "metrics[disks[/data].totalBytes].value < 5",
                "/",
                "in quotes",
            ),
            (
                "metrics[networks[eth0 up].sentBytesPerSec].value < 5",
                "up",
                "in quotes",
            ),
        ] {
            let (at, helped) = slip(source);
            assert_eq!(at, marked, "{source}");
            assert!(helped.contains(help), "{source}: {helped}");
        }
        let (at, help) = slip("metrics[tWait].avg >");
        assert_eq!((at.as_str(), help.contains("missing")), (">", true));
    }
}
