//! The text of a flood's ticket.

use std::fmt::Write;

use serde_json::json;

use super::outage_report::ENTITY_NAMES;
use crate::domain::flood::{FloodPolicy, FloodTotals};
use crate::domain::incident::Incident;
use crate::rules::TemplateContext;

/// The template value that holds the title and the text of a flood's ticket.
pub(super) const CONTEXT: &str = "flood";
/// Keys that the ticket names; the others are counted.
const MAX_KEYS: usize = 10;

/// Makes `context`, the values of the first key beyond the limit, those of the flood's ticket.
pub(in crate::decide) fn describe(
    context: &mut TemplateContext,
    source: &str,
    policy: &FloodPolicy,
    incident: &Incident,
    held: &[String],
) {
    let tally = incident.flood.unwrap_or_default();
    let title = format!("flood from source {source}: {} keys", tally.held);
    for entity in ENTITY_NAMES {
        if context.contains_key(entity) {
            context.insert(entity.to_owned(), json!(title));
        }
    }
    let mut text = format!(
        "Source {source} began more than {} incidents within a minute \
         (sources.{source}.max_new_incidents). What is beyond that has no ticket of its own:{}\n\
         `ringdown incidents release --source {source}` opens a ticket for each key that still \
         breaches, `ringdown incidents discard --source {source}` closes them without one. Keys \
         that clear are closed by themselves.",
        policy.per_minute,
        totals(&tally)
    );
    for key in held.iter().take(MAX_KEYS) {
        let _ = write!(text, "\n- {key}");
    }
    if held.len() > MAX_KEYS {
        let _ = write!(text, "\n… and {} more.", held.len() - MAX_KEYS);
    }
    let flood = json!({"title": title, "text": text});
    context.insert(CONTEXT.to_owned(), flood);
}

/// The totals that the description and every comment of a flood's ticket end with.
pub(super) fn totals(tally: &FloodTotals) -> String {
    let mut text = format!(" {} keys have been held so far.", tally.held);
    if tally.counted > 0 {
        let _ = write!(
            text,
            " {} more breaches were only counted; their keys begin when they breach again.",
            tally.counted
        );
    }
    text
}
