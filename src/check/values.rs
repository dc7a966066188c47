//! Signals at, above and below the thresholds of expressions: variants of what an event can contain.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Carried, Kind, Sort};
use super::ranges::limits;
use super::statuses;
use crate::domain::signal::{FIELD_NAMES, Field, Signal};
use crate::rules::{Comparisons, Constant, Operand};

/// Most signals that are made for a rule and a type of events.
const MOST: usize = 729;

/// A text that no expression names.
const OTHER: &str = "something else";

/// Signals that decide expressions.
pub(super) struct Variants {
    pub(super) signals: Vec<Signal>,
    /// Whether these stand for all signals: the expressions do nothing but compare, and nothing was
    /// left out.
    pub(super) are_all: bool,
}

/// Variants of the events of `kind`, by what expressions compare.
pub(super) fn variants(compared: &[&Comparisons], kind: &Kind<'_>) -> Variants {
    let operands: BTreeSet<&Operand> = compared.iter().flat_map(|one| &one.operands).collect();
    let mut choices: Vec<(&Operand, Vec<Constant>)> = Vec::new();
    let mut are_all = compared.iter().all(|one| one.is_simple);
    for operand in operands {
        if kind.carries(operand) < Carried::Perhaps {
            continue;
        }
        let constants = compared.iter().flat_map(|one| &one.all);
        let constants: Vec<&Constant> = constants
            .filter(|one| one.operand == *operand)
            .map(|one| &one.constant)
            .collect();
        match candidates(operand, &constants, kind) {
            Some(values) => choices.push((operand, values)),
            // The time and the ids are what they are.
            None => are_all = false,
        }
    }
    let whole = slim(
        &kind.samples.whole,
        choices.iter().map(|(operand, _)| *operand),
    );
    let count = choices
        .iter()
        .map(|(_, values)| values.len())
        .try_fold(1_usize, usize::checked_mul);
    let count = count.unwrap_or(usize::MAX);
    are_all &= count <= MOST;
    // Of too many, each value is still tried, beside different ones of the others.
    let signals = (0..count.min(MOST)).map(|number| {
        let mut signal = whole.clone();
        let mut rest = if count <= MOST {
            number
        } else {
            number.wrapping_mul(7_919)
        };
        for (operand, values) in &choices {
            if let Some(value) = values.get(rest % values.len()) {
                set(&mut signal, operand, value);
            }
            rest /= values.len();
        }
        signal
    });
    Variants {
        signals: signals.collect(),
        are_all,
    }
}

/// `signal` with no other readings than those of `operands`: a copy of all takes long.
pub(super) fn slim<'o>(signal: &Signal, operands: impl IntoIterator<Item = &'o Operand>) -> Signal {
    let mut slim = Signal::new("an event", signal.event_type.clone(), signal.occurred_at);
    slim.topic.clone_from(&signal.topic);
    slim.part.clone_from(&signal.part);
    slim.fields.clone_from(&signal.fields);
    slim.labels.clone_from(&signal.labels);
    for operand in operands {
        if let Operand::Reading(metric, _) = operand
            && let Some(reading) = signal.metrics.get(metric)
        {
            slim.metrics.insert(metric.clone(), reading.clone());
        }
    }
    slim
}

/// The values of `operand` that make a difference; `None` when it cannot be chosen.
fn candidates(
    operand: &Operand,
    constants: &[&Constant],
    kind: &Kind<'_>,
) -> Option<Vec<Constant>> {
    match operand {
        Operand::Reading(metric, statistic) => {
            let limits = kind.unit(metric, statistic).map(limits);
            Some(within(numbers(constants), limits))
        }
        Operand::Label(_) => Some(texts(constants, |_| true)),
        Operand::Name(name) => match kind.samples.whole.fields.get(name.as_str()) {
            Some(Field::Number(_)) => Some(numbers(constants)),
            Some(Field::Flag(_)) => Some([true, false].map(Constant::Flag).to_vec()),
            Some(Field::Text(_)) if name == "status" => Some(statuses_of(constants, kind)),
            Some(Field::Text(_)) => Some(texts(constants, |text| fits(name, text))),
            None => None,
        },
    }
}

/// Whether a field can have this text: two are always written in one case.
fn fits(name: &str, text: &str) -> bool {
    match name {
        "previous_status" => text == text.to_uppercase(),
        "media_type" => text == text.to_lowercase(),
        _ => true,
    }
}

