//! `[sources.NAME.map]`: where a custom format keeps what.

use std::collections::BTreeMap;

use config::ValueKind;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::values::{one_of, some};
use crate::domain::signal::FIELD_NAMES;
use crate::normalise::{CustomMap, CustomMetric, NotAPointer, Pointer, Pointers, Unit};

/// The table `map` of a source with a custom format.
pub(super) fn map(source: &Section<'_>) -> Option<CustomMap> {
    if !source.is_set("map") {
        source.entry("map");
        return source.missing("map");
    }
    let section = source.child("map")?;
    let event_id = section.optional("event_id", pointers);
    let event_type = section.optional("event_type", pointers);
    let timestamp = section.optional("timestamp", pointers);
    let fields: Vec<_> = FIELD_NAMES
        .iter()
        .filter_map(|name| Some((*name, section.entry(name)?)))
        .map(|(name, entry)| Some((name, entry.read(pointers)?)))
        .collect();
    let metrics = metrics(&section);
    let labels = labels(&section);
    section.finish();
    Some(CustomMap {
        event_id: event_id?,
        event_type: event_type?.unwrap_or_default(),
        timestamp: timestamp?,
        fields: fields.into_iter().collect::<Option<_>>()?,
        metrics: metrics?,
        labels: labels?,
    })
}

fn labels(section: &Section<'_>) -> Option<BTreeMap<String, Pointers>> {
    let entries = section.child("labels")?.named_entries();
    let read: Vec<_> = entries
        .into_iter()
        .map(|(name, entry)| Some((name, entry.read(pointers)?)))
        .collect();
    read.into_iter().collect()
}

fn metrics(section: &Section<'_>) -> Option<BTreeMap<String, CustomMetric>> {
    let entries = section.child("metrics")?.named_entries();
    let read: Vec<_> = entries
        .into_iter()
        .map(|(name, entry)| Some((name, metric(&entry.section()?)?)))
        .collect();
    read.into_iter().collect()
}

/// One metric: a pointer for each statistic, and the unit that all of them are in.
fn metric(section: &Section<'_>) -> Option<CustomMetric> {
    const UNITS: &[(&str, Unit)] = &[
        ("s", Unit::Seconds),
        ("ms", Unit::Milliseconds),
        ("none", Unit::None),
    ];
    let unit = section.or("unit", "none", one_of(UNITS));
    let read: Vec<_> = section
        .named_entries()
        .into_iter()
        .filter(|(name, _)| name != "unit")
        .map(|(name, entry)| Some((name, entry.read(pointers)?)))
        .collect();
    if read.is_empty() {
        let reason = "names no statistic; write for example avg = \"/path/to/average\"";
        section
            .walk
            .problem(&section.path, reason.into(), section.origin("unit"));
    }
    Some(CustomMetric {
        statistics: read.into_iter().collect::<Option<_>>()?,
        unit: unit?,
    })
}

/// One pointer, or several of which the first that leads somewhere counts.
fn pointers(entry: &Entry<'_>) -> Result<Pointers, Fault> {
    match &entry.value.kind {
        ValueKind::Array(_) => some(pointer)(entry),
        _ => Ok(vec![pointer(entry)?]),
    }
}

fn pointer(entry: &Entry<'_>) -> Result<Pointer, Fault> {
    let text = entry.text()?;
    text.parse().map_err(|error: NotAPointer| {
        let dotted = matches!(error, NotAPointer::NoSlash(_));
        let suggestion = dotted.then(|| format!("/{}", text.replace('.', "/")));
        Fault::suggesting(error.to_string(), suggestion)
    })
}
