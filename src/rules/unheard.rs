//! Whether `when` and `clear` can ever be heard, tried out on every signal that matters.
//!
//! Where expressions only compare names with constants, finitely many signals stand for all:
//! each constant, a value on either side of it, and nothing at all. The expressions themselves
//! are asked about each. Anything else is not judged: there is no warning without certainty.
//!
//! Pure; may import: `domain::signal`.

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::Expression;
use super::rewrite::{HAS_LABEL, HAS_METRIC, LABEL, METRIC, SEPARATOR};
use crate::domain::signal::{FIELD_NAMES, Field, Reading, Signal};
use crate::domain::time::Timestamp;

/// Most signals that are tried; more names and constants than that are not judged.
const MAX_SIGNALS: usize = 10_000;
/// Numbers beyond it have no neighbours at a distance of one.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// Comparisons that ask whether two values are the same.
const EQUALITIES: [&str; 2] = [operators::EQUALS, operators::NOT_EQUALS];
/// Comparisons that ask which value is greater.
const ORDERS: [&str; 4] = [
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
];

/// Names besides the fields under which a signal can be given a value here.
const SETTABLE: [&str; 3] = ["event_payload_id", "event_type", "topic"];

/// What can never be heard, whatever a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// `when` never holds: there is no breach.
    When,
    /// `clear` never holds.
    Clear,
    /// `clear` holds only where `when` does, which is asked first.
    ClearInsideWhen,
}

/// What of `when` and `clear` can never be heard; `None` when everything can, or nobody can
/// say.
pub fn unheard(when: &Expression, clear: Option<&Expression>) -> Option<Unheard> {
    let breaches = |signal: &Signal| when.holds(signal, "");
    if let Some(signals) = every(&[when])
        && !signals
            .iter()
            .any(|signal| breaches(signal) == Ok(Some(true)))
    {
        return Some(Unheard::When);
    }
    let clear = clear?;
    let clears = |signal: &Signal| clear.holds(signal, "") == Ok(Some(true));
    if let Some(signals) = every(&[clear])
        && !signals.iter().any(clears)
    {
        return Some(Unheard::Clear);
    }
    let signals = every(&[when, clear])?;
    let is_heard = |signal: &Signal| breaches(signal) != Ok(Some(true)) && clears(signal);
    (!signals.iter().any(is_heard)).then_some(Unheard::ClearInsideWhen)
}

/// A value to try under a name.
#[derive(Debug, Clone, PartialEq)]
enum Sample {
    Nothing,
    Value(Field),
}

/// The constants that one name is compared with.
#[derive(Debug, Clone, Default)]
struct Constants {
    numbers: Vec<f64>,
    texts: BTreeSet<String>,
}

/// Signals that stand for every signal there is, as far as `expressions` can tell them apart;
/// `None` where they do more than compare, or tell too many apart.
fn every(expressions: &[&Expression]) -> Option<Vec<Signal>> {
    let mut names: BTreeMap<String, Constants> = BTreeMap::new();
    for expression in expressions {
        collect(expression.parsed(), &mut names)?;
    }
    let blank = Signal::new("an event", "a type of event", Timestamp::default());
    let mut signals = vec![blank];
    for (name, constants) in &names {
        let samples = samples(name, constants);
        if signals.len() * samples.len() > MAX_SIGNALS {
            return None;
        }
        signals = signals
            .iter()
            .flat_map(|signal| samples.iter().map(|sample| with(signal, name, sample)))
            .collect();
    }
    Some(signals)
}

/// Notes what each name in `expression` is compared with; `None` where it does anything else.
fn collect(expression: &IdedExpr, names: &mut BTreeMap<String, Constants>) -> Option<()> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Some(()),
        Expr::Ident(name) => constants_of(names, name).map(drop),
        Expr::Call(call) if call.target.is_none() => collect_call(call, names),
        _ => None,
    }
}

fn collect_call(call: &CallExpr, names: &mut BTreeMap<String, Constants>) -> Option<()> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, args) => {
            args.iter().try_for_each(|one| collect(one, names))
        }
        (operators::IN, [one, many]) => match (&one.expr, &many.expr) {
            (Expr::Ident(name), Expr::List(list)) => {
                let mut constants = list.elements.iter().map(constant);
                constants.try_for_each(|value| note(names, name, value?))
            }
            _ => None,
        },
        (operator, [left, right]) => {
            let is_order = ORDERS.contains(&operator);
            if !is_order && !EQUALITIES.contains(&operator) {
                return None;
            }
            let (name, value) = match (&left.expr, &right.expr) {
                (Expr::Ident(name), _) => (name, constant(right)?),
                (_, Expr::Ident(name)) => (name, constant(left)?),
                _ => return None,
            };
            // Between two texts there are more than can be tried.
            if is_order && !matches!(value, Field::Number(_)) {
                return None;
            }
            note(names, name, value)
        }
        _ => None,
    }
}

