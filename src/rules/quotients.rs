//! Quotients. One whose divisor is 0 has no value: `0 / 0` is no number, and `1 / 0` is no amount of
//! anything. An expression that needs it is silent, as where a reading is missing.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::common::types::CelDouble;

use super::comparisons::{Operand, operand};
use super::rewrite::{BOUND, SEPARATOR, each_part};

/// `expression` with a condition around every quotient: the value of the quotient, or no value.
pub(super) fn guarded(expression: &IdedExpr) -> IdedExpr {
    let mut guarded = expression.clone();
    guard(&mut guarded);
    guarded
}

/// Whether anything in `expression` is divided.
pub(super) fn has_quotient(expression: &IdedExpr) -> bool {
    !divisors(expression).is_empty()
}

/// The values that `expression` divides by and compares with nothing.
pub(super) fn unguarded(expression: &IdedExpr) -> Vec<Operand> {
    let mut compared = Vec::new();
    collect(expression, &mut |call| {
        if is_comparison(call) {
            compared.extend(call.args.iter().map(|one| one.expr.clone()));
        }
    });
    let divisors = divisors(expression).into_iter();
    let names = divisors.filter_map(|divisor| match &divisor {
        Expr::Ident(name) if !name.starts_with(BOUND) && !compared.contains(&divisor) => {
            Some(operand(name))
        }
        _ => None,
    });
    names.collect()
}

fn guard(expression: &mut IdedExpr) {
    each_part(expression, &mut guard);
    let Some(divisor) = divisor(&expression.expr).cloned() else {
        return;
    };
    let of = |id, expr| IdedExpr { id, expr };
    let call = |func_name: &str, args| {
        Expr::Call(CallExpr {
            func_name: func_name.to_owned(),
            target: None,
            args,
        })
    };
    let id = expression.id;
    let zero = Expr::Literal(LiteralValue::Double(CelDouble::from(0.0)));
    let is_zero = call(operators::EQUALS, vec![divisor, of(id, zero)]);
    // A name that no signal carries.
    let no_value = Expr::Ident(format!("no-value{SEPARATOR}"));
    let quotient = of(id, std::mem::take(&mut expression.expr));
    let parts = vec![of(id, is_zero), of(id, no_value), quotient];
    expression.expr = call(operators::CONDITIONAL, parts);
}

fn divisors(expression: &IdedExpr) -> Vec<Expr> {
    let mut found = Vec::new();
    collect(expression, &mut |call| {
        found.extend(divisor_of(call).map(|divisor| divisor.expr.clone()));
    });
    found
}

fn collect(expression: &IdedExpr, note: &mut dyn FnMut(&CallExpr)) {
    if let Expr::Call(call) = &expression.expr {
        note(call);
    }
    // The parts of a copy, so that there is one walk over expressions.
    let mut copy = expression.clone();
    each_part(&mut copy, &mut |part| collect(part, note));
}

fn divisor(expression: &Expr) -> Option<&IdedExpr> {
    match expression {
        Expr::Call(call) => divisor_of(call),
        _ => None,
    }
}

/// What is divided by, where that may be 0. Of whole numbers the engine says it itself.
fn divisor_of(call: &CallExpr) -> Option<&IdedExpr> {
    let divisor = (call.func_name == operators::DIVIDE).then(|| call.args.get(1))??;
    match &divisor.expr {
        Expr::Literal(_) => None,
        Expr::Call(inner) if matches!(inner.func_name.as_str(), "int" | "uint" | "size") => None,
        _ => Some(divisor),
    }
}

fn is_comparison(call: &CallExpr) -> bool {
    matches!(
        call.func_name.as_str(),
        operators::GREATER
            | operators::GREATER_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::EQUALS
            | operators::NOT_EQUALS
    )
}

#[cfg(test)]
mod tests {
    use crate::domain::signal::Signal;
    use crate::domain::time::Timestamp;
    use crate::rules::Expression;

    fn signal(abandoned: f64, offered: f64) -> Signal {
        let mut signal = Signal::new("an event", "a type", Timestamp::default());
        for (metric, count) in [("tAbandon", abandoned), ("nOffered", offered)] {
            let reading = [("count".to_owned(), count)].into();
            signal.metrics.insert(metric.to_owned(), reading);
        }
        signal
    }

    const RATE: &str = "metrics[tAbandon].count / metrics[nOffered].count";

    #[test]
    fn a_quotient_by_zero_has_no_value() {
        let holds = |source: &str, abandoned, offered| {
            let expression = Expression::parse(source).unwrap();
            expression.holds(&signal(abandoned, offered), "genesys")
        };
        for source in [
            format!("{RATE} > 0.1"),
            format!("{RATE} <= 0.1"),
            format!("!({RATE} == 0.5)"),
            format!("{RATE} * 100.0 > 10"),
            format!("[1, 2].exists(x, {RATE} > 0.1)"),
        ] {
            assert_eq!(holds(&source, 0.0, 0.0), Ok(None), "{source}");
            assert_eq!(holds(&source, 1.0, 0.0), Ok(None), "{source}");
            assert!(holds(&source, 1.0, 2.0).unwrap().is_some(), "{source}");
        }
        assert_eq!(holds(&format!("{RATE} > 0.1"), 1.0, 2.0), Ok(Some(true)));
        // One part that does not hold decides, and so does one that holds of alternatives.
        let and = format!("metrics[nOffered].count > 0 && {RATE} > 0.1");
        assert_eq!(holds(&and, 1.0, 0.0), Ok(Some(false)));
        let or = format!("metrics[nOffered].count == 0 || {RATE} > 0.1");
        assert_eq!(holds(&or, 0.0, 0.0), Ok(Some(true)));
        let conditional = format!("metrics[nOffered].count > 0 ? {RATE} > 0.1 : false");
        assert_eq!(holds(&conditional, 0.0, 0.0), Ok(Some(false)));
    }

    #[test]
    fn a_divisor_that_is_compared_with_something_is_guarded() {
        let unguarded = |source: &str| {
            let expression = Expression::parse(source).unwrap();
            expression.unguarded_divisors().len()
        };
        assert_eq!(unguarded(&format!("{RATE} > 0.1")), 1);
        for guarded in [
            format!("metrics[nOffered].count >= 10 && {RATE} > 0.1"),
            format!("{RATE} > 0.1 && 0 < metrics[nOffered].count"),
            format!("metrics[nOffered].count != 0 ? {RATE} > 0.1 : false"),
            "metrics[nOffered].count / 100.0 > 1".to_owned(),
        ] {
            assert_eq!(unguarded(&guarded), 0, "{guarded}");
        }
    }
}
