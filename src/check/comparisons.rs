//! Comparisons that can hardly be meant: a number with a text, a reading with a number that it never
//! reaches, seconds with milliseconds, and `when` and `clear` the wrong way round.

use super::kinds::{Carried, Kinds};
use super::place::Place;
use super::ranges;
use crate::domain::signal::Field;
use crate::rules::{Compared, Constant, Expression, Operand, Relation, ThresholdSide, span_of};
use crate::settings::{Problem, RuleSettings};

/// Below it a threshold is taken for seconds.
const MIN_MILLISECONDS: f64 = 10_000.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// Metrics that are worse the higher they are.
const HIGHER_IS_WORSE: &[&str] = &[
    "queue.waitTime",
    "tWait",
    "tAbandon",
    "tAcd",
    "tAnswered",
    "tAlert",
    "oWaiting",
    "oLongestWaiting",
    "nError",
    "nOverSla",
    "nOutboundAbandoned",
    "nFlowOutcomeFailed",
    "processors.activeTimePct",
    "networks.utilizationPct",
    "mismatchCount",
    "errors",
];

/// What type the value of an operand has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Number,
    Text,
    Flag,
    Time,
}

/// Refuses or warns of comparisons in one expression.
pub(super) fn check(place: &Place<'_>, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    for compared in &place.comparisons.all {
        match mismatch(place, compared, kinds) {
            Some(problem) => found.push(problem),
            None => {
                let problem = ranges::check(place, compared, kinds);
                found.extend(problem.or_else(|| milliseconds(place, compared, kinds)));
            }
        }
    }
}

fn type_of(operand: &Operand, kinds: &Kinds<'_>) -> Type {
    match operand {
        Operand::Reading(..) => Type::Number,
        Operand::Label(_) => Type::Text,
        Operand::Name(name) if name == "timestamp" => Type::Time,
        Operand::Name(name) => {
            let mut fields = kinds
                .all
                .iter()
                .filter_map(|kind| kind.samples.whole.fields.get(name.as_str()));
            match fields.next() {
                Some(Field::Number(_)) => Type::Number,
                Some(Field::Flag(_)) => Type::Flag,
                Some(Field::Text(_)) | None => Type::Text,
            }
        }
    }
}

/// A value beside a constant of another type.
fn mismatch(place: &Place<'_>, compared: &Compared, kinds: &Kinds<'_>) -> Option<Problem> {
    let type_of = type_of(&compared.operand, kinds);
    let (constant_is, spelt) = match &compared.constant {
        Constant::Number(number) => (Type::Number, number.to_string()),
        Constant::Text(text) => (Type::Text, text.clone()),
        Constant::Flag(flag) => (Type::Flag, flag.to_string()),
        // What no event contains is told already.
        Constant::Null if kinds.carry(&compared.operand) == Carried::No => return None,
        Constant::Null => return Some(null(place, compared)),
    };
    if type_of == constant_is {
        return None;
    }
    let name = name_of(&compared.operand);
    let (a, b) = (words(type_of), words(constant_is));
    let help = match (type_of, &compared.constant) {
        (Type::Time, _) => "write timestamp(\"2027-01-01T00:00:00Z\")".to_owned(),
        (Type::Text, _) => format!("write \"{spelt}\" in quotes"),
        (Type::Number, Constant::Text(text)) if text.trim().parse::<f64>().is_err() => {
            "compare it with a number".to_owned()
        }
        (Type::Flag, Constant::Text(text)) if !matches!(&**text, "true" | "false") => {
            "compare it with true or false".to_owned()
        }
        (_, Constant::Text(text)) => format!("write {text} without quotes"),
        (Type::Flag, _) => "compare it with true or false".to_owned(),
        _ => "compare it with a number".to_owned(),
    };
    let problem = match compared.relation {
        Relation::Order(_) => {
            let reason = format!(
                "`{name}` is {a}, and cannot be compared with {b}: it fails on every event"
            );
            Problem::error(&place.path, reason)
        }
        Relation::Equal | Relation::Different => {
            let reason = format!("`{name}` is {a}, and never equal to {b}");
            Problem::warning(&place.path, reason)
        }
    };
    let span = span_of(place.expression.source(), &spelt);
    Some(problem.with_help(help).within(span))
}

/// A value that is missing is not null: the expression says nothing then.
fn null(place: &Place<'_>, compared: &Compared) -> Problem {
    let name = name_of(&compared.operand);
    let reason = format!("`{name}` is never null: where it is missing, the rule says nothing");
    let help = match (&compared.operand, compared.relation) {
        (Operand::Name(_), _) => "remove the comparison".to_owned(),
        (_, Relation::Equal) => format!("write !has({name})"),
        _ => format!("write has({name})"),
    };
    Problem::warning(&place.path, reason)
        .with_help(help)
        .within(span_of(place.expression.source(), "null"))
}

