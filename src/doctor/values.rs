//! Whether what a template gives is one of the values that the CRM lists.
//!
//! Pure; may import: `targets::inspect`.

use super::finding::Finding;
use super::mapping::Mapped;
use crate::targets::inspect::{FieldInfo, UnlistedValues};

/// Most values that a message lists.
const MAX_LISTED: usize = 12;

/// One finding for a field with listed values; none for another one.
pub(super) fn fits(field: &FieldInfo, mapped: &Mapped) -> Option<Finding> {
    let values = field.values.as_ref()?;
    let name = &mapped.name;
    let strange: Vec<String> = mapped
        .samples
        .iter()
        .filter(|text| !values.active.contains(text))
        .map(|text| format!("{text:?}"))
        .collect();
    if strange.is_empty() {
        return Some(Finding::ok("values", "every value is in the list").about(name));
    }
    let consequence = match values.unlisted {
        UnlistedValues::Refused => "the CRM refuses such a ticket",
        UnlistedValues::Dropped => "the CRM drops it without a word",
        UnlistedValues::Stored => "the CRM stores it and nothing goes by it",
    };
    let message = format!(
        "{} is not a value of {name}: {consequence}",
        strange.join(", ")
    );
    let listed: Vec<&str> = values
        .active
        .iter()
        .take(MAX_LISTED)
        .map(String::as_str)
        .collect();
    let more = if values.active.len() > MAX_LISTED {
        ", …"
    } else {
        ""
    };
    let remedy = format!(
        "use in {} one of: {}{more}",
        mapped.place(),
        listed.join(", ")
    );
    let finding = if mapped.finite {
        Finding::error("values", message, remedy)
    } else {
        Finding::warning(
            "values",
            format!("{message} (with the sample signal)"),
            remedy,
        )
    };
    Some(finding.about(name))
}