fn note(names: &mut BTreeMap<String, Constants>, name: &str, value: Field) -> Option<()> {
    let constants = constants_of(names, name)?;
    match value {
        Field::Number(number) if number.abs() < MAX_EXACT => constants.numbers.push(number),
        Field::Number(_) => return None,
        Field::Text(text) => {
            constants.texts.insert(text.into());
        }
        // Both flags are always tried.
        Field::Flag(_) => {}
    }
    Some(())
}

/// The constants of `name`, when it is a name that can be tried.
fn constants_of<'a>(
    names: &'a mut BTreeMap<String, Constants>,
    name: &str,
) -> Option<&'a mut Constants> {
    let is_known =
        name.contains(SEPARATOR) || FIELD_NAMES.contains(&name) || SETTABLE.contains(&name);
    is_known.then(|| names.entry(value_name(name)).or_default())
}

fn constant(expression: &IdedExpr) -> Option<Field> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(flag)) => Some(Field::Flag(*flag.inner())),
        Expr::Literal(LiteralValue::String(text)) => Some(Field::from(text.inner())),
        Expr::Literal(LiteralValue::Double(number)) => Some(Field::Number(*number.inner())),
        Expr::Literal(LiteralValue::Int(number)) => {
            let exact = i32::try_from(*number.inner()).ok()?;
            Some(Field::Number(f64::from(exact)))
        }
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.as_slice() {
            [inner] => match constant(inner)? {
                Field::Number(number) => Some(Field::Number(-number)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The name whose presence `has(…)` asks for; any other name itself.
fn value_name(name: &str) -> String {
    for (asked, of) in [(HAS_METRIC, METRIC), (HAS_LABEL, LABEL)] {
        let rest = name
            .strip_prefix(asked)
            .filter(|rest| rest.starts_with(SEPARATOR));
        if let Some(rest) = rest {
            return format!("{of}{rest}");
        }
    }
    name.to_owned()
}

/// The values under `name` that stand for all.
fn samples(name: &str, constants: &Constants) -> Vec<Sample> {
    let kind = name.split_once(SEPARATOR).map(|(kind, _)| kind);
    let mut samples = vec![Sample::Nothing];
    let mut add = |field: Field| samples.push(Sample::Value(field));
    if kind != Some(LABEL) {
        numbers(&constants.numbers)
            .into_iter()
            .map(Field::Number)
            .for_each(&mut add);
    }
    if kind != Some(METRIC) {
        let other = other_text(&constants.texts);
        let texts = constants.texts.iter().cloned().chain([other]);
        texts.map(Field::from).for_each(&mut add);
    }
    if kind.is_none() {
        [true, false]
            .map(Field::Flag)
            .into_iter()
            .for_each(&mut add);
    }
    samples
}

/// Each constant, what is below and above all, and one between each two.
fn numbers(constants: &[f64]) -> Vec<f64> {
    let mut sorted = constants.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return vec![0.0];
    };
    let mut numbers = vec![first - 1.0, last + 1.0];
    let between = sorted
        .windows(2)
        .map(|pair| f64::midpoint(pair[0], pair[1]));
    numbers.extend(between);
    numbers.extend(&sorted);
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// A text that is none of `texts`.
fn other_text(texts: &BTreeSet<String>) -> String {
    let mut other = "another text".to_owned();
    while texts.contains(&other) {
        other.push('!');
    }
    other
}

/// `signal` with `sample` under `name`, where a signal can carry that.
fn with(signal: &Signal, name: &str, sample: &Sample) -> Signal {
    let mut signal = signal.clone();
    let Sample::Value(field) = sample else {
        if name == "topic" {
            signal.topic = None;
        }
        return signal;
    };
    let text = || field.as_text().map(str::to_owned);
    match (name.split_once(SEPARATOR), field) {
        (Some((METRIC, rest)), Field::Number(number)) => {
            if let Some((metric, statistic)) = rest.split_once(SEPARATOR) {
                let reading = signal.metrics.get_or_insert_with(metric, Reading::default);
                reading.insert(statistic, *number);
            }
        }
        (Some((LABEL, label)), Field::Text(text)) => {
            signal.labels.insert(label.to_owned(), text.to_string());
        }
        (Some(_), _) => {}
        (None, _) => {
            if let Some(name) = FIELD_NAMES.iter().find(|known| **known == name) {
                signal.fields.insert(*name, field.clone());
            } else if let Some(text) = text() {
                match name {
                    "event_type" => signal.event_type = text.into(),
                    "event_payload_id" => signal.event_payload_id = text,
                    "topic" => signal.topic = Some(text),
                    _ => {}
                }
            }
        }
    }
    signal
}

#[cfg(test)]
mod tests;
