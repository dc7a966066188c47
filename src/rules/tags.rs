//! The filters and tests that a template uses, and where. The template engine finds an unknown one
//! only when it renders. Pure.

use std::ops::Range;

use super::slip::Slip;
use super::span::word_at;

/// The filters of the template language.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "zip",
];

/// The tests of the template language.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// A filter or a test in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) is_test: bool,
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

/// Every `{{ … }}` and `{% … %}` in `source`, without the braces.
pub(super) fn tags(source: &str) -> Vec<Range<usize>> {
    split(source).0
}

/// What is sent as it is written: all of `source` but its tags and comments.
pub(super) fn plain_parts(source: &str) -> Vec<Range<usize>> {
    split(source).1
}

/// The tags, and what stands between them.
fn split(source: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut tags = Vec::new();
    let mut plain = Vec::new();
    let mut plain_start = 0;
    let mut at = 0;
    let after = |at: usize| source.get(at..).unwrap_or_default();
    while let Some(start) = after(at).find('{').map(|found| at + found) {
        let end = match after(start).get(..2) {
            Some("{{") => end_of(source, start + 2, "}}"),
            Some("{%") => end_of(source, start + 2, "%}"),
            Some("{#") => {
                let length = after(start).find("#}");
                at = length.map_or(source.len(), |length| start + length + 2);
                plain.push(plain_start..start);
                plain_start = at;
                continue;
            }
            _ => {
                at = start + 1;
                continue;
            }
        };
        let tag = start + 2..end;
        at = end + 2;
        let text = source.get(tag.clone()).unwrap_or_default();
        if text.trim_matches(['-', '+', ' ']) == "raw" {
            let end = after(at).find("endraw");
            at = end.map_or(source.len(), |length| at + length);
        }
        plain.push(plain_start..start);
        plain_start = at.min(source.len());
        tags.push(tag);
    }
    plain.push(plain_start..source.len());
    (tags, plain)
}

