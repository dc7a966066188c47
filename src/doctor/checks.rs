//! What the CRM's metadata says about the mapping: pure, from plain data to findings.

use super::finding::Finding;
use super::mapping::Mapped;
use super::required;
use super::values::fits;
use crate::settings::{KeyField, TargetSettings};
use crate::targets::inspect::{ApiVersions, FieldInfo, Metadata, Permission, field_named};

/// Characters of our key: `rd-` and a UUID.
const KEY_LENGTH: usize = 39;

/// Whether the configured version is on offer.
pub(super) fn version(api: &ApiVersions) -> Finding {
    let used = &api.used;
    if api.offered.is_empty() || api.offered.contains(used) {
        return Finding::ok("api_version", format!("the API answers in version {used}"));
    }
    let newest = api.offered.last().map_or("none", String::as_str);
    Finding::error(
        "api_version",
        format!("the CRM does not offer version {used}; its newest is {newest}"),
        format!("set api_version to {newest} or another version that it offers"),
    )
}

/// All findings about permissions and fields.
pub(super) fn all(metadata: &Metadata, mapped: &[Mapped], target: &TargetSettings) -> Vec<Finding> {
    let key = target.key_field();
    let mut findings = permissions(metadata);
    let Some(fields) = &metadata.fields else {
        findings.push(Finding::warning(
            "field",
            format!(
                "our user may not read the description of {}, so no field could be checked",
                metadata.object
            ),
            format!(
                "give the user read access to {}, or look with --write",
                metadata.sources.fields
            ),
        ));
        findings.extend(key.name().map(|name| unread_key(metadata, name)));
        return findings;
    };
    for one in mapped {
        findings.extend(mapped_field(metadata, fields, one));
    }
    findings.extend(required::all(metadata, fields, mapped, target));
    findings.push(key_field(metadata, fields, key));
    findings
}

fn permissions(metadata: &Metadata) -> Vec<Finding> {
    let object = &metadata.object;
    let judge = |check, verb: &str, right: &Permission| {
        let remedy = format!(
            "give the integration user the right to {verb} {object}, with a permission set or a role"
        );
        match right {
            Permission::Granted => {
                Finding::ok(check, format!("our user may {verb} {object} records"))
            }
            Permission::Denied(why) => Finding::error(
                check,
                format!("our user may not {verb} {object} records: {why}"),
                remedy,
            ),
            Permission::Doubtful(why) => Finding::warning(
                check,
                format!("our user can hardly {verb} {object} records: {why}"),
                format!("{remedy}; --write tries it"),
            ),
            Permission::Unknown => Finding::skipped(
                check,
                format!(
                    "whether our user may {verb} {object} records cannot be read; --write tries it"
                ),
            ),
        }
    };
    vec![
        judge("create_permission", "create", &metadata.createable),
        judge("update_permission", "update", &metadata.updateable),
    ]
}

/// What makes the list of fields complete.
fn read_all(metadata: &Metadata) -> String {
    let sources = metadata.sources.all_fields;
    format!("to be sure, give the user read access to {sources}")
}

const fn is_refused(right: &Permission) -> bool {
    matches!(right, Permission::Denied(_))
}

fn mapped_field(metadata: &Metadata, fields: &[FieldInfo], mapped: &Mapped) -> Vec<Finding> {
    let (name, object) = (&mapped.name, &metadata.object);
    let Some(field) = field_named(fields, name) else {
        let finding = if metadata.complete {
            Finding::error(
                "field",
                format!("{object} has no field {name}, or it is hidden from our user"),
                format!(
                    "correct the name in {}, or give the user field access to {name}",
                    mapped.place()
                ),
            )
        } else {
            Finding::warning(
                "field",
                format!("{object} has no field {name} in what our user may read of it"),
                format!(
                    "look at the name in {}; {}",
                    mapped.place(),
                    read_all(metadata)
                ),
            )
        };
        return vec![finding.about(name)];
    };
    let (may, verb) = if mapped.section == "create" {
        (field.createable, "set when a ticket is created")
    } else {
        (field.updateable, "changed on an open ticket")
    };
    // Without the right to the object every field is read-only; that is said once.
    let object_allows = !is_refused(&metadata.createable) && !is_refused(&metadata.updateable);
    let mut findings = Vec::new();
    if may || !object_allows {
        findings.push(Finding::ok("field", format!("{} exists", mapped.place())).about(name));
    } else {
        findings.push(
            Finding::error(
                "field",
                format!("{name} is read-only for our user: it cannot be {verb}"),
                format!(
                    "give the user edit access to {name}, or remove {}",
                    mapped.place()
                ),
            )
            .about(name),
        );
    }
    if let Some(problem) = &mapped.problem {
        findings.push(unrendered(mapped, problem));
    }
    findings.extend(length(field, mapped));
    findings.extend(fits(field, mapped));
    findings
}

fn unrendered(mapped: &Mapped, problem: &str) -> Finding {
    Finding::warning(
        "template",
        format!("{} cannot be written for the sample signal: {problem}", mapped.place()),
        "give the template an alternative: {{ name or 'unknown' }}; without one such an event goes to review",
    )
    .about(&mapped.name)
}

