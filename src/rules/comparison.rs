//! The one comparison that most rules are: a reading against a fixed number.
//!
//! Every event is held against every rule, so this one is not left to the expression engine,
//! which prepares the words of a complaint before it compares. Knows rewritten expressions and
//! signals; what it answers is what the engine would answer.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::rewrite::reading_of;
use crate::domain::signal::Signal;

/// Whole numbers up to here are exact as floating-point numbers.
const MAX_EXACT: i64 = 1 << 53;

/// `metrics[NAME].STAT` beside a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    metric: String,
    statistic: String,
    operator: Operator,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// `parsed` as a comparison, when it is just one, with the reading on the left.
    pub(super) fn of(parsed: &IdedExpr) -> Option<Self> {
        let Expr::Call(CallExpr {
            func_name, args, ..
        }) = &parsed.expr
        else {
            return None;
        };
        let operator = match func_name.as_str() {
            operators::GREATER => Operator::Greater,
            operators::GREATER_EQUALS => Operator::GreaterOrEqual,
            operators::LESS => Operator::Less,
            operators::LESS_EQUALS => Operator::LessOrEqual,
            _ => return None,
        };
        let [reading, bound] = args.as_slice() else {
            return None;
        };
        let Expr::Ident(reading) = &reading.expr else {
            return None;
        };
        let (metric, statistic) = reading_of(reading)?;
        Some(Self {
            metric: metric.to_owned(),
            statistic: statistic.to_owned(),
            operator,
            bound: number_of(&bound.expr)?,
        })
    }

    /// Whether it holds for `signal`; `None` when the signal does not carry the reading.
    pub(super) fn holds(&self, signal: &Signal) -> Option<bool> {
        let reading = signal.metrics.get(&self.metric)?.get(&self.statistic)?;
        Some(match self.operator {
            Operator::Greater => *reading > self.bound,
            Operator::GreaterOrEqual => *reading >= self.bound,
            Operator::Less => *reading < self.bound,
            Operator::LessOrEqual => *reading <= self.bound,
        })
    }
}

/// The value of a number that floating point holds exactly.
pub(super) fn number_of(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Literal(LiteralValue::Double(number)) => Some(*number.inner()),
        Expr::Literal(LiteralValue::Int(number)) => {
            let number = *number.inner();
            (-MAX_EXACT..=MAX_EXACT)
                .contains(&number)
                .then_some(number as f64)
        }
        _ => None,
    }
}
