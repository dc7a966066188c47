//! Templates that are sent otherwise than they are meant: with placeholders of another language, or
//! under a name that stands there twice.

use crate::domain::trouble::OWN_RULE;
use crate::rules::Template;
use crate::settings::{FieldTemplate, FieldValue, Problem, Settings};

pub(super) fn check(settings: &Settings, found: &mut Vec<Problem>) {
    for rule in settings.rules.iter().filter(|rule| rule.name != OWN_RULE) {
        foreign(format!("rules.{}.key", rule.name), &rule.key, found);
    }
    for (name, outage) in &settings.outages {
        let path = format!("outages.{name}.group_by");
        if let Some(value) = outage.group_by.bare_name() {
            let reason = "is the same text for every event: all incidents are one group";
            let help = format!("write {{{{ {value} }}}}");
            found.push(Problem::warning(path, reason).with_help(help));
        } else {
            foreign(path, &outage.group_by, found);
        }
    }
    for (name, target) in &settings.targets {
        let sections = [
            ("create", &target.create),
            ("update", &target.update),
            ("resolve", &target.resolve),
        ];
        for (section, fields) in sections {
            let path = format!("targets.{name}.{section}");
            for field in fields {
                if let FieldValue::Template(template) = &field.value {
                    foreign(format!("{path}.{}", field.name), template, found);
                }
            }
            twice(&path, fields, found);
        }
    }
}

fn foreign(path: String, template: &Template, found: &mut Vec<Problem>) {
    // A key that is nothing else is told already.
    if found.iter().any(|problem| problem.path == path) {
        return;
    }
    for one in template.foreign() {
        let written = template.source().get(one.span.clone()).unwrap_or_default();
        let reason = format!("`{written}` is sent as it stands there: it is no value of an event");
        let meant = one.meant.unwrap_or("NAME");
        let problem = Problem::warning(path.as_str(), reason).within(Some(one.span));
        found.push(problem.with_help(format!("write {{{{ {meant} }}}}")));
    }
}

/// CRMs do not tell `Subject` and `subject` apart, so one of the two would be lost.
fn twice(path: &str, fields: &[FieldTemplate], found: &mut Vec<Problem>) {
    for (index, field) in fields.iter().enumerate() {
        let mut before = fields.iter().take(index);
        if let Some(other) = before.find(|one| one.name.eq_ignore_ascii_case(&field.name)) {
            let reason = format!("is the same field as `{}`, and is given twice", other.name);
            let problem = Problem::warning(format!("{path}.{}", field.name), reason);
            found.push(problem.with_help("remove one of them"));
        }
    }
}
