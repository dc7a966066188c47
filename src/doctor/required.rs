//! Whether everything that the CRM wants of a ticket is mapped: fields that it requires by
//! themselves, and fields that its rules demand of some records.
//!
//! Pure; may import: `targets::inspect`.

use super::finding::Finding;
use super::mapping::Mapped;
use crate::settings::TargetSettings;
use crate::targets::inspect::{
    FieldDefault, FieldInfo, Metadata, PossibleValues, RuleRequirement, field_named,
};

/// What is known when the mapping is judged.
struct Case<'a> {
    metadata: &'a Metadata,
    fields: &'a [FieldInfo],
    mapped: &'a [Mapped],
    /// Fields that the client sets itself, in every ticket.
    own_fields: Vec<&'a str>,
}

/// A finding for each field that is missing; one that says so where none is.
pub(super) fn all(
    metadata: &Metadata,
    fields: &[FieldInfo],
    mapped: &[Mapped],
    target: &TargetSettings,
) -> Vec<Finding> {
    let key = target.key_field().name();
    let own_fields = target.kind.own_fields.iter().copied().chain(key).collect();
    judge(&Case {
        metadata,
        fields,
        mapped,
        own_fields,
    })
}

fn judge(case: &Case<'_>) -> Vec<Finding> {
    let demanded = case.demanded();
    let mut findings = case.required();
    // What a rule refuses need not be doubted once more.
    findings.retain(|one| !demanded.iter().any(|other| other.field == one.field));
    findings.extend(demanded);
    if findings.is_empty() {
        findings.push(Finding::ok("required", "every required field is mapped"));
    }
    if case.metadata.rule_requirements.is_none() {
        findings.push(Finding::skipped(
            "required",
            format!(
                "whether {} want more fields cannot be read; --write meets those that concern the test ticket",
                case.metadata.sources.rules
            ),
        ));
    }
    findings
}

