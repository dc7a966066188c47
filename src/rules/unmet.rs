//! Why an expression does not hold for a signal: the comparisons in it that fail, for people.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::comparison::number_of;
use super::comparisons::Operand;
use super::expression::Expression;
use super::rewrite::{LABEL, SEPARATOR, reading_of};
use crate::domain::signal::{COMMON_NAMES, Field, Signal};
use crate::domain::situation::{NumberRelation, Unmet};

impl Expression {
    /// The parts of the expression because of which it does not hold for `signal`, which came from
    /// `source`. Only asked where it does not hold.
    pub fn unmet(&self, signal: &Signal, source: &str) -> Vec<Unmet> {
        let mut looking = Looking {
            expression: self,
            signal,
            source,
            unmet: Vec::new(),
        };
        looking.look(self.parsed(), true);
        looking.unmet
    }

    /// What the expression reads and `signal` does not carry.
    pub fn missing(&self, signal: &Signal) -> Vec<String> {
        let operands = self.comparisons().operands.into_iter();
        operands.filter_map(|one| absent(one, signal)).collect()
    }
}

/// The name of `operand`, when `signal` does not carry it.
fn absent(operand: Operand, signal: &Signal) -> Option<String> {
    match operand {
        Operand::Reading(metric, statistic) => {
            let reading = signal.metrics.get(&metric);
            let is_there = reading.is_some_and(|one| one.contains_key(&statistic));
            (!is_there).then(|| format!("{metric}.{statistic}"))
        }
        Operand::Label(label) => {
            (!signal.labels.contains_key(&label)).then(|| format!("labels.{label}"))
        }
        Operand::Name(name) => {
            let is_common = COMMON_NAMES.contains(&name.as_str());
            let is_there = is_common || signal.fields.contains_key(name.as_str());
            (!is_there).then_some(name)
        }
    }
}

struct Looking<'a> {
    expression: &'a Expression,
    signal: &'a Signal,
    source: &'a str,
    unmet: Vec<Unmet>,
}

/// A value of the signal.
enum Known {
    Number(f64),
    Text(String),
}

impl Looking<'_> {
    /// Whether `part` is as `wanted`; what is not is noted.
    fn look(&mut self, part: &IdedExpr, wanted: bool) -> bool {
        if let Expr::Call(call) = &part.expr {
            match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_NOT, [one]) => return self.look(one, !wanted),
                (operators::LOGICAL_AND, parts) => return self.look_at(parts, wanted, wanted),
                (operators::LOGICAL_OR, parts) => return self.look_at(parts, wanted, !wanted),
                _ => {}
            }
        }
        let holds = self.expression.part_holds(part, self.signal, self.source);
        if holds == Some(wanted) {
            return true;
        }
        let told = self.compared(part, wanted);
        let told = told.unwrap_or_else(|| Unmet::Other(self.expression.source().to_owned()));
        if !self.unmet.contains(&told) {
            self.unmet.push(told);
        }
        false
    }

    /// `parts`, of which all must be as `wanted`, or one is enough.
    fn look_at(&mut self, parts: &[IdedExpr], wanted: bool, all: bool) -> bool {
        let before = self.unmet.len();
        let as_wanted: Vec<bool> = parts.iter().map(|one| self.look(one, wanted)).collect();
        let is_met = match all {
            true => as_wanted.iter().all(|one| *one),
            false => as_wanted.iter().any(|one| *one),
        };
        if is_met {
            self.unmet.truncate(before);
        }
        is_met
    }

    /// The comparison `part`, which is not as `wanted`.
    fn compared(&self, part: &IdedExpr, wanted: bool) -> Option<Unmet> {
        let Expr::Call(CallExpr {
            func_name, args, ..
        }) = &part.expr
        else {
            return None;
        };
        let [left, right] = args.as_slice() else {
            return None;
        };
        if let (operators::IN, Expr::List(list)) = (func_name.as_str(), &right.expr) {
            let texts: Option<Vec<String>> = list.elements.iter().map(text_of).collect();
            return self.text_is(left, texts?, wanted);
        }
        let relation = relation_of(func_name, wanted)?;
        self.number_is(left, relation, right)
            .or_else(|| self.number_is(right, turned(relation), left))
            .or_else(|| {
                let (name, text) = match text_of(right) {
                    Some(text) => (left, text),
                    None => (right, text_of(left)?),
                };
                self.text_is(name, vec![text], relation == NumberRelation::Equal)
            })
    }

    fn number_is(
        &self,
        name: &IdedExpr,
        relation: NumberRelation,
        bound: &IdedExpr,
    ) -> Option<Unmet> {
        let bound = number_of(&bound.expr)?;
        let (name, Known::Number(value)) = self.known(name)? else {
            return None;
        };
        Some(Unmet::Number {
            name,
            value,
            relation,
            bound,
            unit: "",
        })
    }

    fn text_is(&self, name: &IdedExpr, wanted: Vec<String>, is_one_of: bool) -> Option<Unmet> {
        let (name, Known::Text(value)) = self.known(name)? else {
            return None;
        };
        Some(match is_one_of {
            true => Unmet::NotOneOf {
                name,
                value,
                wanted,
            },
            false => Unmet::Excluded { name, value },
        })
    }

    /// The name of what `part` reads, and its value in the signal.
    fn known(&self, part: &IdedExpr) -> Option<(String, Known)> {
        let Expr::Ident(name) = &part.expr else {
            return None;
        };
        if let Some((metric, statistic)) = reading_of(name) {
            let value = self.signal.metrics.get(metric)?.get(statistic)?;
            return Some((format!("{metric}.{statistic}"), Known::Number(*value)));
        }
        if let Some((LABEL, label)) = name.split_once(SEPARATOR) {
            let value = self.signal.labels.get(label)?;
            return Some((format!("labels.{label}"), Known::Text(value.clone())));
        }
        let known = match (self.signal.fields.get(name.as_str()), name.as_str()) {
            (Some(Field::Text(text)), _) => Known::Text(text.clone()),
            (Some(Field::Number(number)), _) => Known::Number(*number),
            (None, "source") => Known::Text(self.source.to_owned()),
            (None, "event_type") => Known::Text(self.signal.event_type.to_string()),
            (Some(Field::Flag(_)) | None, _) => return None,
        };
        Some((name.clone(), known))
    }
}

