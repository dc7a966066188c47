//! Whether what every ticket refers to is there: a group, a configuration item, a caller, an owner, a
//! record type.
//!
//! A value that depends on the event is not looked up.

use super::finding::Finding;
use super::mapping::Mapped;
use super::target::{refused, within};
use crate::targets::Inspect;
use crate::targets::inspect::{FieldInfo, Reference, field_named};

/// A finding for each constant in `mapped` that stands for a record. `fields` is what is known of
/// the fields of the object.
pub(super) async fn all(
    crm: &dyn Inspect,
    fields: Option<&[FieldInfo]>,
    mapped: &[Mapped],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in mapped.iter().filter(|one| one.finite) {
        let known = field_named(fields.unwrap_or_default(), &one.name).cloned();
        let field = known.unwrap_or_else(|| FieldInfo {
            name: one.name.clone(),
            ..FieldInfo::default()
        });
        for text in one.samples.iter().filter(|text| !text.is_empty()) {
            let found = match within(crm.reference(&field, text)).await {
                Ok(reference) => judge(one, reference),
                Err(failure) => Some(refused("reference", &failure)),
            };
            findings.extend(found.map(|finding| finding.about(&one.name)));
        }
    }
    findings
}

fn judge(mapped: &Mapped, reference: Reference) -> Option<Finding> {
    let place = mapped.place();
    let remedy = format!("correct {place}, or correct the record in the CRM");
    Some(match reference {
        Reference::Found(which) => Finding::ok("reference", format!("{place}: {which}")),
        Reference::Inactive(why) => {
            Finding::warning("reference", format!("{place}: {why}"), remedy)
        }
        Reference::Missing(why) => Finding::error("reference", format!("{place}: {why}"), remedy),
        Reference::Unreadable(what) => Finding::warning(
            "reference",
            format!("{place} could not be looked up: our user may not read {what}"),
            format!("give the user read access to {what}, or look with --write"),
        ),
        Reference::NotLookedUp => return None,
    })
}