/// Each number, one on either side of it, and one between each two.
fn numbers(constants: &[&Constant]) -> Vec<Constant> {
    let numbers = constants.iter().filter_map(|constant| match constant {
        Constant::Number(number) => Some(*number),
        Constant::Text(_) | Constant::Flag(_) | Constant::Null => None,
    });
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else {
        return vec![Constant::Number(1.0)];
    };
    let between = numbers.windows(2).filter_map(|pair| match pair {
        [low, high] => Some(f64::midpoint(*low, *high)),
        _ => None,
    });
    let mut all = vec![least - 1.0];
    all.extend(between);
    all.extend(&numbers);
    all.push(most + 1.0);
    all.into_iter().map(Constant::Number).collect()
}

/// Numbers that a reading with these limits can have.
fn within(numbers: Vec<Constant>, limits: Option<(f64, f64)>) -> Vec<Constant> {
    let Some((least, most)) = limits else {
        return numbers;
    };
    let mut all: Vec<Constant> = Vec::new();
    for number in numbers {
        if let Constant::Number(number) = number {
            let number = Constant::Number(number.clamp(least, most));
            if !all.contains(&number) {
                all.push(number);
            }
        }
    }
    all
}

fn texts(constants: &[&Constant], fits: impl Fn(&str) -> bool) -> Vec<Constant> {
    let texts = constants.iter().filter_map(|constant| match constant {
        Constant::Text(text) if fits(text) => Some(text.as_str()),
        _ => None,
    });
    let distinct: BTreeSet<&str> = texts.chain([OTHER]).collect();
    distinct
        .into_iter()
        .map(|text| Constant::Text(text.to_owned()))
        .collect()
}

/// The statuses that the event can tell. Of many, those stand for all that expressions name, and one
/// of each meaning.
fn statuses_of(constants: &[&Constant], kind: &Kind<'_>) -> Vec<Constant> {
    let closed = match kind.sort {
        Sort::Topic(topic) => statuses::closed(topic),
        Sort::Custom(_) => None,
    };
    let Some(closed) = closed else {
        let mut open = texts(constants, |text| text == text.to_uppercase());
        // It is always in upper case.
        for value in &mut open {
            if let Constant::Text(text) = value {
                *text = text.to_uppercase();
            }
        }
        return open;
    };
    let named: BTreeSet<&str> = constants
        .iter()
        .filter_map(|constant| match constant {
            Constant::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let mut of_meaning = BTreeMap::new();
    for status in closed.iter().filter(|status| !named.contains(status.word)) {
        of_meaning.entry(status.means.name()).or_insert(status.word);
    }
    let named = closed
        .iter()
        .map(|status| status.word)
        .filter(|word| named.contains(word));
    let words = named.chain(of_meaning.into_values());
    words.map(|word| Constant::Text(word.to_owned())).collect()
}

/// Gives `operand` the value in `signal`.
pub(super) fn set(signal: &mut Signal, operand: &Operand, value: &Constant) {
    match (operand, value) {
        (Operand::Reading(metric, statistic), Constant::Number(number)) => {
            let reading = signal.metrics.entry(metric.clone()).or_default();
            reading.insert(statistic.clone(), *number);
        }
        (Operand::Label(label), Constant::Text(text)) => {
            signal.labels.insert(label.clone(), text.clone());
        }
        (Operand::Name(name), value) => {
            let Some(name) = FIELD_NAMES.iter().find(|known| *known == name) else {
                return;
            };
            let field = match value {
                Constant::Number(number) => Field::Number(*number),
                Constant::Text(text) => Field::from(text.as_str()),
                Constant::Flag(flag) => Field::Flag(*flag),
                Constant::Null => return,
            };
            signal.fields.insert(name, field);
        }
        _ => {}
    }
}

/// Gives the readings of `to` the values that they have in `from`. A reading that `to` lacks stays
/// absent: it is another sort of event.
pub(super) fn copy_readings(from: &Signal, to: &mut Signal) {
    for (metric, reading) in &mut to.metrics {
        for (statistic, value) in reading {
            let other = from
                .metrics
                .get(metric)
                .and_then(|reading| reading.get(statistic));
            *value = other.copied().unwrap_or(*value);
        }
    }
}
