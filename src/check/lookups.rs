//! Metrics and labels in the templates of tickets that no event of any rule contains. With an
//! alternative such a template is filled, and always by the alternative.

use std::collections::BTreeMap;

use super::kinds::{Carried, Kinds};
use crate::rules::{Operand, Template, nearest};
use crate::settings::{FieldTemplate, FieldValue, Problem, RuleSettings, Settings};

/// What templates look up, and how far it is known to come.
#[derive(Default)]
pub(super) struct Lookups {
    /// By the path of the template, and as it is spelt there.
    known: BTreeMap<(String, String), Known>,
}

struct Known {
    operand: Operand,
    carried: Carried,
    /// The known name that was most likely meant.
    meant: Option<String>,
    template: Template,
}

impl Lookups {
    /// Notes what the tickets of `rule` look up in its events.
    pub(super) fn note(&mut self, rule: &RuleSettings, kinds: &Kinds<'_>, settings: &Settings) {
        for name in rule.targets.names() {
            let Some(target) = settings.targets.get(name) else {
                continue;
            };
            let sections = [
                ("create", &target.create),
                ("update", &target.update),
                ("resolve", &target.resolve),
            ];
            for (section, fields) in sections {
                for field in fields {
                    self.note_field(&format!("targets.{name}.{section}"), field, kinds);
                }
            }
        }
    }

    fn note_field(&mut self, section: &str, field: &FieldTemplate, kinds: &Kinds<'_>) {
        let FieldValue::Template(template) = &field.value else {
            return;
        };
        let path = format!("{section}.{}", field.name);
        for (operand, spelling) in template.lookups() {
            let (carried, meant) = look(&operand, kinds);
            let known = self.known.entry((path.clone(), spelling));
            let known = known.or_insert_with(|| Known {
                operand,
                carried,
                meant: meant.clone(),
                template: template.clone(),
            });
            known.carried = known.carried.max(carried);
            known.meant = known.meant.take().or(meant);
        }
    }

    /// Warns of what comes in no event.
    pub(super) fn check(self, found: &mut Vec<Problem>) {
        let absent = self
            .known
            .into_iter()
            .filter(|(_, known)| known.carried < Carried::Yes);
        for ((path, spelling), known) in absent {
            // A usual name with another one like it may still be the sender's own.
            let is_slip = known.carried == Carried::Perhaps && known.meant.is_some();
            let is_sure = known.carried < Carried::Perhaps || is_slip;
            if !is_sure || found.iter().any(|problem| problem.path == path) {
                continue;
            }
            let reason = format!(
                "`{spelling}` is in no event of the rules that open tickets here: its alternative is always taken"
            );
            let part = match &known.operand {
                Operand::Reading(metric, _) => metric,
                Operand::Label(name) | Operand::Name(name) => name,
            };
            let problem = Problem::warning(path, reason).suggesting(known.meant.clone());
            let help = "`ringdown catalogue` lists the metrics of each event type";
            let problem = match (&known.operand, &known.meant) {
                (Operand::Reading(..), None) => problem.with_help(help),
                (Operand::Label(_), None) => {
                    problem.with_help("add it to `map.labels` of a source of the format custom")
                }
                _ => problem,
            };
            found.push(problem.within(known.template.span_of(part)));
        }
    }
}

/// Whether the events contain `operand`, and the name that was most likely meant.
fn look(operand: &Operand, kinds: &Kinds<'_>) -> (Carried, Option<String>) {
    if !kinds.unknown.is_empty() || kinds.all.is_empty() {
        return (Carried::Yes, None);
    }
    let carried = kinds.carry(operand);
    let Operand::Reading(metric, _) = operand else {
        return (carried, None);
    };
    let metrics = kinds.metrics();
    if metrics.contains(metric.as_str()) {
        // Its sender may give further statistics.
        let carried = match carried {
            Carried::Perhaps => Carried::Yes,
            other => other,
        };
        return (carried, None);
    }
    let meant = nearest(metric, metrics.iter().copied());
    (carried, meant.map(str::to_owned))
}