fn text_of(part: &IdedExpr) -> Option<String> {
    match &part.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

/// How the value should have stood to the bound.
fn relation_of(operator: &str, wanted: bool) -> Option<NumberRelation> {
    use NumberRelation::{Above, AtLeast, AtMost, Below, Different, Equal};
    Some(match (operator, wanted) {
        (operators::GREATER, true) | (operators::LESS_EQUALS, false) => Above,
        (operators::GREATER_EQUALS, true) | (operators::LESS, false) => AtLeast,
        (operators::LESS, true) | (operators::GREATER_EQUALS, false) => Below,
        (operators::LESS_EQUALS, true) | (operators::GREATER, false) => AtMost,
        (operators::EQUALS, true) | (operators::NOT_EQUALS, false) => Equal,
        (operators::NOT_EQUALS, true) | (operators::EQUALS, false) => Different,
        _ => return None,
    })
}

/// The same, seen from the other side.
const fn turned(relation: NumberRelation) -> NumberRelation {
    use NumberRelation::{Above, AtLeast, AtMost, Below};
    match relation {
        Above => Below,
        Below => Above,
        AtLeast => AtMost,
        AtMost => AtLeast,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::time::Timestamp;

    fn signal() -> Signal {
        let at = Timestamp::from_millis(0);
        let mut signal = Signal::new("e-1", "telephony.queue.waiting", at);
        let wait = BTreeMap::from([("avg".to_owned(), 260.0)]);
        signal.metrics.insert("queue.waitTime".to_owned(), wait);
        signal.fields.insert("queue_name", Field::from("Test"));
        signal
    }

    fn unmet(source: &str) -> Vec<Unmet> {
        let expression = Expression::parse(source).unwrap();
        expression.unmet(&signal(), "genesys")
    }

    fn number(relation: NumberRelation, bound: f64) -> Unmet {
        Unmet::Number {
            name: "queue.waitTime.avg".into(),
            value: 260.0,
            relation,
            bound,
            unit: "",
        }
    }

    #[test]
    fn only_the_comparisons_that_fail_are_told() {
        let above = number(NumberRelation::Above, 300.0);
        for source in [
            "metrics[queue.waitTime].avg > 300",
            "300 < metrics[queue.waitTime].avg",
            "!(metrics[queue.waitTime].avg <= 300)",
            "queue_name == 'Test' && metrics[queue.waitTime].avg > 300",
            "metrics[queue.waitTime].avg > 300 && (queue_name == 'A' || queue_name != 'B')",
        ] {
            assert_eq!(unmet(source), std::slice::from_ref(&above), "{source}");
        }
    }

    #[test]
    fn a_queue_that_a_rule_leaves_out_is_told() {
        let excluded = Unmet::Excluded {
            name: "queue_name".into(),
            value: "Test".into(),
        };
        for source in [
            "metrics[queue.waitTime].avg > 200 && queue_name != 'Test'",
            "metrics[queue.waitTime].avg > 200 && !(queue_name in ['Test', 'Old'])",
        ] {
            assert_eq!(unmet(source), std::slice::from_ref(&excluded), "{source}");
        }
        let wanted = Unmet::NotOneOf {
            name: "queue_name".into(),
            value: "Test".into(),
            wanted: vec!["A".into(), "B".into()],
        };
        assert_eq!(unmet("queue_name in ['A', 'B']"), [wanted]);
    }

    #[test]
    fn what_the_event_lacks_is_named() {
        let source = "metrics[queue.agents].count < 1 && queue_name == labels.site && source == ''";
        let expression = Expression::parse(source).unwrap();
        assert_eq!(
            expression.missing(&signal()),
            ["queue.agents.count", "labels.site"]
        );
    }

    #[test]
    fn what_is_no_comparison_is_told_in_the_rules_own_words() {
        let source = "queue_name.startsWith('B')";
        assert_eq!(unmet(source), [Unmet::Other(source.to_owned())]);
    }
}
