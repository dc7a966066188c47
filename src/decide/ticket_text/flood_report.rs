//! What a flood's ticket says. No I/O.

use std::fmt::Write;

use serde_json::json;

use super::outage_report::ENTITY_NAMES;
use crate::decide::known::Kept;
use crate::domain::flood::{FloodPolicy, FloodTally};
use crate::domain::incident::Incident;

/// The name in a ticket's context under which it says what a flood is.
pub(in crate::decide) const CONTEXT: &str = "flood";
/// Keys that the ticket names.
const KEYS_SHOWN: usize = 10;

/// What the flood's ticket is written from: what `kept`, the first key beyond the limit, is
/// written from, with the flood in its place.
pub(in crate::decide) fn describe(
    mut kept: Kept,
    source: &str,
    policy: &FloodPolicy,
    incident: &Incident,
    held: &[String],
) -> Kept {
    let tally = incident.flood.unwrap_or_default();
    let title = format!("flood from source {source}: {} keys", tally.held);
    for entity in ENTITY_NAMES {
        if kept.context.contains_key(entity) {
            kept.context.insert(entity.to_owned(), json!(title));
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
    for key in held.iter().take(KEYS_SHOWN) {
        let _ = write!(text, "\n- {key}");
    }
    if held.len() > KEYS_SHOWN {
        let _ = write!(text, "\n… and {} more.", held.len() - KEYS_SHOWN);
    }
    let flood = json!({"title": title, "text": text});
    kept.context.insert(CONTEXT.to_owned(), flood);
    kept.begun_by = source.to_owned();
    kept
}

/// The totals that everything on a flood's ticket tells.
pub(in crate::decide) fn totals(tally: &FloodTally) -> String {
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
