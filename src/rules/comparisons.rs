//! What an expression compares with what: from this, values can be made that decide it. Pure.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use super::comparison::number_of;
use super::direction::ThresholdSide;
use super::rewrite::{BOUND, HAS_LABEL, HAS_METRIC, LABEL, SEPARATOR, reading_of};

/// A value of a signal that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operand {
    /// `metrics[NAME].STAT`.
    Reading(String, String),
    Label(String),
    /// A field, or a name that every signal has.
    Name(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    Number(f64),
    Text(String),
    Flag(bool),
    /// `null`, which no value of a signal is.
    Null,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It holds on this side of the constant.
    Order(ThresholdSide),
    /// `==`, or one of a list.
    Equal,
    Different,
}

/// A value of a signal beside a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub operand: Operand,
    pub relation: Relation,
    /// Whether an order also holds for the constant itself: `>=`, `<=`.
    pub is_inclusive: bool,
    pub constant: Constant,
}

/// The comparisons in an expression.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparisons {
    pub all: Vec<Compared>,
    /// Every value that is read, compared or not.
    pub operands: BTreeSet<Operand>,
    /// Whether the expression does nothing but compare with constants, so that some values of its
    /// operands stand for all.
    pub is_simple: bool,
}

impl Comparisons {
    pub(super) fn of(parsed: &IdedExpr) -> Self {
        let mut found = Self {
            operands: parsed
                .references()
                .variables()
                .into_iter()
                .map(operand)
                .collect(),
            ..Self::default()
        };
        found.is_simple = found.look(parsed);
        found
    }

    /// Collects the comparisons in `expression`; whether it does nothing else.
    fn look(&mut self, expression: &IdedExpr) -> bool {
        match &expression.expr {
            Expr::Ident(name) => !name.starts_with(HAS_METRIC) && !name.starts_with(HAS_LABEL),
            Expr::Literal(LiteralValue::Boolean(_)) => true,
            Expr::Call(call) if call.target.is_none() => {
                match (call.func_name.as_str(), call.args.as_slice()) {
                    (
                        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT,
                        args,
                    ) => {
                        // Every argument is looked at, also after one that does more.
                        let simple: Vec<bool> = args.iter().map(|one| self.look(one)).collect();
                        simple.into_iter().all(|one| one)
                    }
                    (operator, [left, right]) => self.compare(operator, left, right),
                    _ => self.look_into(&call.args),
                }
            }
            Expr::Call(call) => {
                if let Some(target) = &call.target {
                    self.look(target);
                }
                self.look_into(&call.args)
            }
            Expr::List(list) => self.look_into(&list.elements),
            Expr::Comprehension(one) => {
                self.look(&one.iter_range);
                self.look(&one.loop_step);
                false
            }
            _ => false,
        }
    }

    /// Collects the comparisons in parts of an expression that does more.
    fn look_into(&mut self, parts: &[IdedExpr]) -> bool {
        for part in parts {
            self.look(part);
        }
        false
    }

    fn compare(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> bool {
        let relation = match operator {
            operators::GREATER | operators::GREATER_EQUALS => {
                Relation::Order(ThresholdSide::Higher)
            }
            operators::LESS | operators::LESS_EQUALS => Relation::Order(ThresholdSide::Lower),
            operators::EQUALS => Relation::Equal,
            operators::NOT_EQUALS => Relation::Different,
            operators::IN => return self.one_of(left, right),
            _ => {
                self.look(left);
                self.look(right);
                return false;
            }
        };
        let turned = match relation {
            Relation::Order(side) => Relation::Order(side.opposite()),
            other => other,
        };
        let is_inclusive = matches!(operator, operators::GREATER_EQUALS | operators::LESS_EQUALS);
        self.add(left, (relation, is_inclusive), right)
            || self.add(right, (turned, is_inclusive), left)
    }

    fn one_of(&mut self, value: &IdedExpr, list: &IdedExpr) -> bool {
        let Expr::List(list) = &list.expr else {
            return false;
        };
        let added: Vec<bool> = list
            .elements
            .iter()
            .map(|one| self.add(value, (Relation::Equal, false), one))
            .collect();
        added.into_iter().all(|one| one)
    }

    fn add(
        &mut self,
        value: &IdedExpr,
        (relation, is_inclusive): (Relation, bool),
        constant: &IdedExpr,
    ) -> bool {
        let (Expr::Ident(name), Some(constant)) = (&value.expr, constant_of(&constant.expr)) else {
            return false;
        };
        if name.starts_with(BOUND) {
            return false;
        }
        self.all.push(Compared {
            operand: operand(name),
            relation,
            is_inclusive,
            constant,
        });
        true
    }
}

pub(super) fn operand(name: &str) -> Operand {
    if let Some((metric, statistic)) = reading_of(name) {
        return Operand::Reading(metric.to_owned(), statistic.to_owned());
    }
    match name.split_once(SEPARATOR) {
        Some((LABEL | HAS_LABEL, label)) => Operand::Label(label.to_owned()),
        Some((_, reading)) => {
            let (metric, statistic) = reading.split_once(SEPARATOR).unwrap_or((reading, ""));
            Operand::Reading(metric.to_owned(), statistic.to_owned())
        }
        None => Operand::Name(name.to_owned()),
    }
}

fn constant_of(expression: &Expr) -> Option<Constant> {
    match expression {
        Expr::Literal(LiteralValue::String(text)) => Some(Constant::Text(text.inner().to_owned())),
        Expr::Literal(LiteralValue::Boolean(flag)) => Some(Constant::Flag(*flag.inner())),
        Expr::Literal(LiteralValue::Null) => Some(Constant::Null),
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.as_slice() {
            [number] => number_of(&number.expr).map(|number| Constant::Number(-number)),
            _ => None,
        },
        number => number_of(number).map(Constant::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Expression;

    #[test]
    fn every_comparison_is_found_and_it_is_known_whether_there_is_more() {
        let found = |source: &str| Expression::parse(source).unwrap().comparisons();
        let simple = found("300 < metrics[tWait].avg && !(status in ['UP', 'OK']) || alert_active");
        assert!(simple.is_simple);
        let compared: Vec<(Relation, Constant)> = simple
            .all
            .iter()
            .map(|one| (one.relation, one.constant.clone()))
            .collect();
        let text = |text: &str| (Relation::Equal, Constant::Text(text.to_owned()));
        let higher = Relation::Order(ThresholdSide::Higher);
        assert_eq!(
            compared,
            [(higher, Constant::Number(300.0)), text("UP"), text("OK")]
        );
        assert_eq!(simple.operands.len(), 3);
        for more in [
            "queue_name.startsWith('B') && status == 'UP'",
            "metrics[a].count / metrics[b].count > 2.0",
            "has(labels.site)",
        ] {
            assert!(!found(more).is_simple, "{more}");
        }
        assert_eq!(
            found("queue_name.startsWith('B') && status == 'UP'")
                .all
                .len(),
            1
        );
    }
}
