//! Thresholds that are no durations in seconds: milliseconds, and a number of things in place of the age
//! of the oldest.

use super::comparisons::name_of;
use super::kinds::{Carried, Kinds};
use super::place::Place;
use crate::rules::{Compared, Constant, Operand, Relation, span_of};
use crate::settings::Problem;

/// Below it a threshold is taken for seconds.
const MIN_MILLISECONDS: f64 = 10_000.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// A threshold of a duration that looks like milliseconds.
pub(super) fn milliseconds(
    place: &Place<'_>,
    compared: &Compared,
    kinds: &Kinds<'_>,
) -> Option<Problem> {
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
    // Who has written the unit `ms` into the map thinks in it.
    let is_mapped = match &compared.operand {
        Operand::Reading(metric, _) => kinds.is_mapped_from_milliseconds(metric),
        Operand::Name(_) | Operand::Label(_) => false,
    };
    let is_thousands = is_mapped && *number >= MIN_MILLISECONDS && number % 1_000.0 == 0.0;
    if !is_duration || !(is_thousands || looks_like_milliseconds(*number)) {
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

/// A number of things in place of the age of the oldest.
pub(super) fn count_for_age(
    place: &Place<'_>,
    compared: &Compared,
    kinds: &Kinds<'_>,
) -> Option<Problem> {
    let (Operand::Reading(metric, statistic), Relation::Order(_), Constant::Number(number)) =
        (&compared.operand, compared.relation, &compared.constant)
    else {
        return None;
    };
    let has_age = || {
        let age = Operand::Reading(metric.clone(), "age".to_owned());
        kinds.carry(&age) == Carried::Yes
    };
    if statistic != "count" || *number < MINUTE || !has_age() {
        return None;
    }
    let name = name_of(&compared.operand);
    let reason = format!("`{name}` is how many there are, and hardly ever {number}");
    let help = format!("if seconds are meant, write metrics[{metric}].age");
    let span = span_of(place.expression.source(), metric);
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
