//! Conditions that are asked of a value only where it is not there: `!has(x) && x > 3` never holds.
//! Pure.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::comparisons::{Operand, operand};
use super::rewrite::{HAS_LABEL, HAS_METRIC, LABEL, METRIC, SEPARATOR, each_part};

/// The first value in `expression` that a condition reads and another one, joined by `&&`, wants to be
/// absent.
pub(super) fn read_where_absent(expression: &IdedExpr) -> Option<Operand> {
    let mut conditions = Vec::new();
    join(expression, &mut conditions);
    let absent = || conditions.iter().filter_map(|one| wanted_absent(one));
    let contradiction = absent().find(|name| conditions.iter().any(|one| needs(one, name)));
    if let Some(name) = contradiction {
        return Some(operand(&name));
    }
    // The parts of a copy, so that there is one walk over expressions.
    let mut found = None;
    let mut copy = expression.clone();
    each_part(&mut copy, &mut |part| {
        found = found.take().or_else(|| read_where_absent(part));
    });
    found
}

/// The conditions that `expression` joins by `&&`.
fn join<'e>(expression: &'e IdedExpr, conditions: &mut Vec<&'e IdedExpr>) {
    match &expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            call.args.iter().for_each(|one| join(one, conditions));
        }
        _ => conditions.push(expression),
    }
}

/// The name of the value of which `!has(…)` is asked.
fn wanted_absent(condition: &IdedExpr) -> Option<String> {
    let Expr::Call(call) = &condition.expr else {
        return None;
    };
    let (operators::LOGICAL_NOT, [asked]) = (call.func_name.as_str(), call.args.as_slice()) else {
        return None;
    };
    let Expr::Ident(name) = &asked.expr else {
        return None;
    };
    let (kind, rest) = name.split_once(SEPARATOR)?;
    let kind = match kind {
        HAS_METRIC => METRIC,
        HAS_LABEL => LABEL,
        _ => return None,
    };
    Some(format!("{kind}{SEPARATOR}{rest}"))
}

/// Whether `condition` has no answer without the value `name`: no alternative in it goes without.
fn needs(condition: &IdedExpr, name: &str) -> bool {
    match &condition.expr {
        Expr::Ident(read) => read == name,
        Expr::Call(call) => match call.func_name.as_str() {
            operators::LOGICAL_OR | operators::LOGICAL_AND | operators::CONDITIONAL => false,
            _ => call
                .target
                .iter()
                .map(AsRef::as_ref)
                .chain(&call.args)
                .any(|one| needs(one, name)),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::Expression;

    #[test]
    fn a_value_that_is_read_where_it_is_not_there_is_found() {
        let found = |source: &str| {
            Expression::parse(source)
                .unwrap()
                .read_where_absent()
                .is_some()
        };
        for source in [
            "!has(metrics[a].count) && metrics[a].count > 3",
            "metrics[a].count > 3 && (status == 'UP' && !has(metrics[a].count))",
            "status == 'UP' || !has(labels.site) && labels.site.startsWith('F')",
            "!has(labels.site) && !(labels.site == 'FRA')",
        ] {
            assert!(found(source), "{source}");
        }
        for source in [
            "has(metrics[a].count) && metrics[a].count > 3",
            "!has(metrics[a].count) && metrics[b].count > 3",
            "!has(metrics[a].count) || metrics[a].count > 3",
            "!has(metrics[a].count) && metrics[a].sum > 3",
            "!has(labels.site) && (status == 'UP' || labels.site == 'FRA')",
        ] {
            assert!(!found(source), "{source}");
        }
    }
}