impl Case<'_> {
    /// Fields that are required by themselves.
    fn required(&self) -> Vec<Finding> {
        let is_missing = |field: &&FieldInfo| field.required && !self.is_set(&field.name, "create");
        let missing = self.fields.iter().filter(is_missing);
        missing.map(|field| self.unmapped(&field.name)).collect()
    }

    fn unmapped(&self, name: &str) -> Finding {
        let remedy = format!("map {name} in create, or give it a default in the CRM");
        let finding = if self.metadata.enforces_required {
            let message = format!("{name} is required and not mapped: every create is refused");
            Finding::error("required", message, remedy)
        } else {
            let message = format!(
                "{name} is mandatory and not mapped: the REST API opens the ticket without it, \
                 and people cannot save it on the form"
            );
            Finding::warning("required", message, remedy)
        };
        finding.about(name)
    }

    /// Fields that a rule of the CRM rule_requirements.
    fn demanded(&self) -> Vec<Finding> {
        let rule_requirements = self.metadata.rule_requirements.iter().flatten();
        let mut findings: Vec<Finding> = Vec::new();
        for finding in rule_requirements.filter_map(|demand| self.unmet(demand)) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }

    fn unmet(&self, demand: &RuleRequirement) -> Option<Finding> {
        let name = &demand.field;
        // What nobody may write, the CRM sets itself.
        let is_ours = field_named(self.fields, name).is_none_or(|field| field.createable);
        if !is_ours || self.is_set(name, "create") {
            return None;
        }
        let rule = &demand.rule;
        let error = |section: &str| {
            let message = format!(
                "{name} is not mapped, and the data policy {rule:?} rule_requirements it: every {section} is refused"
            );
            let remedy = format!("map {name} in {section}, or change the {rule}");
            Finding::error("required", message, remedy).about(name)
        };
        let is_resolving = self.mapped.iter().any(|one| one.section == "resolve");
        let resolving = demand.when.holds(&|field| self.possible(field, "resolve"));
        match demand.when.holds(&|field| self.possible(field, "create")) {
            Some(true) => Some(error("create")),
            _ if self.is_set(name, "resolve") => None,
            Some(false) if is_resolving && resolving == Some(true) => Some(error("resolve")),
            Some(false) => None,
            None => {
                let message = format!(
                    "{name} is not mapped, and the data policy {rule:?} rule_requirements it where {}",
                    demand.when.source()
                );
                let remedy =
                    format!("map {name} in create, unless no ticket of ours is such a one");
                Some(Finding::warning("required", message, remedy).about(name))
            }
        }
    }

    /// Whether a ticket has a value in `name` after `section` was written.
    fn is_set(&self, name: &str, section: &str) -> bool {
        let is_it = |other: &str| other.eq_ignore_ascii_case(name);
        let is_mapped =
            |one: &Mapped| (one.section == "create" || one.section == section) && is_it(&one.name);
        self.own_fields.iter().any(|own| is_it(own))
            || self.mapped.iter().any(is_mapped)
            || field_named(self.fields, name)
                .is_some_and(|field| field.default != FieldDefault::Nothing)
    }

    /// What `name` can hold in a ticket as `section` writes it.
    fn possible(&self, name: &str, section: &str) -> PossibleValues {
        let mapped = self
            .mapped
            .iter()
            .find(|one| one.section == section && one.name.eq_ignore_ascii_case(name));
        match (mapped, field_named(self.fields, name)) {
            (Some(mapped), _) => mapped.finite.then(|| mapped.samples.clone()),
            (None, Some(field)) if section == "create" => match &field.default {
                FieldDefault::Nothing => Some(vec![String::new()]),
                FieldDefault::Value(value) => Some(vec![value.clone()]),
                FieldDefault::Computed => None,
            },
            // People and rules of the CRM may have changed it since.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::servicenow::condition::EncodedCondition;

    fn field(name: &str, default: &str) -> FieldInfo {
        FieldInfo {
            name: name.to_owned(),
            default: match default {
                "" => FieldDefault::Nothing,
                value => FieldDefault::Value(value.to_owned()),
            },
            createable: true,
            ..FieldInfo::default()
        }
    }

    fn mapped(section: &'static str, name: &str, value: &str) -> Mapped {
        Mapped {
            section,
            name: name.to_owned(),
            samples: vec![value.to_owned()],
            finite: true,
            ..Mapped::default()
        }
    }

    /// The findings when `demanded` is demanded where `condition` holds; a new ticket has
    /// state 1, a resolved one state 6.
    fn found(demanded: &str, condition: &str) -> Vec<(crate::doctor::finding::Outcome, String)> {
        let metadata = Metadata {
            rule_requirements: Some(vec![RuleRequirement {
                rule: "P".to_owned(),
                field: demanded.to_owned(),
                when: Box::new(EncodedCondition::parse(condition)),
            }]),
            ..Metadata::default()
        };
        let fields = ["close_code", "u_site", "u_other"].map(|name| field(name, ""));
        let fields = [&fields[..], &[field("state", "1")]].concat();
        let mapping = [
            mapped("create", "short_description", "x"),
            mapped("resolve", "state", "6"),
            mapped("resolve", "close_code", "y"),
        ];
        let findings = judge(&Case {
            metadata: &metadata,
            fields: &fields,
            mapped: &mapping,
            own_fields: vec!["correlation_id"],
        });
        findings
            .into_iter()
            .map(|one| (one.result, one.message))
            .collect()
    }

    #[test]
    fn what_a_policy_demands_of_every_record_stops_every_create() {
        use crate::doctor::finding::Outcome::{Error, Ok, Warning};
        let result = |demanded, condition| found(demanded, condition)[0].0;
        assert_eq!(result("u_site", ""), Error);
        assert_eq!(result("u_site", "state=1"), Error);
        assert_eq!(result("short_description", ""), Ok);
        assert_eq!(result("state", ""), Ok);
        assert_eq!(result("correlation_id", ""), Ok);
        assert_eq!(result("u_site", "stateIN7,8"), Ok);
        assert_eq!(result("close_code", "stateIN6,7"), Ok);
        assert_eq!(result("u_site", "u_other=a"), Ok);
        assert_eq!(result("u_site", "u_unheard_of=a"), Warning);
        let (result, message) = found("u_site", "stateIN6,7")[0].clone();
        assert_eq!(result, Error);
        assert!(message.contains("every resolve"), "{message}");
    }
}
