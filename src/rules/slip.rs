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
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next()?;
        let found = |message: &str, help: &str, length: usize| {
            Some(Slip {
                message: message.to_owned(),
                help: Some(help.to_owned()),
                span: at..at + length,
            })
        };
        match first {
            '"' | '\'' => match closing(rest, first) {
                Some(length) => at += length,
                None => {
                    let message = "a text has no closing quote";
                    return found(message, &format!("end it with {first}"), rest.len());
                }
            },
            '“' | '”' | '„' | '‘' | '’' => {
                let help = "use straight quotes: \" or '";
                return found("typographic quotes", help, first.len_utf8());
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let word = word_at(source, at);
                let lower = word.to_ascii_lowercase();
                let known = WORDS.iter().find(|(known, _)| *known == lower);
                if let Some((_, help)) = known.filter(|_| !is_member(source, at)) {
                    return found(&format!("`{word}` is no operator"), help, word.len());
                }
                if lower == "in" && word != "in" {
                    return found(&format!("`{word}` is no operator"), "use `in`", word.len());
                }
                at += word.len();
            }
            '0'..='9' => {
                let word = word_at(source, at);
                let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
                let is_unit = matches!(
                    digits,
                    "s" | "sec" | "ms" | "m" | "min" | "h" | "d" | "k" | "K"
                );
                if is_unit {
                    let help = "write the number alone; durations are in seconds";
                    return found("a number has no unit", help, word.len());
                }
                at += word.len();
            }
            _ => {
                let operator = OPERATORS.iter().find(|(wrong, _)| rest.starts_with(wrong));
                let right = RIGHT.iter().find(|right| rest.starts_with(**right));
                match (operator, right, first) {
                    (Some((wrong, help)), _, _) => {
                        return found(&format!("`{wrong}` is no operator"), help, wrong.len());
                    }
                    (None, Some(right), _) => at += right.len(),
                    (None, None, '=') => return found("`=` is no comparison", "use `==`", 1),
                    (None, None, '&') => return found("`&` is no operator", "use `&&`", 1),
                    (None, None, '|') => return found("`|` is no operator", "use `||`", 1),
                    _ => {
                        match first {
                            '(' | '[' => open.push((first, at)),
                            ')' | ']' if open.pop().is_none() => {
                                let message = format!("`{first}` closes nothing");
                                return found(&message, "remove it", 1);
                            }
                            _ => {}
                        }
                        at += first.len_utf8();
                    }
                }
            }
        }
    }
    let (bracket, at) = open.pop()?;
    let closing = if bracket == '(' { ')' } else { ']' };
    Some(Slip {
        message: format!("`{bracket}` is never closed"),
        help: Some(format!("add `{closing}`")),
        span: at..at + 1,
    })
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
    Slip {
        message: format!(
            "`{}` is not expected here",
            source.get(at..at + length).unwrap_or_default()
        ),
        help: None,
        span: at..at + length,
    }
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
        let (at, help) = slip("metrics[tWait].avg >");
        assert_eq!((at.as_str(), help.contains("missing")), (">", true));
    }
}
