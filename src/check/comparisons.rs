//! Comparisons that can hardly be meant: a number with a text, a reading with a number that it never
//! reaches, and `when` and `clear` the wrong way round.

use super::kinds::{Carried, Kinds};
use super::place::Place;
use super::{durations, ranges};
use crate::domain::signal::Field;
use crate::domain::time::Timestamp;
use crate::rules::{Compared, Constant, Expression, Operand, Relation, ThresholdSide, span_of};
use crate::settings::{Problem, RuleSettings};

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
    found.extend(where_absent(place));
    for compared in &place.comparisons.all {
        match mismatch(place, compared, kinds) {
            Some(problem) => found.push(problem),
            None => {
                let problem = ranges::check(place, compared, kinds);
                let problem = problem.or_else(|| durations::milliseconds(place, compared, kinds));
                found.extend(problem.or_else(|| durations::count_for_age(place, compared, kinds)));
            }
        }
    }
}

/// A value that is read only where it is not there.
fn where_absent(place: &Place<'_>) -> Option<Problem> {
    let name = name_of(&place.expression.read_where_absent()?);
    let reason =
        format!("never holds: it reads `{name}` only where `!has(…)` says that it is not there");
    let help = format!("write has({name})");
    let problem = Problem::warning(&place.path, reason).with_help(help);
    Some(problem.within(span_of(place.expression.source(), &format!("!has({name})"))))
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
        (Type::Time, _) => format!("write timestamp(\"{}\")", time_of(&spelt)),
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

/// The time that is meant by `text`, in the form that `timestamp` reads.
fn time_of(text: &str) -> String {
    let text = text.trim().replace(' ', "T");
    let with_time = format!("{text}T00:00:00Z");
    let with_zone = format!("{text}Z");
    let forms = [text, with_zone, with_time].into_iter();
    let mut readable = forms.filter(|text| text.parse::<Timestamp>().is_ok());
    readable
        .next()
        .unwrap_or_else(|| "2027-01-01T00:00:00Z".to_owned())
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
    fn the_time_that_was_written_is_offered() {
        for (text, offered) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01 14:00:00", "2026-03-01T14:00:00Z"),
            ("yesterday", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(time_of(text), offered);
        }
    }
}
