//! A function must be called in a form that it has. Pure.

use std::ops::Range;

use cel::common::ast::CallExpr;

use super::functions::{Function, function};

/// A call of a function that is known, in a form that it has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongCall {
    pub problem: String,
    /// What to write instead.
    pub help: String,
    pub span: Option<Range<usize>>,
}

/// Whether `call` has a form that its function has not.
pub(super) fn is_wrong(call: &CallExpr) -> bool {
    function(&call.func_name).is_some_and(|function| {
        let counts = match call.target {
            Some(_) => function.on_value,
            None => function.alone,
        };
        !counts.contains(&call.args.len())
    })
}

/// What is wrong with `call`, which is one.
pub(super) fn wrong_call(source: &str, call: &CallExpr) -> Option<WrongCall> {
    let function = function(&call.func_name)?;
    let written = Written::find(source, call);
    let right = written.as_ref().and_then(|one| one.in_other_form(function));
    let right = right.unwrap_or_else(|| function.example.to_owned());
    Some(WrongCall {
        problem: problem(function, call),
        help: format!("write {right}"),
        span: written.map(|one| one.span),
    })
}

fn problem(function: &Function, call: &CallExpr) -> String {
    let name = function.name;
    let counts = match call.target {
        Some(_) if function.on_value.is_empty() => {
            return format!("`{name}` is not called on a value");
        }
        None if function.alone.is_empty() => return format!("`{name}` is called on a value"),
        Some(_) => function.on_value,
        None => function.alone,
    };
    let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
    let (counts, given) = (counts.join(" or "), call.args.len());
    format!("`{name}` takes {counts} values in its brackets, and has {given}")
}

/// A call as it is written.
struct Written<'s> {
    span: Range<usize>,
    /// The value that the function is called on.
    target: Option<&'s str>,
    arguments: Vec<&'s str>,
}

impl<'s> Written<'s> {
    /// The first place of `source` where the function of `call` is called in the same form.
    fn find(source: &'s str, call: &CallExpr) -> Option<Self> {
        let name = call.func_name.as_str();
        let is_inner = |c: char| c.is_alphanumeric() || c == '_';
        source.match_indices(name).find_map(|(at, _)| {
            let before = source.get(..at)?;
            let after = source.get(at + name.len()..)?.trim_start();
            let inside = after.strip_prefix('(')?;
            if before.ends_with(is_inner) {
                return None;
            }
            let of = before.trim_end().strip_suffix('.');
            let arguments = arguments_of(inside)?;
            let is_same =
                of.is_some() == call.target.is_some() && arguments.len() == call.args.len();
            is_same.then(|| Self {
                span: at..at + name.len(),
                target: of.map(last_value),
                arguments,
            })
        })
    }

    /// The same call on a value where it stands alone, and alone where it is called on a value, when
    /// the function has that form.
    fn in_other_form(&self, function: &Function) -> Option<String> {
        let name = function.name;
        match (self.target, self.arguments.as_slice()) {
            (Some(target), arguments) if function.alone.contains(&(arguments.len() + 1)) => {
                let all: Vec<&str> = std::iter::once(target)
                    .chain(arguments.iter().copied())
                    .collect();
                Some(format!("{name}({})", all.join(", ")))
            }
            (None, [first, rest @ ..]) if function.on_value.contains(&rest.len()) => {
                let is_one = !first.contains(' ') || first.starts_with(['"', '\'', '[']);
                let rest = rest.join(", ");
                Some(match is_one {
                    true => format!("{first}.{name}({rest})"),
                    false => format!("({first}).{name}({rest})"),
                })
            }
            _ => None,
        }
    }
}

/// The values in brackets; `inside` is what follows the opening one.
fn arguments_of(inside: &str) -> Option<Vec<&str>> {
    let (mut found, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    let mut quote = None;
    for (at, character) in inside.char_indices() {
        match (quote, character) {
            (Some(open), _) => quote = (character != open).then_some(open),
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth > 0 => depth -= 1,
            (None, ',' | ')') if depth == 0 => {
                found.push(inside.get(begin..at)?.trim());
                begin = at + 1;
                if character == ')' {
                    found.retain(|one| !one.is_empty());
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// The value at the end of `before`: a name with its brackets, or a text.
fn last_value(before: &str) -> &str {
    let before = before.trim_end();
    let (mut begin, mut depth) = (before.len(), 0_usize);
    let mut quote = None;
    for (at, character) in before.char_indices().rev() {
        match (quote, character) {
            (Some(open), _) => quote = (character != open).then_some(open),
            (None, '"' | '\'') => quote = Some(character),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') if depth > 0 => depth -= 1,
            (None, c) if depth > 0 || c.is_alphanumeric() || matches!(c, '_' | '.') => {}
            _ => break,
        }
        begin = at;
    }
    before.get(begin..).unwrap_or_default()
}
