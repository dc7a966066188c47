//! The names and functions that an expression uses must be known. Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};

use super::expression::BadExpression;
use super::nearest::{nearest, nearest_variable};
use super::rewrite::{BOUND, SEPARATOR};
use super::slip::Slip;
use super::span::span_of;
use crate::domain::signal::{COMMON_NAMES, FIELD_NAMES};

/// The functions of CEL. An unknown one would make an expression silent: the engine reports it like
/// a value that is missing.
const FUNCTIONS: &[&str] = &[
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "timestamp",
    "duration",
    "type",
    "dyn",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "optional.of",
    "optional.none",
    "optional.ofNonZeroValue",
    "hasValue",
    "value",
    "or",
    "orValue",
    "optMap",
    "optFlatMap",
    "min",
    "max",
];

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

/// Refuses unknown functions and names, and comparisons of comparisons.
pub(super) fn check(source: &str, parsed: &IdedExpr) -> Result<(), BadExpression> {
    check_functions(source, parsed)?;
    check_names(source, parsed)?;
    match any(parsed, &is_chain) {
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
        if !FIELD_NAMES.contains(&name) && !COMMON_NAMES.contains(&name) {
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
        .filter(|name| !is_operator(name) && !FUNCTIONS.contains(name));
    unknown.next().map_or(Ok(()), |name| {
        let other = OTHERS.iter().find(|(known, _)| *known == name);
        let suggestion = match other {
            Some(_) => None,
            None => nearest(name, FUNCTIONS.iter().copied()),
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

/// Where the function is called.
fn call_of(source: &str, name: &str) -> Option<Range<usize>> {
    let call = format!("{name}(");
    let at = source.find(&call)?;
    Some(at..at + name.len())
}

/// `30 < x < 90`: the answer of a comparison is true or false, and has no size.
fn is_chain(call: &CallExpr) -> bool {
    let is_order = |one: &IdedExpr| match &one.expr {
        Expr::Call(inner) => ORDER.contains(&inner.func_name.as_str()),
        _ => false,
    };
    ORDER.contains(&call.func_name.as_str()) && call.args.iter().any(is_order)
}

/// Whether `wanted` holds for a call in `expression`.
fn any(expression: &IdedExpr, wanted: &dyn Fn(&CallExpr) -> bool) -> bool {
    let within = |one: &IdedExpr| any(one, wanted);
    match &expression.expr {
        Expr::Call(call) => {
            let target = call.target.as_deref();
            wanted(call) || target.is_some_and(within) || call.args.iter().any(within)
        }
        Expr::List(list) => list.elements.iter().any(within),
        Expr::Select(select) => within(&select.operand),
        Expr::Comprehension(one) => within(&one.iter_range) || within(&one.loop_step),
        Expr::Map(map) => map.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => within(&entry.key) || within(&entry.value),
            EntryExpr::StructField(_) => false,
        }),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => false,
    }
}
