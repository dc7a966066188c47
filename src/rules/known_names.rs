//! The names and functions that an expression uses must be known. Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};

use super::call_forms::{is_wrong, wrong_call};
use super::expression::BadExpression;
use super::functions::{FUNCTIONS, function};
use super::nearest::{nearest, nearest_variable};
use super::rewrite::{BOUND, SEPARATOR};
use super::slip::Slip;
use super::span::span_of;
use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// Functions of other languages, and what to write.
const OTHERS: &[(&str, &str)] = &[
    (
        "avg",
        "a reading has its average already: metrics[tWait].avg",
    ),
    ("sum", "a reading has its sum already: metrics[tWait].sum"),
    (
        "count",
        "a reading has its count already: metrics[oWaiting].count",
    ),
    ("min", EACH_VALUE),
    ("max", EACH_VALUE),
    ("least", EACH_VALUE),
    ("greatest", EACH_VALUE),
    ("abs", "compare with both bounds, such as `x > 5 || x < -5`"),
    (
        "lower",
        "a status is always in upper case, a media type in lower case",
    ),
    (
        "lowerAscii",
        "a status is always in upper case, a media type in lower case",
    ),
    (
        "upper",
        "a status is always in upper case, a media type in lower case",
    ),
    (
        "toLowerCase",
        "a status is always in upper case, a media type in lower case",
    ),
    (
        "toUpperCase",
        "a status is always in upper case, a media type in lower case",
    ),
    ("now", "the time of the event is `timestamp`"),
    (
        "regex",
        "use `matches`, such as `queue_name.matches(\"^Billing\")`",
    ),
    (
        "includes",
        "use `contains`, such as `queue_name.contains(\"Billing\")`",
    ),
    (
        "any",
        "use `exists`, such as `[\"A\", \"B\"].exists(x, queue_name == x)`",
    ),
    (
        "some",
        "use `exists`, such as `[\"A\", \"B\"].exists(x, queue_name == x)`",
    ),
    ("len", "use `size`"),
    ("length", "use `size`"),
    ("trim", "texts come without blanks around them: remove it"),
    ("split", PART_OF_TEXT),
    ("substring", PART_OF_TEXT),
    ("substr", PART_OF_TEXT),
    ("indexOf", PART_OF_TEXT),
    ("charAt", PART_OF_TEXT),
    ("replace", PART_OF_TEXT),
    ("equals", "use `==`"),
    ("equalsIgnoreCase", "use `==`"),
    ("isEmpty", "compare with an empty text: == \"\""),
    (
        "exist",
        "use `exists`, such as `[\"A\", \"B\"].exists(x, queue_name == x)`",
    ),
];

const EACH_VALUE: &str = "compare each value by itself, and join the comparisons by `&&` or `||`";

const PART_OF_TEXT: &str = "use `startsWith`, `endsWith`, `contains` or `matches`";

const MOST_USED: &str =
    "the most used are contains, startsWith, endsWith, matches, size, exists and all";

/// Comparisons by size.
const ORDER: [&str; 4] = [
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
];

/// Refuses unknown functions and names, calls that a function has no form for, and comparisons of comparisons.
pub(super) fn check(source: &str, parsed: &IdedExpr) -> Result<(), BadExpression> {
    check_functions(source, parsed)?;
    check_calls(source, parsed)?;
    check_names(source, parsed)?;
    if first_call(parsed, &is_value_beside_list).is_some() {
        return Err(BadExpression::Syntax(Slip {
            message: "a value is never equal to a list".to_owned(),
            help: Some("use `in`".to_owned()),
            span: equals_of_list(source).unwrap_or(0..source.len()),
        }));
    }
    match first_call(parsed, &is_chain).is_some() {
        true => Err(BadExpression::Syntax(Slip {
            message: "a comparison cannot be compared again".to_owned(),
            help: Some("write two comparisons and join them by `&&`".to_owned()),
            span: 0..source.len(),
        })),
        false => Ok(()),
    }
}

