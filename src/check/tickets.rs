//! Ticket fields and groups of outages that cannot be filled from the events of a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Depth;
use super::breach::context;
use super::kinds::{Kind, Kinds};
use super::members;
use super::place::Place;
use super::values::{copy_readings, variants};
use crate::decide::signal_values;
use crate::domain::signal::Signal;
use crate::rules::{RenderError, Template, TemplateContext};
use crate::settings::{
    FieldTemplate, FieldValue, Level, Problem, RuleSettings, Settings, TargetSettings,
};

/// The templates of tickets, tried with the events of all rules.
pub(super) struct Tickets<'s> {
    settings: &'s Settings,
    /// What was found for a type of events, whatever the rule: most rules share theirs.
    tried: BTreeMap<Tried, Rc<[Failed]>>,
    /// One problem for each template and reason, with the rules that have it.
    found: BTreeMap<Found, Failure>,
}

/// A ticket that was tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Tried {
    event_type: String,
    source: String,
    target: String,
    severity: String,
    /// The sample; `None`: with everything that such an event can contain.
    sample: Option<usize>,
}

/// A template that could not be filled.
struct Failed {
    path: String,
    problem: String,
    missing: Vec<String>,
    template: Template,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    path: String,
    problem: String,
    is_always: bool,
}

struct Failure {
    rules: Vec<String>,
    missing: Vec<String>,
    template: Template,
}

impl<'s> Tickets<'s> {
    pub(super) fn of(settings: &'s Settings) -> Self {
        Self {
            settings,
            tried: BTreeMap::new(),
            found: BTreeMap::new(),
        }
    }

