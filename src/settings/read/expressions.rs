//! The expressions of rules, parsed before they are read: of hundreds, that is most of the work of a
//! start, and it is shared among the processors.

use std::collections::HashMap;
use std::thread;

use crate::rules::{BadExpression, Expression};
use crate::settings::value::{Table, Value, ValueKind};

/// Of fewer, threads would cost more than they save.
const MANY: usize = 32;

/// More threads hardly help.
const MOST_THREADS: usize = 4;

type Result = std::result::Result<Expression, BadExpression>;

/// Expressions by their text.
#[derive(Default)]
pub(crate) struct Expressions(HashMap<String, Result>);

impl Expressions {
    /// Those of the rules in `whole`, if there are many.
    pub(crate) fn of(whole: &Table) -> Self {
        let mut sources = Vec::new();
        let rules = whole.get("rules").and_then(Value::as_table);
        for rule in rules.into_iter().flat_map(Table::values) {
            collect(rule, &mut sources);
        }
        sources.sort_unstable();
        sources.dedup();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MOST_THREADS);
        if sources.len() < MANY || threads < 2 {
            return Self::default();
        }
        let parts = sources.chunks(sources.len().div_ceil(threads));
        let parse = |part: &[&str]| -> Vec<(String, Result)> {
            let parsed = part.iter();
            parsed
                .map(|source| ((*source).to_owned(), Expression::parse(source)))
                .collect()
        };
        let parsed = thread::scope(|scope| {
            let running: Vec<_> = parts.map(|part| scope.spawn(move || parse(part))).collect();
            // What a thread has not parsed is parsed when it is read.
            let parsed = running.into_iter().filter_map(|one| one.join().ok());
            parsed.flatten().collect()
        });
        Self(parsed)
    }

    /// `source`, parsed.
    pub(crate) fn parse(&self, source: &str) -> Result {
        let known = self.0.get(source).cloned();
        known.unwrap_or_else(|| Expression::parse(source))
    }
}

/// The texts in `value` that are read as expressions.
fn collect<'v>(value: &'v Value, sources: &mut Vec<&'v str>) {
    let Some(rule) = value.as_table() else {
        return;
    };
    for name in ["when", "clear"] {
        collect_text(rule.get(name), sources);
    }
    let levels = rule.get("severity").and_then(Value::as_table);
    for (name, level) in levels.into_iter().flatten() {
        if name != "default" {
            collect_text(Some(level), sources);
        }
    }
    if let Some(ValueKind::Array(routes)) = rule.get("targets").map(|targets| &targets.kind) {
        for route in routes.iter().filter_map(Value::as_table) {
            collect_text(route.get("when"), sources);
        }
    }
}

fn collect_text<'v>(value: Option<&'v Value>, sources: &mut Vec<&'v str>) {
    if let Some(ValueKind::String(text)) = value.map(|value| &value.kind) {
        sources.push(text);
    }
}