fn check_names(source: &str, parsed: &IdedExpr) -> Result<(), BadExpression> {
    // In the order of the names, so that the same one is told each time.
    let references = parsed.references();
    let names: BTreeSet<&str> = references.variables().into_iter().collect();
    for name in names {
        if name.contains(SEPARATOR) || name.starts_with(BOUND) {
            continue;
        }
        let span = span_of(source, name);
        if name == "metrics" || name == "labels" {
            let name = name.to_owned();
            return Err(BadExpression::NotALookup { name, span });
        }
        if !is_of_value(name) {
            return Err(BadExpression::UnknownName {
                name: name.to_owned(),
                suggestion: nearest_variable(name),
                span,
            });
        }
    }
    Ok(())
}

fn check_functions(source: &str, parsed: &IdedExpr) -> Result<(), BadExpression> {
    let is_operator = |name: &str| name.starts_with(['_', '!', '-', BOUND]);
    let references = parsed.references();
    let functions: BTreeSet<&str> = references.functions().into_iter().collect();
    let mut unknown = functions
        .into_iter()
        .filter(|name| !is_operator(name) && function(name).is_none());
    unknown.next().map_or(Ok(()), |name| {
        let other = OTHERS.iter().find(|(known, _)| *known == name);
        let suggestion = match other {
            Some(_) => None,
            None => nearest(name, FUNCTIONS.iter().map(|one| one.name)),
        };
        let most_used = suggestion.is_none().then_some(MOST_USED);
        let help = other.map(|(_, help)| *help).or(most_used);
        Err(BadExpression::UnknownFunction {
            name: name.to_owned(),
            suggestion,
            help: help.map(str::to_owned),
            span: call_of(source, name),
        })
    })
}

fn check_calls(source: &str, parsed: &IdedExpr) -> Result<(), BadExpression> {
    let wrong = first_call(parsed, &is_wrong).and_then(|call| wrong_call(source, call));
    wrong.map_or(Ok(()), |wrong| Err(BadExpression::WrongCall(wrong)))
}

/// Whether `name` is that of a value, which a signal may lack.
pub(super) fn is_of_value(name: &str) -> bool {
    name.contains(SEPARATOR) || FIELD_NAMES.contains(&name) || COMMON_NAMES.contains(&name)
}

/// Where the function is called.
fn call_of(source: &str, name: &str) -> Option<Range<usize>> {
    let call = format!("{name}(");
    let at = source.find(&call)?;
    Some(at..at + name.len())
}

/// `status == ["DOWN"]`.
fn is_value_beside_list(call: &CallExpr) -> bool {
    let is_equals = call.func_name == operators::EQUALS;
    match call.args.as_slice() {
        [left, right] => {
            is_equals && matches!((&left.expr, &right.expr), (Expr::Ident(_), Expr::List(_)))
        }
        _ => false,
    }
}

/// Where a list is compared by `==`.
fn equals_of_list(source: &str) -> Option<Range<usize>> {
    let mut equals = source.match_indices("==");
    let (at, _) = equals.find(|(at, _)| source[at + 2..].trim_start().starts_with('['))?;
    Some(at..at + 2)
}

/// `30 < x < 90`: the answer of a comparison is true or false, and has no size.
fn is_chain(call: &CallExpr) -> bool {
    let is_order = |one: &IdedExpr| match &one.expr {
        Expr::Call(inner) => ORDER.contains(&inner.func_name.as_str()),
        _ => false,
    };
    ORDER.contains(&call.func_name.as_str()) && call.args.iter().any(is_order)
}

/// The first call in `expression` for which `wanted` holds.
fn first_call<'e>(
    expression: &'e IdedExpr,
    wanted: &dyn Fn(&CallExpr) -> bool,
) -> Option<&'e CallExpr> {
    let within = |one: &'e IdedExpr| first_call(one, wanted);
    match &expression.expr {
        Expr::Call(call) if wanted(call) => Some(call),
        Expr::Call(call) => {
            let target = call.target.as_deref();
            let target = target.and_then(within);
            target.or_else(|| call.args.iter().find_map(within))
        }
        Expr::List(list) => list.elements.iter().find_map(within),
        Expr::Select(select) => within(&select.operand),
        Expr::Comprehension(one) => within(&one.iter_range).or_else(|| within(&one.loop_step)),
        Expr::Map(map) => map.entries.iter().find_map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => within(&entry.key).or_else(|| within(&entry.value)),
            EntryExpr::StructField(_) => None,
        }),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => None,
    }
}
