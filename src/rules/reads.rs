//! The values of a signal that an expression depends on.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue};

use super::rewrite::metric_of;

/// The names that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Metrics, also those that are only asked for by `has(…)`.
    pub metrics: BTreeSet<String>,
    /// Fields, and the names that every signal has. Labels are left out.
    pub names: BTreeSet<String>,
    /// Texts that stand in the expression.
    pub texts: BTreeSet<String>,
}

impl Reads {
    pub(super) fn of(parsed: &IdedExpr) -> Self {
        let mut reads = Self::default();
        for name in parsed.references().variables() {
            match metric_of(name) {
                Some(metric) => reads.metrics.insert(metric.to_owned()),
                None => reads.names.insert(name.to_owned()),
            };
        }
        collect_texts(parsed, &mut reads.texts);
        reads
    }

    /// Whether the status of the entity has an effect.
    pub fn status(&self) -> bool {
        self.names.contains("status")
    }
}

fn collect_texts(expression: &IdedExpr, texts: &mut BTreeSet<String>) {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => {
            texts.insert(text.inner().to_owned());
        }
        Expr::Call(call) => {
            let target = call.target.iter().map(|target| &**target);
            target
                .chain(&call.args)
                .for_each(|one| collect_texts(one, texts));
        }
        Expr::List(list) => {
            let elements = list.elements.iter();
            elements.for_each(|one| collect_texts(one, texts));
        }
        Expr::Select(select) => collect_texts(&select.operand, texts),
        Expr::Comprehension(one) => {
            let parts = [
                &one.iter_range,
                &one.accu_init,
                &one.loop_cond,
                &one.loop_step,
                &one.result,
            ];
            parts.iter().for_each(|part| collect_texts(part, texts));
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    collect_texts(&entry.key, texts);
                    collect_texts(&entry.value, texts);
                }
            }
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
    }
}
