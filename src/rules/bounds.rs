//! The numbers that an expression holds readings against: the thresholds that people see in a chart.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::comparison::number_of;
use super::direction::ThresholdSide;
use super::rewrite::reading_of;

/// A reading held against a fixed number.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// A name such as `queue.waitTime.avg`.
    pub reading: String,
    pub value: f64,
    /// The side of the number on which the comparison holds.
    pub holds: ThresholdSide,
}

/// Every reading that `expression` holds against a number, in the order in which it stands there.
pub(super) fn bounds(expression: &IdedExpr) -> Vec<Bound> {
    let mut found = Vec::new();
    look(expression, &mut found);
    found
}

fn look(expression: &IdedExpr, found: &mut Vec<Bound>) {
    let Expr::Call(call) = &expression.expr else {
        return;
    };
    let holds = match call.func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            return call.args.iter().for_each(|one| look(one, found));
        }
        operators::GREATER | operators::GREATER_EQUALS => ThresholdSide::Higher,
        operators::LESS | operators::LESS_EQUALS => ThresholdSide::Lower,
        _ => return,
    };
    let [left, right] = call.args.as_slice() else {
        return;
    };
    found.extend(bound(left, right, holds));
    found.extend(bound(right, left, holds.opposite()));
}

fn bound(reading: &IdedExpr, number: &IdedExpr, holds: ThresholdSide) -> Option<Bound> {
    let Expr::Ident(name) = &reading.expr else {
        return None;
    };
    let (metric, statistic) = reading_of(name)?;
    Some(Bound {
        reading: format!("{metric}.{statistic}"),
        value: number_of(&number.expr)?,
        holds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Expression;

    #[test]
    fn a_threshold_is_found_on_either_side_of_a_comparison() {
        let source =
            "metrics[tWait].avg > 300 && (20 <= metrics[oWaiting].count || status == \"DOWN\")";
        let expression = Expression::parse(source).unwrap();
        let bound = |reading: &str, value| Bound {
            reading: reading.to_owned(),
            value,
            holds: ThresholdSide::Higher,
        };
        let expected = [bound("tWait.avg", 300.0), bound("oWaiting.count", 20.0)];
        assert_eq!(expression.bounds(), expected);
    }
}
