//! Numbers that a reading never reaches, or always exceeds: a ratio beside 80, a count beside -1.
//! And quotients by a reading that may be 0.

use super::comparisons::name_of;
use super::kinds::Kinds;
use super::place::Place;
use crate::normalise::catalogue::Unit;
use crate::rules::{Compared, Constant, Operand, Relation, ThresholdSide, span_of};
use crate::settings::{Problem, RuleSettings};

const PERCENT: f64 = 100.0;

/// Warns of a comparison that gives the same answer for every value that its operand can have.
pub(super) fn check(place: &Place<'_>, compared: &Compared, kinds: &Kinds<'_>) -> Option<Problem> {
    let Constant::Number(number) = compared.constant else {
        return None;
    };
    let unit = match &compared.operand {
        Operand::Reading(metric, statistic) => kinds.unit(metric, statistic)?,
        Operand::Name(name) if ["wait_time_avg", "connected_duration"].contains(&name.as_str()) => {
            Unit::Seconds
        }
        Operand::Name(_) | Operand::Label(_) => return None,
    };
    let name = name_of(&compared.operand);
    let span = span_of(place.expression.source(), &number.to_string());
    let is_fraction = unit == Unit::Percent && number > 0.0 && number < 1.0;
    if is_fraction {
        let reason = format!("`{name}` is a percentage from 0 to 100, and {number} is hardly any");
        let meant = (number * PERCENT * PERCENT).round() / PERCENT;
        let problem = Problem::warning(&place.path, reason).within(span);
        return Some(problem.with_help(format!("if {meant} % is meant, write {meant}")));
    }
    let (least, most) = limits(unit);
    let answer = answer(compared, number, least, most)?;
    let sort = match unit {
        Unit::Ratio => "a ratio from 0 to 1",
        Unit::Percent => "a percentage from 0 to 100",
        _ => "never below 0",
    };
    let often = if answer { "always" } else { "never" };
    let reason = format!("`{name}` is {sort}: this comparison {often} holds");
    let help = match unit {
        Unit::Ratio if number > 1.0 && number <= PERCENT => {
            format!("if {number} % is meant, write {}", number / PERCENT)
        }
        Unit::Ratio => "write a number from 0 to 1".to_owned(),
        Unit::Percent => "write a number from 0 to 100".to_owned(),
        _ if answer => "remove the comparison, or write a greater number".to_owned(),
        _ => "write a number above 0".to_owned(),
    };
    let problem = Problem::warning(&place.path, reason).with_help(help);
    Some(problem.within(span))
}

/// Warns of a quotient that has no value in quiet times: then a rule that clears when `when` does not
/// hold says nothing, and its incident goes on.
pub(super) fn check_divisors(rule: &RuleSettings, when: &Place<'_>, found: &mut Vec<Problem>) {
    if rule.clear.is_some() || rule.at_least > 1 {
        return;
    }
    let source = when.expression.source();
    for divisor in when.expression.unguarded_divisors() {
        let name = name_of(&divisor);
        let reason = format!(
            "has no result where `{name}` is 0: such an event ends no incident of this rule"
        );
        let is_single = !source.contains("||") && !source.contains('?');
        let help = match is_single {
            true => format!("write {name} > 0 && {source}"),
            false => format!("write {name} > 0 && ({source})"),
        };
        found.push(Problem::warning(&when.path, reason).with_help(help));
    }
}

/// The least and the greatest value in this unit.
pub(super) const fn limits(unit: Unit) -> (f64, f64) {
    match unit {
        Unit::Ratio => (0.0, 1.0),
        Unit::Percent => (0.0, PERCENT),
        Unit::Count
        | Unit::Seconds
        | Unit::SecondsFromMilliseconds
        | Unit::Bytes
        | Unit::BytesPerSecond
        | Unit::BitsPerSecond => (0.0, f64::INFINITY),
    }
}

/// The one answer for every value from `least` to `most`; `None` when it depends.
fn answer(compared: &Compared, number: f64, least: f64, most: f64) -> Option<bool> {
    let is_outside = number < least || number > most;
    let at = |limit: f64| (number - limit).abs() < f64::EPSILON;
    match compared.relation {
        Relation::Equal => is_outside.then_some(false),
        Relation::Different => is_outside.then_some(true),
        Relation::Order(ThresholdSide::Higher) => {
            let always = number < least || (at(least) && compared.is_inclusive);
            let never = number > most || (at(most) && !compared.is_inclusive);
            (always || never).then_some(always)
        }
        Relation::Order(ThresholdSide::Lower) => {
            let always = number > most || (at(most) && compared.is_inclusive);
            let never = number < least || (at(least) && !compared.is_inclusive);
            (always || never).then_some(always)
        }
    }
}
