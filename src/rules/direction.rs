//! Which way a reading gets worse, as the expression that looks at it says: `> 300` is worse
//! the higher, `< 3` the lower.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::rewrite::reading_of;

/// Which way a reading gets worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdSide {
    Higher,
    Lower,
}

impl ThresholdSide {
    pub const fn is_higher(self) -> bool {
        matches!(self, Self::Higher)
    }

    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Higher => Self::Lower,
            Self::Lower => Self::Higher,
        }
    }
}

/// Readings that `expression` compares, by a name such as `queue.waitTime.avg`, with the way
/// in which they make it hold. One that is compared both ways is absent.
pub(super) fn directions(expression: &IdedExpr) -> BTreeMap<String, ThresholdSide> {
    let mut found = BTreeMap::new();
    look(expression, false, &mut found);
    let certain = |(name, worse): (String, Option<ThresholdSide>)| Some((name, worse?));
    found.into_iter().filter_map(certain).collect()
}

fn look(expression: &IdedExpr, negated: bool, found: &mut BTreeMap<String, Option<ThresholdSide>>) {
    let Expr::Call(call) = &expression.expr else {
        return;
    };
    let worse = match call.func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            return call.args.iter().for_each(|one| look(one, negated, found));
        }
        operators::LOGICAL_NOT => {
            return call.args.iter().for_each(|one| look(one, !negated, found));
        }
        operators::GREATER | operators::GREATER_EQUALS => ThresholdSide::Higher,
        operators::LESS | operators::LESS_EQUALS => ThresholdSide::Lower,
        _ => return,
    };
    let worse = if negated { worse.opposite() } else { worse };
    if let [left, right] = call.args.as_slice() {
        note(left, worse, found);
        note(right, worse.opposite(), found);
    }
}

fn note(
    side: &IdedExpr,
    worse: ThresholdSide,
    found: &mut BTreeMap<String, Option<ThresholdSide>>,
) {
    let Expr::Ident(name) = &side.expr else {
        return;
    };
    if let Some((metric, statistic)) = reading_of(name) {
        let slot = found.entry(format!("{metric}.{statistic}"));
        let slot = slot.or_insert(Some(worse));
        if *slot != Some(worse) {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ThresholdSide::{Higher, Lower};
    use crate::rules::Expression;

    #[test]
    fn the_comparison_says_which_way_is_worse() {
        for (source, expected) in [
            ("metrics[tWait].avg > 300", Some(Higher)),
            ("300 < metrics[tWait].avg", Some(Higher)),
            ("metrics[tWait].avg <= 3 && status == 'DOWN'", Some(Lower)),
            ("!(metrics[tWait].avg < 3)", Some(Higher)),
            ("metrics[tWait].avg > 300 || metrics[tWait].avg < 1", None),
            ("metrics[tWait].avg == 3", None),
        ] {
            let expression = Expression::parse(source).unwrap();
            let worse = expression.threshold_sides().get("tWait.avg").copied();
            assert_eq!(worse, expected, "{source}");
        }
    }
}