/// Where a tag ends that begins at `at`: `closing` within a text does not count.
fn end_of(source: &str, at: usize, closing: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    for (offset, character) in source.get(at..).unwrap_or_default().char_indices() {
        let here = source.get(at + offset..).unwrap_or_default();
        match quote {
            None if here.starts_with(closing) => return at + offset,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            Some(open) if character == open && !is_escaped => quote = None,
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    source.len()
}

/// The filters and tests in `source`, in order.
pub(super) fn used(source: &str) -> Vec<Used> {
    let mut found = Vec::new();
    for tag in tags(source) {
        let mut at = tag.start;
        // The word before: a test follows `is` or `is not`.
        let mut before = "";
        while at < tag.end {
            let rest = source.get(at..tag.end).unwrap_or_default();
            let Some(first) = rest.chars().next() else {
                break;
            };
            match first {
                '"' | '\'' => {
                    at = text_end(source, at, first).min(tag.end);
                    before = "";
                }
                '|' => {
                    let start = at + 1 + blanks(source, at + 1);
                    let name = word_at(source, start);
                    push(&mut found, false, name, start);
                    at = start + name.len();
                    before = "";
                }
                first if first.is_alphabetic() || first == '_' => {
                    let word = word_at(source, at);
                    let length = word.len().max(first.len_utf8());
                    match (before, word) {
                        ("is", "not") => {}
                        ("is", name) => {
                            push(&mut found, true, name, at);
                            before = "";
                        }
                        ("filter", name) if is_first(source, &tag, "filter") => {
                            push(&mut found, false, name, at);
                            before = "";
                        }
                        (_, word) => before = word,
                    }
                    at += length;
                }
                first => {
                    if !first.is_whitespace() {
                        before = "";
                    }
                    at += first.len_utf8();
                }
            }
        }
    }
    found
}

fn push(found: &mut Vec<Used>, is_test: bool, name: &str, start: usize) {
    if !name.is_empty() {
        found.push(Used {
            is_test,
            name: name.to_owned(),
            span: start..start + name.len(),
        });
    }
}

/// Whether `word` is the first in the tag.
fn is_first(source: &str, tag: &Range<usize>, word: &str) -> bool {
    let text = source.get(tag.clone()).unwrap_or_default();
    text.trim_start_matches(['-', '+', ' ']).starts_with(word)
}

fn blanks(source: &str, at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    rest.len() - rest.trim_start().len()
}

fn text_end(source: &str, at: usize, quote: char) -> usize {
    let mut is_escaped = false;
    for (offset, character) in source.get(at..).unwrap_or_default().char_indices().skip(1) {
        if character == quote && !is_escaped {
            return at + offset + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    source.len()
}

/// The texts in quotes within the tags of `source`.
pub(super) fn texts(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in tags(source) {
        let mut at = tag.start;
        while let Some(first) = source.get(at..tag.end).and_then(|rest| rest.chars().next()) {
            if !matches!(first, '"' | '\'') {
                at += first.len_utf8();
                continue;
            }
            let end = text_end(source, at, first).min(tag.end);
            let inside = source.get(at + 1..end.saturating_sub(1));
            found.extend(inside.map(str::to_owned));
            at = end;
        }
    }
    found
}

/// The first mistake in the tags of `source` that is a habit from another language, or a slip.
pub(super) fn slip(source: &str) -> Option<Slip> {
    let slip = |message: &str, help: &str, span| Slip {
        message: message.to_owned(),
        help: Some(help.to_owned()),
        span,
    };
    let mut open: Vec<(&str, Range<usize>)> = Vec::new();
    for tag in tags(source) {
        let text = source.get(tag.clone()).unwrap_or_default();
        let begin = tag.start.saturating_sub(2)..tag.start;
        let is_value = source.get(begin.clone()) == Some("{{");
        let (opening, closing) = if is_value { ("{{", "}}") } else { ("{%", "%}") };
        if tag.end >= source.len() || text.contains(opening) {
            let message = format!("`{opening}` is never closed");
            return Some(slip(&message, &format!("add `{closing}`"), begin));
        }
        for (wrong, help) in [
            ("||", "use `or`"),
            ("&&", "use `and`"),
            ("??", "use `or`"),
            ("===", "use `==`"),
            ("?", "use `a if condition else b`"),
        ] {
            let outside = outside_texts(source, &tag);
            if let Some(at) = outside.find(wrong) {
                let at = tag.start + at;
                let message = format!("`{wrong}` is no operator");
                return Some(slip(&message, help, at..at + wrong.len()));
            }
        }
        if is_value {
            continue;
        }
        let word = text
            .trim_matches(['-', '+', ' ', '\n'])
            .split_whitespace()
            .next();
        match word {
            Some(block @ ("if" | "for" | "filter" | "with" | "macro" | "autoescape")) => {
                open.push((block, begin));
            }
            Some(end) if end.starts_with("end") => {
                open.pop();
            }
            _ => {}
        }
    }
    let (block, begin) = open.pop()?;
    let message = format!("`{{% {block} %}}` has no end");
    Some(slip(&message, &format!("add `{{% end{block} %}}`"), begin))
}

/// The inside of a tag, with blanks in place of its texts in quotes.
fn outside_texts(source: &str, tag: &Range<usize>) -> String {
    let mut quote = None;
    let text = source.get(tag.clone()).unwrap_or_default();
    text.chars()
        .flat_map(|character| {
            let is_text = quote.is_some();
            match quote {
                None if matches!(character, '"' | '\'') => quote = Some(character),
                Some(open) if open == character => quote = None,
                _ => {}
            }
            let blanks = std::iter::repeat_n(' ', character.len_utf8());
            let kept = (!is_text).then_some(character);
            kept.into_iter()
                .chain(blanks.skip(if is_text { 0 } else { character.len_utf8() }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_tag_is_told_what_to_write() {
        for (source, marked, help) in [
            ("{{ queue_name waits {{", "{{", "add `}}`"),
            ("{{ queue_name", "{{", "add `}}`"),
            ("x {{ a || 'b||c' }}", "||", "use `or`"),
            ("{{ a ? 1 : 2 }}", "?", "use `a if condition else b`"),
            ("{% if a %}x", "{%", "add `{% endif %}`"),
        ] {
            let found = slip(source).unwrap();
            assert_eq!(&source[found.span], marked, "{source}");
            assert_eq!(found.help.as_deref(), Some(help), "{source}");
        }
        assert_eq!(slip("{{ 'a || b?' }}{% if a %}x{% endif %}"), None);
    }

    #[test]
    fn filters_and_tests_are_found_and_what_looks_like_them_is_not() {
        let source = "a | b {{ key|upper | round(2) }} {# x|y #} {{ 'a|b }}' }} {{ x is not defined }}\
                      {% if x is divisibleby 3 %}{% endif %}{% raw %}{{ a|b }}{% endraw %}\
                      {% filter trim %}{% endfilter %}";
        let names: Vec<(bool, String)> = used(source)
            .into_iter()
            .inspect(|one| assert_eq!(source[one.span.clone()], one.name))
            .map(|one| (one.is_test, one.name))
            .collect();
        let expected = [
            (false, "upper"),
            (false, "round"),
            (true, "defined"),
            (true, "divisibleby"),
            (false, "trim"),
        ];
        assert_eq!(
            names,
            expected.map(|(is_test, name)| (is_test, name.to_owned()))
        );
    }
}