    /// Writes the tickets that breaches of `rule` would open.
    pub(super) fn try_rule(
        &mut self,
        rule: &RuleSettings,
        places: &[Place<'_>],
        kinds: &Kinds<'_>,
        depth: Depth,
    ) {
        let severities: BTreeSet<&str> = rule
            .severity
            .levels
            .iter()
            .map(|(level, _)| level.as_str())
            .chain([rule.severity.default.as_str()])
            .collect();
        let targets: BTreeSet<&str> = rule.targets.names().map(|name| name.as_str()).collect();
        for kind in kinds.certain() {
            let breaching = match depth {
                Depth::All => breaching(rule, places, kind),
                // Single samples fail sometimes, which is a warning.
                Depth::Errors => Vec::new(),
            };
            for target in &targets {
                for severity in &severities {
                    let tried = |sample| Tried {
                        event_type: kind.event_type.clone(),
                        source: kind.source.to_owned(),
                        target: (*target).to_owned(),
                        severity: (*severity).to_owned(),
                        sample,
                    };
                    self.note_all(&tried(None), kind, rule);
                    for sample in &breaching {
                        self.note_all(&tried(Some(*sample)), kind, rule);
                    }
                }
            }
            self.try_groups(rule, kind);
        }
    }

    fn note_all(&mut self, tried: &Tried, kind: &Kind<'_>, rule: &RuleSettings) {
        let known = self.tried.get(tried).cloned();
        let failed = known.unwrap_or_else(|| {
            let failed: Rc<[Failed]> = self.write(tried, kind).into();
            self.tried.insert(tried.clone(), Rc::clone(&failed));
            failed
        });
        for one in failed.iter() {
            self.note(one, tried.sample.is_none(), rule);
        }
    }

    /// Writes the ticket, and what is sent for it later; the templates that fail.
    fn write(&self, tried: &Tried, kind: &Kind<'_>) -> Vec<Failed> {
        let Some(target) = self.settings.targets.get(tried.target.as_str()) else {
            return Vec::new();
        };
        let single = tried.sample.and_then(|at| kind.samples.single.get(at));
        let context = context(single.unwrap_or(&kind.samples.whole), kind, &tried.severity);
        let mut failed = failures(tried, "create", &target.create, &context);
        // What is sent later has the values of the breach, too.
        if single.is_none() {
            failed.extend(later(tried, target, context));
        }
        failed
    }

    fn try_groups(&mut self, rule: &RuleSettings, kind: &Kind<'_>) {
        let outages = self.settings.outages.iter();
        for (name, outage) in outages.filter(|(_, one)| one.rules.contains(&rule.name)) {
            let context = signal_values(&kind.samples.whole, kind.source);
            if let Err(error) = outage.group_by.render(&context) {
                let path = format!("outages.{name}.group_by");
                let failed = Failed::of(path, &outage.group_by, error);
                self.note(&failed, false, rule);
            }
        }
    }

    fn note(&mut self, failed: &Failed, is_always: bool, rule: &RuleSettings) {
        let found = Found {
            path: failed.path.clone(),
            problem: failed.problem.clone(),
            is_always,
        };
        let failure = self.found.entry(found).or_insert_with(|| Failure {
            rules: Vec::new(),
            missing: failed.missing.clone(),
            template: failed.template.clone(),
        });
        if !failure.rules.contains(&rule.name) {
            failure.rules.push(rule.name.clone());
        }
    }

    pub(super) fn problems(self) -> Vec<Problem> {
        // What fails on every event of one rule need not be said of some events of another.
        let always = self.found.keys().filter(|one| one.is_always);
        let always: BTreeSet<(String, String)> = always
            .map(|one| (one.path.clone(), one.problem.clone()))
            .collect();
        let is_news = |found: &Found| {
            let same = (found.path.clone(), found.problem.clone());
            found.is_always || !always.contains(&same)
        };
        let news = self.found.into_iter().filter(|(found, _)| is_news(found));
        news.map(|(found, failure)| problem(found, failure))
            .collect()
    }
}

impl Failed {
    fn of(path: String, template: &Template, error: RenderError) -> Self {
        Self {
            path,
            problem: error.problem,
            template: template.clone(),
            missing: error.missing,
        }
    }
}

fn problem(found: Found, failure: Failure) -> Problem {
    let missing = failure.missing.first();
    if let Some(unknown) = missing.and_then(|name| members::unknown(name)) {
        let problem = Problem::error(found.path, unknown.reason.as_str());
        return unknown.explain(problem, &failure.template);
    }
    let rules = in_words(&failure.rules);
    let is_group = found.path.ends_with(".group_by");
    let (level, what) = match (found.is_always, is_group) {
        (true, _) => (
            Level::Error,
            format!("can never be filled from the events of {rules}"),
        ),
        (false, true) => {
            let what =
                format!("cannot be filled from the events of {rules}, so these join no outage");
            (Level::Warning, what)
        }
        (false, false) => {
            let what = format!("cannot be filled from some events of {rules}");
            (Level::Warning, what)
        }
    };
    let span = missing.and_then(|name| failure.template.span_of(name));
    let without_name = (missing.is_none() && found.problem.contains("is missing"))
        .then(|| "write an alternative after it, such as `or 'unknown'`".to_owned());
    let help = missing.map(|name| match is_group {
        // An alternative would put all these breaches into one group.
        true => "name what all these events contain, or remove the rule from `rules`".to_owned(),
        false => {
            let alternative = failure.template.with_alternative(name);
            format!(
                "give it an alternative: {alternative}; without it such a breach becomes a review item, and opens no ticket"
            )
        }
    });
    let problem = Problem {
        level,
        help: help.or(without_name),
        ..Problem::error(found.path, format!("{what}: {}", found.problem))
    };
    problem.within(span)
}

fn in_words(rules: &[String]) -> String {
    const SHOWN: usize = 3;
    match rules {
        [only] => format!("the rule `{only}`"),
        few if few.len() <= SHOWN => format!("the rules `{}`", few.join("`, `")),
        many => {
            let shown: Vec<&str> = many.iter().take(SHOWN).map(String::as_str).collect();
            format!(
                "the rules `{}` and {} more",
                shown.join("`, `"),
                many.len() - SHOWN
            )
        }
    }
}

/// The templates of `fields` that fail.
fn failures(
    tried: &Tried,
    section: &str,
    fields: &[FieldTemplate],
    context: &TemplateContext,
) -> Vec<Failed> {
    let failed = |field: &FieldTemplate| {
        let FieldValue::Template(template) = &field.value else {
            return None;
        };
        let error = template.render(context).err()?;
        let path = format!("targets.{}.{section}.{}", tried.target, field.name);
        Some(Failed::of(path, template, error))
    };
    fields.iter().filter_map(failed).collect()
}

/// The templates of what is sent after the ticket that fail.
fn later(tried: &Tried, target: &TargetSettings, mut context: TemplateContext) -> Vec<Failed> {
    let at = context.get("timestamp").cloned().unwrap_or_default();
    let incident = context.get_mut("incident");
    if let Some(incident) = incident.and_then(serde_json::Value::as_object_mut) {
        incident.insert("recovered_at".to_owned(), at.clone());
        incident.insert("closed_at".to_owned(), at);
    }
    let mut failed = failures(tried, "update", &target.update, &context);
    failed.extend(failures(tried, "resolve", &target.resolve, &context));
    failed
}

/// The samples that breach, with other readings perhaps.
fn breaching(rule: &RuleSettings, places: &[Place<'_>], kind: &Kind<'_>) -> Vec<usize> {
    let Some(when) = places.first() else {
        return Vec::new();
    };
    let variants = variants(&[&when.comparisons], kind).signals;
    let breaches = |single: &Signal| {
        let metrics = when.expression.reads().metrics.iter();
        let mut signal = single.clone();
        signal
            .metrics
            .retain(|name, _| metrics.clone().any(|read| read == name));
        // Readings are as in a variant, all else as in the sample.
        variants.iter().any(|variant| {
            copy_readings(variant, &mut signal);
            rule.when.holds(&signal, kind.source) == Ok(Some(true))
        })
    };
    let singles = kind.samples.single.iter().enumerate();
    singles
        .filter(|(_, single)| breaches(single))
        .map(|(at, _)| at)
        .collect()
}