const fn words(type_of: Type) -> &'static str {
    match type_of {
        Type::Number => "a number",
        Type::Text => "a text",
        Type::Flag => "true or false",
        Type::Time => "a time",
    }
}

pub(super) fn name_of(operand: &Operand) -> String {
    match operand {
        Operand::Reading(metric, statistic) => format!("metrics[{metric}].{statistic}"),
        Operand::Label(label) => format!("labels.{label}"),
        Operand::Name(name) => name.clone(),
    }
}

/// A threshold of a duration that looks like milliseconds.
fn milliseconds(place: &Place<'_>, compared: &Compared, kinds: &Kinds<'_>) -> Option<Problem> {
    let (Relation::Order(_), Constant::Number(number)) = (compared.relation, &compared.constant)
    else {
        return None;
    };
    let is_duration = match &compared.operand {
        // An Edge runs for weeks.
        Operand::Reading(metric, _) if metric == "upTime" => false,
        Operand::Reading(metric, statistic) => kinds.is_duration(metric, statistic),
        Operand::Name(name) => ["wait_time_avg", "connected_duration"].contains(&name.as_str()),
        Operand::Label(_) => false,
    };
    if !is_duration || !looks_like_milliseconds(*number) {
        return None;
    }
    let name = name_of(&compared.operand);
    let reason = format!(
        "`{name}` is in seconds, and {number} s are {}",
        spelt(*number)
    );
    let help = format!("if milliseconds are meant, write {}", number / 1_000.0);
    let span = span_of(place.expression.source(), &number.to_string());
    Some(
        Problem::warning(&place.path, reason)
            .with_help(help)
            .within(span),
    )
}

/// Thousands that are neither a few whole hours nor whole days.
fn looks_like_milliseconds(number: f64) -> bool {
    let is_whole = |unit: f64| number % unit == 0.0;
    let is_hours = is_whole(HOUR) && number < 2.0 * DAY;
    number >= MIN_MILLISECONDS && is_whole(1_000.0) && !is_hours && !is_whole(DAY)
}

/// A duration in its greatest units.
fn spelt(seconds: f64) -> String {
    if seconds >= DAY {
        return format!("{:.1} days", seconds / DAY);
    }
    format!(
        "{:.0} h {:.0} min",
        (seconds / HOUR).floor(),
        (seconds % HOUR / MINUTE).floor()
    )
}

/// Warns of a rule that breaches while a value is good, and clears while it is bad.
pub(super) fn check_swapped(rule: &RuleSettings, places: &[Place<'_>], found: &mut Vec<Problem>) {
    let Some(Place {
        comparisons: when, ..
    }) = places.first()
    else {
        return;
    };
    let is_bad = |operand: &Operand| match operand {
        Operand::Reading(metric, _) => HIGHER_IS_WORSE.contains(&metric.as_str()),
        Operand::Name(name) => name == "wait_time_avg",
        Operand::Label(_) => false,
    };
    let low = Relation::Order(ThresholdSide::Lower);
    let Some(swapped) = when
        .all
        .iter()
        .find(|one| one.relation == low && is_bad(&one.operand))
    else {
        return;
    };
    let clears_high = |clear: &Expression| {
        let high = Relation::Order(ThresholdSide::Higher);
        let compared = clear.comparisons().all;
        compared
            .iter()
            .any(|one| one.operand == swapped.operand && one.relation == high)
    };
    let path = format!("rules.{}.when", rule.name);
    // A number that a reading never reaches is a mistake of another sort.
    if found.iter().any(|problem| problem.path == path) {
        return;
    }
    let name = name_of(&swapped.operand);
    let problem = match &rule.clear {
        Some(clear) if clears_high(clear) => {
            let reason = format!(
                "holds while `{name}` is low, and `clear` while it is high: a ticket is opened when all is calm"
            );
            Problem::warning(path, reason).with_help("exchange `when` and `clear`")
        }
        None if when.all.len() == 1 => {
            let reason =
                format!("holds while `{name}` is low: a ticket is opened when all is calm");
            Problem::warning(path, reason).with_help("use `>` in place of `<`")
        }
        _ => return,
    };
    found.push(problem);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_milliseconds_unless_they_are_hours_or_days() {
        for number in [
            10_000.0,
            30_000.0,
            60_000.0,
            300_000.0,
            360_000.0,
            1_800_000.0,
        ] {
            assert!(looks_like_milliseconds(number), "{number}");
        }
        for number in [
            300.0, 5_000.0, 36_000.0, 86_400.0, 864_000.0, 14_400.0, 10_800.0,
        ] {
            assert!(!looks_like_milliseconds(number), "{number}");
        }
        assert_eq!(spelt(30_000.0), "8 h 20 min");
    }
}
