//! Whether `when` and `clear` can hold at all, where they look at one value only.
//!
//! They compare the value with constants, so a few samples stand for every value: each constant,
//! its neighbours, another text, and no value. Anything else is not judged: there is no warning
//! without certainty. Pure; may import: `domain::signal`.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use super::comparison::number_of;
use super::expression::Expression;
use super::rewrite::{LABEL, SEPARATOR, reading_of};
use crate::domain::signal::{FIELD_NAMES, Field, Signal};
use crate::domain::time::Timestamp;

/// What no signal can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsatisfiable {
    /// `when` never holds: there is no breach.
    When,
    /// `clear` never holds.
    Clear,
    /// `clear` holds only where `when` does, which is asked first.
    ClearInsideWhen,
}

/// Which condition no signal can meet; `None` when both can be met, or it cannot be said.
pub fn unsatisfiable(when: &Expression, clear: Option<&Expression>) -> Option<Unsatisfiable> {
    let breaches = |signal: &Signal| when.holds(signal, "") == Ok(Some(true));
    if is_never(&[when], breaches) {
        return Some(Unsatisfiable::When);
    }
    let clear = clear?;
    let clears = |signal: &Signal| clear.holds(signal, "") == Ok(Some(true));
    if is_never(&[clear], clears) {
        return Some(Unsatisfiable::Clear);
    }
    let recovers = |signal: &Signal| clears(signal) && !breaches(signal);
    is_never(&[when, clear], recovers).then_some(Unsatisfiable::ClearInsideWhen)
}

/// Whether it is certain that `holds`, which asks `expressions`, is false for every signal.
fn is_never(expressions: &[&Expression], holds: impl Fn(&Signal) -> bool) -> bool {
    let mut compared = Compared::default();
    let is_simple = |one: &&Expression| compared.collect(one.parsed()).is_some();
    expressions.iter().all(is_simple)
        && compared
            .samples()
            .is_some_and(|samples| !samples.iter().any(holds))
}

/// The one name that expressions look at, and the constants that it is compared with.
#[derive(Debug, Default)]
struct Compared {
    name: Option<String>,
    numbers: Vec<f64>,
    texts: Vec<String>,
    has_order: bool,
}

impl Compared {
    /// Adds what `expression` compares; `None` if it has another name or does more than compare.
    fn collect(&mut self, expression: &IdedExpr) -> Option<()> {
        match &expression.expr {
            Expr::Ident(name) => {
                let only = self.name.get_or_insert_with(|| name.clone());
                (only == name).then_some(())
            }
            Expr::List(list) => list.elements.iter().try_for_each(|one| self.collect(one)),
            Expr::Literal(LiteralValue::Boolean(_)) => Some(()),
            Expr::Literal(LiteralValue::String(text)) => {
                self.texts.push(text.inner().to_owned());
                Some(())
            }
            literal @ Expr::Literal(_) => {
                self.numbers.push(number_of(literal)?);
                Some(())
            }
            Expr::Call(call) if call.target.is_none() => {
                match (call.func_name.as_str(), call.args.as_slice()) {
                    (operators::NEGATE, [number]) => {
                        self.numbers.push(-number_of(&number.expr)?);
                        return Some(());
                    }
                    (
                        operators::GREATER
                        | operators::GREATER_EQUALS
                        | operators::LESS
                        | operators::LESS_EQUALS,
                        _,
                    ) => self.has_order = true,
                    (
                        operators::LOGICAL_AND
                        | operators::LOGICAL_OR
                        | operators::LOGICAL_NOT
                        | operators::EQUALS
                        | operators::NOT_EQUALS
                        | operators::IN,
                        _,
                    ) => {}
                    _ => return None,
                }
                call.args.iter().try_for_each(|one| self.collect(one))
            }
            _ => None,
        }
    }

    /// Signals that stand for all; `None` when the name, or what is compared, has too many values.
    fn samples(&self) -> Option<Vec<Signal>> {
        let blank = Signal::new("an event", "a type of event", Timestamp::default());
        let Some(name) = &self.name else {
            return Some(vec![blank]);
        };
        // Between two texts there are more than can be tried.
        if self.has_order && !self.texts.is_empty() {
            return None;
        }
        let near = |number: &f64| [number.next_down(), *number, number.next_up()];
        let numbers = [0.0].into_iter().chain(self.numbers.iter().flat_map(near));
        let other_text = self.texts.concat() + "!";
        let texts = self.texts.iter().cloned().chain([other_text]);
        let values = numbers
            .map(Field::Number)
            .chain(texts.map(Field::from))
            .chain([true, false].map(Field::Flag));
        let mut samples = vec![blank.clone()];
        for value in values {
            let mut signal = blank.clone();
            set(&mut signal, name, value)?;
            samples.push(signal);
        }
        Some(samples)
    }
}

/// Sets what `name` stands for, if it can have that value; `None` for a name that is not judged.
fn set(signal: &mut Signal, name: &str, value: Field) -> Option<()> {
    let label = || name.strip_prefix(LABEL)?.strip_prefix(SEPARATOR);
    if let Some((metric, statistic)) = reading_of(name) {
        if let Field::Number(number) = value {
            let reading = signal.metrics.entry(metric.to_owned()).or_default();
            reading.insert(statistic.to_owned(), number);
        }
    } else if let Some(label) = label() {
        if let Field::Text(text) = value {
            signal.labels.insert(label.to_owned(), text);
        }
    } else {
        let name = FIELD_NAMES.iter().find(|known| **known == name)?;
        signal.fields.insert(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests;
