//! Conditions joined by `&&`, as far as they are cheap: a reading beside a number, and a text beside
//! texts. Most rules are such conditions, and most signals fail the first of them.
//!
//! Knows rewritten expressions and signals; what it answers is what the engine would answer. In CEL
//! one condition that does not hold decides, whatever is missing or wrong in the others.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use super::comparison::Comparison;
use super::rewrite::label_of;
use crate::domain::signal::{Field, Signal};

/// The cheap conditions of an expression.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Conjunction {
    conditions: Vec<Condition>,
    /// Whether the expression has others.
    has_others: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Reading(Comparison),
    /// The value `of` is one of these texts.
    Text {
        of: Text,
        among: Vec<String>,
    },
}

/// What a text is read from.
#[derive(Debug, Clone, PartialEq)]
enum Text {
    Label(String),
    Name(String),
}

impl Conjunction {
    pub(super) fn of(parsed: &IdedExpr) -> Self {
        let mut found = Self::default();
        found.add(parsed);
        found
    }

    fn add(&mut self, parsed: &IdedExpr) {
        if let Expr::Call(call) = &parsed.expr
            && call.func_name == operators::LOGICAL_AND
        {
            return call.args.iter().for_each(|one| self.add(one));
        }
        let reading = Comparison::of(parsed).map(Condition::Reading);
        match reading.or_else(|| text_condition(parsed)) {
            Some(condition) => self.conditions.push(condition),
            None => self.has_others = true,
        }
    }

    /// Whether the whole expression is one reading beside a number.
    pub(super) const fn is_one_reading(&self) -> bool {
        matches!(
            (self.conditions.as_slice(), self.has_others),
            ([Condition::Reading(_)], false)
        )
    }

    /// Whether the expression holds for `signal`; `None` when that is not known from these
    /// conditions.
    pub(super) fn holds(&self, signal: &Signal, source: &str) -> Option<bool> {
        let mut all = !self.has_others && !self.conditions.is_empty();
        for condition in &self.conditions {
            match condition.holds(signal, source) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => all = false,
            }
        }
        all.then_some(true)
    }
}

impl Condition {
    fn holds(&self, signal: &Signal, source: &str) -> Option<bool> {
        match self {
            Self::Reading(comparison) => comparison.holds(signal),
            Self::Text { of, among } => {
                let text = of.in_signal(signal, source)?;
                Some(among.iter().any(|one| one == text))
            }
        }
    }
}

impl Text {
    /// The text; `None` where the signal has none, or something else.
    fn in_signal<'s>(&self, signal: &'s Signal, source: &'s str) -> Option<&'s str> {
        let name = match self {
            Self::Label(name) => return signal.labels.get(name.as_str()).map(|text| &**text),
            Self::Name(name) => name.as_str(),
        };
        match (signal.fields.get(name), name) {
            (Some(Field::Text(text)), _) => Some(text),
            (Some(_), _) => None,
            (None, "event_type") => Some(&signal.event_type),
            (None, "source") => Some(source),
            (None, _) => None,
        }
    }
}

/// `NAME == "text"`, the other way round, and `NAME in ["text", …]`.
fn text_condition(parsed: &IdedExpr) -> Option<Condition> {
    let Expr::Call(call) = &parsed.expr else {
        return None;
    };
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    let (name, among) = match (call.func_name.as_str(), &right.expr) {
        (operators::EQUALS, _) => match literal(right) {
            Some(text) => (left, vec![text]),
            None => (right, vec![literal(left)?]),
        },
        (operators::IN, Expr::List(list)) => {
            let texts = list.elements.iter().map(literal);
            (left, texts.collect::<Option<Vec<String>>>()?)
        }
        _ => return None,
    };
    let Expr::Ident(name) = &name.expr else {
        return None;
    };
    let of = match label_of(name) {
        Some(label) => Text::Label(label.to_owned()),
        None if name.contains(super::rewrite::SEPARATOR) => return None,
        None => Text::Name(name.clone()),
    };
    Some(Condition::Text { of, among })
}

fn literal(parsed: &IdedExpr) -> Option<String> {
    match &parsed.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}
