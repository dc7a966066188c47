//! The fields that a target is told to set, with all the texts its templates give for the
//! sample.
//!
//! Pure; may import: `rules`, `settings`.

use crate::rules::{Template, TemplateContext};
use crate::settings::{FieldTemplate, FieldValue, TargetSettings};

/// A field of `[targets.NAME.create]`, `.update` or `.resolve`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mapped {
    /// `create`, `update` or `resolve`.
    pub(super) section: &'static str,
    /// The CRM's name for it.
    pub(super) name: String,
    /// What it was rendered to, each text once; with the samples of each rule.
    pub(super) samples: Vec<String>,
    /// Why a sample could not be rendered.
    pub(super) problem: Option<String>,
    /// Whether the samples are all it can ever be: it depends on nothing but the rule.
    pub(super) finite: bool,
    /// Characters of the template that are in every ticket; zero where a condition decides.
    pub(super) constant: usize,
}

impl Mapped {
    pub(super) fn place(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// Every mapped field of `target`, rendered with each of `contexts`.
pub(super) fn mapped(target: &TargetSettings, contexts: &[TemplateContext]) -> Vec<Mapped> {
    let sections = [
        ("create", &target.create),
        ("update", &target.update),
        ("resolve", &target.resolve),
    ];
    sections
        .into_iter()
        .flat_map(|(section, fields)| fields.iter().map(move |field| (section, field)))
        .map(|(section, field)| render(section, field, contexts))
        .collect()
}

fn render(section: &'static str, field: &FieldTemplate, contexts: &[TemplateContext]) -> Mapped {
    let mut mapped = Mapped {
        section,
        name: field.name.clone(),
        ..Mapped::default()
    };
    match &field.value {
        FieldValue::Literal(value) => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            mapped.samples.push(text);
            mapped.finite = true;
        }
        FieldValue::Template(template) => {
            for context in contexts {
                match template.render(context) {
                    Ok(text) if !mapped.samples.contains(&text) => mapped.samples.push(text),
                    Ok(_) => {}
                    Err(error) => mapped.problem = Some(error.problem),
                }
            }
            mapped.finite = template
                .names()
                .iter()
                .all(|name| matches!(name.as_str(), "severity" | "rule"));
            mapped.constant = constant_characters(template);
        }
    }
    mapped
}

/// Characters outside of `{{ }}` and `{# #}`; nothing is certain where there is a `{% %}`.
fn constant_characters(template: &Template) -> usize {
    let mut rest = template.source();
    let mut count = 0;
    if rest.contains("{%") {
        return 0;
    }
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{#")).min() {
        count += rest[..start].encode_utf16().count();
        let close = if rest[start..].starts_with("{{") {
            "}}"
        } else {
            "#}"
        };
        match rest[start..].find(close) {
            Some(end) => rest = &rest[start + end + close.len()..],
            None => return count,
        }
    }
    count + rest.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_every_ticket_counts_as_constant() {
        let count = |source| constant_characters(&Template::parse(source).unwrap());
        assert_eq!(count("Wait in {{ queue_name }}: long"), 14);
        assert_eq!(count("{% if queue_name %}never sure{% endif %}"), 0);
        assert_eq!(count("a{# not written #}b"), 2);
    }
}
