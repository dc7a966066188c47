//! `when` and `clear` that hold for the same values. `when` is asked first, so the rule works, but not
//! as its writer thinks.

use super::comparisons::name_of;
use super::expressions::is_explained;
use super::place::Place;
use crate::rules::{Bound, Constant, Operand, Relation, ThresholdSide, span_of};
use crate::settings::{Problem, RuleSettings};

/// Warns of it.
pub(super) fn check(rule: &RuleSettings, places: &[Place<'_>], found: &mut Vec<Problem>) {
    let (Some(when), Some(clear)) = (places.first(), rule.clear.as_ref()) else {
        return;
    };
    let Some(clear_place) = places.get(1) else {
        return;
    };
    if is_explained(&when.path, found) || is_explained(&clear_place.path, found) {
        return;
    }
    let problem = of_numbers(rule.when.bounds(), clear.bounds(), clear_place);
    found.extend(problem.or_else(|| of_words(when, clear_place)));
}

/// The only bound of each reading: of several, what lies between them may be meant.
fn only<'b>(bounds: &'b [Bound], reading: &str) -> Option<&'b Bound> {
    let mut same = bounds.iter().filter(|one| one.reading == reading);
    let first = same.next()?;
    same.next().is_none().then_some(first)
}

fn of_numbers(when: &[Bound], clear: &[Bound], place: &Place<'_>) -> Option<Problem> {
    let is_single = when.len() == 1 && clear.len() == 1;
    clear.iter().find_map(|bound| {
        let limit = only(when, &bound.reading)?;
        only(clear, &bound.reading)?;
        let (reading, from, to) = (&bound.reading, limit.value, bound.value);
        let span = span_of(place.expression.source(), &to.to_string());
        let is_higher = limit.holds == ThresholdSide::Higher;
        let exceeds = if is_higher { to > from } else { to < from };
        if limit.holds != bound.holds && exceeds {
            let reason = format!(
                "holds for `{reading}` up to {to}, and `when` from {from} on: between them `when` is asked first"
            );
            let reason = match is_higher {
                true => reason,
                false => format!(
                    "holds for `{reading}` down to {to}, and `when` from {from} down: between them `when` is asked first"
                ),
            };
            let side = if is_higher { "below" } else { "above" };
            let help = format!("write a number {side} {from}, so that a value about {from} does not open and end it in turn");
            return Some(Problem::warning(&place.path, reason).with_help(help).within(span));
        }
        // Where `clear` lies within `when`, that is said when the configuration is read.
        let is_wider = if is_higher { to < from } else { to > from };
        if is_single && limit.holds == bound.holds && is_wider {
            let (sign, side) = if is_higher { ("<", "above") } else { (">", "below") };
            let reason = format!(
                "holds only while `{reading}` is {side} {to}, as `when` does {side} {from}: a value on the other side ends no incident"
            );
            let help = format!("use `{sign}`");
            return Some(Problem::warning(&place.path, reason).with_help(help).within(span));
        }
        None
    })
}

/// A text that both conditions ask one value for, each of them nothing else.
fn of_words(when: &Place<'_>, clear: &Place<'_>) -> Option<Problem> {
    let asked = |place: &Place<'_>| -> Option<Operand> {
        let mut operands = place.comparisons.operands.iter();
        let only = operands.next().filter(|_| operands.next().is_none())?;
        place.comparisons.is_simple.then(|| only.clone())
    };
    let operand = asked(when)?;
    if asked(clear)? != operand {
        return None;
    }
    let words = |place: &Place<'_>| -> Vec<String> {
        let equal = place.comparisons.all.iter();
        let equal = equal.filter(|one| one.relation == Relation::Equal);
        equal
            .filter_map(|one| match &one.constant {
                Constant::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect()
    };
    let is_plain = |place: &Place<'_>| {
        let mut all = place.comparisons.all.iter();
        all.all(|one| one.relation == Relation::Equal) && !place.expression.source().contains('!')
    };
    if !is_plain(when) || !is_plain(clear) {
        return None;
    }
    let breaches = words(when);
    let shared = words(clear)
        .into_iter()
        .find(|word| breaches.contains(word))?;
    let name = name_of(&operand);
    let reason = format!(
        "names the {name} \"{shared}\", as `when` does, which is asked first: it is a breach"
    );
    let problem = Problem::warning(&clear.path, reason);
    let help = "remove it from one of the two";
    Some(
        problem
            .with_help(help)
            .within(span_of(clear.expression.source(), &shared)),
    )
}
