//! Makes the guide's spelling of metrics, `metrics[queue.waitTime].avg`, a plain variable.
//!
//! In CEL the index would be evaluated; here a bare name in brackets means the metric of that
//! name. Each `metrics[NAME].STAT`, `metrics["NAME"].STAT`, `metrics.NAME.STAT`, and
//! `labels.NAME` becomes one identifier, so that evaluation looks it up directly in the signal
//! and builds no map. `has(…)` around one becomes an identifier that is always there.
//!
//! The variable of a macro, such as `x` in `.exists(x, …)`, gets a name that no signal carries, so
//! that whatever looks for the names of a signal passes it by.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

/// The separator of rewritten names; cannot occur in an identifier of the language.
pub(super) const SEPARATOR: char = '\u{1f}';
/// First part of a rewritten metric: `metric␟NAME␟STAT`.
pub(super) const METRIC: &str = "metric";
/// First part of a rewritten `has(metrics[NAME].STAT)`.
pub(super) const HAS_METRIC: &str = "has-metric";
/// First part of a rewritten label: `label␟NAME`.
pub(super) const LABEL: &str = "label";
/// First part of a rewritten `has(labels.NAME)`.
pub(super) const HAS_LABEL: &str = "has-label";
/// First character of a rewritten variable of a macro, as of the engine's own variables.
pub(super) const BOUND: char = '@';

/// The metric and the statistic of which `identifier` is the reading, when it is one.
pub(super) fn reading_of(identifier: &str) -> Option<(&str, &str)> {
    let rest = identifier.strip_prefix(METRIC)?.strip_prefix(SEPARATOR)?;
    rest.split_once(SEPARATOR)
}

/// The metric that `identifier` reads or asks for, when it does.
pub(super) fn metric_of(identifier: &str) -> Option<&str> {
    let (kind, rest) = identifier.split_once(SEPARATOR)?;
    let (metric, _) = rest.split_once(SEPARATOR)?;
    (kind == METRIC || kind == HAS_METRIC).then_some(metric)
}

/// The label that `identifier` reads, when it does.
pub(super) fn label_of(identifier: &str) -> Option<&str> {
    identifier.strip_prefix(LABEL)?.strip_prefix(SEPARATOR)
}

/// Rewrites every metric and label in `expression`, in place.
pub(super) fn rewrite(expression: &mut IdedExpr) {
    if let Some(name) = rewritten_name(&expression.expr) {
        expression.expr = Expr::Ident(name);
        return;
    }
    if let Expr::Comprehension(comprehension) = &mut expression.expr {
        bind(comprehension);
    }
    each_part(expression, &mut rewrite);
}

/// Passes each part of `expression` to `work`.
pub(super) fn each_part(expression: &mut IdedExpr, work: &mut dyn FnMut(&mut IdedExpr)) {
    match &mut expression.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| work(target));
            call.args.iter_mut().for_each(work);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(work),
        Expr::Select(select) => work(&mut select.operand),
        Expr::Comprehension(comprehension) => {
            work(&mut comprehension.iter_range);
            work(&mut comprehension.accu_init);
            work(&mut comprehension.loop_cond);
            work(&mut comprehension.loop_step);
            work(&mut comprehension.result);
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    work(&mut entry.key);
                    work(&mut entry.value);
                }
            }
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
    }
}

/// Renames the variables of a macro, where they are used.
fn bind(comprehension: &mut ComprehensionExpr) {
    let ComprehensionExpr {
        iter_var,
        iter_var2,
        loop_cond,
        loop_step,
        result,
        ..
    } = comprehension;
    for variable in [iter_var].into_iter().chain(iter_var2) {
        if variable.starts_with(BOUND) {
            continue;
        }
        let bound = format!("{BOUND}{variable}");
        for part in [&mut *loop_cond, &mut *loop_step, &mut *result] {
            rename(part, variable, &bound);
        }
        *variable = bound;
    }
}

/// Renames a variable in `expression`, except where a macro within has its own of that name.
fn rename(expression: &mut IdedExpr, from: &str, to: &str) {
    let each = |parts: &mut [IdedExpr]| parts.iter_mut().for_each(|one| rename(one, from, to));
    match &mut expression.expr {
        Expr::Ident(name) if name == from => to.clone_into(name),
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                rename(target, from, to);
            }
            each(&mut call.args);
        }
        Expr::List(list) => each(&mut list.elements),
        Expr::Select(select) => rename(&mut select.operand, from, to),
        Expr::Comprehension(inner) => {
            rename(&mut inner.iter_range, from, to);
            let is_own = inner.iter_var == from || inner.iter_var2.as_deref() == Some(from);
            if !is_own {
                rename(&mut inner.loop_cond, from, to);
                rename(&mut inner.loop_step, from, to);
                rename(&mut inner.result, from, to);
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    rename(&mut entry.key, from, to);
                    rename(&mut entry.value, from, to);
                }
            }
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
    }
}

/// The identifier that stands for `expression`, when it is a metric's statistic or a label.
fn rewritten_name(expression: &Expr) -> Option<String> {
    let (container, member, test) = member_of(expression)?;
    if let Expr::Ident(name) = container {
        return (name == "labels").then(|| {
            let kind = if test { HAS_LABEL } else { LABEL };
            format!("{kind}{SEPARATOR}{member}")
        });
    }
    let (metrics, metric, _) = member_of(container)?;
    let Expr::Ident(name) = metrics else {
        return None;
    };
    (name == "metrics").then(|| {
        let kind = if test { HAS_METRIC } else { METRIC };
        format!("{kind}{SEPARATOR}{metric}{SEPARATOR}{member}")
    })
}

/// `container.member` or `container[member]`, with whether it stands inside `has(…)`.
fn member_of(expression: &Expr) -> Option<(&Expr, String, bool)> {
    match expression {
        Expr::Select(select) => Some((&select.operand.expr, select.field.clone(), select.test)),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [container, index] => Some((&container.expr, name_in_brackets(&index.expr)?, false)),
            _ => None,
        },
        _ => None,
    }
}

/// A bare dotted name, also with a row (`memory[physical].totalBytes`), or a string literal.
fn name_in_brackets(index: &Expr) -> Option<String> {
    match index {
        // The variable of a macro would be a name that changes.
        Expr::Ident(name) => (!name.starts_with(BOUND)).then(|| name.clone()),
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        Expr::Select(select) if !select.test => Some(format!(
            "{}.{}",
            name_in_brackets(&select.operand.expr)?,
            select.field
        )),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [list, row] => Some(format!(
                "{}[{}]",
                name_in_brackets(&list.expr)?,
                name_in_brackets(&row.expr)?
            )),
            _ => None,
        },
        _ => None,
    }
}