/// Too long for certain by its constant parts, or too long for the sample.
fn length(field: &FieldInfo, mapped: &Mapped) -> Option<Finding> {
    let room = field.length.filter(|_| field.values.is_none())?;
    let name = &mapped.name;
    let remedy = format!("lengthen {name} in the CRM, or shorten {}", mapped.place());
    let longest = mapped
        .samples
        .iter()
        .map(|text| text.encode_utf16().count())
        .max();
    let longest = longest.unwrap_or(0);
    let finding = if mapped.constant > room {
        let message = format!(
            "{name} holds {room} characters, and the constant part of its template alone has {}",
            mapped.constant
        );
        Finding::error("length", message, remedy)
    } else if longest > room {
        let message =
            format!("{name} holds {room} characters; the sample signal's text has {longest}");
        Finding::error("length", message, remedy)
    } else {
        let message = format!("{longest} of {room} characters with the sample signal");
        Finding::ok("length", message)
    };
    Some(finding.about(name))
}

fn key_field(metadata: &Metadata, fields: &[FieldInfo], key: KeyField<'_>) -> Finding {
    let name = match key {
        KeyField::Unique(name) | KeyField::OrRecordId(name) => name,
        KeyField::InTitle { warning, remedy } => {
            return Finding::warning("key_field", warning, remedy);
        }
    };
    let Some(field) = field_named(fields, name) else {
        if !metadata.complete {
            return unread_key(metadata, name);
        }
        return Finding::error(
            "key_field",
            format!("{} has no field {name}, or it is hidden from our user", metadata.object),
            format!("create {name} as a text field that is an external id and unique, and give the user access"),
        )
        .about(name);
    };
    judge_key(metadata, field, key).about(name)
}

fn judge_key(metadata: &Metadata, field: &FieldInfo, key: KeyField<'_>) -> Finding {
    let name = &field.name;
    if field.external_id == Some(false) {
        return Finding::error(
            "key_field",
            format!("{name} is not an external id, so tickets cannot be upserted by it"),
            format!("tick \"External ID\" and \"Unique\" in the definition of {name}"),
        );
    }
    if field.length.is_some_and(|room| room < KEY_LENGTH) {
        return Finding::error(
            "key_field",
            format!("{name} is too short: a key has {KEY_LENGTH} characters"),
            format!("lengthen {name} to {KEY_LENGTH} characters or more"),
        );
    }
    if !field.createable && !is_refused(&metadata.createable) {
        return Finding::error(
            "key_field",
            format!("{name} is read-only for our user, so no ticket could be found again"),
            format!("give the user edit access to {name}"),
        );
    }
    match (key, field.unique) {
        (_, Some(true)) => Finding::ok("key_field", format!("{name} is unique")),
        (KeyField::OrRecordId(_), None) => unread_key(metadata, name),
        (KeyField::Unique(_), _) => Finding::error(
            "key_field",
            format!("{name} is not unique: the CRM would let two tickets carry one key"),
            format!("tick \"Unique\" in the definition of {name}"),
        ),
        _ => not_unique(metadata, name),
    }
}

/// Where our user may not read whether the key's field is there and unique, nothing is claimed
/// of it: it is in every instance, and may be unique.
fn unread_key(metadata: &Metadata, name: &str) -> Finding {
    let setting = metadata.sources.chosen_ids_setting;
    let finding = match metadata.chosen_ids {
        Some(true) => Finding::ok(
            "key_field",
            format!(
                "whether {name} is unique cannot be read, and it need not be: the record ids that Ringdown chooses refuse a second ticket"
            ),
        ),
        Some(false) => Finding::warning(
            "key_field",
            format!(
                "whether {name} is unique cannot be read, and {setting} forbids chosen record ids: unless it is, only our look-up stands before a second ticket"
            ),
            format!("{}; or set that property to false", read_all(metadata)),
        ),
        None => Finding::warning(
            "key_field",
            format!(
                "neither whether {name} is unique nor whether the instance takes chosen record ids can be read; one of them is what refuses a second ticket"
            ),
            format!(
                "{} and to {}",
                read_all(metadata),
                metadata.sources.chosen_ids
            ),
        ),
    };
    finding.about(name)
}

/// Where the key's field is not unique, the record's id must be: it is the only other thing
/// that lets the CRM itself refuse a second ticket.
fn not_unique(metadata: &Metadata, name: &str) -> Finding {
    let setting = metadata.sources.chosen_ids_setting;
    let remedy =
        format!("make {name} unique if no other integration uses it, or set {setting} to false");
    match metadata.chosen_ids {
        Some(true) => Finding::ok(
            "key_field",
            format!(
                "{name} is not unique, and need not be: the record ids that Ringdown chooses refuse a second ticket"
            ),
        ),
        Some(false) => Finding::error(
            "key_field",
            format!(
                "{name} is not unique, and {setting} forbids chosen record ids: nothing in the CRM refuses a second ticket, only our look-up stands before it"
            ),
            remedy,
        ),
        None => Finding::warning(
            "key_field",
            format!(
                "{name} is not unique, and whether the instance takes chosen record ids, which refuse a second ticket, cannot be read"
            ),
            remedy,
        ),
    }
}
