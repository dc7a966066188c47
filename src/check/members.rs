//! Values inside `incident` and `outage` that these do not have. With an alternative such a template
//! is filled, and always by the alternative.

use crate::decide::{INCIDENT_VALUES, OUTAGE_VALUES};
use crate::rules::{Template, nearest};
use crate::settings::{FieldTemplate, FieldValue, Problem, Settings};

/// A value that there is not.
pub(super) struct Unknown {
    pub(super) reason: String,
    suggestion: Option<&'static str>,
    help: String,
    part: String,
}

impl Unknown {
    /// `problem` with what to write instead, at its place in `template`.
    pub(super) fn explain(&self, problem: Problem, template: &Template) -> Problem {
        let problem = problem.suggesting(self.suggestion);
        let problem = problem.with_help(self.help.as_str());
        problem.within(template.span_of(&self.part))
    }
}

/// The value that `name`, such as `incident.startet_at`, asks for and that there is not.
pub(super) fn unknown(name: &str) -> Option<Unknown> {
    let (root, rest) = name.split_once('.')?;
    let known: &'static [&'static str] = match root {
        "incident" => &INCIDENT_VALUES,
        "outage" => &OUTAGE_VALUES,
        _ => return None,
    };
    let member = rest.split('.').next().unwrap_or_default();
    if known.contains(&member) {
        return None;
    }
    Some(Unknown {
        reason: format!("`{root}` has no `{member}`"),
        suggestion: nearest(member, known.iter().copied()),
        help: format!("it has {}", known.join(", ")),
        part: member.to_owned(),
    })
}

/// Warns of them in every template.
pub(super) fn check(settings: &Settings, found: &mut Vec<Problem>) {
    for (name, target) in &settings.targets {
        let sections = [
            ("create", &target.create),
            ("update", &target.update),
            ("resolve", &target.resolve),
        ];
        for (section, fields) in sections {
            for field in fields {
                check_field(&format!("targets.{name}.{section}"), field, found);
            }
        }
    }
}

fn check_field(section: &str, field: &FieldTemplate, found: &mut Vec<Problem>) {
    let path = format!("{section}.{}", field.name);
    let FieldValue::Template(template) = &field.value else {
        return;
    };
    // Where it cannot be filled at all, that is told already.
    if found.iter().any(|problem| problem.path == path) {
        return;
    }
    let names = template.names();
    if let Some(unknown) = names.iter().find_map(|name| unknown(name)) {
        let reason = format!("{}: its alternative is always taken", unknown.reason);
        let problem = Problem::warning(path, reason);
        found.push(unknown.explain(problem, template));
    }
}
