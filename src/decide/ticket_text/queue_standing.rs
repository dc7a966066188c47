//! How a queue stands, by Genesys Cloud's answer, in the values that a ticket is written from.

use serde_json::json;

use crate::domain::enrichment::Standing;
use crate::rules::TemplateContext;

/// The queue that the values are about.
pub(in crate::decide) fn queue_of(context: &TemplateContext) -> Option<&str> {
    context.get("queue_id")?.as_str()
}

const STANDING_NAMES: [&str; 3] = ["waiting_now", "agents_now", "standing"];

/// The values of `context` about how the queue stands.
pub(super) fn standing_in(context: &TemplateContext) -> TemplateContext {
    let known = STANDING_NAMES.into_iter().filter_map(|name| {
        let value = context.get(name)?;
        Some((name.to_owned(), value.clone()))
    });
    known.collect()
}

/// Adds how the queue stands: `waiting_now` and `agents_now` for templates, and a sentence for the
/// description.
pub(in crate::decide) fn add_standing(context: &mut TemplateContext, standing: Standing) {
    if let Some(waiting) = standing.waiting {
        context.insert("waiting_now".to_owned(), json!(waiting));
    }
    if let Some(agents) = standing.agents {
        context.insert("agents_now".to_owned(), json!(agents));
    }
    if let Some(sentence) = standing.sentence() {
        context.insert("standing".to_owned(), json!(sentence));
    }
}
